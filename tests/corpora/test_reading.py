from __future__ import annotations

import io
import os
import subprocess
import sys
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_lstm.corpora.opening import decode_lines
from nlp_lstm.corpora.problems import Problem
from nlp_lstm.corpora.reading import FORMATS, Record, read_examples, read_records, scan
from nlp_lstm.corpora.rows import Wanted
from nlp_lstm.errors import DataError, UsageError
from nlp_lstm.records.examples import Example

# The same two examples in every format that has labels.
TWO_EXAMPLES = {
    "csv": "text,label\na fine film,good\nso dull,bad\n",
    "tsv": "text\tlabel\na fine film\tgood\nso dull\tbad\n",
    "jsonl": '{"text": "a fine film", "label": "good"}\n{"text": "so dull", "label": "bad"}\n',
    "tab": "a fine film\tgood\nso dull\tbad\n",
    "fasttext": "__label__good a fine film\n__label__bad so dull\n",
    "trec": "good:very a fine film\nbad:quite so dull\n",
}


def records(data: bytes, **options):
    return list(read_records("-", stdin=io.BytesIO(data), **options))


def message_of(call, *arguments, **options) -> str:
    with pytest.raises(DataError) as caught:
        list(call(*arguments, **options))
    return str(caught.value)


def test_every_format_but_plain_text_is_compared_here():
    assert {*TWO_EXAMPLES, "text"} == set(FORMATS)


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("data_format", TWO_EXAMPLES)
def test_the_same_examples_come_from_every_format_packed_or_not(write, data_format, ending):
    path = write(f"a.data{ending}", TWO_EXAMPLES[data_format])
    found = read_examples(path, data_format=data_format)
    assert [(example.text, example.label) for example in found] == [("a fine film", "good"), ("so dull", "bad")]
    assert {example.source for example in found} == {str(path)}


@pytest.mark.parametrize("data_format", FORMATS)
def test_an_empty_file_is_refused_in_every_format(write, data_format):
    path = write("a.data", "")
    assert message_of(scan, path, data_format=data_format) == "a.data: is empty; expected at least one line"
    assert message_of(read_examples, path, labelled=False) == "a.data: is empty; expected at least one line"


@pytest.mark.parametrize("data_format", FORMATS)
def test_bad_bytes_are_a_problem_in_every_format(write, data_format):
    good = TWO_EXAMPLES.get(data_format, "a\nb\n").encode()
    path = write("a.data", good + b"\xff\n")
    *_, last = scan(path, data_format=data_format)
    assert isinstance(last, Problem)
    assert (last.kind, last.line) == ("encoding", good.count(b"\n") + 1)


BYTES = st.lists(
    st.sampled_from(
        [b"\n", b"\r", b"\t", b'"', b"__label__x", b"A:b ", b"{}", b'{"text": ""}', b"\xff", b"\xc3\xa9", b"\0"]
    ),
    max_size=20,
).map(b"".join)


@given(BYTES, st.sampled_from(["jsonl", "tab", "fasttext", "trec", "text"]), st.booleans())
def test_whatever_the_bytes_each_line_gives_one_row_or_problem(data, data_format, labelled):
    lines = list(decode_lines(io.BytesIO(data), "a"))
    assert len(lines) == data.count(b"\n") + (not data.endswith(b"\n") and data != b"")
    found = list(FORMATS[data_format](iter(lines), Wanted("a", labelled=labelled)))
    assert [item.line for item in found] == [line.number for line in lines]


@given(BYTES, st.sampled_from(["csv", "tsv"]))
def test_whatever_the_bytes_headed_files_give_rows_and_problems_in_order(data, data_format):
    lines = decode_lines(io.BytesIO(b"text\tx,text\n" + data), "a")
    found = list(FORMATS[data_format](lines, Wanted("a")))
    numbers = [item.line for item in found]
    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize("call", [scan, read_examples, read_records])
def test_what_is_wrong_with_the_source_or_the_format_is_said_at_once(write, call, tmp_path):
    write("train.csv", "text,label\n")
    with pytest.raises(DataError, match=r"did you mean 'train\.csv'"):
        call("trian.csv")
    with pytest.raises(DataError, match="is a folder"):
        call(tmp_path)
    with pytest.raises(UsageError, match="no data format 'cvs'; did you mean 'csv'"):
        call("train.csv", data_format="cvs")


def test_one_problem_is_told_alone(write):
    path = write("a.csv", "text,label\none,good\ntwo\n")
    assert message_of(read_examples, path) == "line 3 of a.csv: 1 column; expected 2 columns (text, label)"


def test_the_first_of_many_problems_is_told_with_the_number_of_the_others(write):
    path = write("a.csv", "text,label\none\ntwo,good\nthree,\n")
    first = "line 2 of a.csv: 1 column; expected 2 columns (text, label)"
    assert message_of(read_examples, path) == (
        f"{first} (and 1 more problem; `nlp-lstm data check a.csv` lists them all)"
    )
    write("a.csv", "text,label\none\ntwo,good\nthree,\n\n")
    assert message_of(read_examples, path).startswith(f"{first} (and 2 more problems; ")


def test_the_advice_repeats_the_options_that_are_needed(write):
    path = write("my file", "review,stars\none\ntwo\n")
    options = {"data_format": "csv", "text_column": "review", "label_column": "stars"}
    assert message_of(read_examples, path, **options).endswith(
        "(and 1 more problem; `nlp-lstm data check 'my file' --data-format csv --text-column review "
        "--label-column stars` lists them all)"
    )


def test_plain_text_is_refused_where_labels_are_wanted_and_read_where_not(write):
    path = write("a.txt", "one\n\ntwo\n")
    assert message_of(read_examples, path) == (
        "a.txt: plain text has no labels; expected one of csv, tsv, jsonl, tab, fasttext, trec"
    )
    assert [example.text for example in read_examples(path, labelled=False)] == ["one", "", "two"]


def test_a_header_alone_is_refused_where_labels_are_wanted(write):
    path = write("a.csv", "text,label\n")
    assert message_of(read_examples, path) == "a.csv: no examples; expected at least one"
    assert read_examples(path, labelled=False) == []


def test_texts_are_kept_to_the_last_character(write):
    text = "\x00\x01 \x85\u2028\u2029\x0b\x0c\x1b[0m \ufeff"
    path = write("a.tsv", f"text\tlabel\n{text}\tgood\n")
    assert read_examples(path) == [Example(text, "good", "a.tsv", 2)]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_looked_into_without_losing_what_was_looked_at(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = subprocess.Popen([sys.executable, "-c", f"open({str(pipe)!r}, 'w').write('\\na film\\tgood\\n')"])
    found = list(scan(pipe))
    assert writer.wait(timeout=60) == 0
    assert isinstance(found[0], Problem)
    assert found[1] == Example("a film", "good", str(pipe), 2)


def test_scanning_takes_constant_memory(write):
    path = write("a.csv", "text,label\n" + "a fine film,good\n" * 40_000)
    tracemalloc.start()
    for _ in scan(path):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 400_000 < path.stat().st_size


def test_as_many_records_as_lines_in_order_whatever_they_hold():
    texts = ["", "x", "\x00\x01", "a\tb", "__label__x y", "\ufeff", "\x85\u2028", " ", "😀", "w " * 50_000, ""]
    data = "".join(text + "\n" for text in texts).encode()
    assert records(data) == [Record(text, {}) for text in texts]
    assert records(b"") == []
    assert records(b"\n") == [Record("", {})]
    assert records(b"one\r\ntwo") == [Record("one", {}), Record("two", {})]


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz", "a", "a.log"])
def test_text_files_to_predict_on_are_one_text_a_line_whatever_they_look_like(write, name):
    path = write(name, "__label__x one\na\tb\n\n")
    assert [record.text for record in read_records(path)] == ["__label__x one", "a\tb", ""]


def test_a_format_that_is_asked_for_is_used(write):
    path = write("a.txt", "one\tgood\ntwo\t\n")
    assert list(read_records(path, data_format="tab")) == [
        Record("one", {"text": "one", "label": "good"}),
        Record("two", {"text": "two", "label": ""}),
    ]


def test_json_records_keep_every_key_and_mind_no_label():
    data = b'{"id": 7, "text": "one", "label": 0.5, "more": {"a": [null]}}\n{"text": ""}\n'
    assert records(data, data_format="jsonl") == [
        Record("one", {"id": 7, "text": "one", "label": 0.5, "more": {"a": [None]}}),
        Record("", {"text": ""}),
    ]


def test_csv_records_keep_every_column_as_text(write):
    path = write("a.csv", 'id,review\n007,"one\n1"\n8,\n')
    assert list(read_records(path, text_column="review")) == [
        Record("one\n1", {"id": "007", "review": "one\n1"}),
        Record("", {"id": "8", "review": ""}),
    ]


def test_a_missing_text_column_lists_the_columns_and_the_nearest():
    assert message_of(records, b"sentence,label\none,1\n", data_format="csv", text_column="sentense") == (
        "line 1 of standard input: the header has no column 'sentense'; "
        "the columns are 'sentence', 'label'; did you mean 'sentence'?; --text-column names another"
    )


def test_a_malformed_row_stops_after_the_rows_before_it():
    rows = read_records("-", data_format="jsonl", stdin=io.BytesIO(b'{"text": "one"}\n\n'))
    assert next(rows).text == "one"
    with pytest.raises(DataError) as caught:
        next(rows)
    assert str(caught.value) == "line 2 of standard input: a blank line; expected a JSON object"


def test_a_json_file_to_predict_on_must_be_json_lines(write):
    assert [record.text for record in read_records(write("a.json", '{"text": "one"}\n'))] == ["one"]
    assert message_of(read_records, write("b.json", "[\n]")).startswith("b.json: is a JSON list; expected")


def test_headed_input_without_a_header_is_refused_and_other_empty_input_has_no_records():
    assert message_of(records, b"", data_format="csv") == "standard input: is empty; expected at least one line"
    assert records(b"", data_format="jsonl") == []


@pytest.mark.parametrize(
    ("data_format", "lines"),
    [("text", [b"one\n"] * 3), ("jsonl", [b'{"text": "one"}\n'] * 3), ("tsv", [b"text\n", b"one\n", b"one\n"])],
)
def test_records_come_as_the_lines_arrive(data_format, lines):
    reader_end, writer_end = os.pipe()
    with os.fdopen(reader_end, "rb") as stdin, os.fdopen(writer_end, "wb", buffering=0) as sender:
        rows = read_records("-", data_format=data_format, stdin=stdin)
        if data_format == "tsv":
            sender.write(lines.pop(0))
        for line in lines:
            sender.write(line)
            assert next(rows).text == "one"


def test_importing_the_readers_imports_nothing_heavy():
    heavy = ["torch", "datasets", "pyarrow", "numpy", "spacy", "pandas", "pydantic"]
    code = (
        "import sys, nlp_lstm.corpora.checking, nlp_lstm.corpora.splitting\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
