"""Words of an input that is no text, as they are shown."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from nlp_lstm.text.tokens import Tokens


def in_a_line(parts: Sequence[str]) -> tuple[str, Tokens]:
    """Return some words as one line, and where they stand in it.

    >>> in_a_line(["1.5", "2"])[1].starts
    (0, 4)
    """
    starts = accumulate((len(part) + 1 for part in parts[:-1]), initial=0)
    return " ".join(parts), Tokens(tuple(parts), tuple(starts), tuple(parts))
