"""What passes between the formats of sentence pairs and their front door, and which pairs training leaves out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from nlp_lstm.corpora.problems import Kind, Problem
from nlp_lstm.corpora.rows import Line
from nlp_lstm.counting import counted
from nlp_lstm.records.examples import SentencePair

COLUMNS = ("source", "target")
"""The columns or keys that the two sentences stand in unless others are named."""

LEFT_OUT: Mapping[Kind, str] = {
    "empty-text": "with an empty side",
    "too-long": "too long",
    "length-ratio": "of too unequal length",
}
"""The kinds of problem for which training leaves a pair out and goes on, and what to say of so many pairs."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What two sentences may be, and still serve as translations of each other.

    Attributes:
        max_words: how many words each may have at most, parted by white space.
        max_ratio: how many times longer or shorter than usual in its file a translation may be at most; see
            `nlp_lstm.corpora.pair_lengths`. Of 170,000 pairs of Multi30k and Tatoeba the usual 4 leaves out two, whose
            translation is "@@".
    """

    max_words: int = 250
    max_ratio: float = 4.0


LIMITS = Limits()
"""The usual limits."""


@dataclass(frozen=True, slots=True)
class PairsWanted:
    """What a caller wants from a source of sentence pairs.

    Attributes:
        source: what messages call the file of the sentences to translate.
        target: what messages call the file of their translations; the same, unless there are two files.
        columns: the columns or keys of the two sentences, where the format has such; see `columns_in`.
        languages: the languages of the two; empty where they are not known.
        limits: which pairs are problems although they can be read; None takes every pair, empty sides too.
    """

    source: str
    target: str
    columns: tuple[str, str] = COLUMNS
    languages: tuple[str, str] = ("", "")
    limits: Limits | None = LIMITS

    def columns_in(self, names: Collection[str]) -> tuple[str, str]:
        """Return the columns or keys of the two sentences among those there are: without others, the languages' names.

        >>> PairsWanted("a", "a", languages=("en", "de")).columns_in(["id", "de", "en"])
        ('en', 'de')
        """
        named = self.columns != COLUMNS or any(column in names for column in COLUMNS)
        by_language = not named and all(language and language in names for language in self.languages)
        return self.languages if by_language else self.columns

    def problem(self, line: int, kind: Kind, message: str) -> Problem:
        """Return a problem of this source."""
        return Problem(self.source, line, kind, message)

    def pair(self, line: int, source_text: str, target_text: str) -> SentencePair | Problem:
        """Return the pair, or why one of its sides makes training leave it out."""
        if self.limits is not None:
            n_words = len(source_text.split()), len(target_text.split())
            fault = self._side_fault(line, n_words, self.limits.max_words)
            if fault:
                return fault
        return SentencePair(source_text, target_text, self.source, line)

    def _side_fault(self, line: int, n_words: tuple[int, int], max_words: int) -> Problem | None:
        sides = [(self.source, "source", n_words[0]), (self.target, "target", n_words[1])]
        for file, side, n in sides:
            if not n:
                return Problem(file, line, "empty-text", f"the {side} sentence is empty")
        for file, side, n in sides:
            if n > max_words:
                message = f"the {side} sentence has {counted(n, 'words')}; expected {max_words:,} at most"
                return Problem(file, line, "too-long", message)
        return None


PairReader: TypeAlias = Callable[[Iterable[Line], PairsWanted], Iterator[SentencePair | Problem]]
"""A format: it turns every line into a pair or a problem, in order, and holds no more than one record."""
