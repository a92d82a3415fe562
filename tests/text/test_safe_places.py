"""A parted text gives the tokens of the whole one, wherever its pieces end."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_lstm.text.blank_words import BlankWords
from nlp_lstm.text.byte_symbols import ByteSymbols
from nlp_lstm.text.characters import Characters
from nlp_lstm.text.regex_words import RegexWords
from nlp_lstm.text.safe_places import last_safe_place
from nlp_lstm.text.spacy_words import SpacyWords
from nlp_lstm.text.subwords import train_subwords

LEARNED = ["so it goes, and so it was; don't  you\n\nknow the 3.14 <b>bold</b> words?"] * 3
TOKENIZERS = {
    "regex": RegexWords(lowercase=True),
    "blanks": BlankWords(),
    "characters": Characters(),
    "lower characters": Characters(lowercase=True),
    "bytes": ByteSymbols(),
    "spacy": SpacyWords("en"),
    "subwords": train_subwords(LEARNED, vocab_size=300),
    "marked words": RegexWords(strip_markup=True),
    "marked subwords": train_subwords(LEARNED, vocab_size=300, strip_markup=True),
    "marked characters": Characters(strip_markup=True),
}
PIECES = [
    "so",
    " it",
    "  ",
    "\n",
    "don't",
    " 3.",
    "14",
    "<b",
    ">",
    "<br />",
    "</i",
    " <",
    "é",
    "👩‍👩‍👧",
    "Σ",
    "\t",
    ". ",
    "\x1c",
]


@pytest.mark.parametrize("name", TOKENIZERS)
@settings(deadline=None, max_examples=60)
@given(pieces=st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=14))
def test_the_parts_of_a_text_have_the_tokens_of_the_whole(name, pieces):
    tokenizer = TOKENIZERS[name]
    found, held = [], ""
    for piece in pieces:
        held += piece
        place = last_safe_place(held, tokenizer)
        found += tokenizer(held[:place]).keys
        held = held[place:]
    found += tokenizer(held).keys
    assert found == list(tokenizer("".join(pieces)).keys)


def test_what_is_held_back_is_a_word_or_what_may_become_a_tag():
    assert last_safe_place("so it is", RegexWords()) == 5
    assert last_safe_place("so it is ", RegexWords()) == 5
    assert last_safe_place("word", RegexWords()) == 0
    assert last_safe_place("a b <i c", RegexWords(strip_markup=True)) == 1
    assert last_safe_place("a b <i c", RegexWords()) == 6
    assert last_safe_place("anything", Characters()) == 8
    assert last_safe_place("any<thing", Characters(strip_markup=True)) == 3
    assert last_safe_place("", Characters()) == 0


def test_a_language_that_reaches_across_blanks_is_held_back_whole():
    assert SpacyWords("en").cuts_run_by_run and not SpacyWords("es").cuts_run_by_run
    assert last_safe_place("EE. UU. y mucho texto", SpacyWords("es")) == 0
