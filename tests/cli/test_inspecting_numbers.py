"""`nlp-lstm inspect` on a forecaster and on a model of the long-lag task: table, JSON, page and picture."""

from __future__ import annotations

import json
import re

import pytest

from nlp_lstm import load
from nlp_lstm.cli.main import main
from nlp_lstm.config import DataSettings
from nlp_lstm.corpora.made_sequences import made_sequences
from nlp_lstm.corpora.series_reading import read_series
from tests.cli.test_inspect import Page


@pytest.fixture(scope="module")
def recaller(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recaller")
    small = ["--set", "encoder.hidden_size=8", "--set", "training.threads=1", "--steps", "3"]
    data = ["--train", "made:recall-5", "--dev", "made:recall-5/dev"]
    assert main(["train", "lags/recall-100", *data, "--out", str(folder / "run"), *small]) == 0
    return folder / "run"


def test_a_forecast_is_shown_with_the_rows_it_rests_on(run, forecaster, table):
    ran = run("inspect", forecaster, "t.csv", "--target", "b+2")
    assert (ran.code, ran.err) == (0, "")
    found = load(forecaster).inspect(read_series("t.csv", DataSettings()), target="b+2")
    lines = ran.out.split("\n")
    assert lines[0].startswith("next: date 2024-02-28, a ")
    said = " ".join(line.strip() for line in lines[1:4])
    assert f"forecast of 'b', 2 rows ahead: {found.attribution.score:+.4g}, with the training data's mean in" in said
    shares = re.findall(r"^ *(2024-02-\d\d) +(\S+) +([+-]\S+) .*│", ran.out, re.M)
    assert [time for time, _, _ in shares] == list(found.times) and found.times[-1] == "2024-02-27"
    assert [value for _, value, _ in shares] == list(found.tokens)
    expected = [float(f"{value:.4g}") for value in found.attribution.values]
    assert [float(share) for _, _, share in shares] == expected
    assert "layer 1 forward (lstm, 8 channels)" in ran.out and "other columns have no share" in ran.out
    gates = run("inspect", forecaster, "t.csv", "--layer", "1").out
    assert re.search(r"2024-02-16 … 2024-02-19( +\d+\.\d\d){6}", gates)


def test_json_is_what_python_gives_and_ranges_of_rows_are_read(run, forecaster, table):
    ran = run("inspect", forecaster, "t.csv[:20]", "t.csv", "--format", "json")
    first, second = (json.loads(line) for line in ran.out.strip().split("\n"))
    series = read_series("t.csv", DataSettings())
    assert second == load(forecaster).inspect(series).to_dict()
    assert first["times"][-1] == "2024-02-20" and first != second


def test_a_page_holds_rows_and_segments(run, forecaster, table):
    assert run("inspect", forecaster, "t.csv", "--html", "page.html").code == 0
    content = (table.parent / "page.html").read_text(encoding="utf-8")
    assert not re.search(r"https?:|//|<script|<link|<img|url\(|@import", content)
    page = Page(content)
    found = load(forecaster).inspect(read_series("t.csv", DataSettings()))
    body = [row for row in page.rows if row and re.match(r"2024-02-\d\d", row[0])]
    assert [row[0] for row in body] == [*found.times, *found.layers[0].steps]
    for row, token, value in zip(body, found.tokens, found.attribution.values, strict=False):
        assert row[1:] == [token, found.attribution.shown(value)]
    assert all(len(row) == 1 + len(found.layers[0].parts) for row in body[12:])


def test_a_picture_names_rows_and_segments(run, forecaster, table):
    pytest.importorskip("matplotlib")
    assert run("inspect", forecaster, "t.csv", "--plot", "a.svg").code == 0
    content = (table.parent / "a.svg").read_text()
    assert "<!-- 2024-02-27 -->" in content and "<!-- 2024-02-24 … 2024-02-27 -->" in content


def test_how_far_back_the_error_of_a_forecast_reaches(run, forecaster, table):
    ran = run("inspect", forecaster, "t.csv", "--gradients", "--target", "b")
    assert ran.code == 0 and "loss: minus the forecast of 'b', 1 row ahead" in ran.out
    assert "trained lstm" in ran.out and "k=2" in ran.out and "k=5" not in ran.out  # three segments


def test_made_sequences_are_shown(run, recaller):
    ran = run("inspect", recaller, "made:recall-5/test", "--format", "json")
    found = [json.loads(line) for line in ran.out.strip().split("\n")]
    sequences = made_sequences("made:recall-5/test")
    assert len(found) == len(sequences) == 10
    assert found[3] == load(recaller).inspect(sequences[3]).to_dict()
    assert found[3]["tokens"][1:] == ["a1", "a2", "a3", "a4"]
    shown = run("inspect", recaller, "made:recall-5/test", "--target", "a1").out
    assert shown.startswith("answer: ") and "log-probability of 'a1' as the last answer: -" in shown


def test_how_far_back_the_error_reaches_over_a_made_sequence(run, recaller):
    ran = run("inspect", recaller, "--gradients")
    assert ran.code == 0 and "k=2" in ran.out and "trained lstm" in ran.out
    assert "nothing was given: this is made up, drawn with seed 1" in ran.out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--text", "1,2"], 2, "error: input 1: expected numbers, found a text: a model of this kind reads none"),
        (["t.csv", "--target", "c"], 2, "error: expected COLUMN or COLUMN+ROWS, found 'c': no column 'c'; known: a, b"),
        (["t.csv", "--target", "a+5"], 2, "error: expected 1 to 4 rows ahead, found 'a+5'"),
        (["t.csv[:5]"], 3, "5 rows; the model looks back on 12"),
        (["t.csv", "--layer", "2"], 2, "error: no layer 2: the model has 1"),
        (["t.csv", "--window", "2"], 2, "error: no window 2"),
        (["--gradients"], 2, "error: the model reads no text, and no rows are made up: name a source of some"),
        (["gone.csv"], 3, "gone.csv: no such file"),
    ],
)
def test_mistakes_are_told_in_a_line(run, forecaster, table, arguments, code, message):
    ran = run("inspect", forecaster, *arguments)
    assert (ran.code, ran.out) == (code, "") and message in ran.err and ran.err.count("\n") == 1
