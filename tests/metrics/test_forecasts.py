"""Scores of forecasts against sums written out."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nlp_lstm.metrics.forecasts import ComparedErrors, ForecastErrors, ForecastReport

RANDOM = np.random.default_rng(0)
FUTURE = RANDOM.normal(size=(7, 3, 2)).astype(np.float32)
FOUND = RANDOM.normal(size=(7, 3, 2)).astype(np.float32)
SCALES = np.array([2.0, 10.0])


def test_errors_are_means_over_steps_and_columns():
    errors = ForecastErrors.of(FOUND, FUTURE, SCALES)
    for window in range(7):
        wrong = [float(FOUND[window, step, c]) - float(FUTURE[window, step, c]) for step in range(3) for c in range(2)]
        assert errors.squared[window] == pytest.approx(sum(each**2 for each in wrong) / 6)
        assert errors.absolute[window] == pytest.approx(sum(map(abs, wrong)) / 6)
    for column in range(2):
        wrong = [abs(float(FOUND[w, s, column]) - float(FUTURE[w, s, column])) for w in range(7) for s in range(3)]
        assert errors.by_column[column] == pytest.approx(SCALES[column] * sum(wrong) / 21)


def test_parts_of_unequal_size_join_to_the_errors_of_all():
    whole = ForecastErrors.of(FOUND, FUTURE, SCALES)
    parts = [ForecastErrors.of(FOUND[a:b], FUTURE[a:b], SCALES) for a, b in ((0, 1), (1, 5), (5, 7))]
    joined = ForecastErrors.joined(parts)
    np.testing.assert_allclose(joined.squared, whole.squared)
    np.testing.assert_allclose(joined.by_column, whole.by_column)
    assert joined != ForecastErrors.joined(parts[::-1])


def test_a_report_names_every_forecast_beside_the_model():
    model, repeat = ForecastErrors.of(FOUND, FUTURE, SCALES), ForecastErrors.of(0 * FOUND, FUTURE, SCALES)
    report = ForecastReport(("a", "b"), 3, ComparedErrors(model, {"repeat": repeat})).to_dict()
    assert (report["n"], report["unit"], report["horizon"]) == (7, "windows", 3)
    assert report["mse"] == pytest.approx(((FOUND - FUTURE) ** 2).mean(), rel=1e-5)
    assert report["per_forecast"]["repeat"]["mae"] == pytest.approx(np.abs(FUTURE).mean(), rel=1e-5)
    assert report["per_column"]["b"]["mae_repeat"] == pytest.approx(10 * np.abs(FUTURE[..., 1]).mean(), rel=1e-5)


def test_a_report_says_which_simpler_forecast_is_closer_and_nothing_where_none_is():
    better, worse = ForecastErrors.of(FUTURE + 0.1, FUTURE, SCALES), ForecastErrors.of(FUTURE + 0.2, FUTURE, SCALES)
    report = ForecastReport(("a", "b"), 3, ComparedErrors(worse, {"repeat": worse, "linear": better})).to_dict()
    assert report["note"] == "a simpler forecast is closer here: linear, with an MSE of 0.0100"
    assert (
        "note"
        not in ForecastReport(("a", "b"), 3, ComparedErrors(better, {"repeat": worse, "linear": better})).to_dict()
    )


def test_mase_is_the_error_over_the_mean_change_of_the_training_data_column_by_column():
    model = ForecastErrors.of(FOUND, FUTURE, SCALES)
    report = ForecastReport(("a", "b"), 3, ComparedErrors(model, {}), changes=(0.5, 4.0)).to_dict()
    wrong = np.abs(FOUND.astype(float) - FUTURE).mean((0, 1)) * SCALES
    assert report["mase"] == pytest.approx((wrong[0] / 0.5 + wrong[1] / 4.0) / 2)
    assert report["per_column"]["a"]["mase"] == pytest.approx(wrong[0] / 0.5)


def test_a_column_that_never_changes_has_no_mase_and_says_why():
    model = ForecastErrors.of(FOUND, FUTURE, SCALES)
    report = ForecastReport(("a", "b"), 3, ComparedErrors(model, {}), changes=(0.0, 4.0)).to_dict()
    assert report["mase"] == report["per_column"]["b"]["mase"]
    assert (report["per_column"]["a"]["mase"], report["per_column"]["b"]["undefined"]) == (None, None)
    assert report["per_column"]["a"]["undefined"] == "no change in the training data to measure by"
    none = ForecastReport(("a", "b"), 3, ComparedErrors(model, {}), changes=(0.0, 0.0)).to_dict()
    assert "mase" not in none and none["per_forecast"]["model"]["mase"] is None


@pytest.mark.parametrize(("horizon", "n_runs"), [(1, 40), (5, 8), (24, 5), (24, 30)])
def test_the_interval_holds_the_mean_of_runs_in_19_of_20_draws(horizon, n_runs):
    """Windows that share what is foreseen are not independent: each holds `horizon` of the same squared errors."""
    held, draws = 0, np.random.default_rng(horizon + n_runs).normal(size=(1000, n_runs * horizon + horizon - 1)) ** 2
    for draw in draws:
        squared = np.lib.stride_tricks.sliding_window_view(draw, horizon).mean(1)
        errors = ForecastErrors(squared, squared, np.zeros(1))
        low, high = ForecastReport(("a",), horizon, ComparedErrors(errors, {})).to_dict()["mse_interval"]
        held += low <= 1.0 <= high
    assert 900 <= held <= 980  # of 950 due; squared errors are skewed, which a few runs do not show


def test_there_is_no_interval_of_less_than_five_runs():
    errors = ForecastErrors.of(FOUND, FUTURE, SCALES)
    report = ForecastReport(("a", "b"), 4, ComparedErrors(errors, {})).to_dict()
    assert report["mse_interval"] is None and math.isfinite(report["mse"])
