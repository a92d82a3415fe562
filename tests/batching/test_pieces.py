"""Pieces in their halves: the same text spelled in other ways, as often as the probability says."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from nlp_lstm.batching.pieces import WHOLE, number_halves, split_pieces
from nlp_lstm.text.subwords import train_subwords
from nlp_lstm.text.vocabulary import Vocabulary

TEXTS = ["low lower lowest newer newest wider", "the naïve café"] * 4
CUTTER = train_subwords(TEXTS, vocab_size=290)
VOCABULARY = Vocabulary(["<pad>", "<unk>", *CUTTER.pieces])
HALVES = number_halves(CUTTER.halves, VOCABULARY)


def rows(texts: list[str]) -> list[np.ndarray]:
    return [np.array(VOCABULARY.ids(keys), dtype=np.int32) for keys in CUTTER.keys(texts)]


def spelled(row: np.ndarray) -> str:
    return CUTTER.decode([VOCABULARY.tokens[number] for number in row])


def test_every_learned_piece_has_the_halves_that_spell_it_and_a_byte_has_none():
    assert HALVES.shape == (len(VOCABULARY), 2)
    for number, piece in enumerate(VOCABULARY.tokens):
        if number < 2 or len(piece) == 1:
            assert HALVES[number].tolist() == [WHOLE, WHOLE]
        else:
            assert "".join(VOCABULARY.tokens[half] for half in HALVES[number]) == piece


def test_a_piece_that_lacks_a_row_with_its_halves_stays_whole():
    few = Vocabulary(["<pad>", "<unk>", "ab", "a", "b", "abc"])
    halves = number_halves({"ab": ("a", "b"), "abc": ("ab", "c"), "xy": ("x", "y")}, few)
    assert halves.tolist() == [[WHOLE, WHOLE], [WHOLE, WHOLE], [3, 4], [WHOLE, WHOLE], [WHOLE, WHOLE], [WHOLE, WHOLE]]


@pytest.mark.parametrize("probability", [0.0, 0.1, 0.5, 0.99])
def test_split_rows_spell_the_same_texts(probability):
    texts = ["lowest naïve café", "w", "lower", "😀 newest"]
    whole = rows(texts)
    found = split_pieces(whole, HALVES, probability, np.random.default_rng(1))
    assert list(map(spelled, found)) == texts and all(row.dtype == np.int32 for row in found)
    if not probability:
        assert [row.tolist() for row in found] == [row.tolist() for row in whole]
    if probability == 0.99:
        assert sum(map(len, found)) > 0.9 * sum(len(text.encode()) for text in texts)


def test_no_rows_stay_no_rows_and_an_empty_one_stays_empty():
    random = np.random.default_rng(0)
    assert split_pieces([], HALVES, 0.5, random) == []
    assert [row.tolist() for row in split_pieces([np.zeros(0, np.int32)], HALVES, 0.5, random)] == [[]]


def test_a_piece_and_then_its_halves_are_split_as_often_as_asked():
    # 4 is 3 and 0, 3 is 1 and 2.
    halves = np.array([[WHOLE, WHOLE]] * 3 + [[1, 2], [3, 0]], dtype=np.int32)
    n, p = 40_000, 0.3
    found = Counter(
        tuple(row.tolist()) for row in split_pieces([np.array([4], np.int32)] * n, halves, p, np.random.default_rng(2))
    )
    expected = {(4,): 1 - p, (3, 0): p * (1 - p), (1, 2, 0): p * p}
    assert found.keys() == expected.keys()
    for spelling, share in expected.items():
        assert abs(found[spelling] / n - share) < 5 * (share * (1 - share) / n) ** 0.5
