"""A pipeline runs its stages in order, and is refused when it is built if they do not fit."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from nlp_lstm import Pipeline, stages
from nlp_lstm.errors import UsageError
from nlp_lstm.stages.training import TRAINING


@dataclass(frozen=True)
class Step:
    """A stage that notes its name on a record, a list of names."""

    name: str
    requires: tuple[str, ...] = ()
    provides: tuple[str, ...] = ()

    def __call__(self, record: list[str]) -> list[str]:
        return [*record, self.name]


def test_stages_run_in_order_each_on_what_the_one_before_gave():
    chain = Pipeline([Step("a", (), ("x",)), Step("b", ("x",), ("y",)), Step("c", ("x", "y"))])
    assert chain([]) == ["a", "b", "c"]
    assert chain(["before"]) == ["before", "a", "b", "c"]


def test_no_stages_change_nothing():
    assert Pipeline([])(["record"]) == ["record"]


def test_every_unmet_requirement_is_told_at_once():
    with pytest.raises(UsageError) as caught:
        Pipeline([Step("first", ("z", "late")), Step("second", ("x",), ("late",)), Step("third", ("late", "x"))])
    assert str(caught.value).split("\n") == [
        "the stages do not fit: 4 problems",
        "  first requires late, which second provides only later",
        "  first requires z, which no stage provides",
        "  second requires x, which no stage provides",
        "  third requires x, which no stage provides",
    ]


def test_a_stage_does_not_provide_for_itself():
    with pytest.raises(UsageError, match="alone requires x"):
        Pipeline([Step("alone", ("x",), ("x",))])


def test_what_is_given_need_not_be_provided():
    assert Pipeline([Step("a", ("x",))], given=["x"])([]) == ["a"]


def test_an_error_of_a_stage_passes_through():
    class Failing(Step):
        def __call__(self, record):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Pipeline([Step("a"), Failing("b")])([])


def test_the_training_stages_fit_and_no_two_can_change_places():
    Pipeline(TRAINING)
    for i in range(len(TRAINING) - 1):
        swapped = list(TRAINING)
        swapped[i], swapped[i + 1] = swapped[i + 1], swapped[i]
        with pytest.raises(UsageError, match="provides only later"):
            Pipeline(swapped)


def test_without_one_of_the_training_stages_the_rest_do_not_fit():
    for left_out in TRAINING[:-1]:
        with pytest.raises(UsageError, match="which no stage provides"):
            Pipeline([stage for stage in TRAINING if stage is not left_out])


def test_a_forgotten_stage_is_told_in_full():
    with pytest.raises(UsageError, match=r"^the stages do not fit: split requires splits, which no stage provides$"):
        Pipeline([stages.Split()])
