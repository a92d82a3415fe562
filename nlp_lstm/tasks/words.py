"""Words with their spellings: what a network that reads words is told of each, and how a text becomes words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from nlp_lstm.batching.spelled import SpelledRows
from nlp_lstm.config import Positive, Settings, VocabularySettings
from nlp_lstm.corpora.token_table import IdTable, TokenTable
from nlp_lstm.errors import ModelError, UsageError
from nlp_lstm.nn.spelling import SpellingFeatures
from nlp_lstm.records.examples import TaggedSentence
from nlp_lstm.tasks.task import Vocabularies, build_vocabulary, words_with_vectors
from nlp_lstm.text.casing import CASINGS, casing
from nlp_lstm.text.tokenizers import Tokenizer
from nlp_lstm.text.vocabulary import PAD, UNKNOWN, Vocabulary

WORD_TOKENIZERS = ("spacy", "regex")
BEGIN, END = "<begin>", "<end>"
CHARACTER_SPECIALS = (PAD, UNKNOWN, BEGIN, END)
"""What stands before the characters in their vocabulary: where a word begins and ends is told to what reads it."""
KEPT = 65_536
"""Spellings whose ids are kept between calls: in a stream of texts most come again and again."""


class SpellingSettings(Settings):
    """What a network reads of a word beside the word itself."""

    characters: Literal["cnn", "lstm", "none"] = "cnn"
    """What reads the letters of a word."""
    character_embed_size: Positive = 32
    character_size: Annotated[int, Field(ge=4, multiple_of=4)] = 128
    """Width of what is read, a multiple of 4."""
    casing: bool = True
    """Tell the network how a word is written: lower, Capitalised, UPPER, with digits, ..."""

    def build(self, n_characters: int) -> SpellingFeatures:
        """Return what reads spellings, freshly initialised, for so many characters."""
        return SpellingFeatures(
            n_characters,
            len(CASINGS) if self.casing else 0,
            reader=self.characters,
            embed_size=self.character_embed_size,
            size=self.character_size,
        )


NO_SPELLING = SpellingSettings(characters="none", casing=False)
"""The word alone."""


class Spelling(NamedTuple):
    """What the network is told of a spelling: the number of its word, its kind of casing, its characters' numbers."""

    word: int
    casing: int
    characters: NDArray[np.int32]


def check_words(kind: str) -> None:
    """See that a kind of tokenizer cuts words.

    Raises:
        UsageError: it does not.
    """
    if kind not in WORD_TOKENIZERS:
        raise UsageError(f"tokenizer.kind: a tagger needs words ({' or '.join(WORD_TOKENIZERS)})")


def build_word_vocabularies(
    counts: Mapping[str, int], tokenizer: Tokenizer, settings: VocabularySettings
) -> Vocabularies:
    """Return the vocabularies of words and characters.

    Args:
        counts: how often each word comes, as it is written.
        tokenizer: says whether words are looked up in lower case.
        settings: which words get a row of their own.

    Raises:
        UsageError: the tokenizer does not cut words.
    """
    check_words(tokenizer.kind)
    words: dict[str, int] = {}
    characters: dict[str, int] = {}
    for spelling, count in counts.items():
        key = spelling.lower() if tokenizer.lowercase else spelling
        words[key] = words.get(key, 0) + count
        for sign in spelling:
            characters[sign] = characters.get(sign, 0) + count
    return {
        "words": build_vocabulary(words, words_with_vectors(settings, lowercase=tokenizer.lowercase), settings),
        "characters": Vocabulary.build(characters, specials=CHARACTER_SPECIALS),
    }


def check_word_vocabularies(vocabularies: Vocabularies) -> None:
    """See that the vocabularies of a model folder are those of words and characters.

    Raises:
        ModelError: they are not.
    """
    if set(vocabularies) != {"words", "characters"}:
        raise ModelError("expected vocabularies of 'words' and 'characters'")
    if vocabularies["characters"].specials != CHARACTER_SPECIALS:
        raise ModelError(f"expected a vocabulary of characters that begins with {', '.join(CHARACTER_SPECIALS)}")


class WordReader:
    """Numbers words and their spellings.

    Args:
        vocabularies: of the words and of the characters.
        lowercase: whether words are looked up in lower case.
    """

    def __init__(self, vocabularies: Vocabularies, *, lowercase: bool) -> None:
        self._words, self._characters = vocabularies["words"], vocabularies["characters"]
        self._lowercase = lowercase
        self._known: dict[str, Spelling] = {}

    def encode(self, tokens: TokenTable) -> SpelledRows:
        """Return the ids of sentences, with those of the spellings they consist of."""
        known = list(map(self.spelling, tokens.tokens))
        words, casings, characters = zip(*known, strict=True) if known else ((),) * 3
        rows = IdTable(tokens.indices, tokens.offsets)
        return SpelledRows(rows, np.array(words, dtype=np.int64), np.array(casings, dtype=np.int64), characters)

    def fill(self, rows: SpelledRows) -> SpelledRows:
        """Return the rows with one unknown word in the place of each that has none."""
        if all(map(len, rows.rows)):
            return rows
        nothing = self.spelling("")
        stand_in = np.array([len(rows.words)], dtype=np.int32)
        return replace(
            rows,
            rows=[row if len(row) else stand_in for row in rows.rows],
            words=np.append(rows.words, nothing.word),
            casings=np.append(rows.casings, nothing.casing),
            characters=[*rows.characters, nothing.characters],
        )

    def spelling(self, spelling: str) -> Spelling:
        """Return what the network is told of a spelling."""
        found = self._known.get(spelling)
        if found is not None:
            return found
        begin, end = (CHARACTER_SPECIALS.index(sign) for sign in (BEGIN, END))
        ids = np.array([begin, *self._characters.ids(list(spelling)), end], dtype=np.int32)
        word = self._words[spelling.lower() if self._lowercase else spelling]
        if len(self._known) >= KEPT:
            self._known.clear()
        self._known[spelling] = found = Spelling(word, casing(spelling), ids)
        return found


def sentence_of(given: str | Sequence[str], tokenizer: Tokenizer) -> TaggedSentence:
    """Return a text cut into words, or the sentence of words that are given."""
    if not isinstance(given, str):
        return TaggedSentence.of_words(given)
    tokens = tokenizer(given)
    return TaggedSentence(given, tokens.texts, tokens.starts)
