"""Training batches of texts with one target each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nlp_lstm.batching.buckets import shuffled_batches
from nlp_lstm.batching.padding import pad_ids


class LabelledBatch(NamedTuple):
    """Texts with their targets.

    Attributes:
        ids: int64 (batch, time).
        mask: bool (batch, time), True at real tokens.
        targets: class numbers, int64 (batch,).
    """

    ids: Tensor
    mask: Tensor
    targets: Tensor

    @property
    def n_tokens(self) -> int:
        """Real tokens in the batch."""
        return int(self.mask.sum())

    def to(self, device: torch.device) -> LabelledBatch:
        """Return the batch on `device`."""
        return LabelledBatch(*(tensor.to(device) for tensor in self))


class LabelledBatches:
    """Epochs of labelled batches, each bucketed by length and shuffled by seed and epoch number.

    Args:
        rows: the token ids of each text; none is empty.
        targets: the class number of each text.
        batch_size: texts in a batch.
        seed: decides every order.
        pad_id: the id of padding.
        max_tokens: of a longer text each epoch sees another random window of so many tokens.
    """

    def __init__(
        self,
        rows: Sequence[NDArray[np.int32]],
        targets: NDArray[np.int64],
        *,
        batch_size: int,
        seed: int,
        pad_id: int,
        max_tokens: int,
    ) -> None:
        self.rows = rows
        self.targets = targets
        self.max_tokens = max_tokens
        self.batch_size = batch_size
        self.seed = seed
        self.pad_id = pad_id
        full = np.array([len(row) for row in rows], dtype=np.int64)
        self._spare = np.maximum(0, full - max_tokens)  # how far a window can move
        self._lengths = np.minimum(full, max_tokens)

    @property
    def n_cut(self) -> int:
        """Texts of which an epoch sees a window only."""
        return int((self._spare > 0).sum())

    @property
    def part(self) -> str:
        """What an epoch reads of those."""
        return "another window"

    def __len__(self) -> int:
        """Batches in an epoch."""
        return -(-len(self.rows) // self.batch_size)

    def epoch(self, number: int, *, start: int = 0) -> Iterator[LabelledBatch]:
        """Yield the batches of epoch `number` (from 0), from its batch `start` on."""
        batches = shuffled_batches(self._lengths, batch_size=self.batch_size, seed=self.seed, epoch=number)
        starts = np.random.default_rng((self.seed, number, 1)).integers(0, self._spare + 1)
        for chosen in batches[start:]:
            windows = [self.rows[row][starts[row] : starts[row] + self.max_tokens] for row in chosen]
            ids, mask = pad_ids(windows, pad_id=self.pad_id)
            yield LabelledBatch(ids, mask, torch.from_numpy(self.targets[chosen]))
