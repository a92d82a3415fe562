"""Composed pipelines, and tasks and stages of another package, through the command line."""

from __future__ import annotations

import io
import json
import shutil
import sys

import pytest

from nlp_lstm import Pipeline, load, train
from nlp_lstm.stages.recipes import recipe_folder
from tests.cli.made_reviews import SMALL, write_reviews
from tests.made_package import install
from tests.stages.made_data import TINY_TRANSLATOR, write_pairs, write_tag_recipe

SHOUTING = '''
from dataclasses import dataclass, replace
from typing import ClassVar

from nlp_lstm.tasks.classify import Classify


class Mood(Classify):
    """A classifier that also counts what it has read."""

    headline: ClassVar = {"right": "accuracy"}

    def answer(self, model, inputs, *, batch_size=256, shout=False):
        found = super().answer(model, inputs, batch_size=batch_size)
        return [replace(each, label=each.label.upper()) for each in found]


@dataclass(frozen=True)
class Shout:
    """Writes texts in capitals, some signs behind each."""

    signs: int = 1
    name: ClassVar[str] = "shout"
    requires: ClassVar[tuple[str, ...]] = ("sentences",)
    provides: ClassVar[tuple[str, ...]] = ("loud",)

    def __call__(self, documents):
        for document in documents:
            if "quiet" in document.text:
                raise ValueError("it is quiet here")
            loud = [each.text.upper() + "!" * self.signs for each in document.sentences]
            yield replace(document, extra={**document.extra, "loud": loud})
'''


@pytest.fixture(scope="module")
def models(trained, tmp_path_factory):
    """A folder with the packaged pipeline and a model for each of its stages beside it."""
    place = tmp_path_factory.mktemp("composed")
    shutil.copytree(trained, place / "runs" / "sentiment")
    train(str(write_tag_recipe(place / "tags")), out=place / "runs" / "ner", steps=2)
    pairs = write_pairs(place / "pairs.tsv")
    train("translate", train=pairs, out=place / "runs" / "translate-en-de", steps=2, settings=TINY_TRANSLATOR)
    (place / "pipelines").mkdir()
    shutil.copy(recipe_folder() / "reader.toml", place / "pipelines")
    return place


@pytest.fixture
def reader(models):
    return models / "pipelines" / "reader.toml"


TEXTS = ["A kind film. Ada came!", "", "\u0085 odd 👍", "rude"]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_text("".join(json.dumps({"n": n, "text": text}) + "\n" for n, text in enumerate(TEXTS)))
    return path


def test_jsonl_holds_the_inputs_fields_and_all_of_the_document(run, reader, file):
    ran = run("predict", reader, file, "--format", "jsonl")
    assert ran.code == 0 and ran.err == ""
    found = [json.loads(line) for line in ran.out.strip().split("\n")]
    expected = [doc.to_dict() for doc in Pipeline.load(reader).stream(TEXTS)]
    assert found == [{"id": n, "n": n, **json.loads(json.dumps(doc))} for n, doc in enumerate(expected)]
    assert list(found[0])[:3] == ["id", "n", "text"] and len(found[0]["sentences"]) == 2


def test_text_and_tsv_have_a_line_a_text_with_as_many_columns(run, reader, models, file):
    lines = run("predict", reader, file).out.split("\n")
    assert len(lines) == 5 and all(line.count("\t") == 2 for line in lines[:4])
    label = load(models / "runs" / "sentiment")(TEXTS[0]).label
    assert lines[0].split("\t")[1] == label
    rows = [line.split("\t") for line in run("predict", reader, file, "--format", "tsv").out.split("\n")[:-1]]
    assert len(rows) == 4 and {len(row) for row in rows} == {10}
    assert rows[0][:3] == ["0", TEXTS[0], "0-12 13-22"] and label in rows[0]


@pytest.mark.parametrize("batch_size", [1, 3])
def test_batch_size_changes_no_line(run, reader, file, batch_size):
    assert run("predict", reader, file, "--batch-size", batch_size).out == run("predict", reader, file).out


def test_standard_input_is_read_line_by_line(run, reader, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"kind\n\nrude")))
    assert run("predict", reader, "-").out.count("\n") == 3
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    assert run("predict", reader, "-")[:2] == (0, "")


def test_a_saved_pipeline_predicts_and_is_described(run, reader, models, tmp_path, file):
    Pipeline.load(reader).save(tmp_path / "saved")
    assert run("predict", tmp_path / "saved", file).out == run("predict", reader, file).out
    ran = run("info", tmp_path / "saved", "--format", "json")
    found = json.loads(ran.out)
    assert found["3 classify"]["labels"] == ["bad", "good"] and found["1 sentences"] == {"provides": ["sentences"]}


def test_info_describes_it_as_a_table(run, reader):
    ran = run("info", reader)
    assert ran.code == 0 and "Reads English" in ran.out
    assert [line.split()[:2] for line in ran.out.strip().split("\n")[2:]] == [
        ["1", "sentences"],
        ["2", "tag"],
        ["3", "classify"],
        ["4", "translate"],
    ]


def test_recipes_do_not_list_it_as_something_to_train(run):
    assert "reader" not in run("recipes").out


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        (["train", "{reader}"], 2, "is a composed pipeline, not a recipe to train: nlp-lstm predict"),
        (["evaluate", "{reader}", "{file}"], 2, "is a composed pipeline, not a model"),
        (
            ["predict", "{reader}", "--text", "x", "--format", "conll"],
            2,
            "--format conll: this model does not tag words",
        ),
        (["predict", "{reader}", "--text", "x", "--beam", "3"], 2, "--beam: a model of this kind has no such option"),
        (["predict", "{reader}", "--text", "x", "--html", "{tmp}/x.html"], 2, "--html: "),
        (["predict", "{reader}", "--text", "x", "--device", "abacus"], 2, "device 'abacus' cannot be used here"),
        (["predict", "{tmp}/none.toml", "--text", "x"], 4, "no pipeline at {tmp}/none.toml: there is no such file"),
        (["info", "{tmp}/none.toml"], 4, "no pipeline at {tmp}/none.toml: there is no such file"),
        (["predict", "{reader}", "{tmp}/none.txt"], 3, "{tmp}/none.txt"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line(run, reader, file, tmp_path, line, code, message):
    names = {"reader": reader, "file": file, "tmp": tmp_path}
    ran = run(*(word.format(**names) for word in line))
    assert (ran.code, ran.out) == (code, "")
    assert ran.err.startswith("error: ") and message.format(**names) in ran.err


def test_every_problem_of_a_file_is_told_and_the_code_says_of_which_kind(run, tmp_path):
    path = tmp_path / "bad.toml"
    path.write_text('[[stages]]\nstage = "tag"\nmodel = "none"\n[[stages]]\nstage = "classify"\nmodel = "neither"\n')
    ran = run("predict", path, "--text", "x")
    assert ran.code == 4 and ran.err.count("\n") == 3 and "stages.2 (classify): no model at" in ran.err
    path.write_text(path.read_text() + '[[stages]]\nstage = "tokenise"\n')
    ran = run("predict", path, "--text", "x")
    assert ran.code == 2 and ran.err.count("\n") == 4 and "no stage 'tokenise'; did you mean 'tokenize'?" in ran.err


def test_a_stage_of_another_package_runs(run, tmp_path, monkeypatch):
    install(tmp_path, monkeypatch, "shouting", module=SHOUTING, stages={"shout": "Shout"})
    path = tmp_path / "loud.toml"
    path.write_text('[[stages]]\nstage = "sentences"\n[[stages]]\nstage = "shout"\nsigns = 2\n')
    ran = run("predict", path, "--text", "so it goes. Oh", "--format", "jsonl")
    assert ran.code == 0 and json.loads(ran.out)["loud"] == ["SO IT GOES.!!", "OH!!"]
    ran = run("predict", path, "--text", "a", "--text", "quiet", "--text", "b", "--format", "jsonl")
    assert ran.code == 1 and ran.out.count("\n") == 1
    assert ran.err == "error: text 2: shout: ValueError: it is quiet here\n"
    Pipeline.load(path).save(tmp_path / "saved")
    assert run("predict", tmp_path / "saved", "--text", "oh").out == run("predict", path, "--text", "oh").out
    path.write_text('[[stages]]\nstage = "shout"\nsings = 2\n[[stages]]\nstage = "shuot"\n')
    ran = run("predict", path, "--text", "a")
    assert ran.code == 2
    for message in ("stages.1.sings: unknown setting; did you mean 'signs'?", "did you mean 'shout'?"):
        assert message in ran.err
    assert "shout requires sentences, which no stage provides" in ran.err


def test_a_task_of_another_package_is_trained_and_answers(run, tmp_path, monkeypatch):
    install(tmp_path, monkeypatch, "moods", module=SHOUTING, tasks={"mood": "Mood"})
    write_reviews(tmp_path / "reviews.csv", 60, seed=0)
    recipe = tmp_path / "mood.toml"
    recipe.write_text('task = "mood"\n[data]\ntrain = "reviews.csv"\ndev = "reviews.csv"\n')
    folder = tmp_path / "run"
    ran = run("train", recipe, "--out", folder, "--epochs=15", *SMALL)
    assert ran.code == 0, ran.err
    assert run("predict", folder, "--text", "kind", "--text", "rude").out == "GOOD\nBAD\n"
    assert json.loads(run("evaluate", folder, tmp_path / "reviews.csv", "--format", "json").out)["accuracy"] > 0.9
    assert json.loads(run("info", folder, "--format", "json").out)["task"] == "mood"
    assert "right" in (folder / "README.md").read_text()
    path = tmp_path / "mood pipeline.toml"
    path.write_text('[[stages]]\nstage = "classify"\nmodel = "run"\n')
    assert run("predict", path, "--text", "kind").out == "GOOD\n"
    monkeypatch.undo()
    ran = run("predict", folder, "--text", "kind")
    assert ran.code == 4 and "no task 'mood'; " in ran.err
