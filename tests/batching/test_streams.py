"""A text as parallel streams: nothing lost, nothing read twice, every place found again."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_lstm.batching.streams import StreamBatch, StreamBatches, whole_text, windows_from_zero

N = 2_003
COUNTING = np.arange(N, dtype=np.int32)  # a token is its own place, so what was read can be told from the ids


def streams(*, ids=COUNTING, n_streams=5, window=24, seed=3, varied=True) -> StreamBatches:
    return StreamBatches(ids, n_streams=n_streams, window=window, seed=seed, varied=varied)


def assert_same(ours: list[StreamBatch], expected: list[StreamBatch]) -> None:
    assert len(ours) == len(expected)
    for a, b in zip(ours, expected, strict=True):
        assert torch.equal(a.inputs, b.inputs)
        assert torch.equal(a.targets, b.targets)
        assert a.fresh == b.fresh


def widths(batches, epoch=0):
    return [batch.inputs.shape[1] for batch in batches.epoch(epoch)]


both_ways = pytest.mark.parametrize("varied", [False, True], ids=["equal", "varied"])


@both_ways
@pytest.mark.parametrize("epoch", [0, 1, 7])
def test_each_stream_is_one_stretch_of_the_ring_and_its_targets_come_next(varied, epoch):
    batches = list(streams(varied=varied).epoch(epoch))
    inputs = torch.cat([batch.inputs for batch in batches], dim=1)
    targets = torch.cat([batch.targets for batch in batches], dim=1)
    assert inputs.dtype == targets.dtype == torch.int64
    assert inputs.shape == targets.shape == (5, N // 5)
    begin = int(inputs[0, 0])
    for row, (read, predicted) in enumerate(zip(inputs.tolist(), targets.tolist(), strict=True)):
        first = begin + row * (N // 5)
        assert read == [(first + place) % N for place in range(N // 5)]
        assert predicted == [(first + place + 1) % N for place in range(N // 5)]


@both_ways
@settings(deadline=None, max_examples=60)
@given(
    n_tokens=st.integers(2, 400),
    n_streams=st.integers(1, 9),
    window=st.integers(1, 70),
    seed=st.integers(0, 2**40),
    epoch=st.integers(0, 3),
)
def test_every_token_but_a_few_is_predicted_exactly_once(varied, n_tokens, n_streams, window, seed, epoch):
    n_streams = min(n_streams, n_tokens // 2)
    ids = np.arange(n_tokens)
    batches = list(StreamBatches(ids, n_streams=n_streams, window=window, seed=seed, varied=varied).epoch(epoch))
    predicted = [token for batch in batches for token in batch.targets.flatten().tolist()]
    assert len(set(predicted)) == len(predicted)
    assert set(predicted) <= set(range(n_tokens))
    assert n_tokens - len(predicted) == n_tokens % n_streams
    assert sum(batch.n_tokens for batch in batches) == len(predicted)


def test_other_tokens_are_left_over_in_other_epochs():
    left = [
        set(range(N)) - {token for batch in streams().epoch(epoch) for token in batch.targets.flatten().tolist()}
        for epoch in range(4)
    ]
    assert all(len(some) == N % 5 == 3 for some in left)
    assert not any(a & b for i, a in enumerate(left) for b in left[:i])


@both_ways
def test_a_batch_goes_on_where_the_one_before_ended(varied):
    for before, after in pairwise(streams(varied=varied).epoch(0)):
        assert torch.equal(before.targets[:, -1], after.inputs[:, 0])


def test_only_the_first_batch_of_an_epoch_is_fresh():
    batches = streams()
    for epoch in range(2):
        assert [batch.fresh for batch in batches.epoch(epoch)] == [True] + [False] * (len(batches) - 1)
    assert not next(batches.epoch(0, start=1)).fresh


@both_ways
@pytest.mark.parametrize(("n_tokens", "n_streams", "window"), [(2, 1, 8), (100, 3, 8), (2_003, 5, 24), (999, 1, 500)])
def test_the_length_is_the_number_of_batches_of_every_epoch(varied, n_tokens, n_streams, window):
    batches = streams(ids=np.arange(n_tokens), n_streams=n_streams, window=window, varied=varied)
    assert [len(list(batches.epoch(epoch))) for epoch in range(4)] == [len(batches)] * 4


@both_ways
@pytest.mark.parametrize("start", [0, 1, 7])
def test_starting_later_gives_exactly_the_tail(varied, start):
    batches = streams(varied=varied)
    assert len(batches) > start
    assert_same(list(batches.epoch(2, start=start)), list(batches.epoch(2))[start:])


def test_starting_at_the_end_gives_nothing():
    batches = streams()
    assert list(batches.epoch(0, start=len(batches))) == []


@both_ways
def test_an_epoch_does_not_depend_on_what_was_asked_before(varied):
    asked = streams(varied=varied)
    list(asked.epoch(0))
    next(asked.epoch(5, start=3))
    np.random.seed(0)  # the global generator must not matter either
    assert_same(list(asked.epoch(1)), list(streams(varied=varied).epoch(1)))


@both_ways
def test_other_epochs_and_other_seeds_cut_the_text_elsewhere(varied):
    asked = [(1, 0), (1, 1), (2, 0), (0, 1), (0, 2)]
    runs = [list(streams(seed=seed, varied=varied).epoch(epoch)) for seed, epoch in asked]
    begins = [int(run[0].inputs[0, 0]) for run in runs]
    assert len(set(begins)) == len(begins)
    if varied:
        orders = [tuple(batch.inputs.shape[1] for batch in run) for run in runs]
        assert len(set(orders)) == len(orders)


def test_all_beginnings_are_drawn():
    batches = streams(ids=np.arange(4), n_streams=1, window=8)
    begins = {int(next(batches.epoch(epoch)).inputs[0, 0]) for epoch in range(60)}
    assert begins == {0, 1, 2, 3}  # each is missed with probability 0.75^60 = 3e-8; the seed is fixed


# ---- the lengths of windows ----


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (24, [24]),
        (10, [10]),
        (72, [24, 24, 24]),
        (60, [24, 24, 12]),  # half a window stands
        (59, [24, 18, 17]),  # less shares with the window before
        (49, [24, 13, 12]),
        (25, [13, 12]),
    ],
)
def test_equal_windows_leave_no_scrap_at_the_end(stream, expected):
    assert widths(streams(ids=np.arange(2 * stream), n_streams=2, varied=False)) == expected


def long_streams(window):
    return streams(ids=np.zeros(2 * window * 5_000, dtype=np.uint16), n_streams=2, window=window)


@pytest.mark.parametrize(
    ("window", "whole", "half"), [(64, {56, 64, 72}, {24, 32, 40}), (256, {248, 256, 264}, {120, 128, 136})]
)
def test_varied_windows_have_few_lengths_about_the_whole_window_and_its_half(window, whole, half):
    counts = Counter(widths(long_streams(window)))
    assert sum(counts[width] for width in set(counts) - whole - half) <= 2  # what is left at the end
    assert whole | half <= set(counts)
    total = counts.total()
    # 5,000 draws: one standard deviation is 0.3 % of them for the halves and 0.6 % for the jitter; four are allowed
    assert sum(counts[width] for width in half) / total == pytest.approx(0.05, abs=0.013)
    # N(0, 5²) lies beyond the middle between two multiples of 8 with probability 0.4237
    assert counts[window] / total == pytest.approx(0.95 * (1 - 0.4237), abs=0.027)
    assert counts[window - 8] / total == pytest.approx(0.95 * 0.4237 / 2, abs=0.024)
    assert counts[window + 8] / total == pytest.approx(0.95 * 0.4237 / 2, abs=0.024)


def test_varied_windows_have_the_same_lengths_in_every_epoch_in_another_order():
    batches = streams(ids=np.zeros(60_000), window=64)
    orders = [widths(batches, epoch) for epoch in range(3)]
    assert len({tuple(sorted(order)) for order in orders}) == 1
    assert len({tuple(order) for order in orders}) == 3


def test_varied_windows_of_a_short_window_have_eight_tokens_or_more():
    found = widths(streams(ids=np.zeros(20_000), window=2))
    assert set(sorted(found)[2:]) == {8, 16}  # but for what is left at the end


# ---- what may be given ----


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.int64])
def test_any_kind_of_whole_numbers_is_read(dtype, tmp_path):
    np.save(tmp_path / "ids.npy", COUNTING.astype(dtype))
    mapped = np.load(tmp_path / "ids.npy", mmap_mode="r")
    assert_same(list(streams(ids=mapped).epoch(0)), list(streams().epoch(0)))
    assert_same(list(windows_from_zero(mapped, 9, 20, 1)), list(windows_from_zero(COUNTING, 9, 20, 1)))
    assert_same(list(whole_text(mapped, 100)), list(whole_text(COUNTING, 100)))


def test_a_batch_is_a_copy_and_so_are_its_halves():
    ids = COUNTING.astype(np.int64)
    for batches in (streams(ids=ids).epoch(0), windows_from_zero(ids, 9, 1, 1), whole_text(ids, 100)):
        batch = next(batches)
        targets = batch.targets.clone()
        batch.inputs.fill_(-1)
        assert torch.equal(batch.targets, targets)
    assert np.array_equal(ids, COUNTING)


def test_the_largest_id_of_16_bits_stays_what_it_is():
    ids = np.full(100, 65_535, dtype=np.uint16)
    assert next(streams(ids=ids).epoch(0)).targets.unique().tolist() == [65_535]


def test_a_text_too_short_for_its_streams_is_refused():
    assert len(streams(ids=np.arange(10))) == 1
    with pytest.raises(ValueError, match="5 streams need 10 tokens or more, not 9"):
        streams(ids=np.arange(9))


@pytest.mark.parametrize("sizes", [{"n_streams": 0}, {"window": 0}])
def test_sizes_that_are_not_positive_are_refused(sizes):
    with pytest.raises(ValueError, match="must be at least 1"):
        streams(**sizes)


def test_a_batch_moves_whole():
    moved = next(streams().epoch(0)).to(torch.device("meta"))
    assert (moved.inputs.device.type, moved.targets.device.type, moved.fresh) == ("meta", "meta", True)


# ---- for evaluation ----


def test_windows_from_zero_are_runs_of_the_text_and_what_follows_them():
    batches = list(windows_from_zero(COUNTING, 7, 150, seed=1))
    assert [tuple(batch.inputs.shape) for batch in batches] == [(64, 7), (64, 7), (22, 7)]
    assert all(batch.fresh for batch in batches)
    for batch in batches:
        for read, predicted in zip(batch.inputs.tolist(), batch.targets.tolist(), strict=True):
            assert [*read, predicted[-1]] == list(range(read[0], read[0] + 8))
            assert predicted == list(range(read[0] + 1, read[0] + 8))


def test_windows_from_zero_are_drawn_from_the_whole_text_alike():
    ids = np.arange(10)
    starts = Counter(int(first) for batch in windows_from_zero(ids, 7, 3_000, seed=0) for first in batch.inputs[:, 0])
    assert set(starts) == {0, 1, 2}
    assert all(abs(count - 1_000) < 5 * (3_000 * 2 / 9) ** 0.5 for count in starts.values())  # five deviations


def test_windows_from_zero_depend_on_the_seed_and_not_on_the_rows_of_a_batch():
    def starts(seed, **options):
        return [
            int(first) for batch in windows_from_zero(COUNTING, 7, 50, seed, **options) for first in batch.inputs[:, 0]
        ]

    assert starts(1) == starts(1) == starts(1, n_rows=3) != starts(2)


def test_windows_longer_than_the_text_are_refused():
    assert next(windows_from_zero(np.arange(8), 7, 1, 0)).targets.tolist() == [[1, 2, 3, 4, 5, 6, 7]]
    with pytest.raises(ValueError, match="windows of 8 tokens need a text of 9 or more, not 8"):
        next(windows_from_zero(np.arange(8), 8, 1, 0))


@pytest.mark.parametrize("chunk", [1, 7, 2_001, 2_002, 2_003, 9_999])
def test_the_whole_text_is_predicted_in_order_but_for_its_first_token(chunk):
    batches = list(whole_text(COUNTING, chunk))
    assert torch.cat([batch.inputs for batch in batches], dim=1).tolist() == [list(range(N - 1))]
    assert torch.cat([batch.targets for batch in batches], dim=1).tolist() == [list(range(1, N))]
    assert {batch.n_tokens for batch in batches[:-1]} <= {chunk}
    assert 1 <= batches[-1].n_tokens <= chunk
    assert [batch.fresh for batch in batches] == [True] + [False] * (len(batches) - 1)


@pytest.mark.parametrize(("n_tokens", "chunk"), [(1, 5), (0, 5), (5, 0)])
def test_a_text_or_chunk_with_nothing_to_predict_is_refused(n_tokens, chunk):
    with pytest.raises(ValueError, match="expected 2 tokens or more and chunks of 1 or more"):
        next(whole_text(np.arange(n_tokens), chunk))
