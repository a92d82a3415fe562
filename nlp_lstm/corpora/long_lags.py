"""The long-lag problems of Hochreiter & Schmidhuber 1997: what their sequences are, and when an answer is right.

Section numbers are those of "Long Short-Term Memory", Neural Computation 9(8).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray


class Made(NamedTuple):
    """A sequence.

    Attributes:
        inputs: numbers, float32 (time, inputs), or the numbers of symbols, int64 (time,).
        asked: True at the steps at which something is asked, bool (time,).
        targets: what: numbers, float32 (asked, 1), or the numbers of symbols, int64 (asked,).
        legal: which symbols may come there, bool (asked, symbols); empty where a number is asked for.
    """

    inputs: NDArray[np.generic]
    asked: NDArray[np.bool_]
    targets: NDArray[np.generic]
    legal: NDArray[np.bool_]


class Problem(Protocol):
    """A kind of sequences, with what a network is to say of them."""

    @property
    def symbols(self) -> tuple[str, ...]:
        """What each symbol is called; empty where the sequences are of numbers."""
        ...

    @property
    def input_size(self) -> int:
        """Width of the input of a step; symbols are given one-hot."""
        ...

    @property
    def output_size(self) -> int:
        """Numbers, or scores of symbols, in an answer."""
        ...

    @property
    def n_test(self) -> int:
        """Sequences that a test is over."""
        ...

    def make(self, random: np.random.Generator) -> Made:
        """Return a new sequence."""
        ...

    def is_right(self, outputs: NDArray[np.floating], made: Made) -> bool:
        """Return whether the outputs (asked, outputs), at each step at which something is asked, are as they must be.

        Of numbers they are what the network says, of symbols its scores.
        """
        ...


@dataclass(frozen=True)
class Adding:
    """The adding problem: say the sum of two marked numbers, read long before the end (section 5.4, experiment 4).

    A sequence has a random length between T and T + T/10. Each element is a pair: a number between −1 and 1, and a
    marker. One of the first ten pairs is marked 1, then one of the first T/2 − 1 others; the first and the last pair
    are marked −1, the rest 0. At the end the target is 0.5 + (X1 + X2) / 4, X1 and X2 the marked numbers; where the
    first pair would be marked, it keeps its −1 and its number counts as 0. An answer less than 0.04 off is right.

    Args:
        length: T, the least number of steps; at least 11, so that each of the first ten can be marked.
    """

    length: int

    symbols: ClassVar[tuple[str, ...]] = ()
    input_size: ClassVar[int] = 2
    output_size: ClassVar[int] = 1
    n_test: ClassVar[int] = 2560
    shortest: ClassVar[int] = 11
    tolerance: ClassVar[float] = 0.04

    def make(self, random: np.random.Generator) -> Made:
        """Return a new sequence."""
        time = int(random.integers(self.length, self.length + self.length // 10, endpoint=True))
        numbers = random.uniform(-1.0, 1.0, time)
        first = int(random.integers(10))
        second = int(random.integers(self.length // 2 - 1))
        second += second >= first  # of the pairs that are not marked yet
        markers = np.zeros(time)
        markers[[first, second]] = 1.0
        markers[[0, -1]] = -1.0
        inputs = np.stack([numbers, markers], axis=1).astype(np.float32)  # (time, 2)
        total = float(numbers[markers == 1.0].sum())
        return Made(inputs, _last(time), np.array([[0.5 + total / 4.0]], np.float32), np.zeros((0, 0), np.bool_))

    def is_right(self, outputs: NDArray[np.floating], made: Made) -> bool:
        """Return whether the answer is less than 0.04 off."""
        return bool(abs(float(outputs[0, 0]) - float(made.targets[0, 0])) < self.tolerance)


@dataclass(frozen=True)
class EmbeddedReber:
    """The embedded Reber grammar: foresee the next symbol (section 5.1, experiment 1).

    A string is B, then T or P, then a string of Reber's grammar, then the same T or P as before, then E. At each step
    one or two symbols may come next. A string is right when at each of its steps every symbol that may come has a
    higher score than every other.
    """

    symbols: ClassVar[tuple[str, ...]] = ("B", "T", "P", "S", "X", "V", "E")
    input_size: ClassVar[int] = 7
    output_size: ClassVar[int] = 7
    n_test: ClassVar[int] = 256

    ways: ClassVar[tuple[tuple[tuple[str, int], ...], ...]] = (
        (("B", 1),),
        (("T", 2), ("P", 3)),
        (("S", 2), ("X", 4)),
        (("T", 3), ("V", 5)),
        (("X", 3), ("S", 6)),
        (("P", 4), ("V", 6)),
        (("E", 7),),
    )
    """Reber's grammar: by state, each symbol that may come and the state it leads to; state 7 is the end."""

    def make(self, random: np.random.Generator) -> Made:
        """Return a new string; it is read up to its last but one symbol."""
        kind = "TP"[int(random.integers(2))]
        string, may_come, state = ["B", kind], [{"T", "P"}], 0
        while state < len(self.ways):
            ways = self.ways[state]
            may_come.append({symbol for symbol, _ in ways})
            symbol, state = ways[int(random.integers(len(ways)))]
            string.append(symbol)
        string += [kind, "E"]
        may_come += [{kind}, {"E"}]
        numbers = np.array([self.symbols.index(symbol) for symbol in string], np.int64)
        legal = np.array([[symbol in those for symbol in self.symbols] for those in may_come])  # (time, symbols)
        return Made(numbers[:-1], np.ones(len(numbers) - 1, np.bool_), numbers[1:], legal)

    def is_right(self, outputs: NDArray[np.floating], made: Made) -> bool:
        """Return whether all symbols that may come stand above all others, at every step."""
        lowest = np.where(made.legal, outputs, np.inf).min(axis=1)
        highest = np.where(made.legal, -np.inf, outputs).max(axis=1)
        return bool((lowest > highest).all())


@dataclass(frozen=True)
class Recall:
    """Recall after a long lag without noise (section 5.2, task 2a): name the first symbol again at the end.

    There are p + 1 symbols and two sequences, (y, a_1, …, a_{p−1}, y) and (x, a_1, …, a_{p−1}, x), as likely as each
    other. Here only the last symbol is asked for; the others follow from the one before. An answer is right when no
    symbol's probability is 0.25 or more off from 1 for the last symbol and 0 for the others.

    Args:
        lag: p, the steps from the first symbol to where it is asked for.
    """

    lag: int

    n_test: ClassVar[int] = 10
    shortest: ClassVar[int] = 2
    tolerance: ClassVar[float] = 0.25

    @property
    def symbols(self) -> tuple[str, ...]:
        """Return `x`, `y`, `a1`, ...: one more than the lag."""
        return ("x", "y", *(f"a{number}" for number in range(1, self.lag)))

    @property
    def input_size(self) -> int:
        """The number of symbols."""
        return self.lag + 1

    @property
    def output_size(self) -> int:
        """The number of symbols."""
        return self.lag + 1

    def make(self, random: np.random.Generator) -> Made:
        """Return one of the two sequences, without its last symbol."""
        first = int(random.integers(2))
        inputs = np.arange(1, self.lag + 1, dtype=np.int64)  # a_1 is symbol 2
        inputs[0] = first
        legal = np.zeros((1, self.lag + 1), np.bool_)
        legal[0, first] = True
        return Made(inputs, _last(self.lag), np.array([first], np.int64), legal)

    def is_right(self, outputs: NDArray[np.floating], made: Made) -> bool:
        """Return whether the probability of every symbol is less than 0.25 off."""
        scores = outputs[-1].astype(np.float64)
        odds = np.exp(scores - scores.max())
        wanted = made.legal[-1].astype(np.float64)
        return bool((np.abs(odds / odds.sum() - wanted) < self.tolerance).all())


def _last(time: int) -> NDArray[np.bool_]:
    """Return what is True at the last of `time` steps."""
    return np.arange(time) == time - 1
