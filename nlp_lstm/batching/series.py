"""Windows of series: a past to look back on and the future to foresee."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True)
class ScaledSeries:
    """A series as a network reads it.

    Attributes:
        values: float32 (rows, channels).
        first: the first row that is to be foreseen.
    """

    values: NDArray[np.float32]
    first: int

    def starts(self, *, lookback: int, horizon: int) -> range:
        """Return where windows begin: each `lookback` + `horizon` rows long, its future at `first` or later."""
        return range(max(0, self.first - lookback), len(self.values) - lookback - horizon + 1)


class WindowBatch(NamedTuple):
    """Windows side by side.

    Attributes:
        past: float32 (batch, lookback, channels).
        future: float32 (batch, horizon, channels).
    """

    past: Tensor
    future: Tensor

    @property
    def n_tokens(self) -> int:
        """Numbers to foresee."""
        return self.future.numel()

    def to(self, device: torch.device) -> WindowBatch:
        """Return the batch on `device`."""
        return WindowBatch(self.past.to(device), self.future.to(device))


class WindowBatches:
    """Epochs of windows, a new order in each: every window of every series, however much they overlap.

    Args:
        series: what they are cut from.
        lookback: rows of a past.
        horizon: rows of a future.
        batch_size: windows in a batch; the last one may have fewer.
        seed: decides every order.
    """

    def __init__(
        self, series: Sequence[ScaledSeries], *, lookback: int, horizon: int, batch_size: int, seed: int
    ) -> None:
        self.series, self.lookback, self.horizon = series, lookback, horizon
        self.batch_size, self.seed = batch_size, seed
        places = [
            (number, start)
            for number, each in enumerate(series)
            for start in each.starts(lookback=lookback, horizon=horizon)
        ]
        self._places = np.array(places, dtype=np.int64).reshape(-1, 2)

    n_cut = 0  # every window is read whole
    part = "all"

    @property
    def n_windows(self) -> int:
        """Windows in an epoch."""
        return len(self._places)

    def __len__(self) -> int:
        """Batches in an epoch."""
        return -(-len(self._places) // self.batch_size)

    def epoch(self, number: int, *, start: int = 0) -> Iterator[WindowBatch]:
        """Yield the batches of epoch `number` (from 0), from its batch `start` on."""
        order = np.random.default_rng((self.seed, number)).permutation(len(self._places))
        return self._batches(order[start * self.batch_size :])

    def in_order(self) -> Iterator[WindowBatch]:
        """Yield every window once, in the order of time."""
        return self._batches(np.arange(len(self._places)))

    def sample(self, most: int) -> WindowBatch:
        """Return at most so many windows at equal distances, all in one batch."""
        n_windows = len(self._places)
        return self._batch(np.linspace(0, n_windows - 1, min(most, n_windows)).astype(np.int64))

    def _batches(self, order: NDArray[np.int64]) -> Iterator[WindowBatch]:
        for begin in range(0, len(order), self.batch_size):
            yield self._batch(order[begin : begin + self.batch_size])

    def _batch(self, numbers: NDArray[np.int64]) -> WindowBatch:
        """Return some windows, named by their numbers."""
        chosen, length = self._places[numbers], np.arange(self.lookback + self.horizon)
        if len(self.series) == 1:
            rows = self.series[0].values[chosen[:, 1:] + length]  # (batch, lookback + horizon, channels)
        else:
            rows = np.stack([self.series[number].values[place + length] for number, place in chosen])
        windows = torch.from_numpy(rows)
        return WindowBatch(windows[:, : self.lookback], windows[:, self.lookback :])
