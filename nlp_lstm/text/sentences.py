"""A text cut into sentences, by the signs that end them and the abbreviations a language's tokenizer knows."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nlp_lstm.text.spacy_words import SpacyWords

_ENDS = frozenset(".!?…‥؟۔।॥։።")
"""A token of nothing but these may end a sentence; the point of `Dr.` is no token of its own."""
_CLOSING = frozenset("\"'”’»›)]}*_")
"""What directly follows the end of a sentence still belongs to it."""
_WIDE_ENDS = frozenset("。！？｡")
"""What ends a sentence in scripts that put no blank behind it."""
_QUOTED = "".join(sorted(_CLOSING)) + "“«‹」』）】》"
"""What closes a quotation or a bracket in any language."""
# A blank line; and the end of a sentence in scripts that put no blank behind it.
_BREAK = re.compile(r"\n[^\S\n]*\n\s*|(?<=[。！？｡])(?![。！？｡」』）”’])|(?<=[。！？｡][」』）”’])")


def sentence_spans(text: str, *, language: str = "en") -> list[tuple[int, int]]:
    r"""Return the start and the end of each sentence, in code points, without the white space around it.

    A sentence ends at a blank line; and at a sign such as `.` or `?`, with what closes a quotation or a bracket behind
    it, when white space follows and no small letter after that. Every character that is no white space stands in
    exactly one sentence.

    Args:
        text: what to cut.
        language: a language code of spaCy, for its abbreviations; `xx` for none.

    Raises:
        UsageError: spaCy has no such language, or it needs a package that is not installed.

    >>> text = 'Dr. Who left (why?) at 5.30. "Where to?" she asked...  No answer.'
    >>> [text[start:end] for start, end in sentence_spans(text)]
    ['Dr. Who left (why?) at 5.30.', '"Where to?" she asked...', 'No answer.']
    """
    cut = SpacyWords(language)
    found, place = [], 0
    for end in [*(match.end() for match in _BREAK.finditer(text)), len(text)]:
        piece = text[place:end]
        found += [(place + first, place + last) for first, last in _spans(piece, list(cut(piece).spans()))]
        place = end
    return found


def blank_after(text: str) -> bool | None:
    """Return whether a blank stands between a sentence and the next one; None of a text that ends as no sentence does.

    >>> blank_after('He said: "So."'), blank_after("他睡了。"), blank_after("He said")
    (True, False, None)
    """
    last = text.rstrip(_QUOTED)[-1:]
    if last in _WIDE_ENDS:
        return False
    return True if last in _ENDS else None


def _spans(text: str, words: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield the sentences of a text without hard breaks from the places of its words."""
    first = 0
    """The first word of the present sentence."""
    ended = False
    for number, (start, end) in enumerate(words):
        before = words[number - 1][1] if number else 0
        word, touching = text[start:end], number > 0 and start == before
        if ended and not touching and not word[0].islower():
            yield words[first][0], before
            first = number
        stops = _ENDS.issuperset(word) and not (number == first + 1 and text[slice(*words[first])].isdigit())  # "1. So"
        ended = stops or (ended and touching and _CLOSING.issuperset(word))
    if words:
        yield words[first][0], words[-1][1]
