"""The long-lag task: what is asked and right, tiny problems solved, runs that are stopped, and the command line."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from nlp_lstm import load, train
from nlp_lstm.config import EncoderSettings, TrainingSettings
from nlp_lstm.corpora.made_sequences import made_sequences
from nlp_lstm.errors import DataError, Interrupted, ModelError, UsageError
from nlp_lstm.stages.ledger import Ledger
from nlp_lstm.stages.recipes import load_recipe
from nlp_lstm.stages.record import Observer
from nlp_lstm.tasks.lags import LagAnswer, Lags, LagSettings

ENCODER = EncoderSettings(hidden_size=5, bidirectional=False, dropout=0.0, embedding_dropout=0.0)
QUICK = {"training.threads": 1, "training.evaluations": 5}


def made(source: str, **settings) -> tuple[Lags, object]:
    """Return the task of a source and a network."""
    examples = made_sequences(source)
    task = Lags.from_examples(examples, LagSettings(**settings), None, {})
    torch.manual_seed(3)
    return task, task.build(ENCODER)


def outputs_of(task: Lags, model, sequence) -> np.ndarray:
    """Return what the network says of one sequence alone, without padding."""
    steps = torch.as_tensor(np.array(sequence.inputs))
    vectors = functional.one_hot(steps, task.problem.input_size).float() if task.problem.symbols else steps
    with torch.inference_mode():
        states = model.eval().encoder(vectors[None]).states[0]
        return model.output(states)[torch.from_numpy(np.array(sequence.asked))].numpy()


def test_the_loss_of_numbers_is_the_squared_error_and_its_items_are_sequences():
    task, model = made("made:adding-30")
    batch = next(task.batches(made_sequences("made:adding-30"), [], TrainingSettings(batch_size=6, seed=2)).epoch(0))
    stream = made_sequences("made:adding-30").of_seed(2)
    errors = [outputs_of(task, model, stream.number(n))[0, 0] - stream.number(n).targets[0, 0] for n in range(6)]
    loss = task.loss(model, batch)
    assert loss.total.item() == pytest.approx(sum(error**2 for error in errors), rel=1e-5) and loss.n_items == 6


def test_the_loss_of_symbols_is_the_surprise_at_each_and_its_items_are_strings():
    task, model = made("made:reber")
    batch = next(task.batches(made_sequences("made:reber"), [], TrainingSettings(batch_size=4, seed=2)).epoch(0))
    stream, nats = made_sequences("made:reber").of_seed(2), 0.0
    for number in range(4):
        outputs = outputs_of(task, model, stream.number(number)).astype(float)
        nats -= sum(
            row[target] - math.log(np.exp(row).sum())
            for row, target in zip(outputs, stream.number(number).targets, strict=True)
        )
    loss = task.loss(model, batch)
    assert loss.total.item() == pytest.approx(nats, rel=1e-5) and loss.n_items == 4


@pytest.mark.parametrize("source", ["made:adding-30/dev", "made:reber/dev", "made:recall-9/dev"])
def test_an_answer_is_judged_by_what_the_network_says_of_the_sequence_alone(source):
    task, model = made(source)
    sequences = made_sequences(source)[:9]
    for answer, sequence in zip(task.predict(model, sequences, batch_size=4), sequences, strict=True):
        outputs = outputs_of(task, model, sequence)
        assert answer.right == task.problem.is_right(outputs, sequence.made)
        if not task.problem.symbols:
            assert answer.answer == pytest.approx(float(outputs[0, 0]), abs=1e-6)
        else:
            assert answer.answer == " ".join(task.problem.symbols[best] for best in outputs.argmax(1))


def test_a_quick_look_ends_when_more_than_one_is_wrong():
    task, model = made("made:adding-30")
    dev = made_sequences("made:adding-30/dev")
    assert 256 <= len(task.predict(model, dev, quick=True)) < len(dev)
    with torch.no_grad():
        model.output.weight.zero_()
        model.output.bias.fill_(0.5)  # right by chance now and then
    few = dev[:40]
    found = task.predict(model, few, batch_size=4, quick=True)
    whole = task.predict(model, few, batch_size=4)
    assert found == whole[: len(found)] and sum(not each.right for each in found[:-4]) <= 1 < len(whole) - len(found)


def test_a_report_says_how_many_are_wrong_and_within_what():
    task, _ = made("made:reber")
    answers = [LagAnswer("T", True)] * 3 + [LagAnswer("P", False)]
    report = task.report([], answers).to_dict()
    assert (report["n"], report["right"], report["wrong"]) == (4, 0.75, 1)
    low, high = report["right_interval"]
    assert 0 < low < 0.75 < high < 1 and task.score([], answers) == 0.75


def test_other_sequences_are_read_if_their_inputs_are_alike():
    task, _ = made("made:adding-30")
    assert task.check(made_sequences("made:adding-500/test")) == []
    with pytest.raises(DataError, match="made:reber/dev: expected sequences as those of adding-30"):
        task.check(made_sequences("made:reber/dev"))
    recall, _ = made("made:recall-9")
    with pytest.raises(DataError, match="expected sequences as those of recall-9"):
        recall.check(made_sequences("made:recall-8/dev"))


def test_an_encoder_that_reads_the_end_first_is_refused():
    task, _ = made("made:reber")
    with pytest.raises(UsageError, match=r"encoder\.bidirectional: expected false"):
        task.build(ENCODER.model_copy(update={"bidirectional": True}))


def test_a_model_folder_of_something_else_is_refused():
    for labels, settings in (
        ({}, "reber"),
        ({"symbols": ["B"]}, "reber"),
        ({}, "rber"),
        ({"symbols": []}, "adding-20"),
    ):
        with pytest.raises(ModelError):
            Lags.from_labels(labels, LagSettings(problem=settings), None, {})


LARGER = {"training.batch_size": 16, "training.steps": 1000, "training.evaluations": 20, "training.goal": 0.98}
SOLVED = {
    "adding": ("lags/adding-100", {"data.train": "made:adding-20", "head.longest_memory": 20, **LARGER}, 16_000),
    "reber": ("lags/reber", {}, 2_000),
    "recall": ("lags/recall-100", {"data.train": "made:recall-10", "head.longest_memory": 10}, 2_000),
}


@pytest.mark.parametrize("name", SOLVED)
def test_a_tiny_problem_is_solved_and_the_sequences_are_counted(tmp_path, name):
    recipe, settings, most = SOLVED[name]
    if name != "reber":
        kept = settings["data.train"]
        settings = {**settings, "data.dev": f"{kept}/dev", "data.test": f"{kept}/test"}
    notes = []
    run = train(
        recipe, out=tmp_path / "run", seed=12, settings={**settings, "training.threads": 1},
        observer=Observer(note=notes.append),
    )  # fmt: skip
    training = load_recipe(recipe, settings).training
    assert run.metrics["items"] == run.metrics["steps"] * training.batch_size <= most
    assert run.metrics["best_dev_score"] >= training.goal
    assert run.metrics["test"]["right"] > 0.96
    assert notes[-1].endswith(f"reached after {run.metrics['items']:,} items") and "not" not in notes[-1]
    assert any("made without end" in note for note in notes)


def test_a_run_that_was_stopped_goes_on_with_the_next_sequence(tmp_path):
    settings = {"data.train": "made:adding-20", "data.dev": "made:adding-20/dev", "training.goal": 1.0, **QUICK}

    def go(folder, stop_at=None):
        def stop(progress):
            if progress.step == stop_at:
                raise Interrupted(2)

        return train(
            "lags/adding-100", out=tmp_path / folder, steps=40, settings=settings, observer=Observer(progress=stop)
        )

    whole = go("whole")
    with pytest.raises(Interrupted):
        go("broken", stop_at=17)
    assert Ledger(tmp_path / "broken").checkpoint.exists()
    broken = go("broken")
    assert (broken.folder / "model.safetensors").read_bytes() == (whole.folder / "model.safetensors").read_bytes()
    assert [line["loss"] for line in Ledger(tmp_path / "broken").log()][:2] == [
        line["loss"] for line in Ledger(tmp_path / "whole").log()
    ][:2]
    assert broken.metrics["items"] == whole.metrics["items"] == 40 * 4


def test_a_trained_reader_is_loaded_asked_and_scored(tmp_path):
    settings = {"data.train": "made:reber/dev", "data.dev": "made:reber/dev", "data.test": None, **QUICK}
    run = train("lags/reber", out=tmp_path / "run", steps=5, settings=settings)
    predictor = load(run.folder)
    answers = [predictor([record.given])[0] for record in list(predictor.records("made:reber/dev"))[:20]]
    test = predictor.read("made:reber/dev")
    assert answers == predictor(list(test[:20]))
    assert predictor.evaluate(test).to_dict() == json.loads((run.folder / "metrics.json").read_text())["dev"]
    with pytest.raises(UsageError, match="expected numbers, found a text"):
        predictor("BTBTXSETE")
    assert predictor.labels == ("B", "T", "P", "S", "X", "V", "E")


def test_training_on_a_fixed_set_and_holding_out_are_allowed(tmp_path):
    settings = {"data.train": "made:recall-9/test", "data.dev": None, "data.test": None, **QUICK}
    run = train("lags/recall-100", out=tmp_path / "run", steps=3, settings=settings)
    assert run.metrics["dev"]["n"] == 10 and run.metrics["items"] == 6
