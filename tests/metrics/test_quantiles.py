"""Scores of quantiles against sums written out."""

from __future__ import annotations

import numpy as np
import pytest

from nlp_lstm.metrics.forecasts import ComparedErrors, ForecastErrors, ForecastReport
from nlp_lstm.metrics.quantiles import QuantileErrors

RANDOM = np.random.default_rng(0)
LEVELS = (0.1, 0.5, 0.8)
FUTURE = RANDOM.normal(size=(7, 3, 2))
QUANTILES = np.sort(RANDOM.normal(size=(7, 3, 2, 3)), -1)


def pinball(level: float, value: float, quantile: float) -> float:
    return level * (value - quantile) if value > quantile else (1 - level) * (quantile - value)


def test_the_scores_are_their_formulas():
    errors = QuantileErrors.of(QUANTILES, FUTURE, LEVELS)
    places = list(np.ndindex(3, 2))
    for window in range(7):
        losses = [
            pinball(level, FUTURE[(window, *place)], QUANTILES[(window, *place, number)])
            for place in places
            for number, level in enumerate(LEVELS)
        ]
        assert errors.pinball[window] == pytest.approx(sum(losses) / 18)
    everywhere = list(np.ndindex(7, 3, 2))
    for number, level in enumerate(LEVELS):
        pairs = [(FUTURE[place], QUANTILES[(*place, number)]) for place in everywhere]
        assert errors.by_level[number] == pytest.approx(sum(pinball(level, *pair) for pair in pairs) / 42)
        assert errors.below[number] == pytest.approx(sum(value <= quantile for value, quantile in pairs) / 42)
    inside = [QUANTILES[(*place, 0)] <= FUTURE[place] <= QUANTILES[(*place, 2)] for place in everywhere]
    assert errors.inside == pytest.approx(sum(inside) / 42)


def test_the_true_quantiles_lose_least_and_cover_what_they_say():
    """10,000 draws: a share is off by more than 0.02 with a probability below 1e-4, a shifted quantile loses more."""
    future = RANDOM.exponential(size=(10_000, 1, 1))
    true = np.broadcast_to(-np.log(1 - np.array(LEVELS)), (10_000, 1, 1, 3))
    best = QuantileErrors.of(true, future, LEVELS)
    assert best.below.tolist() == pytest.approx(LEVELS, abs=0.02) and best.inside == pytest.approx(0.7, abs=0.02)
    for moved in (true + 0.2, true - 0.2):
        assert (QuantileErrors.of(moved, future, LEVELS).by_level > best.by_level).all()


def test_parts_of_unequal_size_join_to_the_scores_of_all():
    whole = QuantileErrors.of(QUANTILES, FUTURE, LEVELS)
    parts = [QuantileErrors.of(QUANTILES[a:b], FUTURE[a:b], LEVELS) for a, b in ((0, 1), (1, 5), (5, 7))]
    joined = QuantileErrors.joined(parts)
    np.testing.assert_allclose(joined.pinball, whole.pinball)
    np.testing.assert_allclose(joined.by_level, whole.by_level)
    np.testing.assert_allclose(joined.below, whole.below)
    assert joined.inside == pytest.approx(whole.inside)


def test_a_report_sets_the_quantiles_of_simple_forecasts_beside_the_model():
    def errors(quantiles):
        scores = QuantileErrors.of(quantiles, FUTURE, LEVELS)
        return ForecastErrors.of(quantiles[..., 1], FUTURE, np.ones(2), quantiles=scores)

    both = ComparedErrors(errors(QUANTILES), {"repeat": errors(QUANTILES + 3)})
    report = ForecastReport(("a", "b"), 3, both, levels=LEVELS).to_dict()
    assert report["pinball"] == pytest.approx(both.model.quantiles.pinball.mean())
    assert report["coverage"] == report["per_forecast"]["model"]["coverage"] == both.model.quantiles.inside
    assert report["per_forecast"]["repeat"]["pinball"] > report["pinball"]
    assert list(report["per_quantile"]) == ["0.1", "0.5", "0.8"]
    assert report["per_quantile"]["0.8"]["below"] == both.model.quantiles.below[2]
    assert report["per_quantile"]["0.8"]["pinball_repeat"] == both.simple["repeat"].quantiles.by_level[2]


def test_one_quantile_has_no_coverage():
    scores = QuantileErrors.of(QUANTILES[..., :1], FUTURE, LEVELS[:1])
    errors = ForecastErrors.of(FUTURE, FUTURE, np.ones(2), quantiles=scores)
    report = ForecastReport(("a", "b"), 3, ComparedErrors(errors, {}), levels=LEVELS[:1]).to_dict()
    assert "coverage" not in report and "coverage" not in report["per_forecast"]["model"] and report["pinball"] > 0
