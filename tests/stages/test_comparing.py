"""One recipe with several cells: sizes, runs, what they came to, and going on."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from statistics import stdev

import pytest

from nlp_lstm import compare, load, train
from nlp_lstm.errors import Interrupted, UsageError
from nlp_lstm.stages import comparing
from nlp_lstm.stages.comparison import CellResult, RunResult
from nlp_lstm.stages.recipes import load_recipe
from nlp_lstm.stages.record import Observer
from nlp_lstm.store import read_model

SETTINGS = {"encoder.hidden_size": 48, "training.threads": 1}


@pytest.fixture
def here(monkeypatch):
    """Let runs train in this process, which is sooner; return the folders of those that did."""
    trained = []

    def train_here(recipe, *, out, device=None, fresh=False):
        trained.append(out.name)
        train(str(recipe), out=out, device=device, fresh=fresh)

    monkeypatch.setattr(comparing, "train_apart", train_here)
    return trained


def test_each_run_is_the_one_that_train_makes_in_a_process_of_its_own(recipe, tmp_path, capfd):
    found = compare(str(recipe), cells=["gru"], seeds=1, out=tmp_path / "all", settings=SETTINGS, seed=3)
    assert "step 12/12" in capfd.readouterr().err
    (cell,) = found.cells
    settings = {**SETTINGS, "encoder.cell": "gru", "encoder.hidden_size": cell.hidden_size}
    alone = train(str(recipe), out=tmp_path / "alone", seed=3, settings=settings)
    weights = read_model(tmp_path / "all" / "gru-3").weights
    expected = read_model(alone.folder).weights
    assert all(weights[name].equal(tensor) for name, tensor in expected.items()) and expected
    (run,) = cell.runs
    assert (run.scores["accuracy"], run.n, run.steps) == (alone.metrics["dev"]["accuracy"], 20, 12)
    assert run.best_step == alone.metrics["best_step"] and run.reached is None
    assert cell.n_weights == sum(tensor.numel() for tensor in expected.values())
    assert 0 < cell.latency_ms < 1000 and run.peak_memory > 50 * 2**20
    assert 0 < run.seconds_to_best <= run.seconds + 0.1


def test_the_same_call_again_trains_nothing_and_a_missing_run_is_made_up_for(recipe, tmp_path, here):
    def call(seeds):
        return compare(str(recipe), cells=["lstm", "rnn"], seeds=seeds, out=tmp_path / "all", settings=SETTINGS)

    first = call(1)
    assert here == ["lstm-1", "rnn-1"]
    assert call(1) == first and len(here) == 2
    assert json.loads((tmp_path / "all" / "compare.json").read_text()) == first.to_dict()
    both = call(2)
    assert here[2:] == ["lstm-2", "rnn-2"]
    assert [cell.runs[0] for cell in both.cells] == [cell.runs[0] for cell in first.cells]
    assert [[run.seed for run in cell.runs] for cell in both.cells] == [[1, 2], [1, 2]]


def test_a_call_that_was_stopped_goes_on_with_the_run_it_was_at(recipe, tmp_path, here, monkeypatch):
    options = {"cells": ["lstm", "rnn"], "seeds": 1, "out": tmp_path / "all", "settings": SETTINGS}
    whole = comparing.train_apart

    def stopped(recipe, *, out, device=None, fresh=False):
        if out.name == "rnn-1":
            raise Interrupted(15)
        whole(recipe, out=out, device=device, fresh=fresh)

    monkeypatch.setattr(comparing, "train_apart", stopped)
    with pytest.raises(Interrupted):
        compare(str(recipe), **options)
    kept = json.loads((tmp_path / "all" / "compare.json").read_text())
    assert [len(cell["runs"]) for cell in kept["cells"]] == [1, 0]
    monkeypatch.setattr(comparing, "train_apart", whole)
    assert [len(cell.runs) for cell in compare(str(recipe), **options).cells] == [1, 1]
    assert here == ["lstm-1", "rnn-1"]


def test_the_networks_have_equally_many_weights_and_the_own_cell_its_own_size(recipe):
    found = compare(str(recipe), cells=["gru", "lstm", "rnn"], dry_run=True, settings=SETTINGS)
    assert [cell.cell for cell in found.cells] == ["gru", "lstm", "rnn"]
    assert found.cells[1].hidden_size == 48
    for cell in found.cells:
        assert abs(cell.n_weights - found.n_weights) <= 0.02 * found.n_weights


def test_a_setting_of_one_cell_is_no_other_ones(recipe, tmp_path, here):
    settings = {**SETTINGS, "rnn.training.learning_rate": 0.5, "training.learning_rate": 0.01}
    compare(str(recipe), cells=["lstm", "rnn"], seeds=1, out=tmp_path / "all", settings=settings)
    rates = [load_recipe(str(tmp_path / "all" / f"{cell}-1.toml")).training.learning_rate for cell in ("lstm", "rnn")]
    assert rates == [0.01, 0.5]


def test_a_goal_ends_runs_and_is_looked_for_in_each(recipe, tmp_path, here):
    settings = {**SETTINGS, "training.goal": 0.4}  # half the answers are right by chance
    found = compare(str(recipe), cells=["lstm"], seeds=1, out=tmp_path / "all", settings=settings)
    (run,) = found.cells[0].runs
    assert (run.reached, run.steps, found.goal) == (True, 3, 0.4)
    assert 2 * 8 < run.best_items <= 3 * 8  # of 50 texts in batches of 8, one batch is smaller


def test_scores_are_on_test_data_where_there_is_some(recipe, tmp_path, here):
    exam = tmp_path / "exam.csv"
    exam.write_text("text,label\nfine,good\ndull,bad\nfine end,good\n")
    found = compare(str(recipe), cells=["rnn"], seeds=1, out=tmp_path / "all", settings=SETTINGS, test=exam)
    assert (found.split, found.cells[0].runs[0].n) == ("test", 3)


@pytest.mark.parametrize(
    ("cells", "options", "message"),
    [
        (["lstm", "gur"], {}, "--cells: no cell 'gur'; did you mean 'gru'?"),
        (["lstm", "lstm"], {}, "--cells: 'lstm' comes twice"),
        ([], {}, "--cells: expected some of lstm, gru, rnn"),
        (["gru"], {"seeds": 0}, "seeds: expected at least 1, found 0"),
        (["gru"], {"settings": {}}, "no encoder.hidden_size gives 1,346 weights within 2 %; the nearest: 9 with 1,232"),
        (["gru"], {"settings": {"rnn.encoder.dropout": 0.1}}, "rnn is not among the cells to compare"),
        (["gru"], {"settings": {"gru.data.train": "x"}}, "one cell alone can have settings in encoder and training"),
        (["gru"], {"settings": {"gru.encoder.dropot": 0.1}}, "did you mean 'dropout'?"),
        (["gru"], {"train": [1]}, "expected files of data"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_anything_is_written(
    recipe, tmp_path, here, monkeypatch, cells, options, message
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as caught:
        compare(str(recipe), **{"cells": cells, "settings": SETTINGS, **options})
    assert message in str(caught.value)
    assert here == [] and not (tmp_path / "runs").exists()


def test_a_cell_that_the_task_cannot_use_is_named_before_any_training(generate_recipe, here, tmp_path):
    settings = {"gru.encoder.bidirectional": True}
    with pytest.raises(UsageError, match=r"gru: encoder\.bidirectional: expected false"):
        compare(str(generate_recipe), cells=["lstm", "gru"], out=tmp_path / "all", settings=settings)
    assert here == [] and not (tmp_path / "all").exists()


def test_runs_with_other_settings_are_not_gone_on_with(recipe, tmp_path, here):
    options = {"cells": ["lstm", "rnn"], "seeds": 1, "out": tmp_path / "all"}
    compare(str(recipe), **options, settings=SETTINGS)
    changed = {**SETTINGS, "training.batch_size": 4}
    with pytest.raises(UsageError, match=r"lstm-1 cannot go on: .*all/lstm-1 holds a run that differs") as caught:
        compare(str(recipe), **options, settings=changed)
    assert str(caught.value).count("training.batch_size: was 8, now 4") == 1
    assert str(caught.value).endswith("\n  and so cannot rnn-1")
    assert len(here) == 2
    notes = []
    compare(str(recipe), **options, settings=changed, fresh=True, observer=Observer(note=notes.append))
    assert len(here) == 4 and "rnn, seed 1 (run 2 of 2)" in notes


def test_a_recipe_by_a_relative_path_reads_the_data_beside_it(recipe, tmp_path, here, monkeypatch):
    monkeypatch.chdir(recipe.parent)
    found = compare(recipe.name, cells=["rnn"], seeds=1, out=tmp_path / "all", settings=SETTINGS)
    assert len(found.cells[0].runs) == 1


@pytest.mark.parametrize("content", ["afile", "a/run.json", "a/notes.txt"])
def test_a_folder_of_something_else_is_refused_and_left_alone(recipe, tmp_path, here, content):
    path = tmp_path / content
    path.parent.mkdir(exist_ok=True)
    path.write_text("{}")
    out = tmp_path / content.split("/")[0]
    with pytest.raises(UsageError, match=r"is a file: give another --out|holds something that is no comparison"):
        compare(str(recipe), cells=["rnn"], seeds=1, out=out, settings=SETTINGS)
    assert here == [] and [each.name for each in path.parent.iterdir() if each.name == path.name] == [path.name]


def test_a_model_to_begin_with_must_have_every_cell_that_is_compared(recipe, tmp_path, here):
    model = train(str(recipe), out=tmp_path / "model", settings=SETTINGS).folder
    with pytest.raises(UsageError, match=r"gru: nothing of .*model fits: its encoder\.cell is 'lstm'"):
        compare(str(recipe), cells=["lstm", "gru"], seeds=1, out=tmp_path / "all", settings=SETTINGS, init_from=model)
    assert here == [] and not (tmp_path / "all").exists()


def test_one_name_of_a_cell_is_a_list_of_one(recipe, tmp_path, here):
    found = compare(str(recipe), cells="rnn", seeds=1, out=tmp_path / "all", settings=SETTINGS)
    assert [each.cell for each in found.cells] == ["rnn"]


def test_a_forecaster_is_timed_by_one_forecast_however_long_the_table(tmp_path, here):
    lines = [f"{row},{row % 7},{row % 5}\n" for row in range(400)]
    table = tmp_path / "t.csv"
    table.write_text("time,a,b\n" + "".join(lines))
    (tmp_path / "f.toml").write_text('task = "forecast"\n[head]\nhorizon = 2\nlookback = 12\n[training]\nsteps = 3\n')
    small = {"encoder.hidden_size": 8, "encoder.embed_size": 8, "training.evaluations": 1, "training.threads": 1}
    small["encoder.cell"] = "gru"
    found = compare(
        str(tmp_path / "f.toml"),
        cells=["gru"],
        seeds=1,
        out=tmp_path / "all",
        settings=small,
        train=table,
        dev=f"{table}[100:]",
    )
    (cell,) = found.cells
    assert (cell.runs[0].n, cell.runs[0].unit) == (299, "windows")
    model = load(tmp_path / "all" / "gru-1")
    (series,) = model.read(f"{table}[100:]")
    started = time.perf_counter()
    model.evaluate([series])
    assert cell.latency_ms / 1000 < (time.perf_counter() - started) / 2  # one of 299 windows, and no simple forecast


def test_a_generator_is_timed_by_the_token(generate_recipe, tmp_path, here):
    settings = {"encoder.hidden_size": 32, "training.steps": 2, "training.evaluations": 1}
    found = compare(str(generate_recipe), cells=["gru"], seeds=1, out=tmp_path / "all", settings=settings)
    assert 0 < found.cells[0].latency_ms < 50
    assert set(found.headline) == {"nats a token", "perplexity", "bits a character"}


def a_run(seed: int, score: float | None, *, pace: float = 1.0, memory: int | None = None) -> RunResult:
    return RunResult(seed, "", {"accuracy": score}, 9, "texts", 5, 4, 32, None, 2.0, 1.0, pace, memory)


def test_mean_spread_and_median_are_over_the_runs_that_have_a_number():
    cell = CellResult("lstm", 8, 100, (a_run(1, 0.5, pace=5.0), a_run(2, None, pace=1.0), a_run(3, 0.8, pace=2.0)))
    assert cell.mean("accuracy") == pytest.approx(0.65)
    assert cell.spread("accuracy") == pytest.approx(stdev([0.5, 0.8]))
    assert cell.median(lambda run: run.tokens_per_second) == 2.0
    assert cell.peak_memory is None and replace(cell, runs=()).mean("accuracy") is None
    assert replace(cell, runs=(a_run(1, 0.5, memory=3), a_run(2, 0.5, memory=7))).peak_memory == 7
    assert replace(cell, runs=cell.runs[:1]).spread("accuracy") is None
