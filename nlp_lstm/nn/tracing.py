"""Recurrent layers with their gates open to view: the written-out cells on what the kernels read, and held to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from nlp_lstm.nn.cells import CellWeights, lstm_step, open_gru_step, rnn_step
from nlp_lstm.nn.recurrent import LayerState, Recurrence
from nlp_lstm.nn.stack import Stack

TOLERANCE = 1e-4
"""How far a written-out state may lie from the kernel's; in float32 sums of another order differ by some 1e-6."""
SHUT, OPEN = 0.1, 0.9
"""Below and above these a gate counts as saturated."""


class Opened(NamedTuple):
    """One step of a cell.

    Attributes:
        parts: what the cell computed, by name, each (batch, hidden); gates, whose values lie in (0, 1), end in `_gate`.
        state: the memory after the step.
    """

    parts: dict[str, Tensor]
    state: LayerState


def _open_lstm(x: Tensor, state: LayerState, weights: CellWeights) -> Opened:
    assert state.c is not None
    step = lstm_step(x, state.h, state.c, weights)
    parts = {
        "input_gate": step.input_gate,
        "forget_gate": step.forget_gate,
        "output_gate": step.output_gate,
        "candidate": step.candidate,
        "cell": step.c,
        "hidden": step.h,
    }
    return Opened(parts, LayerState(step.h, step.c))


def _open_gru(x: Tensor, state: LayerState, weights: CellWeights) -> Opened:
    step = open_gru_step(x, state.h, weights)
    parts = {"reset_gate": step.reset_gate, "update_gate": step.update_gate, "new": step.new, "hidden": step.h}
    return Opened(parts, LayerState(step.h, None))


def _open_rnn(x: Tensor, state: LayerState, weights: CellWeights) -> Opened:
    h = rnn_step(x, state.h, weights)
    return Opened({"hidden": h}, LayerState(h, None))


OPENED: dict[str, Callable[[Tensor, LayerState, CellWeights], Opened]] = {
    "lstm": _open_lstm,
    "gru": _open_gru,
    "rnn": _open_rnn,
}
"""The cells that can be looked into, by name: one step of each, written out."""


class Pass(NamedTuple):
    """What the kernel of one layer and direction read and gave, in the order in which it read.

    Attributes:
        inputs: (batch, time, input).
        before: where it started; None for zeros.
        states: its hidden states, (batch, time, hidden).
    """

    inputs: Tensor
    before: LayerState | None
    states: Tensor


class PartSummary(NamedTuple):
    """A part of a cell at each token, as numbers over its channels, each float32 (time,).

    Attributes:
        mean: the mean.
        norm: the Euclidean norm.
        low: the share of channels below `SHUT`.
        high: the share of channels above `OPEN`.
    """

    mean: Tensor
    norm: Tensor
    low: Tensor
    high: Tensor


@contextmanager
def watch(stack: Stack) -> Iterator[dict[Recurrence, Pass]]:
    """Yield a table that holds, for each recurrence of a stack that runs in the block, its last pass."""
    passes: dict[Recurrence, Pass] = {}

    def keep(module: nn.Module, args: tuple[Any, ...], output: tuple[Tensor, Any]) -> None:
        assert isinstance(module, Recurrence)
        passes[module] = Pass(args[0], args[2] if len(args) > 2 else None, output[0])

    handles = [each.register_forward_hook(keep) for each in stack.modules() if isinstance(each, Recurrence)]
    try:
        yield passes
    finally:
        for handle in handles:
            handle.remove()


def steps(layer: Recurrence, inputs: Tensor, before: LayerState | None) -> Iterator[Opened]:
    """Yield each step of a layer over `inputs` (batch, time, input), written out; differentiable."""
    state = before if before is not None else _zeros(layer, inputs)
    for x in inputs.unbind(1):  # (batch, input)
        opened = OPENED[layer.cell](x, state, layer.weights())
        state = opened.state
        yield opened


def trace(layer: Recurrence, seen: Pass) -> dict[str, Tensor]:
    """Return every part of a layer's cell at each token of one row, each (time, hidden), in the order it was read.

    Args:
        layer: a layer of a cell in `OPENED`.
        seen: what its kernel read and gave, of a batch of one.

    Raises:
        RuntimeError: the written-out cell and the kernel do not agree, which is a mistake of ours.
    """
    with torch.no_grad():
        each = [opened.parts for opened in steps(layer, seen.inputs, seen.before)]
        parts = {name: torch.cat([parts[name] for parts in each]) for name in each[0]}  # each (time, hidden)
        apart = float((parts["hidden"] - seen.states[0]).abs().max())
    if not apart <= TOLERANCE:
        raise RuntimeError(f"the written-out {layer.cell} cell and its kernel differ by {apart:.2g}")
    return parts


def summarise(part: Tensor) -> PartSummary:
    """Return the numbers of a part (time, hidden)."""
    shares = [(part < SHUT).float().mean(-1), (part > OPEN).float().mean(-1)]
    return PartSummary(part.mean(-1), part.norm(dim=-1), *shares)


def recurrences(stack: Stack) -> Sequence[tuple[int, str, Recurrence]]:
    """Return the recurrences of a stack, each with the number of its layer, from 0, and its direction."""
    return [
        (number, direction, half)
        for number, layer in enumerate(stack.layers)
        for direction, half in (("forward", layer.forwards), ("backward", layer.backwards))
        if isinstance(half, Recurrence)
    ]


def _zeros(layer: Recurrence, inputs: Tensor) -> LayerState:
    zeros = inputs.new_zeros(len(inputs), layer.hidden_size)
    return LayerState(zeros, zeros if layer.cell == "lstm" else None)
