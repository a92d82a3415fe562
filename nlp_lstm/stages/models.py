"""The running stages that ask a trained model, each about documents that the stages before it have filled."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from nlp_lstm.errors import ModelError, UsageError
from nlp_lstm.records.document import RESERVED, Document, Sentence, Token
from nlp_lstm.records.predictions import Continuation, Entity, Prediction, Tagging, Translation
from nlp_lstm.stages.loading import holds, load
from nlp_lstm.store import ModelFiles
from nlp_lstm.tasks import find_task
from nlp_lstm.tasks.translate import translating_options
from nlp_lstm.tasks.writing_options import check_seed, writing_options


class ModelStage:
    """What the stages that ask a model have in common: loading it, and where their results go.

    Args:
        model: the model's folder.
        into: puts what is found into `extra` under this name, as two stages of a kind in one pipeline need; None fills
            the document's own fields.
        device: `cpu` (the default), `cuda`, ...

    Raises:
        ModelError: the folder is missing, damaged, or holds a model of another task.
        UsageError: `model` is no path; or `into` is no name or is one of a document's own, or there is no such device.
    """

    name: str
    task: ClassVar[str]
    folders: ClassVar[tuple[str, ...]] = ("model",)
    requires: ClassVar[tuple[str, ...]] = ()
    uses: ClassVar[tuple[str, ...]] = ("normal",)
    provides: tuple[str, ...]

    def __init__(self, model: str | Path, *, into: str | None = None, device: str | None = None) -> None:
        if not isinstance(model, str | Path):
            raise UsageError(f"model: expected a string or a path, found {model!r}")
        if into is not None and (not isinstance(into, str) or not into.isidentifier() or into in RESERVED):
            raise UsageError(f"into: expected a name that documents do not have yet, found {into!r}")
        self.model, self.into, self.device = model, into, device
        self._folder = Path(model).absolute()  # the same also when the process moves elsewhere
        self.predictor = load(model, device=device)
        if not isinstance(self.predictor.task, find_task(self.task)):
            found = self.predictor.description["task"]
            raise ModelError(f"{model} holds a model of the task {found!r}; {self.name} needs one of {self.task!r}")
        if into is not None:
            self.name, self.provides = into, (into,)

    def __call__(self, documents: Iterable[Document]) -> Iterator[Document]:
        """Return an iterator over the documents with what the model finds in each."""
        return self._fill(list(documents))

    def write_model(self, folder: Path) -> None:
        """Write the model's files into a folder.

        Raises:
            UsageError: where it was loaded from there is another model now.
            ModelError: there is none any more.
        """
        ModelFiles.read(self._folder).write(folder)
        if not holds(folder, self.predictor):
            raise UsageError(f"{self._folder} no longer holds the model that {self.name} runs: load the pipeline again")

    def _fill(self, documents: Sequence[Document]) -> Iterator[Document]:
        """Yield the documents with what the model finds in each; all go through the network before the first."""
        raise NotImplementedError

    def _answer(self, inputs: Sequence[Any], **options: Any) -> Iterator[Any]:
        """Return an iterator over the model's answers, one for each input."""
        return iter(self.predictor.task.answer(self.predictor.model, inputs, **options))

    def _placed(self, document: Document, found: Any) -> Document:
        """Return the document with what was found under the stage's own name."""
        return replace(document, extra={**document.extra, self.name: found})


class Classify(ModelStage):
    """Gives each text the likeliest label of a classifier.

    Args:
        model: the classifier's folder.
        into: as in `ModelStage`; what is found is a `Prediction`.
        device: as in `ModelStage`.
    """

    name = task = "classify"
    provides = ("label",)

    def _fill(self, documents: Sequence[Document]) -> Iterator[Document]:
        found: list[Prediction] = list(self._answer([document.readable for document in documents]))
        for document, prediction in zip(documents, found, strict=True):
            yield self._placed(document, prediction) if self.into else replace(document, prediction=prediction)


class Translate(ModelStage):
    """Translates each sentence, or each text where it was not cut into sentences.

    Args:
        model: the translator's folder.
        into: as in `ModelStage`; what is found is a `Translation` of the whole text.
        device: as in `ModelStage`.
        beam: hypotheses followed side by side; None takes the model's own number.
        attention: also keep what each piece of a translation attended to.

    Raises:
        UsageError: `beam` is out of its range.
    """

    name = task = "translate"
    uses = ("normal", "sentences")
    provides = ("translation",)

    def __init__(
        self,
        model: str | Path,
        *,
        into: str | None = None,
        device: str | None = None,
        beam: int | None = None,
        attention: bool = False,
    ) -> None:
        translating_options(beam=beam, attention=attention)  # better told now than at the first text
        super().__init__(model, into=into, device=device)
        self.beam, self.attention = beam, attention

    def _fill(self, documents: Sequence[Document]) -> Iterator[Document]:
        pieces = [document.readable[piece.start : piece.end] for document in documents for piece in document.pieces]
        found: Iterator[Translation] = self._answer(pieces, beam=self.beam, attention=self.attention)
        for document in documents:
            filled = replace(document, translations=tuple(next(found).moved(piece.start) for piece in document.pieces))
            yield self._placed(document, filled.translation) if self.into else filled


class Generate(ModelStage):
    """Writes on from the end of each text.

    Args:
        model: the generator's folder.
        into: as in `ModelStage`; what is found is a `Continuation`.
        device: as in `ModelStage`.
        seed: decides every draw.
        options: how it writes: the fields of `WritingOptions`.

    Raises:
        UsageError: an option is none, or is out of its range; or the seed is negative.
    """

    name = task = "generate"
    provides = ("continuation",)

    def __init__(
        self,
        model: str | Path,
        *,
        into: str | None = None,
        device: str | None = None,
        seed: int = 1,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        if options is not None and not isinstance(options, Mapping):
            raise UsageError(f"options: expected a table, found {options!r}")
        check_seed(seed)  # better told now than at the first text
        self.seed, self.options = seed, None if options is None else {str(key): options[key] for key in options}
        writing_options(**self.options or {})
        super().__init__(model, into=into, device=device)

    def _fill(self, documents: Sequence[Document]) -> Iterator[Document]:
        texts = [document.readable for document in documents]
        found: Iterator[Continuation] = self._answer(texts, seed=self.seed, **self.options or {})
        for document, each in zip(documents, found, strict=True):
            written = each.continuation
            yield self._placed(document, each) if self.into else replace(document, continuation=written)


class Tag(ModelStage):
    """Tags the words of each sentence, or of each text where it was not cut into sentences.

    The words are those of `Tokenize` where there are some, else those that the model's own tokenizer cuts.

    Args:
        model: the tagger's folder.
        into: as in `ModelStage`; what is found is a `Tagging` of the whole text.
        device: as in `ModelStage`.
    """

    name = task = "tag"
    uses = ("normal", "sentences", "tokens")
    provides: tuple[str, ...] = ("tokens", "tags", "entities")

    def __init__(self, model: str | Path, *, into: str | None = None, device: str | None = None) -> None:
        super().__init__(model, into=into, device=device)
        self._marks_entities = getattr(self.predictor.task, "scheme", None) is not None
        if into is None and not self._marks_entities:
            self.provides = ("tokens", "tags")

    def _fill(self, documents: Sequence[Document]) -> Iterator[Document]:
        words = [_words(document) for document in documents]
        given = [
            document.readable[piece.start : piece.end] if those is None else _readable(document, those)
            for document, pieces in zip(documents, words, strict=True)
            for piece, those in zip(document.pieces, pieces, strict=True)
        ]
        answers: Iterator[Tagging] = self._answer(given)
        for document, pieces in zip(documents, words, strict=True):
            found = [
                _in_place(document, piece, those, next(answers))
                for piece, those in zip(document.pieces, pieces, strict=True)
            ]
            yield self._filled(
                document,
                tuple(token for tokens, _ in found for token in tokens),
                tuple(entity for _, entities in found for entity in entities),
            )

    def _filled(self, document: Document, tokens: tuple[Token, ...], entities: tuple[Entity, ...]) -> Document:
        """Return the document with its tagged words and its entities."""
        if self.into is not None:
            return self._placed(document, _tagging(document, tokens, entities))
        if self._marks_entities:
            document = replace(document, entities=entities)
        if document.tokens is not None:  # those that stand in no sentence stay without a tag
            tagged = {token.start: token for token in tokens}
            tokens = tuple(tagged.get(token.start, token) for token in document.tokens)
        return replace(document, tokens=tokens)


def _words(document: Document) -> list[list[Token] | None]:
    """Return the words that begin in each piece of a document; None for each where it was not cut into words."""
    if document.tokens is None:
        return [None for _ in document.pieces]
    words = [token for token in document.tokens if token.text]
    starts = [token.start for token in words]
    return [words[bisect_left(starts, piece.start) : bisect_left(starts, piece.end)] for piece in document.pieces]


def _readable(document: Document, words: Sequence[Token]) -> list[str]:
    """Return words as the models read them."""
    return [document.readable[word.start : word.end] for word in words]


def _in_place(
    document: Document, piece: Sentence, words: Sequence[Token] | None, found: Tagging
) -> tuple[list[Token], list[Entity]]:
    """Return the tagged words and the entities of a piece where they stand in the document.

    Args:
        document: the document.
        piece: the piece of it that was tagged.
        words: its words where these were given; else those of `found` stand where it says, from the piece's start on.
        found: its tags; where words were given, its offsets are into these with blanks between them.
    """
    starts = [piece.start + start for start in found.starts] if words is None else [word.start for word in words]
    ends = [start + len(word) for start, word in zip(starts, found.words, strict=True)]
    tokens = [
        Token(document.text[start:end], start, tag, score)
        for start, end, tag, score in zip(starts, ends, found.tags, found.scores, strict=True)
    ]
    entities = []
    for entity in found.entities:
        start = starts[bisect_left(found.starts, entity.start)]
        end = ends[bisect_left(found.starts, entity.end) - 1]
        entities.append(replace(entity, word=document.text[start:end], start=start, end=end))
    return tokens, entities


def _tagging(document: Document, tokens: Sequence[Token], entities: tuple[Entity, ...]) -> Tagging:
    """Return what was found in a whole document."""
    return Tagging(
        document.text,
        tuple(token.text for token in tokens),
        tuple(token.start for token in tokens),
        tuple(token.tag or "" for token in tokens),
        tuple(token.score or 0.0 for token in tokens),
        entities,
    )
