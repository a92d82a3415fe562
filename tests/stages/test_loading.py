"""What `load` does not do, and which folders it refuses."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import shutil
import socket
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_lstm import load, train
from nlp_lstm.errors import ModelError, UsageError
from nlp_lstm.stages.record import Observer
from nlp_lstm.store import FORMAT
from nlp_lstm.training.loop import Progress

FILES = ("config.json", "vocab.json", "labels.json", "model.safetensors")


@pytest.fixture
def model(tiny_run, tmp_path) -> Path:
    """A copy of the trained model to damage, of the files that make it one."""
    folder = tmp_path / "model"
    folder.mkdir()
    for name in FILES:
        shutil.copy(tiny_run.folder / name, folder)
    return folder


def change(folder: Path, *path: str, **values: Any) -> None:
    """Set keys of a section of the folder's config."""
    config = json.loads((folder / "config.json").read_text())
    section = config
    for part in path:
        section = section[part]
    section.update(values)
    (folder / "config.json").write_text(json.dumps(config))


def test_a_loaded_tagger_answers_as_the_one_it_was_saved_from(tiny_tag_run, tagger, tmp_path):
    for name in FILES:
        shutil.copy(tiny_tag_run.folder / name, tmp_path)
    texts = ["Ada", "film in Old York", ""]
    assert load(tmp_path)(texts) == tagger(texts)
    assert [entity.entity_group for entity in tagger(texts[1]).entities] == ["LOC"]


def test_a_loaded_model_answers_as_the_one_it_was_saved_from(model, predictor):
    texts = ["fine", "dull", "a fine film", ""]
    assert load(model)(texts) == load(str(model))(texts) == predictor(texts)


def test_a_run_loads_its_model(tiny_run, predictor):
    assert tiny_run.load()("fine end") == predictor("fine end")


def refuse(*arguments: object, **options: object) -> None:
    raise AssertionError("not wanted here")


def test_loading_unpickles_nothing_and_opens_no_socket(model, monkeypatch):
    monkeypatch.setattr(torch, "load", refuse)
    for name in ("load", "loads", "Unpickler", "_Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)
    for name in ("socket", "create_connection", "getaddrinfo"):
        monkeypatch.setattr(socket, name, refuse)
    assert load(model)("fine").label == "good"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="what hears of all events can't be taken away again, but in a fork")
def test_the_interpreter_hears_of_no_unpickling_no_socket_and_no_process(model, tmp_path):
    unwanted = ("pickle.", "socket.", "subprocess.", "os.system", "os.exec", "os.fork", "os.posix_spawn", "urllib.")
    child = os.fork()
    if child == 0:
        met: list[str] = []
        sys.addaudithook(lambda event, _: met.append(event))
        label = load(model)("fine").label
        (tmp_path / "met").write_text("\n".join([label, *met]))
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    label, *met = (tmp_path / "met").read_text().split("\n")
    assert label == "good"
    assert "open" in met
    assert [event for event in met if event.startswith(unwanted)] == []


def test_a_model_with_code_beside_it_runs_none_of_it(model):
    for name in ("modeling.py", "__init__.py", "sitecustomize.py"):
        (model / name).write_text("raise SystemExit('ran')")
    assert load(model)("fine").label == "good"


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(model, name):
    (model / name).unlink()
    with pytest.raises(ModelError, match=rf"{name}: .* is no complete model folder"):
        load(model)


def test_of_a_run_before_its_first_evaluation_that_is_told(recipe, tmp_path):
    class Stop(Exception):
        pass

    def stop_at_3(progress: Progress) -> None:
        if progress.step == 3:
            raise Stop

    settings = {"training.evaluations": 2}
    with pytest.raises(Stop):
        train(str(recipe), out=tmp_path / "run", steps=8, settings=settings, observer=Observer(progress=stop_at_3))
    message = f"no model at {tmp_path / 'run'} yet: training there has not come to its first evaluation; "
    message += "the same nlp-lstm train line goes on with it"
    for name in ("config.json", "vocab.json", "none"):  # at whatever moment it was stopped
        with pytest.raises(ModelError) as caught:
            load(tmp_path / "run")
        assert str(caught.value) == message
        (tmp_path / "run" / name).unlink(missing_ok=True)
    train(str(recipe), out=tmp_path / "run", steps=8, settings=settings)
    assert load(tmp_path / "run")("fine").label


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_short_is_named(model, name, share):
    content = (model / name).read_bytes()
    (model / name).write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ModelError, match=str(model / name)):
        load(model)


@pytest.mark.parametrize("name", ["vocab.json", "labels.json", "model.safetensors"])
def test_a_flipped_bit_is_noticed(model, name):
    content = bytearray((model / name).read_bytes())
    content[len(content) * 2 // 3] ^= 4
    (model / name).write_bytes(content)
    with pytest.raises(ModelError, match=str(model / name)):
        load(model)


@settings(deadline=None)
@given(st.data())
def test_whichever_byte_of_the_config_changes_it_is_refused_or_changes_no_answer(
    tiny_run, predictor, tmp_path_factory, data
):
    folder = Path(shutil.copytree(tiny_run.folder, tmp_path_factory.mktemp("damaged") / "model"))
    content = bytearray((folder / "config.json").read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] = data.draw(st.sampled_from(b'0123456789.-+eE"{}[],: \n_x\x00\xff') | st.integers(0, 255))
    (folder / "config.json").write_bytes(content)
    try:
        changed = load(folder)
    except ModelError as error:
        assert str(folder) in str(error)
        return
    assert changed("a fine film") == predictor("a fine film")


@pytest.mark.parametrize(
    ("section", "values", "told"),
    [
        ((), {"task": "clasify"}, "clasify"),
        ((), {"task": ["classify"]}, "task"),
        (("encoder",), {"cell": "lstn"}, "cell"),
        (("encoder",), {"hidden_size": "wide"}, "hidden_size"),
        (("encoder",), {"hiden_size": 8}, "hiden_size"),
        (("head",), {"pooling": "sum"}, "pooling"),
        ((), {"encoder": None}, "encoder"),
        ((), {"head": []}, "head"),
        ((), {"tokenizer": 3}, "tokenizer"),
        (("tokenizer",), {"kind": "regx"}, "regx"),
        (("tokenizer",), {"lowercas": True}, "lowercas"),
    ],
    ids=repr,
)
def test_a_config_that_fits_nothing_is_refused_with_file_and_setting(model, section, values, told):
    change(model, *section, **values)
    with pytest.raises(ModelError) as caught:
        load(model)
    assert str(model / "config.json") in str(caught.value)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["task", "encoder", "head", "tokenizer", "format"])
def test_a_config_that_lacks_something_is_refused_with_its_name(model, name):
    config = json.loads((model / "config.json").read_text())
    del config[name]
    (model / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match=rf"config\.json: .*{name}"):
        load(model)


@pytest.mark.parametrize("values", [{"hidden_size": 16}, {"n_layers": 2}, {"bidirectional": False}, {"cell": "gru"}])
def test_weights_that_do_not_fit_the_config_are_refused_with_their_name(model, values):
    change(model, "encoder", **values)
    with pytest.raises(ModelError, match=r"tensor .*model\.safetensors"):
        load(model)


def test_a_damaged_size_is_refused_before_memory_is_taken_for_it(model):
    change(model, "encoder", hidden_size=10_000_000)
    with pytest.raises(ModelError, match=r"tensor .*model\.safetensors"):
        load(model)


def test_an_impossible_size_is_refused(model):
    # What 128 becomes when one of its bytes does: 1e8, whose square no tensor can hold.
    change(model, "encoder", hidden_size=10**10)
    with pytest.raises(ModelError, match=str(model)):
        load(model)


@pytest.mark.parametrize("number", [FORMAT - 1, FORMAT + 1])
def test_an_earlier_or_a_later_format_is_refused(model, number):
    change(model, format=number)
    with pytest.raises(ModelError, match=rf"config\.json: expected format {FORMAT}, found {number}"):
        load(model)


def put(folder: Path, name: str, content: Any) -> None:
    """Write a file that nothing of ours writes, with its right checksum."""
    text = json.dumps(content)
    (folder / name).write_text(text)
    change(folder, "checksums", **{name: hashlib.blake2b(text.encode(), digest_size=16).hexdigest()})


@pytest.mark.parametrize(
    ("vocabularies", "told"),
    [
        ({}, "holds no vocabulary"),
        ({"tokens": 3}, "tokens: vocabulary: expected lists"),
        ({"tokens": ["<pad>", "<unk>"]}, "tokens: vocabulary: expected lists"),
        ({"tokens": {"tokens": ["<pad>", "<unk>"]}}, "tokens: vocabulary: expected lists"),
        ({"tokens": {"specials": ["<pad>", "<unk>"], "tokens": "ab"}}, "tokens: vocabulary: expected lists"),
        ({"tokens": {"specials": ["<pad>", "<unk>"], "tokens": ["<pad>"]}}, "tokens: vocabulary: begins with '<pad>'"),
        (
            {"tokens": {"specials": [["<pad>"]], "tokens": [["<pad>"]]}},
            "tokens: vocabulary: a special token is no text",
        ),
    ],
    ids=repr,
)
def test_a_vocabulary_that_is_none_is_refused_with_its_file_and_name(model, vocabularies, told):
    put(model, "vocab.json", vocabularies)
    with pytest.raises(ModelError) as caught:
        load(model)
    assert str(caught.value).startswith(f"{model / 'vocab.json'}: {told}")


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ({}, "labels: expected 'labels' alone, found none"),
        ({"tags": ["O"], "auxiliary": []}, "labels: expected 'labels' alone, found 'tags', 'auxiliary'"),
        ({"labels": "ab"}, "labels: expected a list of strings"),
        ({"labels": ["good", 3]}, "labels: expected a list of strings"),
    ],
    ids=repr,
)
def test_labels_that_are_none_are_refused_with_their_file(model, labels, told):
    put(model, "labels.json", labels)
    with pytest.raises(ModelError) as caught:
        load(model)
    assert str(caught.value) == f"{model / 'labels.json'}: {told}"


def test_a_folder_of_another_task_is_refused(model, tiny_tag_run):
    change(model, task="tag", head=json.loads((tiny_tag_run.folder / "config.json").read_text())["head"])
    with pytest.raises(ModelError, match=rf"^{model / 'labels.json'}: expected 'tags' and 'auxiliary'"):
        load(model)


@pytest.mark.parametrize("name", ["cuda:99", "gpu"])
def test_a_device_that_is_not_there_is_refused(model, name):
    with pytest.raises(UsageError, match=f"device '{name}' cannot be used here"):
        load(model, device=name)
