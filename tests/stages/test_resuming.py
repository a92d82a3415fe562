"""Killed at any moment, run the same line again, end with the same weights; same seed, same bytes."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nlp_lstm import train

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="a process is killed in a fork")

Sitting = Callable[..., int]

SAME_BYTES = ("model.safetensors", "vocab.json", "labels.json", "config.json")
KILLED = -int(signal.SIGKILL) if hasattr(signal, "SIGKILL") else None
FULL = {
    "encoder.dropout": 0.4,
    "encoder.embedding_dropout": 0.2,
    "encoder.word_dropout": 0.1,
    "encoder.weight_drop": 0.2,
    "encoder.n_layers": 2,
    "encoder.layer_norm": True,
    "training.accumulate": 2,
    "training.ema": 0.9,
    "training.max_tokens": 4,
}
"""Every kind of randomness, and steps that end in the middle of an epoch."""


def outcome(folder: Path) -> dict[str, Any]:
    """Return all of a finished run that must not depend on how often it was interrupted."""
    log = [json.loads(line) for line in (folder / "log.jsonl").read_text().split("\n") if line]
    timed = ("seconds", "seconds_left", "tokens_per_second", "loss", "peak_memory")
    metrics = json.loads((folder / "metrics.json").read_text())
    return {
        **{name: (folder / name).read_bytes() for name in SAME_BYTES},
        "log": [{name: value for name, value in line.items() if name not in timed} for line in log],
        "metrics": {name: value for name, value in metrics.items() if name not in timed},
        "run": json.loads((folder / "run.json").read_text()),
    }


@pytest.fixture(scope="module")
def unbroken(sitting: Sitting, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[Path, dict[str, Any]]]:
    """Return a function that trains with given settings in one go, once, and returns the recipe and the outcome."""
    done: dict[str, tuple[Path, dict[str, Any]]] = {}

    def run(recipe: Path, settings: dict[str, Any]) -> tuple[Path, dict[str, Any]]:
        key = recipe.read_text() + json.dumps(settings, sort_keys=True)
        if key not in done:
            place = tmp_path_factory.mktemp("unbroken")
            kept = Path(shutil.copytree(recipe.parent, place / "tiny")) / recipe.name
            assert sitting(kept, out=place / "run", settings=settings) == 0
            done[key] = kept, outcome(place / "run")
        return done[key]

    return run


# Twelve steps, an evaluation after each third; a write of the weights where that one is the best so far.
MOMENTS = {
    "in the first file": ["half", "run.json", 1],
    "before the first file is there": ["before", "run.json", 1],
    "before the budget is noted": ["before", "run.json", 2],
    "between the files of the model": ["after", "vocab.json", 1],
    "after the first step": ["step", 1],
    "between evaluations": ["step", 5],
    "after a score, before the log has it": ["step", 6],
    "in a checkpoint": ["half", "checkpoint.safetensors", 4],
    "before a checkpoint is there": ["before", "checkpoint.safetensors", 6],
    "after a checkpoint": ["after", "checkpoint.safetensors", 7],
    "in the weights": ["half", "model.safetensors", 1],
    "between the weights and their checkpoint": ["after", "model.safetensors", 1],
    "after the last step": ["step", 12],
    "in the card": ["half", "README.md", 1],
    "before the scores are there": ["before", "metrics.json", 1],
}


@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS.keys())
def test_a_killed_run_goes_on_to_the_same_end(sitting, unbroken, recipe, tmp_path, moment):
    kept, expected = unbroken(recipe, FULL)
    assert sitting(kept, out=tmp_path / "run", settings=FULL, kill_at=moment) == KILLED
    assert sitting(kept, out=tmp_path / "run", settings=FULL) == 0
    assert outcome(tmp_path / "run") == expected


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"training.accumulate": 3},
        {"training.ema": 0.0},
        {"training.precision": "float32", "encoder.cell": "gru", "head.pooling": "attention"},
        {"training.patience": 1, "training.evaluations": 12},
    ],
    ids=["plain", "accumulate", "no average", "gru", "patience"],
)
def test_a_run_killed_after_every_second_step_goes_on_to_the_same_end(sitting, unbroken, recipe, tmp_path, settings):
    kept, expected = unbroken(recipe, settings)
    n_sittings = 1
    while sitting(kept, out=tmp_path / "run", settings=settings, kill_at=["step", 2]) == KILLED:
        n_sittings += 1
        assert n_sittings < 20
    assert n_sittings > 1
    assert outcome(tmp_path / "run") == expected


def test_a_tagger_killed_after_every_third_step_goes_on_to_the_same_end(sitting, unbroken, tag_recipe, tmp_path):
    kept, expected = unbroken(tag_recipe, FULL)
    assert expected["metrics"]["task"] == "tag"
    n_sittings = 1
    while sitting(kept, out=tmp_path / "run", settings=FULL, kill_at=["step", 3]) == KILLED:
        n_sittings += 1
        assert n_sittings < 20
    assert n_sittings > 2
    assert outcome(tmp_path / "run") == expected


def test_a_run_whose_layers_thaw_killed_after_every_second_step_goes_on_to_the_same_end(
    sitting, unbroken, recipe, generate_recipe, tmp_path
):
    words = {"tokenizer.kind": "regex", "encoder.hidden_size": 8, "encoder.n_layers": 2, "vocabulary.min_count": 1}
    writer = train(str(generate_recipe), out=tmp_path / "writer", steps=3, settings=words)
    thawing = {"training.init_from": str(writer.folder), "training.unfreeze": 0.7, "training.layer_decay": 0.6}
    settings = {"encoder.n_layers": 2, **thawing}
    kept, expected = unbroken(recipe, settings)
    n_sittings = 1
    while sitting(kept, out=tmp_path / "run", settings=settings, kill_at=["step", 2]) == KILLED:
        n_sittings += 1
        assert n_sittings < 20
    assert n_sittings > 2
    assert outcome(tmp_path / "run") == expected


def test_a_run_of_two_parts_killed_after_every_third_step_goes_on_to_the_same_end(
    sitting, unbroken, joint_recipe, tmp_path
):
    settings = {**FULL, "head.parts.names.weight": 0.4, "training.steps": 30}  # more than an epoch
    kept, expected = unbroken(joint_recipe, settings)
    assert set(expected["metrics"]["dev"]["parts"]) == {"mood", "names"}
    n_sittings = 1
    while sitting(kept, out=tmp_path / "run", settings=settings, kill_at=["step", 3]) == KILLED:
        n_sittings += 1
        assert n_sittings < 20
    assert n_sittings > 2
    assert outcome(tmp_path / "run") == expected


# Of the generator an epoch has some thirty batches: every step begins where the state of the one before ended.
CARRIED = {name: value for name, value in FULL.items() if name != "training.max_tokens"}


CARRIED_BY = {
    "lstm": CARRIED,
    "gru": {"training.accumulate": 7, "encoder.cell": "gru"},
    "peephole_lstm": CARRIED | {"encoder.cell": "peephole_lstm"},
    "transformer": {"encoder.cell": "transformer", "encoder.dropout": 0.4, "head.cold_starts": 0.2},
}


@pytest.mark.parametrize("settings", CARRIED_BY.values(), ids=CARRIED_BY)
def test_a_generator_killed_after_every_third_step_goes_on_to_the_same_end(
    sitting, unbroken, generate_recipe, tmp_path, settings
):
    kept, expected = unbroken(generate_recipe, settings)
    assert expected["metrics"]["task"] == "generate"
    n_sittings = 1
    while sitting(kept, out=tmp_path / "run", settings=settings, kill_at=["step", 3]) == KILLED:
        n_sittings += 1
        assert n_sittings < 20
    assert n_sittings > 2
    assert outcome(tmp_path / "run") == expected


def test_a_generator_killed_in_a_checkpoint_goes_on_to_the_same_end(sitting, unbroken, generate_recipe, tmp_path):
    kept, expected = unbroken(generate_recipe, CARRIED)
    half = ["half", "checkpoint.safetensors", 4]
    assert sitting(kept, out=tmp_path / "run", settings=CARRIED, kill_at=half) == KILLED
    assert sitting(kept, out=tmp_path / "run", settings=CARRIED) == 0
    assert outcome(tmp_path / "run") == expected


def test_a_generators_budget_in_minutes_is_measured_once(sitting, generate_recipe, tmp_path):
    settings = {"training.minutes": 0.01, "training.evaluations": 2, "training.batch_size": 16}
    run = tmp_path / "run"
    assert sitting(generate_recipe, out=run, settings=settings, kill_at=["after", "run.json", 2]) == KILLED
    noted = json.loads((run / "run.json").read_text())
    again = Path(shutil.copytree(run, tmp_path / "again"))
    assert sitting(generate_recipe, out=run, settings=settings) == 0
    assert (
        sitting(generate_recipe, out=again, settings=settings, kill_at=["step", 1 + noted["total_steps"] // 2])
        == KILLED
    )
    assert sitting(generate_recipe, out=again, settings=settings) == 0
    assert outcome(again) == outcome(run)
    assert outcome(run)["metrics"]["steps"] == noted["total_steps"]


def test_work_since_the_last_checkpoint_is_done_again_the_same(sitting, unbroken, recipe, tmp_path):
    # Checkpoints at evaluations only, so the kill after step 8 loses two steps.
    kept, expected = unbroken(recipe, FULL)
    options = {"out": tmp_path / "run", "settings": FULL, "checkpoint_seconds": 3600.0}
    assert sitting(kept, kill_at=["step", 8], **options) == KILLED
    assert sitting(kept, **options) == 0
    assert outcome(tmp_path / "run") == expected


def test_a_run_killed_from_outside_at_random_moments_goes_on_to_the_same_end(sitting, unbroken, recipe, tmp_path):
    kept, expected = unbroken(recipe, FULL)
    draw = random.Random(time.time_ns())
    delays = [draw.uniform(0.02, 0.5) for _ in range(4)]
    for delay in delays:
        assert sitting(kept, out=tmp_path / "run", settings=FULL, kill_after=delay) in (0, KILLED)
    assert sitting(kept, out=tmp_path / "run", settings=FULL) == 0, delays
    assert outcome(tmp_path / "run") == expected, delays


@pytest.mark.slow
def test_a_run_killed_at_each_of_its_moments_goes_on_to_the_same_end(sitting, unbroken, recipe, tmp_path):
    kept, expected = unbroken(recipe, FULL)
    failed = []
    for moment in range(1, 1000):
        out = tmp_path / f"run-{moment}"
        if sitting(kept, out=out, settings=FULL, kill_at=["moment", moment]) == 0:
            break
        if sitting(kept, out=out, settings=FULL) != 0 or outcome(out) != expected:
            failed.append(moment)
    assert moment > 50
    assert not failed


@pytest.mark.slow
def test_a_run_killed_from_outside_fifty_times_goes_on_to_the_same_end(sitting, unbroken, recipe, tmp_path):
    kept, expected = unbroken(recipe, FULL)
    draw = random.Random(time.time_ns())
    failed = []
    for trial in range(50):
        out, delay = tmp_path / f"run-{trial}", draw.uniform(0.0, 0.6)
        assert sitting(kept, out=out, settings=FULL, kill_after=delay) in (0, KILLED)
        if sitting(kept, out=out, settings=FULL) != 0 or outcome(out) != expected:
            failed.append(delay)
    assert not failed


@pytest.mark.parametrize("moment", [["gone", "run.json", 1], ["gone", "log.jsonl", 1], ["before", "run.json", 1]])
def test_a_run_killed_while_it_starts_afresh_can_be_started_afresh_again(sitting, unbroken, recipe, tmp_path, moment):
    kept, expected = unbroken(recipe, FULL)
    out = tmp_path / "run"
    assert sitting(kept, out=out, settings=FULL, seed=5, kill_at=["step", 4]) == KILLED
    assert sitting(kept, out=out, settings=FULL, fresh=True, kill_at=moment) == KILLED
    assert sitting(kept, out=out, settings=FULL, fresh=True) == 0
    assert outcome(out) == expected


def test_killed_processes_leave_no_rubbish_behind_once_the_run_is_finished(sitting, recipe, tmp_path):
    out = tmp_path / "run"
    assert sitting(recipe, out=out, kill_at=["half", "checkpoint.safetensors", 2]) == KILLED
    assert sitting(recipe, out=out) == 0
    assert [path.name for path in out.iterdir() if path.name.endswith(".tmp")] == []


def test_a_budget_in_minutes_is_measured_once(sitting, recipe, tmp_path):
    # Whatever a later sitting would measure, the steps of the first one are kept.
    settings = {"training.minutes": 0.01, "training.evaluations": 3, "training.batch_size": 50}
    first = tmp_path / "first"
    assert sitting(recipe, out=first, settings=settings, kill_at=["after", "run.json", 2]) == KILLED
    noted = json.loads((first / "run.json").read_text())
    assert noted["total_steps"] >= 1
    again = Path(shutil.copytree(first, tmp_path / "again"))
    assert sitting(recipe, out=first, settings=settings) == 0
    assert sitting(recipe, out=again, settings=settings, kill_at=["step", 1 + noted["total_steps"] // 2]) == KILLED
    assert sitting(recipe, out=again, settings=settings) == 0
    assert outcome(again) == outcome(first)
    assert outcome(first)["run"] == noted
    assert outcome(first)["metrics"]["steps"] == noted["total_steps"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_ends_with_a_checkpoint_and_goes_on_from_it(
    sitting, unbroken, recipe, tmp_path, number, code
):
    kept, expected = unbroken(recipe, FULL)
    options = {"out": tmp_path / "run", "settings": FULL, "checkpoint_seconds": 3600.0}
    assert sitting(kept, signal_at=[4, int(number)], **options) == code
    # The signal came after step 4, so step 5 was the last: the sitting that goes on has seven left.
    assert sitting(kept, kill_at=["step", 8], **options) == 0
    assert outcome(tmp_path / "run") == expected


def test_an_interruption_at_the_last_step_lets_the_run_finish(sitting, unbroken, recipe, tmp_path):
    kept, expected = unbroken(recipe, FULL)
    assert sitting(kept, out=tmp_path / "run", settings=FULL, signal_at=[11, int(signal.SIGTERM)]) == 0
    assert outcome(tmp_path / "run") == expected


def test_the_same_seed_gives_the_same_bytes_in_another_process_and_another_seed_other_bytes(sitting, recipe, tmp_path):
    # The processes order sets of strings differently.
    assert sitting(recipe, out=tmp_path / "a", settings=FULL, seed=7) == 0
    train(str(recipe), out=tmp_path / "b", settings=FULL, seed=7)
    train(str(recipe), out=tmp_path / "c", settings=FULL, seed=8)
    a, b, c = (outcome(tmp_path / name) for name in "abc")
    assert a == b
    assert a["model.safetensors"] != c["model.safetensors"]
    assert a["vocab.json"] == c["vocab.json"]


@pytest.mark.slow
def test_the_same_line_in_a_new_interpreter_goes_on_where_a_killed_one_was(recipe, tmp_path):
    started = [start(recipe, tmp_path / name, hash_seed=seed) for seed, name in enumerate("ab", start=1)]
    deadline = time.monotonic() + 120
    while not (tmp_path / "b" / "checkpoint.safetensors").exists() and started[1].poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.002)
    started[1].kill()
    started[1].wait()
    started.append(start(recipe, tmp_path / "b", hash_seed=3))
    assert [process.wait(120) for process in started] == [0, KILLED, 0]
    assert outcome(tmp_path / "a") == outcome(tmp_path / "b")


def start(recipe: Path, out: Path, *, hash_seed: int) -> subprocess.Popen[bytes]:
    """Train in a new interpreter, whose sets of strings have an order of their own."""
    code = f"import nlp_lstm; nlp_lstm.train({str(recipe)!r}, out={str(out)!r}, steps=200)"
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed), "PYTHONPATH": str(root)}
    return subprocess.Popen([sys.executable, "-c", code], env=environment)
