"""Pieces read as the two they were merged from, at random: each epoch spells the same text in another way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from nlp_lstm.text.vocabulary import Vocabulary

WHOLE = -1
"""What stands for the halves of a piece that has none."""


def number_halves(halves: Mapping[str, tuple[str, str]], vocabulary: Vocabulary) -> NDArray[np.int32]:
    """Return the ids of the two pieces that each row of a vocabulary was merged from, int32 (rows, 2).

    Args:
        halves: the two pieces of each piece that was merged; of one that lacks a row with its halves nothing is said.
        vocabulary: numbers the pieces.
    """
    found = np.full((len(vocabulary), 2), WHOLE, dtype=np.int32)
    for piece, parts in halves.items():
        if all(part in vocabulary for part in (piece, *parts)):
            found[vocabulary[piece]] = vocabulary.ids(parts)
    return found


def split_pieces(
    rows: Sequence[NDArray[np.int32]],
    halves: NDArray[np.int32],
    probability: float,
    random: np.random.Generator,
) -> list[NDArray[np.int32]]:
    """Return the rows with each piece, at random, in its two halves, these perhaps in theirs, and so on down.

    A network then also meets the parts of words that it mostly sees whole. It is BPE-dropout (Provilkov et al. 2020)
    from the other end: that leaves merges out on the way up, this takes them back from the top, which needs no text.

    Args:
        rows: ids of pieces, int32 (tokens,) each.
        halves: the two pieces that each piece was merged from, int32 (pieces, 2), or `WHOLE` twice.
        probability: that a piece is split, in [0, 1), the same for its halves.
        random: what draws.

    >>> halves = np.array([[-1, -1], [-1, -1], [0, 1]], dtype=np.int32)
    >>> row = np.array([2, 1], dtype=np.int32)
    >>> [split.tolist() for split in split_pieces([row] * 3, halves, 0.5, np.random.default_rng(0))]
    [[2, 1], [0, 1, 1], [2, 1]]
    """
    ids = np.concatenate([np.zeros(0, np.int32), *rows])
    ends = np.cumsum([len(row) for row in rows], dtype=np.int64)
    fresh = np.ones(len(ids), dtype=bool)  # not asked yet
    while fresh.any():
        chosen = fresh & (halves[ids, 0] != WHOLE) & (random.random(len(ids)) < probability)
        places = np.cumsum(1 + chosen)  # where what follows each piece will stand
        ids, fresh = np.repeat(ids, 1 + chosen), np.repeat(chosen, 1 + chosen)
        seconds = places[chosen] - 1
        ids[seconds - 1], ids[seconds] = halves[ids[seconds]].T
        ends = np.concatenate([[0], places])[ends]
    return [ids[start:end] for start, end in pairwise([0, *ends.tolist()])]
