"""Sentence pairs in columns: tab-separated with a header or without one, comma-separated with one."""

from __future__ import annotations

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

    The first line is a header if it names both columns, `source` and `target`, and must be one if other columns are
    wanted. In a file without a header every line has two columns.
    """
    opened = iter(lines)
    first = next(opened, None)
    if first is None:
        return
    lines = chain([first], opened)
    names = {cell.strip() for cell in first.text.split("\t")}
    if wanted.columns != COLUMNS or names.issuperset(COLUMNS):
        yield from _headed(read_tsv, lines, wanted)
    else:
        for line in lines:
            yield line.problem or _pair(line, wanted)


def csv_pairs(lines: Iterable[Line], wanted: PairsWanted) -> Iterator[SentencePair | Problem]:
    """Yield the pairs of a comma-separated file, which has a header; quoted fields may hold commas and line ends."""
    return _headed(read_csv, lines, wanted)


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


def _headed(read: Reader, lines: Iterable[Line], wanted: PairsWanted) -> Iterator[SentencePair | Problem]:
    source_column, target_column = wanted.columns
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
    return wanted.problem(line.number, "columns", f"{found}; expected 2 ({', '.join(COLUMNS)}), parted by a tab")
