"""What was read: the examples of each kind of data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled (or still unlabelled) text and where it was read.

    Attributes:
        text: the text exactly as it stands in the file.
        label: its label, or None where the file has none.
        source: the file or data set it came from, for messages.
        line: its line in that file, counted from 1 (a CSV record's first line); 0 when it came from elsewhere.
    """

    text: str
    label: str | None = None
    source: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class TaggedSentence:
    """One sentence cut into words, with a tag for each where it was read with tags.

    Attributes:
        text: the sentence as one string; each word is a slice of it.
        words: its words, in order; none is empty.
        starts: where each word begins in `text`, in code points.
        tags: a tag for each word, or None where there are none.
        auxiliary: a second tag for each word, of another kind, or None.
        columns: every column of each word as it stands in its file; empty when it came from elsewhere.
        source: the file or data set it came from, for messages.
        line: the line of its first word, counted from 1; 0 when it came from elsewhere.
        lines: the line of each of its words; empty when it came from elsewhere. It says nothing of what the sentence
            is, so that two sentences may be equal without it.
    """

    text: str
    words: tuple[str, ...]
    starts: tuple[int, ...]
    tags: tuple[str, ...] | None = None
    auxiliary: tuple[str, ...] | None = None
    columns: tuple[tuple[str, ...], ...] = ()
    source: str = ""
    line: int = 0
    lines: Sequence[int] = field(default=(), compare=False, repr=False)

    @property
    def label(self) -> None:
        """It has none: a sentence has many tags, and no one label."""

    @classmethod
    def of_words(
        cls,
        words: Sequence[str],
        tags: Sequence[str] | None = None,
        *,
        auxiliary: Sequence[str] | None = None,
        columns: Sequence[tuple[str, ...]] = (),
        source: str = "",
        line: int = 0,
        lines: Sequence[int] = (),
    ) -> TaggedSentence:
        """Return the sentence of words whose text is not known: they are joined by single blanks.

        >>> TaggedSentence.of_words(["Oh", "no"]).starts
        (0, 3)
        """
        starts, place = [], 0
        for word in words:
            starts.append(place)
            place += len(word) + 1
        return cls(
            " ".join(words),
            tuple(words),
            tuple(starts),
            None if tags is None else tuple(tags),
            None if auxiliary is None else tuple(auxiliary),
            tuple(columns),
            source,
            line,
            lines,
        )

    def where(self, place: int) -> str:
        """Return, for a message, where a word stands, as exactly as is known; `place` counts it from 0.

        >>> TaggedSentence.of_words(["Oh", "no"], source="a.conll", line=3, lines=[3, 4]).where(1)
        'line 4 of a.conll'
        >>> TaggedSentence.of_words(["Oh", "no"], source="a.conll", line=3).where(1)
        'the sentence at line 3 of a.conll'
        """
        if self.lines:
            return f"line {self.lines[place]} of {self.source}"
        return f"the sentence at line {self.line} of {self.source}"


@dataclass(frozen=True, slots=True)
class PartExample:
    """One example of a part of a model that has several.

    Attributes:
        part: the name of the part.
        example: what the part's own task takes.
    """

    part: str
    example: Any

    @property
    def text(self) -> str:
        """The example's text."""
        return str(self.example.text)

    @property
    def label(self) -> str | None:
        """The example's label."""
        label: str | None = self.example.label
        return label

    @property
    def source(self) -> str:
        """Where the example came from, for messages."""
        return str(self.example.source)

    @property
    def line(self) -> int:
        """Its line there."""
        return int(self.example.line)


@dataclass(frozen=True, slots=True)
class SentencePair:
    """One sentence and its translation, and where they were read.

    Attributes:
        source_text: the sentence to translate, exactly as it stands in the file.
        target_text: its translation, exactly as it stands in the file.
        source: the file they came from, for messages; of two parallel files, that of the sentences to translate.
        line: their line in that file, counted from 1 (a CSV record's first line); 0 when they came from elsewhere.
    """

    source_text: str
    target_text: str
    source: str = ""
    line: int = 0

    @property
    def text(self) -> str:
        """The sentence to translate."""
        return self.source_text

    @property
    def label(self) -> None:
        """It has none: what belongs to the sentence is another sentence."""
