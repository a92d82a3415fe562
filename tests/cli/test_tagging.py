"""The tagger on the command line: data, training, prediction in every format, evaluation, what is told of mistakes."""

from __future__ import annotations

import html
import io
import json
import random
import re
import sys
from pathlib import Path

import pytest

from nlp_lstm import load
from nlp_lstm.cli.main import main

NAMES = {"PER": ["Ada", "Bob Marsh", "Cleo"], "LOC": ["Paris", "New York", "Oslo"]}
PLAIN = ["saw", "left", "near", "quietly", "met", "for"]
SMALL = ["--set=tokenizer.kind=regex", "--set=encoder.embed_size=16", "--set=encoder.hidden_size=16"]
SMALL += ["--set=training.learning_rate=0.02", "--set=training.batch_size=8", "--set=encoder.dropout=0.1"]


def write_names(path: Path, n: int, seed: int) -> Path:
    """Write sentences in which a capital letter begins a name, and the name tells its kind."""
    draw = random.Random(seed)
    blocks = []
    for _ in range(n):
        rows = []
        for _ in range(draw.randint(2, 5)):
            if draw.random() < 0.5:
                rows.append(f"{draw.choice(PLAIN)}\tX\tO")
                continue
            kind = draw.choice(sorted(NAMES))
            for place, word in enumerate(draw.choice(NAMES[kind]).split(" ")):
                rows.append(f"{word}\tX\t{'I' if place else 'B'}-{kind}")
            rows.append(f"{draw.choice(PLAIN)}\tX\tO")
        blocks.append("\n".join(rows) + "\n")
    path.write_text("\n".join(blocks), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def tagger(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("tagger")
    data = [write_names(folder / f"{split}.conll", 60, seed) for seed, split in enumerate(("train", "dev"))]
    line = ["train", "tag", "--train", data[0], "--dev", data[1], "--out", folder / "run", "--epochs=8", *SMALL]
    assert main([str(word) for word in line]) == 0
    return folder / "run"


@pytest.fixture
def words(tmp_path) -> Path:
    path = tmp_path / "words.conll"
    path.write_text("Ada\tone\nsaw\ttwo\nNew\tthree\nYork\tfour\n\nleft\tfive\n", encoding="utf-8")
    return path


def test_a_text_comes_back_with_its_entities_marked(run, tagger):
    ran = run("predict", tagger, "--text", "Ada saw New York", "--text", "", "--text", "quietly left")
    assert (ran.code, ran.out) == (0, "[Ada](PER) saw [New York](LOC)\n\nquietly left\n")


def test_further_answers_without_a_place_for_them_are_refused(run, tagger):
    ran = run("predict", tagger, "--text", "Ada", "--n-best", 2)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "error: --n-best: further answers are written by --format jsonl only\n"


def test_jsonl_gives_entities_with_offsets_and_equals_python(run, tagger):
    ran = run("predict", tagger, "--text", "  Ada saw\tNew York", "--format", "jsonl")
    (found,) = (json.loads(line) for line in ran.out.strip().split("\n"))
    expected = load(tagger)("  Ada saw\tNew York")
    assert found["id"] == 0 and found["text"] == "  Ada saw\tNew York"
    assert {name: found[name] for name in expected.to_dict()} == json.loads(json.dumps(expected.to_dict()))
    assert [(each["entity_group"], each["start"], each["end"]) for each in found["entities"]] == [
        ("PER", 2, 5),
        ("LOC", 10, 18),
    ]
    assert all(0 < each["score"] <= 1 for each in found["entities"])


def test_columns_come_back_with_one_more(run, tagger, words):
    ran = run("predict", tagger, words, "--format", "conll")
    assert ran.code == 0
    assert ran.out == ("Ada\tone\tB-PER\nsaw\ttwo\tO\nNew\tthree\tB-LOC\nYork\tfour\tI-LOC\n\nleft\tfive\tO\n\n")


def test_a_text_can_come_out_in_columns_and_standard_input_can_hold_them(run, tagger, monkeypatch):
    assert run("predict", tagger, "--text", "Ada left.", "--format", "conll").out == "Ada\tB-PER\nleft\tO\n.\tO\n\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"Oslo\n\nmet\n")))
    ran = run("predict", tagger, "-", "--data-format", "conll", "--format", "conll")
    assert ran.out == "Oslo\tB-LOC\n\nmet\tO\n\n"


def test_tsv_keeps_a_line_a_text(run, tagger):
    ran = run("predict", tagger, "--text", "Ada\tleft\n", "--format", "tsv")
    assert ran.out == "Ada\\tleft\\n\tB-PER O\t0-3:PER\n"


def test_the_likeliest_sequences_come_with_their_probabilities(run, tagger):
    ran = run("predict", tagger, "--text", "Ada saw Oslo", "--n-best", 3, "--format", "jsonl")
    found = json.loads(ran.out)
    scores = [each["score"] for each in found["alternatives"]]
    assert len(scores) == 3 and scores == sorted(scores, reverse=True) and sum(scores) <= 1.0001
    assert found["alternatives"][0]["tags"] == found["tags"]


def test_a_page_shows_every_text_and_refers_to_nothing_outside(run, tagger, tmp_path):
    page = tmp_path / "page.html"
    assert run("predict", tagger, "--text", "Ada <b> & co", "--text", "left", "--html", page).code == 0
    content = page.read_text(encoding="utf-8")
    assert not re.search(r"https?://|src=|<script|<link", content)
    plain = html.unescape(re.sub(r"<[^>]+>", " ", content.partition("</head>")[2]))
    assert plain.split() == ["Ada", "PER", "<b>", "&", "co", "left"]


def test_evaluation_counts_spans_and_can_be_required(run, tagger, tmp_path):
    test = write_names(tmp_path / "test.conll", 40, seed=9)
    ran = run("evaluate", tagger, test, "--format", "json", "--require", "f1=0.9")
    report = json.loads(ran.out)
    assert ran.code == 0 and report["f1"] > 0.9 and set(report["per_type"]) == {"LOC", "PER"}
    assert report["n"] == 40
    table = run("evaluate", tagger, test)
    assert table.code == 0 and "40 sentences" in table.out and "true \\ predicted" in table.out
    assert run("evaluate", tagger, test, "--require", "f1=1.01").code == 5


def test_columns_can_be_named(run, tagger, tmp_path):
    file = tmp_path / "odd.conll"
    file.write_text("X B-PER Ada\nX O saw\n", encoding="utf-8")
    report = json.loads(run("evaluate", tagger, file, "--columns", "_,tag,word", "--format", "json").out)
    assert report["f1"] == 1.0
    assert run("evaluate", tagger, file, "--columns", "_,tag,wrd").err.startswith("error: no kind of column 'wrd'")


def test_a_model_reads_later_files_by_the_columns_it_was_trained_with(run, tmp_path):
    train = write_names(tmp_path / "train.conll", 30, seed=5)
    other = tmp_path / "other.conll"
    rows = [line.split("\t") for line in train.read_text(encoding="utf-8").split("\n")]
    other.write_text("\n".join("\t".join([*row[::-1], "z"]) if row[0] else "" for row in rows), encoding="utf-8")
    line = ["train", "tag", "--train", other, "--dev", other, "--columns", "tag,_,word,_", "--epochs=6"]
    assert run(*line, "--out", tmp_path / "run", *SMALL).code == 0
    report = json.loads(run("evaluate", tmp_path / "run", other, "--format", "json").out)
    assert report["f1"] > 0.9
    assert run("evaluate", tmp_path / "run", train, "--columns", "word,_,tag", "--require", "f1=0.9").code == 0


def test_no_result_is_written_over_an_input_or_another_result(run, tagger, tmp_path):
    notes = tmp_path / "notes.txt"
    notes.write_text("Ada left\n", encoding="utf-8")
    for flags in (["-o", notes], ["--html", notes], ["-o", tmp_path / "x", "--html", tmp_path / "x"]):
        ran = run("predict", tagger, notes, *flags)
        assert ran.code == 2 and "is the same file as" in ran.err
    assert notes.read_text(encoding="utf-8") == "Ada left\n" and not (tmp_path / "x").exists()


def test_tags_the_model_never_saw_count_as_wrong(run, tagger, tmp_path):
    file = tmp_path / "new.conll"
    file.write_text("Ada\tB-PER\nAcme\tB-ORG\n", encoding="utf-8")
    report = json.loads(run("evaluate", tagger, file, "--format", "json").out)
    assert report["per_type"]["ORG"]["recall"] == 0.0 and report["per_type"]["PER"]["recall"] == 1.0


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("Ada\tB-PER\nsaw\n", r"line 2 of .*bad\.conll: 1 column; expected 2, as in line 1"),
        ("Ada\tB-PER\n\t O\n", r"line 2 of .*bad\.conll: column 1 is empty; expected a word"),
        ("", r"bad\.conll: is empty; expected at least one line"),
        ("Ada\tO\nsaw\tO\n", r"expected at least two different tags, found 1"),
    ],
)
def test_bad_training_data_is_named_with_its_line(run, tmp_path, content, complaint):
    file = tmp_path / "bad.conll"
    file.write_text(content, encoding="utf-8")
    ran = run("train", "tag", "--train", file, "--dev", file, "--out", tmp_path / "run", *SMALL)
    assert ran.code == 3
    assert re.search(complaint, ran.err), ran.err
    assert "Traceback" not in ran.err


def test_a_span_that_does_not_meet_words_is_named_never_dropped(run, tmp_path):
    file = tmp_path / "spans.jsonl"
    rows = [
        {"text": "Ada saw Paris", "entities": [{"start": 0, "end": 3, "label": "PER"}]},
        {"text": "in Paris", "entities": [{"start": 3, "end": 6, "label": "LOC"}]},
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    ran = run("data", "check", file, "--task", "tag")
    assert ran.code == 3 and re.search(r"error: line 2 of .*spans\.jsonl: .*'Par'", ran.out)
    ran = run("train", "tag", "--train", file, "--out", tmp_path / "run", *SMALL)
    assert ran.code == 3 and "line 2 of" in ran.err


def test_what_only_a_tagger_can_do_is_refused_for_a_classifier(run, trained, tagger, tmp_path):
    for option in (["--format", "conll"], ["--html", tmp_path / "x.html"], ["--n-best", "2"]):
        ran = run("predict", trained, "--text", "kind", *option)
        assert ran.code == 2 and option[0] in ran.err
    assert not (tmp_path / "x.html").exists()


def test_info_and_the_card_describe_the_tagger(run, tagger):
    assert run("info", tagger).code == 0
    card = (tagger / "README.md").read_text(encoding="utf-8")
    assert "# A tag model" in card and "| split | sentences | F1 |" in card
