from __future__ import annotations

import json
import re

import pytest

from nlp_lstm.cli.evaluate import check_requirements
from nlp_lstm.errors import RequirementError

TEXTS = "text,label\nso kind,good\nso rude,bad\nso grim,good\n"


@pytest.fixture
def labelled(tmp_path):
    file = tmp_path / "test.csv"
    file.write_text(TEXTS)
    return file


def test_json_holds_the_promised_scores(run, trained, labelled):
    ran = run("evaluate", trained, labelled, "--format", "json")
    assert ran.code == 0
    report = json.loads(ran.out)
    assert report["n"] == 3 and report["accuracy"] == pytest.approx(2 / 3)
    assert report["labels"] == ["bad", "good"] and report["confusion"] == {
        "bad": {"bad": 1, "good": 0},
        "good": {"bad": 1, "good": 1},
    }
    assert report["per_class"]["good"]["recall"] == 0.5
    assert report["macro_f1"] == pytest.approx(2 / 3)


def test_the_table_shows_scores_classes_and_confusion(run, trained, labelled):
    lines = run("evaluate", trained, labelled).out.split("\n")
    assert lines[:3] == ["3 texts", "accuracy 0.6667 (95 % interval 0.2077 to 0.9385)", "macro F1 0.6667"]
    assert [re.split(r"\s*[┃│]\s*", line)[1:-1] for line in lines if re.search("[┃│]", line)] == [
        ["class", "precision", "recall", "F1", "support", "predicted"],
        ["bad", "0.5000", "1.0000", "0.6667", "1", "2"],
        ["good", "1.0000", "0.5000", "0.6667", "2", "1"],
        ["true \\ predicted", "bad", "good"],
        ["bad", "1", "0"],
        ["good", "1", "1"],
    ]


def test_a_score_below_what_is_required_ends_with_5_and_still_prints_the_report(run, trained, labelled):
    ran = run("evaluate", trained, labelled, "--require", "accuracy=0.9", "--require", "macro_f1=0.1")
    assert ran.code == 5
    assert ran.err == "error: accuracy is 0.6667, 0.9 was required\n"
    assert "accuracy 0.6667" in ran.out
    assert run("evaluate", trained, labelled, "--require", "accuracy=0.6").code == 0


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("acuracy=0.5", "no score 'acuracy'; did you mean 'accuracy'?"),
        ("bleu=0.5", "no score 'bleu'; known: accuracy, macro_f1"),
        ("accuracy", "expected NAME=NUMBER, found 'accuracy'"),
        ("accuracy=high", "expected NAME=NUMBER, found 'accuracy=high'"),
    ],
)
def test_a_requirement_that_makes_no_sense_is_a_usage_error_before_anything_is_read(run, trained, wanted, message):
    ran = run("evaluate", trained, "none.csv", "--require", wanted)
    assert (ran.code, ran.out, ran.err) == (2, "", f"error: --require: {message}\n")


def test_of_a_task_that_does_not_say_its_scores_before_a_wrong_name_is_told_after(run, trained, labelled, monkeypatch):
    monkeypatch.delattr("nlp_lstm.tasks.classify.Classify.scores")
    ran = run("evaluate", trained, labelled, "--require", "acuracy=0.5", "--require", "accuracy=0.5")
    assert ran.code == 2 and ran.out.startswith("3 texts\n")
    assert ran.err == "error: --require: no score 'acuracy'; did you mean 'accuracy'?\n"


def test_a_label_the_model_never_saw_is_named_with_its_line(run, trained, labelled):
    labelled.write_text(TEXTS + "so so,goood\n")
    ran = run("evaluate", trained, labelled)
    assert ran.code == 3
    assert f"line 5 of {labelled}: label 'goood'" in ran.err and "did you mean 'good'" in ran.err


def test_a_score_that_is_undefined_misses_every_requirement_and_says_why():
    report = {"f1": None, "accuracy": 1.0, "undefined": "no gold spans: no recall, no F1"}
    with pytest.raises(
        RequirementError, match=r"^f1 is undefined \(no gold spans: no recall, no F1\), 0\.8 was required$"
    ):
        check_requirements(report, [("f1", 0.8)])
