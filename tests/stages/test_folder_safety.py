"""What a run's folder holds is not lost to a mistake, and two processes do not share it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from nlp_lstm import DataError, Pipeline, UsageError, train
from nlp_lstm.errors import ModelError
from nlp_lstm.stages.ledger import Ledger
from nlp_lstm.stages.record import TrainingRecord
from nlp_lstm.stages.run import settle
from nlp_lstm.stages.training import TRAINING

SMALL = {
    "tokenizer.kind": "regex",
    "encoder.embed_size": 4,
    "encoder.hidden_size": 4,
    "training.evaluations": 1,
}


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "train.csv"
    path.write_text("text,label\n" + "".join(f"kind {i},good\nrude {i},bad\n" for i in range(10)))
    return path


@pytest.fixture
def finished(data, tmp_path) -> Path:
    """The folder of a finished run."""
    return train("classify", train=data, out=tmp_path / "run", steps=2, settings=SMALL).folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("mistake", "kind", "message"),
    [
        ({"train": "gone.csv"}, DataError, "gone.csv"),
        ({"train": "one.csv"}, DataError, "at least two different labels"),
        ({"init_from": "typo"}, ModelError, "no model at .*typo"),
        ({"init_from": "other", "cell": "gru"}, UsageError, "encoder.cell is 'lstm', here it is 'gru'"),
        ({"init_from": "other", "hidden_size": 5, "embed_size": 5}, UsageError, "nothing of the encoder of .* fits"),
        ({"init_from": "run"}, UsageError, "init_from: .*run is the run's own folder: give another --out"),
        ({"init_from": "link"}, UsageError, "init_from: .*link is the run's own folder: give another --out"),
        ({"vectors": "gone.txt"}, DataError, "gone.txt"),
        ({"vectors": "narrow.txt"}, DataError, "its vectors have 2 values"),
        ({"hidden_size": 10**9}, UsageError, "the network cannot be built"),
    ],
)
def test_fresh_with_a_mistake_costs_no_older_model(finished, data, tmp_path, mistake, kind, message):
    (tmp_path / "one.csv").write_text("text,label\n" + "".join(f"kind {i},good\n" for i in range(9)))
    (tmp_path / "narrow.txt").write_text("kind 1 1\n")
    (tmp_path / "link").symlink_to(finished)
    train("classify", train=data, out=tmp_path / "other", steps=1, settings=SMALL)
    before = contents(finished)
    settings = SMALL | {f"encoder.{name}": mistake[name] for name in mistake if name.endswith(("cell", "size"))}
    if "vectors" in mistake:
        settings["vocabulary.vectors"] = str(tmp_path / mistake["vectors"])
    paths = {"train": data} | {name: tmp_path / mistake[name] for name in ("train", "init_from") if name in mistake}
    with pytest.raises(kind, match=message):
        train("classify", **paths, out=finished, steps=2, settings=settings, fresh=True)
    assert contents(finished) == before


def test_fresh_forgets_the_older_run_once_training_begins(finished, data):
    before = contents(finished)
    run = train("classify", train=data, out=finished, steps=3, settings=SMALL, fresh=True)
    assert run.metrics["steps"] == 3 and contents(finished)["model.safetensors"] != before["model.safetensors"]


def test_the_own_folder_is_no_beginning_of_a_new_run_either(data, tmp_path):
    with pytest.raises(UsageError, match=r"init_from: .* is the run's own folder"):
        train("classify", train=data, out=tmp_path / "new", init_from=tmp_path / "new", settings=SMALL)
    assert not (tmp_path / "new").exists()


def test_a_chain_of_stages_does_not_replace_a_finished_model(finished, data):
    before = contents(finished)
    recipe = settle("classify", train=data, steps=2, settings=SMALL)
    with pytest.raises(UsageError, match=r"run holds this run already, finished; --fresh trains it again"):
        Pipeline(TRAINING)(TrainingRecord(recipe, finished, torch.device("cpu")))
    assert contents(finished) == before
    Pipeline(TRAINING)(TrainingRecord(recipe, finished, torch.device("cpu"), fresh=True))


def test_the_stage_that_fits_alone_does_not_replace_a_finished_model(data, tmp_path):
    recipe = settle("classify", train=data, steps=2, settings=SMALL)
    record = TrainingRecord(recipe, tmp_path / "run", torch.device("cpu"))
    for stage in TRAINING[:5]:
        record = stage(record)
    assert not (tmp_path / "run").exists()
    train("classify", train=data, out=tmp_path / "run", steps=2, settings=SMALL)  # meanwhile, elsewhere
    before = contents(tmp_path / "run")
    with pytest.raises(UsageError, match="finished"):
        TRAINING[5](record)
    assert contents(tmp_path / "run") == before


def test_a_second_process_is_refused_while_one_trains(data, tmp_path):
    with Ledger(tmp_path / "run").locked(), pytest.raises(UsageError, match="another process is training in"):
        train("classify", train=data, out=tmp_path / "run", steps=2, settings=SMALL)
    train("classify", train=data, out=tmp_path / "run", steps=2, settings=SMALL)


def test_what_blocks_inside_the_lock_is_not_taken_for_another_process(tmp_path):
    with pytest.raises(BlockingIOError), Ledger(tmp_path / "run").locked():
        raise BlockingIOError


def test_run_json_without_its_parts_is_called_damaged(data, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text(json.dumps({"total_steps": 3}))
    with pytest.raises(UsageError, match=r"run\.json is damaged"):
        train("classify", train=data, out=tmp_path / "run", steps=2, settings=SMALL)


def test_settings_may_name_the_dev_data_of_own_training_data(data, tmp_path):
    dev = tmp_path / "dev.csv"
    dev.write_text("text,label\nkind,good\nrude,bad\n")
    settings = {**SMALL, "data.dev": str(dev)}
    run = train("classify", train=data, out=tmp_path / "run", steps=2, settings=settings)
    assert run.metrics["dev"]["n"] == 2


def test_an_unknown_keyword_is_refused_with_the_nearest(data):
    with pytest.raises(TypeError, match="unexpected keyword 'epoch'; did you mean 'epochs'"):
        train("classify", train=data, epoch=3)


def test_sizes_beyond_memory_end_in_one_line(data, tmp_path):
    settings = {**SMALL, "encoder.hidden_size": 10**9}
    with pytest.raises(UsageError, match="the network cannot be built"):
        train("classify", train=data, out=tmp_path / "run", steps=2, settings=settings)
