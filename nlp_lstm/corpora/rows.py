"""What passes between an opened source and the formats: lines in, rows or problems out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from nlp_lstm.corpora.problems import Kind, Problem


class Line(NamedTuple):
    r"""One line of a file.

    Attributes:
        number: its number, counted from 1.
        raw: the line with its end, as it stands. Bytes that are not UTF-8 are lone surrogates in it.
        problem: what is wrong with its bytes, or None.
    """

    number: int
    raw: str
    problem: Problem | None = None

    @property
    def text(self) -> str:
        r"""The line without its end, `\n` or `\r\n`."""
        return self.raw.removesuffix("\n").removesuffix("\r")


@dataclass(frozen=True, slots=True)
class Row:
    """One text of a file with all that stands beside it.

    Attributes:
        line: its line, counted from 1.
        text: the text, untouched.
        label: its label, or None.
        fields: every field of the row, the text's and the label's too; empty for a plain line.
    """

    line: int
    text: str
    label: str | None
    fields: dict[str, object]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a caller wants from a source.

    Attributes:
        source: the source's name in messages.
        text_column: the column (or JSON key) the texts stand in.
        label_column: the column of the labels; None reads no labels and finds no fault in them.
        labelled: whether a row without a label is a problem. Plain lines have none and take no notice.
    """

    source: str
    text_column: str = "text"
    label_column: str | None = "label"
    labelled: bool = False

    @property
    def needed_columns(self) -> list[str]:
        """The columns that must be there."""
        if self.labelled and self.label_column is not None:
            return [self.text_column, self.label_column]
        return [self.text_column]

    def problem(self, line: int, kind: Kind, message: str) -> Problem:
        """Return a problem of this source."""
        return Problem(self.source, line, kind, message)

    def row(self, line: int, text: str, label: str | None, fields: dict[str, object]) -> Row | Problem:
        """Return the row, or what is wrong with its label."""
        if label is None and self.labelled:
            return self.problem(line, "label", "no label; expected one for every text")
        if label is not None and any(ord(sign) < 32 for sign in label):
            return self.problem(line, "label", f"the label {label!r} holds a tab, a line end or another control sign")
        return Row(line, text, label, fields)


Reader: TypeAlias = Callable[[Iterable[Line], Wanted], Iterator[Row | Problem]]
"""A format: it turns every line into a row or a problem, in order, and holds no more than one record."""


def each_line(lines: Iterable[Line], parse: Callable[[Line], Row | Problem]) -> Iterator[Row | Problem]:
    """Yield what `parse` makes of each line, or the problem of a line whose bytes are damaged."""
    for line in lines:
        yield line.problem or parse(line)


def label_text(value: object) -> str | None:
    """Return a label as text without the blanks around it; None when there is none.

    Raises:
        ValueError: the value is a fraction, a list or an object; the message says so.

    >>> label_text(" positive "), label_text(1), label_text(True), label_text(""), label_text(None)
    ('positive', '1', 'true', None, None)
    """
    if value is None:
        return None
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, int):
        return json.dumps(value)
    raise ValueError(f"the label is {json_kind(value)}; expected a string, a whole number, true or false")


def json_kind(value: object) -> str:
    """Return what JSON calls a value.

    >>> json_kind(None), json_kind(True), json_kind(0.5), json_kind([])
    ('null', 'true or false', 'a number with a fraction', 'a list')
    """
    if value is None:
        return "null"
    for kind, name in _JSON_KINDS:
        if isinstance(value, kind):
            return name
    return type(value).__name__


# bool stands before int, which it is a kind of.
_JSON_KINDS: tuple[tuple[type, str], ...] = (
    (bool, "true or false"),
    (str, "a string"),
    (int, "a number"),
    (float, "a number with a fraction"),
    (list, "a list"),
    (dict, "an object"),
)
