"""Scores of translations: sacreBLEU's own numbers, an interval, names carried over."""

from __future__ import annotations

import json
import math

import pytest
import sacrebleu
from sacrebleu.metrics.chrf import CHRF

from nlp_lstm.metrics.translation import chrf, count_names, translation_report

SOURCES = ["A dog runs in Oslo.", "Then Ada paid 7 crowns.", "Two men sit."] * 4
REFERENCES = ["Ein Hund läuft in Oslo.", "Dann zahlte Ada 7 Kronen.", "Zwei Männer sitzen."] * 4
FOUND = ["ein Hund läuft in Oslo .", "Dann zahlte Eva 7 Kronen.", "Zwei Männer sitzen da."] * 4


def test_the_scores_are_sacrebleus_and_say_how_they_were_computed():
    report = translation_report(SOURCES, REFERENCES, FOUND)
    assert report.bleu == pytest.approx(sacrebleu.corpus_bleu(FOUND, [REFERENCES]).score)
    assert report.bleu_tok_lc == pytest.approx(sacrebleu.corpus_bleu(FOUND, [REFERENCES], lowercase=True).score)
    assert report.bleu_tok_lc > report.bleu  # one translation differs in a capital letter
    assert report.chrf == pytest.approx(sacrebleu.corpus_chrf(FOUND, [REFERENCES]).score) == chrf(REFERENCES, FOUND)
    assert "case:mixed" in report.signature and "case:lc" in report.bleu_tok_lc_signature
    assert f"version:{sacrebleu.__version__}" in report.chrf_signature


def test_a_model_of_lower_case_is_scored_without_case_throughout():
    lowered = [text.lower() for text in FOUND]
    cased, report = (translation_report(SOURCES, REFERENCES, lowered, lowercase=each) for each in (False, True))
    assert report.bleu == pytest.approx(sacrebleu.corpus_bleu(lowered, [REFERENCES], lowercase=True).score)
    assert report.chrf == pytest.approx(CHRF(lowercase=True).corpus_score(lowered, [REFERENCES]).score)
    assert report.chrf == chrf(REFERENCES, lowered, lowercase=True) > cased.chrf == chrf(REFERENCES, lowered)
    assert report.bleu == report.bleu_tok_lc == cased.bleu_tok_lc > cased.bleu
    assert "case:lc" in report.signature and "case:mixed" in cased.signature
    assert "case:lc" in report.chrf_signature and "case:mixed" in cased.chrf_signature
    assert (report.names, report.n_names) == (pytest.approx(2 / 3), 12)  # as of the same translations with capitals
    assert (cased.names, cased.n_names) == (pytest.approx(1 / 3), 12)


def test_without_case_it_is_still_capitals_that_make_a_name():
    """Else a small word of the reference that a source has by chance would be one."""
    assert count_names(["He saw Ada die"], ["Er sah, wie die Ada"], ["ada die"], lowercase=True) == (1, 1)
    assert count_names(["So Will ran"], ["er will"], ["will"], lowercase=True) == (0, 0)


def test_bleu_of_one_sentence_is_the_written_out_formula():
    report = translation_report(["a"], ["the cat sat on the mat"], ["the cat sat on a mat"])
    precisions = [5 / 6, 3 / 5, 2 / 4, 1 / 3]
    assert report.bleu == pytest.approx(100 * math.exp(sum(map(math.log, precisions)) / 4))
    assert report.bleu_interval is None and report.length_ratio == 1.0


def test_the_interval_holds_the_score_and_comes_out_the_same_twice():
    report = translation_report(SOURCES, REFERENCES, FOUND)
    low, high = report.bleu_interval
    assert 0 <= low < report.bleu < high
    assert translation_report(SOURCES, REFERENCES, FOUND).bleu_interval == (low, high)


def test_the_interval_ends_where_bleu_does():
    report = translation_report(
        SOURCES * 8, REFERENCES * 8, [*REFERENCES * 7, *REFERENCES[:-1], "Zwei Männer sitzen da."]
    )
    assert report.bleu < 100 and report.bleu_interval[1] == 100


def test_names_and_numbers_that_came_over_are_counted():
    report = translation_report(SOURCES, REFERENCES, FOUND)
    assert (report.names, report.n_names) == (pytest.approx(2 / 3), 12)  # Oslo and 7 came over, Ada did not
    assert count_names(["Ada left."], ["Ada ging."], ["x"]) == (0, 0)  # any first word has a capital letter
    assert count_names(['He saw "Ada", Ada!'], ["Er sah Ada."], ["„Ada“ sah er."]) == (1, 1)


@pytest.mark.parametrize(
    ("n", "sources", "expected"),
    [
        (1, SOURCES, "the interval of BLEU needs two sentences or more"),
        (2, ["a"] * 2, "names: no name and no number stands both in a source sentence and in its reference"),
        (3, SOURCES, ""),
    ],
)
def test_a_number_that_cannot_be_computed_says_why(n, sources, expected):
    report = translation_report(sources[:n], REFERENCES[:n], FOUND[:n])
    assert report.to_dict()["undefined"] == expected
    assert (report.bleu_interval is None, report.names is None) == ("interval" in expected, "names" in expected)


def test_the_report_is_ready_for_json():
    report = translation_report(SOURCES[:1], ["x"], ["y"])
    assert report.names is None
    assert json.loads(json.dumps(report.to_dict()))["n"] == 1


def test_nothing_to_score_and_unequal_numbers_are_refused():
    with pytest.raises(ValueError, match="no sentences to score"):
        translation_report([], [], [])
    with pytest.raises(ValueError, match="expected as many of each, got 1, 1 and 2"):
        translation_report(["a"], ["b"], ["c", "d"])
