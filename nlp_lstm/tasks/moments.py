"""Where a text stands that a language model writes: all that its next token hangs on, in memory and in a file."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from nlp_lstm.errors import ModelError
from nlp_lstm.nn.language_model import State
from nlp_lstm.tensor_file import load_tensors, save_tensors


@dataclass(frozen=True, eq=False)
class Moment:
    """Where a text stands: all that its next token hangs on.

    Attributes:
        text: what was read and shown so far; characters that are not whole yet are left out.
        ids: its tokens, int64 (tokens,).
        state: the memory of the network.
        log_probs: of what comes next, float32 (vocab,).
        rest: bytes of a character that is not whole yet.
        hidden: what the network has read behind `text` that was not shown, such as a stop string; it comes first when
            the text goes on.
    """

    text: str
    ids: Tensor = field(repr=False)
    state: State = field(repr=False)
    log_probs: Tensor = field(repr=False)
    rest: bytes = b""
    hidden: str = ""

    def revealed(self) -> Moment:
        """Return the moment with all of its text."""
        return replace(self, text=self.text + self.hidden, hidden="") if self.hidden else self

    def hiding(self, n: int) -> Moment:
        """Return the moment, of which nothing is hidden, without the last `n` characters of its text."""
        shown = len(self.text) - n
        return replace(self, text=self.text[:shown], hidden=self.text[shown:]) if n else self


class Kept(NamedTuple):
    """What a file holds.

    Attributes:
        text: of the moment.
        moment: the moment; None if it was written with another model, which knows the text only.
    """

    text: str
    moment: Moment | None


def save_moment(path: Path, moment: Moment, *, model: str) -> None:
    """Write a moment to a file; `model` tells its model from others."""
    tensors = {f"state.{place}": part for place, part in enumerate(moment.state)}
    tensors |= {"ids": moment.ids, "log_probs": moment.log_probs}
    values = {"text": moment.text, "hidden": moment.hidden, "rest": moment.rest.hex(), "model": model}
    save_tensors(path, tensors, values)


def load_moment(path: Path, *, model: str, device: torch.device) -> Kept:
    """Return what a file holds for the model that is named, the state on `device`.

    Raises:
        ModelError: the file is missing or damaged.
    """
    tensors, values = load_tensors(path)
    if not {"text", "hidden", "rest", "model"} <= set(values):
        raise ModelError(f"{path}: holds no moment of a text")
    text, hidden = values["text"], values["hidden"]
    if values["model"] != model:
        return Kept(text, None)
    state = tuple(tensors[f"state.{place}"].to(device) for place in range(len(tensors) - 2))
    rest = bytes.fromhex(values["rest"])
    return Kept(text, Moment(text, tensors["ids"], state, tensors["log_probs"], rest, hidden))
