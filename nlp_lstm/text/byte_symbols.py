"""Every byte of the text's UTF-8 a token: 256 symbols that spell any text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import ClassVar

from nlp_lstm.text.normalise import lower_in_place, prepare
from nlp_lstm.text.tokens import Tokens

_ALL = tuple(map(chr, range(256)))
_NUMBERS = {key: number for number, key in enumerate(_ALL)}
_NO_BYTE_OF_UTF8 = 0xFF


@dataclass(frozen=True)
class ByteSymbols:
    """Cut a text into the bytes of its UTF-8.

    The key of a byte is the one character that has its number, as in Latin-1: ASCII reads as itself, a
    vocabulary stays small, and keys are made and undone by a codec, not one by one. Beyond ASCII a key is not the
    character it looks like: `é` is the two bytes `Ã` and `©`. The bytes of one character share its text and offset.

    Args:
        lowercase: cut the text in lower case; then `decode` gives lower case back.
        strip_markup: read HTML tags as blanks.

    >>> ByteSymbols()("aé").keys
    ('a', 'Ã', '©')
    >>> ByteSymbols()("aé").starts
    (0, 1, 1)
    """

    lowercase: bool = False
    strip_markup: bool = False
    kind: ClassVar[str] = "bytes"
    pieces: ClassVar[tuple[str, ...]] = _ALL

    def __call__(self, text: str) -> Tokens:
        """Return the bytes of `text` with their offsets."""
        ready = self._ready(text)
        starts = tuple(place for place, character in enumerate(ready) for _ in character.encode())
        return Tokens(tuple(text[start] for start in starts), starts, tuple(_spell(ready)))

    def keys(self, texts: Iterable[str]) -> Iterator[list[str]]:
        """Yield the keys of each text, without offsets."""
        for text in texts:
            yield list(_spell(self._ready(text)))

    def decode(self, keys: Sequence[str]) -> str:
        """Return the text that `keys` spell; bytes that make no character, and keys of no byte, become U+FFFD.

        >>> ByteSymbols().decode(["o", "Ã", "©", "Ã"])
        'oé�'
        """
        return self.to_bytes(keys).decode(errors="replace")

    def to_bytes(self, keys: Sequence[str]) -> bytes:
        """Return the bytes that `keys` spell; a key of no byte is one that UTF-8 never has."""
        return bytes(_NUMBERS.get(key, _NO_BYTE_OF_UTF8) for key in keys)

    def to_dict(self) -> dict[str, object]:
        """Return all that rebuilds this tokenizer, ready for JSON."""
        return {"kind": self.kind, **asdict(self)}

    def _ready(self, text: str) -> str:
        ready = prepare(text, strip_markup=self.strip_markup)
        return lower_in_place(ready) if self.lowercase else ready


def _spell(ready: str) -> str:
    """Return a string of one key a byte."""
    return ready if ready.isascii() else ready.encode().decode("latin-1")
