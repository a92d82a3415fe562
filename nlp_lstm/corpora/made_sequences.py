"""Sources of made sequences: `made:adding-100` is a stream without end, `made:adding-100/test` a fixed test."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeGuard, overload

import numpy as np
from numpy.typing import NDArray

from nlp_lstm.corpora.long_lags import Adding, EmbeddedReber, Made, Problem, Recall
from nlp_lstm.errors import UsageError, nearest

MADE = "made:"
PROBLEMS: dict[str, Callable[..., Problem]] = {"adding": Adding, "recall": Recall, "reber": EmbeddedReber}
"""Every problem by name; those that say what is `shortest` have a lag, which stands behind the name."""
SPLITS = ("train", "dev", "test")
EPOCH = 1000
"""Sequences of a stream that are called an epoch; no sequence comes twice."""


@dataclass(frozen=True, eq=False)
class MadeSequence:
    """A made sequence and where it comes from.

    Attributes:
        made: what it holds.
        source: its source.
        line: its place there, from 1.
    """

    made: Made
    source: str = ""
    line: int = 0

    def __len__(self) -> int:
        """Return the number of steps."""
        return len(self.made.inputs)

    @property
    def inputs(self) -> NDArray[np.generic]:
        """As in `Made`."""
        return self.made.inputs

    @property
    def asked(self) -> NDArray[np.bool_]:
        """As in `Made`."""
        return self.made.asked

    @property
    def targets(self) -> NDArray[np.generic]:
        """As in `Made`."""
        return self.made.targets


@dataclass(frozen=True)
class MadeSequences(Sequence[MadeSequence]):
    """Sequences of a problem, each made when it is asked for; the same number of the same seed is always the same.

    Attributes:
        problem: what they are of.
        source: their source.
        split: `train`, `dev` or `test`; no two share their random numbers.
        size: how many there are; of a stream, how many are called an epoch.
        seed: decides the random numbers of a stream; those of a test are always the same.
    """

    problem: Problem
    source: str
    split: str
    size: int
    seed: int = 0

    def __len__(self) -> int:
        """Return `size`."""
        return self.size

    @overload
    def __getitem__(self, place: int) -> MadeSequence: ...

    @overload
    def __getitem__(self, place: slice) -> list[MadeSequence]: ...

    def __getitem__(self, place: int | slice) -> MadeSequence | list[MadeSequence]:
        """Return the sequence at a place, or those of a slice."""
        if isinstance(place, slice):
            return [self.number(each) for each in range(*place.indices(self.size))]
        if not -self.size <= place < self.size:
            raise IndexError(f"there are {self.size} sequences")
        return self.number(place % self.size)

    def number(self, number: int) -> MadeSequence:
        """Return sequence `number`, counted from 0; of a stream there is one for every number."""
        sequence = np.random.SeedSequence(self.seed, spawn_key=(SPLITS.index(self.split), number))
        return MadeSequence(self.problem.make(np.random.default_rng(sequence)), self.source, number + 1)

    def of_seed(self, seed: int) -> MadeSequences:
        """Return the stream of another seed."""
        return MadeSequences(self.problem, self.source, self.split, self.size, seed)


@dataclass(frozen=True)
class Repeated:
    """Sequences over and over again, each time through in another order.

    Attributes:
        sequences: the sequences.
        seed: decides the orders.
    """

    sequences: Sequence[MadeSequence]
    seed: int

    def number(self, number: int) -> MadeSequence:
        """Return the sequence at a place, counted from 0 from the first time through on."""
        time, place = divmod(number, len(self.sequences))
        return self.sequences[_order(len(self.sequences), self.seed, time)[place]]


@lru_cache(maxsize=2)
def _order(n: int, seed: int, time: int) -> list[int]:
    """Return the numbers below `n` in the order of one time through."""
    return np.random.default_rng((seed, time)).permutation(n).tolist()


def is_stream(sequences: Sequence[MadeSequence]) -> TypeGuard[MadeSequences]:
    """Return whether there is another sequence after any of them."""
    return isinstance(sequences, MadeSequences) and sequences.split == "train"


def made_sequences(source: str) -> MadeSequences:
    """Return the sequences of a source.

    Args:
        source: `made:PROBLEM`, or `made:PROBLEM/dev` or `/test`; the problem is `adding-T`, `recall-P` or `reber`.

    Raises:
        UsageError: there is no such source.
    """
    name, split = problem_name(source), source.partition("/")[2]
    if not source.startswith(MADE) or split not in ("", *SPLITS[1:]):
        raise UsageError(
            f"expected {MADE}PROBLEM, {MADE}PROBLEM/dev or {MADE}PROBLEM/test with a problem such as adding-100, "
            f"found {source!r}"
        )
    problem = find_problem(name)
    return MadeSequences(problem, source, split or "train", problem.n_test if split else EPOCH)


def problem_name(source: str) -> str:
    """Return the name of the problem of a source.

    >>> problem_name("made:adding-100/test")
    'adding-100'
    """
    return source.removeprefix(MADE).partition("/")[0]


def find_problem(name: str) -> Problem:
    """Return the problem of a name: `adding-100`, `recall-100`, `reber`.

    Raises:
        UsageError: there is none, or its lag is too short.
    """
    kind, dash, lag = name.partition("-")
    shortest = getattr(PROBLEMS.get(kind), "shortest", None)
    if kind not in PROBLEMS or bool(dash) != (shortest is not None) or not re.fullmatch(r"[0-9]{0,7}", lag):
        known = [f"{each}-100" if hasattr(made, "shortest") else each for each, made in PROBLEMS.items()]
        raise UsageError(f"no problem {name!r}{nearest(name, known)}")
    if shortest is None:
        return PROBLEMS[kind]()
    if int(lag or 0) < shortest:
        raise UsageError(f"problem {name!r}: expected a length of {shortest} or more")
    return PROBLEMS[kind](int(lag))
