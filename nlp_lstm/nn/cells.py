"""The recurrent cells written out, one step at a time: what the fast kernels must equal."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class CellWeights(NamedTuple):
    """The weights of one layer in one direction, gates stacked in torch's order.

    Attributes:
        weight_ih: (gates · hidden, input).
        weight_hh: (gates · hidden, hidden).
        bias_ih: (gates · hidden,).
        bias_hh: (gates · hidden,).
    """

    weight_ih: Tensor
    weight_hh: Tensor
    bias_ih: Tensor
    bias_hh: Tensor


class LstmStep(NamedTuple):
    """One LSTM step with its gates open to view; each tensor is (batch, hidden)."""

    input_gate: Tensor
    forget_gate: Tensor
    candidate: Tensor
    output_gate: Tensor
    h: Tensor
    c: Tensor


def lstm_step(x: Tensor, h: Tensor, c: Tensor, weights: CellWeights) -> LstmStep:
    """Take one LSTM step.

        i_t = σ(W_i x_t + U_i h_{t−1} + b_i)        input gate
        f_t = σ(W_f x_t + U_f h_{t−1} + b_f)        forget gate
        c̃_t = tanh(W_c x_t + U_c h_{t−1} + b_c)     candidate
        o_t = σ(W_o x_t + U_o h_{t−1} + b_o)        output gate
        c_t = f_t · c_{t−1} + i_t · c̃_t             cell state
        h_t = o_t · tanh c_t                        hidden state

    The error reaches c_{t−1} through the factor f_t alone, without a matrix between: that is why it does
    not vanish while the forget gate stays open.

    Args:
        x: the input of this step, (batch, input).
        h: the hidden state before it, (batch, hidden).
        c: the cell state before it, (batch, hidden).
        weights: four gates in the order input, forget, candidate, output.

    Source: Hochreiter & Schmidhuber 1997, with the forget gate of Gers, Schmidhuber & Cummins 2000.
    """
    gates = x @ weights.weight_ih.T + weights.bias_ih + h @ weights.weight_hh.T + weights.bias_hh
    i, f, g, o = gates.chunk(4, dim=-1)  # each (batch, hidden)
    input_gate, forget_gate, candidate, output_gate = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
    new_c = forget_gate * c + input_gate * candidate
    return LstmStep(input_gate, forget_gate, candidate, output_gate, output_gate * new_c.tanh(), new_c)


class GruStep(NamedTuple):
    """One GRU step with its gates open to view; each tensor is (batch, hidden)."""

    reset_gate: Tensor
    update_gate: Tensor
    new: Tensor
    h: Tensor


def gru_step(x: Tensor, h: Tensor, weights: CellWeights) -> Tensor:
    """Take one GRU step and return the new hidden state, (batch, hidden); `open_gru_step` has the formulas."""
    return open_gru_step(x, h, weights).h


def open_gru_step(x: Tensor, h: Tensor, weights: CellWeights) -> GruStep:
    """Take one GRU step.

        r_t = σ(W_r x_t + U_r h_{t−1} + b_r)              reset gate
        z_t = σ(W_z x_t + U_z h_{t−1} + b_z)              update gate
        n_t = tanh(W_n x_t + b_n + r_t · (U_n h_{t−1} + b'_n))
        h_t = (1 − z_t) · n_t + z_t · h_{t−1}

    Source: Cho et al. 2014, section 2.3; as in cuDNN and torch, the reset gate acts after the product U_n h,
    and z_t keeps the old state.
    """
    from_input = x @ weights.weight_ih.T + weights.bias_ih
    from_state = h @ weights.weight_hh.T + weights.bias_hh
    reset_x, update_x, new_x = from_input.chunk(3, dim=-1)
    reset_h, update_h, new_h = from_state.chunk(3, dim=-1)
    reset, update = (reset_x + reset_h).sigmoid(), (update_x + update_h).sigmoid()
    new = (new_x + reset * new_h).tanh()
    return GruStep(reset, update, new, (1.0 - update) * new + update * h)


def rnn_step(x: Tensor, h: Tensor, weights: CellWeights) -> Tensor:
    """Take one step of a plain (Elman 1990) network, h_t = tanh(W x_t + U h_{t−1} + b), and return it."""
    return torch.tanh(x @ weights.weight_ih.T + weights.bias_ih + h @ weights.weight_hh.T + weights.bias_hh)
