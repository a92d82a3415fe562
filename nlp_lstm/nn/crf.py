"""The linear-chain CRF: the probability of a whole tag sequence, its best paths and its marginals."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nlp_lstm.nn.chain import Chain, Lattice, PathSums, sum_paths
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
        lattice = self._lattice(emissions, mask)
        return _LogLikelihood.apply(emissions, self.start, self.move, self.end, lattice, tags, mask)  # type: ignore[no-untyped-call]

    def marginals(self, emissions: Tensor, mask: Tensor) -> Tensor:
        """Return p(y_t = tag | emissions), float32 (batch, time, tags), zero at padding."""
        return _shares(sum_paths(self._lattice(emissions, mask))).float()

    def confidence(self, emissions: Tensor, tags: Tensor, mask: Tensor) -> Confidence:
        """Return how sure the model is of given `tags` int64 (batch, time), token by token and move by move."""
        sums = sum_paths(self._lattice(emissions, mask))
        nodes = _shares(sums).gather(2, tags.unsqueeze(-1)).squeeze(-1)  # (batch, time)
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
        log_totals = sum_paths(self._lattice(emissions, mask)).log_total.tolist()
        found = likeliest_paths(*self._plain(emissions, mask), count=count)
        return [
            [Path(tags, score - log_total) for tags, score in paths]
            for paths, log_total in zip(found, log_totals, strict=True)
        ]

    def _lattice(self, emissions: Tensor, mask: Tensor) -> Lattice:
        with torch.no_grad():
            return Lattice.build(emissions, self.scores(), mask)

    def _plain(self, emissions: Tensor, mask: Tensor) -> tuple[Any, Any, Any, Any, Any]:
        """Return emissions, start, move and end scores, and lengths as arrays."""
        with torch.no_grad():
            start, move, end = (part.cpu().numpy() for part in self.scores())
            inside = emissions.float().masked_fill(~mask.unsqueeze(-1), 0.0)
        return inside.cpu().numpy(), start, move, end, mask.sum(1).cpu().numpy()


def _shares(sums: PathSums) -> Tensor:
    """Return the share of all sequences that goes through each tag, float64 (batch, time, tags)."""
    return sums.tags(torch.ones_like(sums.log_total))[..., :-1].transpose(0, 1)


class _LogLikelihood(torch.autograd.Function):
    """The logarithm of a sequence's probability, with its gradient by hand: what is there less what is expected.

    ∂ log p / ∂ P[t, j] = 1(y_t = j) − p(y_t = j), and the same for beginnings, moves and ends.
    Source: Sutton & McCallum 2012, section 5.1.1.
    """

    @staticmethod
    def forward(
        context: Any,
        emissions: Tensor,
        start: Tensor,
        move: Tensor,
        end: Tensor,
        lattice: Lattice,
        tags: Tensor,
        mask: Tensor,
    ) -> Tensor:
        bounded = lattice.bounded(tags, mask)
        places = lattice.places(bounded)
        context.sums = sum_paths(lattice)
        context.save_for_backward(bounded, places)
        return (lattice.score(bounded, places) - context.sums.log_total).float()

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        bounded, places = context.saved_tensors
        each = gradients[0].double()  # (batch,)
        nodes, moves = context.sums.tags(-each), context.sums.moves(-each)
        nodes.scatter_add_(2, bounded[1:-1].unsqueeze(-1), each.expand_as(bounded[1:-1]).unsqueeze(-1))
        moves.put_(places, each.expand_as(places), accumulate=True)
        emissions = nodes[..., :-1].transpose(0, 1).to(torch.float32, memory_format=torch.contiguous_format)
        moves = moves.float()
        return emissions, moves[-1, :-1], moves[:-1, :-1], moves[:-1, -1], None, None, None
