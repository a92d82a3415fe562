from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_lstm.corpora.tagged_rows import starts_in, tag_fault, with_text
from nlp_lstm.records.examples import TaggedSentence

WORDS = st.lists(st.sampled_from(["a", "aa", "ab", "b", "x\u00a0y", "’"]), max_size=8)
GAPS = st.sampled_from(["", " ", "  ", "\u00a0", "\t\n"])


@given(WORDS, st.data())
def test_words_are_found_where_they_were_put(words, data):
    text, starts = data.draw(GAPS), []
    for word in words:
        starts.append(len(text))
        text += word + data.draw(GAPS)
    assert starts_in(text, words) == tuple(starts)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Paris", ["Par"]),
        ("Paris .", ["Paris"]),
        ("in Paris", ["Paris"]),
        ("Paris", ["Paris", "."]),
        ("", ["a"]),
        ("a , a b", ["a", "b"]),  # a search would find both
    ],
)
def test_a_text_that_is_not_these_words_is_refused(text, words):
    assert starts_in(text, words) is None
    sentence = TaggedSentence.of_words(words)
    assert with_text(sentence, text) is sentence


def test_a_sentence_takes_its_text_when_it_fits():
    sentence = TaggedSentence.of_words(["Oh", "!"], ["UH", "."], source="a", line=3)
    assert with_text(sentence, " Oh!") == TaggedSentence(" Oh!", ("Oh", "!"), (1, 3), ("UH", "."), source="a", line=3)
    assert with_text(sentence, None) is sentence


def test_tags_hold_something_and_no_control_signs():
    assert tag_fault("-") is None
    assert tag_fault("", "auxiliary tag") == "no auxiliary tag; expected one for every word"
    assert tag_fault("B\x01") == r"the tag 'B\x01' holds a tab, a line end or another control sign"
