"""CSV and TSV with a header to a series of numbers, with all that is wrong on the way."""

from __future__ import annotations

import math
import re
import shlex
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice

import numpy as np
from numpy.typing import NDArray

from nlp_lstm.config import DataSettings, Gaps
from nlp_lstm.corpora.checking import WARNINGS, Report
from nlp_lstm.corpora.delimited import Cells, read_table
from nlp_lstm.corpora.detecting import format_by_ending
from nlp_lstm.corpora.gaps import describe_gaps, fill_gaps
from nlp_lstm.corpora.opening import STANDARD_INPUT, name_of, open_lines
from nlp_lstm.corpora.problems import Kind, Problem, and_more, quoted
from nlp_lstm.corpora.row_ranges import RowRange, split_range
from nlp_lstm.corpora.rows import Wanted
from nlp_lstm.corpora.series import Series
from nlp_lstm.corpora.time_steps import NAMES, study_times
from nlp_lstm.errors import DataError, UsageError

FORMATS = ("csv", "tsv")
BEGIN = 100
"""Rows that decide which columns hold numbers, where nobody says so."""
MOST_BACK = 0.02
"""Rows that may go back in time, as a share of all: clocks are put back in autumn, and hours come twice then."""

WRITTEN_FOR_PEOPLE = re.compile(r"[-+]?[$€£¥]?\s?[-+]?\d[\d.,'\s]*[%$€£¥]?")
"""Numbers with signs between thousands, a comma before the fraction, or a sign of money or percent."""
MACHINE_STYLE = "numbers such as 1234.5, without signs for thousands, money or percent"


@dataclass(slots=True)
class Scanned:
    """What was read of a table.

    Attributes:
        source: where it is from.
        columns: those that hold numbers.
        time_column: the one of the times, if there is one.
        numbers: row after row; nan where one is missing, inf where something else stands.
        gaps: what is done about missing ones.
        times: as they are written.
        lines: where each row stands.
        problems: what is wrong, row by row.
    """

    source: str
    columns: tuple[str, ...] = ()
    time_column: str | None = None
    numbers: array[float] = field(default_factory=lambda: array("d"))
    gaps: Gaps = "refuse"
    times: list[str] = field(default_factory=list)
    lines: array[int] = field(default_factory=lambda: array("q"))
    problems: list[Problem] = field(default_factory=list)

    def note(self, line: int, kind: Kind, message: str) -> None:
        """Take down a problem."""
        self.problems.append(Problem(self.source, line, kind, message))


@dataclass(frozen=True, slots=True)
class _Columns(Wanted):
    """The columns of numbers and of times that were asked for."""

    needed: tuple[str, ...] = ()

    @property
    def needed_columns(self) -> list[str]:
        return list(self.needed)


def read_series(source: str, data: DataSettings) -> Series:
    """Return the series of a table.

    Args:
        source: a path, `-` for standard input, or either with rows, as in `F.csv[100:200]`: these are to be foreseen,
            those before them to be looked back on.
        data: the columns, the column of times, the format, and what is done about missing numbers.

    Raises:
        DataError: the source cannot be read, or has problems: the first one, and how many more there are.
        UsageError: the format is none of a table.
    """
    path, rows = split_range(source)
    found = scan_series(path, data, rows)
    errors = [each for each in found.problems if each.kind not in WARNINGS]
    if errors:
        command = shlex.join(["nlp-lstm", "data", "check", path, "--task", "forecast"])
        raise DataError(f"{errors[0]}{and_more(len(errors) - 1, command)}")
    values = np.array(found.numbers, dtype=np.float64).reshape(-1, len(found.columns))
    begin, end = rows.of(len(values))
    if begin >= end:
        raise DataError(f"{name_of(source)}: names no row, as there are {len(values):,}")
    return Series(
        fill_gaps(values[:end], data.gaps, first=begin),
        found.columns,
        tuple(found.times[:end]),
        found.time_column or "time",
        begin,
        source,
        notes=tuple(map(str, found.problems)),
    )


def scan_series(path: str, data: DataSettings, rows: RowRange | None = None) -> Scanned:
    """Read a table and note every problem of it.

    Args:
        path: a path, or `-` for standard input.
        data: the columns, the column of times and the format.
        rows: behind the last of these nothing is read, as far as their number tells; None for all.

    Raises:
        DataError: the source is missing or cannot be read (on).
        UsageError: the format is none of a table.
    """
    data_format = data.format or (format_by_ending(path) if path != STANDARD_INPUT else None) or "csv"
    if data_format not in FORMATS:
        raise UsageError(
            f"{name_of(path)}: a series is read from {' or '.join(FORMATS)} with a header, not {data_format}"
        )
    needed = (*data.columns, *((data.time_column,) if data.time_column else ()))
    wanted = _Columns(name_of(path), needed=needed)
    found = Scanned(wanted.source, gaps=data.gaps)
    last = int(rows.end) if rows is not None and rows.end.isdecimal() else None
    with open_lines(path) as lines:
        table = read_table(lines, wanted, tabs=data_format == "tsv")
        _read_rows(table, data, found, last)
    _judge(found)
    return found


def check_series(source: str, *, others: Sequence[str], data: DataSettings) -> Report:
    """Return the report on a table and the other splits beside it.

    Raises:
        DataError: a source is missing or cannot be read (on).
    """
    scans = [scan_series(split_range(each)[0], data) for each in (source, *others)]
    for scan in scans:
        if len(scan.lines) == 1:
            scan.note(0, "no-examples", "one row; expected at least one to look back on and one to foresee")
    problems = [each for scan in scans for each in sorted(scan.problems, key=lambda each: each.line)]
    return Report(
        source=source,
        n_examples=len(scans[0].lines),
        labels={},
        lengths=None,
        errors=tuple(each for each in problems if each.kind not in WARNINGS),
        warnings=tuple(each for each in problems if each.kind in WARNINGS),
    )


def _read_rows(table: Iterator[Cells | Problem], data: DataSettings, found: Scanned, last: int | None) -> None:
    """Take in the rows of a table, at most `last` of them."""
    head = next(table)
    if isinstance(head, Problem):
        found.problems.append(head)
        return
    names = head.cells
    if len(names) == 1 and ";" in names[0]:
        found.note(1, "syntax", f"the header is one column, {quoted(names[0])}; expected commas between columns, not ;")
        return
    if all(_parse(name) is not None or study_times([name]).style for name in names):
        found.note(1, "syntax", f"holds numbers, such as {quoted(names[-1])}; expected the names of the columns")
        return
    lower = [name.lower() for name in names]
    by_name = next((names[lower.index(name)] for name in NAMES if name in lower), None)
    found.time_column = data.time_column or (None if by_name in data.columns else by_name)
    time_at = names.index(found.time_column) if found.time_column else None
    begin = list(islice(table, BEGIN))
    places = _number_columns(names, [each for each in begin if isinstance(each, Cells)], data.columns, found)
    for record in chain(begin, table):
        if last is not None and len(found.lines) == last:
            return
        if isinstance(record, Problem):
            found.problems.append(record)
            continue
        found.lines.append(record.first)
        found.numbers.extend(_numbers(record, names, places, found))
        if time_at is not None:
            found.times.append(record.cells[time_at].strip())


def _number_columns(names: Sequence[str], begin: Sequence[Cells], columns: Sequence[str], found: Scanned) -> list[int]:
    """Return where the columns of numbers stand: those asked for, else those with a number among the first rows."""
    if columns:
        found.columns = tuple(columns)
        return [names.index(name) for name in columns]
    places = []
    for place, name in enumerate(names):
        if name == found.time_column or not begin:
            continue
        texts = [row for row in begin if _parse(row.cells[place]) is None and not _is_gap(row.cells[place])]
        if len(texts) < len(begin) or all(_is_written_for_people(row.cells[place]) for row in texts):
            places.append(place)
        else:
            said = quoted(texts[0].cells[place])
            found.note(texts[0].first, "left-out", f"column {name!r} holds text, such as {said}: it is left out")
    found.columns = tuple(names[place] for place in places)
    return places


def _numbers(record: Cells, names: Sequence[str], places: Iterable[int], found: Scanned) -> Iterator[float]:
    """Yield the numbers of a row as `Scanned.numbers` has them."""
    for place in places:
        cell = record.cells[place]
        number = _parse(cell)
        if number is None and _is_gap(cell):
            if found.gaps == "refuse":
                said = "is empty" if not cell.strip() else f"says {quoted(cell.strip())}"
                message = (
                    f"column {names[place]!r} {said}; expected a number in every row: fill it, or let --gaps do so"
                )
                found.note(record.first, "gap", message)
        elif number is None:
            expected = f"{MACHINE_STYLE}, or other --columns" if _is_written_for_people(cell) else "a number"
            found.note(record.first, "number", f"column {names[place]!r} holds {quoted(cell)}; expected {expected}")
            number = math.inf
        yield math.nan if number is None else number


def _parse(cell: str) -> float | None:
    """Return the number of a cell, or None.

    >>> _parse(" 1.5 "), _parse("1e3"), _parse("nan"), _parse("1_000"), _parse("1,5")
    (1.5, 1000.0, None, None, None)
    """
    try:
        number = float(cell)
    except ValueError:
        return None
    return number if math.isfinite(number) and "_" not in cell else None


def _is_written_for_people(cell: str) -> bool:
    """Tell whether a cell holds a number, but not as a table for machines has it.

    >>> [_is_written_for_people(cell) for cell in ("1,234.5", "12 %", "$ 3", "1,5", "-€12")]
    [True, True, True, True, True]
    >>> [_is_written_for_people(cell) for cell in ("2024-01-05", "12.05.2024", "A 7")]
    [False, False, False]
    """
    return bool(WRITTEN_FOR_PEOPLE.fullmatch(cell.strip())) and not study_times([cell.strip()]).style


def _is_gap(cell: str) -> bool:
    return cell.strip().lower() in ("", "nan", "na", "n/a", "null", "none", "-", "?")


def _judge(found: Scanned) -> None:
    """Note what is wrong with the table as a whole."""
    if not found.lines:
        if not found.problems:
            found.note(0, "no-examples", "no rows; expected some below the header")
        return
    if not found.columns:
        found.note(0, "no-examples", "no column of numbers")
        return
    values = np.array(found.numbers).reshape(len(found.lines), -1)
    for name, column in zip(found.columns, values.T, strict=True):
        _judge_column(name, column, found)
    if not any(each.kind in ("columns", "syntax", "encoding") for each in found.problems):  # else rows are missing
        _judge_times(found)


def _judge_times(found: Scanned) -> None:
    """Note what is wrong with the times of the rows."""
    times = study_times(found.times)
    if len(times.back) > MOST_BACK * len(found.times):
        row = times.back[0]
        some = "1 row goes" if len(times.back) == 1 else f"{len(times.back):,} rows go"
        every = "newest first" if len(times.back) == len(found.times) - 1 else f"{some} back in time"
        message = f"{found.times[row]} comes after {found.times[row - 1]} ({every}); expected the oldest row first"
        found.note(found.lines[row], "order", message)
    elif times.uneven is not None:
        row, n_steps = times.uneven
        what = f"{found.times[row]} after {found.times[row - 1]} is another step in time than the first"
        if found.times[row] == found.times[row - 1]:
            what = f"{found.times[row]} comes twice in a row"
        message = f"{what} ({n_steps:,} of {len(found.times) - 1:,} steps differ): rows are taken as equally far apart"
        found.note(found.lines[row], "times", message)
    elif found.times and times.style is None:
        found.note(
            0, "times", f"column {found.time_column!r} is in no way of writing times that is known: not continued"
        )


def _judge_column(name: str, column: NDArray[np.float64], found: Scanned) -> None:
    """Note what is wrong with a column as a whole."""
    there = column[~np.isnan(column)]
    if not len(there):
        if found.gaps != "refuse":
            found.note(0, "gap", f"column {name!r} holds no number; expected some, to fill its gaps with")
        return
    if np.isinf(column).any():  # another problem says so
        return
    missing = describe_gaps(column, found.gaps)
    if missing is not None:
        found.note(0, "missing", f"column {name!r}: {missing}")
    if len(column) > 1 and (there == there[0]).all():
        found.note(0, "constant", f"column {name!r} is {there[0]:g} in every row: there is nothing to foresee in it")
