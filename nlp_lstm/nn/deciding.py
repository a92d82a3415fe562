"""What decided a tag of a chain: the best sequence against the best one that has another tag there."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]


class Rivals(NamedTuple):
    """For each token the best sequence with another tag there, set against the best of all.

    Attributes:
        tags: the best of the other tags, int64 (time,); −1 where there is none.
        emissions: how much higher the emissions of the best sequence are, all together, (time,).
        moves: how much higher its moves are, beginning and end among them, (time,).

    `emissions + moves` is the margin by which the tag was chosen; −∞ and ∞ do not come: without a rival both are nan.
    """

    tags: NDArray[np.int64]
    emissions: Doubles
    moves: Doubles


def find_rivals(emissions: Doubles, start: Doubles, move: Doubles, end: Doubles, path: NDArray[np.int64]) -> Rivals:
    """Return the rivals of the best sequence of a chain.

    The best sequence through tag j at token t is the best beginning that ends in it and the best ending that starts
    from it (max-marginals: Viterbi forward and backward); of each the two sums are carried along.

    Args:
        emissions: the score of each tag at each token, (time, tags).
        start: of beginning with each tag, −∞ where forbidden, (tags,).
        move: of each tag after each other, (tags, tags) as [from, to].
        end: of ending with each tag, (tags,).
        path: the best sequence, int64 (time,).
    """
    before = _sweep(emissions, start, move)
    after = _sweep(emissions[::-1], end, move.T)[::-1]
    sums = before + after  # (time, tags, [emissions, moves]); the token's own emission is counted twice
    sums[:, :, 0] -= emissions
    time = np.arange(len(path))
    best = sums[time, path]  # (time, 2)
    totals = sums.sum(-1)
    totals[time, path] = -np.inf
    rivals = totals.argmax(1)
    there = totals[time, rivals] > -np.inf
    apart = np.full((len(path), 2), np.nan)
    apart[there] = best[there] - sums[time, rivals][there]
    return Rivals(np.where(there, rivals, -1), apart[:, 0], apart[:, 1])


def _sweep(emissions: Doubles, start: Doubles, move: Doubles) -> Doubles:
    """Return the sums of emissions and of moves of the best beginning up to each tag, (time, tags, 2)."""
    kept = np.stack([emissions[0], start], -1)  # (tags, 2)
    found = [kept]
    for now in emissions[1:]:
        came = (kept.sum(-1)[:, None] + move).argmax(0)  # (to,)
        kept = np.stack([kept[came, 0] + now, kept[came, 1] + move[came, np.arange(len(move))]], -1)
        found.append(kept)
    return np.stack(found)
