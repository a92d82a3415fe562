"""What a network is trained on: losses that know over how many items they were summed."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor
from torch.nn import functional


class SummedLoss(NamedTuple):
    """A loss in nats, summed over `n_items` items (texts, tags or tokens); `total` is a scalar that backpropagates.

    Sum and count stay apart until every batch of a step is in, so that the mean is over items, not over batches.
    """

    total: Tensor
    n_items: float


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
