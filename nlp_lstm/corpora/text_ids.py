"""A plain text as one long array of vocabulary ids that lies on disk: what a language model reads."""

from __future__ import annotations

import logging
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nlp_lstm.errors import DataError
from nlp_lstm.files import write_whole
from nlp_lstm.text.tokenizers import Tokenizer
from nlp_lstm.text.vocabulary import Vocabulary

logger = logging.getLogger(__name__)

Ids: TypeAlias = NDArray[np.uint16] | NDArray[np.int32]

STRETCH = 4_000
"""Characters that a tokenizer cuts at a time, to the next line end."""

PART = 2**16
"""Bytes of a file that are looked at together."""


@dataclass(frozen=True, slots=True, eq=False)
class TextIds:
    """A text as ids.

    Attributes:
        ids: uint16 or int32 (tokens,); mapped from the file, so that what is not read takes no memory.
        n_characters: of the text the ids stand for, white space and line ends too.
        n_bytes: of the same text in UTF-8.
    """

    ids: Ids
    n_characters: int
    n_bytes: int

    def __len__(self) -> int:
        """Tokens."""
        return len(self.ids)


def count_tokens(blocks: Iterable[str], tokenizer: Tokenizer, *, line_end: str | None = None) -> Counter[str]:
    """Return how often each key comes in a text, for `Vocabulary.build`.

    Args:
        blocks: the text, as `read_blocks` gives it.
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

    The file is an array in NumPy's format, which `numpy.load` opens, behind it a second one: the characters and
    bytes of the text, and the checksum of all. Memory holds a block of the text and its tokens, never all.

    Args:
        blocks: the text, as `read_blocks` gives it.
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
        end = block.find("\n", start + STRETCH - 1) + 1 or len(block)
        yield block[start:end]
        start = end


def _write(file: BinaryIO, pieces: Iterable[tuple[str, list[str]]], vocabulary: Vocabulary) -> int:
    """Write ids, sizes and checksum; return how many ids."""
    dtype: np.dtype[Any] = np.dtype(np.uint16 if len(vocabulary) <= 2**16 else np.int32)
    _write_header(file, dtype, 0)
    n_tokens = n_characters = n_bytes = checksum = 0
    for text, keys in pieces:
        n_tokens += len(keys)
        n_characters += len(text)
        n_bytes += len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
        if keys:
            data = np.array(vocabulary.ids(keys), dtype=dtype).tobytes()
            checksum = zlib.crc32(data, checksum)
            file.write(data)
    sizes = np.array([n_characters, n_bytes], dtype=np.int64)
    np.save(file, np.append(sizes, zlib.crc32(sizes.tobytes(), checksum)))
    file.seek(0)
    _write_header(file, dtype, n_tokens)
    return n_tokens


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
        found = _checksum(file, shape[0] * dtype.itemsize)
        *sizes, checksum = np.load(file, allow_pickle=False).tolist()
    if zlib.crc32(np.array(sizes, dtype=np.int64).tobytes(), found) != checksum:
        raise ValueError("the checksum does not fit")
    n_characters, n_bytes = sizes
    return TextIds(np.memmap(path, dtype=dtype, mode="r", offset=begin, shape=shape), n_characters, n_bytes)


def _checksum(file: BinaryIO, size: int) -> int:
    """Return the checksum of the next bytes of a file; it is read part by part, for what is mapped would stay."""
    checksum = 0
    for start in range(0, size, PART):
        checksum = zlib.crc32(file.read(min(PART, size - start)), checksum)
    return checksum
