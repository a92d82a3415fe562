"""A task without text goes through all stages: trained, resumed, described, loaded, asked, scored."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nlp_lstm import load, train
from nlp_lstm.cli.main import main
from nlp_lstm.errors import Interrupted, UsageError
from nlp_lstm.tasks import TASKS
from tests.tasks.made_numbers import NAME, PLACE

RECIPE = """
task = "compare"

[data]
train = "made:1"
dev = "made:2"

[encoder]
hidden_size = 16
bidirectional = false
dropout = 0.0
embedding_dropout = 0.0

[training]
steps = 160
batch_size = 32
learning_rate = 0.03
ema = 0.9
evaluations = 4
"""


@pytest.fixture(autouse=True, scope="module")
def in_the_table():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TASKS, NAME, PLACE)
        yield


@pytest.fixture(scope="module")
def recipe(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("recipe") / "compare.toml"
    path.write_text(RECIPE)
    return str(path)


@pytest.fixture(scope="module")
def run(recipe, tmp_path_factory):
    return train(recipe, out=tmp_path_factory.mktemp("out") / "run")


@pytest.fixture
def numbers(tmp_path) -> Path:
    path = tmp_path / "numbers.txt"
    path.write_text("0.1 0.5 0.5 0.5 0.9\n0.9 0.1 0.1 0.1 0.2\n0.3 0.9 0.9 0.9 0.8\n")
    return path


def test_it_learns_from_numbers_it_makes_itself(run):
    assert run.metrics["dev"]["accuracy"] >= 0.9  # chance is 0.5; 40 sequences
    settings = json.loads((run.folder / "run.json").read_text())["settings"]
    assert settings["data"]["train"] == "made:1"  # no path was made of it


def test_its_folder_has_no_vocabulary_and_names_no_tokenizer(run):
    assert json.loads((run.folder / "vocab.json").read_text()) == {}
    assert json.loads((run.folder / "config.json").read_text())["tokenizer"] is None
    card = (run.folder / "README.md").read_text()
    assert "nlp-lstm predict FOLDER FILE" in card and "encoder.hidden_size = 16" in card
    assert "tokenizer" not in card and "vocabulary" not in card


def test_a_model_loaded_again_answers_as_the_trained_one_scored(run):
    model = load(run.folder)
    examples = model.read("made:2")
    assert model.evaluate(examples).to_dict() == run.metrics["dev"]
    assert [each.label for each in model.predict(examples)] == [
        each.label for each in model.stream(iter(examples), batch_size=1)
    ]


def test_stopped_and_gone_on_it_ends_with_the_same_weights(run, recipe, tmp_path, monkeypatch):
    steps = 0

    def stop() -> int | None:
        nonlocal steps
        steps += 1
        return 2 if steps == 57 else None

    class Signals:
        def __enter__(self):
            return stop

        def __exit__(self, *_):
            return None

    with monkeypatch.context() as patch:
        patch.setattr("nlp_lstm.stages.fitting.catch_signals", Signals)
        with pytest.raises(Interrupted):
            train(recipe, out=tmp_path / "run")
    train(recipe, out=tmp_path / "run")
    for name in ("model.safetensors", "config.json", "labels.json"):
        assert (tmp_path / "run" / name).read_bytes() == (run.folder / name).read_bytes()


def test_its_layers_move_to_another_one(run, recipe, tmp_path):
    notes: list[str] = []
    from nlp_lstm.stages.record import Observer

    train(recipe, out=tmp_path / "run", steps=1, init_from=run.folder, observer=Observer(note=notes.append))
    assert f"taken over from {run.folder}: no row of the embedding; layers: 0.forwards" in notes


def test_the_commands_know_it(run, numbers, capsys):
    assert main(["predict", str(run.folder), str(numbers)]) == 0
    assert capsys.readouterr().out == "last\nfirst\nlast\n"
    assert main(["evaluate", str(run.folder), str(numbers), "--require", "accuracy=1"]) == 0
    assert "3 sequences" in capsys.readouterr().out
    assert main(["info", str(run.folder), "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["task"], found["labels"]) == (NAME, ["first", "last"])
    assert "tokenizer" not in found and "vocabulary" not in found


def test_a_text_is_refused_in_one_line(run, capsys):
    assert main(["predict", str(run.folder), "--text", "0.1 0.9"]) == 2
    assert capsys.readouterr().err == (
        "error: input 1: expected numbers, found a text: a model of this kind reads none\n"
    )
    with pytest.raises(UsageError, match="has no vocabulary"):
        load(run.folder).vocabulary  # noqa: B018


@pytest.mark.parametrize("setting", ["tokenizer.kind", "vocabulary.min_count"])
def test_settings_of_texts_are_refused(recipe, tmp_path, setting):
    with pytest.raises(UsageError, match=f"{setting.partition('.')[0]}: compare reads numbers, no text; leave it out"):
        train(recipe, out=tmp_path / "run", settings={setting: 1 if "min" in setting else "regex"})
    assert not (tmp_path / "run").exists()


def test_dropout_of_words_is_refused(recipe, tmp_path):
    with pytest.raises(UsageError, match=r"reads numbers: encoder\.word_dropout: expected 0\.0"):
        train(recipe, out=tmp_path / "run", settings={"encoder.word_dropout": 0.1})
