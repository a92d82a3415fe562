"""Reports of every kind as tables, told by their structure alone."""

from __future__ import annotations

import re

import pytest

from nlp_lstm.cli.tables import print_pairs, print_report
from nlp_lstm.metrics.classification import classification_report
from nlp_lstm.metrics.tags import tag_report


@pytest.fixture
def shown(capsys):
    """Print a report; return its plain lines and the cells of its tables, row by row."""

    def show(report: dict[str, object], *, unit: str) -> tuple[list[str], list[list[str]]]:
        print_report(report, unit=unit)
        lines = capsys.readouterr().out.split("\n")
        rows = [re.split(r"\s*[┃│]\s*", line)[1:-1] for line in lines if re.search("[┃│]", line)]
        return [line for line in lines if line and line[0] not in "┏┃┡│└"], rows

    return show


def test_a_number_that_is_missing_is_a_dash_with_its_reason(shown):
    report = classification_report([0] * 1_200, [0] * 1_200, ["bad", "odd"]).to_dict()
    lines, rows = shown(report, unit="texts")
    assert lines == ["1,200 texts", "accuracy 1.0000 (95 % interval 0.9968 to 1.0000)", "macro F1 1.0000"]
    reason = "no gold examples: no recall, no F1, left out of macro F1; never predicted: no precision"
    assert rows == [
        ["class", "precision", "recall", "F1", "support", "predicted", "why a number is missing"],
        ["bad", "1.0000", "1.0000", "1.0000", "1,200", "1,200", ""],
        ["odd", "-", "-", "-", "0", "0", reason],
        ["true \\ predicted", "bad", "odd"],
        ["bad", "1,200", "0"],
        ["odd", "0", "0"],
    ]


def test_chunks_are_shown_by_type_with_those_that_have_no_partner(shown):
    report = tag_report([["B-PER", "I-PER", "O"]] * 2, [["B-PER", "I-PER", "B-LOC"]] * 2, scheme="iob2").to_dict()
    lines, rows = shown(report, unit="sentences")
    assert lines == [
        "2 sentences",
        "F1 0.6667 (95 % interval 0.6667 to 0.6667)",
        "precision 0.5000",
        "recall 1.0000",
        "accuracy 0.6667",
    ]
    assert rows == [
        ["type", "precision", "recall", "F1", "support", "predicted", "why a number is missing"],
        ["LOC", "0.0000", "-", "-", "0", "2", "no gold spans: no recall, no F1"],
        ["PER", "1.0000", "1.0000", "1.0000", "2", "2", ""],
        ["true \\ predicted", "LOC", "PER", "(none)"],
        ["LOC", "0", "0", "0"],
        ["PER", "0", "2", "0"],
        ["(none)", "2", "0", "0"],
    ]


def test_an_overall_score_that_is_missing_is_explained(shown):
    lines, _ = shown(tag_report([["O", "O"]], [["O", "O"]], scheme="iob2").to_dict(), unit="sentences")
    assert lines[1:] == ["accuracy 1.0000", "no gold spans: no recall, no F1; no predicted spans: no precision"]


def test_tags_of_single_words_are_shown_as_classes(shown):
    report = tag_report([["N", "V"], ["N"]], [["N", "N"], ["N"]], labels=["N", "V"]).to_dict()
    lines, rows = shown(report, unit="sentences")
    assert lines[0] == "2 sentences" and lines[1].startswith("accuracy 0.6667 (95 % interval ")
    assert rows[1] == ["N", "0.6667", "1.0000", "0.8000", "2", "3", ""]
    assert rows[-2:] == [["N", "2", "0"], ["V", "1", "0"]]


def test_names_and_values_stand_side_by_side_without_blanks_behind_them(capsys):
    print_pairs({"task": "tag", "much longer": "x" * 300, "none": "", "two": "a [b]\nc"})
    assert capsys.readouterr().out.split("\n") == [
        "task         tag",
        f"much longer  {'x' * 300}",
        "none",
        "two          a [b]",
        "             c",
        "",
    ]
