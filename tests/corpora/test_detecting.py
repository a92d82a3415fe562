from __future__ import annotations

import pytest

from nlp_lstm.corpora.reading import detect_format
from nlp_lstm.errors import DataError


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.csv", "x", "csv"),
        ("A.CSV", "x", "csv"),
        ("a.tsv", "x", "tsv"),
        ("a.jsonl", "x", "jsonl"),
        ("a.ndjson", "x", "jsonl"),
        ("a.csv.gz", "x", "csv"),
        ("a.jsonl.gz", "x", "jsonl"),
        ("a.json", '\n{"text": "x"}\n{"text": "y"}\n', "jsonl"),
        ("a.txt", "a film\n", "text"),
        ("a.txt", "\n \n__label__good a film\n", "fasttext"),
        ("a.txt.gz", "a film\tgood\n", "tab"),
        ("a.txt", "\n\t\na film\n", "text"),
        ("a.txt", "\n\n", "text"),
        ("reviews", "a film\tgood\n", "tab"),
        ("reviews.gz", "__label__good a film\n", "fasttext"),
        ("a.txt", b"caf\xe9\tgood\n", "tab"),
    ],
)
def test_the_format_is_told_by_the_ending_or_the_first_filled_line(write, name, content, expected):
    assert detect_format(write(name, content)) == expected


@pytest.mark.parametrize(
    ("content", "found"),
    [('[{"text": "x"}]', "a JSON list"), ('{\n  "text": "x"\n}', "JSON spread over lines")],
)
def test_json_that_is_not_one_object_a_line_is_refused(write, content, found):
    with pytest.raises(DataError) as caught:
        detect_format(write("a.json", content))
    assert str(caught.value) == f"a.json: is {found}; expected one JSON object a line (JSON lines)"


def test_files_of_other_programs_are_refused(write):
    with pytest.raises(DataError) as caught:
        detect_format(write("a.xlsx", b"PK"))
    assert str(caught.value) == ("a.xlsx: .xlsx files are not read; expected text, such as CSV, TSV or JSON lines")


def test_missing_and_empty_files_are_refused(write):
    with pytest.raises(DataError, match=r"a\.csv: no such file"):
        detect_format("a.csv")
    with pytest.raises(DataError, match=r"a\.txt: is empty"):
        detect_format(write("a.txt", ""))
