"""What is done to a text before it is cut."""

from __future__ import annotations

import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_lstm.text.normalise import blank_markup, lower_in_place, prepare

ANYTHING = st.text(st.one_of(st.characters(), st.characters(categories=["Cs"])))
TAGGY = st.text(st.sampled_from("<>/abr ='\"i3\n"), max_size=60)


@pytest.mark.parametrize(
    "tag",
    [
        "<br />",
        "<br/>",
        "<br>",
        "<BR>",
        "</p>",
        "<i>",
        "<h1>",
        '<a href="x.html">',
        "<a href='x'>",
        "<a href=x>",
        '<img\n src="a b.png"  alt = "1 /2" />',
        "<my-tag data-x=1>",
    ],
)
def test_a_tag_becomes_as_many_blanks(tag):
    assert blank_markup(f"So{tag}it") == "So" + " " * len(tag) + "it"


@pytest.mark.parametrize(
    "text",
    [
        "a < b",
        "I <3 it",
        "a<3>b",
        "x <y and z> w",
        "<- left, right ->",
        "< br>",
        "<>",
        "</>",
        "<br",
        "br>",
        "if a<b then c",
        "<" + "a" * 40 + ">",
        "<<<<<<",
        "1 <= 2 >= 1",
    ],
)
def test_what_is_no_tag_stays(text):
    assert blank_markup(text) == text


def test_a_tag_inside_angle_brackets_is_found():
    assert blank_markup("<<br>>") == "<    >"


@settings(deadline=None)
@given(TAGGY)
def test_blanking_keeps_the_length_and_every_character_it_does_not_blank(text):
    blanked = blank_markup(text)
    assert len(blanked) == len(text)
    assert all(new in (" ", old) for new, old in zip(blanked, text, strict=True))


@pytest.mark.parametrize("unit", ["<", "<a ", "<a b=", "<a b='", '<a b="c" ', "<a  ", "</a", "<a" + " " * 19])
def test_broken_markup_costs_no_more_than_its_length(unit):
    started = time.perf_counter()
    text = unit * (200_000 // len(unit))
    assert blank_markup(text) == text
    assert time.perf_counter() - started < 5  # a quadratic pattern would take hours


def test_lower_case_keeps_every_place():
    for number in range(sys.maxunicode + 1):
        character = chr(number)
        lowered = lower_in_place(f"A{character}B")
        assert len(lowered) == 3, hex(number)
        assert lowered[0] + lowered[2] == "ab"


def test_lower_case_is_pythons_where_nothing_grows():
    assert lower_in_place("ÀÉÎ Straße ΟΔΟΣ") == "ÀÉÎ Straße ΟΔΟΣ".lower()
    assert lower_in_place("İSTANBUL'da") == "istanbul'da"


@settings(deadline=None)
@given(ANYTHING, st.booleans())
def test_what_is_prepared_is_as_long_and_valid_unicode(text, strip_markup):
    ready = prepare(text, strip_markup=strip_markup)
    assert len(ready) == len(text)
    ready.encode("utf-8")


@settings(deadline=None)
@given(st.text())
def test_valid_text_is_left_alone(text):
    assert prepare(text, strip_markup=False) == text
