"""A model folder comes back as it was written; a damaged, foreign or later one is refused with the file's name."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import nn

from nlp_lstm.errors import ModelError
from nlp_lstm.store import ModelFolder, load_weights, read_model, write_card, write_description, write_weights

CONFIG = {"task": "classify", "encoder": {"cell": "lstm"}, "note": "Zoë"}
TOKENS = ["<pad>", "<unk>", "fine", "日本", "\n", "\u2028", '"']
VOCABULARIES = {
    "words": {"specials": ["<pad>", "<unk>"], "tokens": TOKENS},
    "characters": {"specials": ["<unk>", "<pad>"], "tokens": ["<unk>", "<pad>", "é"]},
}
LABELS = {"tags": ["bad", "good"], "auxiliary": []}


def network() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(3, 2), nn.LayerNorm(2))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete model folder; nobody may write into it."""
    folder = tmp_path_factory.mktemp("model")
    write_description(folder, config=CONFIG, vocabularies=VOCABULARIES, labels=LABELS)
    write_weights(folder, network())
    write_card(folder, "# A model\n")
    return folder


@pytest.fixture
def model(written: Path, tmp_path: Path) -> Path:
    """A copy of it to damage."""
    return Path(shutil.copytree(written, tmp_path / "model"))


def same_weights(found: ModelFolder) -> bool:
    expected = network().state_dict()
    return found.weights.keys() == expected.keys() and all(
        found.weights[name].dtype == tensor.dtype and torch.equal(found.weights[name], tensor)
        for name, tensor in expected.items()
    )


def test_a_model_comes_back_as_it_was_written(written):
    found = read_model(written)
    assert same_weights(found)
    assert (found.vocabularies, found.labels, found.folder) == (VOCABULARIES, LABELS, written)
    assert (list(found.vocabularies), list(found.labels)) == (list(VOCABULARIES), list(LABELS))  # in their order
    assert {name: found.config[name] for name in CONFIG} == CONFIG
    assert found.config["format"] == 2


def test_a_model_folder_holds_these_files(written):
    assert sorted(path.name for path in written.iterdir()) == [
        "README.md",
        "config.json",
        "labels.json",
        "model.safetensors",
        "vocab.json",
    ]


def test_the_same_model_is_the_same_bytes(written, tmp_path):
    labels = {name: tuple(those) for name, those in LABELS.items()}
    write_description(tmp_path, config=CONFIG, vocabularies=VOCABULARIES, labels=labels)
    write_weights(tmp_path, network())
    for name in ("model.safetensors", "config.json", "vocab.json", "labels.json"):
        assert (tmp_path / name).read_bytes() == (written / name).read_bytes()


def test_the_card_is_for_people_a_model_needs_none(model):
    (model / "README.md").unlink()
    assert same_weights(read_model(model))


def test_stored_weights_go_into_a_network_of_the_same_shape(written):
    fresh = nn.Sequential(nn.Linear(3, 2), nn.LayerNorm(2))
    load_weights(fresh, read_model(written))
    assert all(torch.equal(fresh.state_dict()[name], tensor) for name, tensor in network().state_dict().items())


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (nn.Sequential(nn.Linear(3, 2)), r"tensor 1\.bias is unknown to the network of .*model\.safetensors"),
        (nn.Sequential(nn.Linear(3, 2), nn.LayerNorm(2), nn.Linear(2, 2)), r"tensor 2\.bias is missing from .*model"),
        (nn.Sequential(nn.Linear(4, 2), nn.LayerNorm(2)), r"tensor 0\.weight of .*: expected \(2, 4\), found \(2, 3\)"),
    ],
)
def test_weights_of_another_network_are_refused_with_the_first_difference(written, other, message):
    before = {name: tensor.clone() for name, tensor in other.state_dict().items()}
    with pytest.raises(ModelError, match=message):
        load_weights(other, read_model(written))
    assert all(torch.equal(before[name], tensor) for name, tensor in other.state_dict().items())


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"no model at .*nowhere: there is no such folder"):
        read_model(tmp_path / "nowhere")


def test_a_file_is_no_model_folder(tmp_path):
    (tmp_path / "file").write_text("text")
    with pytest.raises(ModelError, match=r"no model at .*file"):
        read_model(tmp_path / "file")


def test_a_foreign_folder_is_refused(tmp_path):
    (tmp_path / "pytorch_model.bin").write_bytes(b"PK")
    with pytest.raises(ModelError, match=r"config\.json: .*is no complete model folder"):
        read_model(tmp_path)


FOREIGN = ['{"architectures": ["BertModel"]}', "{}", '{"format": null}', '{"format": 1}', '{"format": 3}']


@pytest.mark.parametrize("content", FOREIGN)
def test_a_folder_of_another_kind_or_another_format_is_refused(model, content):
    (model / "config.json").write_text(content)
    with pytest.raises(ModelError, match=r"config\.json: expected format 2, found"):
        read_model(model)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def put_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES: dict[str, Callable[[Path], object]] = {
    "missing": Path.unlink,
    "empty": lambda path: path.write_bytes(b""),
    "cut": cut,
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"]"),
    "a flipped bit": flip,
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "other JSON": lambda path: path.write_text("3"),
    "binary": lambda path: path.write_bytes(bytes(range(256)) * 4),
    "a folder": put_folder,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
@pytest.mark.parametrize("name", ["model.safetensors", "vocab.json", "labels.json"])
def test_a_damaged_file_is_named(model, name, damage):
    damage(model / name)
    with pytest.raises(ModelError) as caught:
        read_model(model)
    assert str(model / name) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "damage", [pytest.param(each, id=name) for name, each in DAMAGES.items() if name != "a flipped bit"]
)
def test_a_damaged_config_is_named(model, damage):
    damage(model / "config.json")
    with pytest.raises(ModelError) as caught:
        read_model(model)
    assert str(model / "config.json") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_vocabulary_of_another_model_is_refused(model, tmp_path):
    other = {"words": {"specials": TOKENS[:2], "tokens": [*TOKENS[:2], "dull"]}}
    write_description(tmp_path / "other", config=CONFIG, vocabularies=other, labels=LABELS)
    shutil.copy(tmp_path / "other" / "vocab.json", model)
    with pytest.raises(ModelError, match=r"vocab\.json is damaged or of another model"):
        read_model(model)


@pytest.mark.parametrize("missing", ["vocab.json", "labels.json"])
def test_a_config_that_lost_a_checksum_is_refused(model, missing):
    # Otherwise a damaged key in one file would leave another one unchecked.
    config = json.loads((model / "config.json").read_text())
    del config["checksums"][missing]
    (model / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match=r"config\.json"):
        read_model(model)


def test_weights_without_a_checksum_are_refused(model):
    save_file(network().state_dict(), model / "model.safetensors")
    with pytest.raises(ModelError, match=r"model\.safetensors is damaged or not one of ours: its checksum"):
        read_model(model)


def test_foreign_weights_in_another_number_format_are_refused(model):
    save_file({"weight": torch.zeros(2, dtype=torch.bfloat16)}, model / "model.safetensors")
    with pytest.raises(ModelError, match=r"model\.safetensors"):
        read_model(model)


def read_damaged(folder: Path, content: bytes) -> ModelFolder | None:
    """Return what is read when the weights' file holds `content`, None where it is refused by name."""
    (folder / "model.safetensors").write_bytes(content)
    try:
        return read_model(folder)
    except ModelError as error:
        assert str(folder / "model.safetensors") in str(error)
        return None


def test_wherever_a_bit_of_the_weights_flips_it_is_noticed_or_changes_nothing(model):
    content = (model / "model.safetensors").read_bytes()
    for place in range(len(content)):
        flipped = content[:place] + bytes([content[place] ^ 1 << place % 8]) + content[place + 1 :]
        found = read_damaged(model, flipped)
        assert found is None or same_weights(found), place


@given(st.data())
def test_whichever_byte_of_the_weights_changes_it_is_noticed_or_changes_nothing(written, tmp_path_factory, data):
    content = (written / "model.safetensors").read_bytes()
    folder = Path(shutil.copytree(written, tmp_path_factory.mktemp("damaged") / "model"))
    place, byte = data.draw(st.integers(0, len(content) - 1)), data.draw(st.integers(0, 255))
    found = read_damaged(folder, content[:place] + bytes([byte]) + content[place + 1 :])
    assert found is None or same_weights(found)


@pytest.mark.parametrize("kind", [b"I32", b"U32"])
def test_numbers_read_as_another_kind_are_noticed(model, kind):
    # One changed letter of the header turns each float into an integer of as many bits.
    content = (model / "model.safetensors").read_bytes()
    assert read_damaged(model, content.replace(b"F32", kind, 1)) is None


@pytest.mark.parametrize("method", ["write_bytes", "replace"])
def test_a_crash_while_writing_the_weights_leaves_the_old_ones(model, monkeypatch, method):
    inner = Path.write_bytes

    def crash(place: Path, *arguments: object) -> None:
        if method == "write_bytes":
            inner(place, b"half")
        raise OSError("no space left on device")

    before = sorted(path.name for path in model.iterdir())
    monkeypatch.setattr(Path, method, crash)
    with pytest.raises(OSError, match="no space"):
        write_weights(model, nn.Linear(9, 9))
    monkeypatch.undo()
    assert same_weights(read_model(model))
    assert sorted(path.name for path in model.iterdir()) == before
