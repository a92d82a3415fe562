"""Rows of numbers in the order of time: what a forecaster learns from, and what it foresees."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlp_lstm.corpora.time_steps import go_on
from nlp_lstm.errors import DataError, nearest

DIGITS = 7
"""Significant digits of a forecast number: what a 32-bit float has."""


@dataclass(frozen=True, repr=False, eq=False)
class Series:
    """Several columns of numbers, a row for each time.

    Attributes:
        values: float64 (rows, columns); made read-only.
        columns: their names.
        times: when each row was taken, as it is written; empty where that is not known.
        time_column: what the times are called.
        first: the first row that is to be foreseen; the rows before it are there to be looked back on.
        source: where it is from, for messages.
        line: 0; a series is a whole file.
        notes: what is worth knowing of how it was read.

    Raises:
        ValueError: the parts do not fit together, or a number is not finite.
    """

    values: NDArray[np.float64]
    columns: tuple[str, ...]
    times: tuple[str, ...] = ()
    time_column: str = "time"
    first: int = 0
    source: str = ""
    line: int = 0
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.values.shape[1] != len(self.columns):
            raise ValueError(f"values must be (rows, {len(self.columns)}), not {self.values.shape}")
        if self.times and len(self.times) != len(self.values):
            raise ValueError(f"there must be a time for each of {len(self.values)} rows, not {len(self.times)}")
        if not np.isfinite(self.values).all():
            raise ValueError("every number must be finite")
        self.values.setflags(write=False)

    @classmethod
    def of(cls, rows: Any, columns: Sequence[str] = (), *, times: Sequence[object] = ()) -> Series:
        """Return the series of rows of numbers, or of a mapping from columns to numbers.

        >>> Series.of({"a": [1, 2], "b": [3, 4]}).values.tolist()
        [[1.0, 3.0], [2.0, 4.0]]
        """
        if isinstance(rows, Mapping):
            columns = tuple(map(str, rows))
            rows = np.stack([np.asarray(each, dtype=np.float64) for each in rows.values()], axis=1)
        values = np.array(rows, dtype=np.float64)
        values = values[:, None] if values.ndim == 1 else values  # one column
        return cls(values, tuple(columns), tuple(map(str, times)))

    def __len__(self) -> int:
        """Rows."""
        return len(self.values)

    def __repr__(self) -> str:
        """Return a line that is the same for the same content only."""
        content = repr((self.columns, self.times, self.first)).encode() + self.values.tobytes()
        digest = hashlib.blake2b(content, digest_size=8).hexdigest()
        return f"<Series of {len(self)} rows of {', '.join(self.columns)}, {digest}>"

    def select(self, columns: Sequence[str]) -> NDArray[np.float64]:
        """Return the values of some columns, float64 (rows, columns).

        Raises:
            DataError: one is not there; the message has the nearest.
        """
        for name in columns:
            if name not in self.columns:
                raise DataError(f"{self.source or 'the rows'}: no column {name!r}{nearest(name, self.columns)}")
        return self.values[:, [self.columns.index(name) for name in columns]]

    def split(self, fraction: float) -> tuple[Series, Series]:
        """Return what stands before a row and all of it to be foreseen from that row on: the last `fraction`.

        Raises:
            DataError: there are less than two rows.
        """
        n_rows = len(self) - self.first
        if n_rows < 2:
            raise DataError(f"{self.source}: has {n_rows} rows; expected two or more, to hold some out")
        place = self.first + min(max(1, round(n_rows * (1.0 - fraction))), n_rows - 1)
        before = replace(self, values=self.values[:place], times=self.times[:place])
        return before, replace(self, first=place)


@dataclass(frozen=True, slots=True, eq=False)
class FutureRows:
    """The rows that a forecaster expects next.

    Attributes:
        columns: the columns' names.
        times: when each row is to be taken; `+1`, `+2` and so on where that is not known.
        time_column: what the times are called.
        values: float64 (rows, columns), in the columns' own units; made read-only.
        quantiles: by their levels, rising, what a number will be below with that probability, float64 (rows, columns);
            made read-only. Empty where the forecaster foresees none.
    """

    columns: tuple[str, ...]
    times: tuple[str, ...]
    time_column: str
    values: NDArray[np.float64]
    quantiles: Mapping[float, NDArray[np.float64]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for values in (self.values, *self.quantiles.values()):
            values.setflags(write=False)

    @classmethod
    def after(
        cls,
        series: Series,
        columns: Sequence[str],
        values: NDArray[np.float64],
        *,
        quantiles: Mapping[float, NDArray[np.float64]] | None = None,
    ) -> FutureRows:
        """Return the forecast of the rows that follow on a series."""
        times = tuple(go_on(series.times, len(values)))
        return cls(tuple(columns), times, series.time_column, values, quantiles or {})

    def __eq__(self, other: object) -> bool:
        """Tell whether all parts are equal, numbers as far as they are written."""
        return isinstance(other, FutureRows) and self.table() == other.table() and self.columns == other.columns

    def table(self) -> list[list[str]]:
        """Return the header and the rows, as cells of a table: behind each column its quantiles, as `sales_q0.1`."""
        header = [self.time_column, *(name for column in self.columns for name in self._names(column))]
        numbers = np.stack([self.values, *self.quantiles.values()], -1)  # (rows, columns, 1 + levels)
        rows = zip(self.times, numbers.reshape(len(numbers), -1), strict=True)
        return [header, *([time, *map(_number, row)] for time, row in rows)]

    def _names(self, column: str) -> list[str]:
        return [column, *(f"{column}_q{level:g}" for level in self.quantiles)]

    def to_dict(self) -> dict[str, object]:
        """Return the rows as plain values, ready for JSON."""
        quantiles = {f"{level:g}": values.tolist() for level, values in self.quantiles.items()}
        rows: list[dict[str, object]] = []
        for place, (time, row) in enumerate(zip(self.times, self.values.tolist(), strict=True)):
            found = {self.time_column: time, **dict(zip(self.columns, row, strict=True))}
            levels = {level: dict(zip(self.columns, each[place], strict=True)) for level, each in quantiles.items()}
            rows.append({**found, **({"quantiles": levels} if levels else {})})
        return {"forecast": rows}

    def to_text(self) -> str:
        """Return the rows as one line."""
        return "; ".join(" ".join(cells) for cells in self.table())

    def cells(self) -> list[str]:
        """Return a cell for each column, with its numbers in it."""
        return [" ".join(map(_number, column)) for column in self.values.T]


def _number(value: float) -> str:
    """Return a number with as many digits as it has.

    >>> _number(12.25), _number(1e9), _number(0.1 + 0.2)
    ('12.25', '1000000000', '0.3')
    """
    return np.format_float_positional(value, precision=DIGITS, fractional=False, trim="-")
