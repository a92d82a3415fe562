"""Sentence pairs in columns: tab-separated with a header or without one, comma-separated with one."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from nlp_lstm.corpora.delimited import read_csv, read_tsv
from nlp_lstm.corpora.pair_rows import COLUMNS, PairsWanted
from nlp_lstm.corpora.problems import Problem
from nlp_lstm.corpora.rows import Line, Reader, Wanted
from nlp_lstm.counting import counted
from nlp_lstm.records.examples import SentencePair


def tsv_pairs(lines: Iterable[Line], wanted: PairsWanted) -> Iterator[SentencePair | Problem]:
    """Yield the pairs of a tab-separated file: a line is a pair and a quote is a character like any other.

    The first line is a header if it names both columns, `source` and `target` or the two languages, and must be one if
    other columns are wanted. In a file without a header every line has two columns.
    """
    first, lines = first_line(lines)
    names = {cell.strip() for cell in first.split("\t")}
    columns = wanted.columns_in(names)
    if columns != COLUMNS or names.issuperset(COLUMNS):
        yield from _headed(read_tsv, lines, wanted, columns)
    else:
        for line in lines:
            yield line.problem or _pair(line, wanted)


def csv_pairs(lines: Iterable[Line], wanted: PairsWanted) -> Iterator[SentencePair | Problem]:
    """Yield the pairs of a comma-separated file, which has a header; quoted fields may hold commas and line ends."""
    first, lines = first_line(lines)
    return _headed(read_csv, lines, wanted, wanted.columns_in(csv_names(first)))


def first_line(lines: Iterable[Line]) -> tuple[str, Iterable[Line]]:
    """Return the text of the first line, nothing if there is none, and all lines."""
    rest = iter(lines)
    first = next(rest, None)
    return ("", ()) if first is None else (first.text, chain([first], rest))


def csv_names(header: str) -> set[str]:
    """Return the columns' names in the first line of a comma-separated file; none of one that cannot be read."""
    try:
        return {cell.strip() for cell in next(csv.reader([header]), [])}
    except csv.Error:  # who reads the rows tells of it
        return set()


@dataclass(frozen=True, slots=True)
class _BothColumns(Wanted):
    """A text column and a second one, which is no label: nothing is stripped from it or refused in it.

    Attributes:
        target_column: the second column.
    """

    target_column: str = ""

    @property
    def needed_columns(self) -> list[str]:
        return [self.text_column, self.target_column]


def _headed(
    read: Reader, lines: Iterable[Line], wanted: PairsWanted, names: tuple[str, str]
) -> Iterator[SentencePair | Problem]:
    source_column, target_column = names
    columns = _BothColumns(wanted.source, source_column, label_column=None, target_column=target_column)
    for row in read(lines, columns):
        if isinstance(row, Problem):
            yield row
        else:
            yield wanted.pair(row.line, row.text, str(row.fields[target_column]))


def _pair(line: Line, wanted: PairsWanted) -> SentencePair | Problem:
    cells = line.text.split("\t")
    if len(cells) == 2:
        return wanted.pair(line.number, *cells)
    found = counted(len(cells), "columns") if line.text else "a blank line"
    header = "; in a file with a header, --source-column and --target-column name two of them" if len(cells) > 2 else ""
    return wanted.problem(
        line.number, "columns", f"{found}; expected 2 ({', '.join(COLUMNS)}), parted by a tab{header}"
    )
