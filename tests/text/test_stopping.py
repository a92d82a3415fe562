"""Stop strings in a text that comes in pieces, against a search of the whole text."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nlp_lstm.errors import UsageError
from nlp_lstm.text.stopping import StopStrings

PIECES = st.lists(st.text("abc", max_size=5), max_size=12)
STOPS = st.lists(st.text("abc", min_size=1, max_size=5), max_size=4)


def whole(text: str, stops: list[str]) -> tuple[str, str | None]:
    """Return what is shown of a whole text and what it was stopped by: the first place where a stop string ends."""
    for end in range(len(text) + 1):
        found = [stop for stop in stops if text[:end].endswith(stop)]
        if found:
            longest = max(found, key=len)
            return text[: end - len(longest)], longest
    return text, None


def in_doubt(text: str, stops: list[str]) -> int:
    """Return how many characters at the end of `text` could be the beginning of a stop string."""
    beginnings = {stop[:length] for stop in stops for length in range(len(stop))}
    return max((len(beginning) for beginning in beginnings if text.endswith(beginning)), default=0)


def show(pieces: list[str], stops: list[str]) -> tuple[str, str | None]:
    until = StopStrings(stops)
    return "".join([*(until.feed(piece) for piece in pieces), until.flush()]), until.found


@settings(deadline=None, max_examples=500)
@given(PIECES, STOPS)
@example(["aab", "abc"], ["aabc"])  # a beginning within a beginning
@example(["abcb", "c"], ["abcbd", "cbc"])
@example(["ab", "ca"], ["bc", "abc"])  # two end at the same place
@example(["abcd", ""], ["bc", "abcd"])  # the one inside is complete first
def test_any_cutting_shows_what_the_whole_text_shows(pieces, stops):
    expected = whole("".join(pieces), stops)
    assert show(pieces, stops) == expected
    assert show(list("".join(pieces)), stops) == expected
    assert show(["".join(pieces)], stops) == expected


@settings(deadline=None, max_examples=500)
@given(PIECES, STOPS)
def test_only_what_could_begin_a_stop_string_is_held_back(pieces, stops):
    until, written, shown = StopStrings(stops), "", ""
    for piece in pieces:
        written += piece
        shown += until.feed(piece)
        expected, found = whole(written, stops)
        assert (until.found, until.stopped) == (found, found is not None)  # as soon as it is complete
        held = 0 if until.stopped else in_doubt(written, stops)
        assert shown == expected[: len(expected) - held] == written[: len(written) - until.n_hidden]
    assert (until.flush() == "") == (until.stopped or in_doubt(written, stops) == 0)


def test_a_text_without_its_stop_string_is_shown_to_the_last_character():
    until = StopStrings(["\n\nUser:"])
    assert until.feed("Yes.\n") == "Yes."
    assert until.feed("\nUse") == ""
    assert not until.stopped
    assert until.flush() == "\n\nUse"
    assert until.flush() == ""


def test_a_doubt_that_is_cleared_is_shown_at_once():
    until = StopStrings(["###"])
    assert [until.feed(piece) for piece in ("a#", "#", "b", "#")] == ["a", "", "##b", ""]


def test_nothing_is_shown_after_the_stop():
    until = StopStrings(["."])
    assert until.feed("One. Two") == "One"
    assert (until.stopped, until.found) == (True, ".")
    assert until.feed(" more.") == ""
    assert until.flush() == ""


def test_without_stop_strings_everything_passes_at_once():
    until = StopStrings([])
    assert [until.feed(piece) for piece in ("a", "", "bc")] == ["a", "", "bc"]
    assert not until.stopped
    assert until.found is None


def test_characters_are_compared_not_bytes_or_looks():
    assert show(["caf", "é", "!"], ["é"]) == ("caf", "é")
    assert show(["cafe\u0301!"], ["é"]) == ("cafe\u0301!", None)
    assert show(["😀", "😁x"], ["😁"]) == ("😀", "😁")


def test_an_empty_stop_string_is_refused():
    with pytest.raises(UsageError, match="expected stop strings of at least one character, got an empty one"):
        StopStrings(["end", ""])


def test_one_string_is_not_taken_for_its_characters():
    with pytest.raises(TypeError, match="expected several stop strings, got one string: 'end'"):
        StopStrings("end")


def test_stop_strings_may_come_from_any_iterable_and_twice():
    until = StopStrings(stop for stop in ["end", "end"])
    assert until.stops == ("end",)
    assert until.feed("the end") == "the "
