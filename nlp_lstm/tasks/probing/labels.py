"""A text that gets a label, on its way through a network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from nlp_lstm.errors import UsageError, nearest
from nlp_lstm.nn.classifier import TextClassifier
from nlp_lstm.nn.pooling import AttentionPooling
from nlp_lstm.tasks.probing.probe import Aim
from nlp_lstm.tasks.probing.texts import ReadText, Scores, TextProbe


class LabelProbe(TextProbe):
    """A text that gets a label; what is explained is a label's log-odds, log p − log (1 − p).

    Args:
        read: the text.
        head: what stands on the encoder.
        scores: the network's logits of a batch.
        predict: gives the prediction as plain values.
        labels: every label, in the network's order.
        target: a label; None takes the likeliest.
    """

    def __init__(
        self,
        read: ReadText,
        head: TextClassifier,
        scores: Scores,
        predict: Callable[[], dict[str, Any]],
        labels: Sequence[str],
        *,
        target: str | None = None,
    ) -> None:
        super().__init__(read, target=target)
        self._head, self._scores, self._predict, self.labels = head, scores, predict, tuple(labels)

    def prediction(self) -> dict[str, Any]:
        """Return the likeliest label and the probability of every label."""
        return self._predict()

    def aim(self) -> Aim:
        """Return the label to explain."""
        label = self.prediction()["label"] if self.target is None else self.target
        if label not in self.labels:
            raise UsageError(f"no label {label!r}{nearest(label, self.labels)}")
        number = self.labels.index(label)
        others = [place for place in range(len(self.labels)) if place != number]

        def score(rows: int) -> Tensor:
            logits = self._scores(*self.read.copies(rows))  # (rows, labels)
            found: Tensor = logits[:, number] - logits[:, others].logsumexp(-1)
            return found

        return Aim(f"log-odds of the label {label!r}", score)

    def attention(self) -> tuple[float, ...]:
        """Return the weights of attention pooling."""
        pooling = self._head.pooling
        if not isinstance(pooling, AttentionPooling):
            return ()
        with torch.no_grad():
            states = self.stack(self.inputs(), self.read.mask).states
            weights = pooling.weights(states, self.read.mask)  # (1, time)
        return tuple(weights[0].tolist())

    def notes(self) -> tuple[str, ...]:
        """Return that n-grams beside the network take part in the score, if they do."""
        if self._head.ngrams is None:
            return super().notes()
        told = "a linear path over n-grams adds to the score; it is in the baseline too, and in no token's share"
        return (*super().notes(), told)
