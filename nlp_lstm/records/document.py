"""The record that flows through a pipeline: a text, and what has been found in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from nlp_lstm.records.predictions import Entity, Prediction, Translation, mark_entities, one_line
from nlp_lstm.spacy_doc import build_doc

if TYPE_CHECKING:
    from spacy.tokens import Doc
    from spacy.vocab import Vocab


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

    Raises:
        ValueError: something in `extra` has one of the `RESERVED` names.
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

    def __post_init__(self) -> None:
        taken = [name for name in self.extra if name in RESERVED]
        if taken:
            raise ValueError(f"extra: a document has a {taken[0]!r} of its own; give another name")

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
            return mark_entities(self.text, self.entities)
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


RESERVED = frozenset(
    {"id", "tags", "label", "score", "scores", "translation", *(each.name for each in fields(Document))}
)
"""What nothing in `extra` can be called: a document, or its line of JSON, has it already."""
