"""σ, tanh and exp in compiled loops against numbers with more digits."""

from __future__ import annotations

import numpy as np
import pytest

from nlp_lstm.nn.squashing import exponentials, sigmoids, squashing, tanhs

EXTREMES = [0.0, -0.0, 1e-30, -1e-30, 1e-5, 86.9, -86.9, 1e4, -1e4, 3e38, -3e38, np.inf, -np.inf]
ROUNDING = {np.float32: 2e-7, np.float64: 4e-16}


@pytest.mark.parametrize("dtype", ROUNDING)
@pytest.mark.parametrize(("squash", "exact"), [(sigmoids, lambda x: 1 / (1 + np.exp(-x))), (tanhs, np.tanh)])
def test_each_value_is_exact_to_the_last_bits_wherever_it_is_taken(squash, exact, dtype):
    values = np.concatenate([np.linspace(-30, 30, 4001), EXTREMES]).astype(dtype)
    found = values.copy()
    squash(found, squashing(len(found), found.dtype))
    with np.errstate(over="ignore"):
        expected = exact(values.astype(np.longdouble))
    assert found.dtype == dtype
    assert np.abs(found - expected).max() < ROUNDING[dtype]


@pytest.mark.parametrize("dtype", ROUNDING)
def test_tanh_of_a_small_number_loses_none_of_its_digits(dtype):
    values = np.geomspace(1e-30, 1e-2, 200).astype(dtype)
    found = values.copy()
    tanhs(found, squashing(len(found), found.dtype))
    assert np.abs(found / np.tanh(values.astype(np.longdouble)) - 1).max() < ROUNDING[dtype]


@pytest.mark.parametrize("dtype", ROUNDING)
def test_exponentials_are_exact_to_the_last_bits_and_stop_before_they_are_nothing_or_too_much(dtype):
    values = np.concatenate([np.linspace(-80, 80, 4001), np.linspace(-0.1, 0.1, 101)]).astype(dtype)
    found = values.copy()
    exponentials(found, squashing(len(found), found.dtype))
    assert np.abs(found / np.exp(values.astype(np.longdouble)) - 1).max() < 2 * ROUNDING[dtype]
    ends = np.array([-1e30, 1e30, 0.0], dtype)
    exponentials(ends, squashing(3, ends.dtype))
    assert 0 < ends[0] < 1e-37 and 1e37 < ends[1] < np.inf and ends[2] == 1.0


@pytest.mark.parametrize("squash", [sigmoids, tanhs, exponentials])
def test_what_is_no_number_stays_none(squash):
    values = np.array([0.5, np.nan, -0.5], np.float32)
    squash(values, squashing(3, values.dtype))
    assert np.isnan(values).tolist() == [False, True, False]


def test_room_for_more_values_is_room_for_fewer():
    tools = squashing(100, np.dtype(np.float32))
    values = np.linspace(-2, 2, 7, dtype=np.float32)
    found = values.copy()
    sigmoids(found, tools)
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-values)), atol=2e-7)
