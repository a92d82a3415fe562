"""Words by the rules of spaCy, language by language; no model is needed or downloaded."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from nlp_lstm.errors import UsageError, nearest
from nlp_lstm.text.normalise import prepare
from nlp_lstm.text.tokens import Tokens

if TYPE_CHECKING:
    from spacy.tokens import Doc

# spaCy remembers every string it has met. A fresh tokenizer every so many keeps memory bounded on an endless
# stream; its own `memory_zone` does too, but made cutting three times slower.
MAX_REMEMBERED_STRINGS = 1_000_000
_BATCH_SIZE = 1000


@dataclass(frozen=True)
class SpacyWords:
    """Cut a text into words as spaCy does: `can't` into `ca` and `n't`, `U.K.` in one piece.

    Tokens of white space are dropped. The language's rules are loaded at first use, once for each process.

    Args:
        language: a language code of spaCy: `en`, `de`, `fr`, `es`, …; `xx` for rules of no language.
        lowercase: look tokens up in lower case.
        strip_markup: read HTML tags as blanks.
    """

    language: str = "en"
    lowercase: bool = False
    strip_markup: bool = False
    kind: ClassVar[str] = "spacy"

    def __call__(self, text: str) -> Tokens:
        """Return the tokens of `text` with their offsets.

        Raises:
            UsageError: spaCy has no such language, or it needs a package that is not installed.
        """
        doc = _rules(self.language)(prepare(text, strip_markup=self.strip_markup))
        spans = [(word.idx, word.idx + len(word)) for word in doc if not word.is_space]
        return Tokens.cut(text, spans, self._keys_of(doc))

    def keys(self, texts: Iterable[str]) -> Iterator[list[str]]:
        """Yield the keys of each text, without offsets.

        Raises:
            UsageError: spaCy has no such language, or it needs a package that is not installed.
        """
        ready = (prepare(text, strip_markup=self.strip_markup) for text in texts)
        while batch := list(islice(ready, _BATCH_SIZE)):
            # The tokenizer alone, not the pipeline: it has no limit on a text's length.
            for doc in _rules(self.language).pipe(batch):
                yield self._keys_of(doc)

    def to_dict(self) -> dict[str, object]:
        """Return all that rebuilds this tokenizer, ready for JSON."""
        return {"kind": self.kind, **asdict(self)}

    def _keys_of(self, doc: Doc) -> list[str]:
        words = [word.text for word in doc if not word.is_space]
        return [word.lower() for word in words] if self.lowercase else words


def languages() -> list[str]:
    """Return the language codes that spaCy has rules for, without importing it.

    >>> [code for code in languages() if code in {"de", "en", "xx"}]
    ['de', 'en', 'xx']
    """
    spec = importlib.util.find_spec("spacy")
    if spec is None or not spec.submodule_search_locations:
        return []
    folder = Path(spec.submodule_search_locations[0], "lang")
    return sorted(path.parent.name for path in folder.glob("*/__init__.py"))


def check_language(language: str) -> None:
    """Make sure that spaCy has rules for `language`, without importing it.

    Raises:
        UsageError: it has none; the message names the nearest code.
    """
    known = languages()
    if language not in known:
        hint = nearest(language, known) or "; spaCy is not installed"
        raise UsageError(f"tokenizer language '{language}' is not one of spaCy's{hint}")


def _rules(language: str) -> Any:
    """Return spaCy's tokenizer for `language`, a fresh one when the last has seen too much."""
    tokenizer = _build(language)
    if len(tokenizer.vocab.strings) > MAX_REMEMBERED_STRINGS:
        _build.cache_clear()
        tokenizer = _build(language)
    return tokenizer


@cache
def _build(language: str) -> Any:
    check_language(language)
    # Imported here because it takes seconds and brings torch with it.
    import spacy

    try:
        return spacy.blank(language).tokenizer
    except ImportError as error:  # Japanese, Korean, Thai and Vietnamese cut by other packages
        raise UsageError(f"tokenizer language '{language}' needs a package: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]
