"""A model's files in memory."""

from __future__ import annotations

import pytest

from nlp_lstm import ModelError, UsageError, load
from nlp_lstm.adapters.model_files import load_files
from nlp_lstm.store import NAMES, ModelFiles


def test_a_model_written_again_is_the_same_to_the_byte(classifier_folder, tmp_path):
    ModelFiles.read(classifier_folder).write(tmp_path / "copy")
    assert sorted(path.name for path in (tmp_path / "copy").iterdir()) == sorted(NAMES)
    for name in NAMES:
        assert (tmp_path / "copy" / name).read_bytes() == (classifier_folder / name).read_bytes()
    assert load(tmp_path / "copy")("dull") == load(classifier_folder)("dull")


def test_a_model_loads_from_memory(classifier_folder):
    assert load_files(ModelFiles.read(classifier_folder))("dull") == load(classifier_folder)("dull")


def test_a_model_takes_the_place_of_another(classifier_folder, tagger_folder, tmp_path):
    ModelFiles.read(tagger_folder).write(tmp_path / "place")
    ModelFiles({**ModelFiles.read(classifier_folder).contents, "README.md": b"mine"}).write(tmp_path / "place")
    assert load(tmp_path / "place")("dull") == load(classifier_folder)("dull")
    assert (tmp_path / "place" / "README.md").read_text() == "mine"


def test_a_card_of_another_model_does_not_stay(classifier_folder, tmp_path):
    files = ModelFiles.read(classifier_folder)
    files.write(tmp_path / "place")
    ModelFiles({name: content for name, content in files.contents.items() if name != "README.md"}).write(
        tmp_path / "place"
    )
    assert not (tmp_path / "place" / "README.md").exists()


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "vocab.json", "labels.json"])
def test_a_folder_without_a_file_is_no_model(classifier_folder, tmp_path, name):
    ModelFiles.read(classifier_folder).write(tmp_path / "copy")
    (tmp_path / "copy" / name).unlink()
    with pytest.raises(ModelError, match=rf"{name}: there is no such file"):
        ModelFiles.read(tmp_path / "copy")


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"no model at .*nowhere"):
        ModelFiles.read(tmp_path / "nowhere")


def test_a_run_and_a_file_are_not_written_over(classifier_folder, tmp_path):
    files = ModelFiles.read(classifier_folder)
    before = {path.name: path.read_bytes() for path in classifier_folder.iterdir()}
    with pytest.raises(UsageError, match=r"holds log\.jsonl, which is no part of a model"):
        files.write(classifier_folder)
    assert {path.name: path.read_bytes() for path in classifier_folder.iterdir()} == before
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError, match=r"file is a file"):
        files.write(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"
