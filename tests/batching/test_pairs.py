"""Batches of sentence pairs: every pair once, both sides padded, the translation shifted by one."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from nlp_lstm.batching.pairs import PairBatches, PairRows

PAD, BEGIN, END = 0, 2, 3


def made(n: int, seed: int = 0) -> PairRows:
    draw = np.random.default_rng(seed)

    def side() -> list[np.ndarray]:
        return [draw.integers(4, 90, size=draw.integers(1, 9)).astype(np.int32) for _ in range(n)]

    return PairRows(side(), side())


def batches(rows: PairRows, **settings: Any) -> PairBatches:
    given = {"batch_size": 4, "seed": 1, "max_tokens": 50, **settings}
    return PairBatches(rows, pad_id=PAD, begin_id=BEGIN, end_id=END, **given)


def pairs_of(batch) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Return source and target of each row, without padding; see that inputs and targets are one sentence, shifted."""
    found = []
    rows = zip(batch.source, batch.source_mask, batch.inputs, batch.targets, batch.target_mask, strict=True)
    for source, source_mask, inputs, targets, mask in rows:
        given, wanted = inputs[mask].tolist(), targets[mask].tolist()
        assert given[0] == BEGIN and wanted[-1] == END and given[1:] == wanted[:-1]
        assert (inputs[~mask] == PAD).all() and (targets[~mask] == PAD).all() and (source[~source_mask] == PAD).all()
        found.append((tuple(source[source_mask].tolist()), tuple(wanted[:-1])))
    return found


def test_every_pair_stands_in_an_epoch_once():
    rows = made(23)
    expected = sorted((tuple(s.tolist()), tuple(t.tolist())) for s, t in zip(rows.source, rows.target, strict=True))
    data = batches(rows)
    for number in range(3):
        found = [pair for batch in data.epoch(number) for pair in pairs_of(batch)]
        assert sorted(found) == expected
    assert len(data) == 6 == len(list(data.epoch(0)))


def test_an_epoch_is_the_same_whenever_it_is_asked_for_and_from_wherever():
    data = batches(made(23))
    whole = [pairs_of(batch) for batch in data.epoch(2)]
    assert [pairs_of(batch) for batch in data.epoch(2, start=4)] == whole[4:]
    assert [pairs_of(batch) for batch in batches(made(23)).epoch(2)] == whole
    assert [pairs_of(batch) for batch in data.epoch(1)] != whole
    assert [pairs_of(batch) for batch in batches(made(23), seed=2).epoch(2)] != whole


def test_each_epoch_splits_pieces_of_both_sides_anew_and_the_same_again_when_asked_again():
    # Any id above 50 is the two ids below it.
    halves = np.array([[-1, -1]] * 51 + [[number - 1, number - 2] for number in range(51, 90)], dtype=np.int32)

    def whole(number: int) -> tuple[int, ...]:
        return (number,) if number <= 50 else whole(number - 1) + whole(number - 2)

    def apart(pair: tuple[tuple[int, ...], tuple[int, ...]]) -> tuple[tuple[int, ...], ...]:
        return tuple(tuple(part for number in side for part in whole(number)) for side in pair)

    few = PairRows(*([np.minimum(ids, 60) for ids in side] for side in (made(23).source, made(23).target)))
    data = batches(few, halves=(halves, halves), split=0.4, max_tokens=10_000)
    plain = [pair for batch in batches(few).epoch(0) for pair in pairs_of(batch)]
    epochs = [[pair for batch in data.epoch(number) for pair in pairs_of(batch)] for number in (0, 1, 0)]
    assert epochs[0] == epochs[2]
    assert len({str(sorted(each)) for each in (plain, *epochs)}) == 3
    for epoch in epochs:
        assert sorted(map(apart, epoch)) == sorted(map(apart, plain))
    assert [pair for batch in data.epoch(1, start=3) for pair in pairs_of(batch)] == epochs[1][12:]
    longest = [max(len(side) for side in pair) for pair in epochs[0]]
    limit = sorted(longest)[len(longest) // 2]
    cut = batches(few, halves=(halves, halves), split=0.4, max_tokens=limit)
    assert cut.n_cut == sum(length > limit for length in longest) > batches(few, max_tokens=limit).n_cut


def test_pairs_of_like_length_stand_together():
    rows = made(400)
    data = batches(rows, batch_size=10)
    spread = [int(np.ptp(batch.target_mask.sum(1).numpy())) for batch in data.epoch(0)]
    assert np.mean(spread) < 1.5  # drawn at random, ten lengths of 1 to 8 are about 6 apart


def test_tokens_are_counted_with_the_end():
    rows = made(9)
    total = sum(batch.n_tokens for batch in batches(rows).epoch(0))
    assert total == sum(len(target) + 1 for target in rows.target)


def test_of_a_longer_side_the_beginning_is_read_and_counted():
    rows = PairRows([np.arange(4, 24, dtype=np.int32), np.array([5], np.int32)], [np.array([6], np.int32)] * 2)
    data = batches(rows, max_tokens=7)
    assert data.n_cut == 1
    found = dict(itertools.chain.from_iterable(map(pairs_of, data.epoch(0))))
    assert found == {tuple(range(4, 11)): (6,), (5,): (6,)}
    assert batches(rows, max_tokens=20).n_cut == 0


@pytest.mark.parametrize("n_tokens", [6, 7, 8, 20])
def test_a_translation_that_is_cut_has_no_end_to_learn(n_tokens):
    target = np.arange(4, 4 + n_tokens, dtype=np.int32)
    (batch,) = batches(PairRows([np.array([5], np.int32)], [target]), max_tokens=7).epoch(0)
    assert batch.inputs[batch.target_mask].tolist() == [BEGIN, *target[:7]]
    assert batch.targets[batch.target_mask].tolist() == [*target, END][:8]  # also what the last input predicts
    assert batch.n_tokens == min(n_tokens + 1, 8)


def test_an_empty_side_is_refused():
    rows = PairRows([np.zeros(0, np.int32)], [np.array([5], np.int32)])
    with pytest.raises(ValueError, match="at least one id"):
        list(batches(rows).epoch(0))
