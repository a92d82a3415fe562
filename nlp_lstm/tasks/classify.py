"""The classification task: one of several labels for a whole text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import nn

from nlp_lstm.batching.buckets import batches_by_length
from nlp_lstm.batching.labelled import LabelledBatch, LabelledBatches
from nlp_lstm.batching.padding import pad_ids
from nlp_lstm.batching.spelled import SpelledRows
from nlp_lstm.batching.spelled_texts import SpelledTextBatch, SpelledTextBatches
from nlp_lstm.config import (
    Consistency,
    DataSettings,
    EncoderSettings,
    Fraction,
    Positive,
    Probability,
    Settings,
    TrainingSettings,
    VocabularySettings,
)
from nlp_lstm.config import Settings as HeadSettings
from nlp_lstm.corpora.reading import Record, read_examples, read_records
from nlp_lstm.corpora.token_table import TokenTable
from nlp_lstm.corpora.tokenized import tokenize_texts
from nlp_lstm.errors import DataError, ModelError, nearest
from nlp_lstm.metrics.classification import ClassificationReport, classification_report
from nlp_lstm.nn.classifier import TextClassifier
from nlp_lstm.nn.encoder import Encoder
from nlp_lstm.nn.loss import SummedLoss, agreeing_loss, classification_loss
from nlp_lstm.nn.ngrams import HashedNgrams
from nlp_lstm.nn.precision import mixed_precision
from nlp_lstm.records.examples import Example
from nlp_lstm.records.predictions import Prediction
from nlp_lstm.tasks.probing.labels import LabelProbe
from nlp_lstm.tasks.probing.texts import ReadText, Scores
from nlp_lstm.tasks.task import (
    CutsTexts,
    HasExamples,
    Note,
    Rows,
    Vocabularies,
    build_encoder,
    build_vocabulary,
    encoder_vocabulary,
    words_with_vectors,
)
from nlp_lstm.text.tokenizers import Tokenizer


class ClassifyPartSettings(Settings):
    """What a classifier is told where it is a part of a model."""

    pooling: Literal["concat", "max", "attention"] = "concat"
    dropout: Probability = 0.3
    """On the pooled vector."""
    label_smoothing: Fraction = 0.0
    class_weights: Literal["none", "balanced"] = "none"
    """`balanced` weighs each text by the inverse frequency of its label."""
    ngram_order: Annotated[int, Field(ge=1)] = 1
    """Tokens in the longest run that a linear path beside the network looks at; 1 for no such path."""
    ngram_buckets: Positive = 2**20
    """Rows of its table."""
    ngram_dropout: Probability = 0.3


class ClassifySettings(ClassifyPartSettings):
    """The `[head]` section of a classification recipe."""

    consistency: Consistency = 0.0
    """How much it counts in the loss that two readings of a text, through other dropouts, agree; 0 reads it once."""


class Classify(HasExamples, CutsTexts):
    """Reads labels from examples, builds the network, says what its loss and its predictions are.

    Args:
        labels: every label, in class order.
        settings: the head's settings.
        tokenizer: cuts texts.
        vocabularies: the one of the tokens.
        label_weights: the weight of each label in the loss; None weighs all alike.
    """

    Settings: ClassVar[type[Settings]] = ClassifySettings
    unit: ClassVar[str] = "texts"
    headline: ClassVar[Mapping[str, str]] = {"accuracy": "accuracy", "macro F1": "macro_f1"}
    scores: ClassVar[frozenset[str]] = frozenset({"accuracy", "macro_f1"})
    example_type: ClassVar[type] = Example
    takes_words: ClassVar[bool] = False

    def __init__(
        self,
        labels: Sequence[str],
        settings: ClassifyPartSettings,
        tokenizer: Tokenizer,
        vocabularies: Vocabularies,
        label_weights: Sequence[float] | None = None,
    ) -> None:
        self.labels = tuple(labels)
        self.settings, self.tokenizer = settings, tokenizer
        self.vocabularies = vocabularies
        self._numbers = {label: number for number, label in enumerate(self.labels)}
        self._weights = None if label_weights is None else torch.tensor(label_weights, dtype=torch.float32)

    @classmethod
    def part_settings(cls) -> type[HeadSettings]:
        """Return the kind of its settings as a part: all but those of how often a text is read."""
        return ClassifyPartSettings

    @classmethod
    def read(
        cls, source: str, data: DataSettings, tokenizer: Callable[[], Tokenizer], *, note: Note | None = None
    ) -> list[Example]:
        """Return the labelled texts of a source."""
        return read_examples(
            source,
            data_format=data.format,
            text_column=data.text_column,
            label_column=data.label_column,
            online=data.online,
        )

    @classmethod
    def records(cls, source: str, data: DataSettings) -> Iterator[Record]:
        """Stream the texts of a source."""
        return read_records(source, data_format=data.format, text_column=data.text_column, online=data.online)

    @classmethod
    def tokenize(cls, examples: Sequence[Example], tokenizer: Tokenizer, *, cache: Path | None) -> TokenTable:
        """Return the tokens of the texts."""
        return tokenize_texts([example.text for example in examples], tokenizer, cache=cache)

    @classmethod
    def build_vocabularies(cls, tokens: TokenTable, tokenizer: Tokenizer, settings: VocabularySettings) -> Vocabularies:
        """Return the vocabulary of the tokens."""
        known = (*tokenizer.pieces, *words_with_vectors(settings, lowercase=tokenizer.lowercase))
        return {"tokens": build_vocabulary(tokens.counts(), known, settings)}

    @classmethod
    def from_examples(
        cls,
        examples: Sequence[Example],
        settings: ClassifyPartSettings,
        tokenizer: Tokenizer,
        vocabularies: Vocabularies,
    ) -> Classify:
        """Return the task with the labels of the training examples, in alphabetical order.

        Raises:
            DataError: there are fewer than two labels.
        """
        counts = Counter(example.label for example in examples if example.label is not None)
        if len(counts) < 2:
            found = ", ".join(map(repr, counts)) or "none"
            raise DataError(f"{examples[0].source}: expected at least two different labels, found {found}")
        labels = sorted(counts)
        if settings.class_weights == "none":
            return cls(labels, settings, tokenizer, vocabularies)
        weights = [counts.total() / (len(labels) * counts[label]) for label in labels]
        return cls(labels, settings, tokenizer, vocabularies, weights)

    @classmethod
    def from_labels(
        cls,
        labels: Mapping[str, Sequence[str]],
        settings: ClassifyPartSettings,
        tokenizer: Tokenizer,
        vocabularies: Vocabularies,
    ) -> Classify:
        """Return the task of a model folder.

        Raises:
            ModelError: there are no class labels.
        """
        if set(labels) != {"labels"}:
            raise ModelError(f"labels: expected 'labels' alone, found {', '.join(map(repr, labels)) or 'none'}")
        return cls(labels["labels"], settings, tokenizer, vocabularies)

    def to_labels(self) -> dict[str, Sequence[str]]:
        """Return the labels, ready for a model folder."""
        return {"labels": self.labels}

    def check(self, examples: Sequence[Example]) -> list[str]:
        """See that every example has a label of the training data.

        Raises:
            DataError: one has not; the message names the line.
        """
        self.targets(examples)
        return []

    def encode(self, tokens: TokenTable) -> Rows:
        """Return the ids of tokenized texts."""
        return tokens.encode(encoder_vocabulary(self))

    def targets(self, examples: Sequence[Example]) -> NDArray[np.int64]:
        """Return the class number of each example.

        Raises:
            DataError: a label is missing or was never seen in training; the message names the line.
        """
        numbers = np.empty(len(examples), dtype=np.int64)
        for i, example in enumerate(examples):
            number = self._numbers.get(example.label or "")
            if number is None:
                place = f"line {example.line} of {example.source}"
                if example.label is None:
                    raise DataError(f"{place}: no label; expected one of {', '.join(self.labels)}")
                hint = nearest(example.label, self.labels)
                raise DataError(f"{place}: label {example.label!r} is not one of the training data's{hint}")
            numbers[i] = number
        return numbers

    def build(self, encoder: EncoderSettings) -> TextClassifier:
        """Return a freshly initialised network."""
        return self.build_part(build_encoder(encoder, encoder_vocabulary(self)))

    def build_part(self, encoder: Encoder) -> TextClassifier:
        """Return a freshly initialised network on an encoder."""
        settings, ngrams = self.settings, None
        if settings.ngram_order > 1:
            ngrams = HashedNgrams(
                len(self.labels),
                order=settings.ngram_order,
                n_buckets=settings.ngram_buckets,
                dropout=settings.ngram_dropout,
            )
        return TextClassifier(
            encoder,
            len(self.labels),
            pooling=settings.pooling,
            dropout=settings.dropout,
            ngrams=ngrams,
        )

    def batches(self, rows: Rows, examples: Sequence[Example], settings: TrainingSettings) -> LabelledBatches:
        """Return the training batches of token-id rows and their examples."""
        return LabelledBatches(
            rows,
            self.targets(examples),
            batch_size=settings.batch_size,
            seed=settings.seed,
            pad_id=encoder_vocabulary(self).pad_id,
            max_tokens=settings.max_tokens,
        )

    def part_batches(
        self, rows: SpelledRows, examples: Sequence[Example], settings: TrainingSettings
    ) -> SpelledTextBatches:
        """Return the training batches of texts whose words are spelled, and their examples."""
        return SpelledTextBatches(
            rows,
            self.targets(examples),
            batch_size=settings.batch_size,
            seed=settings.seed,
            max_tokens=settings.max_tokens,
        )

    def loss(self, model: nn.Module, batch: LabelledBatch) -> SummedLoss:
        """Return the cross-entropy of a batch, summed over its texts, in nats."""
        assert isinstance(self.settings, ClassifySettings)  # a part's batches come by `part_loss`
        consistency = self.settings.consistency
        if not consistency or not model.training:
            return self.part_loss(model, model(batch.ids, batch.mask), batch)
        both = LabelledBatch(batch.ids.repeat(2, 1), batch.mask.repeat(2, 1), batch.targets.repeat(2))
        logits = model(both.ids, both.mask)
        return agreeing_loss(self.part_loss(model, logits, both), logits, consistency)

    def part_loss(self, model: nn.Module, logits: torch.Tensor, batch: LabelledBatch | SpelledTextBatch) -> SummedLoss:
        """Return the loss of a batch whose logits are known."""
        return classification_loss(
            logits,
            batch.targets,
            label_weights=None if self._weights is None else self._weights.to(logits.device),
            label_smoothing=self.settings.label_smoothing,
        )

    def predict(
        self, model: nn.Module, rows: Rows, *, batch_size: int = 256, precision: str = "float32", quick: bool = False
    ) -> list[Prediction]:
        """Return a prediction for each row of token ids, in their order; none of the rows is empty."""
        return self._predictions(self.probabilities(model, rows, batch_size=batch_size, precision=precision))

    def part_predictions(
        self, model: nn.Module, logits: torch.Tensor, mask: torch.Tensor, lengths: Sequence[int] = ()
    ) -> list[Prediction]:
        """Return a prediction for each text of a batch whose logits are known."""
        return self._predictions(_probabilities(logits))

    def part_answers(
        self, model: nn.Module, logits: torch.Tensor, mask: torch.Tensor, sentences: Sequence[object]
    ) -> list[Prediction]:
        """Return a prediction for each text of a batch whose logits are known."""
        return self.part_predictions(model, logits, mask)

    def _predictions(self, probabilities: NDArray[np.float64]) -> list[Prediction]:
        return [
            Prediction(self.labels[winner], float(row[winner]), dict(zip(self.labels, row.tolist(), strict=True)))
            for winner, row in zip(probabilities.argmax(1), probabilities, strict=True)
        ]

    def probabilities(
        self, model: nn.Module, rows: Rows, *, batch_size: int = 256, precision: str = "float32"
    ) -> NDArray[np.float64]:
        """Return the probability of each label for each row of token ids, (rows, labels)."""
        lengths = np.array([len(row) for row in rows], dtype=np.int64)
        result = np.zeros((len(rows), len(self.labels)))
        device, pad_id = next(model.parameters()).device, encoder_vocabulary(self).pad_id
        model.eval()
        with torch.inference_mode(), mixed_precision(device, precision):
            for chosen in batches_by_length(lengths, max_rows=batch_size):
                ids, mask = pad_ids([rows[row] for row in chosen], pad_id=pad_id)
                logits = model(ids.to(device), mask.to(device))  # (batch, labels)
                result[chosen] = _probabilities(logits)
        return result

    def report(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> ClassificationReport:
        """Return the scores of predictions against the examples' labels."""
        predicted = np.array([self._numbers[prediction.label] for prediction in predictions], dtype=np.int64)
        return classification_report(self.targets(examples), predicted, self.labels)

    def score(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> float:
        """Return the number training watches: accuracy, in [0, 1]."""
        right = sum(p.label == e.label for p, e in zip(predictions, examples, strict=True))
        return right / len(examples)

    def shown_score(self, score: float) -> str:
        """Return the number training watches as people read it."""
        return f"accuracy {score:.4f}"

    def answer(self, model: nn.Module, inputs: Sequence[str], *, batch_size: int = 256) -> list[Prediction]:
        """Return a prediction for each text."""
        vocabulary = encoder_vocabulary(self)
        rows = [np.array(vocabulary.ids(keys), dtype=np.int32) for keys in self.tokenizer.keys(inputs)]
        return self.predict(model, rows, batch_size=batch_size)

    def probe(self, model: nn.Module, given: str, target: str | None = None) -> LabelProbe:
        """Return a text on its way through the network, to be inspected."""
        assert isinstance(model, TextClassifier)
        tokens = self.tokenizer(given)
        ids = encoder_vocabulary(self).ids(tokens.keys) if tokens.keys else []
        read = ReadText.of_ids(given, tokens, model.encoder, ids)
        return self.part_probe(model, read, model, lambda: self.answer(model, [given])[0].to_dict(), target)

    def part_probe(
        self,
        model: nn.Module,
        read: ReadText,
        scores: Scores,
        predict: Callable[[], dict[str, Any]],
        target: str | None,
    ) -> LabelProbe:
        """Return a text on its way through a network and this head."""
        assert isinstance(model, TextClassifier)
        return LabelProbe(read, model, scores, predict, self.labels, target=target)


def _probabilities(logits: torch.Tensor) -> NDArray[np.float64]:
    """Return the probability of each label, (batch, labels), of `logits` of that shape."""
    found: NDArray[np.float64] = logits.double().softmax(-1).cpu().numpy()
    return found
