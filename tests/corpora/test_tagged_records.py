"""What a tagger is asked about: words and texts side by side in JSON lines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nlp_lstm.corpora.reading import read_records
from nlp_lstm.corpora.tagged_records import read_words_or_texts
from nlp_lstm.errors import DataError


def written(path: Path, *rows: object) -> Path:
    """Write a JSON line for each row."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_words_are_taken_as_they_are_and_texts_as_texts(tmp_path, name):
    rows = [{"words": ["New York", "met"], "id": 7}, {"text": "Ada left."}, {"tokens": []}]
    found = list(read_words_or_texts(written(tmp_path / name, *rows)))
    assert [record.given for record in found] == [("New York", "met"), "Ada left.", ()]
    assert found[0].fields == {"text": "New York met", **rows[0]}
    assert found[1].fields == rows[1]


def test_of_words_beside_a_text_those_with_tags_count(tmp_path):
    both = {"text": "don't", "words": ["do", "n't"]}
    path = written(tmp_path / "a.txt", both, {**both, "tags": ["O", "O"]}, {"text": "x", "tokens": [{"id": 1}]})
    found = list(read_words_or_texts(path, data_format="jsonl"))
    assert [record.given for record in found] == ["don't", ("do", "n't"), "x"]
    assert found[1].text == "don't"


def test_a_text_may_stand_under_another_name(tmp_path):
    path = written(tmp_path / "a.jsonl", {"body": "a b"}, {"words": ["c"]})
    assert [each.given for each in read_words_or_texts(path, text_column="body")] == ["a b", ("c",)]


def test_texts_alone_are_read_as_without_a_tagger(tmp_path):
    path = written(tmp_path / "a.jsonl", {"text": "a b", "id": 1}, {"text": " "})
    assert list(read_words_or_texts(path)) == list(read_records(path))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"words": ["a", ""]}, "word 2 is empty"),
        ({"words": "a"}, "'words' is a string; expected a list"),
        ({"words": ["a", None]}, "word 2 is null"),
        ({"id": 1}, "no column 'text'"),
        ([1], "a list; expected a JSON object"),
    ],
)
def test_a_line_with_neither_is_named_after_those_before_it(tmp_path, row, message):
    records = read_words_or_texts(written(tmp_path / "a.jsonl", {"words": ["a"]}, row))
    assert next(records).words == ("a",)
    with pytest.raises(DataError, match=rf"^line 2 of \S*a\.jsonl: {message}"):
        next(records)
