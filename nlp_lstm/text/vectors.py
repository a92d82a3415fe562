"""Pretrained word vectors from a file in the text format of GloVe or word2vec."""

from __future__ import annotations

import gzip
import re
import zlib
from codecs import BOM_UTF8
from collections.abc import Container, Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from nlp_lstm.errors import DataError

_GZIP_MAGIC = b"\x1f\x8b"
_CHUNK_ROWS = 4096
# How a token ends that swallowed values of a row with too many of them; `. . .` does not.
_ENDS_IN_VALUE = re.compile(rb"(?: |^)-?\d*\.\d+(?:[eE][-+]?\d+)?$")


@dataclass(frozen=True, slots=True)
class Vectors:
    """Word vectors.

    Attributes:
        tokens: each token once, in the order of the file.
        matrix: their vectors, float32 (tokens, size).
    """

    tokens: tuple[str, ...]
    matrix: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def size(self) -> int:
        """How many values a vector has."""
        return int(self.matrix.shape[1])


def read_vectors(
    path: str | Path, *, wanted: Container[str] | None = None, first: int | None = None, lowercase: bool = False
) -> Vectors:
    """Return the vectors of a text file: a token and its values, parted by blanks or tabs, on each line.

    The first line of word2vec, which holds the number of vectors and their size, is recognised; gzip too. A
    token may hold blanks, as some of GloVe's do. Of a token that comes twice the first vector counts. Only
    what is wanted is parsed and kept.

    Args:
        path: the file.
        wanted: the tokens to keep, a `Vocabulary` for example; None keeps all.
        first: look at no more than so many rows; None looks at all.
        lowercase: take tokens in lower case; of those that are the same then, too, the first vector counts.

    Raises:
        DataError: the file cannot be read or holds no vector, or a line has too few or too many values, one
            that is no number, or bytes that are not UTF-8.
    """
    path = Path(path)
    try:
        with _open(path) as file:
            return _read(file, _Rows(path, wanted, lowercase), first)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read as word vectors: {error}") from error


def _open(path: Path) -> IO[bytes] | gzip.GzipFile:
    with path.open("rb") as file:
        zipped = file.read(2) == _GZIP_MAGIC
    return gzip.open(path, "rb") if zipped else path.open("rb")


def _read(file: Iterable[bytes], rows: _Rows, limit: int | None) -> Vectors:
    lines = ((number, _plain(line)) for number, line in enumerate(file, start=1))
    lines = ((number, line) for number, line in lines if line)
    number, line = next(lines, (0, b""))
    line = line.removeprefix(BOM_UTF8)
    if not line:
        raise DataError(f"{rows.path}: no word vectors: the file is empty")
    announced, size = _header(line)
    rows.begin(size or _size(line, f"line {number} of {rows.path}"))
    if announced is None:
        rows.add(number, line)
    for number, line in islice(lines, None if limit is None else max(0, limit - rows.met)):
        rows.add(number, line)
    if announced is not None and rows.met != (announced if limit is None else min(limit, announced)):
        raise DataError(f"{rows.path}: line 1 announces {announced} word vectors, found {rows.met}")
    return rows.finish()


def _plain(line: bytes) -> bytes:
    """Return a line whose fields are parted by single blanks."""
    line = line.replace(b"\t", b" ").strip(b"\r\n ")
    return re.sub(b" {2,}", b" ", line) if b"  " in line else line


def _header(line: bytes) -> tuple[int | None, int | None]:
    """Return the count and the size that word2vec's first line announces, else twice None."""
    count, _, size = line.partition(b" ")
    if count.isdigit() and size.isdigit() and int(size) > 0:
        return int(count), int(size)
    return None, None


def _size(line: bytes, where: str) -> int:
    """Return the number of values at the end of the first row; its token may hold blanks."""
    fields = line.split(b" ")[1:]
    size = 0
    while size < len(fields) and _is_number(fields[-1 - size]):
        size += 1
    if not size:
        raise DataError(f"{where}: expected a token and its values, found {_shown(line)}")
    return size


class _Rows:
    """Collects the wanted rows; their values are parsed many lines at a time."""

    def __init__(self, path: Path, wanted: Container[str] | None, lowercase: bool) -> None:
        self.path, self.wanted, self.lowercase = path, wanted, lowercase
        self.met = self.size = 0
        self.tokens: dict[str, None] = {}
        self.waiting: list[tuple[int, bytes]] = []
        self.parts: list[NDArray[np.float32]] = []

    def begin(self, size: int) -> None:
        """Take down how many values a vector has."""
        self.size = size
        self.parts = [np.empty((0, size), dtype=np.float32)]

    def add(self, number: int, line: bytes) -> None:
        """Take in one line if its token is wanted and new."""
        self.met += 1
        excess = line.count(b" ") - self.size
        if excess < 0:
            found = f"{self.size + excess} of {_shown(line)}"
            raise DataError(f"{self._where(number)}: expected {self.size} values, found {found}")
        head, values = line.split(b" ", 1) if excess == 0 else self._split(number, line)
        try:
            token = head.decode("utf-8")
        except UnicodeDecodeError as error:
            raise DataError(f"{self._where(number)}: the token is not UTF-8 text: {error}") from error
        token = token.lower() if self.lowercase else token
        if token in self.tokens or (self.wanted is not None and token not in self.wanted):
            return
        self.tokens[token] = None
        self.waiting.append((number, values))
        if len(self.waiting) == _CHUNK_ROWS:
            self._parse()

    def finish(self) -> Vectors:
        """Return what was collected."""
        self._parse()
        return Vectors(tuple(self.tokens), np.concatenate(self.parts))

    def _split(self, number: int, line: bytes) -> tuple[bytes, bytes]:
        """Split a line of too many fields: its token holds blanks, unless the row is too long."""
        head = line.rsplit(b" ", self.size)[0]
        if _ENDS_IN_VALUE.search(head):
            found = f"more: {_shown(line)}"
            raise DataError(f"{self._where(number)}: expected {self.size} values, found {found}")
        return head, line[len(head) + 1 :]

    def _parse(self) -> None:
        if not self.waiting:
            return
        joined = b" ".join(values for _, values in self.waiting)
        fields = joined.split(b" ")
        try:
            if b"_" in joined:  # which Python allows between digits
                raise ValueError
            with np.errstate(over="ignore"):
                part = np.array(list(map(float, fields)), dtype=np.float32).reshape(-1, self.size)
        except ValueError:
            part = None
        if part is None or not np.isfinite(part).all():
            raise self._blame()
        self.parts.append(part)
        self.waiting.clear()

    def _blame(self) -> DataError:
        """Return the error for the first value that is no number."""
        fields = ((number, value) for number, values in self.waiting for value in values.split(b" "))
        number, value = next(field for field in fields if not _is_number(field[1]))
        return DataError(f"{self._where(number)}: expected {self.size} numbers, found {_shown(value)}")

    def _where(self, number: int) -> str:
        return f"line {number} of {self.path}"


def _is_number(value: bytes) -> bool:
    """Tell whether `value` is a number that float32 can hold."""
    try:
        with np.errstate(over="ignore"):
            return b"_" not in value and bool(np.isfinite(np.float32(float(value))))
    except ValueError:
        return False


def _shown(line: bytes) -> str:
    text = line[:40].decode("utf-8", errors="replace")
    return repr(text + "…" if len(line) > 40 else text)
