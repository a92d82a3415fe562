"""The loops over time of LSTMs without a fused kernel, with their derivatives by hand: on the CPU.

The product with W_hh is torch's; all else of a step is one compiled call. Autograd would add up the gradient of W_hh
step by step; here it is one product after the loop.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from nlp_lstm.nn.gate_steps import (
    Norms,
    Steps,
    step_layernorm,
    step_layernorm_back,
    step_peephole,
    step_peephole_back,
)
from nlp_lstm.nn.squashing import squashing


def run_peephole(gates: Tensor, h: Tensor, c: Tensor, weight_hh: Tensor, peep: Tensor) -> tuple[Tensor, Tensor]:
    """Return the hidden and the cell states after each step of `peephole_step`, (time, batch, hidden) each.

    Under autocast the product with W_hh takes its type; all else keeps the type of `gates`.

    Args:
        gates: what comes from the input, W x + b, float32 or float64 (time, batch, 4 · hidden).
        h: the hidden state before the first step, (batch, hidden).
        c: the cell state before the first step, (batch, hidden).
        weight_hh: (4 · hidden, hidden).
        peep: (3 · hidden,).
    """
    tensors = (gates, h, c, weight_hh, peep)
    found: tuple[Tensor, Tensor] = _Loop.apply(_Peephole, _product_type(gates), *tensors)  # type: ignore[no-untyped-call]
    return found


def run_layernorm(
    gates: Tensor, h: Tensor, c: Tensor, weight_hh: Tensor, gain_hh: Tensor, gain_c: Tensor, bias_c: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the hidden and the cell states after each step of `layernorm_step`, (time, batch, hidden) each.

    Args:
        gates: what comes from the input, a_x · N(W x) + b, float32 or float64 (time, batch, 4 · hidden).
        h: the hidden state before the first step, (batch, hidden).
        c: the cell state before the first step, (batch, hidden).
        weight_hh: (4 · hidden, hidden).
        gain_hh: (4 · hidden,).
        gain_c: (hidden,).
        bias_c: (hidden,).
    """
    tensors = (gates, h, c, weight_hh, gain_hh, gain_c, bias_c)
    found: tuple[Tensor, Tensor] = _Loop.apply(_LayerNorm, _product_type(gates), *tensors)  # type: ignore[no-untyped-call]
    return found


def _product_type(gates: Tensor) -> torch.dtype:
    """Return the type that the product with W_hh is taken in."""
    return torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else gates.dtype


class _Loop(torch.autograd.Function):
    """A loop as one operation."""

    @staticmethod
    def forward(
        context: Any, kind: type[_Run], product: torch.dtype, gates: Tensor, h: Tensor, c: Tensor, *weights: Tensor
    ) -> tuple[Tensor, Tensor]:
        context.run = kind(product, gates.detach(), h.detach(), c.detach(), *(weight.detach() for weight in weights))
        with torch.autocast("cpu", enabled=False):
            return context.run.forward()

    @staticmethod
    @once_differentiable
    def backward(context: Any, d_hs: Tensor, d_cs: Tensor) -> tuple[Tensor | None, ...]:
        with torch.autocast("cpu", enabled=False):
            return (None, None, *context.run.backward(d_hs.contiguous(), d_cs.contiguous()))


class _Run(ABC):
    """One run of a loop, with all that its derivative needs; the tensors are those of `Steps`."""

    def __init__(self, product: torch.dtype, gates: Tensor, h: Tensor, c: Tensor, weight_hh: Tensor) -> None:
        time, rows, width = gates.shape
        given, self.weight_hh = gates.contiguous(), weight_hh.to(product)
        self.gates = torch.empty_like(given)
        self.h, self.c = gates.new_empty(2, time + 1, rows, width // 4)
        self.h[0], self.c[0] = h, c
        self.squashed, self.from_state = torch.empty_like(self.h[1:]), torch.empty_like(given[0])
        tensors = (given, self.from_state, self.gates, self.h, self.c, self.squashed)
        self.steps = Steps(*(each.numpy() for each in tensors))
        self.tools = squashing(width, self.steps.gates.dtype)

    @abstractmethod
    def step(self, t: int) -> None:
        """Fill in gates, cell state, squashed and hidden state of a step, from `from_state`."""

    @abstractmethod
    def step_back(self, t: int, d_h: Tensor, d_c: Tensor) -> Tensor:
        """Return the gradient of `from_state` at a step, (batch, 4 · hidden), and fill in that of its gates.

        Args:
            t: the step.
            d_h: the gradient of its hidden state, (batch, hidden).
            d_c: the gradient of its cell state; becomes that of the one before.
        """

    @abstractmethod
    def weight_gradients(self) -> tuple[Tensor, ...]:
        """Return the gradients of W_hh and of the other weights, of all steps at once."""

    def forward(self) -> tuple[Tensor, Tensor]:
        """Return all states; what is kept goes out as an alias, as an output knows its history."""
        turned = self.weight_hh.T
        for t, before in enumerate(self.h[:-1].unbind()):
            self._multiply(before, turned, self.from_state)
            self.step(t)
        return self.h[1:].detach(), self.c[1:].detach()

    def backward(self, d_hs: Tensor, d_cs: Tensor) -> tuple[Tensor, ...]:
        """Return the gradients of the gates, h, c and the weights."""
        self.d_gates = torch.empty_like(self.gates)
        d_h, d_c = torch.zeros_like(self.h[0]), torch.zeros_like(self.c[0])
        for t in reversed(range(len(self.gates))):
            slopes = self.step_back(t, d_h.add_(d_hs[t]), d_c.add_(d_cs[t]))
            self._multiply(slopes, self.weight_hh, d_h)
        return (self.d_gates, d_h, d_c, *self.weight_gradients())

    def _multiply(self, left: Tensor, right: Tensor, out: Tensor) -> None:
        if right.dtype == out.dtype:
            torch.mm(left, right, out=out)
        else:
            out.copy_(left.to(right.dtype) @ right)

    def _product(self, slopes: Tensor) -> Tensor:
        """Return the gradient of W_hh for that of each step's product with it."""
        read, product = self.h[:-1].flatten(0, 1), self.weight_hh.dtype
        return (slopes.flatten(0, 1).to(product).T @ read.to(product)).to(read.dtype)


class _Peephole(_Run):
    """The loop of a peephole LSTM."""

    def __init__(
        self, product: torch.dtype, gates: Tensor, h: Tensor, c: Tensor, weight_hh: Tensor, peep: Tensor
    ) -> None:
        super().__init__(product, gates, h, c, weight_hh)
        self.peep = peep.contiguous().numpy()

    def step(self, t: int) -> None:
        step_peephole(t, self.steps, self.peep, self.tools)

    def step_back(self, t: int, d_h: Tensor, d_c: Tensor) -> Tensor:
        slopes = self.d_gates[t]
        step_peephole_back(t, self.steps, self.peep, d_h.numpy(), d_c.numpy(), slopes.numpy())
        return slopes

    def weight_gradients(self) -> tuple[Tensor, ...]:
        d_i, d_f, _, d_o = self.d_gates.chunk(4, -1)
        seen = ((d_i, self.c[:-1]), (d_f, self.c[:-1]), (d_o, self.c[1:]))
        return self._product(self.d_gates), torch.cat([(slopes * c).sum((0, 1)) for slopes, c in seen])


class _LayerNorm(_Run):
    """The loop of a layer-normalised LSTM; the further tensors are those of `Norms`."""

    def __init__(
        self, product: torch.dtype, gates: Tensor, h: Tensor, c: Tensor, weight_hh: Tensor, *weights: Tensor
    ) -> None:
        super().__init__(product, gates, h, c, weight_hh)
        self.normed, self.normed_c = torch.empty_like(self.gates), torch.empty_like(self.squashed)
        scales = gates.new_empty(2, *gates.shape[:2])
        tensors = (*(weight.contiguous() for weight in weights), self.normed, self.normed_c, *scales)
        self.norms = Norms(*(each.numpy() for each in tensors))

    def step(self, t: int) -> None:
        step_layernorm(t, self.steps, self.norms, self.tools)

    def backward(self, d_hs: Tensor, d_cs: Tensor) -> tuple[Tensor, ...]:
        self.d_products, self.d_outs = torch.empty_like(self.gates), torch.empty_like(self.squashed)
        return super().backward(d_hs, d_cs)

    def step_back(self, t: int, d_h: Tensor, d_c: Tensor) -> Tensor:
        gates, product, outs = self.d_gates[t].numpy(), self.d_products[t], self.d_outs[t].numpy()
        step_layernorm_back(t, self.steps, self.norms, d_h.numpy(), d_c.numpy(), gates, product.numpy(), outs)
        return product

    def weight_gradients(self) -> tuple[Tensor, ...]:
        d_gain_hh = (self.d_gates * self.normed).sum((0, 1))
        d_gain_c = (self.d_outs * self.normed_c).sum((0, 1))
        return self._product(self.d_products), d_gain_hh, d_gain_c, self.d_outs.sum((0, 1))
