from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_lstm.corpora.splitting import hold_out
from nlp_lstm.errors import DataError, UsageError
from nlp_lstm.records.examples import Example


def made(**counts: int) -> list[Example]:
    """Return that many different texts of each label, mixed."""
    examples = [Example(f"{label} {place}", label) for label, n in counts.items() for place in range(n)]
    return sorted(examples, key=lambda example: (example.text.rpartition(" ")[2], example.label))


EXAMPLES = st.lists(
    st.builds(
        Example,
        st.sampled_from([*"abcdefghijklmnop", " a", "b "]),
        st.sampled_from(["x", "y", "z", None]),
    ),
    max_size=30,
)


def test_each_label_gives_its_share():
    rest, held = hold_out(made(a=100, b=50, c=10), fraction=0.1, seed=3)
    assert Counter(example.label for example in held) == {"a": 10, "b": 5, "c": 1}
    assert len(rest) == 144


def test_the_sum_is_right_where_the_shares_have_fractions():
    held = hold_out(made(a=15, b=15, c=15), fraction=0.1, seed=3)[1]
    assert sorted(Counter(example.label for example in held).values()) == [1, 1, 2]


def test_the_same_seed_gives_the_same_parts_and_another_seed_others():
    examples = made(a=30, b=20)
    first, second, other = (hold_out(examples, fraction=0.2, seed=seed)[1] for seed in (1, 1, 2))
    assert first == second != other


def test_the_choice_is_fixed_for_all_machines():
    held = hold_out(made(a=6, b=6), fraction=0.34, seed=7)[1]
    assert [example.text for example in held] == ["a 0", "b 2", "b 3", "a 4"]


def test_both_parts_keep_the_order():
    examples = made(a=30, b=20)
    places = {example: place for place, example in enumerate(examples)}
    for part in hold_out(examples, fraction=0.3, seed=5):
        assert [places[example] for example in part] == sorted(places[example] for example in part)


@given(EXAMPLES, st.floats(0.01, 0.99), st.integers(0, 3))
def test_nothing_is_lost_no_part_is_empty_and_no_text_is_on_both_sides(examples, fraction, seed):
    if len({example.text.strip() for example in examples}) < 2:
        with pytest.raises(DataError, match="too few examples to hold some out"):
            hold_out(examples, fraction=fraction, seed=seed)
        return
    try:
        rest, held = hold_out(examples, fraction=fraction, seed=seed)
    except DataError:
        texts = {example.text.strip(): example.label for example in reversed(examples)}
        assert max(Counter(texts.values()).values()) == 1  # no label has a text to give
        return
    assert rest and held
    assert Counter(rest) + Counter(held) == Counter(examples)
    assert not {example.text.strip() for example in rest} & {example.text.strip() for example in held}


@pytest.mark.parametrize("fraction", [0.01, 0.5, 0.99])
def test_two_examples_give_one_to_each_side(fraction):
    rest, held = hold_out(made(a=2), fraction=fraction, seed=0)
    assert (len(rest), len(held)) == (1, 1)


def test_labels_of_one_text_each_have_none_to_give():
    with pytest.raises(DataError, match="every label has one text only"):
        hold_out(made(a=1, b=1, c=1), fraction=0.5, seed=0)


def test_a_label_with_one_text_stays_in_the_rest():
    rest, held = hold_out(made(a=20, b=1), fraction=0.5, seed=0)
    assert {example.label for example in held} == {"a"}
    assert {example.label for example in rest} == {"a", "b"}


def test_a_text_with_two_labels_stays_together():
    examples = [Example("same", "a"), *made(a=4, b=4), Example(" same", "b"), Example("same", "b")]
    for seed in range(20):
        sides = [{"same" in example.text for example in part} for part in hold_out(examples, fraction=0.4, seed=seed)]
        assert sum(True in side for side in sides) == 1


def test_too_few_texts_are_refused_by_the_name_of_their_file():
    with pytest.raises(DataError) as caught:
        hold_out([Example("one", "a", "a.csv", 2), Example("one ", "a", "a.csv", 3)], fraction=0.5, seed=0)
    assert str(caught.value) == ("a.csv: too few examples to hold some out; expected at least two different texts")
    with pytest.raises(DataError, match="the examples: too few"):
        hold_out([], fraction=0.5, seed=0)


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, float("nan")])
def test_a_fraction_outside_0_and_1_is_refused(fraction):
    with pytest.raises(UsageError, match="expected a number between 0 and 1"):
        hold_out(made(a=4), fraction=fraction, seed=0)
