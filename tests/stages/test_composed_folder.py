"""A pipeline that was saved answers as the one that was saved, or the saving is refused."""

from __future__ import annotations

import shutil

import pytest

from nlp_lstm import ModelError, Pipeline, UsageError, stages
from nlp_lstm.stages.composed_folder import arguments
from nlp_lstm.store import WEIGHTS
from nlp_lstm.tensor_file import load_tensors, save_tensors
from tests.made_package import install

KEEPER = '''
class Keeper:
    """Keeps what it is given, but for what it loses."""

    name = "keeper"
    requires = provides = ()
    folders = ("place",)

    def __init__(self, count=3, *, place=None, lost=1, **rest):
        self.count, self.place = count, place

    def __call__(self, documents):
        return documents


class Whole(Keeper):
    def __init__(self, count=3, *, place=None):
        super().__init__(count, place=place)
'''


@pytest.fixture
def folder(tiny_run, tmp_path):
    """A copy of a classifier's folder."""
    return shutil.copytree(tiny_run.folder, tmp_path / "runs" / "mood")


def retrain(folder, tiny_tag_run):
    weights, values = load_tensors(folder / WEIGHTS)
    save_tensors(folder / WEIGHTS, {name: tensor * 0.5 for name, tensor in weights.items()}, values)


def forget_weights(folder, tiny_tag_run):
    (folder / WEIGHTS).unlink()


def become_another_model(folder, tiny_tag_run):
    shutil.rmtree(folder)
    shutil.copytree(tiny_tag_run.folder, folder)


def mix_models(folder, tiny_tag_run):
    shutil.copyfile(tiny_tag_run.folder / "labels.json", folder / "labels.json")


def become_a_stranger(folder, tiny_tag_run):
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "diary.txt").write_text("mine")


def go(folder, tiny_tag_run):
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        (retrain, UsageError, "mood no longer holds the model that classify runs: load the pipeline again"),
        (become_another_model, UsageError, "mood no longer holds the model that classify runs"),
        (mix_models, UsageError, "mood no longer holds the model that classify runs"),
        (forget_weights, ModelError, r"model\.safetensors: there is no such file; .*mood is no complete model folder"),
        (become_a_stranger, ModelError, r"there is no such file; .*mood is no complete model folder"),
        (go, ModelError, "no model at .*mood: there is no such folder"),
    ],
)
def test_what_no_longer_is_the_model_that_runs_is_not_saved(folder, tiny_tag_run, tmp_path, change, kind, message):
    nlp = Pipeline([stages.Classify(folder)])
    change(folder, tiny_tag_run)
    with pytest.raises(kind, match=message):
        nlp.save(tmp_path / "saved")
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


def test_a_model_is_found_again_when_the_process_has_moved_and_only_its_own_files_go_along(
    folder, tmp_path, monkeypatch
):
    (folder / "diary.txt").write_text("mine")
    monkeypatch.chdir(tmp_path)
    nlp = Pipeline([stages.Classify("runs/mood")])
    (tmp_path / "else").mkdir()
    monkeypatch.chdir(tmp_path / "else")
    nlp.save("saved")
    assert Pipeline.load("saved")("a fine film") == nlp("a fine film")
    assert not list((tmp_path / "else").rglob("diary.txt")) and not list((tmp_path / "else").rglob("log.jsonl"))


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError, match=r"file/saved cannot be written: "):
        Pipeline([stages.Sentences()]).save(tmp_path / "file" / "saved")
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("options", [None, {}, {"temperature": 0.5, "stop": ["\x7f", '"\n'], "max_new_tokens": 9}])
def test_how_a_generator_writes_is_saved(tiny_generate_run, tmp_path, options):
    nlp = Pipeline([stages.Generate(tiny_generate_run.folder, seed=4, options=options)])
    nlp.save(tmp_path / "saved")
    again = Pipeline.load(tmp_path / "saved")
    assert again.stages[0].options == options and again.stages[0].seed == 4
    assert again("a") == nlp("a")
    again.save(tmp_path / "saved again")


def test_what_a_file_cannot_say_is_told(tmp_path, monkeypatch):
    install(tmp_path, monkeypatch, "keeping", module=KEEPER, stages={"keeper": "Keeper", "whole": "Whole"})
    keeper, whole = stages.find_stage("keeper"), stages.find_stage("whole")
    assert arguments(whole(None)) == {"count": None} and arguments(whole(3)) == arguments(keeper(3)) == {}
    with pytest.raises(UsageError) as caught:
        Pipeline([whole(None), keeper(), stages.Map(len, name="\ud83d")]).save(tmp_path / "saved")
    assert str(caught.value).split("\n  ") == [
        "the pipeline cannot be saved: 4 problems",
        "keeper: its count cannot be written to a file",
        "keeper: it does not keep its argument lost as an attribute",
        "\ud83d: its function cannot be written to a file",
        "\ud83d: its name cannot be written to a file",
    ]
    assert not (tmp_path / "saved").exists()


def test_a_folder_of_a_stage_of_another_package_goes_along_whole(tmp_path, monkeypatch):
    install(tmp_path, monkeypatch, "keeping", module=KEEPER, stages={"whole": "Whole"})
    (tmp_path / "things" / "deep").mkdir(parents=True)
    (tmp_path / "things" / "deep" / "a.txt").write_text("mine")
    nlp = Pipeline([stages.find_stage("whole")(place=str(tmp_path / "things"))])
    nlp.save(tmp_path / "saved")
    (again,) = Pipeline.load(tmp_path / "saved").stages
    assert again.place != nlp.stages[0].place
    shutil.rmtree(tmp_path / "things")
    assert [path.name for path in (tmp_path / "saved" / "models").rglob("a.txt")] == ["a.txt"]
    with pytest.raises(ModelError, match=r"no folder at .*things: it has gone since the stage was made"):
        nlp.save(tmp_path / "second")
