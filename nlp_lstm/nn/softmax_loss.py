"""The cross-entropy of a softmax and its derivative, made together.

On the CPU a token is one compiled pass, but for float16.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nlp_lstm.nn.machine_code import machine_code
from nlp_lstm.nn.squashing import Reals, Squashing, exponentials, squashing

CACHED = 2**17
"""Scores that tensor operations look at together: as many as stay near the processor."""

Numbers = NDArray[np.integer[Any]]


def losses_and_slopes(
    scores: Tensor, targets: Tensor, smoothing: float, *, slopes: bool = True
) -> tuple[Tensor, Tensor | None]:
    """Return the loss of each token, float32 or float64 (tokens,), and the gradient of its scores, of their type.

        L = log Σ_k exp z_k − (1 − ε) z_y − (ε / V) Σ_k z_k;  ∂L / ∂z_k = p_k − (1 − ε) 1(k = y) − ε / V

    Args:
        scores: z, of any float type (rows, vocab), at least as many rows as tokens; the gradient of the others is zero.
        targets: y, int64 (tokens,).
        smoothing: ε, in [0, 1].
        slopes: whether the gradient is wanted; else None stands for it.

    Raises:
        IndexError: on the CPU, a target is none of the scores' places.
    """
    exact = torch.promote_types(scores.dtype, torch.float32)
    losses = scores.new_empty(len(targets), dtype=exact)
    whole = found = None
    if slopes:
        whole = torch.empty_like(scores, memory_format=torch.contiguous_format)
        whole[len(targets) :] = 0
        found = whole[: len(targets)]
    scores = scores[: len(targets)]
    if scores.device.type != "cpu" or scores.dtype not in _PLAIN:
        _by_operations(scores, targets, smoothing, losses, found)
    elif len(losses):
        first, last = (int(bound) for bound in targets.aminmax())
        if first < 0 or last >= scores.shape[1]:  # the loops would read and write elsewhere
            raise IndexError(f"targets must lie in [0, {scores.shape[1]}), not in [{first}, {last}]")
        if found is None:  # all tokens share the room for one
            found = scores.new_empty(1, scores.shape[1])
        tops = scores.amax(1).to(exact)
        lines, filled, top, loss = map(_array, (scores, found, tops, losses))
        run = _in_loops_bfloat16 if scores.dtype == torch.bfloat16 else _in_loops
        tools = squashing(scores.shape[1], top.dtype)
        run(lines, filled, top, loss, targets.contiguous().numpy(), smoothing, tools)
    return losses, whole


_PLAIN = {torch.float32: torch.float32, torch.float64: torch.float64, torch.bfloat16: torch.int16}
"""As what numbers of each type are handed to the loops; there is no bfloat16 in arrays."""


def _array(tensor: Tensor) -> NDArray[Any]:
    return tensor.detach().contiguous().view(_PLAIN[tensor.dtype]).numpy()


def _by_operations(scores: Tensor, targets: Tensor, smoothing: float, losses: Tensor, slopes: Tensor | None) -> None:
    """Fill in losses and slopes on any device, some tokens at a time."""
    n_tokens = max(1, CACHED // scores.shape[1])
    for start in range(0, len(scores), n_tokens):
        part = slice(start, start + n_tokens)
        exact, right = scores[part].to(losses.dtype), targets[part].unsqueeze(1)
        exact = exact - exact.amax(1, keepdim=True)
        loss = (smoothing - 1.0) * exact.gather(1, right).squeeze(1)
        if smoothing > 0.0:  # else a score of −∞ has no part in it
            loss -= smoothing * exact.mean(1)
        probs = exact.exp_()
        totals = probs.sum(1, keepdim=True)
        losses[part] = loss + totals.squeeze(1).log()
        if slopes is None:
            continue
        probs.div_(totals).sub_(smoothing / scores.shape[1])
        slopes[part] = probs.scatter_add_(1, right, probs.new_full(right.shape, smoothing - 1.0))


@machine_code()
def _in_loops(
    scores: Reals, slopes: Reals, tops: Reals, losses: Reals, targets: Numbers, smoothing: float, tools: Squashing
) -> None:
    """Fill in losses and slopes."""
    for row in range(len(scores)):
        line, top = slopes[row % len(slopes)], tops[row]
        for j in range(len(line)):
            line[j] = scores[row, j] - top
        losses[row] = _turn(line, targets[row], smoothing, tools)


@machine_code()
def _in_loops_bfloat16(
    scores: Numbers, slopes: Numbers, tops: Reals, losses: Reals, targets: Numbers, smoothing: float, tools: Squashing
) -> None:
    """Fill in losses and slopes; a number is the upper half of the float32 that it is."""
    line = np.empty(scores.shape[1], np.float32)
    bits = line.view(np.int32)
    for row in range(len(scores)):
        top, out = tops[row], slopes[row % len(slopes)]
        for j in range(len(line)):
            bits[j] = np.int32(scores[row, j]) << np.int32(16)
        for j in range(len(line)):
            line[j] -= top
        losses[row] = _turn(line, targets[row], smoothing, tools)
        for j in range(len(line)):  # to the nearest, of two as near ones the even
            bits[j] += np.int32(0x7FFF) + ((bits[j] >> np.int32(16)) & np.int32(1))
        for j in range(len(line)):
            out[j] = np.int16(bits[j] >> np.int32(16))


@machine_code(reorder=True)
def _turn(line: Reals, target: int, smoothing: float, tools: Squashing) -> float:
    """Return the loss of a token and turn its scores, none above zero, into their gradient."""
    real = line.dtype.type  # all is reckoned in the type of the scores
    kept, spread, share, nothing = real(1.0 - smoothing), real(smoothing), real(smoothing / len(line)), real(0)
    mean, total = nothing, nothing
    if spread > nothing:  # else a score of −∞ has no part in it
        for j in range(len(line)):
            mean += line[j]
        mean /= real(len(line))
    loss = -kept * line[target] - spread * mean
    exponentials(line, tools)
    for j in range(len(line)):
        total += line[j]
    scale = real(1) / total
    for j in range(len(line)):
        line[j] = line[j] * scale - share
    line[target] -= kept
    return loss + np.log(total)
