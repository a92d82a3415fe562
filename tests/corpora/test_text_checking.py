"""What is found wrong with plain texts, line by line."""

from __future__ import annotations

import pytest

from nlp_lstm.corpora.checking import Lengths
from nlp_lstm.corpora.text_checking import LONG_LINE, check_texts
from nlp_lstm.errors import DataError

LONG = "so it goes on " * 6


def test_a_plain_text_has_no_problem_and_its_lines_are_measured(write):
    report = check_texts(str(write("a.txt", "one\n\ntwo words é 😀\u2028\n \nthree\tlittle\x0cwords\r\n")))
    assert (report.n_examples, report.lengths, report.problems) == (3, Lengths(1, 3, 4), ())


def test_bytes_that_are_not_utf_8_are_named_with_their_lines(write):
    report = check_texts(str(write("a.txt", b"so\n\xff it\nso\xe2\x82\nso\n")))
    assert [(each.line, each.kind) for each in report.errors] == [(2, "encoding"), (3, "encoding")]
    assert str(report.errors[0]).startswith("line 2 of a.txt: byte 0xff is not UTF-8")


def test_control_characters_make_a_warning_that_names_each_once(write):
    report = check_texts(str(write("a.txt", "so\nit\x00\x1b[31m\x00\x7f\nso\n")))
    assert not report.errors
    expected = "line 2 of a.txt: control characters U+0000, U+001B, U+007F; is it plain text?"
    assert [str(each) for each in report.warnings] == [expected]


@pytest.mark.parametrize("content", ["", "\n \n\t\n"])
def test_a_text_without_a_word_is_an_error(write, content):
    report = check_texts(str(write("a.txt", content)))
    assert [str(each) for each in report.errors] == ["a.txt: no text; expected some"]


def test_a_long_line_that_two_splits_share_is_named_in_both_places(write):
    write("train.txt", f"new\n{LONG}\nshort\n")
    write("dev.txt", f"short\n\n  {LONG}\t\n{LONG}but not the same\n")
    write("test.txt", f"{LONG}\n")
    report = check_texts("train.txt", others=["dev.txt", "test.txt"])
    assert len(LONG) >= LONG_LINE and not report.errors
    shown = f"'{LONG[:40]}…'"
    assert [str(each) for each in report.warnings] == [
        f"line 3 of dev.txt: {shown} is also line 2 of train.txt",
        f"line 1 of test.txt: {shown} is also line 2 of train.txt",
        f"line 1 of test.txt: {shown} is also line 3 of dev.txt",
    ]
    assert report.n_examples == 3  # of the first split


def test_the_files_of_a_folder_are_named_each(write, tmp_path):
    (tmp_path / "texts").mkdir()
    write("texts/a.txt.gz", f"so\x07\n{LONG}\n")
    write("texts/b.txt", b"so\n\xff\n")
    write("dev.txt", LONG)
    report = check_texts("texts", others=["dev.txt"])
    assert [(each.source, each.line, each.kind) for each in report.problems] == [
        ("texts/b.txt", 2, "encoding"),  # errors come first
        ("texts/a.txt.gz", 1, "control"),
        ("dev.txt", 1, "shared"),
    ]
    assert str(report.problems[-1]).endswith("is also line 2 of texts/a.txt.gz")


@pytest.mark.parametrize("source", ["gone.txt", "-", "hf:imdb", "*.txt"])
def test_what_is_not_there_is_refused(write, source):
    with pytest.raises(DataError, match=r"^[^\n]+$"):
        check_texts(source)


def test_of_a_file_with_columns_the_texts_are_checked_and_bad_rows_are_errors(write):
    write("train.csv", f"label,body\nx,{LONG}\nx\ny,so\x07\n")
    write("dev.jsonl", f'{{"body": "{LONG}"}}\nno JSON\n')
    report = check_texts("train.csv", others=["dev.jsonl"], text_column="body")
    assert [(each.source, each.line, each.kind) for each in report.warnings] == [
        ("train.csv", 4, "control"),
        ("dev.jsonl", 1, "shared"),
    ]
    assert [(each.source, each.line) for each in report.errors] == [("train.csv", 3), ("dev.jsonl", 2)]
    assert report.n_examples == 2
    assert check_texts("train.csv", data_format="text").n_examples == 4
