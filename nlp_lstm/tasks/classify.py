"""The classification task: one of several labels for a whole text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from nlp_lstm.batching.buckets import batches_by_length
from nlp_lstm.batching.labelled import LabelledBatch, LabelledBatches
from nlp_lstm.batching.padding import pad_ids
from nlp_lstm.config import Fraction, Probability, Settings, TrainingSettings
from nlp_lstm.document import Example, Prediction
from nlp_lstm.errors import DataError, nearest
from nlp_lstm.metrics.classification import ClassificationReport, classification_report
from nlp_lstm.nn.classifier import TextClassifier
from nlp_lstm.nn.encoder import Encoder
from nlp_lstm.nn.loss import SummedLoss, classification_loss
from nlp_lstm.nn.precision import mixed_precision

Rows: TypeAlias = Sequence[NDArray[np.int32]]


class ClassifySettings(Settings):
    """The `[head]` section of a classification recipe."""

    pooling: Literal["concat", "max", "attention"] = "concat"
    dropout: Probability = 0.3
    """On the pooled vector."""
    label_smoothing: Fraction = 0.0
    class_weights: Literal["none", "balanced"] = "none"
    """`balanced` weighs each text by the inverse frequency of its label."""


class Classify:
    """Reads labels from examples, builds the network, says what its loss and its predictions are.

    Args:
        labels: every label, in class order.
        settings: the head's settings.
        label_weights: the weight of each label in the loss; None weighs all alike.
    """

    Settings = ClassifySettings

    def __init__(
        self, labels: Sequence[str], settings: ClassifySettings, label_weights: Sequence[float] | None = None
    ) -> None:
        self.labels = tuple(labels)
        self.settings = settings
        self._numbers = {label: number for number, label in enumerate(self.labels)}
        self._weights = None if label_weights is None else torch.tensor(label_weights, dtype=torch.float32)

    @classmethod
    def from_examples(cls, examples: Sequence[Example], settings: ClassifySettings) -> Classify:
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
            return cls(labels, settings)
        return cls(labels, settings, [counts.total() / (len(labels) * counts[label]) for label in labels])

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

    def build(self, encoder: Encoder) -> TextClassifier:
        """Return the network on top of an encoder."""
        return TextClassifier(encoder, len(self.labels), pooling=self.settings.pooling, dropout=self.settings.dropout)

    def batches(
        self, rows: Rows, examples: Sequence[Example], settings: TrainingSettings, *, pad_id: int
    ) -> LabelledBatches:
        """Return the training batches of token-id rows and their examples."""
        return LabelledBatches(
            rows,
            self.targets(examples),
            batch_size=settings.batch_size,
            seed=settings.seed,
            pad_id=pad_id,
            max_tokens=settings.max_tokens,
        )

    def loss(self, model: nn.Module, batch: LabelledBatch) -> SummedLoss:
        """Return the cross-entropy of a batch, summed over its texts, in nats."""
        return classification_loss(
            model(batch.ids, batch.mask),
            batch.targets,
            label_weights=None if self._weights is None else self._weights.to(batch.ids.device),
            label_smoothing=self.settings.label_smoothing,
        )

    def predict(
        self, model: nn.Module, rows: Rows, *, pad_id: int, batch_size: int = 256, precision: str = "float32"
    ) -> list[Prediction]:
        """Return a prediction for each row of token ids, in their order; none of the rows is empty."""
        probabilities = self.probabilities(model, rows, pad_id=pad_id, batch_size=batch_size, precision=precision)
        best = probabilities.argmax(1)
        return [
            Prediction(self.labels[winner], float(row[winner]), dict(zip(self.labels, row.tolist(), strict=True)))
            for winner, row in zip(best, probabilities, strict=True)
        ]

    def probabilities(
        self, model: nn.Module, rows: Rows, *, pad_id: int, batch_size: int = 256, precision: str = "float32"
    ) -> NDArray[np.float64]:
        """Return the probability of each label for each row of token ids, (rows, labels)."""
        lengths = np.array([len(row) for row in rows], dtype=np.int64)
        result = np.zeros((len(rows), len(self.labels)))
        device = next(model.parameters()).device
        model.eval()
        with torch.inference_mode(), mixed_precision(device, precision):
            for chosen in batches_by_length(lengths, max_rows=batch_size):
                ids, mask = pad_ids([rows[row] for row in chosen], pad_id=pad_id)
                logits = model(ids.to(device), mask.to(device))  # (batch, labels)
                result[chosen] = logits.double().softmax(-1).cpu().numpy()
        return result

    def report(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> ClassificationReport:
        """Return the scores of predictions against the examples' labels."""
        predicted = np.array([self._numbers[prediction.label] for prediction in predictions], dtype=np.int64)
        return classification_report(self.targets(examples), predicted, self.labels)

    def score(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> float:
        """Return the number training watches: accuracy, in [0, 1]."""
        right = sum(p.label == e.label for p, e in zip(predictions, examples, strict=True))
        return right / len(examples)
