"""TREC's question lines: `LOC:city What county is Modesto in ?`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import partial

from nlp_lstm.corpora.problems import Problem, quoted
from nlp_lstm.corpora.rows import Line, Row, Wanted, each_line

_QUESTION = re.compile(r"(?P<coarse>[^\s:]+):(?P<fine>[^\s:]+)(?: (?P<text>.*))?", re.DOTALL)


def read_trec(lines: Iterable[Line], wanted: Wanted) -> Iterator[Row | Problem]:
    """Yield the rows of `COARSE:fine question` lines; the label is the coarse class."""
    return each_line(lines, partial(_parse, wanted=wanted))


def _parse(line: Line, *, wanted: Wanted) -> Row | Problem:
    match = _QUESTION.fullmatch(line.text)
    if not match:
        message = f"{quoted(line.text) if line.text else 'a blank line'}; expected `COARSE:fine question`"
        return wanted.problem(line.number, "syntax" if line.text else "columns", message)
    coarse, fine, text = match["coarse"], match["fine"], match["text"] or ""
    return wanted.row(line.number, text, coarse, {"text": text, "label": coarse, "fine": fine})
