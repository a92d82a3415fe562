"""The tokens of many texts as flat arrays of numbers."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray

from nlp_lstm.text.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True, eq=False)
class IdTable(Sequence[NDArray[np.int32]]):
    """The ids of many texts, each a row of at least one.

    Attributes:
        ids: the ids of all texts, one after the other, int32 (tokens,).
        offsets: where each text begins, and where the last one ends, int64 (texts + 1,).
    """

    ids: NDArray[np.int32]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @overload
    def __getitem__(self, place: int) -> NDArray[np.int32]: ...
    @overload
    def __getitem__(self, place: slice) -> list[NDArray[np.int32]]: ...
    def __getitem__(self, place: int | slice) -> NDArray[np.int32] | list[NDArray[np.int32]]:
        """Return the ids of a text, a view into `ids`."""
        if isinstance(place, slice):
            return [self[number] for number in range(*place.indices(len(self)))]
        number = range(len(self))[place]  # counts from the end below zero, refuses what is not there
        return self.ids[self.offsets[number] : self.offsets[number + 1]]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """How many tokens each text has, int64 (texts,)."""
        return np.diff(self.offsets)


@dataclass(frozen=True, slots=True, eq=False)
class TokenTable:
    """The tokens of many texts, each distinct key stored once.

    Attributes:
        tokens: the distinct keys, sorted.
        indices: the place in `tokens` of each token of all texts, one text after the other, int32 (tokens,).
        offsets: where each text begins, and where the last one ends, int64 (texts + 1,).
    """

    tokens: tuple[str, ...]
    indices: NDArray[np.int32]
    offsets: NDArray[np.int64]

    @classmethod
    def from_keys(cls, keys: Iterable[Sequence[str]]) -> TokenTable:
        """Return the table of texts given as their keys; these are read one text at a time.

        >>> TokenTable.from_keys([["so", "it", "is"], [], ["is", "it"]]).indices.tolist()
        [2, 1, 0, 0, 1]
        """
        number: defaultdict[str, int] = defaultdict()
        number.default_factory = number.__len__  # a new key gets the next number
        flat, lengths = array("i"), array("q", [0])
        for text in keys:
            flat.extend(map(number.__getitem__, text))
            lengths.append(len(text))
        offsets = np.cumsum(lengths, dtype=np.int64)
        return cls.from_distinct(number, np.array(flat, dtype=np.int32), offsets)

    @classmethod
    def from_distinct(cls, tokens: Iterable[str], indices: NDArray[np.int32], offsets: NDArray[np.int64]) -> TokenTable:
        """Return the table of distinct keys that are not sorted yet."""
        distinct = list(tokens)
        order = sorted(range(len(distinct)), key=distinct.__getitem__)
        rank = np.empty(len(distinct), dtype=np.int32)
        rank[order] = np.arange(len(distinct), dtype=np.int32)
        return cls(tuple(distinct[place] for place in order), rank[indices], offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def counts(self) -> dict[str, int]:
        """Return how often each key comes, for `Vocabulary.build`."""
        counted = np.bincount(self.indices, minlength=len(self.tokens))
        return dict(zip(self.tokens, counted.tolist(), strict=True))

    def encode(self, vocabulary: Vocabulary) -> IdTable:
        """Return the ids of all texts as `Vocabulary.ids` gives them: an empty text is one unknown token."""
        ids_of = np.array([vocabulary[token] for token in self.tokens], dtype=np.int32)
        ids = ids_of[self.indices]
        lengths = np.diff(self.offsets)
        empty = lengths == 0
        ids = np.insert(ids, self.offsets[:-1][empty], vocabulary.unknown_id)
        return IdTable(ids, np.concatenate([[0], np.cumsum(lengths + empty)]).astype(np.int64))
