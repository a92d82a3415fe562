from __future__ import annotations

import json
import re

import pytest

from tests.cli.made_reviews import SMALL, write_reviews


@pytest.fixture
def files(tmp_path):
    return [write_reviews(tmp_path / f"{split}.csv", 40, seed=seed) for seed, split in enumerate(("train", "dev"))]


def test_training_learns_the_made_task_and_leaves_a_whole_folder(trained):
    metrics = json.loads((trained / "metrics.json").read_text())
    assert metrics["dev"]["accuracy"] == 1.0
    for name in ("model.safetensors", "config.json", "vocab.json", "labels.json", "README.md", "log.jsonl"):
        assert (trained / name).stat().st_size > 0
    steps = [json.loads(line)["step"] for line in (trained / "log.jsonl").read_text().split("\n") if line]
    assert steps == sorted(set(steps)) and steps[-1] == metrics["steps"]


def test_progress_goes_to_stderr_in_plain_lines_and_stdout_stays_empty(run, files, tmp_path):
    ran = run("train", "classify", "--train", files[0], "--dev", files[1], "--out", tmp_path / "r", "--steps=4", *SMALL)
    assert (ran.code, ran.out) == (0, "")
    assert "a budget of 4 steps: 4 steps, 0.8 epochs" in ran.err
    assert "step 4/4" in ran.err and " dev accuracy 0." in ran.err and "tokens/s" in ran.err
    assert "\x1b" not in ran.err
    scores = json.loads((tmp_path / "r" / "metrics.json").read_text())["dev"]
    low, high = scores["accuracy_interval"]
    shown = [re.split(r"\s*[┃│]\s*", line)[1:-1] for line in ran.err.split("\n") if re.search("[┃│]", line)]
    assert shown == [
        ["data", "texts", "accuracy", "macro F1"],
        ["dev", "40", f"{scores['accuracy']:.4f} ({low:.4f} to {high:.4f})", f"{scores['macro_f1']:.4f}"],
    ]
    assert f"model in {tmp_path / 'r'}; next: nlp-lstm predict {tmp_path / 'r'} --text " in ran.err


def test_the_same_line_again_trains_nothing_and_a_changed_one_is_refused_with_the_difference(run, files, tmp_path):
    line = ["train", "classify", "--train", files[0], "--out", tmp_path / "r", "--steps=3", *SMALL]
    assert run(*line).code == 0
    before = (tmp_path / "r" / "model.safetensors").read_bytes()
    again = run(*line)
    assert again.code == 0 and "holds this run already" in again.err
    changed = run(*line, "--seed", 9, "--set", "encoder.hidden_size=9")
    assert changed.code == 2
    assert "training.seed: was 1, now 9" in changed.err and "encoder.hidden_size: was 8, now 9" in changed.err
    assert (tmp_path / "r" / "model.safetensors").read_bytes() == before
    assert run(*line, "--seed", 9, "--fresh").code == 0
    assert (tmp_path / "r" / "model.safetensors").read_bytes() != before


@pytest.mark.parametrize("option", ["--train", "--dev", "--test"])
def test_data_that_are_given_twice_are_refused_with_a_way_for_texts(run, files, option):
    ran = run("train", "classify", "--train", files[0], *([option, files[0]] * 2), "--dry-run")
    n = 3 if option == "--train" else 2
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"error: {option}: expected one file, found {n}; of texts to write like, a folder or a")


def test_a_dry_run_looks_for_the_model_to_begin_with(run, files, trained, tmp_path):
    line = ["train", "classify", "--train", files[0], "--dry-run", *SMALL, "--init-from"]
    assert json.loads(run(*line, trained).out)["training"]["init_from"] == str(trained)
    ran = run(*line, tmp_path / "typo")
    assert (ran.code, ran.out) == (4, "")
    assert ran.err == f"error: no model at {tmp_path / 'typo'}: there is no such folder\n"
    assert run(*line, trained, "--set", "encoder.cell=gru").code == 2


def test_dry_run_prints_the_settings_and_trains_nothing(run, files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ran = run("train", "classify", "--train", files[0], "--minutes=3", "--set", "head.pooling=max", "--dry-run")
    settings = json.loads(ran.out)
    assert ran.code == 0
    assert settings["training"]["minutes"] == 3.0 and settings["training"]["epochs"] is None
    assert settings["head"]["pooling"] == "max" and settings["data"]["train"] == str(files[0])
    assert not (tmp_path / "runs").exists()


def test_own_training_data_leave_the_recipes_dev_and_test_data_out(run, files):
    settings = json.loads(run("train", "sentiment", "--train", files[0], "--dry-run").out)
    assert settings["data"]["dev"] is None and settings["data"]["test"] is None


def test_a_budget_in_minutes_is_measured_once_and_kept(run, files, tmp_path):
    ran = run("train", "classify", "--train", files[0], "--out", tmp_path / "r", "--minutes=0.02", *SMALL)
    assert ran.code == 0
    kept = json.loads((tmp_path / "r" / "run.json").read_text())["total_steps"]
    assert json.loads((tmp_path / "r" / "metrics.json").read_text())["steps"] == kept >= 1


@pytest.mark.parametrize(
    ("arguments", "code", "messages"),
    [
        (["train", "sentimnt"], 2, ["no recipe 'sentimnt'; did you mean 'sentiment'?"]),
        (["train", "classify"], 2, ["the recipe names no training data: give --train FILE"]),
        (["train", "classify", "--train", "{tmp}/none.csv"], 3, ["none.csv"]),
        (
            ["train", "classify", "--train", "{csv}", "--epochs=2", "--steps=3"],
            2,
            ["error: give one of --epochs, --minutes, --steps\n"],
        ),
        (["train", "classify", "--train", "{csv}", "--steps=x"], 2, ["'x' is not a valid integer"]),
        (
            [
                "train",
                "classify",
                "--train",
                "{csv}",
                "--set=encoder.hiden_size=3",
                "--set=head.poling=max",
                "--set=a.b=1",
            ],
            2,
            [
                "3 problems",
                "did you mean 'hidden_size'?",
                "head.poling",
                "did you mean 'pooling'?",
                "a: unknown setting",
            ],
        ),
        (
            ["train", "classify", "--train", "{csv}", "--set=encoder"],
            2,
            ["expected SECTION.NAME=VALUE, found 'encoder'"],
        ),
        (
            ["train", "classify", "--train", "{csv}", "--text-column=txt"],
            3,
            ["no column 'txt'", "did you mean 'text'?"],
        ),
        (["train", "classify", "--train", "{tmp}"], 3, ["{tmp}"]),
        (["train", "classify", "--train", "hf:nobody/nothing"], 3, ["--online"]),
        (["train", "classify", "--train", "{csv}", "--device=tpu9"], 2, ["device 'tpu9' cannot be used here"]),
    ],
)
def test_a_mistake_ends_in_a_line_and_its_code(run, files, tmp_path, monkeypatch, arguments, code, messages):
    monkeypatch.chdir(tmp_path)
    ran = run(*(argument.format(tmp=tmp_path, csv=files[0]) for argument in arguments))
    assert ran.code == code
    assert ran.out == "" and "Traceback" not in ran.err
    for message in messages:
        assert message.format(tmp=tmp_path) in ran.err


def test_bad_lines_are_named_and_counted_and_nothing_is_written(run, tmp_path):
    file = tmp_path / "bad.csv"
    file.write_text("text,label\ngood,1\nbad\nworse\n")
    ran = run("train", "classify", "--train", file, "--out", tmp_path / "r", "--steps=2")
    assert ran.code == 3
    assert f"line 3 of {file}" in ran.err and "1 more problem" in ran.err and "nlp-lstm data check" in ran.err


def test_one_label_only_is_refused(run, tmp_path):
    file = tmp_path / "one.csv"
    file.write_text("text,label\n" + "fine,good\n" * 5 + "nice,good\n" * 5)
    ran = run("train", "classify", "--train", file, "--out", tmp_path / "r", "--steps=2", *SMALL)
    assert ran.code == 3 and "expected at least two different labels, found 'good'" in ran.err


def test_a_folder_with_other_things_in_it_is_left_alone(run, files, tmp_path):
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "thesis.txt").write_text("dear")
    for extra in ([], ["--fresh"]):
        ran = run("train", "classify", "--train", files[0], "--out", tmp_path / "r", "--steps=2", *extra)
        assert ran.code == 2 and "no run of ours" in ran.err
    assert (tmp_path / "r" / "thesis.txt").read_text() == "dear"
