"""Sentences of words with spellings: rows, padded batches, and the training batches of a tagger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nlp_lstm.batching.buckets import shuffled_batches
from nlp_lstm.batching.padding import pad_ids

LONGEST_SPELLING = 32
"""Characters of a word that are read; of a longer one the first and the last half so many."""


SHORTEST_SPELLING = 5
"""Characters that the shortest is padded to, as what reads them looks at so many together."""


@dataclass(frozen=True, eq=False)
class SpelledRows:
    """Sentences as numbers of spellings, and what is known of each spelling.

    Attributes:
        rows: the spelling of each word of each sentence.
        words: the vocabulary's id of each spelling, int64 (spellings,).
        casings: its kind of casing, int64 (spellings,).
        characters: the ids of its characters, each row at least one.
    """

    rows: Sequence[NDArray[np.int32]]
    words: NDArray[np.int64]
    casings: NDArray[np.int64]
    characters: Sequence[NDArray[np.int32]]

    def __len__(self) -> int:
        return len(self.rows)


class Spelled(NamedTuple):
    """Padded sentences, as `nlp_lstm.nn.tagger.Tagger` takes them."""

    ids: Tensor
    mask: Tensor
    spellings: Tensor
    characters: Tensor
    casings: Tensor

    def to(self, device: torch.device) -> Spelled:
        """Return the sentences on `device`."""
        return Spelled(*(tensor.to(device) for tensor in self))


class TaggedBatch(NamedTuple):
    """Sentences with their tags.

    Attributes:
        inputs: the sentences.
        tags: tag numbers, int64 (batch, time); 0 at padding.
        auxiliary: those of the second kind, or None.
    """

    inputs: Spelled
    tags: Tensor
    auxiliary: Tensor | None

    @property
    def n_tokens(self) -> int:
        """Words in the batch."""
        return int(self.inputs.mask.sum())

    def to(self, device: torch.device) -> TaggedBatch:
        """Return the batch on `device`."""
        second = None if self.auxiliary is None else self.auxiliary.to(device)
        return TaggedBatch(self.inputs.to(device), self.tags.to(device), second)


def pad_spelled(data: SpelledRows, chosen: Sequence[int] | NDArray[np.int64], windows: Sequence[slice] = ()) -> Spelled:
    """Return the chosen sentences, none of them empty, padded; each distinct spelling stands in the batch once.

    Args:
        data: the sentences.
        chosen: numbers of rows.
        windows: the part of each row to take; by default all of it.
    """
    rows = [data.rows[row] for row in chosen]
    if windows:
        rows = [row[window] for row, window in zip(rows, windows, strict=True)]
    return spell(data, *pad_ids(rows, pad_id=0))


def spell(data: SpelledRows, numbers: Tensor, mask: Tensor) -> Spelled:
    """Return padded sentences with what is known of their spellings; each distinct one stands in the batch once.

    Args:
        data: what is known of each spelling.
        numbers: the spelling of each word, int64 (batch, time).
        mask: True at real words, bool (batch, time).
    """
    distinct, places = np.unique(numbers[mask].numpy(), return_inverse=True)
    spellings = torch.zeros_like(numbers)
    spellings[mask] = torch.from_numpy(places)
    ids = torch.from_numpy(data.words[distinct])[spellings]  # (batch, time)
    characters = _pad_characters([data.characters[number] for number in distinct])
    casings = torch.from_numpy(data.casings[distinct])
    return Spelled(ids, mask, spellings, characters, casings)


def _pad_characters(rows: Sequence[NDArray[np.int32]]) -> Tensor:
    """Return characters with zeros behind the last, int64 (spellings, length)."""
    half = LONGEST_SPELLING // 2
    cut = [row if len(row) <= LONGEST_SPELLING else np.concatenate([row[:half], row[-half:]]) for row in rows]
    lengths = np.array([len(row) for row in cut])
    padded = np.zeros((len(cut), max(SHORTEST_SPELLING, int(lengths.max()))), dtype=np.int64)
    padded[np.arange(padded.shape[1]) < lengths[:, None]] = np.concatenate(cut)
    return torch.from_numpy(padded)


class Edges(NamedTuple):
    """What a tag becomes where a window cuts between it and its neighbour, tag numbers, int32 (tags,).

    Attributes:
        first: what it becomes as the first of a window.
        last: what it becomes as the last of one.
    """

    first: NDArray[np.int32]
    last: NDArray[np.int32]


class TaggedBatches:
    """Epochs of tagged batches, each bucketed by length and shuffled by seed and epoch number.

    Args:
        data: the sentences; none is empty.
        tags: the tag numbers of each sentence.
        auxiliary: those of the second kind, or None.
        batch_size: sentences in a batch.
        seed: decides every order.
        max_tokens: of a longer sentence each epoch sees another random window of so many words.
        edges: what `tags` become at the ends of a window, so that a chunk that is cut is a whole one there; None
            leaves them as they are.
    """

    def __init__(
        self,
        data: SpelledRows,
        tags: Sequence[NDArray[np.int32]],
        auxiliary: Sequence[NDArray[np.int32]] | None,
        *,
        batch_size: int,
        seed: int,
        max_tokens: int,
        edges: Edges | None = None,
    ) -> None:
        self.data, self.tags, self.auxiliary, self.edges = data, tags, auxiliary, edges
        self.batch_size, self.seed, self.max_tokens = batch_size, seed, max_tokens
        full = np.array([len(row) for row in data.rows], dtype=np.int64)
        self._spare = np.maximum(0, full - max_tokens)  # how far a window can move
        self._lengths = np.minimum(full, max_tokens)

    @property
    def n_cut(self) -> int:
        """Sentences of which an epoch sees a window only."""
        return int((self._spare > 0).sum())

    @property
    def part(self) -> str:
        """What an epoch reads of those."""
        return "another window"

    def __len__(self) -> int:
        """Batches in an epoch."""
        return -(-len(self.data) // self.batch_size)

    def epoch(self, number: int, *, start: int = 0) -> Iterator[TaggedBatch]:
        """Yield the batches of epoch `number` (from 0), from its batch `start` on."""
        batches = shuffled_batches(self._lengths, batch_size=self.batch_size, seed=self.seed, epoch=number)
        starts = np.random.default_rng((self.seed, number, 1)).integers(0, self._spare + 1)
        for chosen in batches[start:]:
            windows = [slice(begin, begin + self.max_tokens) for begin in starts[chosen].tolist()]
            inputs = pad_spelled(self.data, chosen, windows)
            tags = _pad_tags(self.tags, chosen, windows, self.edges)
            second = None if self.auxiliary is None else _pad_tags(self.auxiliary, chosen, windows)
            yield TaggedBatch(inputs, tags, second)


def _pad_tags(
    tags: Sequence[NDArray[np.int32]],
    chosen: NDArray[np.int64],
    windows: Sequence[slice],
    edges: Edges | None = None,
) -> Tensor:
    return pad_ids([_cut(tags[row], window, edges) for row, window in zip(chosen, windows, strict=True)], pad_id=0).ids


def _cut(tags: NDArray[np.int32], window: slice, edges: Edges | None) -> NDArray[np.int32]:
    """Return the tags of a window, those at its ends as `edges` wants them."""
    cut = tags[window]
    if edges is None or len(cut) == len(tags):
        return cut
    cut = cut.copy()
    cut[0] = edges.first[cut[0]]
    cut[-1] = edges.last[cut[-1]]
    return cut
