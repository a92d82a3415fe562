"""Words as a text that is already cut gives them: whatever stands between white space."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import ClassVar

from nlp_lstm.text.normalise import prepare
from nlp_lstm.text.tokens import Tokens

_RUN = re.compile(r"\S+")


@dataclass(frozen=True)
class BlankWords:
    """Cut a text at white space and nowhere else.

    For corpora whose words and signs are published with blanks between them, WikiText for example: only so do
    their token counts, and perplexities, agree with those of others.

    Args:
        lowercase: look tokens up in lower case.
        strip_markup: read HTML tags as blanks.

    >>> BlankWords()(" Robert <unk> , b. 1980 ").texts
    ('Robert', '<unk>', ',', 'b.', '1980')
    """

    lowercase: bool = False
    strip_markup: bool = False
    kind: ClassVar[str] = "blanks"
    pieces: ClassVar[tuple[str, ...]] = ()

    def __call__(self, text: str) -> Tokens:
        """Return the words of `text` with their offsets."""
        ready = prepare(text, strip_markup=self.strip_markup)
        spans = [match.span() for match in _RUN.finditer(ready)]
        return Tokens.cut(text, spans, next(self.keys([text])))

    def keys(self, texts: Iterable[str]) -> Iterator[list[str]]:
        """Yield the keys of each text, without offsets."""
        for text in texts:
            words = prepare(text, strip_markup=self.strip_markup).split()
            yield [word.lower() for word in words] if self.lowercase else words

    def to_dict(self) -> dict[str, object]:
        """Return all that rebuilds this tokenizer, ready for JSON."""
        return {"kind": self.kind, **asdict(self)}
