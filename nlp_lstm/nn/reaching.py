"""How far the error of the last step reaches back through a recurrent layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from nlp_lstm.nn.recurrent import Recurrence
from nlp_lstm.nn.stack import Stack
from nlp_lstm.nn.tracing import Pass, recurrences, steps, watch


class Reach(NamedTuple):
    """How large the error is at each step back.

    Attributes:
        norms: ‖∂L/∂h_{T−k}‖ for k = 0, 1, …, float64 (steps,).
        weight_norm: the norm of the loss's gradient by all weights of the stack together, what clipping looks at.
    """

    norms: Tensor
    weight_norm: float


def error_norms(layer: Recurrence, seen: Pass, error: Tensor, *, most: int) -> Tensor:
    """Return the norm of an error that is handed back from the last step, at that step and each before it.

        ∂L/∂h_{T−k} = (∂h_T/∂h_{T−k})ᵀ ∂L/∂h_T

    through the recurrence alone: of an LSTM that goes by way of its cell states too.

    Args:
        layer: the layer.
        seen: what it read, of a batch of one.
        error: ∂L/∂h_T, (hidden,).
        most: steps back that are taken at most.

    Returns:
        float64 (steps,); as many as there are, `most` + 1 at most.

    Source: Hochreiter 1991; Bengio, Simard & Frasconi 1994, section III; Pascanu et al. 2013, equation 5.
    """
    inputs = seen.inputs.detach().requires_grad_()  # so that every state is recorded
    with torch.enable_grad():
        states = [opened.state.h for opened in steps(layer, inputs, seen.before)][-most - 1 :]
        found = torch.autograd.grad(states[-1], states, error.unsqueeze(0))
    return torch.stack([gradient.double().norm() for gradient in reversed(found)])


def measure(stack: Stack, loss: Callable[[], Tensor], *, number: int, most: int) -> Reach:
    """Return how far the error of a loss reaches back in one layer, reading from left to right.

    The error at the last step is the loss's gradient by that step's state, in whatever way the loss reads it; where it
    reads it in no way, as a maximum that lies elsewhere, it is the same for every channel, of length 1.

    Args:
        stack: the layers, whose weights want gradients.
        loss: runs them over one text, and returns its loss.
        number: which layer, from 0.
        most: as in `error_norms`.
    """
    layer = next(each for depth, _, each in recurrences(stack) if depth == number)
    with torch.enable_grad(), watch(stack) as passes:
        total = loss()
        seen = passes[layer]
        weights = [weight for weight in stack.parameters() if weight.requires_grad]
        by_states, *by_weights = torch.autograd.grad(total, [seen.states, *weights], allow_unused=True)
    error = torch.zeros_like(seen.states[0, -1]) if by_states is None else by_states[0, -1]
    if not error.any():
        error = torch.full_like(error, len(error) ** -0.5)
    found = [gradient.double().square().sum() for gradient in by_weights if gradient is not None]
    norm = float(torch.stack(found).sum().sqrt()) if found else 0.0
    return Reach(error_norms(layer, seen, error, most=most), norm)


@contextmanager
def replaced(stack: nn.Module, other: nn.Module) -> Iterator[None]:
    """Let another stack of the same widths run in a stack's place in the block, from a state of zeros."""

    def run(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: object) -> object:
        return other(*args[:2], **{name: value for name, value in kwargs.items() if name != "state"})

    handle = stack.register_forward_hook(run, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()
