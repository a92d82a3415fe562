"""Estimators in the manner of scikit-learn, which itself is not needed: `TextClassifier` and `SequenceTagger`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from nlp_lstm.adapters.estimator import Estimator
from nlp_lstm.adapters.label_names import LabelNames
from nlp_lstm.records.examples import Example, TaggedSentence
from nlp_lstm.stages.chunks import each_of

T = TypeVar("T")
U = TypeVar("U")


class TextClassifier(Estimator):
    """A classifier of texts: `fit(texts, labels)`, then `predict`, `predict_proba`, `score`.

    The parameters are those of `Estimator`. Labels may be anything hashable and come back as they were.
    """

    _estimator_type = "classifier"
    _task = "classify"

    def fit(self, X: Any, y: Any, *, dev: tuple[Any, Any] | None = None) -> Self:
        """Train on texts and their labels.

        Args:
            X: texts.
            y: a label for each.
            dev: texts and labels to watch training by; without any, a tenth of the others is held out for it.

        Raises:
            TypeError: something among the texts is no text, or a label cannot be hashed.
            ValueError: there are not as many labels as texts, or labels cannot be told apart.
            DataError: there is too little to learn from.
            UsageError: a parameter is wrong, or `out` holds another run.
        """
        texts, labels = _as_many(_texts(X), list(each_of(y, "labels")))
        names = LabelNames.of(labels)

        def examples(texts: Sequence[str], labels: Sequence[Any]) -> list[Example]:
            return [Example(text, names.name(label)) for text, label in zip(texts, labels, strict=True)]

        watched = None if dev is None else examples(*_as_many(_texts(dev[0]), list(dev[1])))
        self._train(names, examples(texts, labels), watched)
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the likeliest label of each text, (texts,).

        Raises:
            TypeError: something among the texts is no text.
            UsageError: nothing is trained yet.
        """
        places = [self._names.place(answer.label) for answer in self.predictor_.predict(_texts(X))]
        return self.classes_[np.array(places, dtype=np.int64)]

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the probability of each label for each text, (texts, labels), in the order of `classes_`.

        Raises:
            TypeError: something among the texts is no text.
            UsageError: nothing is trained yet.
        """
        answers = self.predictor_.predict(_texts(X))
        rows = [[answer.scores[name] for name in self._names.names] for answer in answers]
        return np.array(rows, dtype=np.float64).reshape(len(rows), len(self._names.names))

    def score(self, X: Any, y: Any) -> float:
        """Return the accuracy: the share of texts whose label is found, in [0, 1].

        Raises:
            TypeError: something among the texts is no text.
            ValueError: there are not as many labels as texts, or none at all.
            UsageError: nothing is trained yet.
        """
        texts, labels = _as_many(_texts(X), list(each_of(y, "labels")))
        if not labels:
            raise ValueError("no texts to score")
        answers = self.predictor_.predict(texts)
        return sum(self._names.label(a.label) == label for a, label in zip(answers, labels, strict=True)) / len(labels)


class SequenceTagger(Estimator):
    """A tagger of words: `fit(lists of words, lists of tags)`, then `predict`, `score`.

    The parameters are those of `Estimator`. Tags may be anything hashable; those that mark entities are strings.
    """

    _task = "tag"

    def fit(self, X: Any, y: Any, *, dev: tuple[Any, Any] | None = None) -> Self:
        """Train on sentences, each a list of words, and their tags.

        Args:
            X: sentences.
            y: a list of tags for each, one for each word.
            dev: sentences and tags to watch training by; without any, a tenth of the others is held out for it.

        Raises:
            TypeError: a sentence is no list of words, or a tag cannot be hashed.
            ValueError: there are not as many tags as words, or tags cannot be told apart.
            DataError: there is too little to learn from.
            UsageError: a parameter is wrong, or `out` holds another run.
        """
        tags = [list(each_of(each, "tags")) for each in each_of(y, "lists of tags")]
        names = LabelNames.of(tag for each in tags for tag in each)
        watched = None if dev is None else _tagged(dev[0], dev[1], names)
        self._train(names, _tagged(X, tags, names), watched)
        return self

    def predict(self, X: Any) -> list[list[Any]]:
        """Return the tags of each sentence, one for each word.

        Raises:
            TypeError: a sentence is no list of words.
            UsageError: nothing is trained yet.
        """
        return [[self._names.label(tag) for tag in answer.tags] for answer in self.predictor_.predict(_sentences(X))]

    def score(self, X: Any, y: Any) -> float:
        """Return the F1 of entities or, where tags mark none, the share of words tagged right; in [0, 1].

        Raises:
            TypeError: a sentence is no list of words.
            ValueError: there are not as many tags as words.
            DataError: the tags cannot be compared with those of training.
            UsageError: nothing is trained yet.
        """
        found = self.predictor_.evaluate(_tagged(X, y, self._names)).to_dict()
        return float(found.get("f1", found["accuracy"]))  # type: ignore[arg-type]


def _texts(given: Any) -> list[str]:
    """Return texts as a list.

    Raises:
        TypeError: they are one string, or one of them is none.
    """
    if isinstance(given, str):
        raise TypeError("expected texts, found one string")
    texts = list(each_of(given))
    for number, text in enumerate(texts, 1):
        if not isinstance(text, str):
            raise TypeError(f"text {number}: expected a string, found {type(text).__name__}")
    return [str(text) for text in texts]  # NumPy has strings of its own


def _sentences(given: Any) -> list[list[str]]:
    """Return sentences as lists of words.

    Raises:
        TypeError: one is a string, or holds something else than words.
    """
    found = []
    for number, sentence in enumerate(each_of(given, "sentences"), 1):
        if isinstance(sentence, str):
            raise TypeError(f"sentence {number}: expected a list of words, found one string")
        for word in each_of(sentence, f"words in sentence {number}"):
            if not isinstance(word, str) or not word:
                raise TypeError(f"sentence {number}: expected words, found {word!r} among them")
        found.append([str(word) for word in sentence])
    return found


def _tagged(sentences: Any, tags: Any, names: LabelNames) -> list[TaggedSentence]:
    """Return sentences with their tags as records.

    Raises:
        TypeError: a sentence is no list of words.
        ValueError: there are not as many lists of tags as sentences, or not as many tags as words.
    """
    found = []
    for number, (words, those) in enumerate(
        zip(*_as_many(_sentences(sentences), list(each_of(tags, "lists of tags"))), strict=True), 1
    ):
        written = [names.name(tag) for tag in those]
        if len(written) != len(words):
            raise ValueError(f"sentence {number}: {len(words):,} words but {len(written):,} tags")
        found.append(TaggedSentence.of_words(words, written))
    return found


def _as_many(inputs: list[T], labels: list[U]) -> tuple[list[T], list[U]]:
    """Return both as they are.

    Raises:
        ValueError: one is longer than the other.
    """
    if len(inputs) != len(labels):
        raise ValueError(f"expected as many labels as inputs, found {len(inputs):,} inputs and {len(labels):,} labels")
    return inputs, labels
