"""Model folders: weights in safetensors, everything else in JSON, refused when damaged; no pickle anywhere."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from nlp_lstm.errors import ModelError, UsageError
from nlp_lstm.files import write_json, write_text, write_whole
from nlp_lstm.tensor_file import load_tensors, save_tensors

FORMAT = 2
"""Number of the folder's layout; raised when a change makes older programs misread it."""

WEIGHTS, CONFIG, VOCABULARY, LABELS, CARD = (
    "model.safetensors",
    "config.json",
    "vocab.json",
    "labels.json",
    "README.md",
)

NAMES = (VOCABULARY, LABELS, CONFIG, WEIGHTS, CARD)
"""The files of a model; the card may be missing."""

RUN, LOG = "run.json", "log.jsonl"
"""What training leaves beside a model: the settings of the run when it begins, a line for each evaluation."""


@dataclass(frozen=True)
class ModelFolder:
    """What a model folder holds.

    Attributes:
        folder: where it is.
        config: the recipe's settings, the tokenizer's state and the format's number.
        vocabularies: by what they number.
        labels: by what they label, in class order.
        weights: every tensor of the network, by name.
    """

    folder: Path
    config: Mapping[str, Any]
    vocabularies: Mapping[str, Any]
    labels: Mapping[str, Any]
    weights: Mapping[str, Tensor]


@dataclass(frozen=True)
class ModelFiles:
    """The files of a model folder in memory, for what carries models elsewhere.

    Attributes:
        contents: what each file holds, by its name.
    """

    contents: Mapping[str, bytes]

    @classmethod
    def read(cls, folder: Path) -> ModelFiles:
        """Return the files of a model folder; what else lies there, such as the log of a run, is left out.

        Raises:
            ModelError: there is no such folder, it holds no model, or a file cannot be read.
        """
        if not folder.is_dir():
            raise ModelError(f"no model at {folder}: there is no such folder")
        found = {name: _read(path) for name in NAMES if (path := folder / name).is_file()}
        for name in NAMES:
            if name not in found and name != CARD:
                raise ModelError(f"{folder / name}: there is no such file; {folder} is no complete model folder")
        return cls(found)

    def write(self, folder: Path) -> None:
        """Write the files into a folder, in place of a model that is there.

        Raises:
            UsageError: the folder holds something else than a model, or is a file.
        """
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"{folder} is a file: give a folder")
        strangers = sorted({path.name for path in folder.iterdir()} - set(NAMES)) if folder.is_dir() else []
        if strangers:
            raise UsageError(f"{folder} holds {strangers[0]}, which is no part of a model: give another folder")
        for name in NAMES:
            if name in self.contents:
                write_whole(folder / name, partial(Path.write_bytes, data=self.contents[name]))
            else:
                (folder / name).unlink(missing_ok=True)


def write_description(
    folder: Path, *, config: Mapping[str, Any], vocabularies: Mapping[str, Any], labels: Mapping[str, Sequence[str]]
) -> None:
    """Write everything of a model but its weights."""
    write_json(folder / VOCABULARY, vocabularies)
    write_json(folder / LABELS, {name: list(those) for name, those in labels.items()})
    checksums = {name: _checksum((folder / name).read_bytes()) for name in (VOCABULARY, LABELS)}
    write_json(folder / CONFIG, {"format": FORMAT, "checksums": checksums, **config})


def write_weights(folder: Path, model: nn.Module) -> None:
    """Write a model's weights, whole or not at all."""
    save_tensors(folder / WEIGHTS, model.state_dict())


def write_card(folder: Path, text: str) -> None:
    """Write the model's card."""
    write_text(folder / CARD, text)


def read_model(folder: Path) -> ModelFolder:
    """Return the content of a model folder, checked.

    Raises:
        ModelError: the folder is missing, damaged, foreign or of a later format; the message says which file. Or it
            is that of a run that has not come to its first evaluation.
    """
    if not folder.is_dir():
        raise ModelError(f"no model at {folder}: there is no such folder")
    if (folder / RUN).is_file() and not (folder / WEIGHTS).exists() and not (folder / LOG).exists():
        raise ModelError(
            f"no model at {folder} yet: training there has not come to its first evaluation; "
            "the same nlp-lstm train line goes on with it"
        )
    config = _read_json(folder / CONFIG, dict)
    if config.get("format") != FORMAT:
        raise ModelError(f"{folder / CONFIG}: expected format {FORMAT}, found {config.get('format')!r}")
    checksums = config.get("checksums")
    for name in (VOCABULARY, LABELS):
        expected = checksums.get(name) if isinstance(checksums, dict) else None
        if _checksum(_read(folder / name)) != expected:
            raise ModelError(f"{folder / name} is damaged or of another model: its checksum is not the one in {CONFIG}")
    vocabularies, labels = _read_json(folder / VOCABULARY, dict), _read_json(folder / LABELS, dict)
    if not (folder / WEIGHTS).is_file():
        raise ModelError(f"{folder / WEIGHTS}: there is no such file; {folder} is no complete model folder")
    weights, _ = load_tensors(folder / WEIGHTS)
    return ModelFolder(folder, config, vocabularies, labels, weights)


def load_weights(model: nn.Module, stored: ModelFolder) -> None:
    """Put stored weights into a network, which may be on the meta device: it takes the stored tensors themselves.

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
    model.load_state_dict(dict(stored.weights), assign=True)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
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
