"""Values written as TOML are read as the same values."""

from __future__ import annotations

import math
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_lstm.toml_values import toml_value


@pytest.mark.parametrize(
    "value",
    [
        "",
        "".join(map(chr, range(0x100))),
        'a "quoted" \\ word',
        "👩‍👩‍👧‍👦 \u2028 \ue000",
        True,
        0,
        -3,
        2**62,
        0.1,
        1e300,
        1e-9,
        -0.0,
        math.inf,
        [],
        ["a", 1, [2.5, False]],
        {},
        {"stop": ["\n", "\x7f"], "a b": {"c": 1e16}, "": True},
    ],
)
def test_a_value_comes_back(value):
    found = tomllib.loads(f"value = {toml_value(value)}")["value"]
    assert found == value and type(found) is type(value)


TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)
PLAIN = TEXTS | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False)
LISTS_AND_TABLES = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=8
)


@given(LISTS_AND_TABLES)
def test_whatever_is_made_of_such_values_comes_back(value):
    assert tomllib.loads(f"value = {toml_value(value)}") == {"value": value}


def test_a_tuple_is_a_list_and_a_path_a_string():
    assert tomllib.loads(f"value = {toml_value((Path('a'), 2))}") == {"value": ["a", 2]}
    assert math.isnan(tomllib.loads(f"value = {toml_value(math.nan)}")["value"])


@pytest.mark.parametrize("value", [None, "\ud83d", {1: 2}, [None], {"a": {3}}, b"x", len])
def test_what_toml_does_not_know_is_refused(value):
    with pytest.raises(ValueError, match=r"^TOML cannot hold "):
        toml_value(value)
