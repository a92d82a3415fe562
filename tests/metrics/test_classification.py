"""The classifier's scores against examples done by hand, a naive count and published intervals."""

from __future__ import annotations

import json
from fractions import Fraction
from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_lstm.metrics.classification import Z_95, classification_report, wilson_interval

LABELS = ("negative", "neutral", "positive")
# gold:      4 negative, 3 neutral, 3 positive
GOLD = [0, 0, 0, 0, 1, 1, 1, 2, 2, 2]
PREDICTED = [0, 0, 1, 2, 1, 1, 0, 2, 2, 2]


def test_a_worked_example_comes_out_as_done_by_hand():
    report = classification_report(np.array(GOLD), np.array(PREDICTED), LABELS)
    assert report.n == 10
    assert report.accuracy == 0.7
    assert report.confusion == ((2, 1, 1), (1, 2, 0), (0, 0, 3))  # rows are gold: the matrix is not symmetric
    negative, neutral, positive = (report.per_class[label] for label in LABELS)
    assert (negative.precision, negative.recall, negative.support) == (2 / 3, 2 / 4, 4)
    assert (neutral.precision, neutral.recall, neutral.support) == (2 / 3, 2 / 3, 3)
    assert (positive.precision, positive.recall, positive.support) == (3 / 4, 3 / 3, 3)
    assert (negative.f1, neutral.f1, positive.f1) == pytest.approx((4 / 7, 2 / 3, 6 / 7))
    assert report.macro_f1 == pytest.approx((4 / 7 + 2 / 3 + 6 / 7) / 3)
    assert all(scores.undefined == "" for scores in report.per_class.values())


def test_f1_is_the_harmonic_mean_of_precision_and_recall():
    for scores in classification_report(GOLD, PREDICTED, LABELS).per_class.values():
        assert scores.f1 == pytest.approx(2 / (1 / scores.precision + 1 / scores.recall))


def test_a_class_without_gold_examples_has_no_recall_and_is_left_out_of_macro_f1():
    report = classification_report([0, 0, 1], [0, 2, 1], LABELS)
    absent = report.per_class["positive"]
    assert (absent.precision, absent.recall, absent.f1) == (0.0, None, None)
    assert (absent.support, absent.predicted) == (0, 1)
    assert absent.undefined == "no gold examples: no recall, no F1, left out of macro F1"
    assert report.macro_f1 == pytest.approx((2 / 3 + 1) / 2)


def test_a_class_that_is_never_predicted_has_no_precision_but_lowers_macro_f1():
    report = classification_report([0, 1], [0, 0], LABELS[:2])
    missed = report.per_class["neutral"]
    assert (missed.precision, missed.recall, missed.f1) == (None, 0.0, 0.0)
    assert missed.undefined == "never predicted: no precision"
    assert report.macro_f1 == pytest.approx((2 / 3 + 0) / 2)


def test_a_class_neither_in_gold_nor_predicted_gives_both_reasons():
    unseen = classification_report([0], [0], LABELS).per_class["positive"]
    assert (unseen.precision, unseen.recall, unseen.f1) == (None, None, None)
    assert "no gold examples" in unseen.undefined and "never predicted" in unseen.undefined


def test_a_gold_label_the_model_does_not_know_counts_as_wrong_when_it_is_appended():
    report = classification_report([0, 1, 2, 2], [0, 1, 0, 1], [*LABELS[:2], "unheard of"])
    assert report.accuracy == 0.5
    assert report.per_class["unheard of"].f1 == 0.0


def test_to_dict_has_the_promised_keys_and_survives_json():
    report = classification_report([0, 0, 1], [0, 2, 1], LABELS)
    record = report.to_dict()
    assert list(record) == [
        "n",
        "accuracy",
        "accuracy_interval",
        "macro_f1",
        "per_class",
        "confusion",
        "labels",
    ]
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    rows = {"negative": (1, 0, 1), "neutral": (0, 1, 0), "positive": (0, 0, 0)}  # by the gold label
    assert record["confusion"] == {label: dict(zip(LABELS, row, strict=True)) for label, row in rows.items()}
    assert [list(row) for row in (record["confusion"], *record["confusion"].values())] == [[*LABELS]] * 4
    assert record["per_class"]["positive"]["recall"] is None


@pytest.mark.parametrize(
    ("gold", "predicted", "labels", "message"),
    [
        ([], [], LABELS, "no examples"),
        ([0, 1], [0], LABELS, "got 1 for 2"),
        ([0], [3], LABELS, "predicted holds 3"),
        ([-1], [0], LABELS, "gold holds -1"),
        ([0.0], [0], LABELS, "gold must hold integers"),
        ([[0]], [[0]], LABELS, "one row"),
        ([0], [0], ["a", "a"], "each label may stand in labels once"),
    ],
)
def test_what_cannot_be_scored_is_refused_with_the_reason(gold, predicted, labels, message):
    with pytest.raises(ValueError, match=message):
        classification_report(gold, predicted, labels)


def naive_f1(pairs: list[tuple[int, int]], index: int) -> Fraction | None:
    """Return F1 from precision and recall in exact fractions; 0 when nothing was found."""
    golds = [pair for pair in pairs if pair[0] == index]
    guesses = [pair for pair in pairs if pair[1] == index]
    hits = [pair for pair in golds if pair[1] == index]
    if not golds:
        return None
    if not hits:
        return Fraction(0)
    precision, recall = Fraction(len(hits), len(guesses)), Fraction(len(hits), len(golds))
    return 2 * precision * recall / (precision + recall)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30))
def test_every_score_equals_a_naive_count(pairs):
    gold, predicted = zip(*pairs, strict=True)
    report = classification_report(gold, predicted, ["a", "b", "c", "d"])
    assert report.accuracy == sum(g == p for g, p in pairs) / len(pairs)
    assert report.confusion == tuple(tuple(pairs.count((g, p)) for p in range(4)) for g in range(4))
    expected = [naive_f1(pairs, index) for index in range(4)]
    for scores, f1 in zip(report.per_class.values(), expected, strict=True):
        assert scores.f1 == (None if f1 is None else pytest.approx(float(f1)))
    defined = [f1 for f1 in expected if f1 is not None]
    assert report.macro_f1 == pytest.approx(float(sum(defined) / len(defined)))


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    # Newcombe 1998, table I, method 3.
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_equals_the_published_one(successes, n, low, high):
    assert wilson_interval(successes, n) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_ends_where_the_score_test_just_rejects(counts):
    # The interval's ends are the proportions q that solve |p - q| = z * sqrt(q * (1 - q) / n).
    successes, n = counts
    p = successes / n
    low, high = wilson_interval(successes, n)
    assert 0 <= low <= p <= high <= 1
    for end in (low, high):
        assert abs(p - end) == pytest.approx(Z_95 * sqrt(end * (1 - end) / n), abs=1e-7)


def test_the_report_carries_the_interval_of_its_accuracy():
    report = classification_report(GOLD, PREDICTED, LABELS)
    assert report.accuracy_interval == wilson_interval(7, 10)


@pytest.mark.parametrize(("successes", "n"), [(0, 0), (-1, 3), (4, 3)])
def test_an_impossible_proportion_is_refused(successes, n):
    with pytest.raises(ValueError, match="successes"):
        wilson_interval(successes, n)
