"""A linear classifier on which short runs of tokens a text holds: the wide path beside a recurrent one."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_MULTIPLIER = 0x9E3779B97F4A7C15 - 2**64  # the golden ratio's odd neighbour in 64 bits (Knuth 1998, section 6.4)
SCALE = 3.0
"""How fast the weights count beside those of a network that learns at the same rate."""


class HashedNgrams(nn.Module):
    """Scores each class of a text by its n-grams, each counted once.

        score = SCALE / √|G| · Σ_{g ∈ G} w[hash(g)]

    G: the distinct buckets that the text's n-grams of 2 to `order` tokens fall into; w: a vector of class scores for
    each bucket, zero at first. Sources: presence instead of counts, Wang & Manning 2012, section 2; hashing, Joulin et
    al. 2017, section 2.2; trained jointly with a network, Cheng et al. 2016, section 3.3. Unlike there, one optimizer
    trains both.

    Args:
        n_labels: how many classes.
        order: tokens in the longest run, at least 2.
        n_buckets: rows of the table; runs that share one are not told apart.
        dropout: probability of leaving a run out in training.
    """

    def __init__(self, n_labels: int, *, order: int, n_buckets: int, dropout: float = 0.0) -> None:
        super().__init__()
        if order < 2:
            raise ValueError(f"expected runs of at least 2 tokens, got {order}")
        self.order = order
        self.weight = nn.Parameter(torch.zeros(n_buckets, n_labels))
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Return scores, float32 (batch, n_labels), of token `ids` int64 (batch, time) under `mask` bool.

        A text of one token has no runs, and scores zero.
        """
        buckets = self.buckets(ids, mask)  # (batch, runs)
        present = torch.ones_like(buckets, dtype=torch.bool)
        present[:, 1:] = buckets[:, 1:] != buckets[:, :-1]
        present &= buckets < len(self.weight)
        count = present.sum(1, keepdim=True).clamp(min=1)
        shares = self.dropout(present * (SCALE / count.sqrt()))  # (batch, runs)
        rows = nn.functional.embedding(buckets.clamp(max=len(self.weight) - 1), self.weight)  # (batch, runs, labels)
        return (shares.unsqueeze(1) @ rows).squeeze(1)

    def buckets(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Return the bucket of each run, sorted, int64 (batch, runs).

        Runs that reach into padding, and one more a row, have the number behind the last bucket.
        """
        found = [ids.new_full((len(ids), 1), len(self.weight))]
        code = ids
        for length in range(2, min(self.order, ids.shape[1]) + 1):
            code = _mix(_mix(code[:, :-1] + length) + ids[:, length - 1 :])
            found.append((code % len(self.weight)).masked_fill(~mask[:, length - 1 :], len(self.weight)))
        return torch.cat(found, 1).sort(1).values


def _mix(code: Tensor) -> Tensor:
    """Return a number each of whose bits hangs on many of `code`; products wrap at 64 bits."""
    code = (code ^ (code >> 29)) * _MULTIPLIER
    return (code ^ (code >> 32)) * _MULTIPLIER
