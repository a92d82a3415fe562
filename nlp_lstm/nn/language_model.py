"""The language model: the shared encoder reads from left to right, an output layer says what comes next."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from nlp_lstm.nn.encoder import Encoder
from nlp_lstm.nn.layers import flatten_state, unflatten_state
from nlp_lstm.nn.loss import SummedLoss, sequence_loss

ROWS = 64
"""Rows that a part of an adaptive softmax reads are filled up to a multiple of this: each new number of rows costs the
kernels memory that they keep, and set-up time."""

State = tuple[Tensor, ...]
"""The memory of every layer, as `flatten_state` gives it; empty stands for zeros."""


class LanguageModel(nn.Module):
    """Gives every token a score to come next.

    Args:
        encoder: reads one way, from left to right.
        tied: the output layer's weights are the embeddings; where the widths differ, a projection to the embedding's
            stands before it (Press & Wolf 2017; Inan et al. 2017).
        cutoffs: where the vocabulary, commonest first, is parted for an adaptive softmax (Grave et al. 2017): the
            tokens before the first place have full width, those behind each place a quarter of the width before. Such
            a softmax is not tied. None for a softmax over all.

    Raises:
        ValueError: the encoder reads both ways, or the softmax is to be both tied and adaptive.
    """

    def __init__(self, encoder: Encoder, *, tied: bool = False, cutoffs: Sequence[int] = ()) -> None:
        super().__init__()
        if encoder.stack.bidirectional:
            raise ValueError("a language model must not read what it is to foresee: the encoder must be one-way")
        if tied and cutoffs:
            raise ValueError("a softmax is tied or adaptive, not both")
        self.encoder = encoder
        vocab_size, embed_size = encoder.embedding.weight.shape
        width = encoder.output_size
        self.project = nn.Linear(width, embed_size, bias=False) if tied and width != embed_size else None
        self.adaptive = None
        self.output = None
        if cutoffs:
            self.adaptive = nn.AdaptiveLogSoftmaxWithLoss(width, vocab_size, list(cutoffs))
        elif not tied:
            self.output = nn.Linear(width, vocab_size, bias=False)
        self.bias = None if cutoffs else nn.Parameter(torch.zeros(vocab_size))

    def forward(self, ids: Tensor, state: State = ()) -> tuple[Tensor, State]:
        """Return the log-probabilities of what follows each token, and the state behind the last.

        Args:
            ids: token ids, int64 (batch, time), no padding.
            state: where an earlier call ended; empty starts from zeros.

        Returns:
            float32 (batch, time, vocab), and what the next call goes on from.
        """
        features, after = self.read(ids, state)
        return self.log_probs(features), after

    def read(self, ids: Tensor, state: State = ()) -> tuple[Tensor, State]:
        """Return what the output layer reads at each token (batch, time, width), and the state behind the last."""
        mask = torch.ones_like(ids, dtype=torch.bool)
        before = unflatten_state(state, self.encoder.stack.cell)
        encoded = self.encoder(ids, mask, before, final_state=True)
        assert encoded.state is not None
        return encoded.states, flatten_state(encoded.state)

    def log_probs(self, features: Tensor) -> Tensor:
        """Return the log-probability of each token after `features` (..., width), float32 (..., vocab)."""
        if self.adaptive is not None:
            flat = self.adaptive.log_prob(features.flatten(0, -2).to(self.adaptive.head.weight.dtype))
            return flat.view(*features.shape[:-1], -1).float()
        return self._logits(features).float().log_softmax(-1)

    def loss(self, ids: Tensor, targets: Tensor, state: State = (), *, consistency: float = 0.0) -> SummedLoss:
        """Return the negative log-likelihood of `targets` int64 (batch, time), the tokens that follow `ids`.

        With `consistency` (see `agreeing_loss`) all is read twice in training: the states are then of both readings,
        (2 · batch, …). It is for a softmax over all tokens.
        """
        twice = self.training and consistency > 0.0
        if twice:
            ids, targets = ids.repeat(2, 1), targets.repeat(2, 1)
        features, after = self.read(ids, state)
        if self.adaptive is not None:
            nats = adaptive_loss(self.adaptive, features.flatten(0, 1), targets.flatten())
            return SummedLoss(nats, float(targets.numel()), after)
        loss = sequence_loss(self._logits(features), targets, consistency=consistency if twice else 0.0)
        return loss._replace(state=after)

    def output_weights(self) -> tuple[Tensor, Tensor]:
        """Return the softmax as one matrix (vocab, width) and one bias (vocab,).

        Raises:
            ValueError: it is adaptive, which is several.
        """
        if self.bias is None:
            raise ValueError("an adaptive softmax has no one matrix")
        weight = self.encoder.embedding.weight if self.output is None else self.output.weight
        return (weight if self.project is None else weight @ self.project.weight), self.bias

    def _logits(self, features: Tensor) -> Tensor:
        if self.project is not None:
            features = self.project(features)
        weight = self.encoder.embedding.weight if self.output is None else self.output.weight
        return functional.linear(features, weight, self.bias)


def adaptive_loss(softmax: nn.AdaptiveLogSoftmaxWithLoss, features: Tensor, targets: Tensor) -> Tensor:
    """Return the negative log-likelihood of `targets`, summed, in nats: what the softmax's own `forward` averages.

    Args:
        softmax: the parts.
        features: what they read, (rows, width).
        targets: int64 (rows,).
    """
    bounds = list(softmax.cutoffs)  # the last is the size of the vocabulary
    in_head, tail_nats = targets, features.new_zeros((), dtype=torch.float32)
    for number, (part, low, high) in enumerate(zip(softmax.tail, bounds, bounds[1:], strict=False)):
        (rows,) = torch.where((targets >= low) & (targets < high))
        in_head = in_head.index_fill(0, rows, bounds[0] + number)
        filled = torch.cat([rows, rows.new_zeros(-len(rows) % ROWS)])  # row 0 is read some times for nothing
        scores = part(features[filled]).float()
        tail_nats = tail_nats + functional.cross_entropy(scores[: len(rows)], targets[rows] - low, reduction="sum")
    return functional.cross_entropy(softmax.head(features).float(), in_head, reduction="sum") + tail_nats
