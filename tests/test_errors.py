"""Each kind of failure has its exit code; a mistyped name gets the nearest one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_lstm.errors import (
    DataError,
    ModelError,
    NlpLstmError,
    RequirementError,
    UsageError,
    listed,
    nearest,
)


@pytest.mark.parametrize(
    ("kind", "code"), [(NlpLstmError, 1), (UsageError, 2), (DataError, 3), (ModelError, 4), (RequirementError, 5)]
)
def test_each_kind_ends_with_its_code(kind, code):
    assert kind("what happened").exit_code == code
    assert issubclass(kind, NlpLstmError)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("hiden_size", "; did you mean 'hidden_size'?"),
        ("cel", "; did you mean 'cell'?"),
        ("zzz", "; known: cell, hidden_size"),
        ("", "; known: cell, hidden_size"),
    ],
)
def test_a_name_that_looks_like_a_known_one_is_met_with_it_any_other_with_all(name, hint):
    assert nearest(name, ["hidden_size", "cell"]) == hint


def test_where_nothing_is_known_there_is_nothing_to_offer():
    assert nearest("anything", []) == ""


@given(st.text(), st.sets(st.text(min_size=1)))
def test_the_hint_does_not_depend_on_the_order_of_the_names(name, known):
    assert nearest(name, sorted(known)) == nearest(name, sorted(known, reverse=True))


def test_one_problem_is_one_line_and_several_are_all_listed():
    assert listed("recipe x", ["a is missing"]) == "recipe x: a is missing"
    assert listed("recipe x", ["a", "b", "c"]).split("\n") == ["recipe x: 3 problems", "  a", "  b", "  c"]
