"""The records that flow through a pipeline: what was read, what was predicted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass


def one_line(text: str) -> str:
    r"""Return a text with a blank for each sign that would end a line.

    >>> one_line("so\r\nit")
    'so  it'
    """
    return text.translate(_LINE_ENDS)


_CONTROLS = {code: "\ufffd" for code in (*range(0x20), *range(0x7F, 0xA0)) if code != ord("\t")}
_LINE_ENDS = dict.fromkeys(map(ord, "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"), " ")


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
class Prediction:
    """What a classifier says of one text.

    Attributes:
        label: the likeliest label.
        score: its probability in [0, 1].
        scores: the probability of every label, in the model's label order; they sum to 1.
    """

    label: str
    score: float
    scores: Mapping[str, float]

    def to_dict(self) -> dict[str, object]:
        """Return the record as plain values, ready for JSON."""
        return {"label": self.label, "score": self.score, "scores": dict(self.scores)}

    def to_text(self) -> str:
        """Return the label."""
        return self.label

    def cells(self) -> list[str]:
        """Return label and score, as cells of a table."""
        return [self.label, f"{self.score:.6f}"]


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
    """

    text: str
    words: tuple[str, ...]
    starts: tuple[int, ...]
    tags: tuple[str, ...] | None = None
    auxiliary: tuple[str, ...] | None = None
    columns: tuple[tuple[str, ...], ...] = ()
    source: str = ""
    line: int = 0

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
        )


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


@dataclass(frozen=True, slots=True)
class Entity:
    """A run of words that mean one thing.

    Attributes:
        entity_group: what kind of thing, such as `PER`.
        score: the probability that exactly these words are one such entity, in [0, 1].
        word: the words as they stand in the text.
        start: where it begins in the text, in code points.
        end: where it ends, exclusive.
    """

    entity_group: str
    score: float
    word: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Tagging:
    """What a tagger says of one text.

    Attributes:
        text: the text as it was given.
        words: its words.
        starts: where each begins in `text`, in code points.
        tags: the tag of each word, on the best path.
        scores: how sure the model is of each tag, over all paths, in [0, 1]. Of chunks it is the probability of the
            word's tag in BIOES, where the first word of several and a single one have different tags.
        entities: the runs of words the tags make; empty where tags mark single words, such as parts of speech.
        alternatives: the likeliest paths with their probabilities, the best first; empty unless asked for.
    """

    text: str
    words: tuple[str, ...]
    starts: tuple[int, ...]
    tags: tuple[str, ...]
    scores: tuple[float, ...]
    entities: tuple[Entity, ...] = ()
    alternatives: tuple[tuple[tuple[str, ...], float], ...] = ()

    def to_dict(self) -> dict[str, object]:
        """Return what was found as plain values, ready for JSON; the text itself is left out."""
        found: dict[str, object] = {
            "words": list(self.words),
            "starts": list(self.starts),
            "tags": list(self.tags),
            "scores": list(self.scores),
            "entities": [asdict(entity) for entity in self.entities],
        }
        if self.alternatives:
            found["alternatives"] = [{"tags": list(tags), "score": score} for tags, score in self.alternatives]
        return found

    def to_text(self) -> str:
        """Return the text with its entities marked, or where there are none to find, each word with its tag.

        >>> ada = Entity("PER", 0.9, "Ada", 0, 3)
        >>> Tagging("Ada wept.", ("Ada", "wept", "."), (0, 4, 8), ("B-PER", "O", "O"), (0.9, 1, 1), (ada,)).to_text()
        '[Ada](PER) wept.'
        >>> Tagging("Oh no", ("Oh", "no"), (0, 3), ("INTJ", "INTJ"), (1, 1)).to_text()
        'Oh/INTJ no/INTJ'
        """
        if not self.marks_entities:
            return one_line(" ".join(f"{word}/{tag}" for word, tag in zip(self.words, self.tags, strict=True)))
        parts, place = [], 0
        for entity in self.entities:
            parts += [self.text[place : entity.start], f"[{entity.word}]({entity.entity_group})"]
            place = entity.end
        return one_line("".join([*parts, self.text[place:]]))

    @property
    def marks_entities(self) -> bool:
        """Whether its tags mark runs of words: outside of them stands `O`."""
        return bool(self.entities) or all(tag == "O" for tag in self.tags)

    def cells(self) -> list[str]:
        """Return the tags, and where the entities stand, as cells of a table."""
        found = [f"{entity.start}-{entity.end}:{entity.entity_group}" for entity in self.entities]
        return [" ".join(self.tags), " ".join(found)]


@dataclass(frozen=True, slots=True)
class Translation:
    """What a translator says of one text.

    Attributes:
        text: the translation.
        score: what the search ranks translations by: the mean log-probability of a token, unless other penalties are
            set, in nats; 0 for an empty text.
        alternatives: the best translations with their scores, the best first; empty unless asked for.
        source_tokens: the pieces of the text that was translated; empty, like what follows, unless attention was asked
            for.
        target_tokens: the pieces of the translation.
        attention: how much each piece of the translation (row) attends to each of the text (column); rows sum to 1.
    """

    text: str
    score: float
    alternatives: tuple[tuple[str, float], ...] = ()
    source_tokens: tuple[str, ...] = ()
    target_tokens: tuple[str, ...] = ()
    attention: tuple[tuple[float, ...], ...] = ()

    def to_dict(self) -> dict[str, object]:
        """Return what was found as plain values, ready for JSON."""
        found: dict[str, object] = {"translation": self.text, "score": self.score}
        if self.alternatives:
            found["alternatives"] = [{"translation": text, "score": score} for text, score in self.alternatives]
        if self.attention:
            found["source_tokens"], found["target_tokens"] = list(self.source_tokens), list(self.target_tokens)
            found["attention"] = [list(row) for row in self.attention]
        return found

    def to_text(self) -> str:
        """Return the translation as one line."""
        return one_line(self.text)

    def cells(self) -> list[str]:
        """Return translation and score, as cells of a table."""
        return [self.text, f"{self.score:.6f}"]


@dataclass(frozen=True, slots=True)
class Continuation:
    """What a generator makes of one text.

    Attributes:
        prompt: the text as it was given.
        continuation: what it wrote after it.
    """

    prompt: str
    continuation: str

    @property
    def text(self) -> str:
        """The text with its continuation."""
        return self.prompt + self.continuation

    def to_dict(self) -> dict[str, object]:
        """Return what was written as plain values, ready for JSON; the text itself is left out."""
        return {"continuation": self.continuation}

    def to_text(self) -> str:
        """Return the text with its continuation as one line, with U+FFFD for each control character but tabs."""
        return one_line(self.text).translate(_CONTROLS)

    def cells(self) -> list[str]:
        """Return what was written, as a cell of a table."""
        return [self.continuation]
