"""The loops over time of LSTMs without a fused kernel, compiled, and their derivatives by hand: on the CPU.

The product with W_hh is torch's; all else of a step is one compiled call. Autograd would add up the gradient of W_hh
step by step; here it is one product after the loop.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from nlp_lstm.nn.cells import NORM_EPSILON
from nlp_lstm.nn.machine_code import machine_code
from nlp_lstm.nn.squashing import Reals, Squashing, sigmoids, squashing, tanhs


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


class Steps(NamedTuple):
    """All steps of a loop as arrays: states at places 0 to time, all else at steps 0 to time − 1.

    Attributes:
        given: the input's part of the gates, (time, batch, 4 · hidden).
        from_state: the state's part of the step at hand, (batch, 4 · hidden).
        gates: input, forget, cell and output gate, (time, batch, 4 · hidden).
        h: hidden states, (time + 1, batch, hidden).
        c: cell states, (time + 1, batch, hidden).
        squashed: what the output gate lets out, (time, batch, hidden).
    """

    given: Reals
    from_state: Reals
    gates: Reals
    h: Reals
    c: Reals
    squashed: Reals


class Norms(NamedTuple):
    """What the norms of a loop are and were.

    Attributes:
        gain_hh: (4 · hidden,).
        gain_c: (hidden,).
        bias_c: (hidden,).
        normed: N(U h), (time, batch, 4 · hidden).
        normed_c: N(c), (time, batch, hidden).
        scale: 1 / √(variance + ε) of the first, (time, batch).
        scale_c: of the second, (time, batch).
    """

    gain_hh: Reals
    gain_c: Reals
    bias_c: Reals
    normed: Reals
    normed_c: Reals
    scale: Reals
    scale_c: Reals


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
        _peephole_step(t, self.steps, self.peep, self.tools)

    def step_back(self, t: int, d_h: Tensor, d_c: Tensor) -> Tensor:
        slopes = self.d_gates[t]
        _peephole_step_back(t, self.steps, self.peep, d_h.numpy(), d_c.numpy(), slopes.numpy())
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
        _layernorm_step(t, self.steps, self.norms, self.tools)

    def backward(self, d_hs: Tensor, d_cs: Tensor) -> tuple[Tensor, ...]:
        self.d_products, self.d_outs = torch.empty_like(self.gates), torch.empty_like(self.squashed)
        return super().backward(d_hs, d_cs)

    def step_back(self, t: int, d_h: Tensor, d_c: Tensor) -> Tensor:
        gates, product, outs = self.d_gates[t].numpy(), self.d_products[t], self.d_outs[t].numpy()
        _layernorm_step_back(t, self.steps, self.norms, d_h.numpy(), d_c.numpy(), gates, product.numpy(), outs)
        return product

    def weight_gradients(self) -> tuple[Tensor, ...]:
        d_gain_hh = (self.d_gates * self.normed).sum((0, 1))
        d_gain_c = (self.d_outs * self.normed_c).sum((0, 1))
        return self._product(self.d_products), d_gain_hh, d_gain_c, self.d_outs.sum((0, 1))


@machine_code()
def _parts(gates: Reals) -> tuple[Reals, Reals, Reals, Reals]:
    """Return input, forget, cell and output gate; indices with a sum in them would not be taken side by side."""
    size = len(gates) // 4
    return gates[:size], gates[size : 2 * size], gates[2 * size : 3 * size], gates[3 * size :]


@machine_code(reorder=True)
def _peephole_step(t: int, steps: Steps, peep: Reals, tools: Squashing) -> None:
    """Take a step in all rows; `nn/cells.py` has the formulas."""
    _, rows, size = steps.c.shape
    see_i, see_f, see_o = peep[:size], peep[size : 2 * size], peep[2 * size :]
    for row in range(rows):
        now, old, new, out = steps.gates[t, row], steps.c[t, row], steps.c[t + 1, row], steps.squashed[t, row]
        given, from_state, h = steps.given[t, row], steps.from_state[row], steps.h[t + 1, row]
        i, f, g, o = _parts(now)
        for j in range(4 * size):
            now[j] = given[j] + from_state[j]
        for j in range(size):
            i[j] += see_i[j] * old[j]
            f[j] += see_f[j] * old[j]
        sigmoids(now[: 2 * size], tools)
        tanhs(g, tools)
        for j in range(size):
            new[j] = f[j] * old[j] + i[j] * g[j]
            out[j] = new[j]
            o[j] += see_o[j] * new[j]
        sigmoids(o, tools)
        tanhs(out, tools)
        for j in range(size):
            h[j] = o[j] * out[j]


@machine_code(reorder=True)
def _peephole_step_back(t: int, steps: Steps, peep: Reals, d_hs: Reals, d_cs: Reals, d_gates: Reals) -> None:
    """Fill in the gradients of the gates before they are squashed, and turn `d_cs` into that of the state before."""
    _, rows, size = steps.c.shape
    see_i, see_f, see_o = peep[:size], peep[size : 2 * size], peep[2 * size :]
    for row in range(rows):
        now, out, d_h, d_c = steps.gates[t, row], steps.squashed[t, row], d_hs[row], d_cs[row]
        _, f, _, o = _parts(now)
        d_i, d_f, _, d_o = _parts(d_gates[row])
        for j in range(size):
            let_out = d_h[j] * o[j]
            d_o[j] = d_h[j] * out[j] * (o[j] - o[j] * o[j])
            d_c[j] += let_out - let_out * out[j] * out[j] + see_o[j] * d_o[j]
        _gates_back(now, steps.c[t, row], d_c, d_gates[row])
        for j in range(size):
            d_c[j] = d_c[j] * f[j] + see_i[j] * d_i[j] + see_f[j] * d_f[j]


@machine_code(reorder=True)
def _gates_back(now: Reals, old: Reals, d_c: Reals, d_gates: Reals) -> None:
    """Fill in the gradients of input gate, forget gate and candidate before they are squashed."""
    i, f, g, _ = _parts(now)
    d_i, d_f, d_g, _ = _parts(d_gates)
    for j in range(len(old)):
        d_i[j] = d_c[j] * g[j] * (i[j] - i[j] * i[j])
        d_f[j] = d_c[j] * old[j] * (f[j] - f[j] * f[j])
        d_g[j] = d_c[j] * (i[j] - i[j] * g[j] * g[j])


@machine_code(reorder=True)
def _layernorm_step(t: int, steps: Steps, norms: Norms, tools: Squashing) -> None:
    """Take a step in all rows; `nn/cells.py` has the formulas."""
    _, rows, size = steps.c.shape
    gain_hh, gain_c, bias_c = norms.gain_hh, norms.gain_c, norms.bias_c
    for row in range(rows):
        now, old, new, out = steps.gates[t, row], steps.c[t, row], steps.c[t + 1, row], steps.squashed[t, row]
        given, h, normed, normed_c = (
            steps.given[t, row],
            steps.h[t + 1, row],
            norms.normed[t, row],
            norms.normed_c[t, row],
        )
        i, f, g, o = _parts(now)
        _normalise(steps.from_state[row], normed, norms.scale[t, row : row + 1])
        for j in range(4 * size):
            now[j] = given[j] + gain_hh[j] * normed[j]
        sigmoids(now[: 2 * size], tools)
        tanhs(g, tools)
        sigmoids(o, tools)
        for j in range(size):
            new[j] = f[j] * old[j] + i[j] * g[j]
        _normalise(new, normed_c, norms.scale_c[t, row : row + 1])
        for j in range(size):
            out[j] = gain_c[j] * normed_c[j] + bias_c[j]
        tanhs(out, tools)
        for j in range(size):
            h[j] = o[j] * out[j]


@machine_code(reorder=True)
def _layernorm_step_back(
    t: int, steps: Steps, norms: Norms, d_hs: Reals, d_cs: Reals, d_gates: Reals, d_products: Reals, d_outs: Reals
) -> None:
    """Fill in the gradients of the gates, of the product and of the normed cell state before they are squashed.

    `d_cs` turns into the gradient of the state before.
    """
    _, rows, size = steps.c.shape
    gain_hh, gain_c = norms.gain_hh, norms.gain_c
    weighed, through = np.empty_like(d_gates[0]), np.empty_like(d_outs[0])
    for row in range(rows):
        now, out, d_h, d_c = steps.gates[t, row], steps.squashed[t, row], d_hs[row], d_cs[row]
        slope, d_out = d_gates[row], d_outs[row]
        _, f, _, o = _parts(now)
        _, _, _, d_o = _parts(slope)
        for j in range(size):
            d_o[j] = d_h[j] * out[j] * (o[j] - o[j] * o[j])
            d_out[j] = d_h[j] * (o[j] - o[j] * out[j] * out[j])
            through[j] = d_out[j] * gain_c[j]
        _normalise_back(through, norms.normed_c[t, row], norms.scale_c[t, row])
        for j in range(size):
            d_c[j] += through[j]
        _gates_back(now, steps.c[t, row], d_c, slope)
        for j in range(size):
            d_c[j] *= f[j]
        for j in range(4 * size):
            weighed[j] = slope[j] * gain_hh[j]
        _normalise_back(weighed, norms.normed[t, row], norms.scale[t, row])
        d_products[row] = weighed


@machine_code(reorder=True)
def _normalise(values: Reals, normed: Reals, scale: Reals) -> None:
    """Set `normed` to (z − mean z) / √(variance z + ε), and `scale` to what the difference is multiplied by."""
    total, squares = 0.0, 0.0
    for j in range(len(values)):
        total += values[j]
    normed[0] = total / len(values)
    mean = normed[0]  # in the type of the values
    for j in range(len(values)):
        normed[j] = values[j] - mean
        squares += normed[j] * normed[j]
    scale[0] = 1.0 / np.sqrt(squares / len(values) + NORM_EPSILON)
    factor = scale[0]
    for j in range(len(values)):
        normed[j] *= factor


@machine_code(reorder=True)
def _normalise_back(slopes: Reals, normed: Reals, scale: float) -> None:
    """Turn d, the gradient of n = N(z), into that of z: scale · (d − mean d − n · mean (d · n))."""
    total, along, means = 0.0, 0.0, np.empty(2, slopes.dtype)
    for j in range(len(slopes)):
        total += slopes[j]
        along += slopes[j] * normed[j]
    means[0], means[1] = total / len(slopes), along / len(slopes)
    mean, share = means[0], means[1]  # in the type of the slopes
    for j in range(len(slopes)):
        slopes[j] = scale * (slopes[j] - mean - normed[j] * share)
