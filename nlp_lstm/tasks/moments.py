"""Where a text stands that a language model writes: all that its next token hangs on, in memory and in a file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from nlp_lstm.errors import ModelError
from nlp_lstm.nn.language_model import State
from nlp_lstm.tensor_file import load_tensors, save_tensors


@dataclass(frozen=True, eq=False)
class Moment:
    """Where a text stands: all that its next token hangs on.

    Attributes:
        text: what was read and shown so far; characters that are not whole yet, and a stop string, are left out.
        ids: its tokens, int64 (tokens,).
        state: the memory of the network.
        log_probs: of what comes next, float32 (vocab,).
        rest: bytes of a character that is not whole yet.
    """

    text: str
    ids: Tensor = field(repr=False)
    state: State = field(repr=False)
    log_probs: Tensor = field(repr=False)
    rest: bytes = b""


def save_moment(path: Path, moment: Moment, *, model: str) -> None:
    """Write a moment to a file; `model` tells its model from others."""
    tensors = {f"state.{place}": part for place, part in enumerate(moment.state)}
    tensors |= {"ids": moment.ids, "log_probs": moment.log_probs}
    save_tensors(path, tensors, {"text": moment.text, "rest": moment.rest.hex(), "model": model})


def load_moment(path: Path, *, model: str, device: torch.device) -> Moment:
    """Return the moment of a file, the state on `device`.

    Raises:
        ModelError: the file is missing, damaged, or was written with another model than the one named.
    """
    tensors, values = load_tensors(path)
    if values.get("model") != model:
        raise ModelError(f"{path}: is not of this model")
    state = tuple(tensors[f"state.{place}"].to(device) for place in range(len(tensors) - 2))
    return Moment(values["text"], tensors["ids"], state, tensors["log_probs"], bytes.fromhex(values["rest"]))
