"""One thing wrong with a data file: where it stands, what kind it is, what it says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from nlp_lstm.counting import counted

Kind = Literal[
    "encoding",  # bytes that are not UTF-8
    "syntax",  # not what the format allows: broken JSON, an open quote, a missing `__label__`
    "columns",  # a row with too few or too many columns, a blank line among rows
    "missing-column",  # the text or label column is not there
    "text",  # a text that is no string
    "label",  # a label that is missing or no label
    "several-labels",  # more than one label for one text
    "unknown-label",  # a label that nothing was or will be trained on
    "unpaired",  # two parallel files, one with more lines than the other
    "alignment",  # a span of a text that does not begin and end where words do, or reaches into another
    "tag",  # a tag that may not stand where it does in the file's scheme
    "stray-tag",  # a tag that marks no chunk where most do
    "unseen-tag",  # a tag that the first of several files never has: it can't be found, and counts as wrong
    "gap",  # no number where one is expected
    "missing",  # how many numbers a column lacks
    "number",  # something else than a number
    "constant",  # a column that is the same number in every row
    "times",  # steps in time that differ
    "order",  # rows that are not in the order of their times
    "left-out",  # a column without numbers
    "no-examples",  # nothing to train on
    "empty-text",
    "too-long",  # a sentence too long to learn its translation from
    "length-ratio",  # two sentences of too unequal length to be translations of each other
    "same-sides",  # most pairs have the same text on both sides
    "header",  # a first line that was read as a pair and looks like the names of columns
    "control",  # signs that no plain text has, such as those of a binary file
    "duplicate",  # a text that stands earlier in the same file, with the same label
    "two-labels",  # a text that stands earlier in the same file, with another label
    "shared",  # a text that stands in another split too
    "single-example",  # a label with one example
    "one-label",  # one label for everything
]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a data file.

    Attributes:
        source: the file or data set.
        line: the line it stands in, counted from 1 (a record's first); 0 when it is about the whole file.
        kind: what sort of problem it is.
        message: what was found and, after a semicolon, what was expected.

    >>> str(Problem("train.csv", 12, "columns", "1 column; expected 2 (text, label)"))
    'line 12 of train.csv: 1 column; expected 2 (text, label)'
    >>> str(Problem("train.csv", 0, "no-examples", "no examples"))
    'train.csv: no examples'
    """

    source: str
    line: int
    kind: Kind
    message: str

    def __str__(self) -> str:
        where = f"line {self.line} of {self.source}" if self.line else self.source
        return f"{where}: {self.message}"


def no_column(name: str, columns: Iterable[str]) -> str:
    """Return the message for a column that is not there: the columns there are, and the nearest.

    >>> no_column("text", ["Text", "label"])
    "no column 'text'; the columns are 'Text', 'label'; did you mean 'Text'?"
    """
    names = list(columns)
    close = get_close_matches(name, names, n=1, cutoff=0.6)
    suggestion = f"; did you mean {close[0]!r}?" if close else ""
    return f"no column {name!r}; the columns are {', '.join(map(repr, names)) or 'none'}{suggestion}"


def and_more(n_more: int, command: str) -> str:
    """Return what to say after the first problem of several: how many more, and the command that lists them.

    >>> and_more(1, "nlp-lstm data check a.csv")
    ' (and 1 more problem; `nlp-lstm data check a.csv` lists them all)'
    >>> and_more(0, "nlp-lstm data check a.csv")
    ''
    """
    if not n_more:
        return ""
    return f" (and {counted(n_more, 'problems', shown=f'{n_more} more')}; `{command}` lists them all)"


def quoted(value: str, *, width: int = 40) -> str:
    """Return `value` in quotes for a message, cut to about `width` characters.

    >>> quoted("a film", width=4)
    "'a fi…'"
    """
    return repr(value if len(value) <= width else value[:width] + "…")
