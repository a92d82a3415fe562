"""The one table of stages, and what every stage in it must keep."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest
import torch

from nlp_lstm import stages
from nlp_lstm.errors import UsageError
from nlp_lstm.records.document import Document
from nlp_lstm.stages.ledger import Ledger
from nlp_lstm.stages.recipes import load_recipe
from nlp_lstm.stages.record import TrainingRecord
from nlp_lstm.stages.training import TRAINING

FIELDS = {field.name for field in fields(TrainingRecord)}
GIVEN = {"recipe", "out", "device", "observer"}


@pytest.fixture(scope="session")
def make(tiny_run, tiny_tag_run, tiny_translate_run, tiny_generate_run):
    """Return a function that makes the stage of a name, a model's with a tiny model."""
    given = {
        "Classify": [tiny_run.folder],
        "Tag": [tiny_tag_run.folder],
        "Translate": [tiny_translate_run.folder],
        "Generate": [tiny_generate_run.folder],
        "Map": [lambda document: document],
    }
    return lambda name: getattr(stages, name)(*given.get(name, ()))


@pytest.mark.parametrize("name", stages.STAGES)
def test_every_stage_of_the_table_is_there_and_says_what_it_needs(name, make):
    stage = make(name)
    assert type(stage).__name__ == name
    assert type(stage).__doc__
    assert isinstance(stage.name, str) and stage.name
    for names in (stage.requires, getattr(stage, "uses", ()), stage.provides):
        assert isinstance(names, tuple)
        assert all(isinstance(each, str) for each in names)
    assert stage.provides or name == "Map"


ODD = ["", " \n", "a", "The film was fine. Ada saw <b>Old</b> York!", "\ud83d", "👩‍👩‍👧‍👦", "\x00\x1b", "film " * 500]


@pytest.mark.parametrize("name", stages.RUNNING_STAGES)
def test_a_running_stage_gives_as_many_documents_in_order_whoever_their_neighbours_are(name, make):
    stage = make(name)
    found = list(stage([Document(text) for text in ODD]))
    assert [document.text for document in found] == ODD
    assert list(stage([])) == []
    for document, text in zip(found, ODD, strict=True):
        (alone,) = stage([Document(text)])
        assert document.to_text() == alone.to_text()
        json.dumps(document.to_dict(), allow_nan=False)
        if stage.provides:
            assert document != Document(text)


@pytest.mark.parametrize("name", stages.RUNNING_STAGES)
def test_a_stage_that_can_stand_in_a_file_is_found_by_its_name_there(name):
    kind = getattr(stages, name)
    assert stages.find_stage(name.lower()) is kind
    assert stages.stage_name(kind) == name.lower()


def test_a_stage_of_training_has_no_name_in_a_file():
    assert stages.stage_name(stages.Read) is None
    with pytest.raises(UsageError, match="no stage 'read'"):
        stages.find_stage("read")


def test_no_two_stages_have_one_name_or_provide_one_thing():
    made = [getattr(stages, name)() for name in stages.TRAINING_STAGES]
    assert len({stage.name for stage in made}) == len(made)
    provided = [thing for stage in made for thing in stage.provides]
    assert len(set(provided)) == len(provided)


def test_the_table_is_what_the_package_offers():
    assert set(stages.__all__) == set(stages.STAGES)
    with pytest.raises(AttributeError, match="has no attribute 'Tokenise'"):
        _ = stages.Tokenise


def test_the_training_chain_is_made_of_stages_of_the_table():
    assert [type(stage).__name__ for stage in TRAINING] == list(stages.TRAINING_STAGES)


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
def test_what_a_stage_requires_is_all_it_needs(records, stage, tmp_path):
    before, _ = records[type(stage).__name__]
    needed = {name: getattr(before, name) for name in GIVEN | (set(stage.requires) & FIELDS)}
    after = stage(TrainingRecord(**{**needed, "out": tmp_path / "again"}))  # the run's own folder is finished
    assert all(getattr(after, name) is not None for name in set(stage.provides) & FIELDS)
