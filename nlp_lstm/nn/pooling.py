"""From a state for every token to one vector for the whole text."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def mean_states(states: Tensor, mask: Tensor) -> Tensor:
    """Return the mean over real tokens, float32 (batch, hidden); `states` (batch, time, hidden), zero at padding."""
    return states.sum(1, dtype=torch.float32) / mask.sum(1, keepdim=True)


def max_states(states: Tensor, mask: Tensor) -> Tensor:
    """Return the maximum over real tokens of each channel, (batch, hidden)."""
    return states.masked_fill(~mask.unsqueeze(-1), float("-inf")).amax(1)


def last_states(states: Tensor, mask: Tensor, *, bidirectional: bool) -> Tensor:
    """Return the state that has read the whole row, (batch, hidden).

    Going forward that is the one at the last real token; the backward half of a two-way encoder ends at the first.
    """
    rows = torch.arange(states.shape[0], device=states.device)
    last = states[rows, mask.sum(1) - 1]  # (batch, hidden)
    if not bidirectional:
        return last
    half = states.shape[-1] // 2
    return torch.cat([last[:, :half], states[:, 0, half:]], -1)


class Pooling(nn.Module):
    """Makes one vector of the states of a text.

    Args:
        input_size: width of a state.
        bidirectional: whether its second half was read from the end.
    """

    output_size: int
    """Width of the vector."""

    def __init__(self, input_size: int, *, bidirectional: bool) -> None:
        super().__init__()
        self.output_size = input_size
        self.bidirectional = bidirectional

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """Pool `states` (batch, time, hidden) under `mask` bool (batch, time) to float32 (batch, output_size)."""
        raise TypeError(f"{type(self).__name__} does not say how it pools")


class ConcatPooling(Pooling):
    """Last, mean and maximum side by side, (batch, 3 · hidden).

    Source: Howard & Ruder 2018 (ULMFiT), section 3.3.
    """

    def __init__(self, input_size: int, *, bidirectional: bool) -> None:
        super().__init__(input_size, bidirectional=bidirectional)
        self.output_size = 3 * input_size

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """Pool `states` (batch, time, hidden) under `mask` bool (batch, time) to float32 (batch, 3 · hidden)."""
        last = last_states(states, mask, bidirectional=self.bidirectional)
        return torch.cat([last.float(), mean_states(states, mask), max_states(states, mask).float()], -1)


class MaxPooling(Pooling):
    """The maximum over time of each channel, (batch, hidden)."""

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """Pool `states` (batch, time, hidden) under `mask` bool (batch, time) to float32 (batch, hidden)."""
        return max_states(states, mask).float()


class AttentionPooling(Pooling):
    """A weighted mean whose weights the network learns.

        u_t = tanh(W h_t + b);  α_t = softmax_t(vᵀ u_t);  s = Σ_t α_t h_t

    h_t: states; v: what an important word looks like. Source: Yang et al. 2016, equations 5 to 7.
    """

    def __init__(self, input_size: int, *, bidirectional: bool) -> None:
        super().__init__(input_size, bidirectional=bidirectional)
        self.project = nn.Linear(input_size, input_size)
        self.context = nn.Linear(input_size, 1, bias=False)

    def weights(self, states: Tensor, mask: Tensor) -> Tensor:
        """Return how much each token counts, float32 (batch, time); zero at padding, each row sums to 1."""
        scores = self.context(torch.tanh(self.project(states))).squeeze(-1).float()  # (batch, time)
        return scores.masked_fill(~mask, float("-inf")).softmax(-1)

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """Pool `states` (batch, time, hidden) under `mask` bool (batch, time) to float32 (batch, hidden)."""
        return (self.weights(states, mask).unsqueeze(-1) * states.float()).sum(1)


POOLINGS: dict[str, type[Pooling]] = {"concat": ConcatPooling, "max": MaxPooling, "attention": AttentionPooling}
"""Every pooling a classifier offers, by name."""
