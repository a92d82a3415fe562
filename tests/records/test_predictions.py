"""Records: what an alignment says as plain values, when two are the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nlp_lstm.records.predictions import Alignment, Translation

THIRDS = np.array([[1 / 3, 2 / 3], [0.99996, 0.00004]], dtype=np.float32)


@pytest.fixture
def alignment() -> Alignment:
    return Alignment(("a", " dog"), (0, 1), ("ein", "Hund"), (2, 6), THIRDS.copy())


def test_weights_are_plain_rounded_numbers(alignment):
    assert alignment.to_dict() == {
        "source_tokens": ["a", " dog"],
        "source_starts": [0, 1],
        "target_tokens": ["ein", "Hund"],
        "target_starts": [2, 6],
        "weights": [[0.3333, 0.6667], [1.0, 0.0]],
    }


def test_alignments_are_equal_where_all_their_parts_are(alignment):
    assert alignment == replace(alignment, weights=THIRDS.copy())
    assert alignment != replace(alignment, weights=THIRDS + 1e-6)
    assert alignment != replace(alignment, target_tokens=("ein", "hund"))
    assert alignment != replace(alignment, weights=THIRDS[:1], target_tokens=("ein",), target_starts=(2,))
    assert alignment != "a dog"


def test_nothing_of_an_alignment_can_be_changed(alignment):
    with pytest.raises(ValueError, match="read-only"):
        alignment.weights[0, 0] = 1.0


def test_a_translation_without_attention_has_none_in_its_alternatives_either(alignment):
    other = Translation("der Hund", -0.2, attention=(alignment.moved(target=3),))
    full = Translation("ein Hund", -0.1, (other,), (alignment,))
    assert other.attention[0].target_starts == (5, 9)
    assert full.without_attention() == Translation("ein Hund", -0.1, (Translation("der Hund", -0.2),))
    assert full.without_attention().to_dict() == {
        "translation": "ein Hund",
        "score": -0.1,
        "alternatives": [{"translation": "der Hund", "score": -0.2}],
    }
