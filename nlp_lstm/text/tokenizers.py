"""The table of tokenizers: what each one can do, how one is built, and how one comes back from a model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, fields
from typing import Any, Protocol

from nlp_lstm.errors import ModelError, UsageError, nearest
from nlp_lstm.text.blank_words import BlankWords
from nlp_lstm.text.byte_symbols import ByteSymbols
from nlp_lstm.text.characters import Characters
from nlp_lstm.text.regex_words import RegexWords
from nlp_lstm.text.spacy_words import SpacyWords, check_language
from nlp_lstm.text.subwords import Subwords, train_subwords
from nlp_lstm.text.tokens import Tokens


class Tokenizer(Protocol):
    """Cuts texts into tokens.

    A tokenizer is a small frozen value: equal to its copies, cheap to pickle and to send to another process.
    Whatever is slow to make is made at first use.
    """

    @property
    def kind(self) -> str:
        """Its name in the table."""
        ...

    @property
    def lowercase(self) -> bool:
        """Whether tokens are looked up in lower case."""
        ...

    @property
    def pieces(self) -> tuple[str, ...]:
        """Every token it can make, where there is such a list: a vocabulary that holds them knows any text."""
        ...

    def __call__(self, text: str) -> Tokens:
        """Return the tokens of `text` with their offsets."""
        ...

    def keys(self, texts: Iterable[str]) -> Iterator[list[str]]:
        """Yield the keys of each text, without offsets: the same as those of a call, faster."""
        ...

    def to_dict(self) -> dict[str, object]:
        """Return all that rebuilds this tokenizer, ready for JSON."""
        ...


_PLAIN: dict[str, type[RegexWords | BlankWords | Characters | ByteSymbols]] = {
    kind.kind: kind for kind in (RegexWords, BlankWords, Characters, ByteSymbols)
}
TOKENIZERS: dict[str, type[SpacyWords | RegexWords | BlankWords | Characters | ByteSymbols | Subwords]] = {
    SpacyWords.kind: SpacyWords,
    **_PLAIN,
    Subwords.kind: Subwords,
}


def build_tokenizer(
    *,
    kind: str,
    language: str = "en",
    lowercase: bool = False,
    strip_markup: bool = False,
    vocab_size: int = 8000,
    train_texts: Iterable[str] | None = None,
) -> Tokenizer:
    """Return a new tokenizer.

    Args:
        kind: a name in `TOKENIZERS`: spacy, regex, blanks, characters, bytes or subwords.
        language: a language code of spaCy; for `spacy` only.
        lowercase: look tokens up in lower case.
        strip_markup: read HTML tags as blanks.
        vocab_size: how many pieces to learn at most; for `subwords` only.
        train_texts: what to learn the pieces from; for `subwords` only.

    Raises:
        UsageError: the kind or the language does not exist, or subwords have nothing to learn from.

    >>> build_tokenizer(kind="regex")("So it goes.").texts
    ('So', 'it', 'goes', '.')
    """
    if not isinstance(kind, str):
        raise UsageError(f"tokenizer kind: expected a string, found {kind!r}")
    if kind not in TOKENIZERS:
        raise UsageError(f"there is no tokenizer '{kind}'{nearest(kind, TOKENIZERS)}")
    if kind == SpacyWords.kind:
        check_language(language)
        return SpacyWords(language, lowercase=lowercase, strip_markup=strip_markup)
    if kind == Subwords.kind:
        if train_texts is None:
            raise UsageError("the subwords tokenizer needs texts to learn from; train_texts is missing")
        return train_subwords(train_texts, vocab_size=vocab_size, lowercase=lowercase, strip_markup=strip_markup)
    return _PLAIN[kind](lowercase=lowercase, strip_markup=strip_markup)


def tokenizer_from_dict(record: Mapping[str, Any]) -> Tokenizer:
    """Return the tokenizer that `to_dict` described.

    Raises:
        ModelError: the record names no known tokenizer, or its settings are not those of one.

    >>> tokenizer_from_dict(RegexWords(lowercase=True).to_dict())
    RegexWords(lowercase=True, strip_markup=False)
    """
    settings = dict(record)
    kind = settings.pop("kind", None)
    if not isinstance(kind, str) or kind not in TOKENIZERS:
        raise ModelError(f"tokenizer: unknown kind {kind!r}{nearest(str(kind), TOKENIZERS)}")
    made = TOKENIZERS[kind]
    _check_settings(kind, made, settings)
    tokenizer = made(**settings)
    if isinstance(tokenizer, Subwords):
        tokenizer.check()
    return tokenizer


def _check_settings(kind: str, made: type[Any], settings: Mapping[str, Any]) -> None:
    known = {field.name: str(field.type) for field in fields(made)}
    for name, value in settings.items():
        if name not in known:
            raise ModelError(f"tokenizer {kind}: unknown setting {name!r}{nearest(name, known)}")
        if type(value).__name__ != known[name]:
            raise ModelError(f"tokenizer {kind}: {name} is {type(value).__name__}, expected {known[name]}")
    for field in fields(made):
        if field.default is MISSING and field.name not in settings:
            raise ModelError(f"tokenizer {kind}: {field.name} is missing")
