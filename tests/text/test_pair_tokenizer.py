from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_lstm.errors import ModelError
from nlp_lstm.text.byte_symbols import ByteSymbols
from nlp_lstm.text.characters import Characters
from nlp_lstm.text.pair_tokenizer import PairTokenizer, join_words
from nlp_lstm.text.regex_words import RegexWords
from nlp_lstm.text.subwords import train_subwords


@pytest.mark.parametrize(
    "pair",
    [
        PairTokenizer(RegexWords(lowercase=True), Characters()),
        PairTokenizer(RegexWords(), RegexWords()),
        PairTokenizer(*[train_subwords(["ein Hund, a dog"] * 3, vocab_size=270)] * 2),
    ],
)
def test_a_pair_comes_back_from_its_record(pair):
    record = json.loads(json.dumps(pair.to_dict()))
    again = PairTokenizer.from_dict(record)
    assert again == pair
    assert (record["target"] is None) == (pair.source == pair.target)


@pytest.mark.parametrize("record", [{"kind": "regex"}, {"kind": "pair"}, {"kind": "pair", "source": "x"}])
def test_a_record_of_something_else_is_refused(record):
    with pytest.raises(ModelError, match="expected a pair"):
        PairTokenizer.from_dict(record)


def test_subwords_and_characters_come_back_exactly():
    text = "  Ein  Häuschen — „so“ 😀"
    pieces = train_subwords([text] * 2, vocab_size=300)
    for target in (pieces, Characters()):
        assert PairTokenizer(RegexWords(), target).decode(target(text).keys) == text


@pytest.mark.parametrize(
    "text", ["So, what?", '(No) "yes"'.replace('"', ""), "I don't.", "Er sagt: „Ja“", "50% [x]; y!", "¿Qué?"]
)
def test_words_are_joined_as_people_write(text):
    assert join_words([word for word in _cut(text) if word]) == text


def _cut(text: str) -> list[str]:
    """Cut at blanks and around signs, but for n't."""
    for sign in "()[],.;:?!„“%¿":
        text = text.replace(sign, f" {sign} ")
    return text.replace("n't", " n't").split(" ")


def test_nothing_joins_to_nothing():
    assert join_words([]) == ""


PIECES = train_subwords(["ein Hund, ein Häuschen"] * 3, vocab_size=270)


@pytest.mark.parametrize("target", [RegexWords(), Characters(), ByteSymbols(), PIECES], ids=lambda each: each.kind)
@pytest.mark.parametrize("text", ["Ein Häuschen, so (alt)!", "„So“ 😀👍 don't", " ein\t Hund  ", "", "日本"])
def test_written_tokens_stand_where_the_translation_has_them(target, text):
    keys = list(target(text).keys)
    pair = PairTokenizer(RegexWords(), target)
    found, written = pair.cut(keys), pair.decode(keys)
    assert list(found.keys) == keys
    assert [written[start:end] for start, end in found.spans()] == list(found.texts)
    if target.kind == "regex":
        assert list(found.texts) == keys
    else:  # it spells the text as it was, so a token stands where it was cut from
        assert (written, found.texts, found.starts) == (text, target(text).texts, target(text).starts)


@given(st.lists(st.integers(0, 255), max_size=12))
def test_bytes_that_are_no_text_have_a_place_too(numbers):
    pair = PairTokenizer(RegexWords(), ByteSymbols())
    keys = list(map(chr, numbers))
    spans = list(pair.cut(keys).spans())
    text = bytes(numbers).decode(errors="ignore")
    assert pair.decode(keys) == text
    assert len(spans) == len(keys)
    assert [start for start, _ in spans] == sorted(start for start, _ in spans)
    assert {place for start, end in spans for place in range(start, end)} == set(range(len(text)))


@pytest.mark.parametrize("target", [ByteSymbols(), PIECES], ids=lambda each: each.kind)
def test_a_translation_has_no_sign_for_bytes_that_are_no_character(target):
    """Of two emoji the first lacks a byte; a sign U+FFFD that is really written stays."""
    pair = PairTokenizer(RegexWords(), target)
    keys = list(target("a😀b😀\ufffd").keys)
    smileys = [place for place, text in enumerate(target("a😀b😀\ufffd").texts) if text == "😀"]
    del keys[smileys[1]]
    assert pair.decode(keys) == "ab😀\ufffd"
    found = pair.cut(keys)
    assert [(start, text) for start, text in zip(found.starts, found.texts, strict=True) if not text] == [(1, "")] * 3
    assert {start: text for start, text in zip(found.starts, found.texts, strict=True) if text} == {
        **{0: "a", 1: "b", 2: "😀"},
        3: "\ufffd",
    }
