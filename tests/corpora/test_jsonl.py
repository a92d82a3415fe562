from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_lstm.corpora.jsonl import read_jsonl
from nlp_lstm.corpora.opening import decode_lines
from nlp_lstm.corpora.problems import Problem
from nlp_lstm.corpora.reading import scan
from nlp_lstm.corpora.rows import Row, Wanted
from nlp_lstm.records.examples import Example

ODD = st.sampled_from(list('\x00\x0b\x0c\x1c\x85\u2028\u2029\ufeff"\\\t\n\r a')) | st.characters(codec="utf-8")


def only(write, line: str, **options):
    """Return what one line of JSON gives."""
    [item] = scan(write("a.jsonl", line + "\n"), labelled=True, **options)
    return item


@given(st.lists(st.tuples(st.text(ODD, max_size=12), st.sampled_from(["0", "très bien"])), max_size=5), st.booleans())
def test_any_text_that_was_written_comes_back(pairs, ascii_only):
    lines = [json.dumps({"text": text, "label": label}, ensure_ascii=ascii_only) for text, label in pairs]
    data = "".join(line + "\n" for line in lines).encode()
    rows = list(read_jsonl(decode_lines(io.BytesIO(data), "a"), Wanted("a", labelled=True)))
    assert [(row.text, row.label) for row in rows] == pairs


@pytest.mark.parametrize(
    ("value", "label"), [("0", "0"), ("1", "1"), ("-3", "-3"), ("true", "true"), ("false", "false"), ('" a "', "a")]
)
def test_whole_numbers_and_truth_values_become_their_json_text(write, value, label):
    assert only(write, f'{{"text": "x", "label": {value}}}').label == label


@pytest.mark.parametrize(
    ("value", "kind"),
    [("0.5", "a number with a fraction"), ("1e3", "a number with a fraction"), ("[1]", "a list"), ("{}", "an object")],
)
def test_other_labels_are_refused(write, value, kind):
    assert str(only(write, f'{{"text": "x", "label": {value}}}')) == (
        f"line 1 of a.jsonl: the label is {kind}; expected a string, a whole number, true or false"
    )


@pytest.mark.parametrize("value", ["null", '""', '"  "'])
def test_null_and_empty_labels_are_missing_ones(write, value):
    line = f'{{"text": "x", "label": {value}}}'
    assert str(only(write, line)) == "line 1 of a.jsonl: no label; expected one for every text"
    assert list(scan("a.jsonl")) == [Example("x", None, "a.jsonl", 1)]


def test_keys_are_chosen_by_name(write):
    item = only(write, '{"review": "x", "stars": 5}', text_column="review", label_column="stars")
    assert (item.text, item.label) == ("x", "5")


def test_missing_keys_list_those_there_are_and_the_nearest(write):
    assert str(only(write, '{"txt": "x", "label": 1}')) == (
        "line 1 of a.jsonl: no column 'text'; the columns are 'txt', 'label'; did you mean 'txt'?"
    )
    assert str(only(write, '{"text": "x", "Label": 1}')) == (
        "line 1 of a.jsonl: no column 'label'; the columns are 'text', 'Label'; did you mean 'Label'?"
    )
    assert [item.label for item in scan("a.jsonl")] == [None]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "a blank line; expected a JSON object"),
        ("  ", "a blank line; expected a JSON object"),
        ("[1]", "a list; expected a JSON object"),
        ('"x"', "a string; expected a JSON object"),
        ('{"text": "x"', "not JSON at character 13: Expecting ',' delimiter; expected one object a line"),
        ('{"text": 3, "label": 1}', "the text is a number; expected a string"),
        ('{"text": null, "label": 1}', "the text is null; expected a string"),
        (
            r'{"text": "\ud83d", "label": 1}',
            r"half a character: \ud800 to \udfff alone; expected them in pairs",
        ),
        (
            r'{"text": "x", "label": 1, "more": ["\udc00"]}',
            r"half a character: \ud800 to \udfff alone; expected them in pairs",
        ),
    ],
)
def test_each_malformed_line_is_named(write, line, message):
    item = only(write, line)
    assert isinstance(item, Problem)
    assert str(item) == f"line 1 of a.jsonl: {message}"


@pytest.mark.parametrize("line", ["[" * 100_000, '{"text": "x", "label": ' + "9" * 5000 + "}"])
def test_json_that_breaks_the_parser_is_a_problem_and_no_crash(write, line):
    assert str(only(write, line)).startswith("line 1 of a.jsonl: cannot be read as JSON: ")


def test_a_problem_costs_its_own_line_only(write):
    path = write("a.jsonl", '{"text": "one"}\noops\n{"text": "two"}\r\n')
    assert [item.line for item in scan(path) if isinstance(item, Problem)] == [2]
    assert [item.text for item in scan(path) if isinstance(item, Example)] == ["one", "two"]


def test_pairs_of_surrogates_are_one_character(write):
    assert only(write, r'{"text": "\ud83d\ude00", "label": 1}').text == "😀"


def test_labels_are_not_looked_at_when_none_are_read():
    lines = decode_lines(io.BytesIO(b'{"text": "x", "label": [0.5]}\n'), "a")
    assert list(read_jsonl(lines, Wanted("a", label_column=None))) == [Row(1, "x", None, {"text": "x", "label": [0.5]})]
