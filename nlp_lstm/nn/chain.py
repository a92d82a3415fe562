"""A linear chain: its scores, and what all of its tag sequences together say of a batch."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from torch import Tensor


class Chain(NamedTuple):
    """The scores of a linear chain, float32, −∞ where forbidden.

    Attributes:
        start: of beginning with each tag, (tags,).
        move: of each tag after each other, (tags, tags) as [from, to].
        end: of ending with each tag, (tags,).
    """

    start: Tensor
    move: Tensor
    end: Tensor


class Slopes(NamedTuple):
    """A gradient, float32.

    Attributes:
        emissions: by the score of each tag at each token, (batch, time, tags), zero at padding.
        chain: by the scores of beginnings, moves and ends.
    """

    emissions: Tensor
    chain: Chain


class PathSums(Protocol):
    """What all tag sequences together say of a batch, in float64; nothing of it is differentiated."""

    @property
    def log_total(self) -> Tensor:
        """Logarithm of the total weight of each row's sequences, (batch,)."""
        ...

    def shares(self) -> Tensor:
        """Return the share of the weight that goes through each tag, (batch, time, tags), zero at padding."""
        ...

    def along(self, tags: Tensor) -> Tensor:
        """Return the share of the weight that makes each move of `tags` int64 (batch, time), (batch, time − 1)."""
        ...

    def log_prob(self, tags: Tensor) -> Tensor:
        """Return the logarithm of the share that each row of `tags` has alone, (batch,); padding may hold anything."""
        ...

    def slopes(self, tags: Tensor, row_weights: Tensor) -> Slopes:
        """Return the gradient of Σ_row row_weight · log_prob(tags) by all scores.

        It is what is there less what is expected: ∂ log p / ∂ P[t, j] = 1(y_t = j) − p(y_t = j), and the same for
        beginnings, moves and ends. Source: Sutton & McCallum 2012, section 5.1.1.

        Args:
            tags: int64 (batch, time); padding may hold anything.
            row_weights: how much each row counts, float64 (batch,).
        """
        ...
