"""Texts of any length for a translator: cut into what is translated at once, and their translations joined."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nlp_lstm.records.predictions import Alignment, Translation
from nlp_lstm.text.sentences import sentence_spans
from nlp_lstm.text.tokenizers import Tokenizer
from nlp_lstm.text.tokens import Tokens
from nlp_lstm.text.vocabulary import Vocabulary

LONG = 1_000
"""Characters of a text that are translated at once; a longer text is translated sentence by sentence."""
WINDOW = 256
"""Tokens that are translated at once; a longer sentence is translated window by window."""


class Passage(NamedTuple):
    """What is translated at once.

    Attributes:
        text: the number of the text it is of.
        ids: its token ids, int32 (source_time,).
        tokens: its tokens, as they stand in the text; None where nobody asks for them.
    """

    text: int
    ids: NDArray[np.int32]
    tokens: Tokens | None = None


class _Piece(NamedTuple):
    """A text, or a sentence of a long one: which text it is of, at which character it begins, and it."""

    text: int
    start: int
    words: str


def cut_passages(
    texts: Sequence[str], tokenizer: Tokenizer, vocabulary: Vocabulary, *, keep_tokens: bool
) -> list[Passage]:
    """Return the passages of texts, in their order; a text without tokens has none.

    Args:
        texts: what to translate.
        tokenizer: cuts it.
        vocabulary: numbers its tokens.
        keep_tokens: whether passages hold their tokens.
    """
    pieces = [_Piece(number, *part) for number, text in enumerate(texts) for part in _parts(text)]
    if keep_tokens:
        cut = [tokenizer(piece.words) for piece in pieces]
        return [
            Passage(piece.text, _ids(tokens.keys[window], vocabulary), _part_of(tokens, window, piece.start))
            for piece, tokens in zip(pieces, cut, strict=True)
            for window in _windows(len(tokens))
        ]
    rows = tokenizer.keys([piece.words for piece in pieces])
    return [
        Passage(piece.text, _ids(keys[window], vocabulary))
        for piece, keys in zip(pieces, rows, strict=True)
        for window in _windows(len(keys))
    ]


def join_passages(passages: Sequence[Sequence[Translation]], *, n_best: int) -> Translation:
    """Return the translation of a text.

    Args:
        passages: the translations of each of its passages, the best first.
        n_best: how many of the best to give as alternatives, of a text with a single passage.
    """
    if len(passages) != 1:
        return _joined([best for best, *_ in passages])
    (found,) = passages
    return replace(found[0], alternatives=tuple(found[:n_best]))


def _parts(text: str) -> list[tuple[int, str]]:
    """Return the parts of a text that are translated by themselves, each with its place: the text, or its sentences."""
    if len(text) <= LONG:
        return [(0, text)]
    return [(start, text[start:end]) for start, end in sentence_spans(text, language="xx")]


def _windows(n_tokens: int) -> Iterator[slice]:
    return (slice(start, start + WINDOW) for start in range(0, n_tokens, WINDOW))


def _ids(keys: Sequence[str], vocabulary: Vocabulary) -> NDArray[np.int32]:
    return np.array(vocabulary.ids(keys), dtype=np.int32)


def _part_of(tokens: Tokens, window: slice, place: int) -> Tokens:
    """Return the tokens of a window, of a piece that stands at a place in its text."""
    starts = tuple(place + start for start in tokens.starts[window])
    return Tokens(tokens.texts[window], starts, tokens.keys[window])


def _joined(parts: Sequence[Translation]) -> Translation:
    """Return the translation of a text whose passages were translated one by one."""
    attention: list[Alignment] = []
    place = 0
    for part in parts:
        attention += [each.moved(target=place) for each in part.attention]
        place += len(part.text) + 1  # the blank between two
    score = sum(part.score for part in parts) / max(1, len(parts))
    return Translation(" ".join(part.text for part in parts), score, attention=tuple(attention))
