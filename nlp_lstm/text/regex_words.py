"""Words, numbers and signs by one regular expression: fast, for any script, without rules for a language."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import cache
from typing import ClassVar

from nlp_lstm.text.normalise import prepare
from nlp_lstm.text.tokens import Tokens

# Scripts written without blanks, cut into single characters: Han, kana and what goes with them.
_SINGLE = "\u2e80-\u2fdf\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_SINGLE += "\U00020000-\U0003ffff"
_JOINERS = "\u200c\u200d"
# What changes an emoji without being one: skin tones, and the tags that spell a region's flag.
_MODIFIERS = "\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f"
_FLAG = "[\U0001f1e6-\U0001f1ff]{2}"


@dataclass(frozen=True)
class RegexWords:
    """Cut a text into words, numbers and signs.

    An apostrophe between letters stays in its word (`don't`), a hyphen does not (`well`, `-`, `known`); a
    number keeps its points and commas (`1,000.50`); a run of one of `. ! ? - * = ~ _` is one token (`...`);
    an emoji keeps its skin tone and what it is joined to; Han and kana are cut into characters. No character
    is lost but white space.

    Args:
        lowercase: look tokens up in lower case.
        strip_markup: read HTML tags as blanks.

    >>> RegexWords(lowercase=True)("I don't... pay $1,000!").keys
    ('i', "don't", '...', 'pay', '$', '1,000', '!')
    """

    lowercase: bool = False
    strip_markup: bool = False
    kind: ClassVar[str] = "regex"
    pieces: ClassVar[tuple[str, ...]] = ()

    def __call__(self, text: str) -> Tokens:
        """Return the tokens of `text` with their offsets."""
        ready = prepare(text, strip_markup=self.strip_markup)
        spans = [match.span() for match in _pattern(ready).finditer(ready)]
        keys = [ready[start:end].lower() if self.lowercase else ready[start:end] for start, end in spans]
        return Tokens.cut(text, spans, keys)

    def keys(self, texts: Iterable[str]) -> Iterator[list[str]]:
        """Yield the keys of each text, without offsets."""
        for text in texts:
            ready = prepare(text, strip_markup=self.strip_markup)
            if not self.lowercase:
                yield _pattern(ready).findall(ready)
            elif ready.isascii():
                yield _pattern(ready).findall(ready.lower())
            else:  # lower case may lengthen a word, or look at its neighbours: one token at a time
                yield [token.lower() for token in _pattern(ready).findall(ready)]

    def to_dict(self) -> dict[str, object]:
        """Return all that rebuilds this tokenizer, ready for JSON."""
        return {"kind": self.kind, **asdict(self)}


def _pattern(text: str) -> re.Pattern[str]:
    # In ASCII both patterns find the same; the first takes half the time.
    return _ascii_pattern() if text.isascii() else _unicode_pattern()


@cache
def _ascii_pattern() -> re.Pattern[str]:
    return _compile(letter="[A-Za-z0-9]", digit="[0-9]", mark=None, sign=r"\S")


@cache
def _unicode_pattern() -> re.Pattern[str]:
    # Vowel signs and accents that are characters of their own; Python's \w leaves them out.
    marks = "".join(character for character in map(chr, range(0x300, sys.maxunicode)) if _is_mark(character))
    extend = f"[{marks}{_MODIFIERS}]"
    sign = rf"{_FLAG}|\S{extend}*+(?>(?:\u200d[^\w\s]{extend}*+)*)"
    return _compile(letter=rf"[^\W_{_SINGLE}]", digit=r"\d", mark=f"[{marks}{_JOINERS}]", sign=sign)


def _is_mark(character: str) -> bool:
    return unicodedata.category(character).startswith("M")


def _compile(*, letter: str, digit: str, mark: str | None, sign: str) -> re.Pattern[str]:
    """Build the pattern. No repetition gives anything back, so a text costs no more than its length.

    A group repeated so is an atomic group, as Python 3.11.2 cuts words to pieces by `(?:...)*+`.
    """
    marked = f"{mark}++{letter}*+|" if mark else ""
    number = rf"(?<={digit})[.,](?={digit}){letter}++"
    word = rf"{letter}++(?>(?:{marked}['’]{letter}++|{number})*)"
    runs = "|".join(rf"{re.escape(character)}++" for character in ".-!?*=~_")
    return re.compile(rf"{word}|[,()\"'/<>;:&]|{runs}|{sign}")
