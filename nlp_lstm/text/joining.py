"""Tokens back to text, one after the other, while they are being written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from nlp_lstm.text.byte_symbols import ByteSymbols
from nlp_lstm.text.characters import Characters
from nlp_lstm.text.subwords import Subwords
from nlp_lstm.text.tokenizers import Tokenizer
from nlp_lstm.text.utf8 import complete_part


class Joined(NamedTuple):
    """Some more of a text.

    Attributes:
        text: what is whole.
        rest: bytes that may begin a character; they come before the next ones.
    """

    text: str
    rest: bytes = b""


def keeps_line_ends(tokenizer: Tokenizer) -> bool:
    """Whether a line feed is a token of its own, or part of one; a tokenizer of words drops it."""
    return bool("".join(next(iter(tokenizer.keys(["\n"])))))


def join(tokenizer: Tokenizer, keys: Sequence[str], *, before: str = "", rest: bytes = b"") -> Joined:
    r"""Return the text that `keys` add to a text.

    Characters and pieces are put together as they are; words get a blank between them where there is no white space.

    Args:
        tokenizer: what cuts such texts.
        keys: the tokens.
        before: the text before them; its last character is enough.
        rest: the bytes that an earlier call was left with.

    >>> from nlp_lstm.text.blank_words import BlankWords
    >>> join(BlankWords(), ["so", "it", "\n", "goes"], before="oh").text
    ' so it\ngoes'
    >>> join(ByteSymbols(), ["o", "Ã"])
    Joined(text='o', rest=b'\xc3')
    """
    if isinstance(tokenizer, Characters):
        return Joined("".join(keys))
    if isinstance(tokenizer, ByteSymbols | Subwords):
        return Joined(*complete_part(rest + tokenizer.to_bytes(keys)))
    parts: list[str] = []
    for key in keys:
        parts.append(gap(tokenizer, before, key) + key)
        before = key
    return Joined("".join(parts))


def gap(tokenizer: Tokenizer, before: str, text: str) -> str:
    r"""Return what comes between two parts of a text: a blank between words where there is no white space, else "".

    >>> from nlp_lstm.text.blank_words import BlankWords
    >>> gap(BlankWords(), "so it", "goes"), gap(BlankWords(), "so it\n", "goes"), gap(Characters(), "so it", "goes")
    (' ', '', '')
    """
    if isinstance(tokenizer, Characters | ByteSymbols | Subwords):
        return ""
    return " " if before and text and not before[-1].isspace() and not text[0].isspace() else ""
