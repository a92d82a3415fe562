"""Which sentence pairs are of too unequal length to be translations, by what is usual in their file."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from statistics import median

from nlp_lstm.corpora.pair_rows import PairsWanted
from nlp_lstm.corpora.problems import Problem
from nlp_lstm.counting import counted
from nlp_lstm.records.examples import SentencePair

SAMPLE = 1_000
"""The first so many pairs of a file tell what is usual in it."""
PRIOR = 20
"""So many pairs of equal length are thought to stand before them, so that a few odd pairs do not say what is usual."""
ADDED = 10
"""Characters added to both sides before they are compared: a short sentence may well be several times as long."""

# Chinese, Japanese and Korean signs, which say about as much as two letters.
_WIDE = re.compile(
    "[\u1100-\u115f\u2e80-\u2fff\u3001-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6"
    "\U00020000-\U0003fffd]"
)


def size(text: str) -> int:
    """Return the length of a sentence in characters, white space not counted and wide ones twice.

    >>> size("so it is"), size("早上好")
    (6, 6)
    """
    n_characters = sum(map(len, text.split()))
    return n_characters if text.isascii() else n_characters + len(_WIDE.findall(text))


def name_unequal(items: Iterator[SentencePair | Problem], wanted: PairsWanted) -> Iterator[SentencePair | Problem]:
    """Yield the same items in order, in place of each pair of too unequal length a problem.

    No more than `SAMPLE` pairs are held at a time.
    """
    if wanted.limits is None:
        yield from items
        return
    sample: list[SentencePair | Problem] = []
    logs = [0.0] * PRIOR
    for item in items:
        sample.append(item)
        if isinstance(item, SentencePair):
            logs.append(math.log(size(item.target_text) / size(item.source_text)))
        if len(logs) == PRIOR + SAMPLE:
            break
    bounds = _Bounds(math.exp(median(logs)), wanted.limits.max_ratio)
    for item in chain(sample, items):
        yield (bounds.fault(item, wanted) or item) if isinstance(item, SentencePair) else item


@dataclass(frozen=True, slots=True)
class _Bounds:
    """How long the sentences of a pair may be.

    With sizes s of the source and t of the target, `usual` u, `max_ratio` r and `ADDED` c, neither of √u·s + c and
    t/√u + c may be more than r times the other.

    Attributes:
        usual: the median of t / s in the file.
        max_ratio: how much more or less than that it may be.
    """

    usual: float
    max_ratio: float

    def fault(self, pair: SentencePair, wanted: PairsWanted) -> Problem | None:
        """Return what is wrong with a pair, if its lengths are too unequal."""
        root, source, target = math.sqrt(self.usual), size(pair.source_text), size(pair.target_text)
        even = root * source + ADDED
        fewest = math.ceil(root * (even / self.max_ratio - ADDED))
        most = math.floor(root * (even * self.max_ratio - ADDED))
        if fewest <= target <= most:
            return None
        message = (
            f"{counted(source, 'characters')} besides blanks in the source sentence and {target:,} in the target "
            f"sentence; expected {max(1, fewest):,} to {most:,} for such a source"
        )
        return wanted.problem(pair.line, "length-ratio", message)
