"""A text with words, entities and sentences as a document of spaCy."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc
    from spacy.vocab import Vocab

_SURROGATE = re.compile(r"[\ud800-\udfff]")


def build_doc(
    text: str,
    *,
    words: Sequence[tuple[int, int, str | None]] | None,
    entities: Sequence[tuple[int, int, str, float]],
    sentences: Sequence[int] | None,
    tagged: bool,
    vocab: Vocab | None = None,
) -> Doc:
    """Return spaCy's document of a text.

    Args:
        text: the text; half a surrogate pair becomes the replacement character.
        words: start, end and tag of each word, in order; None lets spaCy's rules of the vocabulary's language cut it.
        entities: start, end, kind and score of each; one that does not end where words end is widened to them.
        sentences: where each begins, or None where the text was not cut into any.
        tagged: whether a word's tag stands for itself, and is to be the token's `tag_`.
        vocab: the vocabulary to build it on; None takes one of no language, the same for all documents.
    """
    from spacy.tokens import Doc, Span  # heavy: only when it is asked for
    from spacy.util import filter_spans

    text = _SURROGATE.sub("\ufffd", text)
    if words is None:
        doc = _rules(vocab).tokenizer(text)
    else:
        pieces = cover(text, words)
        doc = Doc(
            _rules(None).vocab if vocab is None else vocab,
            words=[piece for piece, _ in pieces],
            spaces=[space for _, space in pieces],
        )
        tags = {start: tag for start, _, tag in words} if tagged else {}
        for token in doc:
            token.tag_ = tags.get(token.idx) or ""
    if not Span.has_extension("score"):
        Span.set_extension("score", default=None)
    spans = []
    for start, end, kind, score in entities:
        span = doc.char_span(start, end, label=kind, alignment_mode="expand")
        if span is not None:
            span._.score = score
            spans.append(span)
    doc.set_ents(filter_spans(spans))
    if sentences is not None:
        _begin_sentences(doc, sentences)
    return doc


@lru_cache(maxsize=4)
def _rules(vocab: Vocab | None) -> Language:
    """Return spaCy's blank language of a vocabulary, made once for each."""
    import spacy

    return spacy.blank("xx") if vocab is None else spacy.blank(vocab.lang or "xx", vocab=vocab)


def cover(text: str, words: Sequence[tuple[int, int, str | None]]) -> list[tuple[str, bool]]:
    """Return all of a text as words, each with whether a blank follows: spaCy's way to keep a text whole.

    >>> cover("so,  it <b>", [(0, 2, None), (2, 3, None), (5, 7, None)])
    [('so', False), (',', True), (' ', False), ('it', True), ('<b>', False)]
    """
    found: list[tuple[str, bool]] = []
    place = 0
    for start, end, _ in [*words, (len(text), len(text), None)]:
        gap = text[place:start]
        if gap.startswith(" ") and found:
            found[-1] = (found[-1][0], True)
            gap = gap[1:]
        if gap:
            found.append((gap, False))
        if end > max(start, place):
            found.append((text[max(start, place) : end], False))
        place = max(place, end)
    return found


def _begin_sentences(doc: Doc, starts: Sequence[int]) -> None:
    """Mark the token that each sentence begins with; what stands before belongs to the sentence before."""
    begins = set(starts)
    for token in doc:
        token.is_sent_start = token.i == 0 or token.idx in begins
