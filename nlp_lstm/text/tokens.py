"""The pieces of one text and where they stand in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of one text, with offsets into the original string.

    Each token is a slice of the text as it was given, whatever was normalised on the way:
    `text[starts[i] : starts[i] + len(texts[i])] == texts[i]`. Tokens do not overlap, but for subwords: a
    character whose bytes are cut, an emoji for example, belongs to each piece that holds some of them.

    Attributes:
        texts: the tokens as they stand in the text.
        starts: where each begins, in code points from the start of the text.
        keys: what each is looked up by in a vocabulary: its lower-cased form where the tokenizer lower-cases,
            the piece of bytes of a subword, else the token's text.
    """

    texts: tuple[str, ...]
    starts: tuple[int, ...]
    keys: tuple[str, ...]

    @classmethod
    def cut(cls, text: str, spans: Sequence[tuple[int, int]], keys: Sequence[str]) -> Tokens:
        """Return the tokens of `text` from the start and the end of each.

        >>> Tokens.cut("Oh no", [(0, 2), (3, 5)], ["oh", "no"]).texts
        ('Oh', 'no')
        """
        texts = tuple(text[start:end] for start, end in spans)
        return cls(texts, tuple(start for start, _ in spans), tuple(keys))

    def __len__(self) -> int:
        return len(self.texts)

    def spans(self) -> Iterator[tuple[int, int]]:
        """Yield the start and the end of each token, in code points.

        >>> list(Tokens.cut("Oh no", [(0, 2), (3, 5)], ["oh", "no"]).spans())
        [(0, 2), (3, 5)]
        """
        for start, token in zip(self.starts, self.texts, strict=True):
            yield start, start + len(token)
