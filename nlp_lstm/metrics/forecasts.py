"""Scores of forecasts, beside those of the simplest ones there are."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class ForecastErrors:
    """How far off the forecasts of some windows were, all of one length.

    Attributes:
        squared: mean squared error of each window, float64 (windows,); columns are measured in standard deviations of
            the training data.
        absolute: mean absolute error of each window, float64 (windows,), measured so too.
        by_column: mean absolute error of each column, float64 (columns,), in its own units.
    """

    squared: NDArray[np.float64]
    absolute: NDArray[np.float64]
    by_column: NDArray[np.float64]

    def __eq__(self, other: object) -> bool:
        """Tell whether every error is equal."""
        return isinstance(other, ForecastErrors) and self.to_dict() == other.to_dict()

    def to_dict(self) -> dict[str, list[float]]:
        """Return the errors as plain values."""
        return {name: getattr(self, name).tolist() for name in self.__slots__}

    @classmethod
    def of(cls, found: NDArray[np.float32], future: NDArray[np.float32], scales: NDArray[np.float64]) -> ForecastErrors:
        """Return the errors of forecasts.

        Args:
            found: what was foreseen, (windows, horizon, columns).
            future: what came, of the same shape; both less the mean, over the standard deviation.
            scales: the standard deviations, (columns,).

        >>> one = np.ones((1, 2, 1), dtype=np.float32)
        >>> errors = ForecastErrors.of(3 * one, one, np.array([10.0]))
        >>> errors.squared.tolist(), errors.absolute.tolist(), errors.by_column.tolist()
        ([4.0], [2.0], [20.0])
        """
        wrong = found.astype(np.float64) - future
        return cls((wrong**2).mean((1, 2)), np.abs(wrong).mean((1, 2)), np.abs(wrong).mean((0, 1)) * scales)

    @classmethod
    def joined(cls, parts: Sequence[ForecastErrors]) -> ForecastErrors:
        """Return the errors of several parts as those of one."""
        sizes = np.array([len(each.squared) for each in parts], dtype=np.float64)
        by_column = np.array([each.by_column for each in parts])
        return cls(
            np.concatenate([each.squared for each in parts]),
            np.concatenate([each.absolute for each in parts]),
            (sizes[:, None] * by_column).sum(0) / sizes.sum(),
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """How far off forecasts were, and others in their place.

    Attributes:
        model: the errors of the model.
        simple: those of what else there is to compare with, by name.
    """

    model: ForecastErrors
    simple: Mapping[str, ForecastErrors]

    @classmethod
    def joined(cls, parts: Sequence[Comparison]) -> Comparison:
        """Return several parts as one; each has the same names."""
        simple = {name: ForecastErrors.joined([each.simple[name] for each in parts]) for name in parts[0].simple}
        return cls(ForecastErrors.joined([each.model for each in parts]), simple)

    def to_dict(self) -> dict[str, object]:
        """Return the errors as plain values."""
        return {"model": self.model.to_dict(), **{name: each.to_dict() for name, each in self.simple.items()}}


@dataclass(frozen=True, slots=True)
class ForecastReport:
    """The scores of forecasts.

    Attributes:
        columns: the columns' names.
        horizon: rows that were foreseen in each window.
        errors: those of the model and of simpler forecasts.
    """

    columns: tuple[str, ...]
    horizon: int
    errors: Comparison

    def to_dict(self) -> dict[str, object]:
        """Return the scores as plain values, ready for JSON.

        `mse` and `mae` are means over all windows, steps and columns, each column measured in standard deviations of
        the training data. `mse_repeat` is what one gets who takes the last value for the whole future, `mse_season` who
        takes the values of the last season. In `per_column` the units are each column's own.
        """
        model = self.errors.model
        named = {"": model, **{f"_{name}": each for name, each in self.errors.simple.items()}}
        found: dict[str, object] = {"n": len(model.squared), "unit": "windows", "horizon": self.horizon}
        for suffix, errors in named.items():
            found[f"mse{suffix}"] = float(errors.squared.mean())
            found[f"mae{suffix}"] = float(errors.absolute.mean())
        found["mse_interval"] = _interval(model.squared, self.horizon)
        found["mae_interval"] = _interval(model.absolute, self.horizon)
        found["interval_over"] = f"runs of {self.horizon} windows"
        found["per_column"] = {
            column: {
                **{f"mae{suffix}": float(errors.by_column[place]) for suffix, errors in named.items()},
                "undefined": None,
            }
            for place, column in enumerate(self.columns)
        }
        return found


def _interval(means: NDArray[np.float64], run: int) -> list[float] | None:
    """Return a 95 % interval of the mean of windows; None where there are less than two runs of so many.

    Windows close to each other share most of what is foreseen, so runs of them are taken as independent, not windows:
    with the mean m_r of run r of R, the standard error is √(Σ (m_r − m)² / (R (R − 1))).
    """
    count = len(means) // run
    if count < 2:
        return None
    runs = means[: count * run].reshape(count, run).mean(1)
    half = 1.96 * math.sqrt(float(((runs - runs.mean()) ** 2).sum()) / (count * (count - 1)))
    centre = float(means.mean())
    return [centre - half, centre + half]
