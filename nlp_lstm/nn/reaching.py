"""How far the error of the last step reaches back through a recurrent layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from nlp_lstm.nn.opening import steps
from nlp_lstm.nn.recurrent import LayerState
from nlp_lstm.nn.stack import Stack
from nlp_lstm.nn.tracing import Pass, Reader, readers, watch


class Reach(NamedTuple):
    """How large the error is at each step back.

    Attributes:
        norms: ‖∂L/∂h_{T−k}‖ for k = 0, 1, …, float64 (steps,).
        weight_norm: the norm of the loss's gradient by all weights of the stack together; clipping looks at
            those of the whole network.
    """

    norms: Tensor
    weight_norm: float


def error_norms(reader: Reader, seen: Pass, error: LayerState, *, most: int) -> Tensor:
    """Return the norm of an error that is handed back from the last step, at that step and each before it.

        ∂L/∂h_{T−k} = (∂h_T/∂h_{T−k})ᵀ ∂L/∂h_T + (∂c_T/∂h_{T−k})ᵀ ∂L/∂c_T

    through the recurrence alone: of an LSTM that goes by way of its cell states too.

    Args:
        reader: the layer, of a cell in `nlp_lstm.nn.opening.OPENED`.
        seen: what it read, of a batch of one.
        error: ∂L/∂h_T and, where the loss reads the last cell state too, ∂L/∂c_T, (1, hidden) each.
        most: steps back that are taken at most.

    Returns:
        float64 (steps,); as many as there are, `most` + 1 at most.

    Source: Hochreiter 1991; Bengio, Simard & Frasconi 1994, section III; Pascanu et al. 2013, equation 5.
    """
    inputs = seen.inputs.detach().requires_grad_()  # so that every state is recorded
    before: Any = seen.before
    with torch.enable_grad():
        after = [opened.state for opened in steps(reader.cell, reader.layer, inputs, before)]
        ends = [
            (end, slope) for end, slope in zip(after[-1], error, strict=True) if end is not None and slope is not None
        ]
        states = [state.h for state in after[-most - 1 :]]
        found = torch.autograd.grad([end for end, _ in ends], states, [slope for _, slope in ends])
    return torch.stack([gradient.double().norm() for gradient in reversed(found)])


def measure(stack: Stack, loss: Callable[[], Tensor], *, number: int, most: int, row: int = 0) -> Reach:
    """Return how far the error of a loss reaches back in one layer, reading from left to right.

    The error at the last step is the loss's gradient by that step's state, in whatever way the loss reads it; where it
    reads it in no way, as a maximum that lies elsewhere, it is the same for every channel, of length 1.

    Args:
        stack: the layers, whose weights want gradients.
        loss: runs them over one text, and returns its loss; if it runs them again, it is by the first run that the
            error is handed back.
        number: which layer, from 0.
        most: as in `error_norms`.
        row: which row of the layers' batch.
    """
    reader = next(each for each in readers(stack) if each.number == number)
    with torch.enable_grad(), watch(stack) as passes:
        total = loss()
        seen = passes[reader.layer]
        last_c = None if seen.after is None else seen.after.c
        weights = [weight for weight in stack.parameters() if weight.requires_grad]
        wanted = [seen.states, *weights] if last_c is None else [seen.states, *weights, last_c]
        by_states, *by_rest = torch.autograd.grad(total, wanted, allow_unused=True)
    by_c = None if last_c is None else by_rest.pop()
    found = [gradient.double().square().sum() for gradient in by_rest if gradient is not None]
    norm = float(torch.stack(found).sum().sqrt()) if found else 0.0
    seen = seen.of_row(row)
    error = _error(seen, by_states, by_c, row)
    return Reach(error_norms(reader, seen, error, most=most), norm)


def _error(seen: Pass, by_states: Tensor | None, by_c: Tensor | None, row: int) -> LayerState:
    """Return the error at the last step of a row, from the loss's gradients in all rows."""
    last = seen.states[:, -1].detach()  # (1, hidden)
    by_h = torch.zeros_like(last) if by_states is None else by_states[row : row + 1, -1]
    if not by_h.any():
        return LayerState(torch.full_like(last, last.shape[1] ** -0.5))
    return LayerState(by_h, None if by_c is None else by_c[row : row + 1])


@contextmanager
def replaced(stack: nn.Module, other: nn.Module) -> Iterator[None]:
    """Let another stack of the same widths run in a stack's place in the block.

    At first it starts from zeros, whatever state it is handed: that is of another kind. What it is handed later is what
    it left itself.
    """
    ran = False

    def run(inputs: Tensor, mask: Tensor, state: Any = None, **options: Any) -> object:
        nonlocal ran
        state, ran = state if ran else None, True
        return other(inputs, mask, state, **options)

    stack.__dict__["forward"] = run  # stands before that of its class
    try:
        yield
    finally:
        del stack.__dict__["forward"]
