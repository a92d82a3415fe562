"""Rows of ids of different lengths → one rectangle: the only place that pads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class Padded(NamedTuple):
    """Token ids as a rectangle.

    Attributes:
        ids: int64 (batch, time), padding on the right.
        mask: True at real tokens, bool (batch, time).
    """

    ids: Tensor
    mask: Tensor


def rounded_length(length: int) -> int:
    """Return `length` rounded up to one of eight sizes an octave, and at least 4.

    The recurrent kernel prepares itself anew for each width it meets, so few widths are wanted; on this grid
    at most an eighth of a row beyond 32 tokens is padding.

    >>> [rounded_length(n) for n in (1, 5, 33, 65, 1000)]
    [4, 8, 36, 72, 1024]
    """
    step = max(4, 2 ** max(0, (length - 1).bit_length() - 4))
    return max(step, -(-length // step) * step)


def pad_ids(rows: Sequence[NDArray[np.int32]], *, pad_id: int) -> Padded:
    """Return rows of ids, none of them empty, as one padded rectangle.

    Raises:
        ValueError: a row is empty, or there is no row.
    """
    lengths = np.fromiter((len(row) for row in rows), dtype=np.int64, count=len(rows))
    if len(rows) == 0 or lengths.min() == 0:
        raise ValueError("every row must hold at least one id, and there must be a row")
    time = rounded_length(int(lengths.max()))
    ids = np.full((len(rows), time), pad_id, dtype=np.int64)
    mask = np.arange(time) < lengths[:, None]  # (batch, time)
    ids[mask] = np.concatenate(rows)
    return Padded(torch.from_numpy(ids), torch.from_numpy(mask))
