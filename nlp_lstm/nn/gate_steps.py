"""Single steps of LSTMs without a fused kernel and the steps of their derivatives, compiled: all but the products."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nlp_lstm.nn.cells import NORM_EPSILON
from nlp_lstm.nn.machine_code import machine_code
from nlp_lstm.nn.squashing import Reals, Squashing, sigmoids, tanhs


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


@machine_code()
def _parts(gates: Reals) -> tuple[Reals, Reals, Reals, Reals]:
    """Return input, forget, cell and output gate; indices with a sum in them would not be taken side by side."""
    size = len(gates) // 4
    return gates[:size], gates[size : 2 * size], gates[2 * size : 3 * size], gates[3 * size :]


@machine_code(reorder=True)
def step_lstm(
    t: int, from_below: Reals, from_state: Reals, gates: Reals, h: Reals, c: Reals, squashed: Reals, tools: Squashing
) -> None:
    """Take a step of a plain LSTM in all rows: `gates` hold what is given, and the products are added to it.

    The products are (batch, 4 · hidden), all else is as in `Steps`.
    """
    _, rows, size = c.shape
    for row in range(rows):
        now, old, new, out, state = gates[t, row], c[t, row], c[t + 1, row], squashed[t, row], h[t + 1, row]
        below, beside = from_below[row], from_state[row]
        i, f, g, o = _parts(now)
        for j in range(4 * size):
            now[j] += below[j] + beside[j]
        sigmoids(now[: 2 * size], tools)
        tanhs(g, tools)
        sigmoids(o, tools)
        for j in range(size):
            new[j] = f[j] * old[j] + i[j] * g[j]
            out[j] = new[j]
        tanhs(out, tools)
        for j in range(size):
            state[j] = o[j] * out[j]


@machine_code(reorder=True)
def step_lstm_back(
    c: Reals, squashed: Reals, d_above: Reals, d_hs: Reals, d_cs: Reals, gates: Reals, d_gates: Reals
) -> None:
    """Fill in the gradients of a step's gates before they are squashed, and turn `d_cs` into that of the state before.

    All are of the one step, `c` that before it. The state's own gradient comes in two parts, from above and from the
    step behind.
    """
    rows, size = c.shape
    for row in range(rows):
        now, out, d_c = gates[row], squashed[row], d_cs[row]
        above, behind = d_above[row], d_hs[row]
        _, f, _, o = _parts(now)
        _, _, _, d_o = _parts(d_gates[row])
        for j in range(size):
            d_h = above[j] + behind[j]
            let_out = d_h * o[j]
            d_o[j] = d_h * out[j] * (o[j] - o[j] * o[j])
            d_c[j] += let_out - let_out * out[j] * out[j]
        _gates_back(now, c[row], d_c, d_gates[row])
        for j in range(size):
            d_c[j] *= f[j]


@machine_code(reorder=True)
def step_peephole(t: int, steps: Steps, peep: Reals, tools: Squashing) -> None:
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
def step_peephole_back(t: int, steps: Steps, peep: Reals, d_hs: Reals, d_cs: Reals, d_gates: Reals) -> None:
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
def step_layernorm(t: int, steps: Steps, norms: Norms, tools: Squashing) -> None:
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
def step_layernorm_back(
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
