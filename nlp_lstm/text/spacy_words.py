"""Words by the rules of spaCy, language by language; no model is needed or downloaded."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from nlp_lstm.errors import UsageError, nearest
from nlp_lstm.text.normalise import prepare
from nlp_lstm.text.tokens import Tokens

# What is remembered of a stream is thrown away when it has grown to so many strings, some 150 MB, so that memory stays
# bounded; new rules take a tenth of a second. spaCy's own `memory_zone` would do that too, but made cutting three times
# slower.
MAX_REMEMBERED = 300_000
_RUN = re.compile(r"\S+")
# spaCy takes the signs before and behind a word off one by one, and looks at all that is left each time: of more than
# so many in a row each portion is cut by itself, so that the cost grows with the text and not with its square.
MAX_SIGNS = 256
_MANY_SIGNS = re.compile(rf"(?:[^\w\s]|_|(?<=['’])[sS]){{{MAX_SIGNS + 1},}}")  # 's is taken off like a sign


@dataclass(frozen=True)
class SpacyWords:
    """Cut a text into words as spaCy does: `can't` into `ca` and `n't`, `U.K.` in one piece.

    White space is dropped. The language's rules are loaded at first use, once for each process.

    Args:
        language: a language code of spaCy: `en`, `de`, `fr`, `es`, …; `xx` for rules of no language.
        lowercase: look tokens up in lower case.
        strip_markup: read HTML tags as blanks.
    """

    language: str = "en"
    lowercase: bool = False
    strip_markup: bool = False
    kind: ClassVar[str] = "spacy"
    pieces: ClassVar[tuple[str, ...]] = ()

    def __call__(self, text: str) -> Tokens:
        """Return the tokens of `text` with their offsets.

        Raises:
            UsageError: spaCy has no such language, or it needs a package that is not installed.
        """
        rules = _rules(self.language)
        spans = list(rules.spans(prepare(text, strip_markup=self.strip_markup)))
        return Tokens.cut(text, spans, next(self.keys([text])))

    def keys(self, texts: Iterable[str]) -> Iterator[list[str]]:
        """Yield the keys of each text, without offsets.

        Raises:
            UsageError: spaCy has no such language, or it needs a package that is not installed.
        """
        for text in texts:
            words = _rules(self.language).words(prepare(text, strip_markup=self.strip_markup))
            yield [word.lower() for word in words] if self.lowercase else words

    @property
    def cuts_run_by_run(self) -> bool:
        """Whether each run of characters without white space is cut by itself."""
        return _rules(self.language).run_by_run

    def to_dict(self) -> dict[str, object]:
        """Return all that rebuilds this tokenizer, ready for JSON."""
        return {"kind": self.kind, **asdict(self)}


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
    if not isinstance(language, str):
        raise UsageError(f"tokenizer language: expected a string, found {language!r}")
    known = languages()
    if language not in known:
        hint = nearest(language, known) or "; spaCy is not installed"
        raise UsageError(f"tokenizer language '{language}' is not one of spaCy's{hint}")


class _Rules(dict[str, list[str]]):
    """The rules of one language: a run of characters without white space → its words.

    Almost all languages are cut run by run, and most runs come again: each is cut by spaCy once. A language
    whose rules reach across white space (`EE. UU.`), or that is cut by another library, is cut as a whole.
    A run never depends on its neighbours here; in spaCy signs on both sides of a blank can hide an exception
    next to them (`2) :O`), which made 3 of 25,000 film reviews differ, in one or two tokens each.
    Longer rows of signs than `MAX_SIGNS` are cut into portions first.
    """

    def __init__(self, tokenizer: Any, *, run_by_run: bool) -> None:
        self.tokenizer = tokenizer
        self.run_by_run = run_by_run

    def __missing__(self, run: str) -> list[str]:
        words = self[run] = [word.text for portion in _portions(run) for word in self.tokenizer(portion)]
        return words

    def words(self, text: str) -> list[str]:
        """Return the words of a text."""
        if self.run_by_run:
            return [word for run in text.split() for word in self[run]]
        return [word.text for portion in _portions(text) for word in self.tokenizer(portion) if not word.is_space]

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield the start and the end of each word."""
        if not self.run_by_run:
            place = 0
            for portion in _portions(text):
                words = (word for word in self.tokenizer(portion) if not word.is_space)
                yield from ((place + word.idx, place + word.idx + len(word)) for word in words)
                place += len(portion)
            return
        for run in _RUN.finditer(text):
            start = run.start()
            for word in self[run[0]]:  # together they are the run: spaCy loses nothing
                yield start, start + len(word)
                start += len(word)

    @property
    def remembered(self) -> int:
        """How many strings are held for later."""
        return max(len(self), len(self.tokenizer.vocab.strings))


def _portions(text: str) -> Iterator[str]:
    """Yield a text in portions: whole, but for the rows of more than `MAX_SIGNS` signs at a blank or at an end."""
    start = 0
    for row in _MANY_SIGNS.finditer(text):
        around = text[max(0, row.start() - 1) : row.start()], text[row.end() : row.end() + 1]
        if all(around) and not any(map(str.isspace, around)):  # inside a word spaCy takes nothing off
            continue
        for end in range(row.start() + MAX_SIGNS, row.end(), MAX_SIGNS):
            yield text[start:end]
            start = end
    yield text[start:]


def _rules(language: str) -> _Rules:
    """Return the rules for `language`, fresh ones when the last have seen too much."""
    rules = _build(language)
    if rules.remembered > MAX_REMEMBERED:
        _build.cache_clear()
        rules = _build(language)
    return rules


@cache
def _build(language: str) -> _Rules:
    check_language(language)
    # Imported here because it takes seconds and brings torch with it.
    import spacy

    try:
        tokenizer: Any = spacy.blank(language).tokenizer
    except ImportError as error:  # Japanese, Korean, Thai and Vietnamese are cut by other libraries
        raise UsageError(f"tokenizer language '{language}' needs a package: {_first_line(error)}") from error
    own = type(tokenizer).__module__ == "spacy.tokenizer"
    run_by_run = own and not any(map(_reaches_across, tokenizer.rules))
    return _Rules(tokenizer, run_by_run=run_by_run)


def _reaches_across(rule: str) -> bool:
    return not rule.isspace() and any(character.isspace() for character in rule)


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]
