"""spaCy components: `nlp_lstm_ner` sets `doc.ents`, `nlp_lstm_classify` sets `doc.cats`.

spaCy finds them by the entry points of this package: `nlp.add_pipe("nlp_lstm_ner", config={"model": "runs/ner"})`.
Each entity's probability is `ent._.score`; entities that another component found have None there.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import torch
from spacy import util
from spacy.language import Language
from spacy.tokens import Doc, Span, Token

from nlp_lstm.adapters.model_files import load_files, see_task
from nlp_lstm.errors import ModelError
from nlp_lstm.records.predictions import Tagging
from nlp_lstm.stages.predictor import Predictor
from nlp_lstm.store import NAMES, ModelFiles

SCORE = "score"
if not Span.has_extension(SCORE):
    Span.set_extension(SCORE, default=None)


@Language.factory("nlp_lstm_ner", assigns=["doc.ents"], default_config={"overwrite_ents": False})
def make_ner(nlp: Language, name: str, model: str, overwrite_ents: bool) -> EntityTagger:
    """Return the component that finds entities; see `EntityTagger`."""
    return EntityTagger(model, name=name, overwrite_ents=overwrite_ents)


@Language.factory("nlp_lstm_classify", assigns=["doc.cats"])
def make_classify(nlp: Language, name: str, model: str) -> Classifier:
    """Return the component that classifies; see `Classifier`."""
    return Classifier(model, name=name)


class ModelComponent:
    """A component with a model, which goes along when the pipeline is saved.

    A saved pipeline is loaded in two steps, of which the first makes the component from its old settings, perhaps
    where there is no such folder. So a model that cannot be taken is an error only when it is needed.

    Args:
        model: a model folder.
        name: what the component is called, for messages.
    """

    needs: ClassVar[str]
    """The task of its models."""

    def __init__(self, model: str, *, name: str) -> None:
        self.name = name
        self._files: ModelFiles | None = None
        self._predictor: Predictor | None = None
        self._process = os.getpid()
        self._failure: ModelError | None = None
        try:
            self._take(ModelFiles.read(Path(model)))
        except ModelError as error:
            self._failure = error

    def __call__(self, doc: Doc) -> Doc:
        """Return the document with what the model finds in it.

        Raises:
            ModelError: there is no model, or one that does not fit.
        """
        self._annotate([doc])
        return doc

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        """Yield the documents with what the model finds, in order; they go through the network in batches.

        Raises:
            ModelError: there is no model, or one that does not fit.
        """
        for docs in util.minibatch(stream, size=batch_size):
            self._annotate(docs)
            yield from docs

    def _annotate(self, docs: Sequence[Doc]) -> None:
        raise NotImplementedError

    @property
    def predictor(self) -> Predictor:
        """The model, loaded.

        Raises:
            ModelError: there is none, or one that does not fit.
        """
        if self._predictor is None:
            raise ModelError(f"{self.name}: {self._failure}") from self._failure
        if os.getpid() != self._process:  # forked: the threads that torch counts on stayed behind
            torch.set_num_threads(1)
            self._process = os.getpid()
        return self._predictor

    @property
    def labels(self) -> tuple[str, ...]:
        """Every label of the model; none where there is no model yet, as spaCy asks for them before it loads one."""
        return () if self._predictor is None else self._predictor.labels

    def _take(self, files: ModelFiles) -> None:
        predictor = load_files(files)
        self._see(predictor)
        self._files, self._predictor, self._failure = files, predictor, None

    def _see(self, predictor: Predictor) -> None:
        """See that a model is one for this component.

        Raises:
            ModelError: it is not.
        """
        see_task(predictor, self.needs, wanted_by="the component")

    def _kept(self) -> ModelFiles:
        if self._files is None:
            raise ModelError(f"{self.name}: {self._failure}") from self._failure
        return self._files

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        """Write the model into a folder.

        Raises:
            ModelError: there is no model.
        """
        self._kept().write(Path(path))

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> ModelComponent:
        """Take the model that `to_disk` wrote.

        Raises:
            ModelError: it is damaged or does not fit.
        """
        self._take(ModelFiles.read(Path(path)))
        return self

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """Return the model as bytes.

        Raises:
            ModelError: there is no model.
        """
        contents = self._kept().contents
        return util.to_bytes({name: partial(contents.__getitem__, name) for name in contents}, ())

    def from_bytes(self, content: bytes, *, exclude: Iterable[str] = ()) -> ModelComponent:
        """Take the model that `to_bytes` gave.

        Raises:
            ModelError: it is damaged or does not fit.
        """
        contents: dict[str, bytes] = {}
        util.from_bytes(content, {name: partial(contents.__setitem__, name) for name in NAMES}, ())
        self._take(ModelFiles(contents))
        return self

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_predictor": None}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.__dict__.update(state)
        self._process = os.getpid()
        if self._files is not None:
            self._take(self._files)


class EntityTagger(ModelComponent):
    """Sets `doc.ents`, with the probability of each as `ent._.score`.

    It tags spaCy's own tokens, sentence by sentence where an earlier component set sentences, else the document as one.
    Tokens of blanks are not shown to the model: they are never first or last in an entity, and between two words of
    one they do not part it.

    Args:
        model: the folder of a tagger whose tags mark entities.
        name: what the component is called, for messages.
        overwrite_ents: whether entities that are there give way where the model finds others; else they stay.
    """

    needs = "tag"

    def __init__(self, model: str, *, name: str = "nlp_lstm_ner", overwrite_ents: bool = False) -> None:
        self.overwrite_ents = overwrite_ents
        super().__init__(model, name=name)

    @property
    def labels(self) -> tuple[str, ...]:
        """The kinds of entities it knows."""
        return tuple(dict.fromkeys(tag[2:] for tag in super().labels if tag != "O"))

    def _see(self, predictor: Predictor) -> None:
        super()._see(predictor)
        if getattr(predictor.task, "scheme", None) is None:
            raise ModelError(
                "the component needs a model that finds entities; the tags of this one are of single words"
            )

    def _annotate(self, docs: Sequence[Doc]) -> None:
        pieces = [(number, words) for number, doc in enumerate(docs) for words in _sentences(doc)]
        found: list[list[Span]] = [[] for _ in docs]
        answers = self.predictor.predict([[word.text for word in words] for _, words in pieces])
        for (number, words), answer in zip(pieces, answers, strict=True):
            found[number] += _spans(docs[number], words, answer)
        for doc, spans in zip(docs, found, strict=True):
            first, second = (spans, doc.ents) if self.overwrite_ents else (doc.ents, spans)
            doc.ents = _without_overlaps(first, second)


class Classifier(ModelComponent):
    """Sets `doc.cats`: the probability of every label. It reads the text as it is, as the model does elsewhere.

    Args:
        model: the folder of a classifier.
        name: what the component is called, for messages.
    """

    needs = "classify"

    def __init__(self, model: str, *, name: str = "nlp_lstm_classify") -> None:
        super().__init__(model, name=name)

    def _annotate(self, docs: Sequence[Doc]) -> None:
        for doc, answer in zip(docs, self.predictor.predict([doc.text for doc in docs]), strict=True):
            doc.cats.update(answer.scores)


def _sentences(doc: Doc) -> list[list[Token]]:
    """Return the tokens of each sentence that are no blanks; without sentences those of the document."""
    parts: Iterable[Iterable[Token]] = doc.sents if doc.has_annotation("SENT_START") else [doc]
    return [[token for token in part if not token.is_space] for part in parts]


def _spans(doc: Doc, words: Sequence[Token], answer: Tagging) -> list[Span]:
    """Return the entities of an answer about some words as spans with their scores."""
    first = {start: word.i for start, word in zip(answer.starts, words, strict=True)}
    last = {start + len(word.text): word.i for start, word in zip(answer.starts, words, strict=True)}
    found = []
    for entity in answer.entities:
        span = Span(doc, first[entity.start], last[entity.end] + 1, label=entity.entity_group)
        span._.set(SCORE, entity.score)
        found.append(span)
    return found


def _without_overlaps(first: Sequence[Span], second: Sequence[Span]) -> list[Span]:
    """Return all of the first spans, and those of the second that share no token with them."""
    taken = {token.i for span in first for token in span}
    return [*first, *(span for span in second if taken.isdisjoint(range(span.start, span.end)))]
