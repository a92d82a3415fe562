"""Dynamic evaluation: a language model that goes on learning from the text it is scored on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import deepcopy

import torch
from torch import Tensor

from nlp_lstm.nn.language_model import LanguageModel, State

SMOOTHING = 0.99
"""Decay of the moving mean of squared gradients, a step."""
EPSILON = 1e-6


def read_dynamically(
    model: LanguageModel, batches: Iterable[tuple[Tensor, Tensor]], *, rate: float, pull: float = 0.002
) -> Iterator[Tensor]:
    """Yield how surprised a copy of a model is by each part of a text; it learns from a part after it was scored.

    Behind each part every weight takes the step  θ ← θ − rate · g / (√v + ε) + pull · (θ₀ − θ),  with g the gradient
    of the part's mean loss, v the moving mean of g² (corrected for having begun at zero) and θ₀ the trained weight.
    No token is scored by weights that have seen it, but the score is not that of the model as it is: say so with it.

    Args:
        model: stays as it is.
        batches: ids and the tokens that follow them, int64 (1, time) each, in the order of the text.
        rate: size of a step; 0 is plain evaluation with a carried state.
        pull: how strongly the weights are drawn back to the trained ones.

    Yields:
        The negative log-likelihood of each part, summed, in nats; a scalar.

    Source: Krause, Kahembwe, Murray & Renals 2018, "Dynamic evaluation of neural sequence models"; there the squared
    gradients are those of the training text, here those of the text read so far.
    """
    learner = deepcopy(model).eval()
    weights = [weight for weight in learner.parameters() if weight.requires_grad]
    trained = [weight.detach().clone() for weight in weights]
    squares = [torch.zeros_like(weight) for weight in weights]
    state: State = ()
    for step, (ids, targets) in enumerate(batches, 1):
        with torch.enable_grad():
            loss = learner.loss(ids, targets, state)
            gradients = torch.autograd.grad(loss.total / loss.n_items, weights, allow_unused=True)
        yield loss.total.detach()
        state = loss.state
        corrected = 1.0 - SMOOTHING**step
        with torch.no_grad():
            for weight, start, square, gradient in zip(weights, trained, squares, gradients, strict=True):
                if gradient is not None:
                    square.lerp_(gradient.square(), 1.0 - SMOOTHING)
                    weight.addcdiv_(gradient, (square / corrected).sqrt_().add_(EPSILON), value=-rate)
                weight.lerp_(start, pull)
