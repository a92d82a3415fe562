"""Words between white space."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_lstm.text.blank_words import BlankWords

MIXED = st.text(
    st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("aZ.' \n\t\r\x1c\x1f\x85\u00a0\u2028\u200bİΣ"))
)


def runs(text):
    """Return the runs without white space with their starts, sign by sign."""
    found, word = [], ""
    for place, sign in enumerate(text + " "):
        if not sign.isspace():
            word += sign
        elif word:
            found.append((place - len(word), word))
            word = ""
    return found


@settings(deadline=None)
@given(MIXED)
def test_tokens_are_the_runs_without_white_space(text):
    tokens = BlankWords()(text)
    assert list(zip(tokens.starts, tokens.texts, strict=True)) == runs(text)


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        (" = Valkyria Chronicles III = \n", ["=", "Valkyria", "Chronicles", "III", "="]),
        ("<unk> 's 1 @,@ 000 (so-called) .", ["<unk>", "'s", "1", "@,@", "000", "(so-called)", "."]),
        ("don't 3.14!", ["don't", "3.14!"]),
        (" \n\n", []),
    ],
)
def test_a_text_is_cut_into(text, keys):
    assert list(BlankWords()(text).keys) == keys


@settings(deadline=None)
@given(MIXED)
def test_keys_are_the_tokens_in_lower_case(text):
    tokens = BlankWords(lowercase=True)(text)
    assert list(tokens.keys) == [token.lower() for token in tokens.texts]


def test_markup_parts_words():
    assert BlankWords(strip_markup=True)("so<br />it").texts == ("so", "it")
