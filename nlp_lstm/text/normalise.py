"""What is done to a text before it is cut; none of it moves a character."""

from __future__ import annotations

import re

# `<` and a letter or `/` at once, attributes only with a value, everything bounded: `a < b`, `<3` and
# `<y and z>` are not tags, and a long run of `<` costs no more than its length.
_NAME = r"[A-Za-z][A-Za-z0-9:-]{0,30}"
_VALUE = r"""(?:"[^"<>]{0,2000}"|'[^'<>]{0,2000}'|[^\s"'<>=`]{1,2000})"""
_TAG = re.compile(rf"</?{_NAME}(?:\s{{1,20}}[\w:-]{{1,50}}\s{{0,5}}=\s{{0,5}}{_VALUE}){{0,30}}\s{{0,20}}/?>")
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def blank_markup(text: str) -> str:
    """Return `text` with every HTML tag replaced by as many blanks.

    >>> blank_markup("Bad.<br /><i>Really</i> bad, 1 < 2 <3")
    'Bad.         Really     bad, 1 < 2 <3'
    """
    return _TAG.sub(lambda tag: " " * len(tag[0]), text) if "<" in text else text


def lower_in_place(text: str) -> str:
    """Return `text` in lower case, code point for code point.

    Only `İ` becomes longer in lower case; here it becomes a plain `i`.

    >>> lower_in_place("İZMİR")
    'izmir'
    """
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(character.lower()[0] for character in text)


def prepare(text: str, *, strip_markup: bool) -> str:
    r"""Return what a tokenizer works on: as long as `text`, free of tags if asked, and always valid Unicode.

    A lone surrogate, which a JSON file can hold and UTF-8 cannot, becomes the replacement character.

    >>> prepare("<b>so</b> \ud83d", strip_markup=True)
    '   so     \ufffd'
    """
    if strip_markup:
        text = blank_markup(text)
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)
