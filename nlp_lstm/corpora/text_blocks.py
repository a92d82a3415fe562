"""Texts to model: one file or several, plain or in columns, read block by block, whole or between two places."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from glob import glob
from pathlib import Path

from nlp_lstm.corpora.detecting import format_by_ending, has_json_ending
from nlp_lstm.corpora.opening import STANDARD_INPUT, check_there, open_lines
from nlp_lstm.corpora.problems import Problem
from nlp_lstm.corpora.reading import scan
from nlp_lstm.corpora.rows import Line
from nlp_lstm.counting import counted
from nlp_lstm.errors import DataError, UsageError

BLOCK = 1_000_000
"""Characters of a text that are read at a time, or little more."""

ENDINGS = (".txt", ".txt.gz")
"""Of the files that a folder's texts are in."""


@dataclass(frozen=True, slots=True)
class PlainText:
    """A text that lies in files, one running on into the next, or a part of it.

    Of a file with columns it is the texts of its rows, each with a line end behind it.

    Attributes:
        source: where it was found: a file, a folder, a pattern.
        files: where it lies, in order.
        begin: the first character of this part, in code points of the whole.
        end: the first character behind it; None where it goes to the end.
        data_format: the format of the files, a name of `FORMATS`; `text` takes each as it stands, None tells by its
            ending whether it has columns.
        text_column: the column or key of the texts, where there are columns.
    """

    source: str
    files: tuple[str, ...]
    begin: int = 0
    end: int | None = None
    data_format: str | None = None
    text_column: str = "text"

    @property
    def name(self) -> str:
        """What messages call it: its source, or a part of that."""
        return self.source if (self.begin, self.end) == (0, None) else f"a part of {self.source}"

    @property
    def label(self) -> None:
        """It has none: what follows each of its tokens is in the text itself."""

    @property
    def text(self) -> str:
        """All of it, read into memory."""
        return "".join(read_blocks(self))

    def __len__(self) -> int:
        """Characters; all of it is read to count them."""
        return sum(map(len, read_blocks(self)))


def find_text(source: str, *, data_format: str | None = None, text_column: str = "text") -> PlainText:
    """Return the text that a source stands for.

    Args:
        source: a file; a folder, for its `.txt` and `.txt.gz` files in the order of their names; or a pattern such as
            `letters/*.md`.
        data_format: as in `PlainText`.
        text_column: as in `PlainText`.

    Raises:
        DataError: there is no such file, none in the folder or of the pattern, or it is no place for plain text.
    """
    if source == STANDARD_INPUT or source.startswith("hf:"):
        raise DataError(f"{source}: expected a file, a folder or a pattern: a text is read more than once")
    files = text_files(source)
    if files is None:
        check_there(source)
        files = (source,)
    if not files:
        folder = Path(source).is_dir()
        missing = f"holds no file that ends in {' or '.join(ENDINGS)}" if folder else "no file has such a name"
        raise DataError(f"{source}: {missing}")
    return PlainText(source, files, data_format=data_format, text_column=text_column)


def text_files(source: str) -> tuple[str, ...] | None:
    """Return the files of a folder or a pattern, in the order of their names; None where a source is neither."""
    path = Path(source)
    if path.is_dir():
        found = (str(each) for each in path.iterdir() if each.name.lower().endswith(ENDINGS) and each.is_file())
    elif not path.exists() and any(sign in source for sign in "*?["):
        found = (each for each in glob(source, recursive=True) if Path(each).is_file())  # noqa: PTH207
    else:
        return None
    return tuple(sorted(found))


def split_text(texts: Sequence[PlainText], fraction: float) -> tuple[list[PlainText], list[PlainText]]:
    """Return what stands before a place and what stands behind it, so that the last `fraction` is behind.

    Of n characters the first ⌊n (1 − fraction)⌋ are before; a text the place lies in is cut in two.

    Raises:
        DataError: there are less than two characters.
        UsageError: the fraction is not between 0 and 1.
    """
    if not 0.0 < fraction < 1.0:
        raise UsageError(f"fraction to hold out: expected a number between 0 and 1, got {fraction}")
    sizes = list(map(len, texts))
    total = sum(sizes)
    if total < 2:
        raise DataError(
            f"{texts[0].source}: has {counted(total, 'characters')}; expected two or more, to hold some out"
        )
    left = min(max(1, int(total * (1.0 - fraction) + 1e-6)), total - 1)
    before: list[PlainText] = []
    behind: list[PlainText] = []
    for text, size in zip(texts, sizes, strict=True):
        if left > 0:
            before.append(text if size <= left else replace(text, end=text.begin + left))
        if size > left:
            behind.append(replace(text, begin=text.begin + max(0, left)))
        left -= size
    return before, behind


def read_blocks(text: PlainText, *, size: int = BLOCK) -> Iterator[str]:
    """Yield a text as blocks; together they are every character of it.

    A block ends where a line does. Only a line longer than `size` is cut itself: before a blank, if it has one.

    Args:
        text: what to read; a file that ends in `.gz` is packed.
        size: characters that a block has at least, but for the last; it has less than twice as many.

    Raises:
        DataError: a file is missing or unreadable, a line is not UTF-8, or a row is malformed; the message names file
            and line.
        UsageError: there is no such format.
    """
    held: list[str] = []
    n_held = 0
    for part, may_end in _within(_parts(text, size), text.begin, text.end):
        held.append(part)
        n_held += len(part)
        if may_end and n_held >= size:
            yield "".join(held)
            held, n_held = [], 0
    if n_held:
        yield "".join(held)


def _within(parts: Iterator[tuple[str, bool]], begin: int, end: int | None) -> Iterator[tuple[str, bool]]:
    """Yield what of `parts` lies between two places of the text."""
    place = 0
    for part, may_end in parts:
        if end is not None and place >= end:
            return
        inside = part[max(0, begin - place) : None if end is None else end - place]
        place += len(part)
        if inside:
            yield inside, may_end


def read_lines(text: PlainText, file: str) -> Iterator[Line]:
    """Yield the lines of one of a text's files as they stand or, where it has columns, the text of each row.

    Raises:
        DataError: the file is missing or cannot be read (on).
        UsageError: there is no such format.
    """
    if format_of(text, file) == "text":
        with open_lines(file) as lines:
            yield from lines
        return
    for row in scan(file, data_format=text.data_format, text_column=text.text_column, label_column=None):
        yield Line(row.line, "", row) if isinstance(row, Problem) else Line(row.line, f"{row.text}\n")


def format_of(text: PlainText, file: str) -> str:
    """Return the format of one of a text's files: `text` where it is taken as it stands.

    Raises:
        DataError: its ending is of a kind that no format reads.
    """
    return text.data_format or format_by_ending(file) or ("jsonl" if has_json_ending(file) else "text")


def _parts(text: PlainText, size: int) -> Iterator[tuple[str, bool]]:
    """Yield lines, and parts of very long lines, and whether a block may end behind each."""
    for file in text.files:
        for line in read_lines(text, file):
            if line.problem:
                raise DataError(str(line.problem))
            *parts, last = _short_parts(line.raw, size)
            yield from ((part, True) for part in parts)
            yield last, last.endswith("\n")


def _short_parts(line: str, size: int) -> Iterator[str]:
    start = 0
    while len(line) - start > size:
        blank = line.rfind(" ", start + 1, start + size)
        end = blank if blank > start else start + size
        yield line[start:end]
        start = end
    yield line[start:]
