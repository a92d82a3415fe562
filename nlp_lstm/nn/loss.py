"""What a network is trained on: losses that know over how many items they were summed."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from nlp_lstm.nn.softmax_loss import CACHED, losses_and_slopes


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

    What is dropped for a whole batch, weights and rows of an embedding, is the same in both readings.

        L = ½ (L₁ + L₂) + ½ α D

    L₁, L₂: the losses of the readings; α: `consistency`; D: see `disagreement`. Source: Liang et al. 2021 ("R-Drop"),
    section 2.

    Args:
        both: the loss of all items of both readings, L₁ + L₂.
        logits: the scores that were given, (2 · items, classes): the first reading's, then the second's.
        consistency: how much D counts, at least 0.
    """
    total = both.total / 2 + consistency / 2 * disagreement(*logits.chunk(2))
    return SummedLoss(total, both.n_items / 2, both.state)


def disagreement(first: Tensor, second: Tensor) -> Tensor:
    """Return how far two readings of the same items are apart, summed over the items, in nats.

        D = ½ Σ_i [KL(p_i ‖ q_i) + KL(q_i ‖ p_i)] = ½ Σ_i Σ_k (p_ik − q_ik) (log p_ik − log q_ik)

    p, q: the probabilities of the classes in the first and in the second reading.

    Args:
        first: logits, float32 (batch, labels).
        second: the same of the other reading.
    """
    p, q = first.log_softmax(-1), second.log_softmax(-1)
    return ((p.exp() - q.exp()) * (p - q)).sum() / 2


def sequence_loss(
    logits: Tensor,
    targets: Tensor,
    mask: Tensor | None = None,
    *,
    label_smoothing: float = 0.0,
    consistency: float = 0.0,
) -> SummedLoss:
    """Return the cross-entropy of a token's scores over a whole vocabulary, summed over real tokens.

        L = Σ_t −log p_t[y_t] (1 − ε) − (ε / V) Σ_k log p_t[k]

    y: the right tokens; V: the vocabulary's size; ε: the smoothing. Source of the smoothing: Szegedy et al. 2016,
    section 7. Without it the total is the plain negative log-likelihood in nats, which is what a report states.
    The derivative is made together with the loss, and there is no second one.

    Args:
        logits: (..., vocab), of any float type; the sums are float32 at least. Of (rows, vocab) there may be more rows
            than targets: those behind have no part in the loss.
        targets: the right tokens, int64 (...).
        mask: True at real tokens, bool (...); None where only real ones are given, which spares the others' logits.
        label_smoothing: part of the target spread evenly over the vocabulary, in [0, 1].
        consistency: as in `agreeing_loss`; above 0 the first half of logits, targets and mask is the first reading of
            the same tokens as the second half.

    Raises:
        ValueError: the shapes do not go together, or the two readings are not of the same tokens.
    """
    if mask is not None:
        logits, targets = logits[mask], targets[mask]
    spare = logits.dim() == 2 and targets.dim() == 1 and len(logits) > len(targets)
    if not spare and logits.shape[:-1] != targets.shape:
        raise ValueError(f"expected scores for targets of shape {tuple(targets.shape)}, not {tuple(logits.shape)}")
    flat, targets = logits.flatten(0, -2), targets.flatten()  # (tokens and more, vocab), (tokens,)
    total: Tensor
    if consistency:
        flat = flat[: len(targets)]
        targets, again = targets.tensor_split(2)
        if not torch.equal(targets, again):
            raise ValueError("two readings must be of the same tokens")
        total = _AgreeingLoss.apply(flat, targets, label_smoothing, consistency)  # type: ignore[no-untyped-call]
    else:
        total = _SequenceLoss.apply(flat, targets, label_smoothing)  # type: ignore[no-untyped-call]
    return SummedLoss(total, float(targets.numel()))


class _SequenceLoss(torch.autograd.Function):
    """The summed loss with its gradient by hand."""

    @staticmethod
    def forward(context: Any, logits: Tensor, targets: Tensor, smoothing: float) -> Tensor:
        losses, context.slopes = losses_and_slopes(logits, targets, smoothing, slopes=context.needs_input_grad[0])
        return losses.sum()

    @staticmethod
    @once_differentiable
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        return _scaled(context.slopes, *gradients), None, None


class _AgreeingLoss(torch.autograd.Function):
    """`agreeing_loss` of two readings of tokens, p and q, with its gradient by hand.

    ∂L / ∂z_k = ½ [p_k − (1 − ε) 1(k = y) − ε / V] + ¼ α [p_k (δ_k − KL(p ‖ q)) + p_k − q_k], δ = log p − log q, where
    z are the scores of p; those of q likewise.
    """

    @staticmethod
    def forward(context: Any, logits: Tensor, targets: Tensor, smoothing: float, consistency: float) -> Tensor:
        exact = torch.promote_types(logits.dtype, torch.float32)
        total = torch.zeros((), dtype=exact, device=logits.device)
        context.slopes = torch.empty_like(logits) if context.needs_input_grad[0] else None
        n_tokens = max(1, CACHED // (2 * logits.shape[1]))
        for start in range(0, len(targets), n_tokens):
            right = targets[start : start + n_tokens].unsqueeze(1)
            rows = [slice(first, first + len(right)) for first in (start, len(targets) + start)]
            logs = [logits[each].to(exact).log_softmax(1) for each in rows]
            probs = [each.exp() for each in logs]
            for log_probs in logs:
                total -= (1.0 - smoothing) / 2 * log_probs.gather(1, right).sum()
                total -= smoothing / 2 * log_probs.mean(1).sum()
            further, apart = logs[0].sub_(logs[1]), probs[0] - probs[1]
            total += consistency / 4 * torch.dot(apart.flatten(), further.flatten())
            if context.slopes is None:
                continue
            for sign, each, own in zip((1.0, -1.0), rows, probs, strict=True):
                weighed = own * further
                divergence = weighed.sum(1, keepdim=True).mul_(sign)
                slopes = weighed.add_(apart).mul_(sign * consistency / 4)
                slopes.addcmul_(own, 0.5 - consistency / 4 * divergence).sub_(smoothing / 2 / own.shape[1])
                slopes.scatter_add_(1, right, own.new_full(right.shape, (smoothing - 1.0) / 2))
                context.slopes[each] = slopes
        return total

    @staticmethod
    @once_differentiable
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        return _scaled(context.slopes, *gradients), None, None, None


def _scaled(slopes: Tensor, scale: Tensor) -> Tensor:
    """Return slopes times what the loss was multiplied with, as a rule 1."""
    return slopes if bool(scale == 1.0) else slopes * scale
