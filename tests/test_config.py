"""Settings are checked whole: every problem at once, each with its dotted name and the nearest valid one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from nlp_lstm.config import (
    UNUSED,
    EncoderSettings,
    Recipe,
    Settings,
    TrainingSettings,
    check_training,
    parse_settings,
    problems_of,
)
from nlp_lstm.errors import UsageError
from nlp_lstm.nn.layers import CELLS


def test_a_task_is_all_a_recipe_needs():
    recipe = parse_settings(Recipe, {"task": "classify"}, title="recipe")
    assert recipe.encoder == EncoderSettings()
    assert recipe.training.budget() == ("epochs", 10.0)


def test_settings_can_not_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        EncoderSettings().hidden_size = 5


PROBLEMS = [
    ({"task": "classify", "trainning": {}}, "trainning: unknown setting; did you mean 'training'?"),
    ({"task": "classify", "encoder": {"hiden_size": 8}}, "encoder.hiden_size: unknown setting; did you mean 'hidden_s"),
    ({"task": "classify", "data": {"trian": "x"}}, "data.trian: unknown setting; did you mean 'train'?"),
    ({}, "task: missing"),
    ({"task": 3}, "task: expected a string, found 3"),
    ({"task": "classify", "encoder": {"hidden_size": "wide"}}, "encoder.hidden_size: expected a whole number, "),
    ({"task": "classify", "encoder": {"hidden_size": 1.5}}, "encoder.hidden_size: expected a whole number, "),
    ({"task": "classify", "encoder": {"hidden_size": 0}}, "encoder.hidden_size: expected at least 1, "),
    ({"task": "classify", "encoder": {"dropout": 1.0}}, "encoder.dropout: expected less than 1, found 1.0"),
    ({"task": "classify", "encoder": {"dropout": -0.1}}, "encoder.dropout: expected at least 0, "),
    ({"task": "classify", "encoder": {"cell": "lstn"}}, "encoder.cell: expected 'lstm', 'gru', 'rnn', "),
    (
        {"task": "classify", "encoder": {"cell": "minlstm", "weight_drop": 0.2}},
        "encoder.weight_drop: expected 0.0 with cell 'minlstm', which has no hidden-to-hidden weights, found 0.2",
    ),
    (
        {"task": "classify", "encoder": {"weight_drop": 0.2, "cell": "transformer"}},
        "encoder.weight_drop: expected 0.0 with cell 'transformer', which has no hidden-to-hidden weights, found 0.2",
    ),
    (
        {"task": "classify", "encoder": {"cell": "transformer", "layer_norm": True}},
        "encoder.layer_norm: expected false with cell 'transformer', which has norms of its own, found True",
    ),
    ({"task": "classify", "head": 3}, "head: expected a table, found 3"),
    ({"task": "classify", "training": {"epochs": 0}}, "training.epochs: expected more than 0, found 0"),
    ({"task": "classify", "training": {"seed": -1}}, "training.seed: expected at least 0, found -1"),
    ({"task": "classify", "training": {"seed": 2**63}}, "training.seed: expected less than 9223372036854775808, "),
    ({"task": "classify", "training": {"steps": 1.5}}, "training.steps: expected a whole number, found 1.5"),
    ({"task": "classify", "training": {"ema": "a lot"}}, "training.ema: expected a number, found 'a lot'"),
    ({"task": "classify", "training": {"ema": 2}}, "training.ema: expected at most 1, found 2"),
    ({"task": "classify", "tokenizer": {"joint": "so so"}}, "tokenizer.joint: expected true or false, found 'so so'"),
    ({"task": "classify", "encoder": 3}, "encoder: expected a table, found 3"),
    ({"task": "classify", "data": {"columns": 3}}, "data.columns: expected a list, found 3"),
    ({"task": "classify", "data": {"columns": ["_", 3]}}, "data.columns.2: expected a string, found 3"),
    ({"task": "classify", "head": "x" * 500}, f"head: expected a table, found '{'x' * 78}…"),
]


@pytest.mark.parametrize(("values", "line"), PROBLEMS, ids=[line.split(":")[0] for _, line in PROBLEMS])
def test_a_problem_is_told_with_its_name_what_was_expected_and_what_was_found(values, line):
    (found,) = problems_of(Recipe, values)
    assert found.startswith(line)
    assert "\n" not in found


@pytest.mark.parametrize("cell", CELLS)
def test_the_settings_of_the_encoder_know_every_cell_and_what_it_has_no_use_for(cell):
    assert problems_of(EncoderSettings, {"cell": cell, "weight_drop": 0.0, "layer_norm": False}) == []
    assert set(UNUSED.get(cell, {})) == set(CELLS[cell].unused)
    for name, value in (("weight_drop", 0.2), ("layer_norm", True)):
        assert bool(problems_of(EncoderSettings, {"cell": cell, name: value})) == (name in CELLS[cell].unused)


@pytest.mark.parametrize("amount", [float("inf"), float("nan"), -1.0])
@pytest.mark.parametrize("name", ["epochs", "minutes", "learning_rate"])
def test_an_amount_that_is_no_positive_number_is_refused(name, amount):
    assert problems_of(TrainingSettings, {name: amount}, section="training")


def test_of_a_value_that_may_be_of_several_kinds_one_line_says_what_was_expected():
    class Several(Settings):
        place: str | Path | None
        size: int | tuple[int, ...]

    assert problems_of(Several, {"place": 3, "size": [1, "x"]}) == [
        "place: expected a string or a path, found 3",
        "size: expected a whole number, found [1, 'x']",
        "size.2: expected a whole number, found 'x'",
    ]


def test_all_problems_are_told_at_once():
    values = {"encoder": {"hiden_size": 8, "cell": "lstn"}, "training": {"ema": 2, "epochs": "many"}, "modle": 1}
    with pytest.raises(UsageError) as caught:
        parse_settings(Recipe, values, title="recipe my.toml")
    title, *lines = str(caught.value).split("\n  ")
    assert title == "recipe my.toml: 6 problems"
    assert sorted(line.split(":")[0] for line in lines) == [
        "encoder.cell",
        "encoder.hiden_size",
        "modle",
        "task",
        "training.ema",
        "training.epochs",
    ]


def test_a_section_of_its_own_keeps_its_name():
    with pytest.raises(UsageError, match=r"^head: head\.cel: unknown setting; did you mean 'cell'\?$"):
        parse_settings(EncoderSettings, {"cel": "gru"}, title="head", section="head")


@pytest.mark.parametrize(
    ("training", "problems"),
    [
        ({}, []),
        ({"epochs": 3}, []),
        ({"epochs": 3, "steps": 4}, ["training: give one of epochs, steps, not 2"]),
        ({"minutes": 1, "epochs": 3, "steps": 4}, ["training: give one of minutes, epochs, steps, not 3"]),
        ({"unfreeze": 0.5, "init_from": "runs/model"}, []),
        ({"unfreeze": 0.0}, []),
        (
            {"unfreeze": 0.5, "epochs": 3, "steps": 4},
            [
                "training: give one of epochs, steps, not 2",
                "training.unfreeze: nothing was trained before: it goes with training.init_from",
            ],
        ),
        (None, []),
        ("nonsense", []),
    ],
)
def test_what_does_not_go_together_is_told(training, problems):
    assert check_training(training) == problems


@pytest.mark.parametrize("unit", ["epochs", "steps", "minutes"])
def test_the_budget_is_the_one_given(unit):
    assert TrainingSettings(**{unit: 3}).budget() == (unit, 3.0)


def test_settings_survive_json():
    # As they are kept in a run's folder and compared with.
    recipe = Recipe(task="classify", head={"pooling": "max"}, training=TrainingSettings(learning_rate=1e-3))
    assert json.loads(json.dumps(recipe.model_dump())) == recipe.model_dump()
    assert Recipe(**recipe.model_dump()) == recipe
