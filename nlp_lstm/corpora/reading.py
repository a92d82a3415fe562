"""Any source to examples or records: the table of formats, and the streams over it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from nlp_lstm.corpora.delimited import read_csv, read_tsv
from nlp_lstm.corpora.detecting import first_filled, format_by_ending, format_by_look, has_json_ending
from nlp_lstm.corpora.fasttext import read_fasttext
from nlp_lstm.corpora.hub import is_hub, read_hub
from nlp_lstm.corpora.jsonl import read_jsonl
from nlp_lstm.corpora.lines import read_plain
from nlp_lstm.corpora.opening import STANDARD_INPUT, check_there, name_of, open_lines
from nlp_lstm.corpora.problems import Problem, and_more
from nlp_lstm.corpora.rows import Line, Reader, Row, Wanted
from nlp_lstm.corpora.tabbed import read_tabbed
from nlp_lstm.corpora.trec import read_trec
from nlp_lstm.errors import DataError, UsageError, nearest
from nlp_lstm.records.examples import Example

FORMATS: Mapping[str, Reader] = {
    "csv": read_csv,
    "tsv": read_tsv,
    "jsonl": read_jsonl,
    "tab": read_tabbed,
    "fasttext": read_fasttext,
    "trec": read_trec,
    "text": read_plain,
}
"""Every file format by the name `--data-format` takes. A new one is a module and a row here."""

_HEADED = ("csv", "tsv")


@dataclass(frozen=True, slots=True)
class Record:
    """A text to predict on, with all that stood beside it.

    Attributes:
        text: the text, untouched.
        fields: every field of its row: the keys of a JSON object, the columns of CSV and TSV as strings;
            empty for a plain line.
        words: the words of the text where its file gives them, or None.
        columns: every column of each word as it stands in its file; empty when it came from elsewhere.
        numbers: what a task without text reads in place of it, or None.
        notes: what is worth knowing of how it was read.
    """

    text: str
    fields: dict[str, object]
    words: tuple[str, ...] | None = None
    columns: tuple[tuple[str, ...], ...] = ()
    numbers: Any = None
    notes: tuple[str, ...] = ()

    @property
    def given(self) -> Any:
        """What a model is asked about: numbers or words where they are given, else the text."""
        if self.numbers is not None:
            return self.numbers
        return self.text if self.words is None else self.words


def detect_format(source: str | Path) -> str:
    """Return a file's format by its ending (before `.gz`) or, for `.txt` and others, by its first line.

    Raises:
        DataError: the file is missing, empty, or of a kind that is not read.
    """
    check_there(source)
    by_ending = format_by_ending(str(source))
    if by_ending:
        return by_ending
    with open_lines(source) as lines:
        first, _ = first_filled(lines)
    if first is None:
        raise _empty(name_of(source))
    return format_by_look(str(source), first.text)


def scan(
    source: str | Path,
    *,
    data_format: str | None = None,
    text_column: str = "text",
    label_column: str | None = "label",
    labelled: bool = False,
    online: bool = False,
) -> Iterator[Example | Problem]:
    """Stream a source: an example for each good row, a problem for each bad one, in order.

    Args:
        source: a path, `-` for standard input, or `hf:NAME[:SPLIT]`.
        data_format: a name of `FORMATS`; None tells by the file's ending or first line.
        text_column: the column or key of the texts, where the format has such.
        label_column: the column or key of the labels, where the format has such; None looks at no label.
        labelled: whether a missing label is a problem; plain text has none and takes no notice.
        online: whether `hf:` may use the network.

    Raises:
        DataError: the source is missing, empty or cannot be read (on).
        UsageError: there is no such format.
    """
    wanted = Wanted(name_of(source), text_column, label_column, labelled)
    rows = _rows(source, wanted, data_format=data_format, online=online)
    return (_example(row, wanted.source) if isinstance(row, Row) else row for row in rows)


def read_examples(
    source: str | Path,
    *,
    data_format: str | None = None,
    text_column: str = "text",
    label_column: str = "label",
    labelled: bool = True,
    online: bool = False,
) -> list[Example]:
    """Return every example of a source; the arguments are those of `scan`.

    Args:
        source: a path, `-` for standard input, or `hf:NAME[:SPLIT]`.
        data_format: a name of `FORMATS`; None tells by the file's ending or first line.
        text_column: the column or key of the texts.
        label_column: the column or key of the labels.
        labelled: whether every text must have a label, and at least one example be there.
        online: whether `hf:` may use the network.

    Raises:
        DataError: the source cannot be read, or has problems: the first one, and how many more there are.
        UsageError: there is no such format.
    """
    examples: list[Example] = []
    first: Problem | None = None
    n_more = 0
    for item in scan(
        source,
        data_format=data_format,
        text_column=text_column,
        label_column=label_column,
        labelled=labelled,
        online=online,
    ):
        if isinstance(item, Problem):
            first, n_more = (first, n_more + 1) if first else (item, 0)
        elif labelled and item.label is None:
            raise DataError(f"{item.source}: plain text has no labels; expected one of {_labelled_formats()}")
        else:
            examples.append(item)
    if first:
        command = _check_command(source, data_format, text_column, label_column)
        raise DataError(f"{first}{and_more(n_more, command)}")
    if labelled and not examples:
        raise DataError(f"{name_of(source)}: no examples; expected at least one")
    return examples


def read_records(
    source: str | Path,
    *,
    data_format: str | None = None,
    text_column: str = "text",
    online: bool = False,
    stdin: BinaryIO | None = None,
    readers: Mapping[str, Reader] = FORMATS,
) -> Iterator[Record]:
    """Stream the texts to predict on, one record for each row, in order, as the rows arrive.

    Labels are not looked at. Without `data_format`, `.txt` and unknown endings are one text a line, so an
    empty line is an empty text, and a file with no line has no record.

    Args:
        source: a path, `-` for standard input, or `hf:NAME[:SPLIT]`.
        data_format: a name of `FORMATS`; None tells by the file's ending.
        text_column: the column or key of the texts.
        online: whether `hf:` may use the network.
        stdin: the bytes to take for standard input; None takes the process's own.
        readers: what reads each of `FORMATS`.

    Raises:
        DataError: the source cannot be read, or a row is malformed; rows before it have been yielded.
        UsageError: there is no such format.
    """
    wanted = Wanted(name_of(source), text_column, label_column=None)
    rows = _rows(source, wanted, data_format=data_format, online=online, plain=True, stdin=stdin, readers=readers)
    return (_record(row) for row in rows)


def _rows(
    source: str | Path,
    wanted: Wanted,
    *,
    data_format: str | None,
    online: bool,
    plain: bool = False,
    stdin: BinaryIO | None = None,
    readers: Mapping[str, Reader] = FORMATS,
) -> Iterator[Row | Problem]:
    """Check what can be checked before the first row is asked for, then return the stream of rows."""
    if data_format is not None and data_format not in FORMATS:
        raise UsageError(f"no data format {data_format!r}{nearest(data_format, FORMATS)}")
    if is_hub(source):
        return read_hub(wanted, online=online)
    check_there(source)
    if data_format is None and str(source) != STANDARD_INPUT:
        data_format = format_by_ending(str(source))
    return _file_rows(source, wanted, data_format, plain=plain, stdin=stdin, readers=readers)


def _file_rows(
    source: str | Path,
    wanted: Wanted,
    data_format: str | None,
    *,
    plain: bool,
    stdin: BinaryIO | None,
    readers: Mapping[str, Reader],
) -> Iterator[Row | Problem]:
    """Yield a file's rows; `plain` takes a format that the name does not tell for one text a line."""
    with open_lines(source, stdin=stdin) as opened:
        first = next(opened, None)
        if first is None and (not plain or data_format in _HEADED):
            raise _empty(wanted.source)
        lines: Iterable[Line] = opened if first is None else chain([first], opened)
        if data_format is None and (not plain or has_json_ending(str(source))):
            filled, lines = first_filled(iter(lines))
            data_format = format_by_look(str(source), filled.text) if filled else None
        yield from readers[data_format or "text"](lines, wanted)


def _example(row: Row, source: str) -> Example:
    return Example(row.text, row.label, source, row.line)


def _record(row: Row | Problem) -> Record:
    if isinstance(row, Problem):
        other = "; --text-column names another" if row.kind == "missing-column" else ""
        raise DataError(f"{row}{other}")
    return Record(row.text, row.fields)


def _empty(name: str) -> DataError:
    return DataError(f"{name}: is empty; expected at least one line")


def _labelled_formats() -> str:
    return ", ".join(name for name in FORMATS if name != "text")


def _check_command(source: str | Path, data_format: str | None, text_column: str, label_column: str) -> str:
    """Return the command line that lists a source's problems, with the options that differ from the usual."""
    words = ["nlp-lstm", "data", "check", str(source)]
    words += ["--data-format", data_format] if data_format else []
    words += ["--text-column", text_column] if text_column != "text" else []
    words += ["--label-column", label_column] if label_column != "label" else []
    return shlex.join(words)
