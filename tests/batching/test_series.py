"""Windows of series: each one once, none across an edge, the same again for the same seed."""

from __future__ import annotations

from collections import Counter

import numpy as np

from nlp_lstm.batching.series import ScaledSeries, WindowBatches


def made(n_rows: int, first: int = 0, begin: int = 0) -> ScaledSeries:
    values = np.arange(begin, begin + n_rows, dtype=np.float32)
    return ScaledSeries(np.stack([values, -values], 1), first)


def windows(batches) -> list[tuple[float, ...]]:
    return [
        (*past[:, 0].tolist(), *future[:, 0].tolist()) for batch in batches for past, future in zip(*batch, strict=True)
    ]


def test_every_window_comes_once_in_an_epoch():
    batches = WindowBatches([made(11)], lookback=3, horizon=2, batch_size=4, seed=1)
    expected = [tuple(map(float, range(start, start + 5))) for start in range(7)]
    found = list(batches.epoch(0))
    assert [len(batch.past) for batch in found] == [4, 3]  # the last one is not dropped
    assert sorted(windows(found)) == expected
    assert windows(batches.in_order()) == expected
    assert batches.n_windows == 7 and len(batches) == 2
    assert found[0].past.shape == (4, 3, 2) and found[0].future.shape == (4, 2, 2)
    assert sum(batch.n_tokens for batch in found) == 7 * 2 * 2


def test_only_rows_from_the_first_on_are_foreseen_and_those_before_are_looked_back_on():
    found = windows(WindowBatches([made(12, first=7)], lookback=3, horizon=2, batch_size=5, seed=1).in_order())
    assert [window[3:] for window in found] == [(7, 8), (8, 9), (9, 10), (10, 11)]
    assert found[0][:3] == (4, 5, 6)
    # as many as the rows that are to be foreseen have room for
    assert len(windows(WindowBatches([made(12, first=7)], lookback=9, horizon=5, batch_size=5, seed=1).in_order())) == 0
    assert len(windows(WindowBatches([made(12, first=7)], lookback=7, horizon=5, batch_size=5, seed=1).in_order())) == 1


def test_no_window_runs_from_one_series_into_the_next():
    batches = WindowBatches([made(6), made(4), made(7, begin=100)], lookback=3, horizon=2, batch_size=4, seed=1)
    found = windows(batches.epoch(3))
    assert Counter(window[0] for window in found) == Counter([0.0, 1.0, 100.0, 101.0, 102.0])
    assert all(window[-1] - window[0] == 4 for window in found)


def test_an_epoch_is_the_same_again_from_any_batch_on():
    one, other = (WindowBatches([made(40)], lookback=3, horizon=2, batch_size=7, seed=5) for _ in range(2))
    whole = windows(one.epoch(2))
    assert windows(other.epoch(2, start=3)) == whole[21:]
    assert windows(one.epoch(1)) != whole
    assert windows(WindowBatches([made(40)], lookback=3, horizon=2, batch_size=7, seed=6).epoch(2)) != whole


def test_a_sample_is_windows_at_equal_distances():
    batches = WindowBatches([made(25), made(8, begin=100)], lookback=3, horizon=2, batch_size=4, seed=1)
    assert windows([batches.sample(99)]) == windows(batches.in_order())
    assert [each[0] for each in windows([batches.sample(3)])] == [0, 12, 103]
