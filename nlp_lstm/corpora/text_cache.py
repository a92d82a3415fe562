"""Counts and ids of plain texts, made once and then read from the cache."""

from __future__ import annotations

import hashlib
import json
import logging
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from nlp_lstm.corpora.opening import check_there
from nlp_lstm.corpora.text_blocks import BLOCK, PlainText, format_of, read_blocks
from nlp_lstm.corpora.text_ids import STRETCH, TextIds, count_tokens, encode_text, load_text_ids
from nlp_lstm.corpora.token_cache import cache_file
from nlp_lstm.errors import DataError
from nlp_lstm.files import write_json
from nlp_lstm.text.tokenizers import Tokenizer
from nlp_lstm.text.vocabulary import Vocabulary

logger = logging.getLogger(__name__)

# Another layout of the file, or another way to cut texts into stretches, needs another number.
_FORMAT = 2


def count_text(
    text: PlainText, tokenizer: Tokenizer, *, cache: Path | None, line_end: str | None = None
) -> Counter[str]:
    """Return how often each key comes in a text, from the cache when it was counted before.

    Args:
        text: the text.
        tokenizer: as `count_tokens` takes it.
        cache: the folder of the cache, `default_cache()` for example; None keeps nothing.
        line_end: as `count_tokens` takes it.

    Raises:
        DataError: as `read_blocks`.
    """
    path = _cache_file(cache, text, tokenizer, [line_end], ".json")
    counts = _load_counts(path) if path is not None else None
    if counts is None:
        counts = count_tokens(read_blocks(text), tokenizer, line_end=line_end)
        if path is not None:
            _save_counts(path, counts)
    return counts


def text_ids(
    text: PlainText, tokenizer: Tokenizer, vocabulary: Vocabulary, *, cache: Path | None, line_end: str | None = None
) -> TextIds:
    """Return a text as ids, from the cache when it was encoded before.

    Args:
        text: the text.
        tokenizer: as `count_tokens` takes it.
        vocabulary: gives the ids.
        cache: the folder of the cache. Without one, or where it cannot be written, the ids lie in a temporary
            file that is gone with the process.
        line_end: as `count_tokens` takes it.

    Raises:
        DataError: as `read_blocks`, or the text holds no token.
    """

    def encode(place: Path) -> TextIds:
        return encode_text(read_blocks(text), tokenizer, vocabulary, place, line_end=line_end, name=text.name)

    path = _cache_file(cache, text, tokenizer, [line_end, vocabulary.to_dict()], ".npy")
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


def _cache_file(
    cache: Path | None, text: PlainText, tokenizer: Tokenizer, settings: list[object], ending: str
) -> Path | None:
    """Return where what is made of this text belongs; None where nothing is kept."""
    if cache is None:
        return None
    read_as = [text.text_column, *(format_of(text, file) for file in text.files)]
    decides = json.dumps([_FORMAT, BLOCK, STRETCH, text.begin, text.end, read_as, *settings])
    return cache_file(cache, [decides, *map(_fingerprint, text.files)], tokenizer).with_suffix(ending)


def _fingerprint(file: str) -> str:
    """Return what tells a file's content from others'."""
    check_there(file)
    try:
        with Path(file).open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{file}: cannot be read: {error.strerror}") from error


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
