"""Every code point a token."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_lstm.text.characters import Characters


@settings(deadline=None)
@given(st.text())
def test_the_characters_spell_the_text(text):
    tokens = Characters()(text)
    assert list(tokens.texts) == list(text)
    assert Characters().decode(tokens.keys) == text


def test_white_space_is_kept():
    assert Characters()("a\n b\t").texts == ("a", "\n", " ", "b", "\t")


def test_lower_case_keeps_one_key_a_character():
    tokens = Characters(lowercase=True)("İA")
    assert tokens.texts == ("İ", "A")
    assert tokens.keys == ("i", "a")


def test_markup_is_looked_up_as_blanks_and_keeps_its_place():
    tokens = Characters(strip_markup=True)("a<b>c")
    assert tokens.texts == ("a", "<", "b", ">", "c")
    assert tokens.keys == ("a", " ", " ", " ", "c")
