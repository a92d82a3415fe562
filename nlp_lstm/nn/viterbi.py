"""The best tag sequences of a chain, found on plain arrays: what comes out is read by people, not by layers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nlp_lstm.nn.machine_code import machine_code

Floats = NDArray[np.float32]
Numbers = NDArray[np.int64]


def best_paths(emissions: Floats, start: Floats, move: Floats, end: Floats, lengths: Numbers) -> list[Numbers]:
    """Return the best sequence of each row; between equals the one with the lower tag numbers from the end.

        δ_1 = start + P_1;  δ_t[j] = max_i (δ_{t−1}[i] + A[i, j]) + P_t[j];  y_n = argmax (δ_n + end)

    Going forward only the maxima are kept, in doubles. Going back, the tag before y is the one whose δ + A[·, y] is
    largest, which is looked up for one tag a token and not for all. Source: Rabiner 1989, section III.B.

    Args:
        emissions: the score of each tag at each token, float32 (batch, time, tags); padding may hold anything.
        start: the score of beginning with each tag, −∞ where forbidden, float32 (tags,).
        move: of each tag after each other, float32 (tags, tags) as [from, to].
        end: of ending with each tag, float32 (tags,).
        lengths: tokens of each row, at least 1, int64 (batch,).
    """
    found = np.empty(emissions.shape[:2], dtype=np.int64)
    emissions, move = np.ascontiguousarray(emissions), np.ascontiguousarray(move)
    _best_rows(emissions, start, move, np.ascontiguousarray(move.T), end, lengths, found)
    return [row[:length] for row, length in zip(found, lengths.tolist(), strict=True)]


@machine_code()
def _best_rows(
    emissions: Floats, start: Floats, move: Floats, turned: Floats, end: Floats, lengths: Numbers, found: Numbers
) -> None:
    """Fill `found` (batch, time) with the best sequences; `turned` is `move` as [to, from]."""
    _, time, tags = emissions.shape
    best = np.empty((time, tags))
    for row in range(len(lengths)):
        last = lengths[row] - 1
        for j in range(tags):
            best[0, j] = start[j] + np.float64(emissions[row, 0, j])
        for token in range(1, last + 1):
            _advance(best, token, move)
            for j in range(tags):
                best[token, j] += emissions[row, token, j]
        found[row, last] = _largest(best[last], end)
        for token in range(last - 1, -1, -1):
            found[row, token] = _largest(best[token], turned[found[row, token + 1]])


@machine_code()
def _advance(best: NDArray[np.float64], token: int, move: Floats) -> None:
    """Set `best`[token, j] to the largest of `best`[token − 1, i] + `move`[i, j].

    Two i are compared at a time: what is written is not read again at once, which the processor would have to wait for.
    """
    tags, past = len(move), token - 1
    for j in range(tags):
        best[token, j] = best[past, tags - 1] + move[tags - 1, j]  # left over where their number is odd
    for i in range(0, tags - 1, 2):
        one, other = best[past, i], best[past, i + 1]
        for j in range(tags):
            best[token, j] = max(best[token, j], max(one + move[i, j], other + move[i + 1, j]))


@machine_code()
def _largest(best: NDArray[np.float64], scores: Floats) -> int:
    """Return where the sum of the two is largest; of several places the first."""
    place, top = 0, -np.inf
    for i in range(len(scores)):
        if best[i] + scores[i] > top:
            place, top = i, best[i] + scores[i]
    return place


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
