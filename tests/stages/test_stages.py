"""The one table of stages, and what every stage in it must keep."""

from __future__ import annotations

from dataclasses import fields

import pytest
import torch

from nlp_lstm import stages
from nlp_lstm.stages.ledger import Ledger
from nlp_lstm.stages.recipes import load_recipe
from nlp_lstm.stages.record import TrainingRecord
from nlp_lstm.stages.training import TRAINING

FIELDS = {field.name for field in fields(TrainingRecord)}
GIVEN = {"recipe", "out", "device", "observer"}


@pytest.mark.parametrize("name", stages.STAGES)
def test_every_stage_of_the_table_is_there_and_says_what_it_needs(name):
    stage = getattr(stages, name)()
    assert type(stage).__name__ == name
    assert type(stage).__doc__
    assert isinstance(stage.name, str) and stage.name
    for names in (stage.requires, stage.provides):
        assert isinstance(names, tuple)
        assert all(isinstance(each, str) for each in names)
    assert stage.provides


def test_no_two_stages_have_one_name_or_provide_one_thing():
    made = [getattr(stages, name)() for name in stages.STAGES]
    assert len({stage.name for stage in made}) == len(made)
    provided = [thing for stage in made for thing in stage.provides]
    assert len(set(provided)) == len(provided)


def test_the_table_is_what_the_package_offers():
    assert set(stages.__all__) == set(stages.STAGES)
    with pytest.raises(AttributeError, match="has no attribute 'Tokenise'"):
        _ = stages.Tokenise


def test_the_training_chain_is_made_of_stages_of_the_table():
    assert [type(stage).__name__ for stage in TRAINING] == list(stages.STAGES)


@pytest.fixture(scope="module", params=["tiny_run", "tiny_tag_run"])
def records(request, tmp_path_factory):
    """The record before and after each training stage of one run, for each task."""
    place = tmp_path_factory.mktemp("contract")
    trained = request.getfixturevalue(request.param)
    recipe = load_recipe(str(trained.folder.parent / "tiny" / "tiny.toml"), {"data.dev": None})
    Ledger(place / "run").begin(recipe, fresh=False)
    record = TrainingRecord(recipe, place / "run", torch.device("cpu"))
    seen = {}
    for stage in TRAINING:
        after = stage(record)
        seen[type(stage).__name__] = (record, after)
        record = after
    return seen


@pytest.mark.parametrize("stage", TRAINING, ids=lambda stage: stage.name)
def test_a_stage_fills_what_it_provides_and_changes_nothing_else(records, stage):
    before, after = records[type(stage).__name__]
    changed = {name for name in FIELDS if getattr(before, name) is not getattr(after, name)}
    # Split completes the splits that Read has filled.
    assert changed == (set(stage.provides) & FIELDS) | ({"splits"} if stage.name == "split" else set())


@pytest.mark.parametrize("stage", TRAINING, ids=lambda stage: stage.name)
def test_what_a_stage_requires_is_all_it_needs(records, stage):
    before, _ = records[type(stage).__name__]
    needed = {name: getattr(before, name) for name in GIVEN | (set(stage.requires) & FIELDS)}
    after = stage(TrainingRecord(**needed))
    assert all(getattr(after, name) is not None for name in set(stage.provides) & FIELDS)
