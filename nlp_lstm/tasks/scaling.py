"""Columns of numbers as a network reads them, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Scaling:
    """Moves each column to mean 0 and standard deviation 1 in the training data.

    Attributes:
        means: of each column or, with `log`, of its logarithms, float64 (columns,).
        scales: their standard deviations; where one is zero, the column is only moved.
        log: whether logarithms are taken first.
    """

    means: NDArray[np.float64]
    scales: NDArray[np.float64]
    log: bool = False

    @classmethod
    def of(cls, rows: NDArray[np.float64], *, log: bool = False) -> Scaling:
        """Return the scaling of training rows, (rows, columns)."""
        rows = np.log(rows) if log else rows
        return cls(rows.mean(0), _deviations(rows), log)

    def scale(self, values: NDArray[np.float64]) -> NDArray[np.float32]:
        """Return rows (…, columns) as a network reads them."""
        values = np.log(values) if self.log else values
        return ((values - self.means) / self.units).astype(np.float32)

    def restore(self, scaled: NDArray[Any], columns: Sequence[int] | slice = slice(None)) -> NDArray[np.float64]:
        """Return scaled numbers (…, columns) in their own units; `columns` says which they are."""
        values: NDArray[np.float64] = scaled * self.units[columns] + self.means[columns]
        return np.exp(values) if self.log else values

    @property
    def units(self) -> NDArray[np.float64]:
        """What each column is divided by, (columns,)."""
        return np.where(self.scales == 0.0, 1.0, self.scales)


def spread(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the standard deviation of each column, 1 where it is zero.

    >>> spread(np.array([[1.0, 5.0], [3.0, 5.0]])).tolist()
    [1.0, 1.0]
    """
    found = _deviations(rows)
    found[found == 0.0] = 1.0
    return found


def _deviations(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the standard deviation of each column; of one that never changes 0, whatever rounding makes of it."""
    found: NDArray[np.float64] = np.where(np.ptp(rows, 0) == 0.0, 0.0, rows.std(0))
    return found
