"""The running stages that need no model: they follow rules, or a person's own function."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, Literal

from nlp_lstm.errors import UsageError
from nlp_lstm.records.document import Document, Sentence, Token
from nlp_lstm.text.normalise import lower_in_place, prepare
from nlp_lstm.text.sentences import sentence_spans
from nlp_lstm.text.spacy_words import check_language
from nlp_lstm.text.tokenizers import Tokenizer, build_tokenizer


@dataclass(frozen=True)
class Normalize:
    """Gives the models another text to read, as long as the one that was given: no offset moves.

    Args:
        strip_markup: read HTML tags as blanks.
        lowercase: read capitals as small letters.
    """

    strip_markup: bool = True
    lowercase: bool = False

    name: ClassVar[str] = "normalize"
    requires: ClassVar[tuple[str, ...]] = ()
    provides: ClassVar[tuple[str, ...]] = ("normal",)

    def __call__(self, documents: Sequence[Document]) -> list[Document]:
        """Fill `normal`."""
        return [replace(document, normal=self._normal(document.text)) for document in documents]

    def _normal(self, text: str) -> str:
        ready = prepare(text, strip_markup=self.strip_markup)
        return lower_in_place(ready) if self.lowercase else ready


@dataclass(frozen=True)
class Sentences:
    """Cuts each text into sentences, which the stages after it take one by one.

    Args:
        language: a language code of spaCy, for its abbreviations; `xx` for none.

    Raises:
        UsageError: spaCy has no such language.
    """

    language: str = "en"

    name: ClassVar[str] = "sentences"
    requires: ClassVar[tuple[str, ...]] = ()
    uses: ClassVar[tuple[str, ...]] = ("normal",)
    provides: ClassVar[tuple[str, ...]] = ("sentences",)

    def __post_init__(self) -> None:
        check_language(self.language)

    def __call__(self, documents: Sequence[Document]) -> list[Document]:
        """Fill `sentences`."""
        return [replace(document, sentences=self._cut(document)) for document in documents]

    def _cut(self, document: Document) -> tuple[Sentence, ...]:
        spans = sentence_spans(document.readable, language=self.language)
        return tuple(Sentence(document.text[start:end], start) for start, end in spans)


@dataclass(frozen=True)
class Tokenize:
    """Cuts each text into words, sentence by sentence; they are what `Tag` tags then.

    Args:
        language: a language code of spaCy, for the `spacy` kind.
        kind: what cuts: spaCy's rules of the language, a regular expression, or white space alone.

    Raises:
        UsageError: spaCy has no such language.
    """

    language: str = "en"
    kind: Literal["spacy", "regex", "blanks"] = "spacy"

    name: ClassVar[str] = "tokenize"
    requires: ClassVar[tuple[str, ...]] = ()
    uses: ClassVar[tuple[str, ...]] = ("normal", "sentences")
    provides: ClassVar[tuple[str, ...]] = ("tokens",)

    def __post_init__(self) -> None:
        _ = self._tokenizer

    def __call__(self, documents: Sequence[Document]) -> list[Document]:
        """Fill `tokens`."""
        return [replace(document, tokens=tuple(self._tokens(document))) for document in documents]

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        return build_tokenizer(kind=self.kind, language=self.language)

    def _tokens(self, document: Document) -> Iterator[Token]:
        for piece in document.pieces:
            for start, end in self._tokenizer(document.readable[piece.start : piece.end]).spans():
                place = slice(piece.start + start, piece.start + end)
                yield Token(document.text[place], place.start)


class Map:
    """Runs a person's own function on each document.

    Args:
        function: takes a document and returns one, as a rule by `dataclasses.replace`.
        name: what errors call it; None takes the function's own name.
        requires: what must have been provided before, such as `entities`.
        provides: what the function adds, should a stage after it require that.

    Raises:
        UsageError: `function` is none, or `requires` or `provides` is no list of names.
    """

    def __init__(
        self,
        function: Callable[[Document], Document],
        *,
        name: str | None = None,
        requires: Sequence[str] = (),
        provides: Sequence[str] = (),
    ) -> None:
        if not callable(function):
            raise UsageError(f"Map takes a function, found {type(function).__name__}")
        self.function = function
        self.name = name or getattr(function, "__name__", "map")
        self.requires, self.provides = _names("requires", requires), _names("provides", provides)

    def __call__(self, documents: Sequence[Document]) -> Iterable[Document]:
        """Yield what the function makes of each document."""
        return map(self.function, documents)


def _names(what: str, given: Sequence[str]) -> tuple[str, ...]:
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise UsageError(f"Map: {what}: expected a list of names, found {given!r}")
    return tuple(given)
