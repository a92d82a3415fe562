"""The batches of an epoch and of a prediction: every row once, little padding, an order the seed decides."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_lstm.batching.buckets import batches_by_length, shuffled_batches
from nlp_lstm.batching.padding import rounded_length

LENGTHS = st.lists(st.integers(1, 300), max_size=200).map(lambda lengths: np.array(lengths, dtype=np.int64))


@pytest.fixture
def skewed() -> np.ndarray:
    """5,000 lengths as of reviews: most short, a few twenty times as long."""
    drawn = np.random.default_rng(0).lognormal(3, 1, 5000)
    return np.clip(drawn, 1, 1000).astype(np.int64)


def cells(lengths: np.ndarray, batches: list[np.ndarray]) -> int:
    return sum(len(batch) * rounded_length(int(lengths[batch].max())) for batch in batches)


def assert_every_row_once(batches: list[np.ndarray], n_rows: int) -> None:
    assert sorted(row for batch in batches for row in batch.tolist()) == list(range(n_rows))
    assert all(len(batch) for batch in batches)


# ---- training ----


@given(LENGTHS, st.integers(1, 9), st.integers(0, 2**40), st.integers(0, 5))
def test_every_row_stands_in_one_batch_of_an_epoch(lengths, batch_size, seed, epoch):
    batches = shuffled_batches(lengths, batch_size=batch_size, seed=seed, epoch=epoch)
    assert_every_row_once(batches, len(lengths))
    sizes = sorted(len(batch) for batch in batches)
    assert all(size == batch_size for size in sizes[1:])  # at most one is smaller
    assert len(batches) == -(-len(lengths) // batch_size)


def as_lists(batches: list[np.ndarray]) -> list[list[int]]:
    return [batch.tolist() for batch in batches]


def test_an_epoch_is_the_same_again_whatever_was_drawn_before(skewed):
    first = as_lists(shuffled_batches(skewed, batch_size=32, seed=1, epoch=2))
    np.random.seed(7)  # the global generator must not matter either
    assert as_lists(shuffled_batches(skewed, batch_size=32, seed=1, epoch=2)) == first


def test_other_epochs_and_other_seeds_give_other_batches(skewed):
    runs = [(1, 0), (1, 1), (2, 0), (0, 1), (0, 2)]  # (1, 0) and (0, 1) would meet if the two were added
    batches = [as_lists(shuffled_batches(skewed, batch_size=32, seed=seed, epoch=epoch)) for seed, epoch in runs]
    assert all(a != b for i, a in enumerate(batches) for b in batches[:i])
    members = [{frozenset(batch) for batch in run} for run in batches]
    assert not any(a & b for i, a in enumerate(members) for b in members[:i])  # the mix changes, not only the order


def test_bucketed_batches_pad_far_less_than_random_ones(skewed):
    real = int(skewed.sum())
    ours = cells(skewed, shuffled_batches(skewed, batch_size=32, seed=0, epoch=0))
    order = np.random.default_rng(0).permutation(len(skewed))
    random = cells(skewed, [order[i : i + 32] for i in range(0, len(order), 32)])
    assert ours < 1.3 * real  # rounding the width takes a tenth of it
    assert random > 5 * real


def test_short_and_long_batches_are_mixed_over_an_epoch(skewed):
    means = [skewed[batch].mean() for batch in shuffled_batches(skewed, batch_size=32, seed=0, epoch=0)]
    # Neighbours of sorted batches would correlate by nearly 1, of shuffled ones by 0 ± 1/√156: five times that
    # is left to luck, which fails one free choice of seeds in 1.7 million.
    assert abs(np.corrcoef(means[:-1], means[1:])[0, 1]) < 5 / 156**0.5


# ---- prediction ----


@given(LENGTHS, st.integers(1, 50), st.integers(4, 2000))
def test_prediction_batches_hold_every_row_once_within_their_limits(lengths, max_rows, max_tokens):
    batches = batches_by_length(lengths, max_rows=max_rows, max_tokens=max_tokens)
    assert_every_row_once(batches, len(lengths))
    for batch in batches:
        assert len(batch) <= max_rows
        assert len(batch) == 1 or cells(lengths, [batch]) <= max_tokens


def test_a_very_long_row_stands_alone():
    lengths = np.array([5, 50_000, 5, 7], dtype=np.int64)
    batches = batches_by_length(lengths, max_rows=256)
    assert as_lists(batches)[0] == [1]
    assert len(batches) == 2


def test_prediction_batches_pad_little(skewed):
    assert cells(skewed, batches_by_length(skewed, max_rows=256, max_tokens=8192)) < 1.2 * skewed.sum()


@given(LENGTHS, st.integers(1, 50), st.integers(4, 2000))
def test_prediction_batches_of_one_width_have_one_height_but_for_the_last(lengths, max_rows, max_tokens):
    heights: dict[int, set[int]] = {}
    for batch in batches_by_length(lengths, max_rows=max_rows, max_tokens=max_tokens)[:-1]:
        heights.setdefault(rounded_length(int(lengths[batch].max())), set()).add(len(batch))
    assert all(len(found) == 1 for found in heights.values())


def test_a_limit_of_rows_that_is_not_a_power_of_two_is_used_to_the_full():
    assert [len(batch) for batch in batches_by_length(np.full(250, 5), max_rows=100)] == [100, 100, 50]


def test_the_longest_rows_come_first():
    lengths = np.array([3, 30, 9, 300, 90], dtype=np.int64)
    assert as_lists(batches_by_length(lengths, max_rows=1)) == [[3], [4], [1], [2], [0]]


def test_nothing_makes_no_batch():
    none = np.array([], dtype=np.int64)
    assert batches_by_length(none, max_rows=4) == []
    assert shuffled_batches(none, batch_size=4, seed=0, epoch=0) == []


def test_rows_without_a_token_are_batched_like_any_other():
    # An empty line has no tokens; whoever fills it in, the grouping must not divide by its length.
    assert_every_row_once(batches_by_length(np.array([0, 0, 3]), max_rows=2), 3)
    assert_every_row_once(batches_by_length(np.array([0, 0]), max_rows=2), 2)
