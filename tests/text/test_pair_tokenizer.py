from __future__ import annotations

import json

import pytest

from nlp_lstm.errors import ModelError
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
