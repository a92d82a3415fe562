"""Tensors and plain values in one safetensors file: written whole, read without pickle, refused when damaged."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from nlp_lstm.errors import ModelError
from nlp_lstm.files import write_whole

HEADER = "nlp_lstm"
"""The entry of the file's header that holds the checksum and, after a blank, the values as JSON."""


def save_tensors(path: Path, tensors: Mapping[str, Tensor], values: Mapping[str, Any] | None = None) -> None:
    """Write tensors, and JSON values in the file's header, whole or not at all."""
    ready = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    text = json.dumps(dict(values or {}), sort_keys=True)
    # one entry: safetensors writes several in no fixed order
    content = save(ready, metadata={HEADER: f"{_checksum(ready, text)} {text}"})
    write_whole(path, lambda place: place.write_bytes(content))


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors and the values of a file.

    Raises:
        ModelError: the file is missing, damaged or not written by `save_tensors`.
    """
    try:
        with path.open("rb"):
            pass  # an error of the system is told apart from a damaged content
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            header = (file.metadata() or {}).get(HEADER, "")
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror or error}") from error
    except SafetensorError as error:
        raise ModelError(f"{path} is damaged: {error}") from error
    checksum, _, text = header.partition(" ")
    if checksum != _checksum(tensors, text):
        raise ModelError(f"{path} is damaged or not one of ours: its checksum is not the one noted in it")
    return tensors, json.loads(text)


def _checksum(tensors: Mapping[str, Tensor], text: str) -> str:
    total = hashlib.blake2b(text.encode(), digest_size=16)
    for name in sorted(tensors):
        tensor = tensors[name]
        total.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        total.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()
