from __future__ import annotations

from nlp_lstm.corpora.reading import scan
from nlp_lstm.records.examples import Example


def test_each_line_is_a_text_a_tab_and_a_label(write):
    path = write("a.txt", 'a "fine film\tgood\n\tbad\r\n')
    assert list(scan(path, data_format="tab")) == [
        Example('a "fine film', "good", "a.txt", 1),
        Example("", "bad", "a.txt", 2),
    ]


def test_malformed_lines_are_named(write):
    path = write("a.txt", "one\tgood\n\nno tab\na\tb\tc\ntwo\t \n")
    found = list(scan(path, data_format="tab", labelled=True))
    assert [str(problem) for problem in found[1:]] == [
        "line 2 of a.txt: a blank line; expected `text<TAB>label`",
        "line 3 of a.txt: no TAB; expected one, as in `text<TAB>label`",
        "line 4 of a.txt: 2 TABs; expected one, as in `text<TAB>label`",
        "line 5 of a.txt: no label; expected one for every text",
    ]
