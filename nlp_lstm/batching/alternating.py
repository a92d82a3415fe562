"""Training batches of several tasks, one after the other in turn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray


class PartBatches(Protocol):
    """The batches of one part."""

    @property
    def n_cut(self) -> int:
        """Rows that an epoch does not read whole."""
        ...

    @property
    def part(self) -> str:
        """What an epoch reads of those, for people."""
        ...

    def __len__(self) -> int:
        """Batches in an epoch."""
        ...

    def epoch(self, number: int, *, start: int = 0) -> Iterator[Any]:
        """Yield the batches of epoch `number`, from its batch `start` on."""
        ...


class PartBatch(NamedTuple):
    """A batch, and which part it is of."""

    part: str
    batch: Any

    @property
    def n_tokens(self) -> int:
        """Real tokens in the batch."""
        return int(self.batch.n_tokens)

    def to(self, device: torch.device) -> PartBatch:
        """Return the batch on `device`."""
        return PartBatch(self.part, self.batch.to(device))


class AlternatingBatches:
    """Epochs in which the batches of several parts alternate, each part's at equal distances.

    Of a part of n batches and weight w an epoch has round(n · w), at least one; they go on where its last epoch ended.

    Args:
        parts: the batches of each part.
        weights: how often an epoch goes through each part's data.
    """

    def __init__(self, parts: Mapping[str, PartBatches], weights: Mapping[str, float]) -> None:
        self.parts = parts
        self._counts = {name: max(1, round(len(batches) * weights[name])) for name, batches in parts.items()}
        self._order = _alternate(list(self._counts.values()))
        self._names = list(self._counts)

    @property
    def n_cut(self) -> int:
        """Rows that an epoch does not read whole."""
        return sum(batches.n_cut for batches in self.parts.values())

    @property
    def part(self) -> str:
        """What an epoch reads of those."""
        return ", or ".join(dict.fromkeys(batches.part for batches in self.parts.values()))

    def __len__(self) -> int:
        """Batches in an epoch."""
        return len(self._order)

    def epoch(self, number: int, *, start: int = 0) -> Iterator[PartBatch]:
        """Yield the batches of epoch `number` (from 0), from its batch `start` on."""
        before = np.bincount(self._order[:start], minlength=len(self._names)).tolist()
        streams = [
            _from_batch(self.parts[name], number * self._counts[name] + skipped)
            for name, skipped in zip(self._names, before, strict=True)
        ]
        for part in self._order[start:].tolist():
            yield PartBatch(self._names[part], next(streams[part]))


def _alternate(counts: list[int]) -> NDArray[np.int64]:
    """Return numbers of parts, each as often as told and at equal distances; where two meet, the earlier part first.

    >>> _alternate([2, 4]).tolist()
    [1, 0, 1, 1, 0, 1]
    """
    places = np.concatenate([(np.arange(count) + 0.5) / count for count in counts])
    parts = np.repeat(np.arange(len(counts)), counts)
    return parts[np.argsort(places, kind="stable")]


def _from_batch(batches: PartBatches, place: int) -> Iterator[Any]:
    """Yield batches without end, epoch after epoch, from a place on that is counted over all epochs."""
    epoch, start = divmod(place, len(batches))
    while True:
        yield from batches.epoch(epoch, start=start)
        epoch, start = epoch + 1, 0
