"""Tokens put together again, in any pieces, against the text they were cut from."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_lstm.text.blank_words import BlankWords
from nlp_lstm.text.byte_symbols import ByteSymbols
from nlp_lstm.text.characters import Characters
from nlp_lstm.text.joining import join, keeps_line_ends
from nlp_lstm.text.regex_words import RegexWords
from nlp_lstm.text.spacy_words import SpacyWords
from nlp_lstm.text.subwords import bytes_of_piece, train_subwords

SUBWORDS = train_subwords(["so it goes, so it goes\n", "é ü 😀 é"] * 3, vocab_size=290)
EXACT = {"characters": Characters(), "bytes": ByteSymbols(), "subwords": SUBWORDS}
WORDS = {"blanks": BlankWords(), "regex": RegexWords(), "spacy": SpacyWords("en")}
TEXTS = st.text(st.sampled_from("so it goes\n\t é😀\x00\ufeff👩\u200d"), max_size=30) | st.text(max_size=10)


@pytest.mark.parametrize("name", EXACT)
@settings(deadline=None, max_examples=150)
@given(text=TEXTS, cuts=st.lists(st.integers(0, 60), max_size=4))
def test_the_tokens_of_a_text_give_it_back_in_any_pieces(name, text, cuts):
    tokenizer = EXACT[name]
    (keys,) = tokenizer.keys([text])
    places = [0, *sorted(min(cut, len(keys)) for cut in cuts), len(keys)]
    shown, rest = "", b""
    for start, end in pairwise(places):
        piece, rest = join(tokenizer, keys[start:end], before=shown, rest=rest)
        shown += piece
        assert text.startswith(shown)  # no half character, and nothing that is taken back
        assert len(rest) < 4
    assert (shown, rest) == (text, b"")


@pytest.mark.parametrize("name", WORDS)
@settings(deadline=None, max_examples=100)
@given(words=st.lists(st.sampled_from(["so", "it", "is", "é", "don't", "\n"]), max_size=8), place=st.integers(0, 8))
def test_words_have_a_blank_between_them_and_lines_none_at_their_ends(name, words, place):
    lines = " ".join(words).split("\n")
    expected = "\n".join(line.strip() for line in lines)
    before = join(WORDS[name], words[:place])
    assert (before.text + join(WORDS[name], words[place:], before=before.text).text, before.rest) == (expected, b"")


@pytest.mark.parametrize("name", WORDS)
@pytest.mark.parametrize(
    ("before", "text"), [("so", " it"), ("so ", "it"), ("so\t", "it"), ("so\n", "it"), ("", "it"), ("so\u00a0", "it")]
)
def test_a_word_after_white_space_gets_no_further_blank(name, before, text):
    assert join(WORDS[name], ["it"], before=before).text == text


@pytest.mark.parametrize(("tokenizers", "kept"), [(EXACT, True), (WORDS, False)], ids=["exact", "words"])
def test_a_tokenizer_of_words_drops_line_ends_and_no_other_does(tokenizers, kept):
    assert {keeps_line_ends(tokenizer) for tokenizer in tokenizers.values()} == {kept}


def test_every_byte_has_its_piece():
    pieces = SUBWORDS.pieces[:256]
    assert sorted(map(bytes_of_piece, pieces)) == [bytes([byte]) for byte in range(256)]


@settings(deadline=None, max_examples=100)
@given(st.lists(st.sampled_from(SUBWORDS.pieces), max_size=12))
def test_pieces_in_any_order_read_as_their_bytes_do(pieces):
    text, rest = join(SUBWORDS, pieces)
    whole = b"".join(map(bytes_of_piece, pieces))
    assert text + rest.decode(errors="replace") == whole.decode(errors="replace")
