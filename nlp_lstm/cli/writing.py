"""Predictions as lines: the output formats, and where the lines go."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from nlp_lstm.corpora.reading import Record
from nlp_lstm.document import Prediction
from nlp_lstm.errors import UsageError

_CELL = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


class Writer(Protocol):
    """Makes a line of a record and its prediction."""

    def line(self, record: Record, prediction: Prediction) -> str:
        """Return the line, without its end."""
        ...


class LabelWriter:
    """The label alone."""

    def line(self, record: Record, prediction: Prediction) -> str:
        """Return the label."""
        return prediction.label


class JsonWriter:
    """A JSON object a line: `id` (counted from 0), the input's own fields, then `label`, `score` and `scores`.

    A field of the input that has one of those names is kept as `input_` + name.
    """

    def __init__(self) -> None:
        self._next = 0

    def line(self, record: Record, prediction: Prediction) -> str:
        """Return the object."""
        found = {"id": self._next, **prediction.to_dict()}
        self._next += 1
        fields = record.fields or {"text": record.text}
        kept = {(f"input_{name}" if name in found else name): value for name, value in fields.items()}
        return json.dumps({"id": found.pop("id"), **kept, **found}, ensure_ascii=False)


class TsvWriter:
    r"""The input's columns, then label and score.

    A tab, line end or backslash inside a text is written `\t`, `\n`, `\r`, `\\`.
    """

    def line(self, record: Record, prediction: Prediction) -> str:
        """Return the columns."""
        columns = list(record.fields.values()) if record.fields else [record.text]
        cells = [value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) for value in columns]
        return "\t".join([*(cell.translate(_CELL) for cell in cells), prediction.label, f"{prediction.score:.6f}"])


WRITERS: dict[str, Callable[[], Writer]] = {"text": LabelWriter, "jsonl": JsonWriter, "tsv": TsvWriter}
"""Every output format by name."""


@contextmanager
def open_output(path: Path | None) -> Iterator[Callable[[str], object]]:
    """Yield a function that writes a line, as UTF-8 with a plain line end, to a file or to standard output.

    A file is written beside its place and moved there at the end. If something fails before, an older file is
    still there, and what was written so far is in `FILE.partial`. What is no regular file, such as a pipe, is
    written to as it is; a link is followed.

    Raises:
        UsageError: the path is a folder, or stands in none.
    """
    if path is None:
        yield lambda line: _write(sys.stdout.buffer, line)
        return
    path = path.resolve()
    if path.is_dir() or not path.parent.is_dir():
        raise UsageError(f"-o {path}: {'is a folder' if path.is_dir() else 'there is no such folder'}")
    beside = path.with_name(f"{path.name}.partial")
    place = path if path.exists() and not path.is_file() else beside
    with place.open("wb") as file:
        yield lambda line: _write(file, line)
    if place is beside:
        beside.replace(path)


def _write(file: BinaryIO, line: str) -> None:
    """Write a line at once: who reads a pipe sees an answer when it is there."""
    file.write(line.encode(errors="replace") + b"\n")
    file.flush()
