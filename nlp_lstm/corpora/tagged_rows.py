"""What passes between the formats of tagged sentences and their front door."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from nlp_lstm.corpora.problems import Kind, Problem
from nlp_lstm.corpora.rows import Line
from nlp_lstm.records.examples import TaggedSentence
from nlp_lstm.text.regex_words import RegexWords
from nlp_lstm.text.tokenizers import Tokenizer


@dataclass(frozen=True, slots=True)
class TagsWanted:
    """What a caller wants from a source of tagged sentences.

    Attributes:
        source: the source's name in messages.
        tagged: whether tags are read, and a word without one is a problem.
        columns: what the columns hold, in order, for formats in columns; empty takes what is usual there.
        tokenizer: what cuts texts into words, for formats with texts.
    """

    source: str
    tagged: bool
    columns: tuple[str, ...] = ()
    tokenizer: Tokenizer = field(default_factory=RegexWords)

    def problem(self, line: int, kind: Kind, message: str) -> Problem:
        """Return a problem of this source."""
        return Problem(self.source, line, kind, message)


TaggedReader: TypeAlias = Callable[[Iterable[Line], TagsWanted], Iterator[TaggedSentence | Problem]]
"""A format: it turns lines into sentences and problems, in order, and holds no more than one sentence."""


def tag_fault(tag: str, name: str = "tag") -> str | None:
    """Return what is wrong with a tag read from a file, or None.

    >>> tag_fault("B-PER"), tag_fault("")
    (None, 'no tag; expected one for every word')
    """
    if not tag:
        return f"no {name}; expected one for every word"
    if any(ord(sign) < 32 for sign in tag):
        return f"the {name} {tag!r} holds a tab, a line end or another control sign"
    return None


def with_text(sentence: TaggedSentence, text: str | None) -> TaggedSentence:
    """Return the sentence with `text` as its text, if that is its words with blanks around some.

    >>> with_text(TaggedSentence.of_words(["Oh", "!"]), "Oh!").starts
    (0, 2)
    """
    starts = None if text is None else starts_in(text, sentence.words)
    return sentence if text is None or starts is None else replace(sentence, text=text, starts=starts)


def starts_in(text: str, words: Iterable[str]) -> tuple[int, ...] | None:
    """Return where the words begin in `text`, or None if it is not these words with blanks around some.

    >>> starts_in("Oh, no", ["Oh", ",", "no"]), starts_in("du", ["de", "le"])
    ((0, 2, 4), None)
    """
    starts, place = [], 0
    for word in words:
        while not text.startswith(word, place):
            if place >= len(text) or not text[place].isspace():
                return None
            place += 1
        starts.append(place)
        place += len(word)
    return None if text[place:].strip() else tuple(starts)
