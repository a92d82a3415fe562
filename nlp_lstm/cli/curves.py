"""What a chart of a forecast shows: the last of what was seen, what is expected, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nlp_lstm.corpora.series import FutureRows, Series

SEEN = 2
"""Rows that were seen are shown for each row that is expected."""
FEWEST = 24
"""So many of them at least."""


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One column.

    Attributes:
        name: the column's name.
        seen: its last numbers, float64 (seen,).
        expected: what is foreseen, float64 (horizon,).
        band: the lowest and the highest quantile, float64 (2, horizon); None where there are not two.
        levels: those of the band.
        ticks: the times of the first row that is shown, of the last that was seen, and of the last that is foreseen.
    """

    name: str
    seen: NDArray[np.float64]
    expected: NDArray[np.float64]
    band: NDArray[np.float64] | None
    levels: tuple[float, float]
    ticks: tuple[str, str, str]

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the greatest number; a little apart where all are equal."""
        parts = [self.seen, self.expected, *([] if self.band is None else [self.band.ravel()])]
        low, high = float(min(map(np.min, parts))), float(max(map(np.max, parts)))
        return (low, high) if low < high else (low - max(1.0, abs(low)) / 2, high + max(1.0, abs(high)) / 2)

    @property
    def legend(self) -> str:
        """What is to be seen, in words."""
        said = f"{self.name}: {len(self.seen):,} rows seen, {len(self.expected):,} foreseen"
        return said if self.band is None else f"{said}, the band from quantile {self.levels[0]:g} to {self.levels[1]:g}"


def curves_of(series: Series, found: FutureRows) -> list[Curve]:
    """Return a curve for each column of a forecast; `series` is what it goes on from."""
    horizon = len(found.values)
    seen = series.select(found.columns)[-max(SEEN * horizon, FEWEST) :]
    begin = series.times[-len(seen)] if series.times else f"-{len(seen) - 1}"
    ticks = (begin, series.times[-1] if series.times else "0", found.times[-1])
    levels = list(found.quantiles)
    outer = (levels[0], levels[-1]) if len(levels) > 1 else None
    return [
        Curve(
            name,
            seen[:, place],
            found.values[:, place],
            None if outer is None else np.stack([found.quantiles[level][:, place] for level in outer]),
            outer or (0.0, 1.0),
            ticks,
        )
        for place, name in enumerate(found.columns)
    ]
