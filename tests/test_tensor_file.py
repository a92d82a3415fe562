"""A checkpoint is read as it was written, is whole or not there, and is refused when damaged."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from nlp_lstm.errors import ModelError
from nlp_lstm.tensor_file import load_tensors, save_tensors

TENSORS = {
    "model.weight": torch.arange(6.0).reshape(2, 3),
    "double": torch.tensor([0.1], dtype=torch.float64),
    "random": torch.tensor([1, 255], dtype=torch.uint8),
    "step": torch.tensor(3.0),
}
VALUES = {"step": 7, "best_score": None, "seconds": 0.1, "note": "ünïcode"}


def test_tensors_and_values_come_back_as_they_were(tmp_path):
    path = tmp_path / "new" / "checkpoint"
    save_tensors(path, TENSORS, VALUES)
    tensors, values = load_tensors(path)
    assert values == VALUES
    assert tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert tensors[name].dtype == tensor.dtype
        assert torch.equal(tensors[name], tensor)


def test_a_view_is_written_as_what_it_shows(tmp_path):
    save_tensors(tmp_path / "c", {"turned": TENSORS["model.weight"].T}, {})
    assert load_tensors(tmp_path / "c")[0]["turned"].tolist() == [[0, 3], [1, 4], [2, 5]]


@pytest.mark.parametrize("method", ["write_bytes", "replace"])
def test_a_crash_while_writing_leaves_the_old_checkpoint(tmp_path, monkeypatch, method):
    path = tmp_path / "checkpoint"
    save_tensors(path, TENSORS, VALUES)
    before = path.read_bytes()
    inner = Path.write_bytes

    def crash(place: Path, *arguments: object) -> None:
        if method == "write_bytes":
            inner(place, b"half")
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, method, crash)
    with pytest.raises(OSError, match="no space"):
        save_tensors(path, {"other": torch.zeros(99)}, {"step": 8})
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("length", [0, 1, 7, 8, 40, -1])
def test_a_checkpoint_cut_short_is_refused(tmp_path, length):
    path = tmp_path / "checkpoint"
    save_tensors(path, TENSORS, VALUES)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ModelError, match="checkpoint is damaged"):
        load_tensors(path)


@pytest.mark.parametrize(
    "content", [b"text\n" * 20, save(TENSORS), save(TENSORS, metadata={"state": "{"})], ids=["text", "bare", "no JSON"]
)
def test_a_file_of_another_kind_is_refused(tmp_path, content):
    (tmp_path / "checkpoint").write_bytes(content)
    with pytest.raises(ModelError, match="checkpoint is damaged"):
        load_tensors(tmp_path / "checkpoint")


def test_a_flipped_bit_is_noticed(tmp_path):
    path = tmp_path / "checkpoint"
    save_tensors(path, TENSORS, VALUES)
    content = bytearray(path.read_bytes())
    content[-4] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelError, match="checkpoint"):
        load_tensors(path)
