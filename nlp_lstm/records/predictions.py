"""What was predicted: the answers of each kind of model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


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
        return one_line(mark_entities(self.text, self.entities))

    @property
    def marks_entities(self) -> bool:
        """Whether its tags mark runs of words: outside of them stands `O`."""
        return bool(self.entities) or all(tag == "O" for tag in self.tags)

    def cells(self) -> list[str]:
        """Return the tags, and where the entities stand, as cells of a table."""
        found = [f"{entity.start}-{entity.end}:{entity.entity_group}" for entity in self.entities]
        return [" ".join(self.tags), " ".join(found)]


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """What a translator looked at while it wrote: a weight for each token of the text and each of the translation.

    A long text is translated in windows. An alignment is of one of them; between windows nothing is looked at.

    Attributes:
        source_tokens: the window's tokens, as they stand in the text.
        source_starts: where each begins in the text, in code points.
        target_tokens: the tokens of what was written, as they stand in the translation. Two tokens overlap where each
            has some bytes of one character.
        target_starts: where each begins in the whole translation, in code points.
        weights: how much of the attention lay on each source token while a target token was chosen, float32
            (target_time, source_time); rows sum to 1. The array is made read-only.
    """

    source_tokens: tuple[str, ...]
    source_starts: tuple[int, ...]
    target_tokens: tuple[str, ...]
    target_starts: tuple[int, ...]
    weights: NDArray[np.float32]

    def __post_init__(self) -> None:
        self.weights.setflags(write=False)

    def __eq__(self, other: object) -> bool:
        """Tell whether all parts are equal, each weight too."""
        if not isinstance(other, Alignment):
            return NotImplemented
        return self._tokens() == other._tokens() and bool((self.weights == other.weights).all())

    def to_dict(self) -> dict[str, object]:
        """Return the parts as plain values, ready for JSON; weights are rounded to four digits."""
        names = ("source_tokens", "source_starts", "target_tokens", "target_starts")
        tokens = {name: list(part) for name, part in zip(names, self._tokens(), strict=True)}
        return {**tokens, "weights": self.weights.astype(float).round(4).tolist()}

    def moved(self, *, source: int = 0, target: int = 0) -> Alignment:
        """Return the alignment for a text and a translation that stand so many code points further on."""
        return replace(
            self,
            source_starts=tuple(start + source for start in self.source_starts),
            target_starts=tuple(start + target for start in self.target_starts),
        )

    def _tokens(self) -> tuple[tuple[object, ...], ...]:
        return (self.source_tokens, self.source_starts, self.target_tokens, self.target_starts)


@dataclass(frozen=True, slots=True)
class Translation:
    """What a translator says of one text.

    Attributes:
        text: the translation.
        score: what the search ranks translations by: the mean log-probability of a token, unless other penalties are
            set, in nats; 0 for an empty text.
        alternatives: the best translations, the best first; empty unless asked for.
        attention: an alignment for each window of the text, one for a text that is not long; empty unless asked for.
    """

    text: str
    score: float
    alternatives: tuple[Translation, ...] = ()
    attention: tuple[Alignment, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """Return what was found as plain values, ready for JSON."""
        found: dict[str, object] = {"translation": self.text, "score": self.score}
        if self.alternatives:
            found["alternatives"] = [each.to_dict() for each in self.alternatives]
        if self.attention:
            found["attention"] = [each.to_dict() for each in self.attention]
        return found

    def to_text(self) -> str:
        """Return the translation as one line."""
        return one_line(self.text)

    def cells(self) -> list[str]:
        """Return translation and score, as cells of a table."""
        return [self.text, f"{self.score:.6f}"]

    def moved(self, source: int) -> Translation:
        """Return the translation of a text that stands so many code points further on."""
        others = tuple(each.moved(source) for each in self.alternatives)
        attention = tuple(each.moved(source=source) for each in self.attention)
        return replace(self, alternatives=others, attention=attention)

    def without_attention(self) -> Translation:
        """Return it as if attention had not been asked for."""
        others = tuple(each.without_attention() for each in self.alternatives)
        return replace(self, alternatives=others, attention=())


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


@dataclass(frozen=True, slots=True)
class JointPrediction:
    """What a model of several parts says of one text.

    Attributes:
        text: the text as it was given.
        words: its words.
        starts: where each begins in `text`, in code points.
        parts: what each part says.
    """

    text: str
    words: tuple[str, ...]
    starts: tuple[int, ...]
    parts: Mapping[str, Any]

    def __getitem__(self, part: str) -> Any:
        """Return what a part says."""
        return self.parts[part]

    def to_dict(self) -> dict[str, object]:
        """Return what each part says as plain values, ready for JSON."""
        return {name: found.to_dict() for name, found in self.parts.items()}

    def to_text(self) -> str:
        """Return a line with what each part says.

        >>> parts = {"mood": Prediction("good", 0.9, {}), "who": Prediction("me", 0.8, {})}
        >>> JointPrediction("so", ("so",), (0,), parts).to_text()
        'mood: good | who: me'
        """
        return " | ".join(f"{name}: {found.to_text()}" for name, found in self.parts.items())

    def cells(self) -> list[str]:
        """Return the cells of all parts, one part after the other."""
        return [cell for found in self.parts.values() for cell in found.cells()]


def mark_entities(text: str, entities: Sequence[Entity]) -> str:
    """Return a text with each entity in brackets, its kind behind it."""
    parts, place = [], 0
    for entity in entities:
        parts += [text[place : entity.start], f"[{entity.word}]({entity.entity_group})"]
        place = entity.end
    return "".join([*parts, text[place:]])


def one_line(text: str) -> str:
    r"""Return a text with a blank for each sign that would end a line.

    >>> one_line("so\r\nit")
    'so  it'
    """
    return text.translate(_LINE_ENDS)


_CONTROLS = {code: "\ufffd" for code in (*range(0x20), *range(0x7F, 0xA0)) if code != ord("\t")}
_LINE_ENDS = dict.fromkeys(map(ord, "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"), " ")
