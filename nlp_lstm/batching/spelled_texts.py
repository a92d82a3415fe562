"""Training batches of texts with one target each, for a network that reads spellings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nlp_lstm.batching.labelled import LabelledBatches
from nlp_lstm.batching.spelled import Spelled, SpelledRows, spell


class SpelledTextBatch(NamedTuple):
    """Texts with their targets.

    Attributes:
        inputs: the texts.
        targets: class numbers, int64 (batch,).
    """

    inputs: Spelled
    targets: Tensor

    @property
    def n_tokens(self) -> int:
        """Words in the batch."""
        return int(self.inputs.mask.sum())

    def to(self, device: torch.device) -> SpelledTextBatch:
        """Return the batch on `device`."""
        return SpelledTextBatch(self.inputs.to(device), self.targets.to(device))


class SpelledTextBatches:
    """Epochs of labelled batches: those of `LabelledBatches`, with what is known of each spelling.

    Args:
        data: the texts; none is empty.
        targets: the class number of each text.
        batch_size: texts in a batch.
        seed: decides every order.
        max_tokens: of a longer text each epoch sees another random window of so many words.
    """

    def __init__(
        self, data: SpelledRows, targets: NDArray[np.int64], *, batch_size: int, seed: int, max_tokens: int
    ) -> None:
        self.data = data
        self._numbers = LabelledBatches(
            data.rows, targets, batch_size=batch_size, seed=seed, pad_id=0, max_tokens=max_tokens
        )

    @property
    def n_cut(self) -> int:
        """Texts of which an epoch sees a window only."""
        return self._numbers.n_cut

    @property
    def part(self) -> str:
        """What an epoch reads of those."""
        return self._numbers.part

    def __len__(self) -> int:
        """Batches in an epoch."""
        return len(self._numbers)

    def epoch(self, number: int, *, start: int = 0) -> Iterator[SpelledTextBatch]:
        """Yield the batches of epoch `number` (from 0), from its batch `start` on."""
        for batch in self._numbers.epoch(number, start=start):
            yield SpelledTextBatch(spell(self.data, batch.ids, batch.mask), batch.targets)
