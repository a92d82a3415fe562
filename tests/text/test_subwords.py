"""Subwords by byte-level BPE."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_lstm.errors import ModelError, UsageError
from nlp_lstm.text.subwords import N_BYTES, Subwords, train_subwords
from nlp_lstm.text.vocabulary import Vocabulary

TEXTS = ["low lower lowest newer newest wider", "the naïve café", "Low and NEW", "日本語 😀"] * 3
TRAINED = train_subwords(TEXTS, vocab_size=300)


@settings(deadline=None)
@given(st.text())
def test_the_pieces_spell_the_text_exactly(text):
    assert TRAINED.decode(TRAINED(text).keys) == text


@settings(deadline=None)
@given(st.text())
def test_the_pieces_cover_the_text_in_order(text):
    spans = list(TRAINED(text).spans())
    assert all(start < end for start, end in spans)
    for (start, end), (next_start, next_end) in itertools.pairwise(spans):
        assert next_start in (end, end - 1)  # one less where a character is cut between the two
        assert start <= next_start and end <= next_end
    assert [spans[0][0], spans[-1][1]] == [0, len(text)] if spans else text == ""


def test_the_bytes_of_one_emoji_share_its_offset():
    tokens = train_subwords([], vocab_size=N_BYTES)("é👍!")
    assert tokens.texts == ("é", "é", "👍", "👍", "👍", "👍", "!")
    assert tokens.starts == (0, 0, 1, 1, 1, 1, 2)


def test_a_character_cut_between_two_pieces_belongs_to_both():
    tokens = train_subwords(["naïve"] * 3 + ["naò"] * 9, vocab_size=N_BYTES + 2)("naï")
    assert tokens.texts == ("naï", "ï")
    assert tokens.starts == (0, 2)


def test_the_commonest_pair_is_learned_first():
    text = "abab abab acac"
    pairs = Counter(pair for word in text.split() for pair in itertools.pairwise(word))
    (first, second), _ = pairs.most_common(1)[0]
    assert train_subwords([text], vocab_size=N_BYTES + 1).pieces[-1] == first + second == "ab"


def test_training_twice_gives_the_same_state():
    again = train_subwords(iter(TEXTS), vocab_size=300)
    assert again == TRAINED
    assert again.state == TRAINED.state


def test_no_more_pieces_than_asked_for_are_learned_and_none_met_once():
    assert len(TRAINED.pieces) == 300
    assert len(train_subwords(["one two"], vocab_size=5_000).pieces) == N_BYTES


def test_a_vocabulary_of_the_pieces_knows_every_text():
    vocabulary = Vocabulary.build(dict.fromkeys(TRAINED.pieces, 1))
    keys = TRAINED("Ωmega \x00 ☃ <pad> <unk>").keys
    assert vocabulary.unknown_id not in vocabulary.ids(keys)
    assert vocabulary.pad_id not in vocabulary.ids(keys)


def test_lower_case_is_learned_and_cut():
    lowered = train_subwords(["LOW low Low"] * 2, vocab_size=300, lowercase=True)
    assert lowered("LOW").keys == lowered("low").keys == ("low",)
    assert lowered("LOW").texts == ("LOW",)
    assert lowered.decode(lowered("İx").keys) == "ix"


def test_markup_is_neither_learned_nor_cut():
    plain = train_subwords(["<br />so"] * 5, vocab_size=300, strip_markup=True)
    assert not any("br" in piece for piece in plain.pieces)
    assert plain.decode(plain("<br />so").keys) == "      so"


def test_half_a_character_is_shown_as_such():
    assert TRAINED.decode(TRAINED("🏽").keys[:1]) == "\ufffd"


def test_one_very_long_word_is_cut():
    assert TRAINED.decode(TRAINED("xy" * 50_000).keys) == "xy" * 50_000


def test_too_few_pieces_are_refused():
    with pytest.raises(UsageError, match="vocab_size 255 is too small for subwords: expected 256 or more"):
        train_subwords(TEXTS, vocab_size=255)


@pytest.mark.parametrize("state", ["", "{}", "no json", TRAINED.state[:-10]])
def test_a_damaged_state_is_refused(state):
    with pytest.raises(ModelError, match="the state cannot be read"):
        Subwords(state).check()
