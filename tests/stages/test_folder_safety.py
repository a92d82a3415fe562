"""What a run's folder holds is not lost to a mistake, and two processes do not share it."""

from __future__ import annotations

import json

import pytest

from nlp_lstm import DataError, UsageError, train
from nlp_lstm.stages.ledger import Ledger

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


def test_fresh_with_bad_data_costs_no_older_model(data, tmp_path):
    run = train("classify", train=data, out=tmp_path / "run", steps=2, settings=SMALL)
    before = {path.name: path.read_bytes() for path in run.folder.iterdir()}
    with pytest.raises(DataError):
        train("classify", train=tmp_path / "gone.csv", out=run.folder, steps=2, settings=SMALL, fresh=True)
    assert {path.name: path.read_bytes() for path in run.folder.iterdir()} == before


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
