"""The strongest answer of each filter anywhere in a row of characters, by compiled loops: on the CPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nlp_lstm.nn.machine_code import machine_code

WIDTHS = (2, 3, 4, 5)
"""How many characters filters look at together; as many filters for each width."""

Floats = NDArray[np.float32]
Numbers = NDArray[np.int64]


def strongest_windows(table: Tensor, characters: Tensor) -> Tensor:
    """Return the strongest answer of each filter to a spelling, float32 (spellings, widths · filters); differentiable.

    What a filter answers to a window is the sum of what it answers to each character at its place there. These terms
    are the same in all windows, so they come in a table; and back through the maximum goes only the window that won.

    A window wider than a spelling reads padding too; any other lies within it.

    Args:
        table: the answer to each character at each place of the filters of each width, those of the first width first,
            float32 (characters, sum of the widths, filters); the row of padding, 0, is zero.
        characters: ids, int64 (spellings, length), padded on the right with zeros to at least the largest width.

    Raises:
        IndexError: an id is out of range.
    """
    found: Tensor = _Strongest.apply(table, characters)  # type: ignore[no-untyped-call]
    return found.flatten(1)


class _Strongest(torch.autograd.Function):
    """The maximum over the windows of each spelling, (spellings, widths, filters), and where it stands."""

    @staticmethod
    def forward(context: Any, table: Tensor, characters: Tensor) -> Tensor:
        characters = characters.contiguous()
        best = table.new_empty(len(characters), len(WIDTHS), table.shape[2])
        places = torch.empty_like(best, dtype=torch.int64)
        _find(table.contiguous().numpy(), characters.numpy(), best.numpy(), places.numpy())
        context.save_for_backward(characters, places)
        context.shape = table.shape
        return best

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        characters, places = context.saved_tensors
        slopes = gradients[0].new_zeros(context.shape)
        _add_up(gradients[0].contiguous().numpy(), characters.numpy(), places.numpy(), slopes.numpy())
        return slopes, None


@machine_code()
def _find(table: Floats, characters: Numbers, best: Floats, places: Numbers) -> None:
    """Fill `best` and `places` (spellings, widths, filters): the strongest answers, and where their windows begin."""
    filters = table.shape[2]
    answers = np.empty(filters, dtype=np.float32)
    for row in range(len(characters)):
        length = _length(characters, row, len(table))
        before = 0  # places of the narrower filters
        for kind, width in enumerate(WIDTHS):
            for place in range(max(1, length - width + 1)):
                for filter_ in range(filters):
                    answers[filter_] = table[characters[row, place], before, filter_]
                for step in range(1, width):
                    for filter_ in range(filters):
                        answers[filter_] += table[characters[row, place + step], before + step, filter_]
                for filter_ in range(filters):
                    better = place == 0 or answers[filter_] > best[row, kind, filter_]
                    best[row, kind, filter_] = answers[filter_] if better else best[row, kind, filter_]
                    places[row, kind, filter_] = place if better else places[row, kind, filter_]
            before += width


@machine_code()
def _length(characters: Numbers, row: int, n_characters: int) -> int:
    """Return how many characters a spelling has; see that each of them exists."""
    length = 0
    while length < characters.shape[1] and characters[row, length] != 0:
        if characters[row, length] < 0 or characters[row, length] >= n_characters:
            raise IndexError("a character is out of range")
        length += 1
    return length


@machine_code()
def _add_up(gradients: Floats, characters: Numbers, places: Numbers, slopes: Floats) -> None:
    """Add the gradient of each strongest answer to `slopes`, that by the table, at the characters of its window."""
    for row in range(len(characters)):
        before = 0
        for kind, width in enumerate(WIDTHS):
            for filter_ in range(gradients.shape[2]):
                gradient, place = gradients[row, kind, filter_], places[row, kind, filter_]
                for step in range(width):
                    character = characters[row, place + step]
                    if character != 0:
                        slopes[character, before + step, filter_] += gradient
            before += width
