"""The recurrent cells written out, one step at a time: what the fast kernels must equal."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional


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


class PeepholeWeights(NamedTuple):
    """The weights of a peephole LSTM in one direction, gates in torch's order.

    Attributes:
        weight_ih: (4 · hidden, input).
        weight_hh: (4 · hidden, hidden).
        bias: (4 · hidden,).
        peep: how much of its own cell state each input, forget and output gate sees, (3 · hidden,).
    """

    weight_ih: Tensor
    weight_hh: Tensor
    bias: Tensor
    peep: Tensor


class LayerNormWeights(NamedTuple):
    """The weights of a layer-normalised LSTM in one direction, gates in torch's order.

    Attributes:
        weight_ih: (4 · hidden, input).
        weight_hh: (4 · hidden, hidden).
        bias: (4 · hidden,).
        gain_ih: of what comes from the input, (4 · hidden,).
        gain_hh: of what comes from the state, (4 · hidden,).
        gain_c: of the cell state as the output sees it, (hidden,).
        bias_c: (hidden,).
    """

    weight_ih: Tensor
    weight_hh: Tensor
    bias: Tensor
    gain_ih: Tensor
    gain_hh: Tensor
    gain_c: Tensor
    bias_c: Tensor


class MinLstmWeights(NamedTuple):
    """The weights of a minLSTM in one direction, in the order forget, input, candidate.

    Attributes:
        weight_ih: (3 · hidden, input).
        bias: (3 · hidden,).
    """

    weight_ih: Tensor
    bias: Tensor


class BlockWeights(NamedTuple):
    """The weights of a Transformer block; a and b of a norm are its gain and its bias.

    Attributes:
        attend_norm: a and b, (hidden,) each.
        query_key_value: (3 · heads · head, hidden), and its bias.
        gather: (hidden, heads · head), and its bias.
        feed_norm: a and b, (hidden,) each.
        widen: (4 · hidden, hidden), and its bias.
        narrow: (hidden, 4 · hidden), and its bias.
    """

    attend_norm: tuple[Tensor, Tensor]
    query_key_value: tuple[Tensor, Tensor]
    gather: tuple[Tensor, Tensor]
    feed_norm: tuple[Tensor, Tensor]
    widen: tuple[Tensor, Tensor]
    narrow: tuple[Tensor, Tensor]


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


def peephole_step(x: Tensor, h: Tensor, c: Tensor, weights: PeepholeWeights) -> LstmStep:
    """Take one step of an LSTM whose gates see the cell state.

        i_t = σ(W_i x_t + U_i h_{t−1} + p_i · c_{t−1} + b_i)
        f_t = σ(W_f x_t + U_f h_{t−1} + p_f · c_{t−1} + b_f)
        c̃_t = tanh(W_c x_t + U_c h_{t−1} + b_c)
        c_t = f_t · c_{t−1} + i_t · c̃_t
        o_t = σ(W_o x_t + U_o h_{t−1} + p_o · c_t + b_o)
        h_t = o_t · tanh c_t

    p: peepholes, one weight a cell and gate, so that a cell can time itself while its output gate is shut.

    Args:
        x: the input of this step, (batch, input).
        h: the hidden state before it, (batch, hidden).
        c: the cell state before it, (batch, hidden).
        weights: see there.

    Source: Gers & Schmidhuber 2000; Gers, Schraudolph & Schmidhuber 2002, section 3. There the error stops at the
    peepholes; here it passes, as in Graves & Schmidhuber 2005.
    """
    return peephole_gates(functional.linear(x, weights.weight_ih, weights.bias), h, c, weights.weight_hh, weights.peep)


def peephole_gates(from_input: Tensor, h: Tensor, c: Tensor, weight_hh: Tensor, peep: Tensor) -> LstmStep:
    """Take the step of `peephole_step` from W x_t + b, (batch, 4 · hidden)."""
    i, f, g, o = (from_input + functional.linear(h, weight_hh)).chunk(4, dim=-1)  # each (batch, hidden)
    see_i, see_f, see_o = peep.chunk(3)  # each (hidden,)
    input_gate, forget_gate, candidate = (i + see_i * c).sigmoid(), (f + see_f * c).sigmoid(), g.tanh()
    new_c = forget_gate * c + input_gate * candidate
    output_gate = (o + see_o * new_c).sigmoid()
    return LstmStep(input_gate, forget_gate, candidate, output_gate, output_gate * new_c.tanh(), new_c)


NORM_EPSILON = 1e-5
"""Added to the variance in every norm, as `torch.nn.LayerNorm` does."""


def layernorm_step(x: Tensor, h: Tensor, c: Tensor, weights: LayerNormWeights) -> LstmStep:
    """Take one step of an LSTM with layer normalisation inside.

        (i, f, g, o) = a_x · N(W x_t) + a_h · N(U h_{t−1}) + b
        c_t = σ(f) · c_{t−1} + σ(i) · tanh g
        h_t = σ(o) · tanh(a_c · N(c_t) + b_c)
        N(z) = (z − mean z) / √(variance z + ε)

    Mean and variance are over the channels of one row: of all four gates together, of the cell state by itself.

    Args:
        x: the input of this step, (batch, input).
        h: the hidden state before it, (batch, hidden).
        c: the cell state before it, (batch, hidden).
        weights: see there.

    Source: Ba, Kiros & Hinton 2016, equations 20 to 22. There three biases are added up in the gates; only their sum
    counts, which is b here.
    """
    from_input = layer_norm(x @ weights.weight_ih.T, weights.gain_ih, weights.bias)
    return layernorm_gates(from_input, h, c, weights.weight_hh, weights.gain_hh, weights.gain_c, weights.bias_c)


def layernorm_gates(
    from_input: Tensor, h: Tensor, c: Tensor, weight_hh: Tensor, gain_hh: Tensor, gain_c: Tensor, bias_c: Tensor
) -> LstmStep:
    """Take the step of `layernorm_step` from a_x · N(W x_t) + b, (batch, 4 · hidden)."""
    gates = from_input + layer_norm(functional.linear(h, weight_hh), gain_hh)
    i, f, g, o = gates.chunk(4, dim=-1)  # each (batch, hidden)
    input_gate, forget_gate, candidate, output_gate = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
    new_c = forget_gate * c + input_gate * candidate
    new_h = output_gate * layer_norm(new_c, gain_c, bias_c).tanh()
    return LstmStep(input_gate, forget_gate, candidate, output_gate, new_h, new_c)


def layer_norm(z: Tensor, gain: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return gain · (z − mean z) / √(variance z + ε) + bias over the last axis."""
    centred = z - z.mean(-1, keepdim=True)
    normed = centred * (centred.square().mean(-1, keepdim=True) + NORM_EPSILON).rsqrt() * gain
    return normed if bias is None else normed + bias


class MinLstmStep(NamedTuple):
    """One minLSTM step with its gates open to view; each tensor is (batch, hidden)."""

    forget_gate: Tensor
    input_gate: Tensor
    candidate: Tensor
    h: Tensor


def minlstm_step(x: Tensor, h: Tensor, weights: MinLstmWeights) -> Tensor:
    """Take one minLSTM step and return the new hidden state, (batch, hidden); `open_minlstm_step` has the formulas."""
    return open_minlstm_step(x, h, weights).h


def open_minlstm_step(x: Tensor, h: Tensor, weights: MinLstmWeights) -> MinLstmStep:
    """Take one minLSTM step.

        f_t = σ(W_f x_t + b_f);  i_t = σ(W_i x_t + b_i);  h̃_t = W_h x_t + b_h
        f'_t = f_t / (f_t + i_t);  i'_t = i_t / (f_t + i_t)
        h_t = f'_t · h_{t−1} + i'_t · h̃_t

    No gate reads the state, so all gates of a sequence are known beforehand and what is left is a weighted mean of
    the candidates. The gates that are handed out are f' and i', which add up to 1. Source: Feng et al. 2024 ("Were
    RNNs all we needed?"), section 3.2.
    """
    f, i, candidate = (x @ weights.weight_ih.T + weights.bias).chunk(3, dim=-1)
    total = f.sigmoid() + i.sigmoid()
    forget_gate, input_gate = f.sigmoid() / total, i.sigmoid() / total
    return MinLstmStep(forget_gate, input_gate, candidate, forget_gate * h + input_gate * candidate)


def block_step(x: Tensor, place: int, weights: BlockWeights, *, n_heads: int) -> Tensor:
    """Return what a Transformer block makes of one token, (hidden,).

        a_j = N_1(x_j);  q = W_q a_t + b_q;  k_j = W_k a_j + b_k;  v_j = W_v a_j + b_v
        α_j = softmax_j (R^t q · R^j k_j / √d);  y = x_t + W_o Σ_j α_j v_j + b_o      in each head, then all together
        z = y + V gelu(U N_2(y) + b_u) + b_v

    N: layer norms; R^j: turns channels m and m + d/2 of a head, as a pair, by the angle j · 10000^(−2m/d), so that a
    product of two depends on how far apart they stand; d: channels of a head.

    Args:
        x: what the block reads at the tokens that are attended to, (tokens, hidden).
        place: which of them is t.
        weights: see there.
        n_heads: how many heads share the channels.

    Source: Vaswani et al. 2017, section 3, with the norms before, as Xiong et al. 2020, and the turned positions of
    Su et al. 2021 (RoFormer), section 3.2.2.
    """
    read = layer_norm(x, *weights.attend_norm) @ weights.query_key_value[0].T + weights.query_key_value[1]
    q, k, v = (part.unflatten(-1, (n_heads, -1)) for part in read.chunk(3, -1))  # each (tokens, heads, head)
    head = q.shape[-1]
    turns = torch.arange(len(x), dtype=torch.float64).unsqueeze(1) * 1e4 ** (-torch.arange(0, head, 2) / head).double()
    turned = [
        torch.complex(*part.double().chunk(2, -1)) * torch.polar(torch.ones_like(turns), turns).unsqueeze(1)
        for part in (q, k)
    ]  # each (tokens, heads, head / 2)
    scores = (turned[0][place] * turned[1].conj()).real.sum(-1) / head**0.5  # (tokens, heads)
    context = (scores.softmax(0).unsqueeze(-1) * v).sum(0).flatten().to(x.dtype)  # (heads · head,)
    after = x[place] + context @ weights.gather[0].T + weights.gather[1]
    widened = functional.gelu(layer_norm(after, *weights.feed_norm) @ weights.widen[0].T + weights.widen[1])
    return after + widened @ weights.narrow[0].T + weights.narrow[1]
