"""Finding what is wrong with plain texts and with the splits given along with them."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

from nlp_lstm.corpora.checking import Report, Split, report_on
from nlp_lstm.corpora.problems import Problem, quoted
from nlp_lstm.corpora.text_blocks import PlainText, find_text, read_lines

LONG_LINE = 80
"""Characters of a line that hardly comes twice by chance."""

_HARMLESS = frozenset("\t\n\r\f\v\x1c\x1d\x1e\x1f\x85")


@dataclass(slots=True)
class _Lines(Split):
    """Of each long line the digest, and where it stands first, besides."""

    first: dict[bytes, str] = field(default_factory=dict)


def check_texts(
    source: str, *, others: Sequence[str] = (), data_format: str | None = None, text_column: str = "text"
) -> Report:
    """Read a text and report what is wrong with it, line by line or, where it has columns, row by row.

    Args:
        source: a file, a folder or a pattern, as `find_text` takes it.
        others: its other splits; long lines that they share with it or with each other are reported.
        data_format: as in `PlainText`.
        text_column: as in `PlainText`.

    Raises:
        DataError: a source is missing or cannot be read (on).
        UsageError: there is no such format.
    """
    splits: list[_Lines] = []
    for each in (source, *others):
        splits.append(_read(find_text(each, data_format=data_format, text_column=text_column), splits))
    return report_on(splits)


def _read(text: PlainText, earlier: Sequence[_Lines]) -> _Lines:
    found = _Lines(text.source)
    for file in text.files:
        for line in read_lines(text, file):
            if line.problem:
                found.problems.append(line.problem)
            elif line.raw.strip():
                found.lengths[len(line.raw.split())] += 1
                _look_at(line.raw, line.number, file, found, earlier)
    if not found.lengths and not found.problems:
        found.problems.append(Problem(text.source, 0, "no-examples", "no text; expected some"))
    return found


def _look_at(line: str, number: int, file: str, found: _Lines, earlier: Sequence[_Lines]) -> None:
    """Take down what is odd about a line, and the line itself if it is long."""
    odd = sorted({sign for sign in line if unicodedata.category(sign) == "Cc"} - _HARMLESS)
    if odd:
        signs = ", ".join(f"U+{ord(sign):04X}" for sign in odd)
        found.problems.append(Problem(file, number, "control", f"control characters {signs}; is it plain text?"))
    text = line.strip()
    if len(text) < LONG_LINE:
        return
    digest = hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16).digest()
    found.first.setdefault(digest, f"line {number} of {file}")
    for other in earlier:
        if digest in other.first:
            found.problems.append(Problem(file, number, "shared", f"{quoted(text)} is also {other.first[digest]}"))
