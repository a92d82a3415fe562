"""Predictions as lines: the output formats."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Protocol

from nlp_lstm.cli.marking import ColouredText
from nlp_lstm.cli.tables import plain_console
from nlp_lstm.corpora.reading import Record
from nlp_lstm.document import Document, Tagging
from nlp_lstm.errors import UsageError
from nlp_lstm.stages.pipeline import Pipeline
from nlp_lstm.stages.predictor import Predictor
from nlp_lstm.tasks.task import Prediction

_CELL = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


class Writer(Protocol):
    """Makes a line of a record and its prediction."""

    def line(self, record: Record, prediction: Prediction) -> str:
        """Return the line, without its end."""
        ...


class TextWriter:
    """What people read: a label, or the text with its entities marked."""

    def line(self, record: Record, prediction: Prediction) -> str:
        """Return it as one line."""
        return prediction.to_text()


class ColourWriter:
    """A text with its entities in colour, for a terminal."""

    def __init__(self) -> None:
        self._view = ColouredText()
        self._console = plain_console()

    def line(self, record: Record, prediction: Tagging) -> str:
        """Return it with the terminal's signs for colours."""
        with self._console.capture() as shown:
            self._console.print(self._view.show(prediction), soft_wrap=True, end="")
        return shown.get()


class JsonWriter:
    """A JSON object a line: `id` (counted from 0), the input's own fields, then what was predicted.

    A field of the input that has one of those names is kept as `input_` + name.
    """

    def __init__(self) -> None:
        self._next = 0

    def line(self, record: Record, prediction: Prediction) -> str:
        """Return the object."""
        found = {"id": self._next, **prediction.to_dict()}
        if isinstance(prediction, Document):
            del found["text"]  # it stands among the input's fields
        self._next += 1
        fields = record.fields or {"text": record.text}
        kept = {(f"input_{name}" if name in found else name): value for name, value in fields.items()}
        return json.dumps({"id": found.pop("id"), **kept, **found}, ensure_ascii=False)


class TsvWriter:
    r"""The input's columns, then what was predicted.

    A tab, line end or backslash inside a text is written `\t`, `\n`, `\r`, `\\`.
    """

    def line(self, record: Record, prediction: Prediction) -> str:
        """Return the columns."""
        columns = list(record.fields.values()) if record.fields else [record.text]
        cells = [value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) for value in columns]
        return "\t".join(cell.translate(_CELL) for cell in [*cells, *prediction.cells()])


class ConllWriter:
    """The columns of each word, then its tag; an empty line ends a text."""

    def line(self, record: Record, prediction: Prediction) -> str:
        """Return the lines of a text, without the end of the last, empty one."""
        assert isinstance(prediction, Tagging)
        columns = record.columns or [(word,) for word in prediction.words]
        rows = zip(columns, prediction.tags, strict=True)
        return "".join("\t".join([*(cell.translate(_CELL) for cell in before), tag]) + "\n" for before, tag in rows)


WRITERS: dict[str, Callable[[], Writer]] = {
    "text": TextWriter,
    "jsonl": JsonWriter,
    "tsv": TsvWriter,
    "conll": ConllWriter,
}
"""Every output format by name."""


def writer_of(name: str, predictor: Predictor | Pipeline, *, live: bool = False) -> Callable[[Record, Any], str]:
    """Return what makes lines in an output format; `live`: for a terminal, where entities have colours.

    Raises:
        UsageError: the model's predictions have no such form.
    """
    if name == "conll" and not predictor.takes_words:
        raise UsageError("--format conll: this model does not tag words")
    if name == "text" and live and predictor.takes_words:
        return ColourWriter().line
    return WRITERS[name]().line
