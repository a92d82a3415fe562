"""The sample text in `data/stories` is what its README says it is."""

from __future__ import annotations

import re
import string
from pathlib import Path
from typing import NamedTuple

import pytest

FOLDER = Path(__file__).parents[1] / "data" / "stories"
PROMISED = set(string.ascii_lowercase + string.ascii_uppercase) - set("XZ") | set("\n !\"',-.:;?")
WORD = re.compile(r"[a-z']+")


class Piece(NamedTuple):
    """One tale or poem."""

    title: str
    paragraphs: list[str]
    whole: str

    @property
    def kind(self) -> str:
        """A poem has stanzas of several lines, a tale has none."""
        return "poem" if any("\n" in paragraph for paragraph in self.paragraphs) else "tale"


def read_piece(whole: str) -> Piece:
    """Take one piece apart at its blank lines."""
    title, *paragraphs = whole.split("\n\n")
    return Piece(title, paragraphs, whole)


@pytest.fixture(scope="module")
def text() -> str:
    return (FOLDER / "stories.txt").read_bytes().decode("utf-8")


@pytest.fixture(scope="module")
def pieces(text: str) -> list[Piece]:
    return [read_piece(whole) for whole in text.removesuffix("\n").split("\n\n\n")]


@pytest.fixture(scope="module")
def cut(text: str) -> int:
    """Where the held-out tenth begins."""
    return len(text) * 9 // 10


@pytest.fixture(scope="module")
def readme() -> str:
    """The README in one line, so that a sentence can be found wherever it wraps."""
    return " ".join((FOLDER / "README.md").read_text(encoding="utf-8").split())


def bare(paragraph: str) -> str:
    """Return the words of a paragraph alone."""
    return " ".join(WORD.findall(paragraph.lower()))


def word_runs(text: str, length: int) -> set[tuple[str, ...]]:
    """Return the sequences of so many words that occur in a text."""
    words = WORD.findall(text.lower())
    return set(zip(*(words[start:] for start in range(length)), strict=False))


def numbers(sentence: str, readme: str) -> list[int]:
    """Return the numbers that the README has in the places marked `#` of a sentence."""
    pattern = re.escape(sentence).replace(r"\#", r"([\d,]+)")
    found = re.findall(pattern, readme)
    assert len(found) == 1, sentence
    values = [found[0]] if isinstance(found[0], str) else found[0]
    return [int(value.replace(",", "")) for value in values]


def test_there_is_enough_text(text: str) -> None:
    assert len(text) >= 66_000


def test_exactly_the_promised_characters_occur(text: str, readme: str) -> None:
    assert set(text) == PROMISED
    assert numbers("uses # distinct characters", readme) == [len(PROMISED)]
    for sign in PROMISED - set(string.ascii_letters + "\n "):
        assert f"`{sign}`" in readme


def test_lines_end_in_one_line_feed_with_no_blanks_at_their_ends(text: str) -> None:
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert all(line == line.strip(" ") and "  " not in line for line in text.split("\n"))


def test_one_blank_line_parts_paragraphs_and_two_part_pieces(text: str, pieces: list[Piece]) -> None:
    assert set(re.findall(r"\n{2,}", text)) == {"\n\n", "\n\n\n"}
    assert all(piece.paragraphs for piece in pieces)


def test_titles_are_one_line_in_capitals_and_distinct(pieces: list[Piece]) -> None:
    titles = [piece.title for piece in pieces]
    assert all(title.isupper() and "\n" not in title for title in titles)
    assert len(set(titles)) == len(titles)
    assert not any(paragraph.isupper() for piece in pieces for paragraph in piece.paragraphs)


def test_no_paragraph_occurs_twice(pieces: list[Piece]) -> None:
    paragraphs = [bare(paragraph) for piece in pieces for paragraph in piece.paragraphs]
    assert sorted(set(paragraphs)) == sorted(paragraphs)


def test_no_two_pieces_share_a_run_of_twelve_words(pieces: list[Piece]) -> None:
    seen: dict[tuple[str, ...], str] = {}
    for piece in pieces:
        for run in word_runs(piece.whole, 12):
            assert seen.setdefault(run, piece.title) == piece.title


def test_quotes_are_closed_in_the_paragraph_where_they_open(pieces: list[Piece]) -> None:
    assert all(paragraph.count('"') % 2 == 0 for piece in pieces for paragraph in piece.paragraphs)


def test_every_stanza_of_a_poem_has_four_lines(pieces: list[Piece]) -> None:
    poems = [piece for piece in pieces if piece.kind == "poem"]
    assert {stanza.count("\n") + 1 for poem in poems for stanza in poem.paragraphs} == {4}


def test_tales_and_poems_take_turns(pieces: list[Piece]) -> None:
    assert [piece.kind for piece in pieces] == ["tale", "poem"] * (len(pieces) // 2)


def test_the_held_out_tenth_has_whole_tales_and_whole_poems(text: str, pieces: list[Piece], cut: int) -> None:
    whole = [piece.kind for piece in pieces if text.index(piece.whole) >= cut]
    assert sorted(whole) == ["poem", "poem", "tale", "tale"]


def test_the_held_out_tenth_has_no_character_that_the_rest_lacks(text: str, cut: int) -> None:
    assert set(text[cut:]) <= set(text[:cut])


def test_readme_says_where_the_cut_falls(text: str, pieces: list[Piece], cut: int, readme: str) -> None:
    sizes = numbers("the first 90 % of the characters (#) are for training, the last 10 % (#) are held out", readme)
    assert sizes == [cut, len(text) - cut]
    (piece,) = [
        piece for piece in pieces if text.index(piece.whole) <= cut < text.index(piece.whole) + len(piece.whole)
    ]
    assert f'The cut falls inside "{piece.title}"'.lower() in readme.lower()


def test_readme_counts_of_kinds_agree_with_the_file(text: str, pieces: list[Piece], readme: str) -> None:
    for kind in ("tale", "poem"):
        wholes = [piece.whole for piece in pieces if piece.kind == kind]
        counts = [len(wholes), sum(map(len, wholes)), sum(len(whole.split()) for whole in wholes)]
        assert numbers(f"| {kind} | # | # | # |", readme) == counts
    assert numbers("| file | # | # | # |", readme) == [len(pieces), len(text), len(text.split())]


def test_readme_lengths_agree_with_the_file(text: str, pieces: list[Piece], readme: str) -> None:
    tales = [len(piece.whole) for piece in pieces if piece.kind == "tale"]
    poems = [len(piece.whole) for piece in pieces if piece.kind == "poem"]
    extremes = [min(tales), max(tales), min(poems), max(poems)]
    assert numbers("A tale has # to # characters, a poem # to #.", readme) == extremes
    assert numbers("# short tales and # rhymed poems", readme) == [len(tales), len(poems)]
    assert numbers("at most # characters long", readme) == [max(map(len, text.split("\n")))]


def test_every_name_that_the_readme_offers_as_a_prompt_is_in_the_text(text: str, readme: str) -> None:
    cast = readme[readme.index("A small cast") : readme.index("Their names make good prompts")]
    names = set(re.findall(r"(?:[A-Z][a-z]+\.? )?[A-Z][a-z]+", cast)) - {"A"}
    assert len(names) >= 12
    assert {name for name in names if name not in text} == set()
