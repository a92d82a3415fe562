"""Sources that name some rows of a table: `F.csv[A:B]`, counted as in Python, or in percent of all."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

_RANGE = re.compile(r"(?P<path>.+)\[(?P<begin>\d+%?)?:(?P<end>\d+%?)?\]", re.DOTALL)


class RowRange(NamedTuple):
    """Rows from `begin`, which is counted from 0, up to and without `end`; each a number, `N%` of all, or "" for none.

    >>> RowRange("10%", "50").of(100)
    (10, 50)
    >>> RowRange("", "").of(100), RowRange("90", "200").of(100)
    ((0, 100), (90, 100))
    """

    begin: str = ""
    end: str = ""

    def of(self, n_rows: int) -> tuple[int, int]:
        """Return the first row and the one behind the last, of so many."""
        return _place(self.begin or "0", n_rows), _place(self.end or "100%", n_rows)


def split_range(source: str) -> tuple[str, RowRange]:
    """Return the path of a source and the rows it names; all of them where a file really has such a name.

    >>> split_range("a.csv[8640:]"), split_range("a.csv")
    (('a.csv', RowRange(begin='8640', end='')), ('a.csv', RowRange(begin='', end='')))
    """
    found = _RANGE.fullmatch(source)
    if found is None or Path(source).exists():
        return source, RowRange()
    return found["path"], RowRange(found["begin"] or "", found["end"] or "")


def _place(bound: str, n_rows: int) -> int:
    exact = n_rows * int(bound[:-1]) // 100 if bound.endswith("%") else int(bound)
    return min(exact, n_rows)
