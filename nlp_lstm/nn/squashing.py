"""σ, tanh and exp in compiled loops, in single and in double precision."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nlp_lstm.nn.machine_code import machine_code

Reals = NDArray[np.floating[Any]]


class Squashing(NamedTuple):
    """What these functions need besides the values.

    Attributes:
        constants: see `squashing`.
        powers: room for a power of 2 for each value, in their type.
        bits: the same memory as whole numbers.
        rest: room for a number for each value.
        shift: bits of a number below its exponent.
    """

    constants: Reals
    powers: Reals
    bits: NDArray[np.signedinteger[Any]]
    rest: Reals
    shift: int


def squashing(size: int, dtype: np.dtype[Any]) -> Squashing:
    """Return what is needed for up to `size` values of a type, float32 or float64."""
    single = dtype == np.float32
    shift, bias, limit = (23, 127, 87.0) if single else (52, 1023, 700.0)
    log_2 = (0.693359375, -2.12194440e-4) if single else (6.93147180369123816490e-01, 1.90821492927058770002e-10)
    # Added to a number, 1.5 · 2^shift leaves the nearest whole number in its last bits.
    constants = [1.5 * 2.0**shift + bias, 1 / np.log(2.0), *log_2, limit, 1.0, 2.0]
    series = 1.0 / np.cumprod(np.arange(1.0, 14.0))  # 1 / k! for k from 1 on
    powers = np.empty(size, dtype)
    bits: NDArray[np.signedinteger[Any]] = powers.view(np.int32 if single else np.int64)
    return Squashing(np.array([*constants, *series], dtype), powers, bits, np.empty(size, dtype), shift)


@machine_code()
def sigmoids(values: Reals, tools: Squashing) -> None:
    """Replace each value by 1 / (1 + exp −x)."""
    one, two = tools.constants[5], tools.constants[6]
    powers, rest = _split(values, -one, tools)
    for j in range(len(values)):
        values[j] = one / (two + (powers[j] * rest[j] + (powers[j] - one)))


@machine_code()
def tanhs(values: Reals, tools: Squashing) -> None:
    """Replace each value by tanh x = (1 − exp −2x) / (1 + exp −2x)."""
    one, two = tools.constants[5], tools.constants[6]
    powers, rest = _split(values, -two, tools)
    for j in range(len(values)):
        grown = powers[j] * rest[j] + (powers[j] - one)  # exp −2x − 1: nothing is lost where x is small
        values[j] = -grown / (two + grown)


@machine_code()
def exponentials(values: Reals, tools: Squashing) -> None:
    """Replace each value by exp x; below −87 it is what it is there, in double precision below −700."""
    one = tools.constants[5]
    powers, rest = _split(values, one, tools)
    for j in range(len(values)):
        values[j] = powers[j] * rest[j] + powers[j]


@machine_code()
def _split(values: Reals, factor: float, tools: Squashing) -> tuple[Reals, Reals]:
    """Return 2^n and exp r − 1 for each value x, with exp (factor · x) = 2^n exp r; n is whole, |r| ≤ log 2 / 2.

    The second comes from its Taylor series, in loops that the processor takes many steps of at once. What is no number
    stays none.
    """
    bias, inverse, high, low, limit, _ = tools.constants[:6]
    a, b, c, d, e, f, g, h, i, k, m, n, o = tools.constants[7:20]
    powers, bits, rest, shift = tools.powers, tools.bits, tools.rest, tools.shift
    for j in range(len(values)):
        y = values[j] * factor
        y = -limit if y < -limit else y
        y = limit if y > limit else y
        rounded = y * inverse + bias
        powers[j] = rounded
        whole = rounded - bias
        r = (y - whole * high) - whole * low
        p = g + r * (h + r * (i + r * (k + r * (m + r * (n + r * o)))))
        rest[j] = r * (a + r * (b + r * (c + r * (d + r * (e + r * (f + r * p))))))
    for j in range(len(values)):
        bits[j] <<= shift
    return powers, rest
