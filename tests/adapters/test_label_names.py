"""Labels of any kind as strings, and back."""

from __future__ import annotations

import numpy as np
import pytest

from nlp_lstm.adapters.label_names import LabelNames


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (["b", "a", "b"], ("a", "b")),
        ([10, 9, -1], ("-1", "9", "10")),
        ([True, False], ("False", "True")),
        ([0.5, 2.0], ("0.5", "2.0")),
        ([("b", 1), ("a", 2)], ("('a', 2)", "('b', 1)")),
        ([np.int64(3), np.int64(2)], ("2", "3")),
        ([None, "None"], ("'None'", "None")),  # both print alike
        (["", "a"], ("", "a")),
    ],
)
def test_every_label_has_a_name_and_comes_back_from_it(labels, names):
    found = LabelNames.of(labels)
    assert found.names == names
    assert set(found.labels) == set(labels)
    for label in labels:
        back = found.label(found.name(label))
        assert back == label and type(back) is type(label)


@pytest.mark.parametrize("labels", [["b", "a"], [3, 1, 2], [True, False], [0.5, 0.25]])
def test_classes_are_what_numpy_makes_of_them(labels):
    classes = LabelNames.of(labels).classes
    expected = np.unique(np.array(labels))
    assert classes.dtype == expected.dtype and classes.tolist() == expected.tolist()


@pytest.mark.parametrize("labels", [[("b", 1), ("a", 2)], [None, "a"], [1, "a"]])
def test_classes_of_other_kinds_stay_the_objects_they_are(labels):
    classes = LabelNames.of(labels).classes
    assert classes.dtype == object and classes.shape == (2,)
    assert set(classes) == set(labels)


def test_the_order_does_not_hang_on_the_order_of_the_examples():
    for labels in ([2, 1, 3], ["x", 1, None], [("b", 1), ("a", 2)]):
        assert LabelNames.of(labels) == LabelNames.of(labels[::-1])


def test_a_strange_label_gets_a_name_that_none_has():
    found = LabelNames.of([1, 2])
    assert found.name("1") not in found.names
    assert found.name("never") == "never"
    assert found.label("I-NEW") == "I-NEW"


def test_a_label_that_cannot_be_hashed_is_refused():
    with pytest.raises(TypeError, match=r"label 2: expected something hashable, found list"):
        LabelNames.of(["a", ["b"]])


def test_a_label_that_is_not_a_number_is_refused():
    with pytest.raises(ValueError, match=r"label 3 is not a number"):
        LabelNames.of([1.0, 2.0, float("nan")])


class Twin:
    def __repr__(self):
        return "twin"


def test_labels_that_cannot_be_told_apart_are_refused():
    with pytest.raises(ValueError, match=r"both read twin"):
        LabelNames.of([Twin(), Twin()])
