"""Plain text: one text a line, no labels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from nlp_lstm.corpora.problems import Problem
from nlp_lstm.corpora.rows import Line, Row, Wanted, each_line


def read_plain(lines: Iterable[Line], wanted: Wanted) -> Iterator[Row | Problem]:
    """Yield every line as an unlabelled row; an empty line is an empty text."""
    return each_line(lines, lambda line: Row(line.number, line.text, None, {}))
