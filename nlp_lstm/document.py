"""The records that flow through a pipeline: what was read, what was predicted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from nlp_lstm.spacy_doc import build_doc

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from spacy.tokens import Doc
    from spacy.vocab import Vocab


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
        return one_line(_marked(self.text, self.entities))

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


def _marked(text: str, entities: Sequence[Entity]) -> str:
    """Return a text with each entity in brackets, its kind behind it."""
    parts, place = [], 0
    for entity in entities:
        parts += [text[place : entity.start], f"[{entity.word}]({entity.entity_group})"]
        place = entity.end
    return "".join([*parts, text[place:]])


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
class Sentence:
    """A piece of a document's text.

    Attributes:
        text: the piece as it stands there.
        start: where it begins, in code points.
    """

    text: str
    start: int

    @property
    def end(self) -> int:
        """Where it ends, exclusive."""
        return self.start + len(self.text)


@dataclass(frozen=True, slots=True)
class Token:
    """A word of a document's text.

    Attributes:
        text: the word as it stands there.
        start: where it begins, in code points.
        tag: its tag, or None where nothing has tagged it.
        score: how sure the model is of the tag, in [0, 1], as in `Tagging`; None without a tag.
    """

    text: str
    start: int
    tag: str | None = None
    score: float | None = None

    @property
    def end(self) -> int:
        """Where it ends, exclusive."""
        return self.start + len(self.text)

    def to_dict(self) -> dict[str, object]:
        """Return the token as plain values; tag and score only where it has them."""
        found: dict[str, object] = {"text": self.text, "start": self.start, "end": self.end}
        return found if self.tag is None else {**found, "tag": self.tag, "score": self.score}


@dataclass(frozen=True, slots=True)
class Document:
    """A text on its way through a pipeline, with all that its stages have found; never changed in place.

    What no stage has looked for is None; what was looked for and not found is empty. Every offset points into `text`.

    Attributes:
        text: the text as it was given.
        normal: what the models read in its place, as long as it; None where that is the text itself.
        sentences: its sentences, in order.
        tokens: its words, in order, with their tags.
        entities: the runs of words the tags make.
        prediction: the label of the whole text, with the probability of every label.
        translations: the translation of each piece: of each sentence, or of the whole text where it was not cut.
        continuation: what a generator wrote after the text.
        extra: whatever else was found, by a name: of stages with a name of their own, of a person's own functions.
    """

    text: str
    normal: str | None = None
    sentences: tuple[Sentence, ...] | None = None
    tokens: tuple[Token, ...] | None = None
    entities: tuple[Entity, ...] | None = None
    prediction: Prediction | None = None
    translations: tuple[Translation, ...] | None = None
    continuation: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def readable(self) -> str:
        """What the models read."""
        return self.text if self.normal is None else self.normal

    @property
    def pieces(self) -> tuple[Sentence, ...]:
        """The sentences, or where it was not cut into any, the whole text as one."""
        return (Sentence(self.text, 0),) if self.sentences is None else self.sentences

    @property
    def label(self) -> str | None:
        """The likeliest label."""
        return None if self.prediction is None else self.prediction.label

    @property
    def score(self) -> float | None:
        """The probability of the likeliest label, in [0, 1]."""
        return None if self.prediction is None else self.prediction.score

    @property
    def scores(self) -> Mapping[str, float] | None:
        """The probability of every label; they sum to 1."""
        return None if self.prediction is None else self.prediction.scores

    @property
    def translation(self) -> Translation | None:
        """The translation of the whole text; of several pieces the joined one, whose score is the mean of theirs.

        Alternatives and attention stand in `translations`, piece by piece.
        """
        if self.translations is None or len(self.translations) == 1:
            return self.translations[0] if self.translations else None
        score = sum(each.score for each in self.translations) / max(1, len(self.translations))
        return Translation(self._joined([each.text for each in self.translations]), score)

    def _joined(self, texts: Sequence[str]) -> str:
        """Return a text for each piece as one, with the white space that stands between the pieces, or a blank."""
        parts: list[str] = []
        place = 0
        for piece, text in zip(self.pieces, texts, strict=True):
            gap = self.text[place : piece.start]
            parts += [(gap if gap.isspace() else " ") if parts else "", text]
            place = piece.end
        return "".join(parts)

    def to_dict(self) -> dict[str, object]:
        """Return what was found as plain values, ready for JSON; what no stage has looked for is left out."""
        found: dict[str, object] = {"text": self.text}
        if self.sentences is not None:
            found["sentences"] = [{"text": each.text, "start": each.start, "end": each.end} for each in self.sentences]
        if self.tokens is not None:
            found["tokens"] = [token.to_dict() for token in self.tokens]
        if self.entities is not None:
            found["entities"] = [asdict(entity) for entity in self.entities]
        if self.prediction is not None:
            found.update(self.prediction.to_dict())
        if self.translation is not None:
            found["translation"] = self.translation.text
            found["translations"] = [each.to_dict() for each in self.translations or ()]
        if self.continuation is not None:
            found["continuation"] = self.continuation
        for name, value in self.extra.items():
            found[name] = value.to_dict() if hasattr(value, "to_dict") else value
        return found

    def to_text(self) -> str:
        """Return what was found as one line, its parts with tabs between them: marked words, label, translation.

        >>> Document("Oh no", prediction=Prediction("bad", 0.9, {"good": 0.1, "bad": 0.9})).to_text()
        'bad'
        """
        parts = [] if self._marked_words is None else [self._marked_words]
        parts += [each.to_text() for each in (self.prediction, self.translation) if each is not None]
        parts += [] if self.continuation is None else [self.text + self.continuation]
        parts += [each.to_text() if hasattr(each, "to_text") else str(each) for each in self.extra.values()]
        return one_line("\t".join(part.replace("\t", " ") for part in parts or [self.readable]))

    @property
    def _marked_words(self) -> str | None:
        """The text with its entities marked; without any to mark, its words or its sentences side by side."""
        if self.entities is not None:
            return _marked(self.text, self.entities)
        if self.tokens is not None:
            return " ".join(token.text if token.tag is None else f"{token.text}/{token.tag}" for token in self.tokens)
        return None if self.sentences is None else " | ".join(sentence.text for sentence in self.sentences)

    def cells(self) -> list[str]:
        """Return what was found as cells of a table: words and tags, entities, label and score, translation and score.

        Each group stands there only where a stage has looked for it; so all documents of a pipeline have as many cells.
        """
        found = []
        if self.sentences is not None:
            found.append(" ".join(f"{each.start}-{each.end}" for each in self.sentences))
        if self.tokens is not None:
            found += [" ".join(each.text for each in self.tokens), " ".join(each.tag or "_" for each in self.tokens)]
        if self.entities is not None:
            found.append(" ".join(f"{each.start}-{each.end}:{each.entity_group}" for each in self.entities))
        for part in (self.prediction, self.translation):
            found += [] if part is None else part.cells()
        found += [] if self.continuation is None else [self.continuation]
        for each in self.extra.values():
            found += each.cells() if hasattr(each, "cells") else [str(each)]
        return found

    def to_spacy(self, vocab: Vocab | None = None) -> Doc:
        """Return the document as spaCy's: words, sentences, tags, `ents` with `ent._.score`, and labels as `cats`.

        What stands between the words, white space for example, becomes tokens of its own, so that spaCy's `text` is
        this text (but for half a surrogate pair, which spaCy cannot hold). Without tokens, spaCy's rules of the
        vocabulary's language cut it. `doc.user_data["translation"]` is the translation's text.

        Args:
            vocab: the vocabulary to build it on; None takes one of no language, the same for all documents.
        """
        doc = build_doc(
            self.text,
            words=None if self.tokens is None else [(token.start, token.end, token.tag) for token in self.tokens],
            entities=[(each.start, each.end, each.entity_group, each.score) for each in self.entities or ()],
            sentences=None if self.sentences is None else [each.start for each in self.sentences],
            tagged=self.entities is None,
            vocab=vocab,
        )
        doc.cats = dict(self.scores or {})
        if self.translation is not None:
            doc.user_data["translation"] = self.translation.text
        return doc
