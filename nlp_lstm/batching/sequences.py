"""Sequences of vectors or symbols with answers at some steps, as rectangles, and batches of them without end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nlp_lstm.batching.padding import rounded_length


class AskedSequence(Protocol):
    """A sequence, and what is asked at some of its steps."""

    @property
    def inputs(self) -> NDArray[np.generic]:
        """Vectors (time, inputs), or the numbers of symbols, int64 (time,)."""
        ...

    @property
    def asked(self) -> NDArray[np.bool_]:
        """True at the steps at which something is asked, (time,)."""
        ...

    @property
    def targets(self) -> NDArray[np.generic]:
        """The answers, (asked, …)."""
        ...


class Endless(Protocol):
    """Sequences without end."""

    def number(self, number: int) -> AskedSequence:
        """Return the sequence of a number, from 0; the same one each time."""
        ...


@dataclass(frozen=True)
class SequenceBatch:
    """Sequences as a rectangle, with what is asked of them.

    Attributes:
        inputs: float32 (batch, time, inputs), padding on the right.
        mask: True at real steps, bool (batch, time).
        asked: True at the steps at which something is asked, bool (batch, time).
        targets: the answers, row by row, (asked, …).
    """

    inputs: Tensor
    mask: Tensor
    asked: Tensor
    targets: Tensor

    @property
    def n_tokens(self) -> int:
        """Real steps in the batch."""
        return int(self.mask.sum())

    def to(self, device: torch.device) -> SequenceBatch:
        """Return the batch on `device`."""
        parts = (self.inputs, self.mask, self.asked, self.targets)
        return SequenceBatch(*(part.to(device) for part in parts))


def pad_sequences(sequences: Sequence[AskedSequence], *, input_size: int) -> SequenceBatch:
    """Return sequences, none of them empty, as one padded rectangle; symbols become one-hot vectors.

    Args:
        sequences: at least one.
        input_size: width of a vector, or the number of symbols.

    Raises:
        ValueError: there is no sequence, or one is empty.
    """
    lengths = [len(sequence.inputs) for sequence in sequences]
    if min(lengths, default=0) == 0:
        raise ValueError("every sequence must hold at least one step, and there must be a sequence")
    time = rounded_length(max(lengths))
    inputs = np.zeros((len(sequences), time, input_size), np.float32)
    asked = np.zeros((len(sequences), time), np.bool_)
    for row, (sequence, length) in enumerate(zip(sequences, lengths, strict=True)):
        asked[row, :length] = sequence.asked
        if sequence.inputs.ndim == 1:
            inputs[row, np.arange(length), sequence.inputs] = 1.0
        else:
            inputs[row, :length] = sequence.inputs
    mask = np.arange(time) < np.array(lengths)[:, None]  # (batch, time)
    targets = np.concatenate([sequence.targets for sequence in sequences])
    return SequenceBatch(*map(torch.from_numpy, (inputs, mask, asked, targets)))


@dataclass(frozen=True)
class SequenceBatches:
    """Batches of sequences that have no end, in their order: batch n of epoch m is always the same.

    Attributes:
        sequences: gives the sequence of any number.
        size: how many sequences are about an epoch.
        batch_size: sequences in a batch.
        input_size: width of a vector, or the number of symbols.
    """

    sequences: Endless
    size: int
    batch_size: int
    input_size: int
    n_cut: ClassVar[int] = 0
    part: ClassVar[str] = "all"

    def __len__(self) -> int:
        """Return the batches in what is called an epoch."""
        return max(1, self.size // self.batch_size)

    def epoch(self, number: int, *, start: int = 0) -> Iterator[SequenceBatch]:
        """Yield the batches of epoch `number` from its batch `start` on."""
        for batch in range(number * len(self) + start, (number + 1) * len(self)):
            numbers = range(batch * self.batch_size, (batch + 1) * self.batch_size)
            yield pad_sequences([self.sequences.number(each) for each in numbers], input_size=self.input_size)
