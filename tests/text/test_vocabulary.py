"""Tokens to numbers and back."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_lstm.errors import ModelError, UsageError
from nlp_lstm.text.vocabulary import SPECIALS, Vocabulary

COUNTS = st.dictionaries(st.text(max_size=3) | st.sampled_from(["<pad>", "<unk>"]), st.integers(1, 4), max_size=30)


def order_by_hand(counts, min_count, max_size):
    """The same order by one sort, without torchtext."""
    kept = [token for token, count in counts.items() if count >= min_count and token not in SPECIALS]
    return [*SPECIALS, *sorted(kept, key=lambda token: (-counts[token], token))[:max_size]]


@settings(deadline=None)
@given(COUNTS, st.integers(1, 4), st.none() | st.integers(0, 10))
def test_the_order_is_count_then_alphabet(counts, min_count, max_size):
    built = Vocabulary.build(counts, min_count=min_count, max_size=max_size)
    assert list(built.tokens) == order_by_hand(counts, min_count, max_size)


@settings(deadline=None)
@given(COUNTS)
def test_numbers_and_tokens_are_each_others_inverse(counts):
    built = Vocabulary.build(counts)
    for token in set(counts) - set(SPECIALS):
        assert token in built
        assert built.token(built[token]) == token
    assert len(built) == len(set(counts) | set(SPECIALS))


def test_the_counts_are_left_alone():
    counts = {"<pad>": 3, "a": 2}
    Vocabulary.build(counts)
    assert counts == {"<pad>": 3, "a": 2}


def test_looking_up_never_adds_a_row():
    built = Vocabulary.build({"a": 1})
    assert [built["b"], *built.ids(["c", "a", "d"])] == [1, 1, 2, 1]
    assert "b" not in built
    assert len(built) == 3
    assert built == Vocabulary.build({"a": 1})


def test_an_empty_text_is_one_unknown_token():
    assert Vocabulary.build({"a": 1}).ids([]) == [1]


def test_a_text_that_reads_like_padding_is_unknown():
    built = Vocabulary.build({"<pad>": 9, "<unk>": 9, "a": 1})
    assert built.tokens == ("<pad>", "<unk>", "a")
    assert built.ids(["<pad>", "a", "<unk>"]) == [built.unknown_id, 2, built.unknown_id]
    assert "<pad>" not in built


def test_specials_can_be_more_and_in_another_order():
    specials = ("<bos>", "<unk>", "<eos>", "<pad>")
    built = Vocabulary.build({"a": 1, "<bos>": 5}, specials=specials)
    assert built.tokens == (*specials, "a")
    assert (built.pad_id, built.unknown_id, built.special_id("<eos>")) == (3, 1, 2)
    assert built["<bos>"] == built.unknown_id
    assert Vocabulary.from_dict(built.to_dict()) == built


def test_an_unknown_special_is_refused():
    with pytest.raises(ValueError, match="tuple"):
        Vocabulary.build({}).special_id("<bos>")


def test_a_number_without_a_row_is_refused():
    built = Vocabulary.build({"a": 1})
    for number in (-1, 3):
        with pytest.raises(IndexError, match=f"no token has the number {number}: there are 3"):
            built.token(number)


@settings(deadline=None)
@given(COUNTS)
def test_a_vocabulary_comes_back_from_its_record(counts):
    built = Vocabulary.build(counts)
    again = Vocabulary.from_dict(json.loads(json.dumps(built.to_dict())))
    assert again == built
    assert again.ids(sorted(counts)) == built.ids(sorted(counts))


def test_vocabularies_with_other_tokens_or_specials_differ():
    plain = Vocabulary(["<pad>", "<unk>", "<bos>"])
    assert plain != Vocabulary(["<pad>", "<unk>", "a"])
    assert plain != Vocabulary(["<pad>", "<unk>", "<bos>"], specials=(*SPECIALS, "<bos>"))
    assert plain != ["<pad>", "<unk>", "<bos>"]


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ([], "begins with nothing, expected '<pad>', '<unk>'"),
        (["<pad>"], "begins with '<pad>', expected"),
        (["<unk>", "<pad>", "a"], "begins with '<unk>', '<pad>', expected"),
        (["<pad>", "<unk>", "a", "b", "a"], "'a' stands at 2 and again at 4"),
        (["<pad>", "<unk>", "a", "<pad>"], "'<pad>' stands at 0 and again at 3"),
        (["<pad>", "<unk>", 7], "token 2 is 7, expected text"),
        (["<pad>", "<unk>", ["a"]], r"token 2 is \['a'\], expected text"),
    ],
)
def test_a_damaged_list_is_refused(tokens, message):
    with pytest.raises(ModelError, match=message):
        Vocabulary(tokens)
    with pytest.raises(ModelError, match=message):
        Vocabulary.from_dict({"specials": [*SPECIALS], "tokens": tokens})


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({}, "expected lists of 'tokens' and 'specials'"),
        ({"tokens": ["<pad>", "<unk>"]}, "expected lists of 'tokens' and 'specials'"),
        ({"specials": [*SPECIALS], "tokens": "<pad>"}, "expected lists of 'tokens' and 'specials'"),
        ({"specials": None, "tokens": ["<pad>", "<unk>"]}, "expected lists of 'tokens' and 'specials'"),
        ({"specials": ["<pad>"], "tokens": ["<pad>", "<unk>"]}, "the special tokens lack <unk>"),
        ({"specials": ["<pad>", "<unk>", "<pad>"], "tokens": ["<pad>", "<unk>"]}, "a special token comes twice"),
        ({"specials": [*SPECIALS, ["a"]], "tokens": [*SPECIALS, ["a"]]}, "a special token is no text"),
    ],
    ids=repr,
)
def test_a_damaged_record_is_refused(record, message):
    with pytest.raises(ModelError, match=f"^vocabulary: {message}$"):
        Vocabulary.from_dict(record)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"min_count": 0}, "min_count 0 or max_size None is too small"),
        ({"max_size": -1}, "min_count 1 or max_size -1 is too small"),
        ({"specials": ["<pad>"]}, "the special tokens lack <unk>"),
        ({"specials": ["<pad>", "<unk>", "<pad>"]}, "a special token comes twice"),
    ],
)
def test_thresholds_and_specials_are_checked(settings, message):
    with pytest.raises(UsageError, match=message):
        Vocabulary.build({"a": 1}, **settings)


def test_a_saved_vocabulary_needs_neither_torchtext_nor_torch():
    code = (
        "import sys; from nlp_lstm.text.vocabulary import Vocabulary\n"
        "assert Vocabulary(['<pad>', '<unk>', 'a']).ids(['a', 'b']) == [2, 1]\n"
        "print({'torch', 'torchtext'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
