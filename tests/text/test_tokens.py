"""Tokens and their offsets."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from nlp_lstm.text.tokens import Tokens


def test_each_token_is_the_slice_at_its_offset():
    text = "naïve 😀 café"
    tokens = Tokens.cut(text, [(0, 5), (6, 7), (8, 12)], ["naïve", "😀", "café"])
    assert tokens.texts == ("naïve", "😀", "café")
    assert tokens.starts == (0, 6, 8)
    assert list(tokens.spans()) == [(0, 5), (6, 7), (8, 12)]


def test_the_length_is_the_number_of_tokens():
    assert len(Tokens((), (), ())) == 0
    assert len(Tokens.cut("a b", [(0, 1), (2, 3)], ["a", "b"])) == 2


def test_tokens_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        Tokens((), (), ()).texts = ("a",)  # type: ignore[misc]
