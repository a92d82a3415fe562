"""The moving average of the weights, which is what gets evaluated and saved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class WeightAverage:
    """An exponential moving average of a model's weights.

        θ̄_n = d_n · θ̄_{n−1} + (1 − d_n) · θ_n,   d_n = min(decay, (1 + n) / (10 + n))

    θ_n: the weights after step n. The growing d_n forgets the random start quickly. With decay 0 the average is
    the weights themselves. Source: Polyak & Juditsky 1992; the growing decay as in TensorFlow's
    `ExponentialMovingAverage` (`num_updates`).
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.weights = list(model.parameters())
        self.average = [weight.detach().clone() for weight in self.weights]

    def update(self, step: int) -> None:
        """Take in the weights after optimizer step `step`, counted from 1."""
        decay = min(self.decay, (1 + step) / (10 + step))
        with torch.no_grad():
            torch._foreach_lerp_(self.average, [weight.detach() for weight in self.weights], 1.0 - decay)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Put the average in the place of the model's weights while the block runs."""
        with torch.no_grad():
            kept = [weight.detach().clone() for weight in self.weights]
            self._assign(self.average)
            try:
                yield
            finally:
                self._assign(kept)

    def _assign(self, values: list[Tensor]) -> None:
        for weight, value in zip(self.weights, values, strict=True):
            weight.detach().copy_(value)
