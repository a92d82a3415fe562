"""The linear-chain CRF: the probability of a whole tag sequence, its best paths and its marginals."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nlp_lstm.nn.chain import Chain, PathSums
from nlp_lstm.nn.sums import sum_paths
from nlp_lstm.nn.viterbi import best_paths, likeliest_paths


class Path(NamedTuple):
    """One tag sequence of a row.

    Attributes:
        tags: tag numbers, int64 (length,).
        log_prob: the natural logarithm of its probability among all sequences of that length.
    """

    tags: NDArray[np.int64]
    log_prob: float


class Confidence(NamedTuple):
    """How sure a model is of a tag sequence, in float64.

    Attributes:
        nodes: the probability of the tag at each token, over all sequences, (batch, time).
        moves: the probability of the tag at each token but the first, given the tag before, (batch, time − 1).

    The probability of a run of tags from s to e is `nodes[s] · moves[s] · … · moves[e − 1]`.
    """

    nodes: Tensor
    moves: Tensor


class Crf(nn.Module):
    """Linear-chain CRF over tag sequences y for emissions P and transitions A.

        s(P, y) = start[y_1] + Σ_t P[t, y_t] + Σ_t A[y_t, y_{t+1}] + end[y_n]
        log p(y | P) = s(P, y) − log Σ_y' exp s(P, y')

    Source: Lample et al. 2016, section 2.2. Unlike the paper, start and end scores are two vectors, not two extra
    tags, and forbidden moves have the score −∞: the sum leaves them out, and no path takes one.

    Args:
        n_tags: how many tags.
        start: which tags may begin a sequence, bool (tags,); None allows all.
        move: which tag may follow which, bool (tags, tags) as [from, to]; None allows all.
        end: which tags may end a sequence, bool (tags,); None allows all.
    """

    def __init__(
        self, n_tags: int, *, start: Tensor | None = None, move: Tensor | None = None, end: Tensor | None = None
    ) -> None:
        super().__init__()
        self.n_tags = n_tags
        self.start = nn.Parameter(torch.zeros(n_tags))
        self.move = nn.Parameter(torch.zeros(n_tags, n_tags))
        self.end = nn.Parameter(torch.zeros(n_tags))
        every = torch.ones(n_tags, dtype=torch.bool)
        self.register_buffer("may_start", every if start is None else start)
        self.register_buffer("may_move", every.expand(n_tags, n_tags).clone() if move is None else move)
        self.register_buffer("may_end", every if end is None else end)
        self.may_start: Tensor
        self.may_move: Tensor
        self.may_end: Tensor

    def scores(self) -> Chain:
        """Return the start, move and end scores, float32, −∞ where forbidden."""
        return Chain(
            self.start.masked_fill(~self.may_start, float("-inf")),
            self.move.masked_fill(~self.may_move, float("-inf")),
            self.end.masked_fill(~self.may_end, float("-inf")),
        )

    def log_likelihood(self, emissions: Tensor, tags: Tensor, mask: Tensor) -> Tensor:
        """Return log p(tags | emissions) of each row in nats, float32 (batch,).

        Args:
            emissions: the score of each tag at each token, float32 (batch, time, tags).
            tags: the right tags, int64 (batch, time); padding may hold any tag number.
            mask: True at real tokens, bool (batch, time); padding stands on the right only, each row has a token.
        """
        sums = self._sums(emissions, mask)
        return _LogLikelihood.apply(emissions, self.start, self.move, self.end, sums, tags)  # type: ignore[no-untyped-call]

    def marginals(self, emissions: Tensor, mask: Tensor) -> Tensor:
        """Return p(y_t = tag | emissions), float32 (batch, time, tags), zero at padding."""
        return self._sums(emissions, mask).shares().float()

    def confidence(self, emissions: Tensor, tags: Tensor, mask: Tensor) -> Confidence:
        """Return how sure the model is of given `tags` int64 (batch, time), token by token and move by move."""
        sums = self._sums(emissions, mask)
        nodes = sums.shares().gather(2, tags.unsqueeze(-1)).squeeze(-1)  # (batch, time)
        moves = sums.along(tags) / nodes[:, :-1].clamp(min=torch.finfo(nodes.dtype).tiny)
        return Confidence(nodes, moves.clamp(max=1.0))  # rounding may lift a sure move above 1

    def decode(self, emissions: Tensor, mask: Tensor) -> list[NDArray[np.int64]]:
        """Return the best tag sequence of each row, one number for each real token."""
        return best_paths(*self._plain(emissions, mask))

    def decode_best(self, emissions: Tensor, mask: Tensor, count: int) -> list[list[Path]]:
        """Return the `count` likeliest sequences of each row, the best first; fewer where there are no more.

        Raises:
            ValueError: `count` is less than 1.
        """
        log_totals = self._sums(emissions, mask).log_total.tolist()
        found = likeliest_paths(*self._plain(emissions, mask), count=count)
        return [
            [Path(tags, score - log_total) for tags, score in paths]
            for paths, log_total in zip(found, log_totals, strict=True)
        ]

    def _sums(self, emissions: Tensor, mask: Tensor) -> PathSums:
        with torch.no_grad():
            return sum_paths(emissions, self.scores(), mask)

    def _plain(self, emissions: Tensor, mask: Tensor) -> list[NDArray[Any]]:
        """Return emissions, start, move and end scores, and lengths as arrays."""
        with torch.no_grad():
            tensors = (emissions.float(), *self.scores(), mask.sum(1))
        return [tensor.detach().cpu().numpy() for tensor in tensors]


class _LogLikelihood(torch.autograd.Function):
    """The logarithm of a sequence's probability, with its gradient by hand."""

    @staticmethod
    def forward(
        context: Any, emissions: Tensor, start: Tensor, move: Tensor, end: Tensor, sums: PathSums, tags: Tensor
    ) -> Tensor:
        context.sums = sums
        context.save_for_backward(tags)
        return sums.log_prob(tags).float()

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (tags,) = context.saved_tensors
        slopes = context.sums.slopes(tags, gradients[0].double())
        return slopes.emissions, *slopes.chain, None, None
