"""JSON lines: one object a line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import partial

from nlp_lstm.corpora.problems import Problem, no_column
from nlp_lstm.corpora.rows import Line, Row, Wanted, each_line, json_kind, label_text


def read_jsonl(lines: Iterable[Line], wanted: Wanted) -> Iterator[Row | Problem]:
    """Yield the rows of a file of JSON objects, one a line.

    Labels that are whole numbers, true or false become their JSON text: `"0"`, `"true"`.
    """
    return each_line(lines, partial(_parse, wanted=wanted))


def read_object(line: Line, wanted: Wanted) -> dict[str, object] | Problem:
    """Return the JSON object of a line, or what is wrong with it."""
    if not line.raw.strip():
        return wanted.problem(line.number, "columns", "a blank line; expected a JSON object")
    try:
        value = json.loads(line.text)
    except json.JSONDecodeError as error:
        message = f"not JSON at character {error.pos + 1}: {error.msg}; expected one object a line"
        return wanted.problem(line.number, "syntax", message)
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, brackets without end
        return wanted.problem(line.number, "syntax", f"cannot be read as JSON: {error}")
    if not isinstance(value, dict):
        return wanted.problem(line.number, "syntax", f"{json_kind(value)}; expected a JSON object")
    if "\\u" in line.raw and _has_lone_surrogate(value):
        message = r"half a character: \ud800 to \udfff alone; expected them in pairs"
        return wanted.problem(line.number, "encoding", message)
    return value


def _parse(line: Line, *, wanted: Wanted) -> Row | Problem:
    fields = read_object(line, wanted)
    return fields if isinstance(fields, Problem) else row_of(line.number, fields, wanted)


def row_of(number: int, fields: dict[str, object], wanted: Wanted) -> Row | Problem:
    """Return the row that a line's JSON object says, or what is wrong with it; `number` is the line's."""
    if wanted.text_column not in fields:
        return wanted.problem(number, "missing-column", no_column(wanted.text_column, fields))
    text = fields[wanted.text_column]
    if not isinstance(text, str):
        return wanted.problem(number, "text", f"the text is {json_kind(text)}; expected a string")
    if wanted.label_column is None:
        return wanted.row(number, text, None, fields)
    if wanted.labelled and wanted.label_column not in fields:
        return wanted.problem(number, "missing-column", no_column(wanted.label_column, fields))
    try:
        label = label_text(fields.get(wanted.label_column))
    except ValueError as error:
        return wanted.problem(number, "label", str(error))
    return wanted.row(number, text, label, fields)


def _has_lone_surrogate(value: object) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False
