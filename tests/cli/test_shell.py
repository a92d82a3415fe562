from __future__ import annotations

import io
import subprocess
import sys

import pytest

from nlp_lstm import load
from tests.cli.made_reviews import GOOD


@pytest.fixture
def script(run, monkeypatch, tmp_path):
    """Run `nlp-lstm shell` on lines from a pipe."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    def call(content: str, *arguments):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content.encode())))
        return run("shell", *arguments)

    return call


def test_a_classifier_answers_line_by_line_as_predict_does(script, run, trained, tmp_path):
    lines = [GOOD[0], "", "rude and grim", "  w1 👍"]
    ran = script("".join(f"{line}\n" for line in lines), trained)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == run("predict", trained, *(f"--text={line}" for line in lines)).out
    assert ran.out == "".join(f"{each.label}\n" for each in load(trained)(lines))


def test_why_tells_all_scores(script, trained):
    ran = script(f"{GOOD[0]}\n/why\n", trained)
    expected = load(trained)(GOOD[0])
    assert ran.out.split("\n")[2:5] == [
        "label\tgood",
        f"score\t{expected.score:.4f}",
        f"scores\tbad {expected.scores['bad']:.4f}, good {expected.scores['good']:.4f}",
    ]


def test_what_is_for_writers_ends_a_script_with_2(script, trained):
    ran = script("/more\nrude\n", trained)
    assert (ran.code, ran.out) == (2, "bad\n")
    place = "error: line 1 of standard input: this is for models that write"
    assert ran.err == f"{place}; {trained}: a classify model answers line by line\n"


def test_another_model_is_taken_up_and_a_missing_one_is_not(script, trained, tmp_path):
    ran = script(f"/model {tmp_path}/gone\nrude\n/model {trained}\nkind\n", trained)
    assert (ran.code, ran.out) == (4, "bad\ngood\n")
    assert ran.err.startswith(f"error: line 1 of standard input: no model at {tmp_path}/gone: there is no such folder")


def test_a_missing_model_ends_in_a_line_and_4(script, tmp_path):
    assert script("x\n", tmp_path / "gone")[:2] == (4, "")
    assert script("x\n", tmp_path, "--device", "tpu9").code == 4


def test_a_reader_that_leaves_early_is_no_error(trained):
    command = f"yes kind | head -n 20000 | '{sys.executable}' -m nlp_lstm shell '{trained}' | head -n 1"
    ran = subprocess.run(
        ["bash", "-c", f"{command}; echo ${{PIPESTATUS[2]}}"], capture_output=True, text=True, check=True
    )
    assert ran.stdout == "good\n0\n" and ran.stderr == ""


def test_utf16_is_refused_with_3(run, monkeypatch, trained):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("kind\n".encode("utf-16"))))
    ran = run("shell", trained)
    assert ran.code == 3 and "standard input: is UTF-16" in ran.err
