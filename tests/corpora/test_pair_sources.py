from __future__ import annotations

import pytest

from nlp_lstm.corpora.pair_sources import read_sources
from nlp_lstm.corpora.pairs import read_pairs
from nlp_lstm.errors import DataError, UsageError

EN_DE = ("en", "de")
ROWS = [("A man sleeps.", "Ein Mann schläft."), ("No", "Nein")]
CONTENTS = [
    ("a.tsv", {}, "A man sleeps.\tEin Mann schläft.\nNo\tNein\n"),
    ("a.tsv", {}, "target\tsource\nEin Mann schläft.\tA man sleeps.\nNein\tNo\n"),
    ("a.tsv", {"languages": EN_DE}, "de\ten\nEin Mann schläft.\tA man sleeps.\nNein\tNo\n"),
    (
        "a.tsv",
        {"source_column": "Englisch"},
        "id\tEnglisch\tDeutsch\n1\tA man sleeps.\tEin Mann schläft.\n2\tNo\tNein\n",
    ),
    ("a.csv", {}, 'target,source\nEin Mann schläft.,"A man sleeps."\nNein,No\n'),
    ("a.csv", {"languages": EN_DE}, "de,en\nEin Mann schläft.,A man sleeps.\nNein,No\n"),
    ("a.jsonl", {}, '{"target": "Ein Mann schläft.", "source": "A man sleeps."}\n{"source": "No", "target": "Nein"}\n'),
    (
        "a.jsonl",
        {"languages": EN_DE},
        '{"translation": {"de": "Ein Mann schläft.", "en": "A man sleeps."}}\n{"de": "Nein", "en": "No"}\n',
    ),
]


@pytest.mark.parametrize(("name", "options", "content"), CONTENTS)
def test_the_source_side_is_read_as_training_reads_it(write, name, options, content):
    path = write(name, content)
    columns = {"target_column": "Deutsch"} if "source_column" in options else {}
    pairs = read_pairs(path, **options, **columns).pairs
    assert [(pair.source_text, pair.target_text) for pair in pairs] == ROWS
    assert [record.text for record in read_sources(path, **options)] == [source for source, _ in ROWS]


def test_of_two_parallel_files_the_first_is_read_also_where_it_is_alone(write):
    write("train.en.gz", "a\n\nb\tc\n")
    for _ in range(2):
        assert [record.text for record in read_sources("train", languages=EN_DE)] == ["a", "", "b\tc"]
        assert [each.text for each in read_sources("train", languages=EN_DE, data_format="parallel")] == [
            "a",
            "",
            "b\tc",
        ]
        write("train.de", "A\n\nB\n")
    assert [record.text for record in read_sources("train", languages=("de", "en"))] == ["A", "", "B"]
    assert [record.text for record in read_sources("train.de", languages=EN_DE)] == ["A", "", "B"]


def test_everything_that_stands_beside_a_sentence_is_kept(write):
    assert [record.fields for record in read_sources(write("a.tsv", "a\tA\nb\n"))] == [
        {"source": "a", "target": "A"},
        {"source": "b"},
    ]
    fields = {"translation": {"en": "a", "de": "A"}, "id": 7}
    path = write("a.jsonl", '{"translation": {"en": "a", "de": "A"}, "id": 7}')
    assert [record.fields for record in read_sources(path, languages=EN_DE)] == [fields]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", "a\tb\n\n"),
        ("a.tsv", "more\ttext\nb\ta\n"),
        ("a.jsonl", '{"text": "a"}'),
    ],
)
def test_plain_lines_and_a_column_of_texts_are_read_as_by_any_model(write, name, content):
    expected = {"a.txt": ["a\tb", ""]}.get(name, ["a"])
    assert [record.text for record in read_sources(write(name, content))] == expected


def test_as_many_records_as_lines_of_a_file_without_header(write):
    path = write("a.tsv", "a\tA\n\n \tB\nb\n")
    assert [record.text for record in read_sources(path)] == ["a", "", " ", "b"]


@pytest.mark.parametrize(
    ("name", "content", "options", "message"),
    [
        (
            "a.tsv",
            "English\tGerman\na\tA\n",
            {"source_column": "Englisch"},
            "line 1 of a.tsv: the header has no column 'Englisch'; the columns are 'English', 'German'; did you mean "
            "'English'?; --text-column names another",
        ),
        (
            "a.csv",
            "English,German\na,A\n",
            {},
            "line 1 of a.csv: the header has no column 'source'; the columns are 'English', 'German'; "
            "--text-column names another",
        ),
        (
            "a.jsonl",
            '{"english": "a"}',
            {"languages": EN_DE},
            "line 1 of a.jsonl: no column 'source'; the columns are 'english'; --text-column names another",
        ),
        (
            "a.tsv",
            "a\tA\t1\n",
            {},
            "line 1 of a.tsv: 3 columns; expected at most 2 (source, target), or a header that names the columns and "
            "--text-column with one of them",
        ),
        ("a.jsonl", '{"source": 3}', {}, "line 1 of a.jsonl: the text is a number; expected a string"),
        ("a.csv", '"' + "x" * 200_000 + "\n", {}, "line 1 of a.csv: a quote is opened and never closed"),
        ("b.de", "x", {"data_format": "parallel", "languages": EN_DE}, "a.en: no such file, packed (.gz) or not"),
        ("a.tsv", "", {}, "a.tsv: is empty; expected at least one line"),
    ],
)
def test_what_cannot_be_read_is_named_with_the_flag_that_helps(write, name, content, options, message):
    path = write(name, content)
    with pytest.raises(DataError) as caught:
        list(read_sources("a" if "data_format" in options else path, **options))
    assert str(caught.value) == message


def test_a_model_without_languages_says_that_it_knows_no_parallel_files(write):
    with pytest.raises(UsageError, match=r"a: the model was not told its languages in training"):
        read_sources("a", data_format="parallel")
