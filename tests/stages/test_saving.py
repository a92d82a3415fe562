"""The scores and the card say what was trained, on what, and how well it went."""

from __future__ import annotations

import json

import pytest

from nlp_lstm import train
from nlp_lstm.metrics.classification import wilson_interval
from nlp_lstm.stages.saving import headline
from nlp_lstm.tasks import find_task


@pytest.fixture(scope="module")
def run(tiny_run, tmp_path_factory):
    """A run with a test set, which the model gets wrong in one of four texts or more."""
    place = tmp_path_factory.mktemp("saved")
    recipe = tiny_run.folder.parent / "tiny" / "tiny.toml"
    (place / "exam.csv").write_text("text,label\nfine film,good\ndull,bad\nfine,good\nfine end,bad\n")
    settings = {"training.learning_rate": 0.02, "data.test": str(place / "exam.csv"), "head.pooling": "max"}
    return train(str(recipe), out=place / "run", steps=60, settings=settings)


def card(run) -> str:
    return (run.folder / "README.md").read_text(encoding="utf-8")


def test_the_scores_are_plain_json(run):
    metrics = json.loads((run.folder / "metrics.json").read_text())
    assert {
        "task",
        "steps",
        "best_step",
        "best_dev_score",
        "items",
        "best_items",
        "seconds",
        "peak_memory",
        "dev",
        "test",
    } == metrics.keys()
    assert (metrics["task"], metrics["steps"]) == ("classify", 60)
    assert {"accuracy", "macro_f1", "per_class", "confusion"} <= metrics["test"].keys()
    assert metrics["seconds"] > 0


def test_the_card_names_the_data_with_its_sizes(run):
    lines = card(run).split("\n")
    assert "| train | train.csv | 50 |" in lines
    assert "| dev | dev.csv | 20 |" in lines
    assert "| test | exam.csv | 4 |" in lines


def test_the_card_tells_the_scores_with_their_intervals(run):
    scores = run.metrics["test"]
    low, high = wilson_interval(round(scores["accuracy"] * 4), 4)
    expected = f"| test | 4 | {scores['accuracy']:.4f} ({low:.4f} to {high:.4f}) | {scores['macro_f1']:.4f} |"
    assert expected in card(run).split("\n")


def test_the_card_says_what_the_scores_and_their_intervals_are_over(run, tiny_tag_run):
    for each, unit, scores in ((run, "texts", "accuracy | macro F1"), (tiny_tag_run, "sentences", "F1 | accuracy")):
        lines = card(each).split("\n")
        assert f"| split | file | {unit} |" in lines
        assert f"| split | {unit} | {scores} |" in lines
        assert f" The interval is a 95 % interval over {unit}; " in card(each)
        assert "{" not in card(each)


def test_the_card_of_a_tagger_tells_its_tags_and_the_f1_of_its_chunks(tiny_tag_run):
    scores = tiny_tag_run.metrics["dev"]
    low, high = scores["f1_interval"]
    lines = card(tiny_tag_run).split("\n")
    assert "# A tag model" in lines
    assert "Tags: O, B-LOC, I-LOC, E-LOC, S-LOC, B-PER, I-PER, E-PER, S-PER." in lines
    assert f"| dev | 60 | {scores['f1']:.4f} ({low:.4f} to {high:.4f}) | {scores['accuracy']:.4f} |" in lines


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        (
            {"accuracy": 0.5, "accuracy_interval": [0.25, 0.75], "macro_f1": 0.4},
            ["0.5000 (0.2500 to 0.7500)", "0.4000"],
        ),
        ({"accuracy": 1.0, "accuracy_interval": None, "macro_f1": None}, ["1.0000", "-"]),
    ],
    ids=repr,
)
def test_the_scores_worth_a_glance_come_with_their_interval_or_as_a_dash(report, expected):
    assert headline(find_task("classify"), report) == dict(zip(("accuracy", "macro F1"), expected, strict=True))


def test_a_score_that_a_report_does_not_have_is_left_out():
    assert headline(find_task("tag"), {"accuracy": 0.5}) == {"accuracy": "0.5000"}


def test_the_card_tells_seed_steps_labels_and_settings(run):
    text = card(run)
    assert "# A classify model" in text
    assert "Seed 1, 60 steps" in text
    assert "Labels: bad, good." in text
    assert "encoder.hidden_size = 8" in text and "head.pooling = 'max'" in text


def test_the_card_holds_no_path_of_this_machine(run):
    assert str(run.folder.parent) not in card(run)
    assert "/" not in "".join(line for line in card(run).split("\n") if line.startswith("| t"))


def test_a_model_folder_is_free_of_paths(run):
    for name in ("config.json", "vocab.json", "labels.json", "README.md"):
        assert str(run.folder.parent) not in (run.folder / name).read_text(encoding="utf-8")


def test_without_a_test_set_the_card_tells_of_none(tiny_run):
    assert "| test |" not in card(tiny_run)
    assert "test" not in tiny_run.metrics


def test_a_card_without_an_average_does_not_speak_of_one(tiny_run, tmp_path):
    recipe = tiny_run.folder.parent / "tiny" / "tiny.toml"
    run = train(str(recipe), out=tmp_path / "run", steps=2, settings={"training.ema": 0.0})
    assert "averaged" not in card(run)
