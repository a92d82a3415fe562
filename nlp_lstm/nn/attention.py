"""Attention: how much each state of a source sentence matters to a query, and the mean of them so weighted."""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from nlp_lstm.nn.energies import energies, grow, query_slopes


class Attended(NamedTuple):
    """What attention found.

    Attributes:
        context: the weighted mean of the memory, of the query's rank and the memory's width.
        weights: how much each source token counted, float32 (rows, source_time) or (rows, target_time, source_time);
            zero at padding, the rest sums to 1.
    """

    context: Tensor
    weights: Tensor


class Attention(nn.Module):
    """Looks up in a memory what a query asks for.

        α_j = exp score(q, m_j) / Σ_k exp score(q, m_k);  context = Σ_j α_j m_j

    q: a state of the decoder; m_j: the encoder's state at source token j. A kind of attention is its score. What of
    it depends on the memory alone, the keys, is computed once a source sentence by `prepare`; what of it is a product
    with the query, once a query by `ask`. Scores, weights and context are computed in the weights' own type: under
    bfloat16 the products are too small to gain by it.

    The context is linear in the memory, so a product with it may come first: M Σ_j α_j m_j = Σ_j α_j M m_j.

    Args:
        query_size: width of a query.
        memory_size: width of a memory's state.

    Attributes:
        query: the product with a query, of its width; None where there is none.
    """

    query: nn.Linear | None

    def __init__(self, query_size: int, memory_size: int) -> None:
        super().__init__()
        self.memory = nn.Linear(memory_size, query_size, bias=False)

    def prepare(self, memory: Tensor) -> Tensor:
        """Return the keys of `memory` (rows, source_time, memory), in the weights' type (rows, source_time, query)."""
        keys: Tensor = self.memory(memory)
        return keys.to(self.memory.weight.dtype)

    def ask(self, query: Tensor) -> Tensor:
        """Return what of queries (..., query) is scored, of their shape."""
        return query if self.query is None else cast(Tensor, self.query(query))

    def scores(self, asked: Tensor, keys: Tensor) -> Tensor:
        """Return the score of each source token for each query, (rows, target_time, source_time).

        Args:
            asked: what `ask` returned, (rows, target_time, query), of the keys' type.
            keys: what `prepare` returned, (rows, source_time, query).
        """
        raise TypeError(f"{type(self).__name__} does not say how it scores")

    def asked_gradient(self, slopes: Tensor, asked: Tensor, keys: Tensor) -> Tensor:
        """Return ∂L/∂asked, (rows, target_time, query), for slopes = ∂L/∂scores; all else as in `scores`."""
        raise TypeError(f"{type(self).__name__} does not say how it scores")

    def forward(self, query: Tensor, memory: Tensor, keys: Tensor, mask: Tensor) -> Attended:
        """Look up `query` in `memory`.

        Args:
            query: (rows, query) or (rows, target_time, query); each sentence has equally many rows, which lie together.
            memory: what the context is a mean of, (sentences, source_time, size) of any size.
            keys: what `prepare` returned, (sentences, source_time, query).
            mask: True at real source tokens, bool (sentences, source_time); each has one.
        """
        queries = query.reshape(len(keys), -1, query.shape[-1])  # (sentences, queries of each, query)
        with torch.autocast(query.device.type, enabled=False):
            scores = self.scores(self.ask(queries.to(keys.dtype)), keys)  # (sentences, queries of each, source_time)
            weights = scores.masked_fill(~mask.unsqueeze(1), float("-inf")).softmax(-1)
            context = torch.bmm(weights, memory.to(keys.dtype))  # (sentences, queries of each, size)
        return Attended(*(found.view(*query.shape[:-1], found.shape[-1]) for found in (context, weights)))


class AdditiveAttention(Attention):
    """Scores by a small network: score(q, m) = vᵀ tanh(W q + U m), with exp 2 U m as the key (see `energies`).

    Source: Bahdanau et al. 2015, appendix A.1.2.
    """

    def __init__(self, query_size: int, memory_size: int) -> None:
        super().__init__(query_size, memory_size)
        self.query = nn.Linear(query_size, query_size, bias=False)
        self.energy = nn.Parameter(torch.empty(query_size).uniform_(-1.0, 1.0) / query_size**0.5)

    def prepare(self, memory: Tensor) -> Tensor:
        """Return exp 2 U m, (rows, source_time, query)."""
        return grow(super().prepare(memory))

    def scores(self, asked: Tensor, keys: Tensor) -> Tensor:
        """Return vᵀ tanh(W q + U m), (rows, target_time, source_time); arguments as in the base class."""
        return energies(grow(asked), keys, self.energy)

    def asked_gradient(self, slopes: Tensor, asked: Tensor, keys: Tensor) -> Tensor:
        """Return v ∘ Σ_j slope_j (1 − tanh²(W q + U m_j)); arguments as in the base class."""
        return query_slopes(slopes, grow(asked), keys) * self.energy


class MultiplicativeAttention(Attention):
    """Scores by a bilinear form: score(q, m) = qᵀ W m, with W m as the key.

    Source: Luong et al. 2015, section 3.1, "general".
    """

    query = None

    def scores(self, asked: Tensor, keys: Tensor) -> Tensor:
        """Return qᵀ key, (rows, target_time, source_time); arguments as in the base class."""
        return torch.bmm(asked, keys.transpose(1, 2))

    def asked_gradient(self, slopes: Tensor, asked: Tensor, keys: Tensor) -> Tensor:
        """Return Σ_j slope_j key_j; arguments as in the base class."""
        return torch.bmm(slopes, keys)


ATTENTIONS: dict[str, type[Attention]] = {"additive": AdditiveAttention, "multiplicative": MultiplicativeAttention}
"""Every attention a decoder offers, by name."""
