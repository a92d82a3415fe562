"""The best tag sequences against every sequence written out, ties and long rows included."""

from __future__ import annotations

import warnings
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_lstm.nn.viterbi import best_paths, likeliest_paths

NEVER = -np.inf
LENGTHS = np.array([5, 1, 3, 2])
TIME, TAGS = 6, 3


@pytest.fixture(autouse=True)
def no_warning():
    """Let a warning of numpy fail the test."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def drawn(seed: int, *, lengths=LENGTHS, time=TIME, tags=TAGS):
    """Return emissions (batch, time, tags), start, move and end scores, and lengths, some moves forbidden."""
    random = np.random.default_rng(seed)
    sizes = ((len(lengths), time, tags), (tags,), (tags, tags), (tags,))
    emissions, start, move, end = (random.normal(size=size).astype(np.float32) for size in sizes)
    start[-1] = end[1] = move[0, 1] = move[2, 0] = NEVER
    return emissions, start, move, end, lengths


def ranked(emissions, start, move, end) -> list[tuple[tuple[int, ...], float]]:
    """Return every allowed sequence of one row with its score, the best first.

    Between equals those come first whose tags, read from the end, are lower.
    """
    found = []
    for path in product(range(len(start)), repeat=len(emissions)):
        score = float(start[path[0]]) + float(end[path[-1]])
        score += sum(float(move[before, after]) for before, after in pairwise(path))
        score += sum(float(emission[tag]) for emission, tag in zip(emissions, path, strict=True))
        if score > NEVER:
            found.append((path, score))
    return sorted(found, key=lambda each: (-each[1], each[0][::-1]))


@pytest.mark.parametrize("tags", [3, 4, 5])
@pytest.mark.parametrize("seed", range(10))
def test_the_best_sequence_is_the_best_of_all(seed, tags):
    given_scores = drawn(seed, tags=tags)
    emissions, *scores, lengths = given_scores
    found = best_paths(*given_scores)
    assert [path.dtype for path in found] == [np.int64] * len(lengths)
    for path, row, length in zip(found, emissions, lengths, strict=True):
        assert tuple(path) == ranked(row[:length], *scores)[0][0]


WHOLE = st.integers(-1, 1)


@settings(deadline=None, max_examples=150)
@given(
    st.lists(st.lists(WHOLE, min_size=3, max_size=3), min_size=1, max_size=4), st.lists(WHOLE, min_size=9, max_size=9)
)
def test_between_equals_the_lower_tags_from_the_end_win(row, moves):
    emissions = np.array([row], dtype=np.float32)
    scores = [np.zeros(3, np.float32), np.array(moves, np.float32).reshape(3, 3), np.zeros(3, np.float32)]
    found = best_paths(emissions, *scores, np.array([len(row)]))
    assert tuple(found[0]) == ranked(emissions[0], *scores)[0][0]


def test_a_worked_example():
    # Tag by tag 0, 0 would win, 4 + 5 − 9; but 1, 1 has 1 + 0 + 2 + 1, and 1, 0 has 1 + 0 + 5 − 9. 0, 1 is forbidden.
    emissions = np.array([[[4.0, 0.0], [5.0, 1.0]]], np.float32)
    start, end = np.array([0.0, 1.0], np.float32), np.array([-9.0, 0.0], np.float32)
    move = np.array([[0.0, NEVER], [0.0, 2.0]], np.float32)
    assert best_paths(emissions, start, move, end, np.array([2]))[0].tolist() == [1, 1]
    paths = likeliest_paths(emissions, start, move, end, np.array([2]), count=9)[0]
    assert [(path.tolist(), score) for path, score in paths] == [([1, 1], 4.0), ([0, 0], 0.0), ([1, 0], -3.0)]


@pytest.mark.parametrize("filling", [np.nan, NEVER, 1e30, -1e30])
def test_rows_are_on_their_own_whatever_stands_at_padding(filling):
    emissions, *scores, lengths = drawn(0)
    expected = [best_paths(row[None, :n], *scores, np.array([n]))[0] for row, n in zip(emissions, lengths, strict=True)]
    wide = np.full((len(lengths), 30, TAGS), filling, np.float32)
    for row, length in enumerate(lengths):
        wide[row, :length] = emissions[row, :length]
    for ours, alone in zip(best_paths(wide, *scores, lengths), expected, strict=True):
        assert ours.tolist() == alone.tolist()
    for ours, alone in zip(likeliest_paths(wide, *scores, lengths, count=1), expected, strict=True):
        assert ours[0][0].tolist() == alone.tolist()


def test_a_short_row_may_end_where_no_tag_may_follow():
    move = np.array([[NEVER, 0.5], [NEVER, NEVER]], np.float32)
    start, end = np.array([0.0, 1.0], np.float32), np.array([NEVER, 0.25], np.float32)
    found = best_paths(np.zeros((2, 20, 2), np.float32), start, move, end, np.array([2, 1]))
    assert [path.tolist() for path in found] == [[0, 1], [1]]


def test_a_long_row_keeps_the_digits_that_tell_its_tags_apart():
    given_scores = drawn(1, lengths=np.array([5_000, 4_321]), time=5_000, tags=7)
    emissions, *scores, lengths = given_scores
    emissions *= 5.0  # the scores sum up to some 30,000, where float32 tells only 0.002 apart
    for ours, row, length in zip(best_paths(*given_scores), emissions, lengths, strict=True):
        assert ours.tolist() == best_by_tables(row[:length], *scores)


def best_by_tables(emissions, start, move, end) -> list[int]:
    """Return the best sequence of one row by tables of who came before, in doubles."""
    before, best = [], start + emissions[0].astype(np.float64)
    for now in emissions[1:]:
        candidates = best[:, None] + move  # (from, to)
        before.append(candidates.argmax(0))
        best = candidates.max(0) + now
    path = [int((best + end).argmax())]
    for table in reversed(before):
        path.append(int(table[path[-1]]))
    return path[::-1]


def test_one_tag_is_the_whole_of_each_sequence():
    one = np.zeros(1, np.float32)
    found = best_paths(np.ones((2, 3, 1), np.float32), one, one.reshape(1, 1), one, np.array([3, 2]))
    assert [path.tolist() for path in found] == [[0, 0, 0], [0, 0]]


@pytest.mark.parametrize("count", [1, 2, 7, 10_000])
@pytest.mark.parametrize("seed", range(3))
def test_the_likeliest_sequences_are_the_first_of_all_in_order_and_fewer_where_there_are_no_more(seed, count):
    given_scores = drawn(seed)
    emissions, *scores, lengths = given_scores
    for paths, row, length in zip(likeliest_paths(*given_scores, count=count), emissions, lengths, strict=True):
        expected = ranked(row[:length], *scores)[:count]
        assert [tuple(path) for path, _ in paths] == [path for path, _ in expected]
        assert [score for _, score in paths] == pytest.approx([score for _, score in expected], abs=1e-12)


def test_equal_sequences_are_all_found_once():
    zeros = np.zeros(3, np.float32)
    paths = likeliest_paths(np.zeros((1, 4, 3)), zeros, np.zeros((3, 3)), zeros, np.array([4]), count=100)[0]
    assert {tuple(path) for path, _ in paths} == set(product(range(3), repeat=4))
    assert len(paths) == 3**4


def test_the_likeliest_of_many_is_the_best():
    given_scores = drawn(2, lengths=np.array([40, 33]), time=40, tags=9)
    best = best_paths(*given_scores)
    for paths, path in zip(likeliest_paths(*given_scores, count=5), best, strict=True):
        assert np.array_equal(paths[0][0], path)


@pytest.mark.parametrize("count", [0, -1])
def test_fewer_than_one_path_cannot_be_asked_for(count):
    with pytest.raises(ValueError, match=f"at least one path, got {count}"):
        likeliest_paths(*drawn(0), count=count)
