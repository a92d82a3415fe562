"""Forecasts that need no network, to compare one with: the last value, the last season, a linear map of the past."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

RIDGE = 0.01
"""How much of each input's mean square is added to it, so that a few windows give no wild map."""
LEAST_ERROR = 1e-4
"""Standard deviations of the training data: no error is taken to be smaller."""
MOST_INPUTS = 2_000
"""A linear map of more numbers than that reads each column's own past, though the network mixes columns."""


class Foreseen(NamedTuple):
    """What is expected of the future.

    Attributes:
        point: float32 (batch, horizon, channels).
        quantiles: float32 (batch, horizon, channels, levels), rising along the last axis; of no level where none is
            foreseen.
    """

    point: Tensor
    quantiles: Tensor


class SimpleForecasts(nn.Module):
    """Foresees channels by rules, each fitted in one step; nothing here is a trained weight.

        repeat   ŷ_t = x_L
        season   ŷ_t = x_{L−m+1+((t−1) mod m)}                     m: steps in a season
        linear   ŷ_t = z_t + b_t + Σ_l w_{tl} u_l,  u as the network reads it, z what it adds to its forecasts

    w and b minimise Σ (y − ŷ)² + Σ λ_l w_{tl}² over training windows. A quantile of a rule is its forecast plus that
    quantile of its errors so many steps ahead in the same windows.

    `errors`, (horizon, channels), is the root mean square of those of the linear map.

    Args:
        n_channels: how many columns are foreseen; they are the first of what is read.
        n_inputs: how many columns are read.
        lookback: steps of the past.
        horizon: steps to foresee.
        levels: of the quantiles, in (0, 1).
        season: steps in a season; 0 where there is none.
        mixed: whether the linear map of a channel reads all columns.
        from_season: whether the linear map adds to the last season, in place of the last value.
    """

    def __init__(
        self,
        n_channels: int,
        n_inputs: int,
        *,
        lookback: int,
        horizon: int,
        levels: Sequence[float] = (),
        season: int = 0,
        mixed: bool = False,
        from_season: bool = False,
    ) -> None:
        super().__init__()
        self.n_channels, self.horizon, self.season = n_channels, horizon, season
        self.mixed = mixed and lookback * n_inputs <= MOST_INPUTS
        self.from_season = from_season
        self.names = ("repeat", *(("season",) if 1 < season <= lookback else ()), "linear")
        inputs, outputs = (lookback * n_inputs, horizon * n_channels) if self.mixed else (lookback, horizon)
        self.weights: Tensor
        self.spreads: Tensor
        self.register_buffer("weights", torch.zeros(inputs + 1, outputs))
        self.errors: Tensor
        self.register_buffer("errors", torch.ones(horizon, n_channels))
        self.register_buffer("spreads", torch.zeros(len(self.names), horizon, n_channels, len(levels)))

    def fit(self, past: Tensor, future: Tensor, levels: Sequence[float]) -> None:
        """Fit the linear map, and the quantiles of all rules, to windows of the training data.

        Args:
            past: (windows, lookback, inputs).
            future: (windows, horizon, channels).
            levels: of the quantiles.
        """
        inputs = self._inputs(past).double()  # (rows, inputs + 1)
        wanted = self._flat(future - self._base(past)).double()  # (rows, outputs)
        square = inputs.T @ inputs
        ridge = RIDGE * square.diagonal() + 1e-9 * len(inputs)
        ridge[-1] = 1e-9 * len(inputs)  # the mean error is no one's fault
        self.weights.copy_(torch.linalg.solve(square + ridge.diag(), inputs.T @ wanted))
        wrong = future - self.linear(past)
        self.errors.copy_(wrong.square().mean(0).sqrt().clamp(min=LEAST_ERROR))
        if levels:
            for place, found in enumerate(self(past).values()):
                wrong = (future - found.point).numpy()  # (windows, horizon, channels)
                quantiles = np.moveaxis(np.quantile(wrong, levels, axis=0), 0, -1)  # (horizon, channels, levels)
                self.spreads[place] = torch.from_numpy(quantiles)

    def forward(self, past: Tensor) -> Mapping[str, Foreseen]:
        """Return the forecasts of `past`, (batch, time, inputs), by the name of the rule."""
        own = past[..., : self.n_channels]
        points = {"repeat": own[:, -1:].expand(-1, self.horizon, -1)}
        if "season" in self.names:
            points["season"] = last_season(own, self.season, self.horizon)
        points["linear"] = self.linear(past)
        pairs = zip(points.items(), self.spreads, strict=True)
        return {name: Foreseen(point, point.unsqueeze(-1) + spread) for (name, point), spread in pairs}

    def linear(self, past: Tensor) -> Tensor:
        """Return the linear forecast of `past`, (batch, time, inputs): float32 (batch, horizon, channels)."""
        with torch.autocast(past.device.type, enabled=False):
            return self._base(past) + self._unflat(self._inputs(past) @ self.weights)

    def _base(self, past: Tensor) -> Tensor:
        own = past[..., : self.n_channels]
        return last_season(own, self.season, self.horizon) if self.from_season else own[:, -1:]

    def _inputs(self, past: Tensor) -> Tensor:
        """Return what the linear map reads, a row for each channel of each window or, mixed, for each window."""
        own = past[..., : self.n_channels]
        moved = own - own[:, -1:]
        if self.mixed:
            rows = torch.cat([moved, past[..., self.n_channels :]], -1).flatten(1)
        else:
            rows = moved.transpose(1, 2).flatten(0, 1)
        return torch.cat([rows, rows.new_ones(len(rows), 1)], 1)

    def _flat(self, future: Tensor) -> Tensor:
        """Return numbers (windows, horizon, channels) in the rows of `_inputs`."""
        return future.flatten(1) if self.mixed else future.transpose(1, 2).flatten(0, 1)

    def _unflat(self, rows: Tensor) -> Tensor:
        """Return the rows of `_inputs` as numbers (windows, horizon, channels)."""
        if self.mixed:
            return rows.unflatten(1, (self.horizon, self.n_channels))
        return rows.unflatten(0, (-1, self.n_channels)).transpose(1, 2)


def last_season(past: Tensor, season: int, horizon: int) -> Tensor:
    """Return the last `season` steps of `past` (batch, time, channels) again and again, (batch, horizon, channels)."""
    return past[:, -season:][:, torch.arange(horizon, device=past.device) % season]
