"""How a word is written: one of a few kinds of casing."""

from __future__ import annotations

CASINGS = ("lower", "capitalised", "upper", "mixed", "number", "part number", "other")
"""Every kind, in the order of its number."""


def casing(word: str) -> int:
    """Return the place in `CASINGS` of a word's kind.

    >>> [CASINGS[casing(word)] for word in ("tea", "Ada", "A", "NATO", "iPod", "1,984", "2nd", "--")]
    ['lower', 'capitalised', 'capitalised', 'upper', 'mixed', 'number', 'part number', 'other']
    """
    return CASINGS.index(_kind(word))


def _kind(word: str) -> str:
    if word.isalpha() and word.islower():  # most words; the rest looks at each sign
        return "lower"
    letters = any(sign.isalpha() for sign in word)
    if any(sign.isdigit() for sign in word):
        return "part number" if letters else "number"
    if not any(sign.isupper() or sign.islower() or sign.istitle() for sign in word):
        return "other"  # signs, and letters of scripts without case
    if word.islower():
        return "lower"
    if word[0].isupper() and (len(word) == 1 or not any(sign.isupper() for sign in word[1:])):
        return "capitalised"
    return "upper" if word.isupper() else "mixed"
