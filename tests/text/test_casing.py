"""How words are written, kind by kind, in any script."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_lstm.text.casing import CASINGS, casing

EXAMPLES = {
    "lower": ["tea", "a", "co-operate", "don't", "éclair", "ß", "чай", "'tis"],
    "capitalised": ["Ada", "A", "Éclair", "X-ray", "Mr.", "I'm", "Чай", "Q."],
    "upper": ["NATO", "U.S.", "AT&T", "ÉCOLE", "ЧАЙ", "USA-UK"],
    "mixed": ["iPod", "McDonald", "LaTeX", "O'Brien", "eBay", "pH", "'Tis", "DNAs"],
    "number": ["7", "1,984", "3.14", "-5", "50%", "1990-91", "٣", "²"],
    "part number": ["2nd", "B2B", "mp3", "1990s", "F-16", "É2"],
    "other": ["--", ",", "...", "$", "😀", "½", "", " ", "中文", "नमस्ते", "שלום", "カナ"],
}


@pytest.mark.parametrize(("kind", "word"), [(kind, word) for kind, words in EXAMPLES.items() for word in words])
def test_a_word_is_of_its_kind(kind, word):
    assert CASINGS[casing(word)] == kind


def test_every_kind_has_a_number_of_its_own():
    assert sorted(casing(words[0]) for words in EXAMPLES.values()) == list(range(len(CASINGS)))


@given(st.text())
def test_every_word_has_a_kind(word):
    assert 0 <= casing(word) < len(CASINGS)


@given(st.text(st.characters(codec="ascii", categories=["Ll"]), min_size=2))
def test_a_word_of_latin_letters_changes_its_kind_with_its_case(word):
    written = (word, word.capitalize(), word.upper())
    assert [CASINGS[casing(each)] for each in written] == ["lower", "capitalised", "upper"]
    assert CASINGS[casing(word + "7")] == "part number"
