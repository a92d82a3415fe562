"""What every task can do; the stages, the trained models and the command line know a task by this alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from torch import nn

from nlp_lstm.config import DataSettings, EncoderSettings, TokenizerSettings, TrainingSettings, VocabularySettings
from nlp_lstm.config import Settings as HeadSettings
from nlp_lstm.corpora.reading import Record
from nlp_lstm.corpora.splitting import hold_out
from nlp_lstm.errors import UsageError, listed
from nlp_lstm.nn.encoder import Encoder
from nlp_lstm.nn.loss import SummedLoss
from nlp_lstm.nn.vectors import VectorEncoder
from nlp_lstm.text.tokenizers import Tokenizer, build_tokenizer, tokenizer_from_dict
from nlp_lstm.text.vectors import read_vectors
from nlp_lstm.text.vocabulary import SPECIALS, Vocabulary

Rows: TypeAlias = Sequence[NDArray[np.int32]]
"""Ids of each text, none of them empty."""

Note: TypeAlias = Callable[[str], None]
"""Takes a line for people."""

Vocabularies: TypeAlias = Mapping[str, Vocabulary]
"""Vocabularies by what they number; the encoder's own one is first. A task without text has none."""


class Report(Protocol):
    """Scores on labelled data."""

    def to_dict(self) -> dict[str, object]:
        """Return the scores as plain values, ready for JSON; an interval of `x` is called `x_interval`."""
        ...


class Prediction(Protocol):
    """What a task says of one text."""

    def to_dict(self) -> dict[str, object]:
        """Return what was found as plain values, ready for JSON; the text itself is left out."""
        ...

    def to_text(self) -> str:
        """Return what was found as one line for people."""
        ...

    def cells(self) -> list[str]:
        """Return what was found as the cells that a table gets to the right of the text."""
        ...


@runtime_checkable
class Tabled(Protocol):
    """A prediction that is a table."""

    def table(self) -> list[list[str]]:
        """Return the header and the rows, as cells."""
        ...


class Task(Protocol):
    """Reads examples, numbers them, builds the network, says what its loss, predictions and scores are.

    A task knows its labels, tokenizer and vocabularies. The class methods stand before there is one: they read files,
    cut texts and collect what the training data hold. A task whose examples are no texts is a
    `nlp_lstm.tasks.numbers.ReadsNumbers`: that says what it has in place of tokenizer and vocabularies.

    A task may also have `scores`, the names of all numbers in its reports (see `score_names`), `shown_score`, which
    returns what `score` gave as people read it (see `shown_score`), `doubts`, which says what a trained network finds
    odd about examples that are to be scored (see `doubts`), and `encoder_defaults`, the settings of an encoder
    for it where a recipe says nothing of them.
    """

    Settings: ClassVar[type[HeadSettings]]
    """The kind of its `[head]` settings."""
    unit: ClassVar[str]
    """What its examples are called, in the plural."""
    headline: ClassVar[Mapping[str, str]]
    """The scores worth a glance: their key in a report, by the name people read."""
    costs: ClassVar[frozenset[str]]
    """Those of all its scores that are better when they are lower."""
    example_type: ClassVar[type]
    """The kind of record its labelled examples are."""
    takes_words: ClassVar[bool]
    """Whether `answer` also takes a sequence of words in place of a text."""

    @property
    def settings(self) -> HeadSettings:
        """The head's settings, with all that the training data decided."""
        ...

    @property
    def tokenizer(self) -> Any:
        """What cuts its texts."""
        ...

    @property
    def vocabularies(self) -> Vocabularies:
        """Its vocabularies by what they number; the encoder's own one is first."""
        ...

    @classmethod
    def read(
        cls, source: str, data: DataSettings, tokenizer: Callable[[], Tokenizer], *, note: Note | None = None
    ) -> list[Any]:
        """Return the labelled examples of a source.

        Args:
            source: a path, `-` for standard input, or `hf:NAME[:SPLIT]`.
            data: how to read it.
            tokenizer: makes one, should labels need to be aligned.
            note: who is told what training leaves out of it; None leaves nothing out, as when there is to be scored.

        Raises:
            DataError: the source cannot be read, or has problems.
        """
        ...

    @classmethod
    def records(cls, source: str, data: DataSettings) -> Iterator[Record]:
        """Stream the inputs of a source to predict on; labels are not looked at.

        Raises:
            DataError: the source cannot be read (on), or a row is malformed.
        """
        ...

    @classmethod
    def hold_out(cls, examples: Sequence[Any], *, fraction: float, seed: int) -> tuple[list[Any], list[Any]]:
        """Return the examples for training and those held out for development.

        Raises:
            DataError: there is too little to hold some out.
        """
        ...

    @classmethod
    def make_tokenizer(cls, settings: TokenizerSettings, examples: Sequence[Any]) -> Any:
        """Return what cuts the texts; what is to be learned of it is learned from the training examples.

        Raises:
            UsageError: there is no such tokenizer, or the task cannot use it.
        """
        ...

    @classmethod
    def tokenizer_from_dict(cls, record: Mapping[str, Any]) -> Any:
        """Return the tokenizer that its `to_dict` described.

        Raises:
            ModelError: the record is not of one that the task uses.
        """
        ...

    @classmethod
    def tokenize(cls, examples: Sequence[Any], tokenizer: Any, *, cache: Path | None) -> Any:
        """Return the tokens of the examples."""
        ...

    @classmethod
    def build_vocabularies(cls, tokens: Any, tokenizer: Any, settings: VocabularySettings) -> Vocabularies:
        """Return the vocabularies of the training tokens."""
        ...

    @classmethod
    def from_examples(cls, examples: Sequence[Any], settings: Any, tokenizer: Any, vocabularies: Vocabularies) -> Task:
        """Return the task of the training examples.

        Raises:
            DataError: there is nothing to learn in them.
        """
        ...

    @classmethod
    def from_labels(
        cls, labels: Mapping[str, Sequence[str]], settings: Any, tokenizer: Any, vocabularies: Vocabularies
    ) -> Task:
        """Return the task of a model folder.

        Raises:
            ModelError: the labels are not those of such a task.
        """
        ...

    def to_labels(self) -> dict[str, Sequence[str]]:
        """Return the labels by what they label, ready for a model folder."""
        ...

    def check(self, examples: Sequence[Any]) -> list[str]:
        """Return a line for each thing worth knowing of development or test examples.

        Raises:
            DataError: they cannot be scored.
        """
        ...

    def encode(self, tokens: Any) -> Any:
        """Return the ids of tokenized texts, as `batches` and `predict` take them."""
        ...

    def build(self, encoder: EncoderSettings) -> nn.Module:
        """Return a freshly initialised network; its shared encoder is its attribute `encoder`."""
        ...

    def batches(self, rows: Any, examples: Sequence[Any], settings: TrainingSettings) -> Any:
        """Return the training batches."""
        ...

    def loss(self, model: nn.Module, batch: Any) -> SummedLoss:
        """Return the loss of a batch."""
        ...

    def predict(
        self, model: nn.Module, rows: Any, *, batch_size: int = 256, precision: str = "float32", quick: bool = False
    ) -> list[Any]:
        """Return what is predicted for each row, as `score` and `report` take it.

        Args:
            model: the network.
            rows: what `encode` returned.
            batch_size: rows that go through the network together.
            precision: what the network computes in.
            quick: take what is sooner there, if a task has such, as training does between its steps; else what
                `answer` gives.
        """
        ...

    def score(self, examples: Sequence[Any], predictions: Sequence[Any]) -> float:
        """Return the number training watches; higher is better."""
        ...

    def report(self, examples: Sequence[Any], predictions: Sequence[Any]) -> Report:
        """Return the scores of predictions against the examples' labels."""
        ...

    def answer(self, model: nn.Module, inputs: Sequence[Any], *, batch_size: int = 256) -> list[Any]:
        """Return a prediction for people for each input, in order. A task may take options of its own."""
        ...


def score_names(task: Task) -> frozenset[str] | None:
    """Return the names of the scores in a task's reports; None of a task that does not say them beforehand."""
    return getattr(task, "scores", None)


def shown_score(task: Task, score: float) -> str:
    """Return the number that training watches as people read it: with its name, where the task says it."""
    own = getattr(task, "shown_score", None)
    return f"{score:.4f}" if own is None else str(own(score))


def doubts(task: Task, model: nn.Module, examples: Sequence[Any]) -> list[str]:
    """Return a line for each thing that a trained network finds odd about examples, where the task looks for such."""
    own = getattr(task, "doubts", None)
    return [] if own is None else list(own(model, examples))


class HasExamples:
    """The part of a task whose examples stand beside each other, whose scores are better the higher they are."""

    costs: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def hold_out(cls, examples: Sequence[Any], *, fraction: float, seed: int) -> tuple[list[Any], list[Any]]:
        """Return the examples for training, and a random part of them for development."""
        return hold_out(examples, fraction=fraction, seed=seed)


class CutsTexts:
    """The part of a task whose examples are texts of one language."""

    @classmethod
    def make_tokenizer(cls, settings: TokenizerSettings, examples: Sequence[Any]) -> Tokenizer:
        """Return a new tokenizer, learned from the examples if it is one to be learned."""
        return new_tokenizer(settings, examples)

    @classmethod
    def tokenizer_from_dict(cls, record: Mapping[str, Any]) -> Tokenizer:
        """Return the tokenizer that its `to_dict` described."""
        return tokenizer_from_dict(record)


def new_tokenizer(settings: TokenizerSettings, examples: Iterable[Any] = ()) -> Tokenizer:
    """Return the tokenizer of settings, learned from the texts of `examples` if it is one to be learned."""
    return build_tokenizer(**settings.model_dump(exclude={"joint"}), train_texts=(each.text for each in examples))


def encoder_vocabulary(task: Task) -> Vocabulary:
    """Return the vocabulary whose ids the shared encoder reads.

    Raises:
        UsageError: there is none, as the task is one without text.
    """
    for vocabulary in task.vocabularies.values():
        return vocabulary
    raise UsageError("a model that reads numbers has no vocabulary")


def build_encoder(settings: EncoderSettings, vocabulary: Vocabulary, *, extra_size: int = 0) -> Encoder:
    """Return a freshly initialised shared encoder; `extra_size` as in `Encoder`."""
    return Encoder(
        len(vocabulary),
        pad_id=vocabulary.pad_id,
        unknown_id=vocabulary.unknown_id,
        extra_size=extra_size,
        **settings.model_dump(),
    )


def build_vector_encoder(settings: EncoderSettings, input_size: int, *, project: bool = True) -> VectorEncoder:
    """Return a freshly initialised encoder of vectors.

    Args:
        settings: what it is like.
        input_size: width of a vector.
        project: whether a projection to `embed_size` stands before the layers.

    Raises:
        UsageError: something is to be done to words, of which there are none.
    """
    words = [name for name in ("embedding_dropout", "word_dropout") if getattr(settings, name)]
    if words:
        raise UsageError(listed("a model that reads numbers", [f"encoder.{name}: expected 0.0" for name in words]))
    options = settings.model_dump(exclude={"embedding_dropout", "word_dropout"})
    return VectorEncoder(input_size, **options | ({} if project else {"embed_size": None}))


def words_with_vectors(settings: VocabularySettings, *, lowercase: bool) -> tuple[str, ...]:
    """Return the words that a model is to know for their vectors alone: the first ones of the file, if there is one.

    Args:
        settings: which file, and how many of its words.
        lowercase: whether the model looks words up in lower case.

    Raises:
        DataError: the file is missing or malformed.
    """
    if settings.vectors is None or not settings.vector_words:
        return ()
    return read_vectors(settings.vectors, first=settings.vector_words, lowercase=lowercase).tokens


def build_vocabulary(
    counts: Mapping[str, int],
    pieces: Sequence[str],
    settings: VocabularySettings,
    *,
    specials: Sequence[str] = SPECIALS,
) -> Vocabulary:
    """Return the vocabulary of counted tokens; of `pieces`, which spell any text, none is left out for being rare."""
    spelled = {piece: max(settings.min_count, counts.get(piece, 0)) for piece in pieces}
    return Vocabulary.build(
        {**counts, **spelled}, min_count=settings.min_count, max_size=settings.max_size, specials=specials
    )
