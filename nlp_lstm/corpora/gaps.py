"""Missing numbers of a table: how many there are, and what may stand in their place."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from nlp_lstm.config import Gaps

FILLED: Mapping[str, str] = {
    "last": "each is filled with the last number before it",
    "line": "each is filled along the line from the number before it to the one behind, as if it were true",
}
"""What is said of each way to fill."""


def describe_gaps(column: NDArray[np.float64], gaps: Gaps) -> str | None:
    """Return how many numbers of a column, float64 (rows,), are missing (nan); None where all are there.

    >>> describe_gaps(np.array([1.0, np.nan, np.nan, 4.0, np.nan]), "last")
    '3 of 5 numbers are missing, 2 in a row at most: each is filled with the last number before it'
    """
    missing = np.isnan(column)
    if not missing.any():
        return None
    edges = np.flatnonzero(np.diff(np.concatenate([[0], missing.astype(np.int8), [0]])))
    longest = int((edges[1::2] - edges[::2]).max())
    done = f": {FILLED[gaps]}" if gaps in FILLED else ""
    return f"{int(missing.sum()):,} of {len(column):,} numbers are missing, {longest:,} in a row at most{done}"


def fill_gaps(values: NDArray[np.float64], gaps: Gaps, *, first: int = 0) -> NDArray[np.float64]:
    """Return rows (rows, columns) with every missing number (nan) filled; before the first number stands the first.

    Rows before the one at `first` are filled without a look at those from it on, which are to be foreseen.

    >>> fill_gaps(np.array([[1.0], [np.nan], [3.0], [np.nan]]), "line")[:, 0].tolist()
    [1.0, 2.0, 3.0, 3.0]
    >>> fill_gaps(np.array([[1.0], [np.nan], [3.0], [np.nan]]), "line", first=2)[:, 0].tolist()
    [1.0, 1.0, 3.0, 3.0]
    """
    if first:
        before = fill_gaps(values[:first], gaps)
        return np.concatenate([before, fill_gaps(np.concatenate([before, values[first:]]), gaps)[first:]])
    filled = values.copy()
    rows = np.arange(len(values))
    for column in filled.T:
        there = np.flatnonzero(~np.isnan(column))
        if 0 < len(there) < len(column):
            if gaps == "line":
                column[:] = np.interp(rows, there, column[there])
            else:
                column[:] = column[there[np.maximum(np.searchsorted(there, rows, side="right") - 1, 0)]]
    return filled
