"""LSTMs that no kernel of torch runs: one layer in one direction, with peepholes or with layer normalisation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from nlp_lstm.nn.cells import (
    NORM_EPSILON,
    LayerNormWeights,
    LstmStep,
    PeepholeWeights,
    layernorm_gates,
    peephole_gates,
)
from nlp_lstm.nn.gate_loops import run_layernorm, run_peephole
from nlp_lstm.nn.recurrent import LayerState, at_last, draw_gates

COMPILED_ON = "cpu"
"""The kind of device that the compiled loops run on."""


FIRST_GAIN = 0.3
"""Of what comes from the state, before training: about what W_hh alone gives it in a plain LSTM. With 1 a new layer is
chaotic: over 500 steps a rounding error grew from 4e-7 to 1.6, with 0.5 and 0.3 it did not grow."""


class UnfusedLstm(nn.Module, ABC):
    """What both have in common: the input's part of all steps is one product, what is left is a loop over time.

    On the CPU the loop is compiled; elsewhere torch takes the written-out step of `nn/cells.py` again and again.

    Args:
        input_size: width of the input.
        hidden_size: width of the state.
        weight_drop: as in `Recurrence`.
    """

    def __init__(self, input_size: int, hidden_size: int, *, weight_drop: float = 0.0) -> None:
        super().__init__()
        self.hidden_size, self.weight_drop = hidden_size, weight_drop
        self.weight_ih = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.empty(4 * hidden_size))
        draw_gates(self.weight_ih, self.weight_hh, self.bias, open_forget_gate=True)

    @abstractmethod
    def from_input(self, inputs: Tensor) -> Tensor:
        """Return the input's part of the gates, (time, batch, 4 · hidden), of inputs (time, batch, input)."""

    @abstractmethod
    def loop(self, gates: Tensor, h: Tensor, c: Tensor, weight_hh: Tensor) -> tuple[Tensor, Tensor]:
        """Return the hidden and the cell states after each step, (time, batch, hidden) each."""

    def forward(
        self, inputs: Tensor, lengths: Tensor, state: LayerState | None = None, *, final_state: bool = False
    ) -> tuple[Tensor, LayerState | None]:
        """Run the layer over right-padded sequences; all as in `Recurrence.forward`."""
        own_type = self.weight_hh.dtype
        shape = (inputs.shape[0], self.hidden_size)
        if state is None:
            state = LayerState(*torch.zeros(2, *shape, dtype=own_type, device=inputs.device))
        state.check(shape, own_type, cell_state=True)
        assert state.c is not None
        weight_hh = functional.dropout(self.weight_hh, self.weight_drop, self.training)
        gates = self.from_input(inputs.transpose(0, 1)).to(own_type)  # (time, batch, 4 hidden)
        hs, cs = self.loop(gates, state.h.to(own_type), state.c.to(own_type), weight_hh)
        states = hs.transpose(0, 1)  # (batch, time, hidden)
        if not final_state:
            return states, None
        return states, LayerState(at_last(states, lengths), at_last(cs.transpose(0, 1), lengths))


class PeepholeLstm(UnfusedLstm):
    """An LSTM whose gates see the cell state; `peephole_step` has the formulas.

    Peepholes begin at zero: a new layer is a plain LSTM.
    """

    def __init__(self, input_size: int, hidden_size: int, *, weight_drop: float = 0.0) -> None:
        super().__init__(input_size, hidden_size, weight_drop=weight_drop)
        self.peep = nn.Parameter(torch.zeros(3 * hidden_size))

    def weights(self) -> PeepholeWeights:
        """Return the weights as the written-out cell takes them."""
        return PeepholeWeights(self.weight_ih, self.weight_hh, self.bias, self.peep)

    def from_input(self, inputs: Tensor) -> Tensor:
        """Return W x + b."""
        return functional.linear(inputs, self.weight_ih, self.bias)

    def loop(self, gates: Tensor, h: Tensor, c: Tensor, weight_hh: Tensor) -> tuple[Tensor, Tensor]:
        """Return the states after each step."""
        if gates.device.type == COMPILED_ON:
            return run_peephole(gates, h, c, weight_hh, self.peep)
        return step_by_step(partial(peephole_gates, weight_hh=weight_hh, peep=self.peep), gates, h, c)


class LayerNormLstm(UnfusedLstm):
    """An LSTM with layer normalisation inside; `layernorm_step` has the formulas."""

    def __init__(self, input_size: int, hidden_size: int, *, weight_drop: float = 0.0) -> None:
        super().__init__(input_size, hidden_size, weight_drop=weight_drop)
        self.gain_ih = nn.Parameter(torch.ones(4 * hidden_size))
        self.gain_hh = nn.Parameter(torch.full((4 * hidden_size,), FIRST_GAIN))
        self.gain_c, self.bias_c = nn.Parameter(torch.ones(hidden_size)), nn.Parameter(torch.zeros(hidden_size))

    def weights(self) -> LayerNormWeights:
        """Return the weights as the written-out cell takes them."""
        gains = (self.gain_ih, self.gain_hh, self.gain_c, self.bias_c)
        return LayerNormWeights(self.weight_ih, self.weight_hh, self.bias, *gains)

    def from_input(self, inputs: Tensor) -> Tensor:
        """Return a_x · N(W x) + b."""
        product = functional.linear(inputs, self.weight_ih).to(self.weight_ih.dtype)
        return functional.layer_norm(product, self.gain_ih.shape, self.gain_ih, self.bias, NORM_EPSILON)

    def loop(self, gates: Tensor, h: Tensor, c: Tensor, weight_hh: Tensor) -> tuple[Tensor, Tensor]:
        """Return the states after each step."""
        rest = {"weight_hh": weight_hh, "gain_hh": self.gain_hh, "gain_c": self.gain_c, "bias_c": self.bias_c}
        if gates.device.type == COMPILED_ON:
            return run_layernorm(gates, h, c, **rest)
        return step_by_step(partial(layernorm_gates, **rest), gates, h, c)


def step_by_step(
    step: Callable[[Tensor, Tensor, Tensor], LstmStep], gates: Tensor, h: Tensor, c: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the hidden and the cell states after each step, (time, batch, hidden) each, by torch's own operations.

    Args:
        step: takes the input's part of the gates (batch, 4 · hidden), h and c.
        gates: the input's part of all steps, (time, batch, 4 · hidden).
        h: the hidden state before the first, (batch, hidden).
        c: the cell state before the first, (batch, hidden).
    """
    hs, cs = [], []
    for each in gates.unbind():
        after = step(each, h, c)
        h, c = after.h, after.c
        hs.append(h)
        cs.append(c)
    return torch.stack(hs), torch.stack(cs)
