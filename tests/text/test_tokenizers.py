"""What every kind of tokenizer must do, and the table of them."""

from __future__ import annotations

import json
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_lstm.errors import ModelError, UsageError
from nlp_lstm.text.tokenizers import TOKENIZERS, build_tokenizer, tokenizer_from_dict

TEXTS = [
    "",
    " ",
    "x",
    "Ada Lovelace doesn't love Paris... 3.14!",
    "a  b\t\tc\r\nd\x0b\x0ce\x1c\x85\u2028f\u00a0g",
    "naïve Zoë 👩\u200d👩\u200d👧 👍🏽 🇬🇧 é e\u0301 日本語 हिन्दी العربية",
    "\x00\x01\x7f\ufeff\u200b\ufffd\U0010ffff",
    "lone \ud83d surrogate \udc00",
    "İSTANBUL İİ ΟΔΟΣ ǅ ẞ",
    "<br />a < b <3 <i>so</i> <pad> <unk> <",
    "-" * 3_000 + "ab" * 3_000,
]
KINDS = sorted(TOKENIZERS)
ANYTHING = st.text(st.one_of(st.characters(), st.characters(categories=["Cs"]), st.sampled_from("İ<br/> 'a")))


def built(kind, **settings):
    return build_tokenizer(kind=kind, vocab_size=300, train_texts=["so it goes"] * 5, **settings)


TABLE = {
    (kind, lowercase, strip_markup): built(kind, lowercase=lowercase, strip_markup=strip_markup)
    for kind in KINDS
    for lowercase in (False, True)
    for strip_markup in (False, True)
}
every_tokenizer = pytest.mark.parametrize("tokenizer", TABLE.values(), ids=str)


@every_tokenizer
@pytest.mark.parametrize("text", TEXTS, ids=lambda text: repr(text[:10]))
def test_offsets_point_into_the_original(tokenizer, text):
    tokens = tokenizer(text)
    assert all(text[start:end] == token for (start, end), token in zip(tokens.spans(), tokens.texts, strict=True))
    assert list(tokens.starts) == sorted(tokens.starts)
    assert all(tokens.texts)
    assert len(tokens.keys) == len(tokens.texts) == len(tokens.starts)


@every_tokenizer
def test_the_fast_way_gives_the_same_keys(tokenizer):
    assert list(tokenizer.keys(iter(TEXTS))) == [list(tokenizer(text).keys) for text in TEXTS]


@every_tokenizer
@settings(deadline=None)
@given(text=ANYTHING)
def test_both_ways_agree_and_offsets_hold_on_any_text(tokenizer, text):
    tokens = tokenizer(text)
    assert list(tokenizer.keys([text])) == [list(tokens.keys)]
    assert all(text[start:end] == token for (start, end), token in zip(tokens.spans(), tokens.texts, strict=True))


@every_tokenizer
def test_a_tokenizer_comes_back_from_its_record(tokenizer):
    record = json.loads(json.dumps(tokenizer.to_dict()))
    again = tokenizer_from_dict(record)
    assert again == tokenizer
    assert again.to_dict() == tokenizer.to_dict()
    assert list(again.keys(TEXTS)) == list(tokenizer.keys(TEXTS))


@every_tokenizer
def test_a_tokenizer_travels_to_another_process(tokenizer):
    list(tokenizer.keys(TEXTS))  # what it has loaded stays behind
    data = pickle.dumps(tokenizer)
    assert pickle.loads(data) == tokenizer
    assert len(data) < 50_000


@every_tokenizer
def test_keys_can_be_stored_as_utf_8(tokenizer):
    for keys in tokenizer.keys(TEXTS):
        "".join(keys).encode("utf-8")


@pytest.mark.parametrize("kind", KINDS)
def test_markup_is_cut_only_when_it_is_not_stripped(kind):
    text = "so<br />it"
    stripped = TABLE[kind, False, True]
    assert "b" in "".join(TABLE[kind, False, False](text).keys)
    assert "b" not in "".join(stripped(text).keys)
    assert stripped(text).keys == TABLE[kind, False, False]("so      it").keys


@pytest.mark.parametrize("kind", KINDS)
def test_lower_case_makes_keys_equal_and_leaves_texts(kind):
    lowered = TABLE[kind, True, False]
    assert lowered("SO IT").keys == lowered("so it").keys == TABLE[kind, False, False]("so it").keys
    assert "".join(lowered("SO IT").texts).strip().startswith("SO")


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"characters", "bytes", "subwords"}))
def test_words_hold_no_white_space_and_lose_nothing_else(kind):
    for text in TEXTS:
        assert "".join("".join(TABLE[kind, False, False](text).texts).split()) == "".join(text.split())


def test_an_unknown_kind_names_the_nearest():
    with pytest.raises(UsageError, match="there is no tokenizer 'spcy'; did you mean 'spacy'"):
        build_tokenizer(kind="spcy")


def test_an_unknown_language_is_refused_when_building():
    with pytest.raises(UsageError, match=r"language 'eng'.*did you mean 'en'"):
        build_tokenizer(kind="spacy", language="eng")


def test_subwords_without_texts_are_refused():
    with pytest.raises(UsageError, match="train_texts is missing"):
        build_tokenizer(kind="subwords")


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({}, "unknown kind None"),
        ({"kind": "regx"}, "unknown kind 'regx'; did you mean 'regex'"),
        ({"kind": ["regex"]}, "unknown kind"),
        ({"kind": "regex", "lowercas": True}, "unknown setting 'lowercas'; did you mean 'lowercase'"),
        ({"kind": "regex", "lowercase": "yes"}, "lowercase is str, expected bool"),
        ({"kind": "spacy", "language": 3}, "language is int, expected str"),
        ({"kind": "subwords"}, "state is missing"),
        ({"kind": "subwords", "state": "{}"}, "the state cannot be read"),
    ],
)
def test_a_record_of_no_tokenizer_is_refused(record, message):
    with pytest.raises(ModelError, match=message):
        tokenizer_from_dict(record)
