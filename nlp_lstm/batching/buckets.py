"""Which rows go into a batch together: texts of like length, in an order the seed decides."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nlp_lstm.batching.padding import rounded_length

POOL = 64
"""Batches that are sorted by length together: enough for little padding, few enough to stay well mixed."""


def shuffled_batches(lengths: NDArray[np.int64], *, batch_size: int, seed: int, epoch: int) -> list[NDArray[np.int64]]:
    """Return the batches of one epoch as arrays of row numbers; every row stands in exactly one.

    The rows are shuffled, then sorted by length inside pools of 64 batches, cut, and the batches shuffled.
    The same seed and epoch give the same batches, whatever was drawn before.

    Args:
        lengths: tokens of each row.
        batch_size: rows in a batch; the last one of an epoch may be smaller.
        seed: the run's seed.
        epoch: which epoch, from 0.
    """
    random = np.random.default_rng((seed, epoch))
    order = random.permutation(len(lengths))
    batches: list[NDArray[np.int64]] = []
    for start in range(0, len(order), POOL * batch_size):
        pool = order[start : start + POOL * batch_size]
        pool = pool[np.argsort(lengths[pool], kind="stable")]
        batches.extend(pool[i : i + batch_size] for i in range(0, len(pool), batch_size))
    return [batches[i] for i in random.permutation(len(batches))]


def batches_by_length(
    lengths: NDArray[np.int64], *, max_rows: int, max_tokens: int = 32_768
) -> list[NDArray[np.int64]]:
    """Return batches for prediction, as arrays of row numbers; every row stands in exactly one.

    The rows are sorted by length, and a batch holds at most `max_rows` rows and about `max_tokens` cells, so that
    one very long text makes a batch of its own and not a huge rectangle.

    Args:
        lengths: tokens of each row.
        max_rows: rows in a batch.
        max_tokens: rows × padded length of a batch, unless a single row is longer.

    Raises:
        ValueError: `max_rows` is less than 1.
    """
    if max_rows < 1:
        raise ValueError(f"a batch must hold at least one row, not {max_rows}")
    order = np.argsort(lengths, kind="stable")[::-1]  # longest first: the largest batch fails first, if any does
    batches: list[NDArray[np.int64]] = []
    start = 0
    while start < len(order):
        width = rounded_length(int(lengths[order[start]]))
        rows = min(max_rows, max(1, max_tokens // width))  # told by the width, so the kernel meets few shapes
        batches.append(order[start : start + rows])
        start += rows
    return batches
