"""Epochs of labelled batches: each text with its own target, cut where asked, resumed where left."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nlp_lstm.batching.labelled import LabelledBatch, LabelledBatches

MAX_TOKENS = 20
N_ROWS = 45


@pytest.fixture
def rows() -> list[np.ndarray]:
    """Texts whose first id says which one they are."""
    random = np.random.default_rng(0)
    return [
        np.concatenate([[number + 100], random.integers(2, 100, random.integers(0, 30))]).astype(np.int32)
        for number in range(N_ROWS)
    ]


@pytest.fixture
def targets() -> np.ndarray:
    return np.arange(N_ROWS, dtype=np.int64) * 7 % 5


@pytest.fixture
def batches(rows, targets) -> LabelledBatches:
    return LabelledBatches(rows, targets, batch_size=8, seed=3, pad_id=1, max_tokens=MAX_TOKENS)


def assert_same(ours: list[LabelledBatch], expected: list[LabelledBatch]) -> None:
    assert len(ours) == len(expected)
    for a, b in zip(ours, expected, strict=True):
        assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def is_window(part, whole):
    """Whether `part` is what training reads of `whole`: all of it, or a run of the most tokens allowed."""
    if len(whole) <= MAX_TOKENS:
        return part == whole
    return len(part) == MAX_TOKENS and any(part == whole[i : i + MAX_TOKENS] for i in range(len(whole)))


def test_an_epoch_holds_each_text_once_with_its_own_target_and_tokens(batches, rows, targets):
    seen = []
    for batch in batches.epoch(0):
        assert batch.ids.dtype == batch.targets.dtype == torch.int64
        assert bool((batch.ids[~batch.mask] == 1).all())
        for ids, mask, target in zip(*batch, strict=True):
            text = ids[mask].tolist()
            windows = [number for number, row in enumerate(rows) if is_window(text, row.tolist())]
            assert len(windows) == 1
            seen.extend(windows)
            assert target == targets[windows[0]]
        assert batch.n_tokens == int(batch.mask.sum())
    assert sorted(seen) == list(range(N_ROWS))


@pytest.mark.parametrize("n_rows", [1, 8, 9, 45])
def test_the_length_is_the_number_of_batches_of_every_epoch(n_rows, rows, targets):
    some = LabelledBatches(rows[:n_rows], targets[:n_rows], batch_size=8, seed=3, pad_id=0, max_tokens=MAX_TOKENS)
    assert [len(list(some.epoch(number))) for number in range(3)] == [len(some)] * 3


def test_the_length_holds_beyond_one_pool():
    many = [np.ones(1 + i % 3, dtype=np.int32) for i in range(64 * 2 + 3)]  # a pool of 64 batches and a bit
    some = LabelledBatches(many, np.zeros(131, dtype=np.int64), batch_size=2, seed=0, pad_id=0, max_tokens=9)
    assert len(list(some.epoch(0))) == len(some) == 66


@pytest.mark.parametrize("start", [0, 1, 4, 6])
def test_starting_later_gives_exactly_the_tail(start, batches):
    assert_same(list(batches.epoch(2, start=start)), list(batches.epoch(2))[start:])


def test_starting_at_the_end_gives_nothing(batches):
    assert list(batches.epoch(0, start=len(batches))) == []


def test_an_epoch_is_the_same_again_and_another_one_differs(batches):
    assert_same(list(batches.epoch(1)), list(batches.epoch(1)))
    first, second = ([batch.ids.tolist() for batch in batches.epoch(number)] for number in (1, 2))
    assert first != second


def test_the_number_of_cut_texts_is_known(batches, rows):
    assert batches.n_cut == sum(len(row) > MAX_TOKENS for row in rows) > 0
    assert max(int(batch.mask.sum(1).max()) for batch in batches.epoch(0)) == MAX_TOKENS


def test_every_window_of_a_long_text_is_read_in_some_epoch_and_only_whole_ones():
    text = np.arange(2, 12, dtype=np.int32)
    some = LabelledBatches([text], np.zeros(1, dtype=np.int64), batch_size=1, seed=0, pad_id=0, max_tokens=7)
    read = {tuple(batch.ids[batch.mask].tolist()) for number in range(60) for batch in some.epoch(number)}
    # each of the four windows is missed with probability 0.75^60 = 3e-8; the seed is fixed
    assert read == {tuple(range(first, first + 7)) for first in range(2, 6)}


def test_a_batch_moves_whole(batches):
    moved = next(batches.epoch(0)).to(torch.device("meta"))
    assert {tensor.device.type for tensor in moved} == {"meta"}
    assert isinstance(moved, LabelledBatch)
