"""The forecaster: segments of a series → the shared encoder → all segments of the future side by side."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from nlp_lstm.nn.layers import LayerMemory
from nlp_lstm.nn.vectors import VectorEncoder

QUERY_SCALE = 0.1
"""Standard deviation of a new query's parts."""


class Forecaster(nn.Module):
    """Foresees each channel of a series from its own past.

        u = x − x_L                            x_1 … x_L: the past, less its last value
        s_j = u_{(j−1)w+1} … u_{jw}             segments of w steps, j = 1 … L/w
        (h, c) = encoder(s_1, …, s_{L/w})      its final state
        q_k = [p_k ; e]                        a place in the future, and the channel
        y_k = V · encoder(q_k | h, c) + b + x_L    one step for each segment k = 1 … ⌈H/w⌉ of the future

    Every y_k starts from the same state, so the future costs one step, however far it reaches, and no error is fed
    back. Queries go past the encoder's projection, straight to its layers.
    Source: Lin et al. 2023 (SegRNN), section 4, whose cell is a GRU.

    Args:
        encoder: reads segments; its projection makes them `embed_size` wide.
        n_channels: how many columns the series has.
        segment: steps in a segment.
        horizon: steps to foresee.
        dropout: probability of dropping a channel of what the output layer reads, in training.
        channel_embedding: tell the queries which channel is asked for.
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
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.segment, self.horizon = segment, horizon
        n_segments = -(-horizon // segment)
        width = encoder.stack.input_size
        of_channel = width // 2 if channel_embedding else 0
        self.places = nn.Parameter(QUERY_SCALE * torch.randn(n_segments, width - of_channel))
        self.channels = nn.Parameter(QUERY_SCALE * torch.randn(n_channels, of_channel))
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(encoder.output_size, segment)

    def forward(self, past: Tensor) -> Tensor:
        """Return the future, float32 (batch, horizon, channels), of `past`, (batch, time, channels).

        Raises:
            ValueError: the past is no whole number of segments, or has another number of channels.
        """
        batch, time, n_channels = past.shape
        if time % self.segment or n_channels != len(self.channels):
            expected = f"(batch, a multiple of {self.segment}, {len(self.channels)})"
            raise ValueError(f"past must be {expected}, not {tuple(past.shape)}")
        last = past[:, -1:]  # (batch, 1, channels)
        rows = (past - last).transpose(1, 2).reshape(batch * n_channels, -1, self.segment)
        state = self.encoder(rows, final_state=True).state
        found = self._decode(state, batch)  # (batch · channels, segments · segment)
        future = found.view(batch, n_channels, -1)[..., : self.horizon].transpose(1, 2)  # (batch, horizon, channels)
        return future.float() + last

    def _decode(self, state: tuple[LayerMemory, ...], batch: int) -> Tensor:
        """Return the segments of the future, one after the other, of rows that the encoder left in `state`."""
        n_segments = len(self.places)
        queries = torch.cat(
            [
                self.places.expand(len(self.channels), -1, -1),
                self.channels.unsqueeze(1).expand(-1, n_segments, -1),
            ],
            -1,
        )  # (channels, segments, embed)
        queries = queries.flatten(0, 1).repeat(batch, 1).unsqueeze(1)  # (batch · channels · segments, 1, embed)
        start = tuple(_repeated(layer, n_segments) for layer in state)
        mask = torch.ones(queries.shape[:2], dtype=torch.bool, device=queries.device)
        states = self.encoder.stack(queries, mask, start).states[:, 0]  # (batch · channels · segments, hidden)
        segments: Tensor = self.output(self.dropout(states))
        return segments.view(batch * len(self.channels), -1)


def _repeated(state: LayerMemory, times: int) -> LayerMemory:
    """Return a layer's memory with each row so many times."""
    kind: Callable[..., LayerMemory] = type(state)
    return kind(*(None if part is None else part.repeat_interleave(times, 0) for part in state))


def forecast_error(found: Tensor, future: Tensor, *, kind: str) -> Tensor:
    """Return the error of a forecast, summed over all its numbers: `l1` |y − ŷ|, `mse` (y − ŷ)²."""
    return (found - future).abs().sum() if kind == "l1" else (found - future).square().sum()
