"""Sentence pairs: rows of both sides, and the training batches of a translator."""

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
from nlp_lstm.batching.pieces import split_pieces


@dataclass(frozen=True, eq=False)
class PairRows:
    """The ids of sentences and of their translations.

    Attributes:
        source: ids of each sentence, none of them empty.
        target: ids of its translation, without begin and end.
    """

    source: Sequence[NDArray[np.int32]]
    target: Sequence[NDArray[np.int32]]

    def __len__(self) -> int:
        return len(self.source)


class PairBatch(NamedTuple):
    """Padded pairs, as `nlp_lstm.nn.translator.Translator.loss` takes them.

    Attributes:
        source: ids, int64 (batch, source_time).
        source_mask: True at real tokens, bool (batch, source_time).
        inputs: the begin id, then the translation, int64 (batch, target_time).
        targets: the translation, then the end id unless more of it was cut off, int64 (batch, target_time).
        target_mask: True at real targets, the end counted, bool (batch, target_time).
    """

    source: Tensor
    source_mask: Tensor
    inputs: Tensor
    targets: Tensor
    target_mask: Tensor

    @property
    def n_tokens(self) -> int:
        """Targets in the batch, the ends counted."""
        return int(self.target_mask.sum())

    def to(self, device: torch.device) -> PairBatch:
        """Return the batch on `device`."""
        return PairBatch(*(tensor.to(device) for tensor in self))


class PairBatches:
    """Epochs of batches of pairs, bucketed by both lengths and shuffled by seed and epoch number.

    Args:
        rows: the pairs.
        batch_size: pairs in a batch.
        seed: decides every order.
        pad_id: the id of padding, the same on both sides.
        begin_id: what a translation is begun with.
        end_id: what ends it.
        max_tokens: of a longer side no more than the first so many tokens are read; what they are to be
            followed by is then the next token, not the end.
        halves: of the pieces of the source and of the target, as `split_pieces` takes them, where each epoch is to
            split pieces anew; None leaves them whole.
        split: the probability that a piece is split.
    """

    def __init__(
        self,
        rows: PairRows,
        *,
        batch_size: int,
        seed: int,
        pad_id: int,
        begin_id: int,
        end_id: int,
        max_tokens: int,
        halves: tuple[NDArray[np.int32], NDArray[np.int32]] | None = None,
        split: float = 0.0,
    ) -> None:
        self.rows, self.batch_size, self.seed, self.max_tokens = rows, batch_size, seed, max_tokens
        self.pad_id, self.begin_id, self.end_id = pad_id, begin_id, end_id
        self.halves, self.split = halves, split

    @property
    def n_cut(self) -> int:
        """Pairs of which the beginning only is read, in the first epoch."""
        rows = self._spelled(0)
        source, target = _lengths(rows.source), _lengths(rows.target)
        return int(((source > self.max_tokens) | (target > self.max_tokens)).sum())

    @property
    def part(self) -> str:
        """What an epoch reads of those."""
        return "the beginning"

    def __len__(self) -> int:
        """Batches in an epoch."""
        return -(-len(self.rows) // self.batch_size)

    def epoch(self, number: int, *, start: int = 0) -> Iterator[PairBatch]:
        """Yield the batches of epoch `number` (from 0), from its batch `start` on."""
        rows = self._spelled(number)
        source, target = (np.minimum(_lengths(side), self.max_tokens) for side in (rows.source, rows.target))
        # Sorted by the target first, which costs most; pairs of one target length by the source.
        lengths = target * (self.max_tokens + 1) + source
        for chosen in shuffled_batches(lengths, batch_size=self.batch_size, seed=self.seed, epoch=number)[start:]:
            yield self._batch(rows, chosen)

    def _spelled(self, number: int) -> PairRows:
        """Return the pairs as epoch `number` reads them."""
        if self.halves is None:
            return self.rows
        random = np.random.default_rng((self.seed, number, 1))  # another stream than the one that shuffles
        sides = zip((self.rows.source, self.rows.target), self.halves, strict=True)
        return PairRows(*(split_pieces(side, halves, self.split, random) for side, halves in sides))

    def _batch(self, rows: PairRows, chosen: NDArray[np.int64]) -> PairBatch:
        source, source_mask = pad_ids([rows.source[row][: self.max_tokens] for row in chosen], pad_id=self.pad_id)
        targets = [rows.target[row][: self.max_tokens + 1] for row in chosen]
        begun = [np.concatenate([[self.begin_id], ids[: self.max_tokens]]).astype(np.int32) for ids in targets]
        ended = [np.concatenate([ids, [self.end_id]])[: self.max_tokens + 1].astype(np.int32) for ids in targets]
        inputs, mask = pad_ids(begun, pad_id=self.pad_id)
        return PairBatch(source, source_mask, inputs, pad_ids(ended, pad_id=self.pad_id).ids, mask)


def _lengths(rows: Sequence[NDArray[np.int32]]) -> NDArray[np.int64]:
    return np.array([len(ids) for ids in rows], dtype=np.int64)
