"""What a network is trained on: losses that know over how many items they were summed."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

CACHED = 2**17
"""Scores looked at together in `sequence_loss`: as many as stay near the processor."""


class SummedLoss(NamedTuple):
    """A loss in nats, summed over `n_items` items (texts, tags or tokens); `total` is a scalar that backpropagates.

    Sum and count stay apart until every batch of a step is in, so that the mean is over items, not over batches.
    `state` is what the next batch goes on from, without a gradient; empty where every batch stands alone.
    """

    total: Tensor
    n_items: float
    state: tuple[Tensor, ...] = ()


def classification_loss(
    logits: Tensor, targets: Tensor, *, label_weights: Tensor | None = None, label_smoothing: float = 0.0
) -> SummedLoss:
    """Return the cross-entropy of class scores.

    Args:
        logits: float32 (batch, labels).
        targets: class numbers, int64 (batch,).
        label_weights: how much an item of each class counts, float32 (labels,); None counts all as 1.
        label_smoothing: part of the target spread evenly over all classes, in [0, 1].
    """
    total = functional.cross_entropy(logits, targets, label_weights, reduction="sum", label_smoothing=label_smoothing)
    count = len(targets) if label_weights is None else float(label_weights[targets].sum())
    return SummedLoss(total, count)


def agreeing_loss(both: SummedLoss, logits: Tensor, consistency: float) -> SummedLoss:
    """Return the loss of items that were read twice, through other dropouts, and are to be scored alike.

        L = ½ (L₁ + L₂) + ½ α D

    L₁, L₂: the losses of the readings; α: `consistency`; D: see `disagreement`. Source: Liang et al. 2021 ("R-Drop"),
    section 2.

    Args:
        both: the loss of all items of both readings, L₁ + L₂.
        logits: the scores that were given, (2 · items, classes): the first reading's, then the second's.
        consistency: how much D counts, at least 0.
    """
    total = both.total / 2 + consistency / 2 * disagreement(logits)
    return SummedLoss(total, both.n_items / 2, both.state)


def disagreement(logits: Tensor) -> Tensor:
    """Return how far two readings of the same items are apart, summed over the items, in nats.

        D = ½ Σ_i [KL(p_i ‖ q_i) + KL(q_i ‖ p_i)] = ½ Σ_i Σ_k (p_ik − q_ik) (log p_ik − log q_ik)

    p, q: the probabilities of the classes in the first and in the second reading. The derivative is made together
    with it, as in `sequence_loss`.

    Args:
        logits: of any float type, (2 · items, classes): the first reading's, then the second's.
    """
    total: Tensor = _Disagreement.apply(logits)  # type: ignore[no-untyped-call]
    return total


def sequence_loss(
    logits: Tensor, targets: Tensor, mask: Tensor | None = None, *, label_smoothing: float = 0.0
) -> SummedLoss:
    """Return the cross-entropy of a token's scores over a whole vocabulary, summed over real tokens.

        L = Σ_t −log p_t[y_t] (1 − ε) − (ε / V) Σ_k log p_t[k]

    y: the right tokens; V: the vocabulary's size; ε: the smoothing. Source of the smoothing: Szegedy et al. 2016,
    section 7. Without it the total is the plain negative log-likelihood in nats, which is what a report states.
    The derivative is made together with the loss, a few tokens at a time, and there is no second one.

    Args:
        logits: (..., vocab), of any float type; the sums are float32 at least.
        targets: the right tokens, int64 (...).
        mask: True at real tokens, bool (...); None where only real ones are given, which spares the others' logits.
        label_smoothing: part of the target spread evenly over the vocabulary, in [0, 1].
    """
    if mask is not None:
        logits, targets = logits[mask], targets[mask]
    flat = logits.flatten(0, -2)  # (tokens, vocab)
    total: Tensor = _SequenceLoss.apply(flat, targets.flatten(), label_smoothing)  # type: ignore[no-untyped-call]
    return SummedLoss(total, float(targets.numel()))


class _SequenceLoss(torch.autograd.Function):
    """The summed loss with its gradient by hand: ∂L / ∂z_k = p_k − (1 − ε) 1(k = y) − ε / V."""

    @staticmethod
    def forward(context: Any, logits: Tensor, targets: Tensor, smoothing: float) -> Tensor:
        exact = torch.promote_types(logits.dtype, torch.float32)
        total = torch.zeros((), dtype=exact, device=logits.device)
        context.slopes = torch.empty_like(logits) if context.needs_input_grad[0] else None
        n_tokens = max(1, CACHED // logits.shape[1])
        for start in range(0, len(logits), n_tokens):
            part = slice(start, start + n_tokens)
            scores, right = logits[part].to(exact), targets[part].unsqueeze(1)
            probs = scores.softmax(1)
            total += _summed(scores, probs, right, smoothing)
            if context.slopes is not None:
                probs.scatter_add_(1, right, probs.new_full(right.shape, smoothing - 1.0))
                torch.sub(probs, smoothing / probs.shape[1], out=context.slopes[part])
        return total

    @staticmethod
    @once_differentiable
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (scale,) = gradients
        return context.slopes if bool(scale == 1.0) else context.slopes * scale, None, None


class _Disagreement(torch.autograd.Function):
    """D with its gradient by hand: ∂D / ∂z_k = ½ [p_k (δ_k − KL(p ‖ q)) + p_k − q_k], δ = log p − log q; z: of p."""

    @staticmethod
    def forward(context: Any, logits: Tensor) -> Tensor:
        exact = torch.promote_types(logits.dtype, torch.float32)
        total = torch.zeros((), dtype=exact, device=logits.device)
        context.slopes = torch.empty_like(logits) if context.needs_input_grad[0] else None
        n_items = len(logits) // 2
        n_together = max(1, CACHED // logits.shape[1])
        for start in range(0, n_items, n_together):
            part = slice(start, min(start + n_together, n_items))
            other = slice(n_items + part.start, n_items + part.stop)
            log_p, log_q = (logits[rows].to(exact).log_softmax(1) for rows in (part, other))
            p, q = log_p.exp(), log_q.exp()
            further, apart = log_p.sub_(log_q), p - q
            total += (apart * further).sum() / 2
            if context.slopes is not None:
                p_weighed, q_weighed = p * further, q * further
                p_weighed.addcmul_(p, p_weighed.sum(1, keepdim=True), value=-1.0).add_(apart)
                q_weighed.addcmul_(q, q_weighed.sum(1, keepdim=True), value=-1.0).add_(apart)
                torch.mul(p_weighed, 0.5, out=context.slopes[part])
                torch.mul(q_weighed, -0.5, out=context.slopes[other])
        return total

    @staticmethod
    @once_differentiable
    def backward(context: Any, *gradients: Tensor) -> Tensor:
        (scale,) = gradients
        slopes: Tensor = context.slopes * scale
        return slopes


def _summed(scores: Tensor, probs: Tensor, targets: Tensor, smoothing: float) -> Tensor:
    """Return the summed loss of `scores` (tokens, vocab), whose softmax is `probs`, for `targets` (tokens, 1)."""
    log_sum = scores.amax(1) - probs.amax(1).log()  # log Σ exp z, as the largest p is exp(max z) of it
    loss = log_sum - (1.0 - smoothing) * scores.gather(1, targets).squeeze(1)
    if smoothing > 0.0:
        loss = loss - smoothing * scores.mean(1)
    return loss.sum()
