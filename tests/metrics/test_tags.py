"""The tagger's scores: those of chunks where there is a scheme, else those of the tags themselves, counted by hand."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_lstm.metrics.spans import span_report
from nlp_lstm.metrics.tags import WordReport, span_f1, tag_report

GOLD = [["DT", "NN", "VB"], ["NN"], ["VB", "DT"]]
PREDICTED = [["DT", "VB", "VB"], ["NN"], ["NN", "DT"]]
TAGS = ["O", *(f"{letter}-{label}" for letter in "BIES" for label in "XY")]


def test_words_are_scored_as_done_by_hand():
    report = tag_report(GOLD, PREDICTED, labels=["VB", "NN", "DT"])
    assert isinstance(report, WordReport)
    assert (report.n, report.words.n) == (3, 6)
    assert report.words.accuracy == 4 / 6
    assert report.words.labels == ("VB", "NN", "DT")
    assert report.words.confusion == ((1, 1, 0), (1, 1, 0), (0, 0, 2))  # rows are gold
    assert report.words.macro_f1 == pytest.approx((1 / 2 + 1 / 2 + 1) / 3)


@pytest.mark.parametrize(
    ("labels", "shown"),
    [((), ("DT", "NN", "VB")), (["VB"], ("VB", "DT", "NN")), (["XX", "NN"], ("XX", "NN", "DT", "VB"))],
)
def test_tags_that_were_not_named_follow_by_name(labels, shown):
    assert tag_report(GOLD, PREDICTED, labels=labels).words.labels == shown


def test_a_tag_that_is_only_predicted_counts_as_wrong():
    report = tag_report([["NN", "NN"]], [["NN", "JJ"]])
    assert report.words.labels == ("JJ", "NN")
    assert report.words.accuracy == 0.5
    assert report.words.per_class["JJ"].f1 is None


def test_chunks_are_scored_where_there_is_a_scheme():
    gold, predicted = [["B-X", "I-X", "O"], ["O"]], [["B-X", "I-X", "B-Y"], ["O"]]
    report = tag_report(gold, predicted, scheme="iob2", labels=["what", "ever"])
    assert report == span_report(gold, predicted, scheme="iob2")
    assert report.f1 == pytest.approx(2 / 3)


def test_to_dict_tells_sentences_from_words_and_survives_json():
    record = tag_report(GOLD, PREDICTED, labels=["VB", "NN", "DT"]).to_dict()
    assert list(record)[:2] == ["n", "n_tokens"] and record["interval_over"] == "words"
    assert (record["n"], record["n_tokens"]) == (3, 6)
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert record["per_class"]["DT"]["f1"] == 1.0


@pytest.mark.parametrize(
    ("gold", "predicted"),
    [([["NN"]], []), ([["NN"]], [["NN", "NN"]]), ([["NN"], ["NN", "NN"]], [["NN", "NN"], ["NN"]])],
    ids=["sentences", "words", "words though as many in all"],
)
def test_predictions_that_do_not_match_are_refused(gold, predicted):
    with pytest.raises(ValueError, match="one predicted tag for each gold tag"):
        tag_report(gold, predicted)
    with pytest.raises(ValueError, match="expected"):
        tag_report(gold, predicted, scheme="iob2")


@pytest.mark.parametrize("scheme", [None, "bioes"])
@pytest.mark.parametrize("nothing", [[], [[]]])
def test_nothing_cannot_be_scored(nothing, scheme):
    with pytest.raises(ValueError, match="no"):
        tag_report(nothing, nothing, scheme=scheme)


def test_span_f1_of_a_worked_example():
    gold = [["B-X", "E-X", "O", "S-Y"], ["S-X"]]
    predicted = [["B-X", "E-X", "S-Y", "O"], ["S-Y"]]
    assert span_f1(gold, predicted) == 2 / 6  # one right of three and three


def test_span_f1_is_one_for_the_same_and_zero_without_chunks():
    assert span_f1([["S-X", "O"]], [["S-X", "O"]]) == 1.0
    assert span_f1([["O", "O"]], [["O", "O"]]) == 0.0
    assert span_f1([["S-X"]], [["O"]]) == span_f1([["O"]], [["S-X"]]) == 0.0
    assert span_f1([], []) == 0.0


def test_span_f1_refuses_another_number_of_sentences():
    with pytest.raises(ValueError, match="zip"):
        span_f1([["O"]], [["O"], ["O"]])


pairs = st.lists(st.lists(st.tuples(st.sampled_from(TAGS), st.sampled_from(TAGS)), min_size=1, max_size=6), min_size=1)


@given(pairs)
def test_span_f1_is_that_of_the_report_legal_tags_or_not(sentences):
    gold, predicted = ([[pair[side] for pair in sentence] for sentence in sentences] for side in (0, 1))
    report = span_report(gold, predicted, scheme="bioes")
    assert span_f1(gold, predicted) == pytest.approx(report.f1 or 0.0)
