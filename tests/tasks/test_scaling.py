"""Columns scaled and restored."""

from __future__ import annotations

import numpy as np
import pytest

from nlp_lstm.tasks.scaling import Scaling, spread

ROWS = np.random.default_rng(0).lognormal(size=(50, 3)) * [1.0, 1e-3, 1e6]


@pytest.mark.parametrize("log", [False, True])
def test_training_rows_have_mean_0_and_deviation_1_and_come_back(log):
    scaling = Scaling.of(ROWS, log=log)
    scaled = scaling.scale(ROWS)
    np.testing.assert_allclose(scaled.mean(0), 0.0, atol=1e-5)
    np.testing.assert_allclose(scaled.std(0), 1.0, atol=1e-5)
    np.testing.assert_allclose(scaling.restore(scaled), ROWS, rtol=1e-5)
    np.testing.assert_allclose(scaling.restore(scaled[:, [0, 2]], [0, 2]), ROWS[:, [0, 2]], rtol=1e-5)


def test_a_factor_is_a_distance_on_logarithms():
    scaling = Scaling.of(ROWS, log=True)
    moved = scaling.scale(2 * ROWS) - scaling.scale(ROWS)
    np.testing.assert_allclose(moved, np.broadcast_to(np.log(2) / scaling.scales, moved.shape), rtol=1e-4)


def test_a_constant_column_is_only_moved():
    scaling = Scaling.of(np.full((4, 1), 5.0))
    assert (scaling.scales.tolist(), scaling.scale(np.array([[7.0]])).tolist()) == ([0.0], [[2.0]])
    assert scaling.restore(np.array([[2.0]])).tolist() == [[7.0]]
    assert Scaling.of(np.full((7, 1), 0.1)).scales.tolist() == [0.0]  # whatever rounding makes of its mean
    assert spread(np.full((1000, 1), 0.1)).tolist() == [1.0]
