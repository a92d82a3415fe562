"""Scores of language models against counting by hand, and their interval against repeated texts."""

from __future__ import annotations

import json
import math
from itertools import product

import numpy as np
import pytest

from nlp_lstm.metrics.language import Surprise, language_report

FIRST = Surprise((3.0, 5.0, 1.0), (2, 4, 1), 10, 14, n_unknown=1, windowed=1.5)
SECOND = Surprise((2.5,), (3,), 5, 5)


def test_the_scores_of_two_texts_counted_by_hand():
    found = language_report([FIRST, SECOND])
    assert (found.n, found.n_tokens, found.n_characters) == (2, 10, 15)
    assert found.nats_per_token == pytest.approx(11.5 / 10)
    assert found.perplexity == pytest.approx(math.exp(1.15))
    assert found.bits_per_character == pytest.approx(11.5 / math.log(2) / 15)
    assert found.bits_per_byte == pytest.approx(11.5 / math.log(2) / 19)
    assert found.unknown == 0.1
    assert found.windowed_nats_per_token == 1.5  # of the one text that is long enough


def test_the_interval_counted_by_hand():
    # r = 1.15; s_b − r n_b are 0.7, 0.4, −0.15 and −0.95
    spread = 0.7**2 + 0.4**2 + 0.15**2 + 0.95**2
    half = 1.96 * math.sqrt(4 / 3 * spread) / 10
    found = language_report([FIRST, SECOND])
    assert found.nats_per_token_interval == pytest.approx((1.15 - half, 1.15 + half))
    assert language_report([SECOND]).nats_per_token_interval is None


def test_the_perplexity_of_a_known_source_is_e_to_its_entropy():
    """Every text of three letters, as often as the source writes it, scored by the source itself."""
    probs = {"a": 0.5, "b": 0.25, "c": 0.25}
    surprises = []
    for text in product(probs, repeat=3):
        times = round(64 * math.prod(probs[letter] for letter in text))
        nats = -sum(math.log(probs[letter]) for letter in text)
        surprises += [Surprise((nats,), (3,), 3, 3)] * times
    found = language_report(surprises)
    assert found.n == 64
    assert found.bits_per_character == found.bits_per_byte == pytest.approx(1.5)
    assert found.perplexity == pytest.approx(2**1.5)


def test_windows_count_as_the_length_of_their_texts():
    found = language_report(
        [Surprise((1.0,), (100,), 1, 1, windowed=2.0), Surprise((1.0,), (300,), 1, 1, windowed=4.0)]
    )
    assert found.windowed_nats_per_token == pytest.approx(3.5)


def test_nineteen_of_twenty_intervals_hold_the_true_mean():
    """Runs of unequal length from a known source; of 2,000 intervals fewer than 93 % by chance once in 10,000 times."""
    random = np.random.default_rng(4)
    probs = np.array([0.6, 0.3, 0.1])
    entropy = float(-(probs * np.log(probs)).sum())
    held = 0
    for _ in range(2_000):
        sizes = [*[50] * 40, 17]
        blocks = [float(-np.log(random.choice(probs, p=probs, size=size)).sum()) for size in sizes]
        low, high = language_report([Surprise(tuple(blocks), tuple(sizes), 1, 1)]).nats_per_token_interval
        held += low < entropy < high
    assert 0.93 < held / 2_000 < 0.97


def test_a_report_is_ready_for_json_and_says_why_a_score_is_missing():
    plain = language_report([FIRST]).to_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert plain["undefined"] is None and plain["interval_over"] == "runs of tokens"
    plain = language_report([SECOND]).to_dict()
    assert plain["windowed_nats_per_token"] is None and plain["nats_per_token_interval"] is None
    assert plain["undefined"] == "no text is longer than 256 tokens"


def test_the_worst_model_still_has_a_perplexity():
    assert math.isfinite(language_report([Surprise((1e9,), (1,), 1, 1)]).perplexity)


def test_where_nothing_is_predicted_there_are_no_scores():
    for surprises in ([], [Surprise((), (), 1, 1)]):
        with pytest.raises(ValueError, match="no token was predicted"):
            language_report(surprises)
