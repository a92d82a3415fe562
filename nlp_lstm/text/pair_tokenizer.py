"""The tokenizers of two languages, of the sentences to translate and of their translations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, ClassVar

from nlp_lstm.errors import ModelError
from nlp_lstm.text.byte_symbols import ByteSymbols
from nlp_lstm.text.subwords import Subwords
from nlp_lstm.text.tokenizers import Tokenizer, tokenizer_from_dict
from nlp_lstm.text.tokens import Tokens
from nlp_lstm.text.utf8 import whole_characters

_OPENING, _CLOSING = "([{„¿¡", ".,;:!?)]}%”…"
_HIGH_QUOTE = "“"  # it closes what „ opened, and opens where nothing is to be closed
_SUFFIXES = ("n't", "'s", "'m", "'re", "'ve", "'ll", "'d")


@dataclass(frozen=True)
class PairTokenizer:
    """Cuts sentences of two languages.

    Args:
        source: cuts what is to be translated.
        target: cuts translations, and joins their tokens again.
    """

    source: Tokenizer
    target: Tokenizer
    kind: ClassVar[str] = "pair"

    @property
    def lowercase(self) -> bool:
        """Whether what is to be translated is looked up in lower case."""
        return self.source.lowercase

    def decode(self, keys: Sequence[str]) -> str:
        """Return the translation that `keys` spell: exactly, of characters and subwords; words are joined by rule.

        Bytes that are no whole character are left out.

        >>> from nlp_lstm.text.regex_words import RegexWords
        >>> PairTokenizer(RegexWords(), RegexWords()).decode(["Oh", ",", "no", "!"])
        'Oh, no!'
        """
        if isinstance(self.target, ByteSymbols | Subwords):
            return self.target.to_bytes(keys).decode(errors="ignore")
        decode = getattr(self.target, "decode", join_words)
        return str(decode(keys))

    def cut(self, keys: Sequence[str]) -> Tokens:
        """Return the tokens of the translation that `keys` spell, each with its offset in what `decode` gives.

        >>> from nlp_lstm.text.byte_symbols import ByteSymbols
        >>> PairTokenizer(ByteSymbols(), ByteSymbols()).cut(["o", "Ã", "©"]).texts
        ('o', 'é', 'é')
        """
        text = self.decode(keys)
        if isinstance(self.target, ByteSymbols | Subwords):
            return Tokens.cut(text, _byte_spans([self.target.to_bytes([key]) for key in keys]), keys)
        # What the first keys spell is the beginning of what all spell; a blank before a word is not of it.
        ends = [len(self.decode(keys[: n + 1])) for n in range(len(keys))]
        return Tokens.cut(text, [(end - len(key), end) for end, key in zip(ends, keys, strict=True)], keys)

    def to_dict(self) -> dict[str, object]:
        """Return all that rebuilds the two, ready for JSON; the target is None where it is the source's."""
        target = None if self.target == self.source else self.target.to_dict()
        return {"kind": self.kind, "source": self.source.to_dict(), "target": target}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> PairTokenizer:
        """Return the tokenizers that `to_dict` described.

        Raises:
            ModelError: the record is not of a pair, or one of the two is not known.
        """
        if record.get("kind") != cls.kind or not isinstance(record.get("source"), Mapping):
            raise ModelError(f"tokenizer: expected a pair, found kind {record.get('kind')!r}")
        source = tokenizer_from_dict(record["source"])
        target = record.get("target")
        return cls(source, source if target is None else tokenizer_from_dict(target))


def _byte_spans(pieces: Sequence[bytes]) -> list[tuple[int, int]]:
    """Return of pieces of bytes which characters of their text each has bytes of: the first, and the end, exclusive."""
    of_bytes = whole_characters(b"".join(pieces))
    ends = list(accumulate(map(len, pieces), initial=0))
    return [(of_bytes[first][0], of_bytes[end - 1][1]) for first, end in pairwise(ends)]


def join_words(words: Sequence[str]) -> str:
    """Return words as one text, without a blank before closing signs or behind opening ones.

    >>> join_words(["(", "so", ")", ",", "do", "n't", "."])
    "(so), don't."
    """
    text = ""
    for word in words:
        opening, closing = (_OPENING, _CLOSING + _HIGH_QUOTE) if "„" in text else (_OPENING + _HIGH_QUOTE, _CLOSING)
        glued = not text or text[-1] in opening or word[0] in closing or word in _SUFFIXES
        text += word if glued else f" {word}"
    return text
