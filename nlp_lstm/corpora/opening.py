"""Opening a source: a path, gzipped or not, or standard input, as lines of text."""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import BinaryIO

from nlp_lstm.corpora.problems import Problem
from nlp_lstm.corpora.rows import Line
from nlp_lstm.errors import DataError

STANDARD_INPUT = "-"
_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def is_file_name(source: str) -> bool:
    """Return whether a source is called by its path; else it is `hf:…`, or `made:…` where a task makes its data.

    >>> is_file_name("train.csv"), is_file_name("hf:imdb"), is_file_name("made:sums")
    (True, False, False)
    """
    return not source.startswith(("hf:", "made:"))


def name_of(source: str | Path) -> str:
    """Return what messages call a source.

    >>> name_of("-"), name_of("train.csv")
    ('standard input', 'train.csv')
    """
    return "standard input" if str(source) == STANDARD_INPUT else str(source)


def check_there(source: str | Path) -> None:
    """Check that a source exists and is not a folder; standard input is always there.

    Raises:
        DataError: it is missing (the message names the nearest file in its folder), a folder, or no name of a file.
    """
    if str(source) == STANDARD_INPUT:
        return
    path = Path(source)
    try:
        is_folder, is_there = path.is_dir(), path.exists()
    except OSError as error:  # a text given in place of a path, say
        raise DataError(f"{str(path)[:60]!r}: cannot be a file ({error.strerror})") from error
    if is_folder:
        raise DataError(f"{path}: is a folder; expected a file")
    if not is_there:
        raise DataError(f"{path}: no such file{_nearest_file(path)}")


def _nearest_file(path: Path) -> str:
    if not path.parent.is_dir():
        return f"; the folder {str(path.parent)!r} does not exist either"
    names = sorted(entry.name for entry in path.parent.iterdir() if entry.is_file())
    close = get_close_matches(path.name, names, n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


@contextmanager
def open_lines(source: str | Path, *, stdin: BinaryIO | None = None) -> Iterator[Iterator[Line]]:
    """Give the lines of a source, read one at a time, and close it at the end.

    A name that ends in `.gz` is unpacked. A byte order mark at the start is left out. Lines end at a line
    feed and nowhere else.

    Args:
        source: a path, or `-` for standard input.
        stdin: the bytes to take for standard input; None takes the process's own.

    Raises:
        DataError: the source is missing, a folder, unreadable, UTF-16, or damaged gzip data.
    """
    check_there(source)
    if str(source) == STANDARD_INPUT:
        yield decode_lines(stdin or sys.stdin.buffer, name_of(source))
        return
    path = Path(source)
    try:
        file = path.open("rb")
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    with file:
        packed = path.suffix.lower() == ".gz"
        # The buffer around it reads lines in C; GzipFile's own readline is Python.
        stream = io.BufferedReader(gzip.GzipFile(fileobj=file)) if packed else file
        yield decode_lines(stream, name_of(source))


def decode_lines(stream: Iterable[bytes], source: str) -> Iterator[Line]:
    """Yield the lines of a binary stream as text; a line that is not UTF-8 carries its problem.

    Raises:
        DataError: the stream cannot be read on, or is UTF-16.
    """
    number = offset = 0
    try:
        for raw in stream:
            number += 1
            content = _without_mark(raw, source) if number == 1 else raw
            yield _decode(content, source, number, offset + len(raw) - len(content))
            offset += len(raw)
    except (OSError, EOFError, zlib.error) as error:
        packed = isinstance(error, (gzip.BadGzipFile, EOFError, zlib.error))
        what = "the gzip data is damaged" if packed else "cannot be read"
        raise DataError(f"{source}: {what}{f' after line {number}' if number else ''}: {error}") from error


def _without_mark(raw: bytes, source: str) -> bytes:
    if raw.startswith(_UTF16_MARKS):
        raise DataError(f"{source}: is UTF-16; expected UTF-8 (save it again as UTF-8)")
    return raw.removeprefix(_UTF8_MARK)


def _decode(raw: bytes, source: str, number: int, offset: int) -> Line:
    """Return a line whose first byte stands at `offset` in the file."""
    try:
        return Line(number, raw.decode())
    except UnicodeDecodeError as error:
        where = f"byte {error.start + 1} of the line, offset {offset + error.start} in the file"
        message = f"byte 0x{raw[error.start]:02x} is not UTF-8 ({where}); expected UTF-8"
        problem = Problem(source, number, "encoding", message)
        return Line(number, raw.decode(errors="surrogateescape"), problem)
