"""Tab-separated lines without a header: `text<TAB>label`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

from nlp_lstm.corpora.problems import Problem
from nlp_lstm.corpora.rows import Line, Row, Wanted, each_line


def read_tabbed(lines: Iterable[Line], wanted: Wanted) -> Iterator[Row | Problem]:
    """Yield the rows of `text<TAB>label` lines; a quote is a character like any other."""
    return each_line(lines, partial(_parse, wanted=wanted))


def _parse(line: Line, *, wanted: Wanted) -> Row | Problem:
    if not line.text:
        return wanted.problem(line.number, "columns", "a blank line; expected `text<TAB>label`")
    cells = line.text.split("\t")
    if len(cells) != 2:
        found = "no TAB" if len(cells) == 1 else f"{len(cells) - 1} TABs"
        return wanted.problem(line.number, "columns", f"{found}; expected one, as in `text<TAB>label`")
    text, label = cells
    return wanted.row(line.number, text, label.strip() or None, {"text": text, "label": label})
