"""`nlp-lstm compare` prints one table, or the same as JSON, and draws a chart."""

from __future__ import annotations

import json
import re
from importlib.util import find_spec

import pytest

from nlp_lstm import train
from nlp_lstm.cli import plotting
from nlp_lstm.cli.cell_chart import draw_chart
from nlp_lstm.cli.compare import print_comparison
from nlp_lstm.stages import comparing
from nlp_lstm.stages.comparison import CellResult, Comparison, RunResult
from tests.cli.made_reviews import SMALL, write_reviews

MIB = 2**20


@pytest.fixture
def line(tmp_path, monkeypatch):
    """Return a command line on made reviews; its runs train in this process, which is sooner."""
    monkeypatch.setattr(
        comparing,
        "train_apart",
        lambda recipe, *, out, device=None, fresh=False: train(str(recipe), out=out, device=device, fresh=fresh),
    )
    data = [write_reviews(tmp_path / f"{split}.csv", 40, seed=seed) for seed, split in enumerate(("train", "dev"))]
    return [
        *("compare", "classify", "--train", data[0], "--dev", data[1], "--steps=4", *SMALL),
        *("--set=encoder.hidden_size=40", "--out", tmp_path / "all"),
    ]


def rows(text: str) -> list[list[str]]:
    """Return the cells of a printed table."""
    return [re.split(r"\s*[┃│]\s*", line)[1:-1] for line in text.split("\n") if re.search("[┃│]", line)]


def a_run(seed: int, score: float, **others) -> RunResult:
    given = {
        "steps": 50,
        "best_step": 40,
        "best_items": 4_000,
        "reached": None,
        "seconds": 9.0,
        "seconds_to_best": 7.5,
        **others,
    }
    return RunResult(
        seed, f"all/x-{seed}", {"accuracy": score, "macro_f1": None}, 1_200, "texts", tokens_per_second=2e4,
        peak_memory=500 * MIB, **given
    )  # fmt: skip


def a_comparison(*cells: CellResult, goal: float | None = None) -> Comparison:
    return Comparison("sentiment", "classify", "test", 1_000_000, goal, cells)


def test_one_table_says_all_of_each_cell(capsys):
    lstm = CellResult("lstm", 128, 1_000_000, (a_run(1, 0.8), a_run(2, 0.9)), 1.234)
    rnn = CellResult("rnn", 300, 990_000, (a_run(1, 0.7), a_run(2, 0.7)), None)
    print_comparison(a_comparison(lstm, rnn))
    out = capsys.readouterr().out
    title = (
        "sentiment: 1,000,000 weights within 2 %; scores on 1,200 texts of test, mean ± standard deviation over 2 seeds"
    )
    assert out.split("\n")[0] == title
    assert rows(out) == [
        ["cell", "hidden size", "weights", "accuracy", "macro F1", "tokens/s", "s to best", "latency", "memory"],
        ["lstm", "128", "1,000,000", "0.8500 ± 0.0707", "-", "20,000", "7.5", "1.23 ms", "500 MiB"],
        ["rnn", "300", "990,000", "0.7000 ± 0.0000", "-", "20,000", "7.5", "-", "500 MiB"],
    ]


def test_with_a_goal_the_table_says_how_many_runs_reached_it_and_when(capsys):
    runs = (a_run(1, 0.9, reached=True, best_items=3_000), a_run(2, 0.9, reached=True), a_run(3, 0.5, reached=False))
    none = CellResult("rnn", 300, 990_000, (a_run(1, 0.5, reached=False),))
    print_comparison(a_comparison(CellResult("lstm", 128, 1_000_000, runs), none, goal=0.9))
    titles, *found = rows(capsys.readouterr().out)
    places = [titles.index("reached"), titles.index("after items")]
    assert [[row[place] for place in places] for row in found] == [["2/3", "3,500 [3,000–4,000]"], ["0/1", "-"]]


def test_the_command_trains_prints_the_table_and_says_the_same_as_json_when_asked_again(run, line, tmp_path):
    ran = run(*line, "--cells", "lstm, rnn", "--seeds=1")
    assert ran.code == 0 and "rnn, seed 1 (run 2 of 2)" in ran.err
    titles, *found = rows(ran.out)
    assert [row[:1] for row in found] == [["lstm"], ["rnn"]] and "±" not in found[0][titles.index("accuracy")]
    again = run(*line, "--cells=lstm,rnn", "--seeds=1", "--format=json")
    assert json.loads(again.out) == json.loads((tmp_path / "all" / "compare.json").read_text())
    assert "run 1 of 2" not in again.err
    cell = json.loads(again.out)["cells"][0]
    assert found[0][titles.index("accuracy")] == f"{cell['mean']['accuracy']:.4f}"
    assert cell["runs"][0]["folder"] == str(tmp_path / "all" / "lstm-1")


def test_a_dry_run_prints_the_sizes_and_trains_nothing(run, line, tmp_path):
    ran = run(*line, "--cells=lstm,gru,rnn", "--dry-run")
    titles, *found = rows(ran.out)
    assert ran.code == 0 and titles == ["cell", "hidden size", "weights"] and found[0][:2] == ["lstm", "40"]
    counts = [int(row[2].replace(",", "")) for row in found]
    assert max(abs(count - counts[0]) for count in counts) <= 0.02 * counts[0]
    assert not (tmp_path / "all").exists()


def test_a_long_lag_problem_is_compared_by_how_many_runs_solved_it_and_after_how_many_sequences(run, line, tmp_path):
    settings = ["--set=head.longest_memory=10", "--set=training.evaluations=25", "--set=training.threads=1"]
    ran = run(
        *("compare", "lags/recall-100", "--train", "made:recall-10", "--cells=lstm,rnn", "--seeds=2", "--seed=11"),
        *("--steps=500", "--out", tmp_path / "lags", "--format=json", *settings),
    )
    lstm, rnn = json.loads(ran.out)["cells"]
    assert ran.code == 0 and json.loads(ran.out)["goal"] == 1.0
    assert [each["reached"] for each in lstm["runs"]] == [True, True] and lstm["mean"]["right"] == 1.0
    assert all(each["best_items"] == 2 * each["best_step"] <= 1_000 for each in lstm["runs"] + rnn["runs"])
    assert abs(lstm["n_weights"] - rnn["n_weights"]) <= 0.02 * lstm["n_weights"]


def test_seed_zero_is_a_seed(run, line, tmp_path):
    ran = run(*line, "--cells=rnn", "--seeds=1", "--seed=0", "--format=json")
    assert [each["seed"] for each in json.loads(ran.out)["cells"][0]["runs"]] == [0]


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--cells=lstm,lstn"], 2, "no cell 'lstn'; did you mean 'lstm'?"),
        (["--cells="], 2, "--cells: expected some of lstm, gru, rnn"),
        ([], 2, "Missing option '--cells'"),
        (["--cells=gru", "--set=encoder.hidden_size=3"], 2, "within 2 %; the nearest: "),
        (["--cells=gru", "--seeds=0"], 2, "0 is not in the range x>=1"),
        (["--cells=gru", "--test=none.csv"], 3, "none.csv"),
        (["--cells=gru", "--plot=chart.gif"], 2, "--plot chart.gif: expected a name that ends in .png or .svg or .pdf"),
        (["--cells=gru", "--plot=no/such/chart.png"], 2, "there is no such folder"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_line(run, line, tmp_path, options, code, message):
    ran = run(*line, *options)
    assert (ran.code, ran.out) == (code, "")
    assert message in ran.err and "Traceback" not in ran.err
    assert not (tmp_path / "all").exists()


def test_a_chart_without_matplotlib_is_refused_before_anything_is_trained(run, line, tmp_path, monkeypatch):
    monkeypatch.setattr(plotting, "find_spec", lambda name: None)
    ran = run(*line, "--cells=gru", "--plot", tmp_path / "chart.png")
    assert (ran.code, ran.err) == (2, 'error: --plot needs matplotlib: pip install "nlp-lstm[plot]"\n')
    assert not (tmp_path / "all").exists()


@pytest.mark.skipif(find_spec("matplotlib") is None, reason="needs matplotlib")
@pytest.mark.parametrize(("ending", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_a_chart_is_drawn_also_of_runs_that_lack_a_score(tmp_path, ending, start):
    lstm = CellResult("lstm", 128, 1_000_000, (a_run(1, 0.8), a_run(2, 0.9)), 1.2)
    chart = draw_chart(a_comparison(lstm, CellResult("rnn", 300, 990_000, (a_run(1, 0.7),))))
    plotting.save_plot(chart, tmp_path / f"chart.{ending}")
    assert (tmp_path / f"chart.{ending}").read_bytes().startswith(start)
