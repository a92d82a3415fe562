"""The cells that carry a state, open to view: one step of each, written out, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple, cast

from torch import Tensor, nn

from nlp_lstm.nn.cells import (
    LstmStep,
    layernorm_step,
    lstm_step,
    open_gru_step,
    open_minlstm_step,
    peephole_step,
    rnn_step,
)
from nlp_lstm.nn.recurrent import LayerState


class Opened(NamedTuple):
    """One step of a cell.

    Attributes:
        parts: what the cell computed, by name, each (batch, hidden); gates, whose values lie in (0, 1), end in `_gate`.
        state: the memory after the step.
    """

    parts: dict[str, Tensor]
    state: LayerState


class Opening(NamedTuple):
    """How a kind of cell is looked into.

    Attributes:
        step: takes a step from the input (batch, input), the state before, and the layer's weights.
        cell_state: whether its memory has a cell state besides the hidden one.
    """

    step: Callable[[Tensor, LayerState, Any], Opened]
    cell_state: bool = False


def _open_lstm(step: Callable[..., LstmStep], x: Tensor, state: LayerState, weights: Any) -> Opened:
    """Take a step of an LSTM of some kind."""
    found = step(x, state.h, state.c, weights)
    parts = {
        "input_gate": found.input_gate,
        "forget_gate": found.forget_gate,
        "output_gate": found.output_gate,
        "candidate": found.candidate,
        "cell": found.c,
        "hidden": found.h,
    }
    return Opened(parts, LayerState(found.h, found.c))


def _open_gru(x: Tensor, state: LayerState, weights: Any) -> Opened:
    step = open_gru_step(x, state.h, weights)
    parts = {"reset_gate": step.reset_gate, "update_gate": step.update_gate, "new": step.new, "hidden": step.h}
    return Opened(parts, LayerState(step.h))


def _open_rnn(x: Tensor, state: LayerState, weights: Any) -> Opened:
    h = rnn_step(x, state.h, weights)
    return Opened({"hidden": h}, LayerState(h))


def _open_minlstm(x: Tensor, state: LayerState, weights: Any) -> Opened:
    step = open_minlstm_step(x, state.h, weights)
    parts = {
        "forget_gate": step.forget_gate,
        "input_gate": step.input_gate,
        "candidate": step.candidate,
        "hidden": step.h,
    }
    return Opened(parts, LayerState(step.h))


OPENED: dict[str, Opening] = {
    "lstm": Opening(partial(_open_lstm, lstm_step), cell_state=True),
    "gru": Opening(_open_gru),
    "rnn": Opening(_open_rnn),
    "peephole_lstm": Opening(partial(_open_lstm, peephole_step), cell_state=True),
    "layernorm_lstm": Opening(partial(_open_lstm, layernorm_step), cell_state=True),
    "minlstm": Opening(_open_minlstm),
}
"""Every cell that carries a state from step to step, by name."""


def steps(cell: str, layer: nn.Module, inputs: Tensor, before: LayerState | None) -> Iterator[Opened]:
    """Yield each step of a layer over `inputs` (batch, time, input), written out; differentiable.

    Args:
        cell: a key of `OPENED`.
        layer: of this kind of cell.
        inputs: what it reads.
        before: where it starts; None for zeros.
    """
    opening, weights = OPENED[cell], layer.weights()  # type: ignore[operator]
    state = _zeros(layer, inputs, cell_state=opening.cell_state) if before is None else before
    for x in inputs.unbind(1):  # (batch, input)
        opened = opening.step(x, state, weights)
        state = opened.state
        yield opened


def _zeros(layer: nn.Module, inputs: Tensor, *, cell_state: bool) -> LayerState:
    zeros = inputs.new_zeros(len(inputs), cast(int, layer.hidden_size))
    return LayerState(zeros, zeros if cell_state else None)
