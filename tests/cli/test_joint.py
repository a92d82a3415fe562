"""A model of two parts on the command line: training, prediction in every format, evaluation, mistakes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from nlp_lstm import load
from nlp_lstm.cli.main import main
from tests.stages.made_data import write_joint_recipe

TEXT = "Ada saw a dull film in Old York"


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder with a recipe, its data and the trained run."""
    folder = tmp_path_factory.mktemp("joint")
    recipe = write_joint_recipe(folder / "tiny")
    learn = ["--set=training.learning_rate=0.02", "--set=training.ema=0.9", "--steps=160"]
    assert main(["train", str(recipe), "--out", str(folder / "run"), *learn]) == 0
    return folder


def test_training_shows_the_scores_of_every_part(place, run):
    ran = run("train", place / "tiny" / "joint.toml", "--out", place / "short", "--steps=2")
    assert ran.code == 0 and ran.out == ""
    assert "read train 170, dev 80, test 60 examples" in ran.err
    for shown in ("mean score", "mood accuracy", "names F1"):
        assert all(word in ran.err for word in shown.split(" "))


def test_a_text_gives_one_line_with_every_part(place, run):
    ran = run("predict", place / "run", "--text", TEXT, "--text", "")
    assert (ran.code, ran.err) == (0, "")
    first, second, _ = ran.out.split("\n")
    assert first == "mood: bad | names: [Ada](PER) saw a dull film in [Old York](LOC)"
    assert second.startswith("mood: ") and second.endswith(" | names: ")


def test_json_lines_hold_an_object_for_every_part(place, run, tmp_path):
    (tmp_path / "in.jsonl").write_text(json.dumps({"text": TEXT, "mood": "unknown"}) + "\n")
    ran = run("predict", place / "run", tmp_path / "in.jsonl", "--format", "jsonl")
    found = json.loads(ran.out)
    assert list(found) == ["id", "text", "input_mood", "mood", "names"]
    assert found["mood"]["label"] == "bad" and found["names"]["entities"][0]["word"] == "Ada"


def test_columns_of_words_are_read_and_a_table_holds_the_cells_of_every_part(place, run, tmp_path):
    (tmp_path / "in.conll").write_text("Ada O\nwept O\n\nYork O\n")
    ran = run("predict", place / "run", tmp_path / "in.conll", "--format", "tsv")
    rows = [line.split("\t") for line in ran.out.strip("\n").split("\n")]
    assert [row[0] for row in rows] == ["Ada wept", "York"]
    assert [len(row) for row in rows] == [5, 5] and rows[0][3].split(" ")[0] == "B-PER"


def test_columns_of_tags_are_not_what_it_gives(place, run):
    ran = run("predict", place / "run", "--text", TEXT, "--format", "conll")
    assert (ran.code, ran.out, ran.err) == (2, "", "error: --format conll: this model does not tag words\n")


def test_one_part_is_looked_into(place, run):
    ran = run("inspect", place / "run", "--text", TEXT)
    assert (ran.code, ran.err) == (0, "") and ran.out.startswith("bad 0.")
    assert "the part 'mood' of mood, names" in ran.out
    ran = run("inspect", place / "run", "--text", TEXT, "--target", "names.1", "--format", "json")
    found = json.loads(ran.out)
    assert found == load(place / "run").inspect(TEXT, target="names.1").to_dict()
    assert found["task"] == "joint" and found["decisions"][0]["tag"] == "S-PER"
    ran = run("inspect", place / "run", "--text", TEXT, "--target", "name")
    assert (ran.code, ran.err) == (2, "error: no part 'name'; did you mean 'names'?\n")


def test_parts_are_scored_on_files_of_their_own(place, run):
    files = [f"mood={place}/tiny/dev.csv", f"names={place}/tiny/dev.conll"]
    ran = run("evaluate", place / "run", *files, "--format", "json", "--require", "names.f1=0.5")
    assert ran.code == 0
    report = json.loads(ran.out)
    assert report == json.loads((place / "run" / "metrics.json").read_text())["dev"]
    ran = run("evaluate", place / "run", files[1], "--require", "names.f1=0.5", "--require=names.recall=1.1")
    assert ran.code == 5 and "60 of names" in ran.out and "mood" not in ran.out
    assert ran.err.startswith("error: names.recall is ")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["{place}/tiny/dev.csv"], 2, "expected NAME=FILE with the name of a part; parts: mood, names"),
        (["moood={place}/tiny/dev.csv"], 2, "did you mean 'mood'?"),
        (["mood={place}/tiny/gone.csv"], 3, "no such file"),
        (["mood={place}/tiny/dev.csv", "--require", "names.f1=1"], 2, "no score 'names.f1'"),
        (["mood=a.csv", "--require", "names.f2=1"], 2, "no score 'names.f2'; did you mean 'names.f1'?"),
        (["mood=a.csv", "--require", "mood.f1=1"], 2, "no score 'mood.f1'"),
        (["mood=a.csv", "names=b.conll", "mood=./c/../a.csv"], 2, "mood=./c/../a.csv: comes twice"),
    ],
)
def test_what_cannot_be_scored_is_told_in_one_line(place, run, arguments, code, message):
    ran = run("evaluate", place / "run", *(argument.format(place=place) for argument in arguments))
    assert ran.code == code and message in ran.err and ran.err.count("\n") == 1


def test_a_model_without_parts_takes_one_file(trained, run):
    ran = run("evaluate", trained, "a.csv", "b.csv")
    assert (ran.code, ran.err) == (2, "error: expected one FILE, found 2: this model has no parts\n")


def test_a_model_of_parts_is_described(place, run):
    found = json.loads(run("info", place / "run", "--format", "json").out)
    assert found["task"] == "joint" and set(found["head"]["parts"]) == {"mood", "names"}
    assert set(found["labels"]) == {"mood.labels", "names.tags"} and found["labels"]["mood.labels"] == ["bad", "good"]
    assert str(place / "tiny") not in json.dumps(found)


def test_a_table_describes_every_part_in_rows_of_its_own(place, run):
    lines = run("info", place / "run").out.split("\n")
    rows = dict(re.split(r"\s{2,}", line, maxsplit=1) for line in lines if line)
    assert rows["head.parts.mood"].startswith("task classify, weight 1.0")
    assert "pooling" in rows["head.parts.mood.head"] and "format" in rows["head.parts.names.data"]
    assert (rows["labels"], rows["task"]) == ("mood.labels bad, good, names.tags " + _tags(place), "joint")


def _tags(place: Path) -> str:
    return ", ".join(json.loads((place / "run" / "labels.json").read_text())["names.tags"])
