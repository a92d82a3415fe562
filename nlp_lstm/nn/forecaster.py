"""The forecaster: segments of a series → the shared encoder → all segments of the future side by side."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from nlp_lstm.nn.layers import LayerMemory
from nlp_lstm.nn.simple_forecasts import Foreseen, SimpleForecasts, last_season
from nlp_lstm.nn.vectors import VectorEncoder

QUERY_SCALE = 0.1
"""Standard deviation of a new query's parts."""


class Forecaster(nn.Module):
    """Foresees channels of a series, each from its own past or each from the past of all.

        u = x − x_L                            x_1 … x_L: the past, less its last value
        s_j = u_{(j−1)w+1} … u_{jw}             segments of w steps, j = 1 … L/w
        (h, c) = encoder(s_1, …, s_{L/w})      its final state
        q_k = [p_k ; e]                        a place in the future, and the channel
        y_k = V · encoder(q_k | h, c) + b + x_L    one step for each segment k = 1 … ⌈H/w⌉ of the future

    Every y_k starts from the same state, so the future costs one step, however far it reaches, and no error is fed
    back. Queries go past the encoder's projection, straight to its layers.
    Source: Lin et al. 2023 (SegRNN), section 4, whose cell is a GRU.

    Mixed, s_j holds the steps of all inputs, step after step, and all channels start from one state. Inputs that are
    not foreseen are read as they are, not less their last value: their level may tell something.
    With a season of m steps, x_L behind the output is that of a season before: x_{L−m+1+((t−1) mod m)} for step t.
    On a linear forecast it is that forecast (`simple`), and V and b begin at 0.

    Quantiles come from the same states: q_1 = y + e o_1, q_i = q_{i−1} + e softplus(o_i), o = V' · encoder(…) + b'.
    They rise, so none crosses another. e: the error of the linear forecast so many steps ahead (`simple`), 1 without.
    Once trained they are moved, all of a level and a channel by as many e, to where development data say (`moved`).

    Args:
        encoder: reads segments; its projection makes them `embed_size` wide.
        n_channels: how many columns are foreseen; they are the first of what is read.
        segment: steps in a segment.
        horizon: steps to foresee.
        dropout: probability of dropping a channel of what the output layer reads, in training.
        channel_embedding: tell the queries which channel is asked for.
        n_quantiles: how many quantiles are foreseen.
        n_mixed: how many columns are read together; 0 for each channel apart.
        season: how many steps before a step stands what is added to its forecast; 0 adds the last value to all.
        simple: forecasts to compare its own with, which stay with it.
        on_linear: add to the linear one of these, in place of a value of the past.
        still: the channels, counted from 0, that never changed in the training data: what they are added to is all.
    """

    def __init__(
        self,
        encoder: VectorEncoder,
        n_channels: int,
        *,
        segment: int,
        horizon: int,
        dropout: float = 0.0,
        channel_embedding: bool = True,
        n_quantiles: int = 0,
        n_mixed: int = 0,
        season: int = 0,
        simple: SimpleForecasts | None = None,
        on_linear: bool = False,
        still: Sequence[int] = (),
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.segment, self.horizon = segment, horizon
        self.n_quantiles, self.n_mixed, self.season = n_quantiles, n_mixed, season
        n_segments = -(-horizon // segment)
        width = encoder.stack.input_size
        of_channel = width // 2 if channel_embedding else 0
        self.places = nn.Parameter(QUERY_SCALE * torch.randn(n_segments, width - of_channel))
        self.channels = nn.Parameter(QUERY_SCALE * torch.randn(n_channels, of_channel))
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(encoder.output_size, segment)
        if on_linear:
            if simple is None:
                raise ValueError("on_linear needs simple forecasts to add to")
            nn.init.zeros_(self.output.weight)
            nn.init.zeros_(self.output.bias)
        self.simple, self.on_linear = simple, on_linear
        self.moves: Tensor
        moves = torch.tensor([float(channel not in still) for channel in range(n_channels)])
        self.register_buffer("moves", moves)
        self.spread = _spread(encoder.output_size, segment, n_quantiles) if n_quantiles else None
        self.moved: Tensor
        self.register_buffer("moved", torch.zeros(n_channels, n_quantiles))

    def forward(self, past: Tensor) -> Tensor:
        """Return the future, float32 (batch, horizon, channels), of `past`, (batch, time, inputs).

        Raises:
            ValueError: the past is no whole number of segments, or has another number of inputs.
        """
        return self.foresee(past).point

    def foresee(self, past: Tensor) -> Foreseen:
        """Return the future of `past`, (batch, time, inputs), and its quantiles.

        Raises:
            ValueError: as `forward`.
        """
        batch, time, n_inputs = past.shape
        n_channels = len(self.channels)
        if time % self.segment or n_inputs != (self.n_mixed or n_channels):
            expected = f"(batch, a multiple of {self.segment}, {self.n_mixed or n_channels})"
            raise ValueError(f"past must be {expected}, not {tuple(past.shape)}")
        states = self.dropout(self._decode(self.encoder(self._segments(past), final_state=True).state, batch))
        future = self._in_order(self.output(states), batch)[..., 0]  # (batch, horizon, channels)
        point = self.moves * future.float() + self._base(past)
        if self.spread is None:
            return Foreseen(point, point.new_empty(*point.shape, 0))
        first, *others = self._in_order(self.spread(states), batch).float().unbind(-1)
        steps = torch.stack([first, *map(functional.softplus, others)], -1)
        away = (steps.cumsum(-1) + self.moved).sort(-1).values  # what has been moved may no longer rise
        return Foreseen(point, point.unsqueeze(-1) + self.unit.unsqueeze(-1) * away)

    @property
    def unit(self) -> Tensor:
        """What quantiles are measured in, (horizon, channels) or (channels,); 0 of a still channel."""
        return self.moves if self.simple is None else self.moves * self.simple.errors

    @torch.no_grad()
    def move_quantiles(self, windows: Iterable[tuple[Tensor, Tensor]], levels: Sequence[float]) -> None:
        """Move each quantile so that of the numbers of some windows as many lie below it as its level says.

        Source: Romano, Patterson & Candès 2019, whose offset serves both ends of an interval; here each has its own.

        Args:
            windows: pasts (batch, time, inputs) and futures (batch, horizon, channels) that were not trained on.
            levels: of the quantiles.
        """
        self.moved.zero_()
        wrong = torch.cat([future.unsqueeze(-1) - self.foresee(past).quantiles for past, future in windows])
        away = (wrong / self.unit.unsqueeze(-1)).flatten(0, 1).cpu().numpy()  # (numbers, channels, levels)
        for place, level in enumerate(levels):
            found = torch.from_numpy(np.quantile(away[..., place], level, axis=0)).to(self.moved)
            self.moved[:, place] = torch.where(self.moves > 0, found, 0.0)  # a still channel has no unit

    def _segments(self, past: Tensor) -> Tensor:
        """Return what the encoder reads, a row for each channel of each window or, mixed, for each window."""
        batch, _, n_inputs = past.shape
        n_channels = len(self.channels)
        moved = past[..., :n_channels] - past[:, -1:, :n_channels]
        if self.n_mixed:
            return torch.cat([moved, past[..., n_channels:]], -1).reshape(batch, -1, self.segment * n_inputs)
        return moved.transpose(1, 2).reshape(batch * n_channels, -1, self.segment)

    def _base(self, past: Tensor) -> Tensor:
        """Return what forecasts are added to: the last value (batch, 1, channels), the last season, or a forecast."""
        own = past[..., : len(self.channels)]
        if self.on_linear and self.simple is not None:
            return own[:, -1:] + self.moves * (self.simple.linear(past) - own[:, -1:])
        return last_season(own, self.season, self.horizon) if self.season else own[:, -1:]

    def _decode(self, state: tuple[LayerMemory, ...], batch: int) -> Tensor:
        """Return the states (batch · channels · segments, hidden) of the future after what the encoder left."""
        n_channels, n_segments = len(self.channels), len(self.places)
        queries = torch.cat(
            [
                self.places.expand(n_channels, -1, -1),
                self.channels.unsqueeze(1).expand(-1, n_segments, -1),
            ],
            -1,
        )  # (channels, segments, embed)
        queries = queries.flatten(0, 1).repeat(batch, 1).unsqueeze(1)  # (batch · channels · segments, 1, embed)
        start = tuple(_repeated(layer, n_segments * (n_channels if self.n_mixed else 1)) for layer in state)
        mask = torch.ones(queries.shape[:2], dtype=torch.bool, device=queries.device)
        states: Tensor = self.encoder.stack(queries, mask, start).states[:, 0]
        return states

    def _in_order(self, parts: Tensor, batch: int) -> Tensor:
        """Return the numbers (batch, horizon, channels, …) of segments (batch · channels · segments, segment · …)."""
        rows = parts.view(batch, len(self.channels), len(self.places) * self.segment, -1)
        return rows[:, :, : self.horizon].transpose(1, 2)


def _spread(width: int, segment: int, n_quantiles: int) -> nn.Linear:
    """Return the layer of the quantiles, which at first lie evenly around the forecast."""
    layer = nn.Linear(width, segment * n_quantiles)
    with torch.no_grad():
        layer.bias.view(segment, n_quantiles)[:, 0] -= math.log(2.0) * (n_quantiles - 1) / 2  # softplus(0) = log 2
    return layer


def _repeated(state: LayerMemory, times: int) -> LayerMemory:
    """Return a layer's memory with each row so many times."""
    kind: Callable[..., LayerMemory] = type(state)
    return kind(*(None if part is None else part.repeat_interleave(times, 0) for part in state))


def forecast_error(found: Tensor, future: Tensor, *, kind: str) -> Tensor:
    """Return the error of a forecast, summed over all its numbers: `l1` |y − ŷ|, `mse` (y − ŷ)²."""
    return (found - future).abs().sum() if kind == "l1" else (found - future).square().sum()


def pinball_error(quantiles: Tensor, future: Tensor, levels: Sequence[float]) -> Tensor:
    """Return twice the pinball loss of quantiles, summed over all levels and numbers of the future.

        ρ_τ(y, q) = max(τ (y − q), (τ − 1) (y − q))

    Twice that of the median is the absolute error. Source: Koenker & Bassett 1978, equation 2.2.

    Args:
        quantiles: (…, levels).
        future: what came, (…).
        levels: τ of each, in (0, 1).
    """
    wrong = future.unsqueeze(-1) - quantiles
    level = wrong.new_tensor(levels)
    return 2.0 * torch.maximum(level * wrong, (level - 1.0) * wrong).sum()
