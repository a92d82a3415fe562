"""Forecasts without a network, on series whose best rule is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nlp_lstm.nn import simple_forecasts
from nlp_lstm.nn.simple_forecasts import SimpleForecasts, last_season

RANDOM = np.random.default_rng(0)


def windows(values: np.ndarray, lookback: int, horizon: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return every window of rows (rows, columns)."""
    starts = range(len(values) - lookback - horizon + 1)
    past = np.stack([values[start : start + lookback] for start in starts])
    future = np.stack([values[start + lookback : start + lookback + horizon] for start in starts])
    return torch.from_numpy(past).float(), torch.from_numpy(future).float()


def test_the_last_value_and_the_last_season_are_repeated():
    past = torch.arange(12.0).view(1, 6, 2)
    found = SimpleForecasts(2, 2, lookback=6, horizon=5, season=3)(past)
    assert list(found) == ["repeat", "season", "linear"]
    assert found["repeat"].point[0, :, 0].tolist() == [10] * 5
    assert found["season"].point[0, :, 1].tolist() == [7, 9, 11, 7, 9]
    assert last_season(past, 2, 3)[0, :, 0].tolist() == [8, 10, 8]


@pytest.mark.parametrize("season", [0, 1, 7])
def test_a_season_that_is_none_or_longer_than_the_past_is_left_out(season):
    assert SimpleForecasts(1, 1, lookback=6, horizon=5, season=season).names == ("repeat", "linear")


@pytest.mark.parametrize("from_season", [False, True])
def test_the_linear_map_finds_a_rule_that_is_linear(from_season):
    """A sum of two waves is continued without an error by the numbers before it."""
    at = np.arange(400.0)[:, None]
    values = np.concatenate([np.sin(at / 3) + 0.4 * np.cos(at / 5), 2 * np.sin(at / 3 + 1) + 7], 1)
    simple = SimpleForecasts(2, 2, lookback=12, horizon=4, season=6, from_season=from_season)
    past, future = windows(values, 12, 4)
    simple.fit(past[:300], future[:300], ())
    found = simple(past[300:])["linear"].point
    spread = float((past[300:, -1:] - future[300:]).square().mean())
    assert float((found - future[300:]).square().mean()) < 0.02 * spread


def test_a_linear_map_of_all_columns_sees_what_one_alone_does_not():
    lead = RANDOM.normal(size=(300, 1))
    follow = np.concatenate([np.zeros((2, 1)), 5 * lead[:-2]])  # two rows behind
    past, future = windows(np.concatenate([follow, lead], 1), 4, 2)
    errors = {}
    for mixed in (False, True):
        simple = SimpleForecasts(1, 2, lookback=4, horizon=2, mixed=mixed)
        simple.fit(past[:200], future[:200, :, :1], ())
        errors[mixed] = float((simple(past[200:])["linear"].point - future[200:, :, :1]).square().mean())
    assert errors[True] < 0.1 and errors[False] > 10.0


def test_too_many_numbers_are_not_mapped_together(monkeypatch):
    monkeypatch.setattr(simple_forecasts, "MOST_INPUTS", 7)
    assert not SimpleForecasts(1, 2, lookback=4, horizon=2, mixed=True).mixed
    monkeypatch.setattr(simple_forecasts, "MOST_INPUTS", 8)
    assert SimpleForecasts(1, 2, lookback=4, horizon=2, mixed=True).mixed


def test_quantiles_are_those_of_the_errors_so_many_steps_ahead():
    values = RANDOM.normal(size=(120, 2)).cumsum(0)
    past, future = windows(values, 6, 3)
    simple = SimpleForecasts(2, 2, lookback=6, horizon=3, levels=(0.2, 0.7))
    simple.fit(past, future, (0.2, 0.7))
    found = simple(past[:1])["repeat"]
    for step in range(3):
        for column in range(2):
            errors = sorted(float(each) for each in future[:, step, column] - past[:, -1, column])
            for place, level in enumerate((0.2, 0.7)):
                at = level * (len(errors) - 1)
                below, above = errors[int(at)], errors[int(at) + 1]
                expected = float(past[0, -1, column]) + below + (at - int(at)) * (above - below)
                assert float(found.quantiles[0, step, column, place]) == pytest.approx(expected, abs=1e-4)


def test_the_error_of_the_linear_map_is_known_step_by_step():
    past, future = windows(RANDOM.normal(size=(60, 2)).cumsum(0), 6, 3)
    simple = SimpleForecasts(2, 2, lookback=6, horizon=3)
    simple.fit(past, future, ())
    wrong = (future - simple(past)["linear"].point).numpy()
    np.testing.assert_allclose(simple.errors.numpy(), np.sqrt((wrong**2).mean(0)), rtol=1e-5)


def test_nothing_is_a_weight_and_a_copy_of_the_state_answers_the_same():
    simple = SimpleForecasts(2, 2, lookback=6, horizon=3, levels=(0.5,))
    past, future = windows(RANDOM.normal(size=(40, 2)), 6, 3)
    simple.fit(past, future, (0.5,))
    assert list(simple.parameters()) == []
    other = SimpleForecasts(2, 2, lookback=6, horizon=3, levels=(0.5,))
    other.load_state_dict(simple.state_dict())
    assert torch.equal(other(past)["linear"].quantiles, simple(past)["linear"].quantiles)


def test_a_constant_column_is_foreseen_as_it_is():
    past, future = windows(np.full((30, 1), 3.0), 6, 3)
    simple = SimpleForecasts(1, 1, lookback=6, horizon=3)
    simple.fit(past, future, ())
    assert simple(past)["linear"].point.tolist() == future.tolist()
