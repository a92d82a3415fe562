"""The text classifier: encoder, pooling, linear head, and a wide path beside them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nlp_lstm.nn.encoder import Encoder
from nlp_lstm.nn.ngrams import HashedNgrams
from nlp_lstm.nn.pooling import POOLINGS
from nlp_lstm.nn.stack import Encoded


class TextClassifier(nn.Module):
    """Scores each class of a text.

    Args:
        encoder: the shared encoder.
        n_labels: how many classes.
        pooling: a key of `POOLINGS`.
        dropout: probability of dropping a channel of the pooled vector in training.
        ngrams: scores of the text's n-grams, added to the head's; None for none.
    """

    def __init__(
        self,
        encoder: Encoder,
        n_labels: int,
        *,
        pooling: str = "concat",
        dropout: float = 0.0,
        ngrams: HashedNgrams | None = None,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.pooling = POOLINGS[pooling](encoder.output_size, bidirectional=encoder.stack.n_directions == 2)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(self.pooling.output_size, n_labels)
        self.ngrams = ngrams

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Return logits, float32 (batch, n_labels), of token `ids` int64 (batch, time) under `mask` bool."""
        return self.read(self.encoder(ids, mask), ids, mask)

    def read(self, encoded: Encoded, ids: Tensor, mask: Tensor) -> Tensor:
        """Return logits, float32 (batch, n_labels), of encoded texts."""
        pooled = self.dropout(self.pooling(encoded.states, mask))
        with torch.autocast(pooled.device.type, enabled=False):  # eight bits would make ties of close scores
            logits: Tensor = self.output(pooled)
            return logits if self.ngrams is None else logits + self.ngrams(ids, mask)
