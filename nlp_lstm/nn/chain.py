"""Sums over all tag sequences of a chain: the total weight, and the share of it that goes through each tag and move."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

RESCALE = 8
"""Steps between two rescalings of the running sums; doubles have room for differences of 80 nats at each of them."""
AGREE = 1e-6
"""How far, relatively, the totals summed from both ends may differ before everything is summed again in logarithms."""


class Chain(NamedTuple):
    """The scores of a linear chain, −∞ where forbidden.

    Attributes:
        start: of beginning with each tag, float32 (tags,).
        move: of each tag after each other, float32 (tags, tags) as [from, to].
        end: of ending with each tag, float32 (tags,).
    """

    start: Tensor
    move: Tensor
    end: Tensor


class Moves(Protocol):
    """The share of the weight of all sequences that goes from tag to tag, for each pair of tags and each time."""

    def expected(self, row_weights: Tensor) -> Tensor:
        """Return how often each move is expected over the batch, row b counting `row_weights[b]`, (tags, tags)."""
        ...

    def along(self, tags: Tensor) -> Tensor:
        """Return the share of each move that `tags` int64 (batch, time) make, (batch, time − 1), zero at padding."""
        ...


class PathSums(NamedTuple):
    """What all sequences together say of a batch, in float64.

    Attributes:
        log_total: logarithm of the total weight of each row's sequences, (batch,).
        nodes: share of the weight that goes through each tag, (batch, time, tags), zero at padding.
        moves: share that goes from tag to tag.
    """

    log_total: Tensor
    nodes: Tensor
    moves: Moves


def sum_paths(emissions: Tensor, chain: Chain, mask: Tensor) -> PathSums:
    """Return the sums over all tag sequences; nothing of it is differentiated.

    The forward and the backward recursion of Rabiner 1989 (section III.A), with

        α_t = (α_{t−1} A) ∘ p_t,    γ_t = (γ_{t+1} Aᵀ) ∘ p_t,    p_t = exp P_t,

    run side by side as one batched product a step: the backward one is the forward one on the reversed row with the
    transposed matrix. Both are kept in doubles and rescaled. Should scores be so far apart that a double cannot hold
    what matters, the totals from both ends differ, and the same is done in logarithms.

    Args:
        emissions: the score of each tag at each token, float32 (batch, time, tags).
        chain: the scores of beginnings, moves and ends.
        mask: True at real tokens, bool (batch, time); padding stands on the right only, each row has a token.
    """
    lengths = mask.sum(1)
    scores = emissions.double().masked_fill(~mask.unsqueeze(-1), 0.0).transpose(0, 1)  # (time, batch, tags)
    double = Chain(*(part.double() for part in chain))
    found = _sum_scaled(scores, double, lengths)
    return found if found is not None else _sum_in_logarithms(scores, double, lengths)


def _sum_scaled(scores: Tensor, chain: Chain, lengths: Tensor) -> PathSums | None:
    """Sum with rescaled weights; None when the two directions disagree."""
    time, batch, tags = scores.shape
    top = scores.amax(-1, keepdim=True)  # (time, batch, 1)
    tops = Chain(*(part.amax() for part in chain))
    start, move, end = (torch.exp(part - highest) for part, highest in zip(chain, tops, strict=True))
    weights = torch.exp(scores - top)  # (time, batch, tags)
    back = _reversal(lengths, time).unsqueeze(-1).expand_as(weights)  # (time, batch, tags)
    both = torch.stack([weights, weights.gather(0, back)], 1)  # (time, 2, batch, tags)
    first = torch.stack([start, end]).unsqueeze(1).expand(2, batch, tags)
    before, after, scale = _run(both, first, torch.stack([move, move.T]))

    last = (lengths - 1).view(1, 1, batch, 1)
    ends = after.gather(0, last.expand(1, 2, batch, tags))[0]  # (2, batch, tags)
    totals = (ends * torch.stack([end, start]).unsqueeze(1)).sum(-1).log()  # (2, batch)
    totals = totals + scale.cumsum(0).gather(0, last[..., 0].expand(1, 2, batch))[0]
    offset = (top.squeeze(-1) * _inside(lengths, time)).sum(0) + tops.start + tops.end + (lengths - 1) * tops.move
    if not (totals.isfinite().all() and torch.allclose(totals[0], totals[1], rtol=AGREE, atol=AGREE)):
        return None

    right = weights * before[:, 1].gather(0, back)  # (time, batch, tags)
    nodes = before[:, 0] * right
    share = _inside(lengths, time) / nodes.sum(-1)  # (time, batch)
    nodes = nodes * share.unsqueeze(-1)
    left = after[:-1, 0] * share[1:].unsqueeze(-1)  # (time − 1, batch, tags)
    return PathSums(totals[0] + offset, nodes.transpose(0, 1), _ScaledMoves(left, move, right[1:]))


@dataclass(frozen=True)
class _ScaledMoves:
    """The move i → j into time t + 1 of row b has the share `left[t, b, i] · weights[i, j] · right[t, b, j]`."""

    left: Tensor
    weights: Tensor
    right: Tensor

    def expected(self, row_weights: Tensor) -> Tensor:
        tags = self.weights.shape[0]
        left = (self.left * row_weights.unsqueeze(-1)).reshape(-1, tags)
        return (left.T @ self.right.reshape(-1, tags)) * self.weights

    def along(self, tags: Tensor) -> Tensor:
        before, after = tags[:, :-1], tags[:, 1:]
        left, right = _pick(self.left, before), _pick(self.right, after)
        return left * self.weights[before, after] * right


def _run(weights: Tensor, first: Tensor, moves: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Run both recursions over `weights` (time, 2, batch, tags).

    Returns:
        The sums before and after the weight of each step, shaped like `weights`, and the logarithm of what the
        latter were divided by, (time, 2, batch).
    """
    before, after = torch.empty_like(weights), torch.empty_like(weights)
    scale = weights.new_zeros(weights.shape[:3])
    steps = list(zip(before.unbind(0), after.unbind(0), weights.unbind(0), strict=True))
    steps[0][0].copy_(first)
    for time, (now, then, weight) in enumerate(steps):
        if time:
            torch.bmm(steps[time - 1][1], moves, out=now)
        torch.mul(now, weight, out=then)
        if time % RESCALE == RESCALE - 1:
            total = then.sum(-1)
            then.div_(total.unsqueeze(-1))
            scale[time] = total.log()
    return before, after, scale


def _sum_in_logarithms(scores: Tensor, chain: Chain, lengths: Tensor) -> PathSums:
    """Sum in logarithms: slower, exact for scores of any size."""
    time = len(scores)
    inside = _inside(lengths, time).bool()
    lefts = [chain.start + scores[0]]
    for step in range(1, time):
        moved = torch.logsumexp(lefts[-1].unsqueeze(-1) + chain.move, 1) + scores[step]
        lefts.append(torch.where(inside[step].unsqueeze(-1), moved, lefts[-1]))
    log_total = torch.logsumexp(lefts[-1] + chain.end, -1)
    rights = [chain.end.expand_as(lefts[0])]
    for step in range(time - 1, 0, -1):
        moved = torch.logsumexp(chain.move + (rights[-1] + scores[step]).unsqueeze(1), -1)
        rights.append(torch.where(inside[step].unsqueeze(-1), moved, rights[-1]))
    left, right = torch.stack(lefts), torch.stack(rights[::-1])
    nodes = torch.exp(left + right - log_total.unsqueeze(-1)) * inside.unsqueeze(-1)
    moves = _LogMoves(left[:-1] - log_total.unsqueeze(-1), chain.move, right[1:] + scores[1:], inside[1:])
    return PathSums(log_total, nodes.transpose(0, 1), moves)


@dataclass(frozen=True)
class _LogMoves:
    """The logarithm of the share of the move i → j into time t + 1 is `left[t, b, i] + move[i, j] + right[t, b, j]`."""

    left: Tensor
    move: Tensor
    right: Tensor
    inside: Tensor

    def expected(self, row_weights: Tensor) -> Tensor:
        total = torch.zeros_like(self.move)
        for left, right, inside in zip(self.left, self.right, self.inside, strict=True):
            shares = torch.exp(left.unsqueeze(-1) + self.move + right.unsqueeze(1))  # (batch, tags, tags)
            total += ((row_weights * inside).view(-1, 1, 1) * shares).sum(0)
        return total

    def along(self, tags: Tensor) -> Tensor:
        before, after = tags[:, :-1], tags[:, 1:]
        share = torch.exp(_pick(self.left, before) + self.move[before, after] + _pick(self.right, after))
        return share * self.inside.T


def _pick(values: Tensor, tags: Tensor) -> Tensor:
    """Return the entries of `values` (time, batch, tags) at the given tags (batch, time), (batch, time)."""
    return values.transpose(0, 1).gather(2, tags.unsqueeze(-1)).squeeze(-1)


def _reversal(lengths: Tensor, time: int) -> Tensor:
    """Return the index that reverses each row inside its length, int64 (time, batch)."""
    position = torch.arange(time, device=lengths.device).unsqueeze(1)
    return torch.where(position < lengths, lengths - 1 - position, position)


def _inside(lengths: Tensor, time: int) -> Tensor:
    """Return 1 at real tokens and 0 at padding, float64 (time, batch)."""
    return (torch.arange(time, device=lengths.device).unsqueeze(1) < lengths).double()
