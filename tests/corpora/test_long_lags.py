"""Made sequences are what the paper says they are, and an answer is right when it says so."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from nlp_lstm.corpora.long_lags import Adding, EmbeddedReber, Recall

GRAPH = {
    **{("start", "B"): "one", ("one", "T"): "two", ("one", "P"): "three", ("two", "S"): "two", ("two", "X"): "four"},
    **{("three", "T"): "three", ("three", "V"): "five", ("four", "X"): "three", ("four", "S"): "six"},
    **{("five", "P"): "four", ("five", "V"): "six", ("six", "E"): "end"},
}
"""Reber's grammar, drawn anew."""


def walk(inner: str) -> list[set[str]] | None:
    """Return what might have come at each place of a Reber string, or None if it is none."""
    state, found = "start", []
    for symbol in inner:
        found.append({each for place, each in GRAPH if place == state})
        if (state, symbol) not in GRAPH:
            return None
        state = GRAPH[state, symbol]
    return found if state == "end" else None


def strings(n: int) -> list:
    return [EmbeddedReber().make(np.random.default_rng(seed)) for seed in range(n)]


def spelled(made) -> str:
    """Return a whole string: what is read, and the last symbol foreseen."""
    names = EmbeddedReber.symbols
    return "".join(names[number] for number in [*made.inputs, made.targets[-1]])


@pytest.fixture(scope="module")
def added():
    return [Adding(40).make(np.random.default_rng(seed)) for seed in range(3000)]


def test_a_sum_is_that_of_the_two_marked_numbers(added):
    for made in added:
        numbers, markers = made.inputs.T.astype(float)
        marked = [number for number, marker in zip(numbers, markers, strict=True) if marker == 1]
        assert made.targets[0, 0] == pytest.approx(0.5 + sum(marked) / 4, abs=1e-6)
        assert markers[0] == markers[-1] == -1
        assert len(marked) == 2 or len(marked) == 1  # the first pair keeps its -1
        assert set(markers[1:-1]) <= {0.0, 1.0}
        assert numbers.min() >= -1 and numbers.max() <= 1
        assert made.asked.tolist() == [False] * (len(made.inputs) - 1) + [True]


def test_lengths_and_markers_are_spread_as_in_the_paper(added):
    lengths = Counter(len(made.inputs) for made in added)
    assert set(lengths) == set(range(40, 45)) and min(lengths.values()) > 500
    places = [np.flatnonzero(made.inputs[:, 1] == 1).tolist() for made in added]
    assert {place for pair in places for place in pair} == set(range(1, 20))  # of the first 19 unmarked ones and itself
    single = sum(len(pair) == 1 for pair in places) / len(places)
    # the first mark meets the first pair in 1 of 10, the second in 1 of 19 of the rest; 6 standard deviations are 0.04
    assert single == pytest.approx(0.1 + 0.9 / 19, abs=0.04)
    assert all(min(pair) < 10 for pair in places if len(pair) == 2)


def test_the_numbers_are_uniform(added):
    numbers = np.concatenate([made.inputs[:, 0] for made in added])  # some 120,000
    assert abs(numbers.mean()) < 0.01 and numbers.var() == pytest.approx(1 / 3, abs=0.005)


def test_a_sum_is_right_that_is_less_than_four_hundredths_off():
    made = Adding(20).make(np.random.default_rng(1))
    target = float(made.targets[0, 0])
    offs = {0.0: True, 0.039: True, -0.039: True, 0.041: False, -0.041: False, 1.0: False}
    assert {off: Adding(20).is_right(np.array([[target + off]]), made) for off in offs} == offs


def test_every_string_is_one_of_the_grammar_between_two_equal_symbols():
    for made in strings(500):
        string = spelled(made)
        assert string[0] == "B" and string[-1] == "E" and string[1] == string[-2] in "TP"
        assert walk(string[2:-2]) is not None, string
        assert made.asked.all() and np.array_equal(made.inputs[1:], made.targets[:-1])


def test_what_may_come_is_what_the_grammar_says():
    for made in strings(200):
        string = spelled(made)
        expected = [{"T", "P"}, *walk(string[2:-2]), {string[1]}, {"E"}]
        found = [{EmbeddedReber.symbols[place] for place in np.flatnonzero(row)} for row in made.legal]
        assert found == expected


def test_each_way_is_taken_half_of_the_time():
    made = strings(2000)
    taken = Counter(spelled(each)[1:4] for each in made)
    assert set(taken) == {f"{kind}B{way}" for kind in "TP" for way in "TP"}
    assert all(abs(count - 500) < 120 for count in taken.values())  # six standard deviations
    lengths = [len(spelled(each)) for each in made]
    assert min(lengths) == 9 and np.mean(lengths) == pytest.approx(12, abs=0.5)


def test_a_string_is_right_when_all_that_may_come_stands_above_all_else_at_every_step():
    made = strings(1)[0]
    right = np.where(made.legal, 0.1, 0.0)
    reber = EmbeddedReber()
    assert reber.is_right(right, made)
    for step in range(len(made.legal)):
        wrong = right.copy()
        wrong[step, np.flatnonzero(~made.legal[step])[0]] = 0.1  # as high as what may come
        assert not reber.is_right(wrong, made)
    both = next(step for step in range(len(made.legal)) if made.legal[step].sum() == 2)
    lacking = right.copy()
    lacking[both, np.flatnonzero(made.legal[both])[0]] = -1.0
    assert not reber.is_right(lacking, made)


def test_recall_has_two_sequences_of_all_symbols_as_likely_as_each_other():
    made = [Recall(7).make(np.random.default_rng(seed)) for seed in range(400)]
    firsts = Counter(int(each.inputs[0]) for each in made)
    assert set(firsts) == {0, 1} and abs(firsts[0] - 200) < 60
    for each in made:
        assert each.inputs[1:].tolist() == [2, 3, 4, 5, 6, 7] and len(Recall(7).symbols) == 8 == Recall(7).input_size
        assert each.asked.tolist() == [False] * 6 + [True] and each.targets.tolist() == [each.inputs[0]]


def test_a_recalled_symbol_is_right_when_no_probability_is_a_quarter_off():
    made = Recall(2).make(np.random.default_rng(3))
    first = int(made.inputs[0])

    def right(probability: float, rest: tuple[float, float]) -> bool:
        scores = np.empty((1, 3))
        scores[0, first] = np.log(probability)
        scores[0, [1 - first, 2]] = np.log(rest)
        return Recall(2).is_right(scores, made)

    assert right(0.76, (0.2, 0.04)) and right(0.99, (0.005, 0.005))
    assert not right(0.74, (0.2, 0.06)) and not right(0.2, (0.76, 0.04))
