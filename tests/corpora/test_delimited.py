from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_lstm.corpora.delimited import read_csv, read_tsv
from nlp_lstm.corpora.opening import decode_lines
from nlp_lstm.corpora.problems import Problem
from nlp_lstm.corpora.reading import scan
from nlp_lstm.corpora.rows import Row, Wanted
from nlp_lstm.records.examples import Example

# What trips readers: line ends of other alphabets, quotes, TABs, commas, NUL, marks, emoji.
ODD = st.sampled_from(list("\x00\x01\x0b\x0c\x1c\x1d\x1e\x1f\x85\u2028\u2029\ufeff\"'\t,;\\ a\n\r")) | st.characters(
    codec="utf-8"
)
ANY_TEXT = st.text(ODD, max_size=12)
LINE_TEXT = st.text(ODD.filter(lambda character: character not in "\t\n\r"), max_size=12)
LABEL = st.sampled_from(["0", "1", "very good", "naïve"])


def examples(path, **options):
    return [(item.text, item.label) for item in scan(path, **options)]


def problems(path, **options):
    return [str(item) for item in scan(path, **options) if isinstance(item, Problem)]


def rows_of(reader, data: bytes, wanted: Wanted):
    return list(reader(decode_lines(io.BytesIO(data), wanted.source), wanted))


@given(st.lists(st.tuples(ANY_TEXT, LABEL), max_size=5), st.sampled_from(["\n", "\r\n"]))
def test_csv_gives_back_any_text_that_was_written(pairs, line_end):
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator=line_end, quoting=csv.QUOTE_ALL)
    writer.writerows([("text", "label"), *pairs])
    rows = rows_of(read_csv, stream.getvalue().encode(), Wanted("a.csv", labelled=True))
    assert [(row.text, row.label) for row in rows] == pairs


@given(st.lists(st.tuples(LINE_TEXT, LABEL), max_size=5), st.sampled_from(["\n", "\r\n"]))
def test_tsv_gives_back_any_text_without_tabs_and_line_ends(pairs, line_end):
    lines = ["text\tlabel", *(f"{text}\t{label}" for text, label in pairs)]
    data = "".join(line + line_end for line in lines).encode()
    rows = rows_of(read_tsv, data, Wanted("a.tsv", labelled=True))
    assert [(row.text, row.label) for row in rows] == pairs


def test_csv_quoted_fields_hold_commas_quotes_and_line_ends_and_lines_are_counted(write):
    path = write("a.csv", 'text,label\n"one, ""two""\nthree",good\nfour,bad\n')
    assert list(scan(path)) == [
        Example('one, "two"\nthree', "good", "a.csv", 2),
        Example("four", "bad", "a.csv", 4),
    ]


def test_csv_with_crlf_keeps_the_line_end_inside_quotes_only(write):
    path = write("a.csv", 'text,label\r\n"one\r\ntwo",good\r\nthree,bad\r\n')
    assert examples(path) == [("one\r\ntwo", "good"), ("three", "bad")]


def test_a_quote_inside_an_unquoted_csv_field_is_an_ordinary_character(write):
    assert examples(write("a.csv", 'text,label\na 9" nail,good\n')) == [('a 9" nail', "good")]


def test_a_csv_field_may_be_longer_than_the_csv_module_allows_by_itself(write):
    text = "word " * 50_000
    assert examples(write("a.csv", f"text,label\n{text},good\n")) == [(text, "good")]


def test_a_lone_quote_in_tsv_swallows_nothing(write):
    path = write("a.tsv", 'sentence\tlabel\n"an open quote\t1\nnext " one\t0\n"whole"\t1\n')
    assert examples(path, text_column="sentence") == [
        ('"an open quote', "1"),
        ('next " one', "0"),
        ('"whole"', "1"),
    ]


def test_a_carriage_return_inside_a_tsv_line_stays(write):
    assert examples(write("a.tsv", "text\tlabel\r\none\rtwo\tgood\r\n")) == [("one\rtwo", "good")]


def test_columns_are_found_by_name_in_any_order_and_others_are_kept(write):
    data = b"id,Stars, review \n7,5,fine\n"
    wanted = Wanted("a.csv", text_column="review", label_column="Stars", labelled=True)
    assert rows_of(read_csv, data, wanted) == [Row(2, "fine", "5", {"id": "7", "Stars": "5", "review": "fine"})]


def test_unnamed_columns_are_called_by_their_place():
    rows = rows_of(read_csv, b",text,\n0,fine,x\n", Wanted("a.csv"))
    assert rows == [Row(2, "fine", None, {"column 1": "0", "text": "fine", "column 3": "x"})]


def test_blanks_around_a_label_go_and_blanks_around_a_text_stay(write):
    assert examples(write("a.csv", "text,label\n a film ,  good \n")) == [(" a film ", "good")]


def test_a_missing_text_column_lists_the_columns_and_names_the_nearest(write):
    assert problems(write("a.csv", "Text,label\nfine,good\n")) == [
        "line 1 of a.csv: the header has no column 'text'; the columns are 'Text', 'label'; did you mean 'Text'?"
    ]


def test_a_missing_label_column_matters_only_where_labels_are_wanted(write):
    path = write("a.csv", "text,labels\nfine,good\n")
    assert examples(path) == [("fine", None)]
    assert problems(path, labelled=True) == [
        "line 1 of a.csv: the header has no column 'label'; the columns are 'text', 'labels'; did you mean 'labels'?"
    ]


def test_a_file_separated_by_semicolons_is_recognised(write):
    assert problems(write("a.csv", "text;label\nfine;good\n")) == [
        "line 1 of a.csv: the header has no column 'text'; the columns are 'text;label'; is it separated by semicolons?"
    ]


def test_a_column_named_twice_is_refused(write):
    assert problems(write("a.csv", "text,label,text\na,b,c\n")) == [
        "line 1 of a.csv: the header names 'text' twice; expected each column once"
    ]


def test_rows_with_missing_or_extra_columns_are_named_and_the_rest_is_read(write):
    path = write("a.csv", "text,label\none\ntwo,good\nthree, really,bad\n\nfour,bad\n")
    assert problems(path) == [
        "line 2 of a.csv: 1 column; expected 2 columns (text, label)",
        "line 4 of a.csv: 3 columns; expected 2 columns (text, label)",
        "line 5 of a.csv: a blank line; expected 2 columns (text, label)",
    ]
    good = [item.text for item in scan(path) if isinstance(item, Example)]
    assert good == ["two", "four"]


@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
def test_a_blank_line_in_a_file_of_one_column_is_an_empty_text(write, name):
    assert examples(write(name, "text\none\n\ntwo\n")) == [("one", None), ("", None), ("two", None)]


def test_a_row_without_a_label_is_a_problem_where_labels_are_wanted(write):
    path = write("a.tsv", "text\tlabel\none\tgood\ntwo\t\n")
    assert examples(path) == [("one", "good"), ("two", None)]
    assert problems(path, labelled=True) == ["line 3 of a.tsv: no label; expected one for every text"]


def test_a_quote_that_is_never_closed_is_named_where_it_opens(write):
    assert problems(write("a.csv", 'text,label\none,good\n"two,bad\nthree,bad\n')) == [
        "line 3 of a.csv: a quote is opened and never closed "
        "(lines 3 to 4 were read as one record: is a quote missing?)"
    ]


def test_text_after_a_closing_quote_is_a_problem_and_the_next_row_is_read(write):
    path = write("a.csv", 'text,label\n"one" two,good\nthree,bad\n')
    assert [str(item) if isinstance(item, Problem) else item.text for item in scan(path)] == [
        'line 2 of a.csv: text after a closing quote; expected a comma, or "" for a quote in a text',
        "three",
    ]


def test_a_missing_quote_that_joins_lines_tells_which(write):
    assert problems(write("a.csv", 'text,label\n"one,good\ntwo,bad\nthree",bad,\n')) == [
        "line 2 of a.csv: 3 columns; expected 2 columns (text, label) "
        "(lines 2 to 4 were read as one record: is a quote missing?)"
    ]


def test_a_stray_carriage_return_in_csv_is_a_problem(write):
    assert problems(write("a.csv", "text,label\none\rtwo,good\n")) == [
        "line 2 of a.csv: a carriage return outside quotes; expected lines that end in \\n or \\r\\n"
    ]


@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
def test_damaged_bytes_cost_their_own_row_only(write, name):
    separator = b"," if name == "a.csv" else b"\t"
    path = write(name, b"text,label\none,good\ncaf\xe9,good\ntwo,bad\n".replace(b",", separator))
    found = list(scan(path))
    assert [item.text for item in found if isinstance(item, Example)] == ["one", "two"]
    assert problems(path) == [
        f"line 3 of {name}: byte 0xe9 is not UTF-8 (byte 4 of the line, offset 23 in the file); expected UTF-8"
    ]


def test_damaged_bytes_in_a_quoted_record_are_named_by_their_own_line(write):
    path = write("a.csv", b'text,label\n"one\n\xff\n\xfe",good\ntwo,bad\n')
    assert [line.split(" of ")[0] for line in problems(path)] == ["line 3", "line 4"]
    assert [item.text for item in scan(path) if isinstance(item, Example)] == ["two"]


def test_a_header_alone_has_no_rows_and_a_damaged_header_stops(write):
    assert list(scan(write("a.csv", "text,label\n"))) == []
    assert len(problems(write("b.csv", b"text,\xff\none,good\n"))) == 1
