"""What goes along with the hypotheses of a search: tensors in any nesting whose rows can be put in another order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

S = TypeVar("S")


@dataclass(frozen=True, eq=False)
class PerSentence(Generic[S]):
    """A part of a state that all hypotheses of a sentence share, such as what the encoder says of it.

    Its tensors have a row for each sentence, not for each hypothesis: a search neither repeats nor moves it, and copies
    it only when a sentence leaves the batch. The step function tells by it how many hypotheses a sentence has.

    Attributes:
        value: tensors, nested as in any state.
    """

    value: S


def reorder(state: S, rows: Tensor, sentences: Tensor | None = None) -> S:
    """Return a state with its rows in another order; a row may come several times or not at all.

    Args:
        state: a tensor whose first axis is rows, None, `PerSentence`, or a tuple, named tuple or list of such.
        rows: which row stands at each place of the result, int64.
        sentences: the same for what is `PerSentence`; None leaves that as it is.

    Raises:
        TypeError: the state holds something else.
    """
    part: Any = state
    moved: Any
    if part is None:
        moved = None
    elif isinstance(part, Tensor):
        moved = part.index_select(0, rows)
    elif isinstance(part, PerSentence):
        moved = part if sentences is None else PerSentence(reorder(part.value, sentences))
    elif isinstance(part, tuple | list):
        inner = [reorder(each, rows, sentences) for each in part]
        moved = type(part)(*inner) if hasattr(part, "_fields") else type(part)(inner)
    else:
        raise TypeError(f"a state holds tensors, tuples, lists, PerSentence and None, not {type(part).__name__}")
    return moved


def device_of(state: Any) -> torch.device:
    """Return where the first tensor of a state lies; the CPU if it has none."""
    parts = [state]
    while parts:
        part = parts.pop(0)
        if isinstance(part, Tensor):
            return part.device
        if isinstance(part, PerSentence):
            parts.insert(0, part.value)
        elif isinstance(part, tuple | list):
            parts[:0] = part
    return torch.device("cpu")
