from __future__ import annotations

from nlp_lstm.corpora.problems import Problem
from nlp_lstm.corpora.reading import scan


def test_every_line_is_a_text_the_empty_ones_too(write):
    path = write("a.txt", "\none\n\n \ntwo\x85\u2028\x0c\x00\rthree\r\n\nlast")
    texts = [item.text for item in scan(path, data_format="text")]
    assert texts == ["", "one", "", " ", "two\x85\u2028\x0c\x00\rthree", "", "last"]


def test_lines_are_numbered_and_have_no_label(write):
    items = list(scan(write("a.txt", "one\ntwo\n"), data_format="text", labelled=True))
    assert [(item.line, item.label) for item in items] == [(1, None), (2, None)]


def test_a_line_that_is_not_utf8_is_a_problem(write):
    found = list(scan(write("a.txt", b"one\nt\xc3\nthree\n"), data_format="text"))
    assert isinstance(found[1], Problem)
    assert found[2].text == "three"
