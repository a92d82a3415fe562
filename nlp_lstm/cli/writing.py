"""Predictions as lines: the output formats."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Collection
from typing import Any, Protocol

from rich.console import Console
from rich.text import Text

from nlp_lstm.cli.views import View
from nlp_lstm.corpora.reading import Record
from nlp_lstm.errors import StageError, UsageError
from nlp_lstm.records.document import Document
from nlp_lstm.records.examples import TaggedSentence
from nlp_lstm.records.predictions import Tagging
from nlp_lstm.stages.pipeline import Pipeline
from nlp_lstm.stages.predictor import Predictor
from nlp_lstm.tasks.task import Prediction, Tabled

_CELL = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


class Writer(Protocol):
    """Makes a line of a record and its prediction."""

    def line(self, record: Record, prediction: Prediction) -> str:
        """Return the line, without its end."""
        ...


class TextWriter:
    """What people read: a label, or the text with its entities marked; of a prediction that is a table, CSV."""

    def line(self, record: Record, prediction: Prediction) -> str:
        """Return it as one line, or a line for each row."""
        if not isinstance(prediction, Tabled):
            return prediction.to_text()
        lines = io.StringIO()
        csv.writer(lines, lineterminator="\n").writerows(prediction.table())
        return lines.getvalue().removesuffix("\n")


class ViewWriter:
    """What the view of a task shows on a console."""

    def __init__(self, view: View, console: Console) -> None:
        self._view, self._console = view, console

    def line(self, record: Record, prediction: Any) -> str:
        """Return it, with the signs for colours if the console has colours."""
        shown = self._view.show(record, prediction)
        with self._console.capture() as captured:
            self._console.print(shown, soft_wrap=isinstance(shown, Text), end="")
        return captured.get()


class JsonWriter:
    """A JSON object a line: `id` (counted from 0), the input's own fields, then what was predicted.

    A field of the input that has one of those names is kept as `input_` + name, with one more `input_` where the input
    has such a field too.
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
        kept = {_free_name(name, found, fields): value for name, value in fields.items()}
        try:
            return json.dumps({"id": found.pop("id"), **kept, **found}, ensure_ascii=False)
        except (TypeError, ValueError, RecursionError) as error:  # of what a person's own function has put there
            raise StageError(f"text {self._next} cannot be written as JSON: {error}") from error


def _free_name(name: str, found: Collection[str], fields: Collection[str]) -> str:
    """Return the name under which a field of the input is kept beside what was found and its other fields."""
    if name not in found:
        return name
    name = f"input_{name}"
    while name in found or name in fields:
        name = f"input_{name}"
    return name


class TsvWriter:
    r"""The input's columns, then what was predicted.

    A tab, line end or backslash inside a text is written `\t`, `\n`, `\r`, `\\`. Of a prediction that is a table its
    own rows are all.
    """

    def line(self, record: Record, prediction: Prediction) -> str:
        """Return the columns."""
        if isinstance(prediction, Tabled):
            return "\n".join("\t".join(cell.translate(_CELL) for cell in row) for row in prediction.table())
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

SHOWING = ("text", "jsonl")
"""Those that also hold what a view was asked to show."""


def writer_of(
    name: str, predictor: Predictor | Pipeline, view: View | None, console: Console, *, asked: Collection[str] = ()
) -> Callable[[Record, Any], str]:
    """Return what makes lines in an output format.

    Args:
        name: a key of `WRITERS`.
        predictor: the model.
        view: the view of its task, if there is one.
        console: where it shows something; in colours it takes the place of plain lines.
        asked: which of the view's options were asked for; then it takes their place without colours, too.

    Raises:
        UsageError: the model's predictions have no such form.
    """
    if asked and name not in SHOWING:
        raise UsageError(f"--{', --'.join(asked)}: --format {name} does not show it; {' and '.join(SHOWING)} do")
    if name == "conll" and (isinstance(predictor, Pipeline) or predictor.task.example_type is not TaggedSentence):
        raise UsageError("--format conll: this model does not tag words")
    if name == "text" and view is not None and (asked or console.color_system is not None):
        return ViewWriter(view, console).line
    return WRITERS[name]().line
