"""How far errors reach back in models of every task with a text, and in fresh networks of their size."""

from __future__ import annotations

import json
import math

import pytest

from nlp_lstm.errors import DataError, UsageError
from nlp_lstm.inspection import Curve
from nlp_lstm.stages.predictor import Predictor
from nlp_lstm.stages.reaching import made_input
from tests.stages.made_predictors import of_every_case, predictor_of, with_its_text
from tests.tasks.test_tasks import CASES


def test_an_error_does_not_go_back_through_a_transformer():
    predictor = predictor_of("classify", cell="transformer")
    with pytest.raises(
        UsageError, match=r"^a transformer carries no state from step to step for an error to go back through$"
    ):
        predictor.gradients("so it is")


@with_its_text
def test_gradients_are_measured_in_the_trained_and_in_fresh_networks(name, text):
    predictor = predictor_of(name, cell="gru")
    report = predictor.gradients(text, steps=2)
    assert [curve.name for curve in report.curves] == [
        *("trained gru", "fresh rnn", "fresh gru", "fresh lstm"),
        *("fresh rnn, weights × 0.5", "fresh rnn, weights × 3"),
    ]
    assert [curve.cell for curve in report.curves] == ["gru", "rnn", "gru", "lstm", "rnn", "rnn"]
    assert report.layer == 2 and report.clip_norm == 0.5
    assert len(report.notes) == (CASES[name].kind == "joint")
    for curve in report.curves:
        assert len(curve.norms) == 3 and all(math.isfinite(norm) and norm > 0 for norm in curve.norms)
        assert curve.clipped_norm == min(curve.weight_norm, 0.5)
    assert json.loads(json.dumps(report.to_dict(), allow_nan=False))["curves"][0]["fate"] == report.curves[0].fate
    other = predictor.gradients(text, steps=2, layer=1, seed=2)
    assert other.layer == 1 and other.curves[1] != report.curves[1]


@with_its_text
def test_the_loss_of_the_gradients_is_what_inspect_explains(name, text):
    predictor = predictor_of(name)
    report = predictor.gradients(text)
    assert report.of == predictor.inspect(text).attribution.of
    stack = predictor.model.encoder.stack
    predictor.model.requires_grad_(True)
    (-predictor.task.probe(predictor.model, text).aim().score(1).sum()).backward()
    squares = sum(
        float(weight.grad.double().square().sum()) for weight in stack.parameters() if weight.grad is not None
    )
    assert report.curves[0].weight_norm == pytest.approx(squares**0.5, rel=1e-4)


@of_every_case
def test_without_a_text_one_is_made(name):
    predictor = predictor_of(name)
    report = predictor.gradients(seed=3, steps=5)
    assert report.n_tokens >= 100 and report.text == made_input(predictor, seed=3)
    assert report.notes[0] == "nothing was given: this is made up, drawn with seed 3"


def test_one_token_has_nothing_to_reach_back_to():
    with pytest.raises(DataError, match=r"^the text holds one token: an error that reaches back needs two or more$"):
        predictor_of("classify").gradients("so")


def test_small_weights_vanish_and_large_ones_explode_in_a_network_of_a_usual_size():
    predictor = predictor_of("classify", hidden_size=48, n_layers=1)
    curves = {curve.name: curve for curve in predictor.gradients().curves}
    small, large = curves["fresh rnn, weights × 0.5"], curves["fresh rnn, weights × 3"]
    assert small.relative[100] < 1e-20 and small.fate.startswith("below 1 % after ")
    assert large.relative[100] > 1e3 and large.fate.startswith("grows to ")
    assert large.weight_norm > 1e3 and large.clipped_norm == 0.5


def test_without_a_limit_nothing_is_clipped():
    before = predictor_of("classify")
    training = {**before.description["training"], "clip_norm": 0.0}
    predictor = Predictor(before.task, before.model, {**before.description, "training": training})
    report = predictor.gradients("so it is")
    assert report.clip_norm == 0 and all(curve.clipped_norm == curve.weight_norm for curve in report.curves)


def test_the_fate_of_an_error_is_told_in_words():
    assert Curve("", "", (2.0, 0.5, 0.019), 1, 1).fate == "below 1 % after 2 steps"
    assert Curve("", "", (2.0, 40.0, 1.0), 1, 1).fate == "grows to 20 times after 1 step"
    assert Curve("", "", (2.0, 1.0), 1, 1).fate == "0.5 times as large after 1 step"
