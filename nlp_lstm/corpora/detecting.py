"""Telling a file's format by its name's ending or its first line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from nlp_lstm.corpora.fasttext import LABEL_PREFIX
from nlp_lstm.corpora.rows import Line
from nlp_lstm.errors import DataError

_ENDINGS = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_FOREIGN = (".xlsx", ".xls", ".ods", ".parquet", ".arrow", ".zip", ".bz2", ".xz", ".zst", ".docx", ".pdf")


def format_by_ending(name: str) -> str | None:
    """Return the format a name tells by its ending (before `.gz`), or None when the file must be looked into.

    Raises:
        DataError: the ending is of a kind that no format here reads.

    >>> format_by_ending("train.csv.gz"), format_by_ending("notes.txt")
    ('csv', None)
    """
    ending = _ending(name)
    if ending in _FOREIGN:
        raise DataError(f"{name}: {ending} files are not read; expected text, such as CSV, TSV or JSON lines")
    return _ENDINGS.get(ending)


def format_by_look(name: str, first: str) -> str:
    """Return the format that a file's first line with something on it shows.

    Raises:
        DataError: the file is called `.json` and is not one JSON object a line.

    >>> format_by_look("a.txt", "__label__good A fine film."), format_by_look("a.txt", "A fine film.")
    ('fasttext', 'text')
    """
    if has_json_ending(name):
        _check_json_lines(name, first)
        return "jsonl"
    if first.startswith(LABEL_PREFIX):
        return "fasttext"
    return "tab" if "\t" in first else "text"


def has_json_ending(name: str) -> bool:
    """Return whether a file is called `.json`, which may be JSON lines and may not: its first line tells.

    >>> has_json_ending("a.json.gz"), has_json_ending("a.jsonl")
    (True, False)
    """
    return _ending(name) == ".json"


def first_filled(lines: Iterator[Line]) -> tuple[Line | None, Iterable[Line]]:
    """Return the first line that is not blank, and all lines from the start."""
    read: list[Line] = []
    for line in lines:
        read.append(line)
        if line.raw.strip():
            return line, chain(read, lines)
    return (read[0] if read else None), read


def _ending(name: str) -> str:
    path = Path(name)
    path = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    return path.suffix.lower()


def _check_json_lines(name: str, first: str) -> None:
    try:
        is_object = isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        is_object = False
    if not is_object:
        found = "a JSON list" if first.lstrip().startswith("[") else "JSON spread over lines"
        raise DataError(f"{name}: is {found}; expected one JSON object a line (JSON lines)")
