"""Model folders: weights in safetensors, everything else in JSON, refused when damaged; no pickle anywhere."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from nlp_lstm.errors import ModelError
from nlp_lstm.files import write_json, write_text, write_whole

FORMAT = 1
"""Number of the folder's layout; raised when a change makes older programs misread it."""

WEIGHTS, CONFIG, VOCABULARY, LABELS, CARD = (
    "model.safetensors",
    "config.json",
    "vocab.json",
    "labels.json",
    "README.md",
)


@dataclass(frozen=True)
class ModelFolder:
    """What a model folder holds.

    Attributes:
        folder: where it is.
        config: the recipe's settings, the tokenizer's state and the format's number.
        tokens: the vocabulary, in id order.
        labels: the labels, in class order.
        weights: every tensor of the network, by name.
    """

    folder: Path
    config: Mapping[str, Any]
    tokens: Sequence[str]
    labels: Sequence[str]
    weights: Mapping[str, Tensor]


def write_description(folder: Path, *, config: Mapping[str, Any], tokens: Sequence[str], labels: Sequence[str]) -> None:
    """Write everything of a model but its weights."""
    write_json(folder / VOCABULARY, list(tokens))
    write_json(folder / LABELS, list(labels))
    checksums = {name: _checksum((folder / name).read_bytes()) for name in (VOCABULARY, LABELS)}
    write_json(folder / CONFIG, {"format": FORMAT, "checksums": checksums, **config})


def write_weights(folder: Path, model: nn.Module) -> None:
    """Write a model's weights, whole or not at all."""
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    header = {"checksum": _weights_checksum(weights)}
    write_whole(folder / WEIGHTS, lambda place: place.write_bytes(save(weights, metadata=header)))


def write_card(folder: Path, text: str) -> None:
    """Write the model's card."""
    write_text(folder / CARD, text)


def read_model(folder: Path) -> ModelFolder:
    """Return the content of a model folder, checked.

    Raises:
        ModelError: the folder is missing, damaged, foreign or of a later format; the message says which file.
    """
    if not folder.is_dir():
        raise ModelError(f"no model at {folder}: there is no such folder")
    config = _read_json(folder / CONFIG, dict)
    if config.get("format") != FORMAT:
        raise ModelError(f"{folder / CONFIG}: expected format {FORMAT}, found {config.get('format')!r}")
    for name, expected in config.get("checksums", {}).items():
        if _checksum(_read(folder / name)) != expected:
            raise ModelError(f"{folder / name} is damaged or of another model: its checksum is not the one noted")
    tokens, labels = _read_json(folder / VOCABULARY, list), _read_json(folder / LABELS, list)
    return ModelFolder(folder, config, tokens, labels, _read_weights(folder / WEIGHTS))


def load_weights(model: nn.Module, stored: ModelFolder) -> None:
    """Put stored weights into a network.

    Raises:
        ModelError: names or shapes differ; the message names the first.
    """
    expected = model.state_dict()
    place = stored.folder / WEIGHTS
    for name in sorted(expected.keys() ^ stored.weights.keys()):
        kind = "is missing from" if name in expected else "is unknown to the network of"
        raise ModelError(f"tensor {name} {kind} {place}")
    for name, tensor in expected.items():
        if tensor.shape != stored.weights[name].shape:
            shapes = f"expected {tuple(tensor.shape)}, found {tuple(stored.weights[name].shape)}"
            raise ModelError(f"tensor {name} of {place}: {shapes}")
    model.load_state_dict(dict(stored.weights))


def _read_weights(path: Path) -> dict[str, Tensor]:
    _read(path, limit=1)
    try:
        with safe_open(path, framework="pt") as file:
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            noted = (file.metadata() or {}).get("checksum")
    except SafetensorError as error:
        raise ModelError(f"{path} is damaged: {error}") from error
    if noted != _weights_checksum(weights):
        raise ModelError(f"{path} is damaged: its checksum is not the one noted")
    return weights


def _read(path: Path, *, limit: int = -1) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(limit)
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}; {path.parent} is no complete model folder") from error


def _read_json(path: Path, kind: type) -> Any:
    try:
        value = json.loads(_read(path))
    except ValueError as error:
        raise ModelError(f"{path} is damaged: {error}") from error
    if not isinstance(value, kind):
        raise ModelError(f"{path}: expected a JSON {kind.__name__}, found {type(value).__name__}")
    return value


def _checksum(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _weights_checksum(weights: Mapping[str, Tensor]) -> str:
    total = hashlib.blake2b(digest_size=16)
    for name in sorted(weights):
        total.update(name.encode())
        total.update(weights[name].numpy().data)
    return total.hexdigest()
