"""The one table of tasks, and what every task in it must keep."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from nlp_lstm.config import Settings, TrainingSettings
from nlp_lstm.document import Example
from nlp_lstm.errors import DataError, UsageError
from nlp_lstm.nn.encoder import Encoder
from nlp_lstm.tasks import TASKS, find_task

EXAMPLES = [Example(f"text {n}", ("a", "b", "c")[n % 3], "made.csv", n + 2) for n in range(11)]
ROWS = [np.arange(2, 3 + n % 5, dtype=np.int32) for n in range(11)]


@pytest.fixture(params=sorted(TASKS))
def kind(request):
    return find_task(request.param)


@pytest.fixture
def task(kind):
    return kind.from_examples(EXAMPLES, kind.Settings())


@pytest.fixture
def model(task):
    torch.manual_seed(1)
    return task.build(Encoder(8, 3, 5, bidirectional=True))


def test_an_unknown_task_is_met_with_the_nearest():
    with pytest.raises(UsageError, match=r"^no task 'clasify'; did you mean 'classify'\?$"):
        find_task("clasify")


def test_a_task_says_what_its_settings_and_its_score_are(kind):
    assert issubclass(kind.Settings, Settings)
    assert kind.__doc__


def test_a_task_comes_back_from_its_labels(kind, task, model):
    again = kind(task.labels, task.settings)
    expected = task.predict(model, ROWS, pad_id=0)
    assert again.predict(model, ROWS, pad_id=0) == expected


def test_batches_cover_every_text_and_give_a_loss_that_can_be_learned_from(task, model):
    batches = task.batches(ROWS, EXAMPLES, TrainingSettings(batch_size=4), pad_id=0)
    assert len(batches) == 3
    n_items = 0.0
    for batch in batches.epoch(0):
        loss = task.loss(model.train(), batch)
        assert loss.total.shape == () and torch.isfinite(loss.total)
        loss.total.backward()
        n_items += loss.n_items
    assert n_items == len(EXAMPLES)
    assert all(weight.grad is not None for weight in model.parameters())
    assert batches.n_cut == 0


def test_a_prediction_for_every_row_in_order(task, model):
    found = task.predict(model, ROWS, pad_id=0)
    assert len(found) == len(ROWS)
    assert task.predict(model, [], pad_id=0) == []
    for row, each in zip(ROWS, found, strict=True):
        (alone,) = task.predict(model, [row], pad_id=0)
        assert alone.label == each.label
        assert alone.score == pytest.approx(each.score, abs=1e-5)
    json.dumps([each.to_dict() for each in found])


def test_scores_are_ready_for_json_and_lie_between_zero_and_one(task, model):
    found = task.predict(model, ROWS, pad_id=0)
    assert 0 <= task.score(EXAMPLES, found) <= 1
    json.dumps(task.report(EXAMPLES, found).to_dict())


def test_what_was_never_seen_in_training_is_told_with_its_line(task):
    with pytest.raises(DataError, match=r"line 7 of dev\.csv"):
        task.targets([EXAMPLES[0], Example("text", "zzz", "dev.csv", 7)])
