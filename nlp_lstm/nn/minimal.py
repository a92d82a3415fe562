"""The minLSTM: a recurrence whose gates read the input alone, so that only a weighted sum is left to the loop."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from nlp_lstm.nn.cells import MinLstmWeights
from nlp_lstm.nn.machine_code import machine_code
from nlp_lstm.nn.recurrent import LayerState, at_last
from nlp_lstm.nn.squashing import Reals, Squashing, exponentials, squashing

COMPILED_ON = "cpu"
"""The kind of device that the compiled loop runs on."""


class MinLstm(nn.Module):
    """One layer in one direction; `minlstm_step` has the formulas.

    As i' = 1 − f', each state is a mean of candidates and nothing grows: unlike the paper's, the sum over time needs no
    logarithms, and the candidates may have any sign. On the CPU one compiled loop takes the channels side by side,
    which reads each number once; a parallel scan reads it as often as the length can be halved. Elsewhere it is such a
    scan.

    Args:
        input_size: width of the input.
        hidden_size: width of the state.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.weight_ih = nn.Parameter(torch.empty(3 * hidden_size, input_size))
        self.bias = nn.Parameter(torch.zeros(3 * hidden_size))
        nn.init.xavier_uniform_(self.weight_ih)
        with torch.no_grad():
            self.bias[:hidden_size] = 1.0  # the forget gate starts open, as an LSTM's

    def weights(self) -> MinLstmWeights:
        """Return the weights as the written-out cell takes them."""
        return MinLstmWeights(self.weight_ih, self.bias)

    def forward(
        self, inputs: Tensor, lengths: Tensor, state: LayerState | None = None, *, final_state: bool = False
    ) -> tuple[Tensor, LayerState | None]:
        """Run the layer over right-padded sequences; all as in `Recurrence.forward`."""
        own_type = self.weight_ih.dtype
        shape = (inputs.shape[0], self.hidden_size)
        state = state or LayerState(torch.zeros(shape, dtype=own_type, device=inputs.device))
        state.check(shape, own_type, cell_state=False)
        gates = functional.linear(inputs, self.weight_ih, self.bias).to(own_type)
        run = run_compiled if gates.device.type == COMPILED_ON else scan_by_doubling
        states = run(gates, state.h.to(own_type))
        return states, LayerState(at_last(states, lengths)) if final_state else None


def scan_by_doubling(gates: Tensor, h: Tensor) -> Tensor:
    """Return the states (batch, time, hidden), in as many rounds as the number of steps can be halved.

        h_t = k_t · h_{t−1} + (1 − k_t) · u_t,  k_t = σ(log σ(f_t) − log σ(i_t)) = σ(f_t) / (σ(f_t) + σ(i_t))

    After each round a state is the one twice as far back times a factor, plus a rest. Source: Hillis & Steele 1986.

    Args:
        gates: f, i and u of each step before they are squashed, (batch, time, 3 · hidden).
        h: the state before the first step, (batch, hidden).
    """
    f, i, candidate = gates.chunk(3, -1)  # each (batch, time, hidden)
    keep = (functional.logsigmoid(f) - functional.logsigmoid(i)).sigmoid()
    rest = candidate - keep * candidate
    rest = torch.cat([rest[:, :1] + keep[:, :1] * h.unsqueeze(1), rest[:, 1:]], 1)
    reach = 1
    while reach < keep.shape[1]:
        rest = torch.cat([rest[:, :reach], rest[:, reach:] + keep[:, reach:] * rest[:, :-reach]], 1)
        keep = torch.cat([keep[:, :reach], keep[:, reach:] * keep[:, :-reach]], 1)
        reach *= 2
    return rest


def run_compiled(gates: Tensor, h: Tensor) -> Tensor:
    """Return what `scan_by_doubling` does, step by step in a compiled loop: on the CPU, float32 or float64."""
    found: Tensor = _Means.apply(gates, h)  # type: ignore[no-untyped-call]
    return found


class _Means(torch.autograd.Function):
    """The compiled loop as one operation."""

    @staticmethod
    def forward(context: Any, gates: Tensor, h: Tensor) -> Tensor:
        gates, h = gates.detach().contiguous(), h.detach().contiguous()
        states, kept = gates.new_empty(*gates.shape[:2], h.shape[1]), torch.empty_like(gates)
        tools = squashing(gates.shape[2], gates.numpy().dtype)
        _run(gates.numpy(), h.numpy(), states.numpy(), kept.numpy(), tools)
        context.save_for_backward(gates, h, states, kept)
        return states

    @staticmethod
    @once_differentiable
    def backward(context: Any, *slopes: Tensor) -> tuple[Tensor, Tensor]:
        gates, h, states, kept = context.saved_tensors
        d_gates, d_h = torch.empty_like(gates), torch.zeros_like(h)
        _run_back(*(each.numpy() for each in (gates, h, states, kept, slopes[0].contiguous(), d_gates, d_h)))
        return d_gates, d_h


@machine_code()
def _run(gates: Reals, h: Reals, states: Reals, kept: Reals, tools: Squashing) -> None:
    """Fill in the states and, for the way back, k and its derivatives by f and by i.

    With s = max(0, −f, −i), a = exp −s, b = exp(−i − s) and c = exp(−f − s), none of them above 1 and one of them 1:

        k = (a + b) / (2 a + b + c);  ∂k/∂f = k (1 − k) c / (a + c);  ∂k/∂i = −k (1 − k) b / (a + b)
    """
    rows, time, size = states.shape
    for row in range(rows):
        before = h[row]
        for t in range(time):
            f, i, u = _thirds(gates[row, t])
            a, b, c = _thirds(kept[row, t])
            now = states[row, t]
            for j in range(size):
                least = min(f[j], i[j])
                a[j] = least if least < 0 else 0
                b[j] = a[j] - i[j]
                c[j] = a[j] - f[j]
            exponentials(kept[row, t], tools)
            for j in range(size):
                forget, accept = a[j] + b[j], a[j] + c[j]
                k = forget / (forget + accept)
                slope = k - k * k
                now[j] = k * before[j] + (u[j] - k * u[j])
                a[j], b[j], c[j] = k, slope * c[j] / accept, -slope * b[j] / forget
            before = now


@machine_code()
def _run_back(gates: Reals, h: Reals, states: Reals, kept: Reals, slopes: Reals, d_gates: Reals, d_h: Reals) -> None:
    """Fill in the gradients of the gates and of `h`, which is zero before."""
    rows, time, size = states.shape
    for row in range(rows):
        carried = d_h[row]
        for t in range(time - 1, -1, -1):
            before = states[row, t - 1] if t > 0 else h[row]
            k, by_f, by_i = _thirds(kept[row, t])
            _, _, u = _thirds(gates[row, t])
            d_f, d_i, d_u = _thirds(d_gates[row, t])
            given = slopes[row, t]
            for j in range(size):
                slope = given[j] + carried[j]
                d_k = slope * (before[j] - u[j])
                d_f[j], d_i[j], d_u[j] = d_k * by_f[j], d_k * by_i[j], slope - slope * k[j]
                carried[j] = slope * k[j]


@machine_code()
def _thirds(values: Reals) -> tuple[Reals, Reals, Reals]:
    """Return the three parts of a row."""
    size = len(values) // 3
    return values[:size], values[size : 2 * size], values[2 * size :]
