"""How many of something there are, in words."""

from __future__ import annotations


def counted(n: float, unit: str, *, shown: str | None = None) -> str:
    """Return a number with its unit, in the singular of one.

    Args:
        n: how many there are.
        unit: what they are called, in the plural; of several words the first one is what is counted.
        shown: the number as it is written; None writes it with commas.

    >>> counted(1, "pairs"), counted(1_200, "lines of text"), counted(1, "epochs", shown="1.0")
    ('1 pair', '1,200 lines of text', '1.0 epoch')
    >>> counted(1, "series"), counted(1, "of names")
    ('1 series', '1 of names')
    """
    noun, blank, rest = unit.partition(" ")
    one = noun if noun in _UNCHANGED else noun.removesuffix("s")
    return f"{f'{n:,}' if shown is None else shown} {one if n == 1 else noun}{blank}{rest}"


_UNCHANGED = {"series"}
