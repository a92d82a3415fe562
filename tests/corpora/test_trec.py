from __future__ import annotations

import pytest

from nlp_lstm.corpora.reading import scan
from nlp_lstm.records.examples import Example


def only(write, line: str):
    [item] = scan(write("a.txt", line + "\n"), data_format="trec", labelled=True)
    return item


def test_the_label_is_the_coarse_class_and_the_question_is_untouched(write):
    assert only(write, "LOC:city Which town :  here or there ? ") == Example(
        "Which town :  here or there ? ", "LOC", "a.txt", 1
    )


def test_a_class_without_a_question_is_an_empty_text(write):
    assert only(write, "LOC:city").text == ""


@pytest.mark.parametrize(
    ("line", "found"),
    [("", "a blank line"), ("What is it ?", "'What is it ?'"), (":x What ?", "':x What ?'"), ("A: What", "'A: What'")],
)
def test_a_line_without_both_classes_is_a_problem(write, line, found):
    assert str(only(write, line)) == f"line 1 of a.txt: {found}; expected `COARSE:fine question`"
