"""Sums over all tag sequences by compiled loops over rows, tokens and tags: as weights, on the CPU."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, inf, isfinite, log, nan
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nlp_lstm.nn.chain import Chain, Slopes
from nlp_lstm.nn.machine_code import machine_code

AGREE = 1e-6
"""How far the totals found along a row may differ, as a fraction; beyond it doubles have lost something."""
TINY = float(np.finfo(np.float64).tiny)
"""Below it a double has fewer digits."""

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class LoopSums:
    """Sums as weights, float64 (batch, time, tags), zero at padding.

    The share of the weight that goes through tag i at token t is `left`[t, i] · `right`[t, i], and that of the move
    from there to tag j is `left`[t, i] · `weights`[i, j] · `into`[t, j].
    """

    emissions: Tensor
    chain: Chain
    lengths: Tensor
    log_total: Tensor
    left: Tensor
    right: Tensor
    into: Tensor
    weights: Tensor

    def shares(self) -> Tensor:
        """Return the share of the weight that goes through each tag, (batch, time, tags), zero at padding."""
        return self.left * self.right

    def along(self, tags: Tensor) -> Tensor:
        """Return the share of the weight that makes each move of `tags` int64 (batch, time), (batch, time − 1)."""
        before, after = tags[:, :-1], tags[:, 1:]
        left = self.left[:, :-1].gather(2, before.unsqueeze(-1)).squeeze(-1)
        into = self.into[:, :-1].gather(2, after.unsqueeze(-1)).squeeze(-1)
        return left * self.weights[before, after] * into

    def log_prob(self, tags: Tensor) -> Tensor:
        """Return the logarithm of the share that each row of `tags` has alone, (batch,)."""
        found = torch.empty_like(self.log_total)
        _score_rows(*_arrays(self.emissions, *self.chain, self.lengths, tags, found))
        return found.sub_(self.log_total)

    def slopes(self, tags: Tensor, row_weights: Tensor) -> Slopes:
        """Return the gradient of Σ_row row_weight · log_prob(tags): what is there less what is expected."""
        weighted = self.left * row_weights.view(-1, 1, 1)  # (batch, time, tags)
        move = (weighted.flatten(0, 1).T @ self.into.flatten(0, 1)).mul_(self.weights).neg_()
        start, end = move.new_zeros(2, len(move))
        emissions = torch.zeros_like(self.emissions)
        _slope_rows(*_arrays(weighted, self.right, self.lengths, tags, row_weights, emissions, start, move, end))
        return Slopes(emissions, Chain(start.float(), move.float(), end.float()))


def sum_in_loops(emissions: Tensor, chain: Chain, mask: Tensor) -> LoopSums | None:
    """Return the sums of a batch on the CPU; None where doubles lose something.

    The forward and the backward recursion of Rabiner 1989 (section III.A) on each row, side by side,

        α_1 = a ∘ p_1,  α_t = (α_{t−1} A) ∘ p_t;    β_n = b,  β_t = A (p_{t+1} ∘ β_{t+1});    p_t = exp P_t,

    with a, A and b the exponentials of the scores of beginnings, moves and ends. Each α_t and each p_t ∘ β_t is divided
    by its sum (section V.A, but the backward sums by their own), and p_t by its largest.

    Doubles lose something where a weight that is not forbidden is too small. It also shows when the total Σ α_t ∘ β_t
    is not the same along a row: what one recursion lost the other one still had.

    Args:
        emissions: the score of each tag at each token, float32 (batch, time, tags); padding may hold anything.
        chain: the scores of beginnings, moves and ends; they let each row have a sequence.
        mask: True at real tokens, bool (batch, time); padding stands on the right only.
    """
    emissions, lengths = emissions.detach().contiguous(), mask.sum(1)
    doubles = emissions.double()
    top = doubles.amax(-1, keepdim=True)  # (batch, time, 1)
    weights = doubles.sub_(top).exp_()  # (batch, time, tags)
    left, right, into = weights.new_empty(3, *weights.shape)
    moves, log_total = weights.new_empty(chain.move.shape), weights.new_empty(len(weights))
    ends = torch.stack([chain.start, chain.end])
    if not _sum_rows(*_arrays(weights, top, ends, chain.move, lengths, left, right, into, moves, log_total)):
        return None
    return LoopSums(emissions, chain, lengths, log_total, left, right, into, moves)


def _arrays(*tensors: Tensor) -> list[NDArray[Any]]:
    """Return tensors of the CPU as arrays on the same memory, contiguous ones."""
    return [tensor.contiguous().numpy() for tensor in tensors]


@machine_code()
def _exponentials(scores: Floats, weights: Doubles) -> bool:
    """Fill `weights` with the exponentials of `scores`; return whether each keeps its digits or is forbidden."""
    fine = True
    for row in range(scores.shape[0]):
        for tag in range(scores.shape[1]):
            score = np.float64(scores[row, tag])  # else the exponential would be one of float32
            weights[row, tag] = exp(score)
            fine = fine and (weights[row, tag] >= TINY or score == -inf)
    return fine


@machine_code(reorder=True)
def _move(source: Doubles, before: int, moves: Doubles, target: Doubles, after: int) -> None:
    """Take the sums of one token to another: `target`[after, j] = Σ_i `moves`[j, i] · `source`[before, i]."""
    tags = len(moves)
    for j in range(tags):
        total = 0.0
        for i in range(tags):
            total += moves[j, i] * source[before, i]
        target[after, j] = total


@machine_code(reorder=True)
def _weigh(source: Doubles, before: int, weights: Doubles, token: int, target: Doubles, after: int) -> float:
    """Set `target`[after] to `source`[before] ∘ `weights`[token], divided by its sum; return the sum."""
    tags = weights.shape[1]
    total = 0.0
    for j in range(tags):
        target[after, j] = source[before, j] * weights[token, j]
        total += target[after, j]
    share = 1.0 / total
    for j in range(tags):
        target[after, j] *= share
    return total


@machine_code()
def _run(
    length: int,
    weights: Doubles,
    edges: Doubles,
    move: Doubles,
    turned: Doubles,
    left: Doubles,
    right: Doubles,
    into: Doubles,
    scale: Doubles,
    behind: Doubles,
) -> None:
    """Run both recursions over a row: α into `left`, β into `right`, p_{t+1} ∘ β_{t+1} into `into`[t].

    What each was divided by goes into `scale` (forward) and `behind` (backward). The two are independent of each other,
    so that the processor works at both at once.
    """
    last = length - 1
    for tag in range(len(move)):
        left[0, tag], right[last, tag] = edges[0, tag], edges[1, tag]
    scale[0] = _weigh(left, 0, weights, 0, left, 0)
    for step in range(1, length):
        _move(left, step - 1, turned, left, step)
        scale[step] = _weigh(left, step, weights, step, left, step)
        here = last - step
        behind[here] = _weigh(right, here + 1, weights, here + 1, into, here)
        _move(into, here, move, right, here)


@machine_code(reorder=True)
def _join(
    length: int, weights: Doubles, left: Doubles, right: Doubles, into: Doubles, scale: Doubles, behind: Doubles
) -> float:
    """Divide `right` and `into` by the total at their token; return the row's log total, or nan where it is lost."""
    tags = weights.shape[1]
    log_total, drift, last = 0.0, 1.0, 1.0
    for token in range(length):
        total, n_small = 0.0, 0
        for tag in range(tags):
            total += left[token, tag] * right[token, tag]
            n_small += weights[token, tag] < TINY
        if token:
            drift *= scale[token] * total / (behind[token - 1] * last)
        if n_small or not (total > 0.0 and abs(drift - 1.0) < AGREE):
            return nan
        share = 1.0 / total
        for tag in range(tags):
            right[token, tag] *= share
            into[token, tag] *= share
        log_total += log(scale[token])
        last = total
    return log_total + log(last)


@machine_code()
def _sum_rows(
    weights: Doubles,
    top: Doubles,
    ends: Floats,
    move: Floats,
    lengths: Numbers,
    left: Doubles,
    right: Doubles,
    into: Doubles,
    moves: Doubles,
    log_total: Doubles,
) -> bool:
    """Fill the last five arrays with what `LoopSums` holds; return whether doubles lost nothing.

    `ends` holds the scores of beginnings, then those of ends, (2, tags).
    """
    _, time, tags = weights.shape
    edges = np.empty((2, tags))
    if not (_exponentials(ends, edges) and _exponentials(move, moves)):
        return False
    turned = moves.T.copy()
    scale, behind = np.empty(time), np.empty(time)
    for row in range(len(lengths)):
        length, weight = lengths[row], weights[row]
        _run(length, weight, edges, moves, turned, left[row], right[row], into[row], scale, behind)
        log_total[row] = _join(length, weight, left[row], right[row], into[row], scale, behind)
        if not isfinite(log_total[row]):
            return False
        for token in range(length):
            log_total[row] += top[row, token, 0]
        for token in range(length - 1, time):
            for tag in range(tags):
                into[row, token, tag] = 0.0
                if token >= length:
                    left[row, token, tag] = right[row, token, tag] = 0.0
    return True


@machine_code()
def _score_rows(
    emissions: Floats, start: Floats, move: Floats, end: Floats, lengths: Numbers, tags: Numbers, found: Doubles
) -> None:
    """Set `found` to the score of each row of `tags`."""
    for row in range(len(lengths)):
        last = lengths[row] - 1
        score = 0.0
        for token in range(last + 1):
            tag = tags[row, token]
            if tag < 0 or tag >= len(start):
                raise IndexError("a tag is out of range")
            score += emissions[row, token, tag]
            score += move[tags[row, token - 1], tag] if token else start[tag]
        found[row] = score + end[tags[row, last]]


@machine_code()
def _slope_rows(
    weighted: Doubles,
    right: Doubles,
    lengths: Numbers,
    tags: Numbers,
    row_weights: Doubles,
    emissions: Floats,
    start: Doubles,
    move: Doubles,
    end: Doubles,
) -> None:
    """Fill in the gradient by emissions, beginnings and ends; add what is there to that by moves."""
    for row in range(len(lengths)):
        weight, last = row_weights[row], lengths[row] - 1
        for token in range(last + 1):
            for tag in range(len(start)):
                emissions[row, token, tag] = -weighted[row, token, tag] * right[row, token, tag]
            here = tags[row, token]
            emissions[row, token, here] = weight - weighted[row, token, here] * right[row, token, here]
            if token:
                move[tags[row, token - 1], here] += weight
        for tag in range(len(start)):
            start[tag] -= weighted[row, 0, tag] * right[row, 0, tag]
            end[tag] -= weighted[row, last, tag] * right[row, last, tag]
        start[tags[row, 0]] += weight
        end[tags[row, last]] += weight
