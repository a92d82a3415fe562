"""Plain-text files as one long array of vocabulary ids that lies on disk: what a language model reads."""

from __future__ import annotations

import hashlib
import json
import logging
import zlib
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nlp_lstm.corpora.opening import STANDARD_INPUT, check_there, name_of, open_lines
from nlp_lstm.corpora.token_cache import cache_file
from nlp_lstm.errors import DataError
from nlp_lstm.files import write_json, write_whole
from nlp_lstm.text.tokenizers import Tokenizer
from nlp_lstm.text.vocabulary import Vocabulary

logger = logging.getLogger(__name__)

Ids: TypeAlias = NDArray[np.uint16] | NDArray[np.int32]

BLOCK = 1_000_000
"""Characters of a text that are read at a time, or little more."""

# Characters that a tokenizer cuts at a time, to the next line end.
_STRETCH = 4_000
# Tokens between two places for which the size of the text before them is kept, at least.
_MARK_TOKENS = 500
# Another layout of the file, or another way to cut texts into stretches, needs another number.
_FORMAT = 1


@dataclass(frozen=True, slots=True, eq=False)
class TextIds:
    """A text as ids, or a part of one.

    Attributes:
        ids: uint16 or int32 (tokens,); mapped from the file, so that what is not read takes no memory.
        marks: how many tokens, characters and bytes of the whole text lie before some of its places, beginning
            and end among them, int64 (places, 3).
        start: tokens of the whole text before this part.
    """

    ids: Ids
    marks: NDArray[np.int64]
    start: int = 0

    def __len__(self) -> int:
        """Tokens."""
        return len(self.ids)

    @property
    def n_characters(self) -> int:
        """Characters of the text the ids stand for, white space and line ends too.

        Exact for a whole text, and for a part wherever a token is a character. Else a part may begin or end
        between two marks, and the characters between those are divided among their tokens evenly.
        """
        return self._size(1)

    @property
    def n_bytes(self) -> int:
        """Bytes of the text in UTF-8; as exact as `n_characters`."""
        return self._size(2)

    def split(self, fraction: float) -> tuple[TextIds, TextIds]:
        """Return the first ⌊tokens × fraction⌋ tokens and the rest, as views.

        Raises:
            ValueError: the fraction is not between 0 and 1.
        """
        if not 0.0 < fraction < 1.0:
            raise ValueError(f"a text is split by a fraction between 0 and 1, not {fraction}")
        cut = int(len(self) * fraction)
        return replace(self, ids=self.ids[:cut]), replace(self, ids=self.ids[cut:], start=self.start + cut)

    def _size(self, column: int) -> int:
        ends = np.interp([self.start, self.start + len(self)], self.marks[:, 0], self.marks[:, column])
        first, last = ends.round().astype(np.int64).tolist()
        return last - first


def read_text_blocks(sources: Sequence[str | Path], *, separator: str = "", size: int = BLOCK) -> Iterator[str]:
    """Yield files, one after the other, as blocks of text; together they are every character of them.

    A block ends where a line does. Only a line longer than `size` is cut itself: before a blank, if it has one.

    Args:
        sources: paths, those that end in `.gz` packed; or `-` for standard input.
        separator: what stands between two files.
        size: characters that a block has at least, but for the last; it has less than twice as many.

    Raises:
        DataError: a source is missing or unreadable, or a line is not UTF-8; the message names file and line.
    """
    held: list[str] = []
    n_held = 0
    for part, may_end in _parts(sources, separator, size):
        held.append(part)
        n_held += len(part)
        if may_end and n_held >= size:
            yield "".join(held)
            held, n_held = [], 0
    if n_held:
        yield "".join(held)


def _parts(sources: Sequence[str | Path], separator: str, size: int) -> Iterator[tuple[str, bool]]:
    """Yield lines, parts of very long lines and separators, and whether a block may end behind each."""
    for number, source in enumerate(sources):
        if number:
            yield separator, separator.endswith("\n")
        with open_lines(source) as lines:
            for line in lines:
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


def count_tokens(blocks: Iterable[str], tokenizer: Tokenizer, *, line_end: str | None = None) -> Counter[str]:
    """Return how often each key comes in a text, for `Vocabulary.build`.

    Args:
        blocks: the text, as `read_text_blocks` gives it.
        tokenizer: what cuts it, a few thousand characters at a time, whole lines.
        line_end: the key each line feed becomes, an ordinary token of the vocabulary; then the tokenizer sees
            single lines without it. None leaves the line feeds to the tokenizer: one of words drops them.
    """
    counts: Counter[str] = Counter()
    for _, keys in _cut(blocks, tokenizer, line_end):
        counts.update(keys)
    return counts


def encode_text(
    blocks: Iterable[str],
    tokenizer: Tokenizer,
    vocabulary: Vocabulary,
    path: Path,
    *,
    line_end: str | None = None,
    name: str = "the text",
) -> TextIds:
    """Write a text's ids to a file, whole or not at all, and return them.

    The file is an array in NumPy's format, which `numpy.load` opens, behind it a second one, of the marks, and a
    third, their checksum. Memory holds a block of the text and its tokens, never all.

    Args:
        blocks: the text, as `read_text_blocks` gives it.
        tokenizer: what cuts it, a few thousand characters at a time, whole lines.
        vocabulary: gives the ids: uint16 where it has no more than 65,536 tokens, else int32.
        path: the file, `.npy`.
        line_end: as `count_tokens` takes it.
        name: what the message calls the text.

    Raises:
        DataError: the text holds no token.
        OSError: the file cannot be written.
    """

    def write(place: Path) -> None:
        with place.open("wb") as file:
            if not _write(file, _cut(blocks, tokenizer, line_end), vocabulary):
                raise DataError(f"{name}: holds no token; expected some text")

    write_whole(path, write)
    return _open(path)


def load_text_ids(path: Path) -> TextIds | None:
    """Return what `encode_text` wrote, or None when there is no such file or it is damaged."""
    try:
        return _open(path)
    except FileNotFoundError:
        return None
    except Exception as error:  # damage shows itself as many kinds of error
        logger.warning("%s is damaged (%s): it is made again", path, error)
        return None


def count_files(
    sources: Sequence[str | Path],
    tokenizer: Tokenizer,
    *,
    cache: Path | None,
    separator: str = "",
    line_end: str | None = None,
) -> Counter[str]:
    """Return how often each key comes in files, from the cache when they were counted before.

    Args:
        sources: as `read_text_blocks` takes them. Standard input can be read once, and is never kept.
        tokenizer: as `count_tokens` takes it.
        cache: the folder of the cache, `default_cache()` for example; None keeps nothing.
        separator: what stands between two files.
        line_end: as `count_tokens` takes it.

    Raises:
        DataError: as `read_text_blocks`.
    """
    path = _cache_file(cache, sources, tokenizer, [separator, line_end], ".json")
    counts = _load_counts(path) if path is not None else None
    if counts is None:
        counts = count_tokens(read_text_blocks(sources, separator=separator), tokenizer, line_end=line_end)
        if path is not None:
            _save_counts(path, counts)
    return counts


def encode_files(
    sources: Sequence[str | Path],
    tokenizer: Tokenizer,
    vocabulary: Vocabulary,
    *,
    cache: Path | None,
    separator: str = "",
    line_end: str | None = None,
) -> TextIds:
    """Return files as ids, from the cache when they were encoded before.

    Args:
        sources: as `read_text_blocks` takes them. Standard input can be read once, and is never kept.
        tokenizer: as `count_tokens` takes it.
        vocabulary: gives the ids.
        cache: the folder of the cache. Without one, or where it cannot be written, the ids lie in a temporary
            file that is gone with the process.
        separator: what stands between two files.
        line_end: as `count_tokens` takes it.

    Raises:
        DataError: as `read_text_blocks`, or the files hold no token.
    """

    def encode(place: Path) -> TextIds:
        blocks = read_text_blocks(sources, separator=separator)
        return encode_text(blocks, tokenizer, vocabulary, place, line_end=line_end, name=_names(sources))

    path = _cache_file(cache, sources, tokenizer, [separator, line_end, vocabulary.to_dict()], ".npy")
    if path is not None:
        found = load_text_ids(path)
        if found is not None:
            return found
        try:
            return encode(path)
        except OSError as error:
            logger.warning("%s cannot be written (%s): the text is not kept for the next time", path, error)
    # What is mapped stays readable when its name is gone; where the system does not allow that, the name stays.
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        return encode(Path(folder) / "text.npy")


# ---- cutting ----


def _cut(blocks: Iterable[str], tokenizer: Tokenizer, line_end: str | None) -> Iterator[tuple[str, list[str]]]:
    """Yield the text piece by piece, each with its keys."""
    for block in blocks:
        if line_end is None:
            texts = list(_stretches(block))
            yield from zip(texts, tokenizer.keys(texts), strict=True)
        else:
            *lines, rest = block.split("\n")
            for line, keys in zip(lines, tokenizer.keys(lines), strict=True):
                yield line + "\n", [*keys, line_end]
            yield from zip([rest], tokenizer.keys([rest]), strict=True)


def _stretches(block: str) -> Iterator[str]:
    start = 0
    while start < len(block):
        end = block.find("\n", start + _STRETCH - 1) + 1 or len(block)
        yield block[start:end]
        start = end


# ---- the file ----


@dataclass
class _Tally:
    """What has gone by of a text, and the marks made on the way."""

    tokens: int = 0
    characters: int = 0
    n_bytes: int = 0
    marks: array[int] = field(default_factory=lambda: array("q", (0, 0, 0)))

    def add(self, text: str, n_tokens: int) -> None:
        self.tokens += n_tokens
        self.characters += len(text)
        self.n_bytes += len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
        if self.tokens - self.marks[-3] >= _MARK_TOKENS:
            self._mark()

    def finish(self) -> NDArray[np.int64]:
        if self.tokens == self.marks[-3] > 0:  # the last mark lies behind the text that has no token, not before it
            del self.marks[-3:]
        self._mark()
        return np.array(self.marks, dtype=np.int64).reshape(-1, 3)

    def _mark(self) -> None:
        self.marks.extend((self.tokens, self.characters, self.n_bytes))


def _write(file: BinaryIO, pieces: Iterable[tuple[str, list[str]]], vocabulary: Vocabulary) -> int:
    """Write ids, marks and checksum; return how many ids."""
    dtype: np.dtype[Any] = np.dtype(np.uint16 if len(vocabulary) <= 2**16 else np.int32)
    _write_header(file, dtype, 0)
    tally, checksum = _Tally(), 0
    for text, keys in pieces:
        tally.add(text, len(keys))
        if keys:
            data = np.array(vocabulary.ids(keys), dtype=dtype).tobytes()
            checksum = zlib.crc32(data, checksum)
            file.write(data)
    marks = tally.finish()
    np.save(file, marks)
    np.save(file, np.array(zlib.crc32(marks.tobytes(), checksum), dtype=np.uint32))
    file.seek(0)
    _write_header(file, dtype, tally.tokens)
    return tally.tokens


def _write_header(file: BinaryIO, dtype: np.dtype[Any], length: int) -> None:
    """Write the header of an array in NumPy's format, which takes the same room for every length."""
    description = {"descr": dtype.str, "fortran_order": False, "shape": (length,)}
    np.lib.format.write_array_header_1_0(file, description)


def _open(path: Path) -> TextIds:
    """Return what a file of ids holds.

    Raises:
        Exception: it is missing or damaged.
    """
    with path.open("rb") as file:
        np.lib.format.read_magic(file)
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        begin = file.tell()
        if len(shape) != 1 or dtype not in (np.uint16, np.int32):
            raise ValueError(f"holds {dtype} {shape}, expected ids")
        file.seek(begin + shape[0] * dtype.itemsize)
        marks = np.load(file, allow_pickle=False)
        checksum = np.load(file, allow_pickle=False)
    ids = np.memmap(path, dtype=dtype, mode="r", offset=begin, shape=shape)
    if zlib.crc32(marks.tobytes(), zlib.crc32(ids.data)) != checksum:
        raise ValueError("the checksum does not fit")
    return TextIds(ids, marks)


# ---- the cache ----


def _names(sources: Sequence[str | Path]) -> str:
    return ", ".join(map(name_of, sources))


def _cache_file(
    cache: Path | None, sources: Sequence[str | Path], tokenizer: Tokenizer, settings: list[object], ending: str
) -> Path | None:
    """Return where what is made of these files belongs; None where nothing is kept."""
    if cache is None or any(str(source) == STANDARD_INPUT for source in sources):
        return None
    decides = [json.dumps([_FORMAT, BLOCK, _STRETCH, _MARK_TOKENS, *settings]), *map(_fingerprint, sources)]
    return cache_file(cache, decides, tokenizer).with_suffix(ending)


def _fingerprint(source: str | Path) -> str:
    """Return what tells a file's content from others'."""
    check_there(source)
    path = Path(source)
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error


def _load_counts(path: Path) -> Counter[str] | None:
    try:
        counts = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(counts, dict) or not all(isinstance(count, int) for count in counts.values()):
            raise ValueError("expected keys with their counts")
        return Counter(counts)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        logger.warning("%s is damaged (%s): it is made again", path, error)
        return None


def _save_counts(path: Path, counts: Counter[str]) -> None:
    try:
        write_json(path, counts)
    except OSError as error:
        logger.warning("%s cannot be written (%s): the counts are not kept for the next time", path, error)
