"""The forecaster on the command line: a table in, its next rows out."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest

from nlp_lstm import load
from nlp_lstm.cli.main import main
from tests.cli.made_tables import TINY, rows


def test_predict_writes_the_next_rows_as_csv_with_their_dates(run, forecaster, table):
    found = run("predict", forecaster, "t.csv")
    assert (found.code, found.err) == (0, "")
    header, *lines = csv.reader(io.StringIO(found.out))
    assert header == ["date", "a", "b"]
    assert [line[0] for line in lines] == ["2024-02-28", "2024-02-29", "2024-03-01", "2024-03-02"]
    days = [line.split(",")[0] for line in rows(27).split("\n")[1:-1]]
    numbers = [[float(cell) for cell in line.split(",")[1:]] for line in rows(27).split("\n")[1:-1]]
    python = load(forecaster).forecast(numbers, times=days)
    assert python.table()[1:] == lines


def test_every_format_gives_the_same_numbers(run, forecaster, table):
    lines = [line.split(",") for line in run("predict", forecaster, "t.csv").out.split("\n")[:-1]]
    assert [
        line.split("\t") for line in run("predict", forecaster, "t.csv", "--format", "tsv").out.split("\n")[:-1]
    ] == lines
    found = json.loads(run("predict", forecaster, "t.csv", "--format", "jsonl").out)
    assert (found["id"], found["file"]) == (0, "t.csv")
    assert [row["date"] for row in found["forecast"]] == [line[0] for line in lines[1:]]
    for row, line in zip(found["forecast"], lines[1:], strict=True):
        assert [row["a"], row["b"]] == pytest.approx([float(cell) for cell in line[1:]], rel=1e-5, abs=1e-5)


@pytest.fixture(scope="module")
def sure(tmp_path_factory):
    """A model of `a` alone, with quantiles, that also looks at `b`, and fills gaps."""
    folder = tmp_path_factory.mktemp("sure")
    (folder / "train.csv").write_text(rows(200))
    more = ["--set", "head.quantiles=0.1,0.9", "--set", "head.targets=a", "--gaps", "last"]
    line = ["train", "forecast", "--train", folder / "train.csv", "--out", folder / "run", *TINY, *more]
    assert main([str(word) for word in line]) == 0
    return folder / "run"


def test_quantiles_stand_beside_their_columns_in_every_format(run, sure, table):
    header, *lines = csv.reader(io.StringIO(run("predict", sure, "t.csv").out))
    assert header == ["date", "a", "a_q0.1", "a_q0.9"]
    assert all(float(line[2]) <= float(line[3]) for line in lines)
    found = json.loads(run("predict", sure, "t.csv", "--format", "jsonl").out)["forecast"]
    for row, line in zip(found, lines, strict=True):
        assert list(row) == ["date", "a", "quantiles"] and list(row["quantiles"]) == ["0.1", "0.9"]
        numbers = [row["a"], row["quantiles"]["0.1"]["a"], row["quantiles"]["0.9"]["a"]]
        assert numbers == pytest.approx([float(cell) for cell in line[1:]], rel=1e-5)
    python = load(sure).forecast({"a": [1.0, 2.0, 3.0] * 5, "b": [0.0] * 15})
    assert list(python.quantiles) == [0.1, 0.9] and python.values.shape == (4, 1)


def test_evaluate_tells_how_often_the_quantiles_were_right(run, sure, table):
    report = json.loads(run("evaluate", sure, "t.csv", "--format", "json").out)
    assert 0 <= report["coverage"] <= 1 and report["per_forecast"]["season"]["pinball"] > 0
    shown = run("evaluate", sure, "t.csv").out
    assert "pinball repeat" in shown and "┃ coverage ┃" in shown
    assert run("evaluate", sure, "t.csv", "--require", "pinball=0").code == 5


def test_a_forecast_is_drawn_on_a_page_and_as_a_picture(run, sure, table):
    pytest.importorskip("matplotlib")
    plain = run("predict", sure, "t.csv").out
    found = run("predict", sure, "t.csv", "--html", "page.html", "--plot", "chart.png")
    assert (found.code, found.out, found.err) == (0, plain, "")
    page = (table.parent / "page.html").read_text()
    assert page.startswith("<!DOCTYPE html>") and page.count("<svg") == 1 and page.endswith("</body></html>\n")
    assert (table.parent / "chart.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["t.csv", "--plot", "a.png"], "--plot draws the forecast of one file, found 2"),
        (["--plot", "a.gif"], "--plot a.gif: expected a name that ends in .png or .svg or .pdf"),
        (["--plot", "no/a.png"], "no/a.png: there is no such folder"),
        (["--plot", "t.csv"], "--plot t.csv: is the same file as t.csv"),
    ],
)
def test_a_picture_that_cannot_be_is_refused_before_anything_is_foreseen(run, sure, table, more, message):
    found = run("predict", sure, "t.csv", *more)
    assert (found.code, found.out) == (2, "")
    assert found.err.startswith("error: --plot ") and found.err.endswith(f"{message}\n")


def test_gaps_are_filled_as_in_training_and_stated(run, sure, table):
    filled = rows(27).replace(",11,", ",10,", 1)  # the number before it
    table.write_text(filled)
    expected = run("predict", sure, "t.csv").out
    table.write_text(rows(27).replace(",11,", ",,", 1))
    found = run("predict", sure, "t.csv")
    assert (found.code, found.out) == (0, expected)
    said = "1 of 27 numbers are missing, 1 in a row at most: each is filled with the last number before it"
    assert found.err == f"t.csv: column 'a': {said}\n"
    refused = run("predict", sure, "t.csv", "--gaps", "refuse")
    assert (refused.code, refused.out) == (3, "") and "column 'a' is empty" in refused.err
    assert run("evaluate", sure, "t.csv").code == 0
    assert run("data", "check", "t.csv", "--task", "forecast", "--gaps", "line").code == 0


def test_info_and_the_card_tell_what_is_only_looked_at(run, sure):
    assert json.loads(run("info", sure, "--format", "json").out)["labels"] == {"columns": ["a"], "features": ["b"]}
    assert "Columns: a.\nFeatures: b." in (sure / "README.md").read_text()


def test_a_terminal_gets_a_chart(run, sure, table, monkeypatch):
    monkeypatch.setattr("nlp_lstm.cli.predicting.sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    found = run("predict", sure, "t.csv")
    assert "a: 24 rows seen, 4 foreseen, the band from quantile 0.1 to 0.9" in found.out and "2024-02-28" in found.out
    assert "│" in found.out and "a_q0.1" not in found.out


def test_rows_that_are_named_are_gone_on_from(run, forecaster, table):
    whole = rows(27)
    (table.parent / "short.csv").write_text(rows(20))
    assert run("predict", forecaster, "t.csv[:20]").out == run("predict", forecaster, "short.csv").out
    assert whole.startswith(rows(20))


def test_several_files_and_standard_input_give_a_table_each(run, forecaster, table, monkeypatch):
    one = run("predict", forecaster, "t.csv").out
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(rows(27).encode())))
    assert run("predict", forecaster, "t.csv", "-").out == one + one


def test_evaluate_sets_simple_forecasts_beside_the_model(run, forecaster, table):
    found = run("evaluate", forecaster, "t.csv", "--format", "json")
    report = json.loads(found.out)
    assert (found.code, report["n"], report["unit"]) == (0, 27 - 16 + 1, "windows")
    assert {"mse", "mae", "mase"} <= report.keys()
    assert list(report["per_forecast"]) == ["model", "repeat", "season", "linear"]
    assert report["per_forecast"]["model"] == {name: report[name] for name in ("mse", "mae", "mase")} | {
        "undefined": None
    }
    shown = run("evaluate", forecaster, "t.csv").out
    assert shown.startswith("12 windows\nmse ") and re.search(r"│ season +│ \d+\.\d{4} +│ \d+\.\d{4} +│", shown)
    assert run("evaluate", forecaster, "t.csv", "--require", "mse=0.000001").code == 5
    assert run("evaluate", forecaster, "t.csv", "--require", "mse=1000000").code == 0


def test_training_sets_simple_forecasts_beside_the_model_and_says_which_is_closer(run, table):
    chosen = ["--train", "t.csv[:20]", "--dev", "t.csv", "--set", "head.add_to=last", "--out", "run"]
    shown = run("train", "forecast", *chosen, *TINY).err
    assert re.search(r"│ dev: season +│ +│ \d+\.\d{4}", shown) and re.search(r"│ dev: linear +│", shown)
    report = json.loads((table.parent / "run" / "metrics.json").read_text())["dev"]
    assert f"dev: {report['note']}\n" in shown and "is closer here: " in report["note"]


def test_info_and_the_card_tell_columns_and_scores(run, forecaster):
    found = json.loads(run("info", forecaster, "--format", "json").out)
    assert (found["task"], found["labels"]) == ("forecast", ["a", "b"])
    card = (forecaster / "README.md").read_text()
    assert "Columns: a, b." in card and "| split | windows | MSE | MAE |" in card
    assert "| train | train.csv | 1 |" in card


def test_the_same_line_again_trains_nothing_and_other_numbers_are_noticed(run, tmp_path):
    (tmp_path / "t.csv").write_text(rows(120))
    line = ("train", "forecast", "--train", f"{tmp_path / 't.csv'}[:100]", "--out", tmp_path / "run", *TINY)
    assert run(*line).code == 0
    assert "finished" in run(*line).err
    (tmp_path / "t.csv").write_text(rows(120, begin=1))
    found = run(*line)
    assert found.code == 2 and "t.csv: its content is not the same" in found.err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (rows(60).replace(",11,", ",,", 1), "line 4 of t.csv: column 'a' is empty; expected a number in every row"),
        (rows(60).replace(",-11.0\n", ",none yet\n", 1), "column 'b' holds 'none yet'; expected a number"),
        (rows(15), "t.csv: 14 rows; expected head.horizon = 4, and head.lookback = 12 before them"),
        (rows(3), "t.csv: 2 rows to foresee; head.horizon = 4 needs as many"),
    ],
)
def test_a_table_that_cannot_be_learned_from_is_refused_in_a_line(run, table, content, message):
    table.write_text(content)
    found = run("train", "forecast", "--train", "t.csv", "--out", "run", *TINY)
    assert (found.code, found.out) == (3, "")
    assert message in found.err.replace(str(table.parent) + "/", "") and "Traceback" not in found.err


def test_what_is_odd_is_told_and_trained_on(run, table):
    lines = [line + ",7" for line in rows(80).split("\n")[:-1]]
    lines[0] = "date,a,b,c"
    del lines[40]
    table.write_text("\n".join(lines) + "\n")
    found = run("train", "forecast", "--train", "t.csv", "--out", "run", *TINY)
    assert found.code == 0
    assert "column 'c' is 7 in every row" in found.err and "another step in time" in found.err
    assert run("predict", "run", "t.csv").out.split("\n")[1].startswith("+1,")


def test_data_check_lists_every_problem(run, table):
    table.write_text(rows(8).replace(",11,", ",,", 1) + "2024-02-10,x,1\n")
    found = run("data", "check", "t.csv", "--task", "forecast")
    assert found.code == 3
    assert [line.split(" ")[:3] for line in found.out.split("\n")[:-1]] == [
        ["error:", "line", "4"],
        ["error:", "line", "10"],
        ["warning:", "line", "10"],
    ]
    assert "9 rows in t.csv" in found.err


def test_a_text_and_another_task_are_refused(run, forecaster, table):
    found = run("predict", forecaster, "--text", "1,2")
    assert (found.code, found.err) == (
        2,
        "error: input 1: expected numbers, found a text: a model of this kind reads none\n",
    )
    assert run("generate", forecaster).code == 2
    assert run("predict", forecaster, "t.csv", "--format", "conll").code == 2


def test_a_table_that_is_too_short_costs_no_forecast_before_it(run, forecaster, table):
    (table.parent / "short.csv").write_text(rows(5))
    found = run("predict", forecaster, "t.csv", "short.csv")
    assert (found.code, found.out) == (3, run("predict", forecaster, "t.csv").out)
    assert found.err == "error: short.csv: 5 rows; the model looks back on 12\n"


def test_the_shell_says_that_it_reads_no_text(run, forecaster, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"1,2\n")))
    found = run("shell", forecaster)
    assert found.code == 2 and "expected numbers, found a text" in found.err
