"""Penalties, biases and n-gram rules in compiled loops: what one step of writing asks of the text before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from nlp_lstm.nn.machine_code import machine_code

Floats: TypeAlias = NDArray[np.float32]
Numbers: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True)
class Rules:
    """How scores change with what was written; those of `nlp_lstm.nn.sampling`, in the same order.

    Attributes:
        repetition: what scores of symbols written before are divided by, or multiplied with; 1 changes nothing.
        frequency: nats off for each time a symbol was written.
        presence: nats off for what was written at all.
        window: of how many of the last symbols these three take notice; 0 for all.
        ngram: how long a run must be to come only once; 0 for no such rule.
        biases: nats added to scores, by id.
    """

    repetition: float = 1.0
    frequency: float = 0.0
    presence: float = 0.0
    window: int = 0
    ngram: int = 0
    biases: Mapping[int, float] = field(default_factory=dict)

    @property
    def change(self) -> bool:
        """Whether they change any score."""
        return (self.repetition, self.frequency, self.presence, self.ngram) != (1.0, 0.0, 0.0, 0) or bool(self.biases)

    def numbers(self) -> tuple[bool, float, float, float, int, int]:
        """Return all but the biases, as the loops take them."""
        return self.change, self.repetition, self.frequency, self.presence, self.window, self.ngram

    def added(self, vocab_size: int) -> Floats:
        """Return the biases, float32 (vocab,)."""
        added = np.zeros(vocab_size, dtype=np.float32)
        added[list(self.biases)] = list(self.biases.values())
        return added


def count_symbols(history: Numbers, window: int, vocab_size: int) -> Numbers:
    """Return how often each symbol stands among the last `window` (0: all) of `history`, int64 (vocab,)."""
    counts: Numbers = np.bincount(
        history[len(history) - window if 0 < window < len(history) else 0 :], minlength=vocab_size
    )
    return counts


@machine_code()
def heed(
    scores: Floats,
    history: Numbers,
    counts: Numbers,
    added: Floats,
    numbers: tuple[bool, float, float, float, int, int],
    changed: Floats,
) -> None:
    """Put into `changed` what the rules make of `scores`, which are log-probabilities up to a constant.

    Args:
        scores: of the next symbol, (vocab,).
        history: what was written, int64 (time,).
        counts: what `count_symbols` says of it.
        added: biases (vocab,).
        numbers: of `Rules`.
        changed: (vocab,); −∞ at what would repeat an n-gram.
    """
    _, repetition, frequency, presence, _, ngram = numbers
    constant = 0.0
    if repetition != 1.0:  # it asks for the sign of a log-probability
        best = scores.max()
        total = 0.0
        for j in range(len(scores)):
            total += np.exp(np.float64(scores[j] - best))
        constant = best + np.log(total)
    for j in range(len(scores)):
        score = scores[j] - constant
        if counts[j] > 0:
            score = score / repetition if score > 0.0 else score * repetition
            score -= frequency * counts[j] + presence
        changed[j] = score + added[j]
    if ngram > 0:
        _exclude_repeats(history, ngram, changed)


@machine_code()
def _exclude_repeats(history: Numbers, n: int, changed: Floats) -> None:
    """Set to −∞ what would complete a run of `n` symbols that `history` holds."""
    latest = len(history) - n + 1  # where the open run begins
    for start in range(latest):
        k = 0
        while k < n - 1 and history[start + k] == history[latest + k]:
            k += 1
        if k == n - 1:
            changed[history[start + n - 1]] = -np.inf


@machine_code()
def note(token: int, history: Numbers, length: int, counts: Numbers, window: int) -> None:
    """Write a symbol behind the first `length` of `history`, and count it."""
    history[length] = token
    counts[token] += 1
    if 0 < window <= length:
        counts[history[length - window]] -= 1
