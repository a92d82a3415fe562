"""Texts are cut into sentences."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_lstm.errors import UsageError
from nlp_lstm.text.sentences import sentence_spans


def cut(text: str, language: str = "en") -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text, language=language)]


@pytest.mark.parametrize(
    "sentences",
    [
        ["She came.", "He left!", "Why?", "Who knows"],
        ["Dr. Smith of the U.S. office met J. R. Tolkien at 5.30.", "Then they left."],
        ['"Who?" she said.', '"No."', "Then..."],
        ["He (really?) went.", "(She did not.)", "So!", "“Oui.”", "«Non.»", "Il part."],
        ["Wow!!!", "Really?!", "He... never mind.", "😀 Yes."],
        ["1. First, take eggs.", "2. Then milk."],
        ["It is so.", "3.5 is more than 3."],
    ],
)
def test_sentences_with_a_blank_between_them_are_told_apart(sentences):
    assert cut(" ".join(sentences)) == sentences
    assert cut("\n\n".join(sentences)) == sentences
    assert cut("  " + "  \n".join(sentences) + " ") == sentences


def test_a_small_letter_a_line_end_or_no_blank_ends_nothing():
    for text in ("So... it goes", "a title\nin two lines", "nlp.example is a host", "what?No"):
        assert cut(text) == [text]


def test_a_blank_line_ends_a_sentence_that_has_no_sign():
    assert cut("A TITLE\n \nText without end\n\n\n\nmore") == ["A TITLE", "Text without end", "more"]


def test_scripts_without_blanks_have_sentences():
    for language in ("en", "zh", "xx"):
        assert cut("他来了。她走了！真的？「好。」他说。", language) == [
            "他来了。",
            "她走了！",
            "真的？",
            "「好。」",
            "他说。",
        ]


def test_a_language_knows_its_abbreviations():
    sentences = ["Am 3. Oktober kam Dr. Weiß, z. B. aus Bonn.", "Er ging."]
    assert cut(" ".join(sentences), "de") == sentences


@pytest.mark.parametrize("text", ["", " \n\t ", "\n\n\n"])
def test_white_space_has_no_sentence(text):
    assert cut(text) == []


@settings(deadline=None)
@given(st.text(st.one_of(st.characters(), st.sampled_from('aB.?!") \n。」1\ud800'))))
def test_every_sign_that_is_no_white_space_stands_in_exactly_one_sentence(text):
    spans = sentence_spans(text, language="xx")
    assert spans == sorted(spans) and all(start < end for start, end in spans)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    inside = "".join(text[start:end] for start, end in spans)
    assert "".join(inside.split()) == "".join(text.split())
    assert all(not text[start].isspace() and not text[end - 1].isspace() for start, end in spans)


def test_a_text_costs_no_more_than_its_length():
    for text in ("a. " * 60_000, "x。" * 60_000, "\n" * 100_000, "." * 100_000, "\n   " * 40_000):
        start = time.perf_counter()
        sentence_spans(text)
        assert time.perf_counter() - start < 5


def test_an_unknown_language_is_refused():
    with pytest.raises(UsageError, match=r"'eng' is not one of spaCy's"):
        cut("text", "eng")
