"""Scores of forecasts, beside those of the simplest ones there are."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlp_lstm.metrics.quantiles import QuantileErrors

SCORES = ("mse", "mae", "mase", "pinball")
"""Of the scores of a report those that are better the lower they are."""
FEWEST_RUNS = 5
"""Of fewer runs of windows no interval is told."""


@dataclass(frozen=True, slots=True, eq=False)
class ForecastErrors:
    """How far off the forecasts of some windows were, all of one length.

    Attributes:
        squared: mean squared error of each window, float64 (windows,); columns are measured in standard deviations of
            the training data.
        absolute: mean absolute error of each window, float64 (windows,), measured so too.
        by_column: mean absolute error of each column, float64 (columns,), in its own units.
        quantiles: how good the quantiles were; None where there are none.
    """

    squared: NDArray[np.float64]
    absolute: NDArray[np.float64]
    by_column: NDArray[np.float64]
    quantiles: QuantileErrors | None = None

    def __eq__(self, other: object) -> bool:
        """Tell whether every error is equal."""
        return isinstance(other, ForecastErrors) and self.to_dict() == other.to_dict()

    def to_dict(self) -> dict[str, Any]:
        """Return the errors as plain values."""
        found = {name: getattr(self, name).tolist() for name in ("squared", "absolute", "by_column")}
        return found if self.quantiles is None else {**found, "quantiles": self.quantiles.to_dict()}

    @classmethod
    def of(
        cls,
        found: NDArray[Any],
        future: NDArray[Any],
        scales: NDArray[np.float64],
        *,
        quantiles: QuantileErrors | None = None,
    ) -> ForecastErrors:
        """Return the errors of forecasts.

        Args:
            found: what was foreseen, (windows, horizon, columns).
            future: what came, of the same shape; both over the standard deviation.
            scales: the standard deviations, (columns,).
            quantiles: how good the quantiles beside them were.

        >>> one = np.ones((1, 2, 1), dtype=np.float32)
        >>> errors = ForecastErrors.of(3 * one, one, np.array([10.0]))
        >>> errors.squared.tolist(), errors.absolute.tolist(), errors.by_column.tolist()
        ([4.0], [2.0], [20.0])
        """
        wrong = found.astype(np.float64) - future
        by_column = np.abs(wrong).mean((0, 1)) * scales
        return cls((wrong**2).mean((1, 2)), np.abs(wrong).mean((1, 2)), by_column, quantiles)

    @classmethod
    def joined(cls, parts: Sequence[ForecastErrors]) -> ForecastErrors:
        """Return the errors of several parts as those of one."""
        sizes = np.array([len(each.squared) for each in parts], dtype=np.float64)
        by_column = np.array([each.by_column for each in parts])
        quantiles = [each.quantiles for each in parts if each.quantiles is not None]
        return cls(
            np.concatenate([each.squared for each in parts]),
            np.concatenate([each.absolute for each in parts]),
            (sizes[:, None] * by_column).sum(0) / sizes.sum(),
            QuantileErrors.joined(quantiles) if quantiles else None,
        )


@dataclass(frozen=True, slots=True)
class ComparedErrors:
    """How far off forecasts were, and others in their place.

    Attributes:
        model: the errors of the model.
        simple: those of what else there is to compare with, by name.
    """

    model: ForecastErrors
    simple: Mapping[str, ForecastErrors]

    @classmethod
    def joined(cls, parts: Sequence[ComparedErrors]) -> ComparedErrors:
        """Return several parts as one; each has the same names."""
        simple = {name: ForecastErrors.joined([each.simple[name] for each in parts]) for name in parts[0].simple}
        return cls(ForecastErrors.joined([each.model for each in parts]), simple)

    @property
    def named(self) -> dict[str, ForecastErrors]:
        """All errors by name."""
        return {"model": self.model, **self.simple}

    def to_dict(self) -> dict[str, object]:
        """Return the errors as plain values."""
        return {name: each.to_dict() for name, each in self.named.items()}


@dataclass(frozen=True, slots=True)
class ForecastReport:
    """The scores of forecasts.

    Attributes:
        columns: the columns' names.
        horizon: rows that were foreseen in each window.
        errors: those of the model and of simpler forecasts.
        changes: mean absolute change of each column over a season (a row where there is none) in the training data.
        levels: of the quantiles.
    """

    columns: tuple[str, ...]
    horizon: int
    errors: ComparedErrors
    changes: tuple[float, ...] = ()
    levels: tuple[float, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """Return the scores as plain values, ready for JSON.

        `mse` and `mae` are means over all windows, steps and columns, each column measured in standard deviations of
        the training data. `mase` is the mean over the columns of the absolute error over `changes` (Hyndman & Koehler
        2006): what is above 1 is worse than the last season was in the training data, one season ahead. `pinball` is
        the mean loss of the quantiles, `coverage` the share of the numbers between the outermost of them.

        In `per_forecast`, `repeat` is what one gets who takes the last value for the whole future, `season` who takes
        the values of the last season, `linear` who takes a linear map of the past. In `per_column` the units are each
        column's own.
        """
        model = self.errors.model
        found: dict[str, object] = {"n": len(model.squared), "unit": "windows", "horizon": self.horizon}
        found |= {name: score for name, score in self._scores(model).items() if score is not None}
        found["mse_interval"] = _interval(model.squared, self.horizon)
        found["mae_interval"] = _interval(model.absolute, self.horizon)
        if model.quantiles is not None:
            found["pinball_interval"] = _interval(model.quantiles.pinball, self.horizon)
        found["interval_over"] = f"runs of {self.horizon} windows"
        if note := self._note():
            found["note"] = note
        found["per_forecast"] = {
            name: {**self._scores(errors), "undefined": None} for name, errors in self.errors.named.items()
        }
        found["per_column"] = dict(zip(self.columns, map(self._column, range(len(self.columns))), strict=True))
        if self.levels:
            found["per_quantile"] = {f"{level:g}": self._level(place) for place, level in enumerate(self.levels)}
        return found

    def _note(self) -> str:
        """Return what to say where a simpler forecast has a smaller squared error than the model; else nothing."""
        errors = {name: float(each.squared.mean()) for name, each in self.errors.named.items()}
        best = min(errors, key=lambda name: errors[name])  # of equals the model, which comes first
        if best == "model":
            return ""
        return f"a simpler forecast is closer here: {best}, with an MSE of {errors[best]:.4f}"

    def _scores(self, errors: ForecastErrors) -> dict[str, float | None]:
        """Return the scores of one kind of forecast."""
        found = {
            "mse": float(errors.squared.mean()),
            "mae": float(errors.absolute.mean()),
            "mase": _mean([self._mase(errors, place) for place in range(len(self.changes))]),
        }
        if errors.quantiles is not None:
            found["pinball"] = float(errors.quantiles.pinball.mean())
            found |= {"coverage": errors.quantiles.inside} if len(self.levels) > 1 else {}
        return found

    def _mase(self, errors: ForecastErrors, place: int) -> float | None:
        change = self.changes[place] if self.changes else 0.0
        return float(errors.by_column[place]) / change if change else None

    def _column(self, place: int) -> dict[str, object]:
        """Return the scores on one column."""
        named = {"" if name == "model" else f"_{name}": each for name, each in self.errors.named.items()}
        mase = self._mase(self.errors.model, place)
        return {
            **{f"mae{suffix}": float(errors.by_column[place]) for suffix, errors in named.items()},
            "mase": mase,
            "undefined": "no change in the training data to measure by" if mase is None else None,
        }

    def _level(self, place: int) -> dict[str, object]:
        """Return the scores of one level: the share below it, and the loss beside that of simpler forecasts."""
        named = {name: each.quantiles for name, each in self.errors.named.items() if each.quantiles is not None}
        losses = {
            "pinball" if name == "model" else f"pinball_{name}": float(each.by_level[place])
            for name, each in named.items()
        }
        return {"below": float(named["model"].below[place]), **losses, "undefined": None}


def _mean(numbers: Sequence[float | None]) -> float | None:
    """Return the mean of the numbers there are; None where there is none."""
    there = [number for number in numbers if number is not None]
    return sum(there) / len(there) if there else None


def _interval(means: NDArray[np.float64], run: int) -> list[float] | None:
    """Return a 95 % interval of the mean of windows; None where there are less than `FEWEST_RUNS` runs of so many.

    Windows close to each other share most of what is foreseen, so it is over runs of H of them, of which neighbours
    still share some: errors of single rows that are independent and alike correlate two neighbouring means by
    ρ = (H² − 1) / (2 (2 H² + 1)), ones further apart not at all. With the variance s² between R runs that makes

        mean ± t √(s² / R · (1 + 2 ρ (R − 1) / R) / (1 − 2 ρ / R)),    t: of Student's distribution, R − 1 degrees
    """
    count = len(means) // run
    if count < FEWEST_RUNS:
        return None
    spread = float(means[: count * run].reshape(count, run).mean(1).var(ddof=1))
    shared = (run**2 - 1) / (2 * run**2 + 1)  # 2 ρ
    variance = spread / count * (1 + shared * (count - 1) / count) / (1 - shared / count)
    centre, half = float(means.mean()), _student(count - 1) * math.sqrt(variance)
    return [centre - half, centre + half]


def _student(degrees: int) -> float:
    """Return the 97.5 % quantile of Student's distribution, right to 0.01 from 4 degrees of freedom on.

    Source: Abramowitz & Stegun 1964, 26.7.5.

    >>> [round(_student(degrees), 2) for degrees in (4, 10, 30)]
    [2.77, 2.23, 2.04]
    """
    x, n = 1.959964, degrees
    terms = (
        (x**3 + x) / 4,
        (5 * x**5 + 16 * x**3 + 3 * x) / 96,
        (3 * x**7 + 19 * x**5 + 17 * x**3 - 15 * x) / 384,
    )
    return x + sum(term / n**power for power, term in enumerate(terms, 1))
