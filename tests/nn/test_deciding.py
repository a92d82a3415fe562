"""Rivals of the best sequence, against every sequence there is."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest

from nlp_lstm.nn.deciding import find_rivals

TIME, TAGS = 5, 3


def made(seed: int, *, forbid: bool):
    draw = np.random.default_rng(seed)
    emissions, start = draw.normal(size=(TIME, TAGS)), draw.normal(size=TAGS)
    move, end = draw.normal(size=(TAGS, TAGS)), draw.normal(size=TAGS)
    if forbid:
        move[0, 2] = move[2, 2] = start[1] = end[0] = -np.inf
    return emissions, start, move, end


def sums(path, emissions, start, move, end):
    """Return what words and what moves give a sequence."""
    words = sum(emissions[t, tag] for t, tag in enumerate(path))
    moves = start[path[0]] + sum(move[a, b] for a, b in pairwise(path)) + end[path[-1]]
    return words, moves


@pytest.mark.parametrize("forbid", [False, True])
@pytest.mark.parametrize("seed", range(20))
def test_the_rival_is_the_best_of_all_sequences_with_another_tag_there(seed, forbid):
    scores = made(seed, forbid=forbid)
    every = sorted(product(range(TAGS), repeat=TIME), key=lambda path: -sum(sums(path, *scores)))
    best = every[0]
    found = find_rivals(*scores, np.array(best))
    for place in range(TIME):
        rival = next(path for path in every if path[place] != best[place])
        apart = np.array(sums(best, *scores)) - np.array(sums(rival, *scores))
        if not np.isfinite(sum(sums(rival, *scores))):
            assert found.tags[place] == -1 and np.isnan(found.emissions[place])
            continue
        assert found.tags[place] == rival[place]
        np.testing.assert_allclose([found.emissions[place], found.moves[place]], apart, atol=1e-12)


def test_a_tag_without_another_possible_one_has_no_rival():
    emissions, start, move, end = made(0, forbid=False)
    start[1:] = -np.inf  # only tag 0 begins
    found = find_rivals(emissions, start, move, end, np.array([0, 0, 0, 0, 0]))
    assert found.tags[0] == -1 and np.isnan(found.moves[0]) and (found.tags[1:] >= 0).all()


def test_one_word_is_decided_by_its_own_scores():
    emissions, start, _, end = made(3, forbid=False)
    total = start + end + emissions[0]
    best, second = np.argsort(-total)[:2]
    found = find_rivals(emissions[:1], start, np.zeros((TAGS, TAGS)), end, np.array([best]))
    assert found.tags.tolist() == [second]
    assert found.emissions[0] + found.moves[0] == pytest.approx(total[best] - total[second])
