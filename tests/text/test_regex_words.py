"""Words, numbers and signs by a regular expression."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_lstm.text import regex_words
from nlp_lstm.text.normalise import prepare
from nlp_lstm.text.regex_words import RegexWords

# Letters, marks, joiners, emoji parts and punctuation meet each other often in these.
MIXED = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("aZ09_'’.,-!?*=~ \n\t\x1c\x85\u00a0\u0301\u200d\u200c\ufe0f👍🏽🇬🇧👩日のहिé"),
    )
)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("So it goes.", "So it goes ."),
        ("I don't, can’t rock'n'roll", "I don't , can’t rock'n'roll"),
        ("'quoted' dogs'", "' quoted ' dogs '"),
        ("well-known -- really", "well - known -- really"),
        ("Wow!!! What?! No... yes.", "Wow !!! What ? ! No ... yes ."),
        ("3.14, 1,000.50; 1990s 8.5/10", "3.14 , 1,000.50 ; 1990s 8.5 / 10"),
        ("5,000th no. 5,a 3. 4", "5,000th no . 5 , a 3 . 4"),
        ("__init__ _so_ **bold** ~~~ ===", "__ init __ _ so _ ** bold ** ~~~ ==="),
        ("a<b $5 50% #tag @me x&y", "a < b $ 5 50 % # tag @ me x & y"),
        ("<3 :-) :(", "< 3 : - ) : ("),
        ("«Größe» ÉTÉ", "« Größe » ÉTÉ"),
        ("cafe\u0301 हिन्दी", "cafe\u0301 हिन्दी"),  # accents and vowel signs of their own
        ("می\u200cخواهم", "می\u200cخواهم"),  # a joiner inside a word
        ("日本語を話す 中文", "日 本 語 を 話 す 中 文"),
        ("한국어 русский ελληνικά", "한국어 русский ελληνικά"),
        ("😀😀👍🏽 👩\u200d👩\u200d👧❤\ufe0f", "😀 😀 👍🏽 👩\u200d👩\u200d👧 ❤\ufe0f"),
        ("🇬🇧🇫🇷", "🇬🇧 🇫🇷"),
        ("🏴\U000e0067\U000e0062\U000e007f!", "🏴\U000e0067\U000e0062\U000e007f !"),
        ("１２３．５ ٣.١٤", "１２３ ． ５ ٣.١٤"),
        ("", ""),
        (" \n\t\u00a0", ""),
    ],
)
def test_a_text_is_cut_into(text, tokens):
    assert list(RegexWords()(text).texts) == tokens.split()


@settings(deadline=None)
@given(MIXED)
def test_no_character_but_white_space_is_lost(text):
    assert "".join(RegexWords()(text).texts) == "".join(text.split())


@settings(deadline=None)
@given(MIXED)
def test_no_token_holds_white_space(text):
    assert not any(re.search(r"\s", token) or not token for token in RegexWords()(text).texts)


@settings(deadline=None)
@given(st.text(st.characters(max_codepoint=127)))
def test_the_fast_pattern_finds_in_ascii_what_the_full_one_does(text):
    assert regex_words._ascii_pattern().findall(text) == regex_words._unicode_pattern().findall(text)


@settings(deadline=None)
@given(MIXED)
def test_keys_are_the_tokens_in_lower_case(text):
    tokens = RegexWords(lowercase=True)(text)
    # Half a surrogate pair is looked up as the replacement character.
    assert list(tokens.keys) == [prepare(token, strip_markup=False).lower() for token in tokens.texts]


@pytest.mark.parametrize(
    "unit", ["a", "\u0301", "a\u0301", "a'", "1,", ".", "👩\u200d", "日", "\u200d", "🇬", "a_", "é'"]
)
def test_a_long_run_costs_no_more_than_its_length(unit):
    started = time.process_time()  # not the clock's: others may keep the machine busy
    text = unit * (300_000 // len(unit))
    assert "".join(RegexWords()(text).texts) == text
    assert time.process_time() - started < 5  # a quadratic pattern would take hours
