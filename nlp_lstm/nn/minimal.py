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
from nlp_lstm.nn.squashing import Reals


class MinLstm(nn.Module):
    """One layer in one direction; `minlstm_step` has the formulas.

    With f' = σ(log σ(f) − log σ(i)) and i' = 1 − f' no gate is divided by a small number, and each state is a mean of
    candidates, so that nothing grows: unlike the paper's, the sum needs no logarithms, and the candidates may have any
    sign. On the CPU one compiled loop over time takes the channels side by side, which reads each number once; a
    parallel scan reads it as often as the length can be halved. Elsewhere it is such a scan.

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
        f, i, candidate = gates.chunk(3, -1)  # each (batch, time, hidden)
        keep = (functional.logsigmoid(f) - functional.logsigmoid(i)).sigmoid()
        states = weighted_means(keep, candidate, state.h.to(own_type))
        return states, LayerState(at_last(states, lengths)) if final_state else None


def weighted_means(keep: Tensor, candidate: Tensor, h: Tensor) -> Tensor:
    """Return h_t = k_t · h_{t−1} + (1 − k_t) · u_t at each step, (batch, time, hidden).

    Args:
        keep: k, each in [0, 1], (batch, time, hidden).
        candidate: u, (batch, time, hidden).
        h: the state before the first step, (batch, hidden).
    """
    if keep.device.type != "cpu":
        return scan_by_doubling(keep, candidate, h)
    found: Tensor = _Means.apply(keep, candidate, h)  # type: ignore[no-untyped-call]
    return found


def scan_by_doubling(keep: Tensor, candidate: Tensor, h: Tensor) -> Tensor:
    """Return what `weighted_means` does, in as many rounds as the number of steps can be halved.

    After each round a state is the one twice as far back times a factor, plus a rest. Source: Hillis & Steele 1986.
    """
    rest = candidate - keep * candidate
    rest = torch.cat([rest[:, :1] + keep[:, :1] * h.unsqueeze(1), rest[:, 1:]], 1)
    reach = 1
    while reach < keep.shape[1]:
        rest = torch.cat([rest[:, :reach], rest[:, reach:] + keep[:, reach:] * rest[:, :-reach]], 1)
        keep = torch.cat([keep[:, :reach], keep[:, reach:] * keep[:, :-reach]], 1)
        reach *= 2
    return rest


class _Means(torch.autograd.Function):
    """The compiled loop as one operation."""

    @staticmethod
    def forward(context: Any, keep: Tensor, candidate: Tensor, h: Tensor) -> Tensor:
        keep, candidate, h = keep.contiguous(), candidate.contiguous(), h.contiguous()
        states = torch.empty_like(keep)
        _run(*(each.detach().numpy() for each in (keep, candidate, h, states)))
        context.save_for_backward(keep, candidate, h, states)
        return states

    @staticmethod
    @once_differentiable
    def backward(context: Any, *slopes: Tensor) -> tuple[Tensor, ...]:
        keep, candidate, h, states = context.saved_tensors
        gradients = [torch.empty_like(keep), torch.empty_like(keep), torch.zeros_like(h)]
        given = (keep, candidate, h, states, slopes[0].contiguous(), *gradients)
        _run_back(*(each.numpy() for each in given))
        return tuple(gradients)


@machine_code()
def _run(keep: Reals, candidate: Reals, h: Reals, states: Reals) -> None:
    """Fill in the states."""
    rows, time, size = keep.shape
    for row in range(rows):
        before = h[row]
        for t in range(time):
            k, u, now = keep[row, t], candidate[row, t], states[row, t]
            for j in range(size):
                now[j] = k[j] * before[j] + (u[j] - k[j] * u[j])
            before = now


@machine_code()
def _run_back(
    keep: Reals, candidate: Reals, h: Reals, states: Reals, slopes: Reals, d_keep: Reals, d_candidate: Reals, d_h: Reals
) -> None:
    """Fill in the gradients of `keep` and `candidate`, and that of `h`, which is zero before."""
    rows, time, size = keep.shape
    for row in range(rows):
        carried = d_h[row]
        for t in range(time - 1, -1, -1):
            before = states[row, t - 1] if t > 0 else h[row]
            k, u, d_k, d_u = keep[row, t], candidate[row, t], d_keep[row, t], d_candidate[row, t]
            for j in range(size):
                slope = slopes[row, t, j] + carried[j]
                d_k[j] = slope * (before[j] - u[j])
                d_u[j] = slope - slope * k[j]
                carried[j] = slope * k[j]
