"""Every byte of the UTF-8 a token."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_lstm.text.byte_symbols import ByteSymbols
from nlp_lstm.text.vocabulary import Vocabulary

ANYTHING = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"]), st.sampled_from("aé€😀\x00\x7f\x80\xff\u07ff\u0800\uffff\U00010000")
    )
)


@settings(deadline=None)
@given(ANYTHING)
def test_the_keys_number_the_bytes_of_the_text(text):
    assert bytes(map(ord, ByteSymbols()(text).keys)) == text.encode()


@settings(deadline=None)
@given(ANYTHING)
def test_the_bytes_spell_the_text(text):
    assert ByteSymbols().decode(ByteSymbols()(text).keys) == text


@settings(deadline=None)
@given(ANYTHING)
def test_each_character_comes_once_for_each_of_its_bytes(text):
    tokens = ByteSymbols()(text)
    expected = [(place, sign) for place, sign in enumerate(text) for _ in range(len(sign.encode()))]
    assert list(zip(tokens.starts, tokens.texts, strict=True)) == expected


def test_half_a_character_is_read_as_the_replacement_character():
    assert ByteSymbols().decode(ByteSymbols()("a\ud800").keys) == "a\ufffd"


def test_a_character_of_each_length_is_spelled_as_unicode_says():
    tokens = ByteSymbols()("$£€😀")  # 24 | C2 A3 | E2 82 AC | F0 9F 98 80
    assert tokens.keys == ("$", "\xc2", "\xa3", "\xe2", "\x82", "\xac", "\xf0", "\x9f", "\x98", "\x80")
    assert tokens.starts == (0, 1, 1, 2, 2, 2, 3, 3, 3, 3)


def test_the_pieces_are_the_256_bytes_and_know_every_text():
    pieces = ByteSymbols.pieces
    assert sorted(map(ord, pieces)) == list(range(256))
    vocabulary = Vocabulary.build(dict.fromkeys(pieces, 1))
    ids = vocabulary.ids(ByteSymbols()("Ωmega \x00 ☃ <pad> <unk> 日本語").keys)
    assert vocabulary.unknown_id not in ids
    assert vocabulary.pad_id not in ids
    assert len(vocabulary) == 258


def test_half_a_character_is_shown_as_such_and_does_not_spoil_its_neighbours():
    keys = ByteSymbols()("a€b").keys
    assert ByteSymbols().decode([*keys[:2], *keys[4:]]) == "a\ufffdb"
    assert ByteSymbols().decode(keys[2:]) == "\ufffd\ufffdb"


def test_a_key_of_no_byte_is_shown_as_such():
    assert ByteSymbols().decode(["a", "<unk>", "Ω", "b"]) == "a\ufffd\ufffdb"


def test_lower_case_spells_the_lowered_text_and_keeps_the_places_of_the_original():
    tokens = ByteSymbols(lowercase=True)("İẞK")  # capitals, of which two get shorter: i, ß and the plain k
    assert ByteSymbols().decode(tokens.keys) == "ißk"
    assert tokens.texts == ("İ", "ẞ", "ẞ", "K")
    assert tokens.starts == (0, 1, 1, 2)


def test_markup_is_looked_up_as_blanks_and_keeps_its_place():
    tokens = ByteSymbols(strip_markup=True)("é<b>c")
    assert tokens.texts == ("é", "é", "<", "b", ">", "c")
    assert tokens.keys == ("\xc3", "\xa9", " ", " ", " ", "c")


def test_a_lone_surrogate_is_spelled_as_the_replacement_character():
    assert ByteSymbols().decode(ByteSymbols()("a\ud83db").keys) == "a\ufffdb"
