from __future__ import annotations

import gzip
import io
import json
from collections import Counter

import pytest

from nlp_lstm.corpora.problems import Problem
from nlp_lstm.corpora.tagged import (
    TAGGED_FORMATS,
    check_tagged,
    read_tagged,
    scan_tagged,
    tagged_format,
)
from nlp_lstm.errors import DataError, UsageError
from nlp_lstm.records.examples import TaggedSentence
from nlp_lstm.text.characters import Characters
from nlp_lstm.text.tag_schemes import detect_scheme, spans


def row(number: int, word: str, tag: str) -> str:
    return f"{number}\t{word}\t_\t{tag}\t_\t_\t_\t_\t_\t_\n"


# The same two sentences in every format.
TWO_SENTENCES = {
    "conll": "Ada B-PER\nleft O\n\nParis B-LOC\n",
    "conllu": row(1, "Ada", "B-PER") + row(2, "left", "O") + "\n" + row(1, "Paris", "B-LOC") + "\n",
    "jsonl": '{"text": "Ada left", "entities": [[0, 3, "PER"]]}\n{"words": ["Paris"], "tags": ["B-LOC"]}\n',
}
CALLS = [scan_tagged, read_tagged, check_tagged]


def message_of(call, *arguments, **options) -> str:
    with pytest.raises(DataError) as caught:
        list(call(*arguments, **options))
    return str(caught.value)


def test_every_format_is_compared_here():
    assert set(TWO_SENTENCES) == set(TAGGED_FORMATS)


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("data_format", TWO_SENTENCES)
def test_the_same_sentences_come_from_every_format_packed_or_not(write, data_format, ending):
    path = write(f"a.data{ending}", TWO_SENTENCES[data_format])
    found = read_tagged(path, data_format=data_format)
    assert [(item.text, item.words, item.starts, item.tags, item.source) for item in found] == [
        ("Ada left", ("Ada", "left"), (0, 4), ("B-PER", "O"), str(path)),
        ("Paris", ("Paris",), (0,), ("B-LOC",), str(path)),
    ]
    assert list(scan_tagged(path, data_format=data_format)) == found
    untagged = read_tagged(path, data_format=data_format, tagged=False)
    assert [(item.words, item.tags) for item in untagged] == [(("Ada", "left"), None), (("Paris",), None)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.conll", "conll"),
        ("a.iob", "conll"),
        ("a.bio", "conll"),
        ("a.txt", "conll"),
        ("a.tsv.gz", "conll"),
        ("esp.train.gz", "conll"),
        ("esp.testa", "conll"),
        ("emerging.test.annotated", "conll"),
        ("a", "conll"),
        ("-", "conll"),
        ("a.conllu", "conllu"),
        ("A.CONLLU", "conllu"),
        ("a.conllu.gz", "conllu"),
        ("a.jsonl", "jsonl"),
        ("a.ndjson.gz", "jsonl"),
        ("a.json", "jsonl"),
    ],
)
def test_the_format_is_told_by_the_ending(write, name, expected):
    assert tagged_format(name) == expected
    if name != "-":
        assert len(read_tagged(write(name, TWO_SENTENCES[expected]))) == 2


def test_the_format_that_is_named_goes_before_the_ending(write):
    assert len(read_tagged(write("a.conllu", TWO_SENTENCES["jsonl"]), data_format="jsonl")) == 2
    assert len(read_tagged(write("a.json", TWO_SENTENCES["conll"]), data_format="conll")) == 2


@pytest.mark.parametrize("call", CALLS)
def test_what_is_wrong_with_the_source_the_format_or_the_columns_is_said_at_once(write, call, tmp_path):
    write("train.conll", "a O\n")
    with pytest.raises(DataError, match=r"did you mean 'train\.conll'"):
        call("trian.conll")
    with pytest.raises(DataError, match="is a folder"):
        call(tmp_path)
    with pytest.raises(DataError, match=r"\.xlsx files are not read"):
        call(write("a.xlsx", "a O\n"))
    with pytest.raises(UsageError, match="no format of tagged sentences 'conl'; did you mean 'conll'"):
        call("train.conll", data_format="conl")
    with pytest.raises(UsageError, match="no kind of column 'wrd'; did you mean 'word'"):
        call("train.conll", columns=("wrd", "tag"))
    with pytest.raises(UsageError, match="11 columns are named"):
        call("train.conll", data_format="conllu", columns=("word", "tag", *"_________"))
    with pytest.raises(UsageError, match="hf:conll2003: tagged sentences are read from files only"):
        call("hf:conll2003")


@pytest.mark.parametrize("data_format", TAGGED_FORMATS)
def test_an_empty_file_is_refused_where_tags_are_wanted_and_read_where_not(write, data_format):
    path = write("a.data", "")
    for call in CALLS:
        assert message_of(call, path, data_format=data_format) == "a.data: is empty; expected at least one line"
    assert read_tagged(path, data_format=data_format, tagged=False) == []


def test_a_file_of_blank_lines_is_refused_where_tags_are_wanted(write):
    path = write("a.conll", "\n\n")
    assert message_of(read_tagged, path) == "a.conll: no sentences; expected at least one"
    assert read_tagged(path, tagged=False) == []


@pytest.mark.parametrize(
    ("content", "found"),
    [('[{"text": "x"}]', "a JSON list"), ('\n{\n  "text": "x"\n}', "JSON spread over lines")],
)
def test_json_that_is_not_one_object_a_line_is_refused(write, content, found):
    path = write("a.json", content)
    assert message_of(scan_tagged, path) == f"a.json: is {found}; expected one JSON object a line (JSON lines)"


@pytest.mark.parametrize("data_format", TAGGED_FORMATS)
def test_bad_bytes_are_a_problem_in_every_format(write, data_format):
    path = write("a.data", TWO_SENTENCES[data_format].encode() + b"\n\xff\n")
    *_, last = scan_tagged(path, data_format=data_format)
    assert isinstance(last, Problem)
    assert (last.kind, last.line) == ("encoding", TWO_SENTENCES[data_format].count("\n") + 2)


def test_columns_and_tokenizer_reach_the_format(write):
    [found] = read_tagged(write("a.txt", "1 a X\n"), columns=("_", "word", "tag"))
    assert found.words == ("a",)
    [found] = read_tagged(write("a.jsonl", '{"text": "ab", "spans": [[1, 2, "X"]]}'), tokenizer=Characters())
    assert (found.words, found.tags) == (("a", "b"), ("O", "B-X"))


def test_standard_input_is_read_as_columns_unless_told_otherwise():
    [found] = scan_tagged("-", stdin=io.BytesIO(b"Ada O\n"))
    assert found == TaggedSentence("Ada", ("Ada",), (0,), ("O",), None, (("Ada", "O"),), "standard input", 1)
    [found] = read_tagged("-", data_format="jsonl", tagged=False, stdin=io.BytesIO(b'{"text": "Ada"}'))
    assert found.words == ("Ada",)


def test_one_problem_is_told_alone(write):
    path = write("a.conll", "a O\n\nb\n")
    assert message_of(read_tagged, path) == "line 3 of a.conll: 1 column; expected 2, as in line 1"


def test_the_first_of_many_problems_is_told_with_the_command_that_lists_them(write):
    path = write("my file", "a X O\n\nb\nc\n\nd X O X\n")
    assert message_of(read_tagged, path, data_format="conll", columns=("word", "_", "tag")) == (
        "line 3 of my file: 1 column; expected 3, as in line 1 (and 2 more problems; `nlp-lstm data check 'my file' "
        "--task tag --data-format conll --columns word,_,tag` lists them all)"
    )


def test_a_sentence_of_50_thousand_words_is_read_and_checked(write):
    path = write("a.conll", "".join(f"w{number}\t{'BI'[number % 2]}-X\n" for number in range(60_000)))
    [found] = read_tagged(path)
    assert len(found.words) == 60_000
    assert check_tagged(path).labels == {"B-X": 30_000, "I-X": 30_000}


# Sentences and words as the README beside the data has them; the DOCSTART lines of the Dutch files are no words.
REAL = [
    ("conll2000", "train.txt.gz", 8_936, 211_727, 106_978),
    ("conll2000", "test.txt", 2_012, 47_377, 23_852),
    ("conll2002", "esp.train.gz", 8_323, 264_715, 18_798),
    ("conll2002", "esp.testa", 1_915, 52_923, 4_352),
    ("conll2002", "esp.testb", 1_517, 51_533, 3_559),
    ("conll2002", "ned.train.gz", 15_806, 202_931 - 287, 13_344),
    ("conll2002", "ned.testa", 2_895, 37_761 - 74, 2_616),
    ("conll2002", "ned.testb", 5_195, 68_994 - 119, 3_941),
    ("wnut17", "wnut17train.conll", 3_394, 62_730, 1_975),
    ("wnut17", "emerging.dev.conll", 1_009, 15_733, 836),
    ("wnut17", "emerging.test.annotated", 1_287, 23_394, 1_079),
    ("ud_english_ewt", "en_ewt-ud-train.conllu.gz", 12_544, 204_577, None),
    ("ud_english_ewt", "en_ewt-ud-dev.conllu.gz", 2_001, 25_147, None),
    ("ud_english_ewt", "en_ewt-ud-test.conllu.gz", 2_077, 25_094, None),
]


@pytest.mark.parametrize(("folder", "name", "n_sentences", "n_words", "n_chunks"), REAL)
def test_real_files_have_their_published_counts(real_data, folder, name, n_sentences, n_words, n_chunks):
    found = read_tagged(real_data(folder) / name)
    assert (len(found), sum(len(sentence.words) for sentence in found)) == (n_sentences, n_words)
    scheme = detect_scheme(sentence.tags for sentence in found)
    if n_chunks is None:
        assert scheme is None
        assert len({tag for sentence in found for tag in sentence.tags}) == 17
    else:
        assert scheme == "iob2"
        assert sum(len(spans(sentence.tags, scheme)) for sentence in found) == n_chunks
    for sentence in found:
        assert all(map(sentence.text.startswith, sentence.words, sentence.starts))


def test_the_sentences_of_a_treebank_have_the_text_of_their_comment(real_data):
    path = real_data("ud_english_ewt") / "en_ewt-ud-dev.conllu.gz"
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
        texts = [line.removeprefix("# text = ").rstrip("\n") for line in file if line.startswith("# text = ")]
    # Every one: the parts of this treebank's ranges are what their words are made of.
    assert [sentence.text for sentence in read_tagged(path)] == texts


def test_a_real_corpus_is_checked(real_data):
    folder = real_data("conll2002")
    report = check_tagged(folder / "esp.train.gz", others=[folder / "esp.testa", folder / "esp.testb"])
    assert report.errors == ()
    assert Counter(problem.kind for problem in report.warnings)["tag"] == 3
    assert report.lengths.max == 1_238
    assert [problem.line for problem in report.warnings if problem.kind == "tag"] == [221_619, 30_882, 9_291]


def test_json_of_words_and_tags_comes_back(write):
    rows = [{"words": ["a\tb", "\u2028", "c"], "tags": ["O", "B-X", "I-X"]}, {"words": ["d"], "tags": ["O"]}]
    found = read_tagged(write("a.jsonl", "".join(json.dumps(each) + "\n" for each in rows)))
    assert [{"words": list(item.words), "tags": list(item.tags)} for item in found] == rows
