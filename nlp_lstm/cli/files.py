"""Where a command's results go: a file that is whole or not there, or standard output."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from nlp_lstm.errors import UsageError


@contextmanager
def open_output(path: Path | None, *, flag: str = "-o") -> Iterator[Callable[[str], object]]:
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
    path = output_place(path, flag=flag)
    beside = path.with_name(f"{path.name}.partial")
    place = path if path.exists() and not path.is_file() else beside
    with place.open("wb") as file:
        yield lambda line: _write(file, line)
    if place is beside:
        beside.replace(path)


def output_place(path: Path, *, flag: str) -> Path:
    """Return where a result goes, links followed.

    Raises:
        UsageError: the path is a folder, or stands in none.
    """
    path = path.resolve()
    if path.is_dir() or not path.parent.is_dir():
        raise UsageError(f"{flag} {path}: {'is a folder' if path.is_dir() else 'there is no such folder'}")
    return path


def check_outputs(files: Sequence[str], outputs: Mapping[str, Path | None]) -> None:
    """See that no result would be written over an input or another result.

    Raises:
        UsageError: one would.
    """
    taken = {Path(file).resolve(): file for file in files if Path(file).is_file()}
    for flag, path in outputs.items():
        if path is None or (path.exists() and not path.is_file()):
            continue
        if path.resolve() in taken:
            raise UsageError(f"{flag} {path}: is the same file as {taken[path.resolve()]}")
        taken[path.resolve()] = flag


def _write(file: BinaryIO, line: str) -> None:
    """Write a line at once: who reads a pipe sees an answer when it is there."""
    file.write(line.encode(errors="replace") + b"\n")
    file.flush()
