from __future__ import annotations

import io
import json
import os
import subprocess
import sys

import pytest

from nlp_lstm import load
from tests.cli.made_reviews import SMALL


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
    words = ["kind", "rude", "w3", "w7"]
    file.write_text("".join(" ".join(words[(i * k) % 4] for k in range(i % 9)) + "\n" for i in range(60)))
    answers = [run("predict", trained, file, "--batch-size", size, "--format", "jsonl").out for size in (1, 7, 256)]
    scores = [[json.loads(line)["scores"]["good"] for line in answer.strip().split("\n")] for answer in answers]
    assert len(scores[0]) == 60 and max(scores[0]) - min(scores[0]) > 0.5
    assert scores[1] == pytest.approx(scores[0], abs=1e-5) and scores[2] == pytest.approx(scores[0], abs=1e-5)


def test_a_pipe_or_a_link_as_output_stays_what_it_is(run, trained, tmp_path):
    target, link = tmp_path / "target.txt", tmp_path / "link.txt"
    target.write_text("old\n")
    link.symlink_to(target)
    assert run("predict", trained, "--text", "kind", "-o", link).code == 0
    assert link.is_symlink() and target.read_text() == "good\n"
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    assert run("predict", trained, "--text", "rude", "-o", pipe).code == 0
    assert os.read(reader, 99) == b"bad\n" and pipe.is_fifo()
    os.close(reader)


def test_a_folder_as_output_is_refused_before_anything_is_done(run, trained, tmp_path):
    ran = run("predict", trained, "--text", "kind", "-o", tmp_path)
    assert ran.code == 2 and "is a folder" in ran.err and list(tmp_path.iterdir()) == []


def test_with_batches_of_one_each_text_is_answered_before_the_next_is_read(trained):
    read = []

    def texts():
        for text in ("kind", "rude", "grim"):
            read.append(text)
            yield text

    answers = load(trained).predict(texts(), batch_size=1)
    for number in (1, 2, 3):
        next(answers)
        assert len(read) == number


def test_labels_with_brackets_are_printed_as_they_are(run, tmp_path):
    file = tmp_path / "odd.csv"
    file.write_text("text,label\n" + "".join(f"kind {i},[/good]\nrude {i},[red]\n" for i in range(12)))
    assert run("train", "classify", "--train", file, "--out", tmp_path / "r", "--steps=2", *SMALL).code == 0
    for line in (["evaluate", tmp_path / "r", file], ["info", tmp_path / "r"]):
        ran = run(*line)
        assert ran.code == 0 and "[/good]" in ran.out and "[red]" in ran.out


def test_closed_streams_and_old_terminals_end_in_no_traceback(trained):
    program = f"{sys.executable} -m nlp_lstm predict '{trained}'"
    for line in (
        f"{program} --text kind >&-",
        f"{program} - <&-",
        f"LC_ALL=C PYTHONIOENCODING=ascii {program} --text ü",
    ):
        ran = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
        assert ran.returncode == 0 and ran.stderr == ""


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
    assert (tmp_path / "out.txt.partial").read_text() == "good\n" * 40  # every line before the bad one


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["predict", "{model}"], 2, "give a FILE, - for standard input, or --text T"),
        (["predict", "{model}", "{tmp}/none.txt"], 3, "error: {tmp}/none.txt"),
        (["predict", "{tmp}", "--text", "x"], 4, "error: {tmp}/config.json"),
        (["predict", "{tmp}/gone", "--text", "x"], 4, "error: no model at {tmp}/gone: there is no such folder"),
        (["predict", "{model}", "--text", "x", "--device", "tpu9"], 2, "error: device 'tpu9' cannot be used here"),
        (["predict", "{model}", "--text", "x", "--formt", "tsv"], 2, "Did you mean"),
        (
            ["predict", "{model}", "--text", "x", "--format", "conll"],
            2,
            "--format conll: this model does not tag words",
        ),
        (
            ["predict", "{model}", "--text", "x", "--n-best", "2"],
            2,
            "--n-best: a model of this kind has no such option",
        ),
    ],
)
def test_a_mistake_ends_in_a_line_and_its_code(run, trained, tmp_path, arguments, code, message):
    places = {"model": trained, "tmp": tmp_path}
    ran = run(*(argument.format(**places) for argument in arguments))
    assert ran.code == code
    assert message.format(**places) in ran.err
    assert ran.out == "" and "Traceback" not in ran.err
