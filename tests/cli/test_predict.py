from __future__ import annotations

import io
import json
import sys

import pytest

from nlp_lstm import load


def feed(monkeypatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def test_each_text_gives_its_label_on_a_line(run, trained):
    ran = run("predict", trained, "--text", "a warm evening", "--text", "a grim one")
    assert (ran.code, ran.out) == (0, "good\nbad\n")


def test_standard_input_gives_a_line_for_each_line_also_for_empty_ones(run, trained, monkeypatch):
    feed(monkeypatch, "lovely\n\nrude \u0085 grim\n👍\nx".encode())
    ran = run("predict", trained, "-")
    assert ran.code == 0
    lines = ran.out.split("\n")
    assert len(lines) == 6 and lines[5] == ""
    assert lines[0] == "good" and lines[2] == "bad"


def test_no_input_gives_no_output(run, trained, monkeypatch):
    feed(monkeypatch, b"")
    assert run("predict", trained, "-")[:2] == (0, "")


def test_jsonl_keeps_the_inputs_fields_and_equals_python(run, trained, tmp_path):
    file = tmp_path / "in.jsonl"
    rows = [{"text": "so kind", "stars": 5, "label": "mine"}, {"text": "dull dull", "id": "x7"}]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    ran = run("predict", trained, file, "--format", "jsonl")
    found = [json.loads(line) for line in ran.out.strip().split("\n")]
    expected = load(trained)(["so kind", "dull dull"])
    for number, (row, prediction) in enumerate(zip(found, expected, strict=True)):
        assert row["id"] == number
        assert row["label"] == prediction.label
        assert row["score"] == pytest.approx(prediction.score, abs=1e-12)
        assert row["scores"] == pytest.approx(dict(prediction.scores), abs=1e-12)
    assert found[0]["stars"] == 5 and found[0]["input_label"] == "mine" and found[1]["input_id"] == "x7"


def test_tsv_writes_the_inputs_columns_then_label_and_score(run, trained, tmp_path):
    file = tmp_path / "in.csv"
    file.write_text('name,text\nAda,so kind\nBob,"dull\nand\tcold"\n')
    ran = run("predict", trained, file, "--format", "tsv")
    first, second = (line.split("\t") for line in ran.out.strip().split("\n"))
    assert first[:3] == ["Ada", "so kind", "good"] and second[:3] == ["Bob", "dull\\nand\\tcold", "bad"]
    assert 0.5 < float(first[3]) <= 1


def test_batch_size_changes_no_answer(run, trained, tmp_path):
    file = tmp_path / "in.txt"
    file.write_text("".join(f"{'word ' * (i % 9)} kind\n" for i in range(60)))
    answers = {run("predict", trained, file, "--batch-size", size).out for size in (1, 7, 256)}
    assert len(answers) == 1


def test_an_output_file_is_whole_or_untouched(run, trained, tmp_path):
    good, bad, target = tmp_path / "good.jsonl", tmp_path / "bad.jsonl", tmp_path / "out.txt"
    good.write_text('{"text": "kind"}\n')
    bad.write_text('{"text": "kind"}\n' * 40 + "not json\n")
    assert run("predict", trained, good, "-o", target).code == 0
    assert target.read_text() == "good\n"
    ran = run("predict", trained, bad, "-o", target)
    assert ran.code == 3
    assert ran.err.startswith(f"error: line 41 of {bad}")
    assert target.read_text() == "good\n"
    assert (tmp_path / "out.txt.partial").read_text() == "good\n" * 16  # the chunk before the bad line


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["predict", "{model}"], 2, "give a FILE, - for standard input, or --text T"),
        (["predict", "{model}", "{tmp}/none.txt"], 3, "error: {tmp}/none.txt"),
        (["predict", "{tmp}", "--text", "x"], 4, "error: {tmp}/config.json"),
        (["predict", "{tmp}/gone", "--text", "x"], 4, "error: no model at {tmp}/gone: there is no such folder"),
        (["predict", "{model}", "--text", "x", "--device", "tpu9"], 2, "error: device 'tpu9' cannot be used here"),
        (["predict", "{model}", "--text", "x", "--formt", "tsv"], 2, "Did you mean"),
    ],
)
def test_a_mistake_ends_in_a_line_and_its_code(run, trained, tmp_path, arguments, code, message):
    places = {"model": trained, "tmp": tmp_path}
    ran = run(*(argument.format(**places) for argument in arguments))
    assert ran.code == code
    assert message.format(**places) in ran.err
    assert ran.out == "" and "Traceback" not in ran.err
