"""Sums over all tag sequences by tensor operations, on any device: as weights, and as logarithms where these fail."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from nlp_lstm.nn.chain import Chain, Slopes

RESCALE = 8
"""Steps between two rescalings of the running sums; doubles have room for differences of 80 nats at each of them."""
AGREE = 1e-6
"""How far, in nats, the totals found along a row may differ before everything is summed again in logarithms."""
TINY = torch.finfo(torch.float64).tiny
"""Below it a double has fewer digits."""
SPREAD = 700.0
"""exp(−700) is above it."""


class Lattice(NamedTuple):
    """The scores of a batch, with one more tag behind the real ones: the boundary.

    It stands before and behind each row, and at padding. So beginnings and ends are moves like others, and padding is
    a stay at the boundary that weighs nothing.

    Attributes:
        scores: of each tag at each token, −∞ where it can't stand, float64 (time, batch, tags + 1).
        moves: of each tag after each other, float64 (tags + 1, tags + 1) as [from, to].
        outside: True at padding, bool (time, batch).
        spread: nats between the lowest and the highest of the batch's emissions.
    """

    scores: Tensor
    moves: Tensor
    outside: Tensor
    spread: float

    @classmethod
    def build(cls, emissions: Tensor, chain: Chain, mask: Tensor) -> Lattice:
        """Return the scores of a batch.

        Args:
            emissions: the score of each tag at each token, float32 (batch, time, tags); padding may hold anything.
            chain: the scores of beginnings, moves and ends; they let each row have a sequence.
            mask: True at real tokens, bool (batch, time); padding stands on the right only.
        """
        batch, time, tags = emissions.shape
        outside = ~mask.T  # (time, batch)
        scores = emissions.new_full((time, batch, tags + 1), float("-inf"), dtype=torch.float64)
        scores[..., :tags] = emissions.transpose(0, 1)
        scores.masked_fill_(outside.unsqueeze(-1), float("-inf"))
        scores[..., tags].masked_fill_(outside, 0.0)
        moves = scores.new_zeros(tags + 1, tags + 1)
        moves[tags, :tags], moves[:tags, :tags], moves[:tags, tags] = chain
        lowest, highest = emissions.aminmax()
        return cls(scores, moves, outside, float(highest - lowest))

    def bounded(self, tags: Tensor) -> Tensor:
        """Return `tags` int64 (batch, time) between boundaries, those at padding replaced by it, (time + 2, batch)."""
        boundary = len(self.moves) - 1
        inside = tags.T.masked_fill(self.outside, boundary)  # (time, batch)
        edge = torch.full_like(inside[:1], boundary)
        return torch.cat([edge, inside, edge])

    def places(self, bounded: Tensor) -> Tensor:
        """Return where in the flattened `moves` those of a bounded sequence stand, int64 (time + 1, batch)."""
        return bounded[:-1] * len(self.moves) + bounded[1:]

    def score(self, bounded: Tensor) -> Tensor:
        """Return the score of a bounded sequence of each row, float64 (batch,)."""
        emitted = self.scores.gather(2, bounded[1:-1].unsqueeze(-1))  # (time, batch, 1)
        return emitted.sum((0, 2)) + self.moves.take(self.places(bounded)).sum(0)


@dataclass(frozen=True)
class _LatticeSums(ABC):
    """Sums for each of the time + 1 moves from place to place, float64 (time + 1, batch, tags + 1).

    `left` is over what comes before a move, `right` over what comes behind it.
    """

    lattice: Lattice
    log_total: Tensor
    left: Tensor
    right: Tensor

    @abstractmethod
    def tags(self, row_weights: Tensor) -> Tensor:
        """Return the shares of each tag, boundary included, times their row's weight, (time, batch, tags + 1)."""

    @abstractmethod
    def moves(self, row_weights: Tensor) -> Tensor:
        """Return how often each move is expected over the weighted batch, (tags + 1, tags + 1)."""

    @abstractmethod
    def along(self, tags: Tensor) -> Tensor:
        """Return the share of the weight that makes each move of `tags` int64 (batch, time), (batch, time − 1)."""

    def shares(self) -> Tensor:
        """Return the share of the weight that goes through each tag, (batch, time, tags), zero at padding."""
        return self.tags(torch.ones_like(self.log_total))[..., :-1].transpose(0, 1)

    def log_prob(self, tags: Tensor) -> Tensor:
        """Return the logarithm of the share that each row of `tags` has alone, (batch,)."""
        return self.lattice.score(self.lattice.bounded(tags)) - self.log_total

    def slopes(self, tags: Tensor, row_weights: Tensor) -> Slopes:
        """Return the gradient of Σ_row row_weight · log_prob(tags): what is there less what is expected."""
        bounded = self.lattice.bounded(tags)
        places = self.lattice.places(bounded)
        nodes, moves = self.tags(-row_weights), self.moves(-row_weights)
        nodes.scatter_add_(2, bounded[1:-1].unsqueeze(-1), row_weights.expand_as(bounded[1:-1]).unsqueeze(-1))
        moves.put_(places, row_weights.expand_as(places), accumulate=True)
        emissions = nodes[..., :-1].transpose(0, 1).to(torch.float32, memory_format=torch.contiguous_format)
        moves = moves.float()
        return Slopes(emissions, Chain(moves[-1, :-1], moves[:-1, :-1], moves[:-1, -1]))


@dataclass(frozen=True)
class _ScaledSums(_LatticeSums):
    """Sums as weights, each place with a factor of its own.

    `left` is α before a move, `right` is γ behind it, `through` = (α A) ∘ γ, and `total` is the latter's sum.
    """

    weights: Tensor
    through: Tensor
    total: Tensor

    def tags(self, row_weights: Tensor) -> Tensor:
        return self.through[:-1] * (row_weights / self.total[:-1]).unsqueeze(-1)

    def moves(self, row_weights: Tensor) -> Tensor:
        left = self.left * (row_weights / self.total).unsqueeze(-1)  # (time + 1, batch, tags + 1)
        return (left.flatten(0, 1).T @ self.right.flatten(0, 1)) * self.weights

    def along(self, tags: Tensor) -> Tensor:
        left, right = _pick(self.left[1:-1], tags[:, :-1]), _pick(self.right[1:-1], tags[:, 1:])
        return left * self.weights[tags[:, :-1], tags[:, 1:]] * right / self.total[1:-1].T


def sum_scaled(lattice: Lattice) -> _LatticeSums | None:
    """Return the sums as rescaled weights; None where doubles lose something.

    The forward and the backward recursion of Rabiner 1989 (section III.A), with

        α_t = (α_{t−1} A) ∘ p_t,    γ_t = (γ_{t+1} Aᵀ) ∘ p_t,    p_t = exp P_t,

    both from the boundary on, run side by side as one batched product a step: the backward one is the forward one on
    the reversed rows with the transposed matrix.

    Doubles lose something where a weight that is not forbidden is too small. It also shows when the total is not the
    same along a row: what one recursion lost the other one still had.
    """
    moves = lattice.moves.exp()
    if not (lattice.spread < SPREAD and torch.equal(moves > TINY, lattice.moves > float("-inf"))):
        return None
    top = lattice.scores.amax(-1, keepdim=True)  # (time, batch, 1)
    weights = (lattice.scores - top).exp_()  # (time, batch, tags + 1)
    after, scale = _run(torch.stack([weights, weights.flip(0)], 1), torch.stack([moves, moves.T]))
    left, right = after[:, 0], after[:, 1].flip(0)  # (time + 1, batch, tags + 1)
    through = (left @ moves).mul_(right)
    total = through.sum(-1)  # (time + 1, batch)
    divided = scale.log_().cumsum(0)  # (time + 1, 2, batch)
    log_total = total.log().add_(divided[:, 0]).add_(divided[:, 1].flip(0))
    if not float((log_total - log_total[0]).abs_().max()) < AGREE:  # also where it is no number
        return None
    return _ScaledSums(lattice, log_total[0] + top.sum((0, 2)), left, right, moves, through, total)


def _run(weights: Tensor, moves: Tensor) -> tuple[Tensor, Tensor]:
    """Run both recursions over `weights` (time, 2, batch, tags + 1) with `moves` (2, tags + 1, tags + 1).

    Returns:
        The sums at each place from the boundary on, (time + 1, 2, batch, tags + 1), and what they were divided by,
        (time + 1, 2, batch).
    """
    time, _, batch, tags = weights.shape
    after, scale = weights.new_empty(time + 1, 2, batch, tags), weights.new_ones(time + 1, 2, batch)
    now, *later = after.unbind(0)
    now.zero_()[..., -1] = 1.0
    moved = torch.empty_like(now)
    for step, (weight, then) in enumerate(zip(weights.unbind(0), later, strict=True), start=1):
        now = torch.mul(torch.bmm(now, moves, out=moved), weight, out=then)
        if step % RESCALE == 0:
            now.div_(torch.sum(now, -1, out=scale[step]).unsqueeze(-1))
    return after, scale


@dataclass(frozen=True)
class _LogSums(_LatticeSums):
    """Sums as logarithms: `left` is log α before a move less the row's log total, `right` is log γ behind it."""

    def tags(self, row_weights: Tensor) -> Tensor:
        moved = (_move(left, self.lattice.moves) for left in self.left[:-1])
        shares = [torch.exp(left + right) for left, right in zip(moved, self.right[:-1], strict=True)]
        return torch.stack(shares) * row_weights.unsqueeze(-1)

    def moves(self, row_weights: Tensor) -> Tensor:
        scores = self.lattice.moves
        total = torch.zeros_like(scores)
        for left, right in zip(self.left, self.right, strict=True):
            shares = torch.exp(left.unsqueeze(-1) + scores + right.unsqueeze(1))  # (batch, tags + 1, tags + 1)
            total += (row_weights.view(-1, 1, 1) * shares).sum(0)
        return total

    def along(self, tags: Tensor) -> Tensor:
        left, right = _pick(self.left[1:-1], tags[:, :-1]), _pick(self.right[1:-1], tags[:, 1:])
        return torch.exp(left + self.lattice.moves[tags[:, :-1], tags[:, 1:]] + right)


def sum_in_logarithms(lattice: Lattice) -> _LatticeSums:
    """Return the sums as logarithms: the same recursions, slower, exact for scores of any size."""
    scores, moves = lattice.scores, lattice.moves
    lefts = [torch.full_like(scores[0], float("-inf"))]  # (batch, tags + 1)
    lefts[0][:, -1] = 0.0
    rights = [lefts[0]]
    for forward, backward in zip(scores, scores.flip(0), strict=True):
        lefts.append(_move(lefts[-1], moves) + forward)
        rights.append(_move(rights[-1], moves.T) + backward)
    log_total = _move(lefts[-1], moves)[:, -1]
    left, right = torch.stack(lefts) - log_total.unsqueeze(-1), torch.stack(rights[::-1])
    return _LogSums(lattice, log_total, left, right)


def _move(sums: Tensor, moves: Tensor) -> Tensor:
    """Return the product of a vector for each row and a matrix, all in logarithms, (batch, tags + 1)."""
    return torch.logsumexp(sums.unsqueeze(-1) + moves, 1)


def _pick(values: Tensor, tags: Tensor) -> Tensor:
    """Return the entries of `values` (time, batch, tags) at the given tags (batch, time), (batch, time)."""
    return values.gather(2, tags.T.unsqueeze(-1)).squeeze(-1).T
