"""The tokenizers of two languages, of the sentences to translate and of their translations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from nlp_lstm.errors import ModelError
from nlp_lstm.text.tokenizers import Tokenizer, tokenizer_from_dict
from nlp_lstm.text.tokens import Tokens

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

        >>> from nlp_lstm.text.regex_words import RegexWords
        >>> PairTokenizer(RegexWords(), RegexWords()).decode(["Oh", ",", "no", "!"])
        'Oh, no!'
        """
        decode = getattr(self.target, "decode", join_words)
        return str(decode(keys))

    def cut(self, keys: Sequence[str]) -> Tokens:
        """Return the tokens of the translation that `keys` spell, each with its offset in what `decode` gives.

        >>> from nlp_lstm.text.byte_symbols import ByteSymbols
        >>> PairTokenizer(ByteSymbols(), ByteSymbols()).cut(["o", "Ã", "©"]).texts
        ('o', 'é', 'é')
        """
        # What the first keys spell is the beginning of what all spell, but for a last character that is cut.
        text, beginnings = self.decode(keys), [self.decode(keys[:n]) for n in range(len(keys) + 1)]
        ends = [len(beginning) for beginning in beginnings[1:]]
        if hasattr(self.target, "decode"):
            starts = [len(before) - (not text.startswith(before)) for before in beginnings[:-1]]
        else:  # a blank before a word is not of it
            starts = [end - len(word) for end, word in zip(ends, keys, strict=True)]
        return Tokens.cut(text, list(zip(starts, ends, strict=True)), keys)

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
