"""What is written as TOML is read as the same."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_lstm.stages.toml_writing import assignment

TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)
PLAIN = TEXTS | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False)
VALUES = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=8
)


@given(TEXTS, VALUES)
def test_every_value_is_read_as_it_was(name, value):
    assert tomllib.loads(assignment(name, value)) == {name: value}


def test_a_table_loses_what_is_none():
    assert tomllib.loads(assignment("a", {"b": None, "c": {"d": None, "e": 1}})) == {"a": {"c": {"e": 1}}}


@pytest.mark.parametrize("value", [None, object(), b"bytes", [None], {"a": {1, 2}}], ids=repr)
def test_what_toml_cannot_say_is_refused(value):
    with pytest.raises(TypeError, match="cannot be written as TOML"):
        assignment("a", value)
