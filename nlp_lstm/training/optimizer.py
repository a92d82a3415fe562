"""One optimizer step in its parts: gradients of a group of batches, clipping, AdamW."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_value_, clip_grads_with_norm_, get_total_norm

from nlp_lstm.config import TrainingSettings
from nlp_lstm.nn.loss import SummedLoss
from nlp_lstm.nn.precision import mixed_precision
from nlp_lstm.training.depth import weights_by_depth

Objective = Callable[[Any], SummedLoss]
"""Turns a batch into its loss."""


def build_optimizer(model: nn.Module, settings: TrainingSettings) -> torch.optim.Optimizer:
    """Return AdamW over a model's weights; biases and norms are not decayed.

    Each group says in `rate_scale` what part of the learning rate it gets: `layer_decay`ᵈ at depth d, where the head is
    at depth 0, the top layer at 1 and the embedding deepest.

    Sources: Loshchilov & Hutter 2019, algorithm 2; rates by depth, Howard & Ruder 2018, section 3.2.
    """
    layers = weights_by_depth(model) if settings.layer_decay < 1.0 else [list(model.parameters())]
    groups = [
        {"params": chosen, "weight_decay": weight_decay, "rate_scale": settings.layer_decay**depth}
        for depth, layer in enumerate(layers)
        for chosen, weight_decay in (
            ([weight for weight in layer if weight.dim() > 1], settings.weight_decay),
            ([weight for weight in layer if weight.dim() <= 1], 0.0),
        )
        if chosen
    ]
    betas = (settings.beta1, settings.beta2)
    optimizer = torch.optim.AdamW(groups, lr=settings.learning_rate, betas=betas, fused=True)
    set_rate(optimizer, settings.learning_rate)
    return optimizer


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Give each group its part of a learning rate."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["rate_scale"]


State = tuple[Tensor, ...]
"""What one batch hands on to the next."""


class Gathered(NamedTuple):
    """What a step's batches came to.

    Attributes:
        loss: mean loss an item, in nats.
        n_items: over how many items.
        state: what the last batch hands on.
    """

    loss: float
    n_items: float
    state: State


def accumulate_gradients(
    model: nn.Module,
    objective: Objective,
    group: Sequence[Any],
    device: torch.device,
    precision: str,
    state: State = (),
) -> Gathered:
    """Leave in the model the gradient of the mean loss over all items of `group`.

    The mean is over the items of all batches together, so how they are divided into batches does not matter.

    Args:
        model: the network.
        objective: the loss of a batch.
        group: the batches.
        device: where they are.
        precision: what the network computes in.
        state: what the batch before the first of them handed on.
    """
    total, n_items = 0.0, 0.0
    for batch in group:
        with mixed_precision(device, precision):
            loss = objective(batch.after(state) if state else batch)
        loss.total.backward()
        total += float(loss.total.detach())
        n_items += loss.n_items
        state = loss.state
    gradients = [weight.grad for weight in model.parameters() if weight.grad is not None]
    torch._foreach_div_(gradients, n_items)
    return Gathered(total / n_items, n_items, state)


def clip_gradients(model: nn.Module, settings: TrainingSettings) -> float:
    """Clip the gradients as the settings say, entries before length, and return their length before all clipping."""
    gradients = [weight.grad for weight in model.parameters() if weight.grad is not None]
    before = after = get_total_norm(gradients)
    if settings.clip_value > 0:
        clip_grad_value_(model.parameters(), settings.clip_value)
        after = get_total_norm(gradients)
    if settings.clip_norm > 0:
        clip_grads_with_norm_(model.parameters(), settings.clip_norm, after)
    return float(before)
