"""Bytes that come in pieces, against decoding them all at once."""

from __future__ import annotations

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_lstm.text.utf8 import complete_part, whole_characters

# Both sides of every boundary that the table of well-formed sequences has (Unicode 16.0, table 3-7).
EDGES = bytes.fromhex("41 7f 80 8f 90 9f a0 bf c1 c2 df e0 e1 ec ed ee ef f0 f1 f3 f4 f5 ff")

CHARACTERS = st.text(max_size=6).map(str.encode)
DAMAGED = st.lists(st.sampled_from(EDGES), max_size=6).map(bytes)
CUT_SHORT = st.characters(min_codepoint=128, exclude_categories=["Cs"]).map(lambda sign: sign.encode()[:-1])
PIECES = st.lists(CHARACTERS | DAMAGED | CUT_SHORT | st.binary(max_size=5), max_size=12)


class Utf8Stream:
    """Bytes that come piece by piece, the rest of each put before the next."""

    def __init__(self) -> None:
        self.rest = b""

    def feed(self, piece: bytes) -> str:
        text, self.rest = complete_part(self.rest + piece)
        return text

    def flush(self) -> str:
        rest, self.rest = self.rest, b""
        return rest.decode("utf-8", errors="replace")


def decoded(pieces: list[bytes]) -> str:
    stream = Utf8Stream()
    return "".join([*map(stream.feed, pieces), stream.flush()])


def singly(data: bytes) -> list[bytes]:
    return [data[place : place + 1] for place in range(len(data))]


@settings(deadline=None, max_examples=500)
@given(PIECES)
def test_any_cutting_gives_what_the_whole_gives(pieces):
    data = b"".join(pieces)
    expected = data.decode("utf-8", errors="replace")
    assert decoded(pieces) == expected
    assert decoded(singly(data)) == expected
    assert decoded([data]) == expected


def test_every_four_bytes_at_the_edges_come_singly_as_whole():
    wrong = []
    for four in product(EDGES, repeat=4):
        data = bytes(four)
        if decoded(singly(data)) != data.decode("utf-8", errors="replace"):
            wrong.append(data)
    assert wrong == []


@settings(deadline=None, max_examples=300)
@given(st.text(), st.integers(1, 5))
def test_a_character_is_shown_with_its_last_byte_and_not_before(text, size):
    data = text.encode()
    stream, shown = Utf8Stream(), ""
    for start in range(0, len(data), size):
        shown += stream.feed(data[start : start + size])
        assert shown == data[: start + size].decode("utf-8", errors="ignore")
    assert shown == text
    assert stream.flush() == ""


@settings(deadline=None, max_examples=300)
@given(PIECES)
def test_no_more_than_three_bytes_are_ever_held_back(pieces):
    stream, data, shown = Utf8Stream(), b"", ""
    for piece in pieces:
        data += piece
        shown += stream.feed(piece)
        heads = [data[: max(0, len(data) - held)] for held in range(4)]
        assert shown in [head.decode("utf-8", errors="replace") for head in heads]


def test_a_sequence_cut_off_by_a_letter_is_one_mark_and_the_letter():
    stream = Utf8Stream()
    assert [stream.feed(piece) for piece in (b"\xf0\x9f", b"\x98", b"x")] == ["", "", "\ufffdx"]


def test_an_unfinished_character_is_one_mark_at_the_end():
    stream = Utf8Stream()
    assert stream.feed(b"a\xe2\x82") == "a"
    assert stream.flush() == "\ufffd"


def test_a_stream_starts_anew_after_its_end():
    stream = Utf8Stream()
    stream.feed(b"\xe2\x82")
    stream.flush()
    assert stream.feed(b"\xac") == "\ufffd"  # it would have ended the sequence before
    assert stream.feed("€".encode()) == "€"


def test_a_byte_order_mark_is_a_character_like_any_other():
    assert decoded([b"\xef\xbb", b"\xbfa"]) == "\ufeffa"


@given(PIECES)
def test_each_byte_is_of_the_character_it_helps_to_spell_or_of_none(pieces):
    data = b"".join(pieces)
    spans, text = whole_characters(data), data.decode(errors="ignore")
    assert len(spans) == len(data)
    bytes_of = [b""] * len(text)
    for number, (start, end) in enumerate(spans):
        assert end - start in (0, 1)
        if end > start:
            bytes_of[start] += data[number : number + 1]
    assert bytes_of == [sign.encode() for sign in text]
    assert [start for start, _ in spans] == sorted(start for start, _ in spans)
