"""Every code point a token, white space too: what a text generator writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import ClassVar

from nlp_lstm.text.normalise import lower_in_place, prepare
from nlp_lstm.text.tokens import Tokens


@dataclass(frozen=True)
class Characters:
    """Cut a text into its code points.

    Args:
        lowercase: look characters up in lower case.
        strip_markup: read HTML tags as blanks; each of their characters stays a token, with a blank as key.

    >>> Characters(lowercase=True)("A b").keys
    ('a', ' ', 'b')
    """

    lowercase: bool = False
    strip_markup: bool = False
    kind: ClassVar[str] = "characters"
    pieces: ClassVar[tuple[str, ...]] = ()

    def __call__(self, text: str) -> Tokens:
        """Return the characters of `text` with their offsets."""
        return Tokens(tuple(text), tuple(range(len(text))), tuple(self._ready(text)))

    def keys(self, texts: Iterable[str]) -> Iterator[list[str]]:
        """Yield the keys of each text, without offsets."""
        for text in texts:
            yield list(self._ready(text))

    def decode(self, keys: Sequence[str]) -> str:
        """Return the text that `keys` spell.

        >>> Characters().decode(["n", "o", "."])
        'no.'
        """
        return "".join(keys)

    def to_dict(self) -> dict[str, object]:
        """Return all that rebuilds this tokenizer, ready for JSON."""
        return {"kind": self.kind, **asdict(self)}

    def _ready(self, text: str) -> str:
        ready = prepare(text, strip_markup=self.strip_markup)
        return lower_in_place(ready) if self.lowercase else ready
