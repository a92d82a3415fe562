"""The best tag sequences of a chain, found on plain arrays: what comes out is read by people, not by layers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Numbers = NDArray[np.int64]

LOWER = 8
"""Steps after which the running maxima are brought back to zero, so that float32 keeps its digits on long rows."""


def best_paths(emissions: Floats, start: Floats, move: Floats, end: Floats, lengths: Numbers) -> list[Numbers]:
    """Return the best sequence of each row; between equals the one with the lower tag numbers from the end.

        δ_1 = start + P_1;  δ_t[j] = max_i (δ_{t−1}[i] + A[i, j]) + P_t[j];  y_n = argmax (δ_n + end)

    Going forward only the maxima are kept, up to a number that is the same for all tags of a row. Going back, the tag
    before y is the one whose δ + A[·, y] is largest, which is looked up for one tag a row and not for all.
    Source: Rabiner 1989, section III.B.

    Args:
        emissions: the score of each tag at each token, (batch, time, tags).
        start: the score of beginning with each tag, −∞ where forbidden, (tags,).
        move: of each tag after each other, (tags, tags) as [from, to].
        end: of ending with each tag, (tags,).
        lengths: tokens of each row, at least 1, (batch,).
    """
    batch, time, tags = emissions.shape
    scores = np.ascontiguousarray(emissions.transpose(1, 2, 0))  # (time, tags, batch): the batch runs fastest
    best = np.empty_like(scores)
    np.add(start[:, None], scores[0], out=best[0])
    candidates = np.empty((tags, tags, batch), dtype=scores.dtype)  # (from, to, batch)
    moves = move[:, :, None]
    for step in range(1, time):
        np.add(best[step - 1][:, None, :], moves, out=candidates)
        np.maximum.reduce(candidates, axis=0, out=best[step])
        best[step] += scores[step]
        if step % LOWER == 0:
            best[step] -= best[step].max(0, initial=np.finfo(best.dtype).min)  # finite where no tag can stand
    return _walk_back(np.ascontiguousarray(best.transpose(0, 2, 1)), np.ascontiguousarray(move.T), end, lengths)


def _walk_back(best: Floats, into: Floats, end: Floats, lengths: Numbers) -> list[Numbers]:
    """Follow the best sequences from their ends; `best` (time, batch, tags), `into` [to, from]."""
    time, batch, _ = best.shape
    last = (best[lengths - 1, np.arange(batch)] + end).argmax(1)
    not_yet = np.arange(time)[:, None] >= lengths - 1  # (time, batch): at its last token, or behind it
    found = np.empty((time, batch), dtype=np.int64)
    found[time - 1] = last
    for step in range(time - 2, -1, -1):
        before = into[found[step + 1]]  # (batch, tags)
        before += best[step]
        before.argmax(1, out=found[step])
        np.copyto(found[step], last, where=not_yet[step])
    return [found[:length, row].copy() for row, length in enumerate(lengths.tolist())]


def likeliest_paths(
    emissions: Floats, start: Floats, move: Floats, end: Floats, lengths: Numbers, *, count: int
) -> list[list[tuple[Numbers, float]]]:
    """Return the `count` best sequences of each row with their scores, the best first; fewer where there are no more.

    Like `best_paths`, but each tag keeps its `count` best beginnings (the list Viterbi algorithm, Seshadri &
    Sundberg 1994, section II); arguments as there.

    Raises:
        ValueError: `count` is less than 1.
    """
    if count < 1:
        raise ValueError(f"expected at least one path, got {count}")
    return [
        _likeliest(row[:length], start, move, end, count)
        for row, length in zip(emissions.astype(np.float64), lengths.tolist(), strict=True)
    ]


def _likeliest(
    scores: NDArray[np.float64], start: Floats, move: Floats, end: Floats, count: int
) -> list[tuple[Numbers, float]]:
    """Return the best sequences of one row, `scores` (time, tags)."""
    tags = scores.shape[1]
    kept = np.full((tags, count), -np.inf)  # the best beginnings that end in each tag
    kept[:, 0] = start + scores[0]
    came_from = []
    for now in scores[1:]:
        candidates = (kept[:, :, None] + move[:, None, :]).reshape(tags * count, tags)  # (from and which, to)
        order = np.argsort(-candidates, axis=0, kind="stable")[:count]  # (count, to)
        came_from.append(order.T)
        kept = np.take_along_axis(candidates, order, 0).T + now[:, None]
    final = (kept + np.asarray(end)[:, None]).ravel()
    chosen = [place for place in np.argsort(-final, kind="stable")[:count].tolist() if final[place] > -np.inf]
    return [(_trace(came_from, place, count), float(final[place])) for place in chosen]


def _trace(came_from: list[Numbers], place: int, count: int) -> Numbers:
    """Return the tags of the sequence that ends at `place` (tag · count + which)."""
    path = [place // count]
    for table in reversed(came_from):
        place = int(table[place // count, place % count])
        path.append(place // count)
    return np.array(path[::-1], dtype=np.int64)
