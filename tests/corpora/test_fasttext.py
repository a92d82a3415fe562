from __future__ import annotations

import pytest

from nlp_lstm.corpora.problems import Problem
from nlp_lstm.corpora.reading import scan
from nlp_lstm.records.examples import Example


def only(write, line: str, **options):
    [item] = scan(write("a.txt", line + "\n"), data_format="fasttext", **options)
    return item


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("__label__good a fine film", "a fine film"),
        ("__label__good\ta fine film", "a fine film"),
        ("__label__good  , a film ", " , a film "),
        ("__label__good", ""),
        ("__label__good my__label__x is text", "my__label__x is text"),
    ],
)
def test_the_text_is_all_that_follows_the_label_and_one_blank(write, line, text):
    assert only(write, line, labelled=True) == Example(text, "good", "a.txt", 1)


def test_a_label_ends_at_plain_blanks_only(write):
    assert only(write, "__label__très\u00a0bon\u2028x film") == Example("film", "très\u00a0bon\u2028x", "a.txt", 1)


@pytest.mark.parametrize("line", ["__label__a __label__b film", "__label__a film __label__b"])
def test_more_than_one_label_is_a_problem_of_its_own_kind(write, line):
    item = only(write, line)
    assert isinstance(item, Problem)
    assert item.kind == "several-labels"
    assert str(item) == ("line 1 of a.txt: 2 labels (__label__a, __label__b); expected one: a text has one label here")


def test_a_line_without_a_label_is_a_text_only_where_labels_are_not_wanted(write):
    assert only(write, "a fine film") == Example("a fine film", None, "a.txt", 1)
    assert str(only(write, "a fine film", labelled=True)) == (
        "line 1 of a.txt: the line does not start with `__label__`; expected `__label__LABEL text`"
    )


def test_blank_lines_and_empty_labels_are_problems(write):
    assert str(only(write, "")) == "line 1 of a.txt: a blank line; expected `__label__LABEL text`"
    assert str(only(write, "__label__ film", labelled=True)) == (
        "line 1 of a.txt: no label; expected one for every text"
    )
