"""Texts of any length for a translator: cut into what is translated at once, and their translations joined."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nlp_lstm.batching.pairs import PairRows
from nlp_lstm.records.predictions import Alignment, Translation
from nlp_lstm.text.sentences import blank_after, sentence_spans
from nlp_lstm.text.tokenizers import Tokenizer
from nlp_lstm.text.tokens import Tokens
from nlp_lstm.text.vocabulary import Vocabulary

WINDOW = 256
"""Tokens that are translated at once; a longer text is cut."""


class Passage(NamedTuple):
    """What is translated at once.

    Attributes:
        text: the number of the text it is of.
        ids: its token ids, int32 (source_time,).
        tokens: its tokens, as they stand in the text; None where nobody asks for them.
        apart: whether white space stands between it and the passage before.
    """

    text: int
    ids: NDArray[np.int32]
    tokens: Tokens | None = None
    apart: bool = False


@dataclass(frozen=True, eq=False)
class PassageRows(PairRows):
    """Sentence pairs, and the passages of their sources for when these are to be translated.

    Attributes:
        cut: returns the passages; it is called when they are first asked for.
    """

    cut: Callable[[], Sequence[Passage]]

    @cached_property
    def passages(self) -> Sequence[Passage]:
        """The passages of all sources, in their order."""
        return self.cut()


class _Piece(NamedTuple):
    """A part of a text: its ids, and its tokens where they were needed to cut it."""

    start: int
    end: int
    ids: NDArray[np.int32]
    tokens: Tokens | None


def cut_passages(
    texts: Sequence[str],
    tokenizer: Tokenizer,
    vocabulary: Vocabulary,
    *,
    keep_tokens: bool,
    ids: Iterable[NDArray[np.int32]] | None = None,
) -> list[Passage]:
    """Return the passages of texts, in their order; a text of nothing but white space has none.

    A text of more tokens than `WINDOW` is cut into its sentences, a sentence that is still too long in front of
    blanks, and where there is none between two characters.

    Args:
        texts: what to translate.
        tokenizer: cuts it.
        vocabulary: numbers its tokens.
        keep_tokens: whether passages hold their tokens.
        ids: the ids of each whole text where they are known already, none of a text without tokens.
    """
    passages: list[Passage] = []
    known = (_ids(keys, vocabulary) for keys in tokenizer.keys(texts)) if ids is None else ids
    for number, (text, whole) in enumerate(zip(texts, known, strict=True)):
        if not len(whole) or not text.strip():
            continue
        end = 0
        for piece in _pieces(text, whole, tokenizer, vocabulary):
            tokens = (piece.tokens or tokenizer(text)) if keep_tokens else None
            # Subwords begin with the blank before them.
            apart = end > 0 and any(sign.isspace() for sign in text[end - 1 : piece.start + 1])
            passages.append(Passage(number, piece.ids, tokens, apart))
            end = piece.end
    return passages


def join_passages(passages: Sequence[Sequence[Translation]], *, apart: Sequence[bool], n_best: int) -> Translation:
    """Return the translation of a text.

    Args:
        passages: the translations of each of its passages, the best first.
        apart: of each passage, whether white space stands before it. It says whether a blank goes before its
            translation, unless what was written before ends a sentence: the blank goes behind `.` and not behind `。`.
        n_best: how many of the best to give as alternatives; of several passages the best is the only one.
    """
    found = passages[0] if len(passages) == 1 else [_joined([best for best, *_ in passages], apart)]
    return replace(found[0], alternatives=tuple(found[:n_best]))


def _ids(keys: Sequence[str], vocabulary: Vocabulary) -> NDArray[np.int32]:
    return np.array(vocabulary.ids(keys) if keys else [], dtype=np.int32)


def _pieces(text: str, ids: NDArray[np.int32], tokenizer: Tokenizer, vocabulary: Vocabulary) -> Iterator[_Piece]:
    """Yield the parts of a text that are translated by themselves."""
    if len(ids) <= WINDOW:
        yield _Piece(0, len(text), ids, None)
        return
    for start, end in sentence_spans(text, language="xx"):
        tokens = _moved(tokenizer(text[start:end]), start)
        for window in _windows(text, tokens):
            part = Tokens(tokens.texts[window], tokens.starts[window], tokens.keys[window])
            yield _Piece(part.starts[0], part.starts[-1] + len(part.texts[-1]), _ids(part.keys, vocabulary), part)


def _windows(text: str, tokens: Tokens) -> Iterator[slice]:
    """Yield the windows of a sentence, each as long as can be."""
    spans = list(tokens.spans())
    borders = {place for place, (before, after) in enumerate(pairwise(spans), 1) if before[1] <= after[0]}
    blanks = {place for place in borders if any(map(str.isspace, text[spans[place - 1][1] : spans[place][0] + 1]))}
    first = 0
    while first < len(spans):
        places = range(min(first + WINDOW, len(spans)), first, -1)
        last = places[0]
        if last < len(spans):
            last = next((place for those in (blanks, borders) for place in places if place in those), last)
        yield slice(first, last)
        first = last


def _moved(tokens: Tokens, place: int) -> Tokens:
    """Return tokens of what stands at a place in a text as tokens of the text."""
    return Tokens(tokens.texts, tuple(start + place for start in tokens.starts), tokens.keys)


def _joined(parts: Sequence[Translation], apart: Sequence[bool]) -> Translation:
    """Return the translation of a text whose passages were translated one by one."""
    attention: list[Alignment] = []
    text = ""
    for part, blank in zip(parts, apart, strict=True):
        touching = text[-1:].strip() and part.text[:1].strip()
        written = blank_after(text)
        text += " " if touching and (blank if written is None else written) else ""
        attention += [each.moved(target=len(text)) for each in part.attention]
        text += part.text
    score = sum(part.score for part in parts) / max(1, len(parts))
    return Translation(text, score, attention=tuple(attention))
