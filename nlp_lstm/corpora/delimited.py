"""CSV and TSV with a header line."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from nlp_lstm.corpora.problems import Problem, no_column
from nlp_lstm.corpora.rows import Line, Row, Wanted
from nlp_lstm.counting import counted

# The csv module refuses fields over 131,072 characters unless told otherwise; this is the largest value that
# fits a C long everywhere.
_LONGEST_FIELD = 2**31 - 1

_CSV_ERRORS = {
    "',' expected after '\"'": 'text after a closing quote; expected a comma, or "" for a quote in a text',
    "unexpected end of data": "a quote is opened and never closed",
}
_STRAY_RETURN = "a carriage return outside quotes; expected lines that end in \\n or \\r\\n"


class Cells(NamedTuple):
    """The cells of one record and the lines it runs over."""

    first: int
    last: int
    cells: list[str]


def read_csv(lines: Iterable[Line], wanted: Wanted) -> Iterator[Row | Problem]:
    """Yield the rows of a comma-separated file; quoted fields may hold commas, quotes and line ends."""
    return _rows(read_table(lines, wanted), wanted)


def read_tsv(lines: Iterable[Line], wanted: Wanted) -> Iterator[Row | Problem]:
    """Yield the rows of a tab-separated file: a line is a row and a quote is a character like any other."""
    return _rows(read_table(lines, wanted, tabs=True), wanted)


def read_table(lines: Iterable[Line], wanted: Wanted, *, tabs: bool = False) -> Iterator[Cells | Problem]:
    """Yield the header, with a name for every column, then the cells of each row; a problem for each bad one.

    Where the header is bad, its problem is all there is.

    Args:
        lines: of the file.
        wanted: the columns that must be there.
        tabs: whether tabs part the cells, and a quote is a character like any other; else commas do.
    """
    records = _tsv_records(lines) if tabs else _csv_records(lines, wanted)
    head = next(records, None)
    if not isinstance(head, Cells):
        yield head or wanted.problem(0, "missing-column", "no header line; expected the columns' names")
        return
    if head.cells == [""]:
        yield wanted.problem(head.first, "missing-column", "a blank line; expected the columns' names")
        return
    names = _column_names(head.cells)
    fault = _header_fault(names, wanted)
    if fault and tabs and _may_be_pair(names, wanted):
        fault += "; sentence pairs, which need no header, are checked with --task translate"
    if fault:
        yield wanted.problem(head.first, "missing-column", fault)
        return
    yield head._replace(cells=names)
    for record in records:
        if isinstance(record, Problem) or len(record.cells) == len(names):
            yield record
        else:
            yield wanted.problem(record.first, "columns", _wrong_count(record, names))


def _csv_records(lines: Iterable[Line], wanted: Wanted) -> Iterator[Cells | Problem]:
    csv.field_size_limit(max(_LONGEST_FIELD, csv.field_size_limit()))
    damaged: list[Problem] = []
    reader = csv.reader(_raw(lines, damaged), strict=True)
    first = 1
    while True:
        record: Cells | Problem
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            message = _CSV_ERRORS.get(str(error), _STRAY_RETURN if "new-line" in str(error) else str(error))
            record = wanted.problem(first, "syntax", message + _span(first, reader.line_num))
        else:
            # A blank line is one empty cell, as in TSV.
            record = Cells(first, reader.line_num, cells or [""])
        # A record with damaged bytes in it gives way to the problems of its lines.
        yield from damaged or (record,)
        damaged.clear()
        first = reader.line_num + 1


def _raw(lines: Iterable[Line], damaged: list[Problem]) -> Iterator[str]:
    for line in lines:
        if line.problem:
            damaged.append(line.problem)
        yield line.raw


def _tsv_records(lines: Iterable[Line]) -> Iterator[Cells | Problem]:
    # Not csv.QUOTE_NONE: that refuses a carriage return inside a line.
    for line in lines:
        yield line.problem or Cells(line.number, line.number, line.text.split("\t"))


def _rows(table: Iterator[Cells | Problem], wanted: Wanted) -> Iterator[Row | Problem]:
    head = next(table)
    if isinstance(head, Problem):
        yield head
        return
    names = head.cells
    text_at = names.index(wanted.text_column)
    label_at = names.index(wanted.label_column) if wanted.label_column in names else None
    for record in table:
        if isinstance(record, Problem):
            yield record
        else:
            label = None if label_at is None else record.cells[label_at].strip() or None
            fields: dict[str, object] = dict(zip(names, record.cells, strict=True))
            yield wanted.row(record.first, record.cells[text_at], label, fields)


def _column_names(cells: Sequence[str]) -> list[str]:
    """Return the header's names without the blanks around them; an unnamed column is called by its place."""
    return [cell.strip() or f"column {place}" for place, cell in enumerate(cells, 1)]


def _header_fault(names: Sequence[str], wanted: Wanted) -> str | None:
    for place, name in enumerate(names):
        if name in names[:place]:
            return f"the header names {name!r} twice; expected each column once"
    for name in wanted.needed_columns:
        if name not in names:
            separated = "; is it separated by semicolons?" if len(names) == 1 and ";" in names[0] else ""
            return f"the header has {no_column(name, names)}{separated}"
    return None


def _may_be_pair(cells: Sequence[str], wanted: Wanted) -> bool:
    """Return whether a first line without the columns of labelled texts may be a pair of sentences."""
    return (
        len(cells) == 2 and wanted.label_column is not None and not {wanted.text_column, wanted.label_column} & {*cells}
    )


def _wrong_count(record: Cells, names: Sequence[str]) -> str:
    expected = f"expected {counted(len(names), 'columns')} ({', '.join(names)})"
    if record.cells == [""]:
        return f"a blank line; {expected}"
    return f"{counted(len(record.cells), 'columns')}; {expected}{_span(record.first, record.last)}"


def _span(first: int, last: int) -> str:
    return f" (lines {first} to {last} were read as one record: is a quote missing?)" if last > first else ""
