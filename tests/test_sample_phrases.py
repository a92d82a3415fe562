"""The sample data in `data/phrases_en_de` is what its README says it is."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

FOLDER = Path(__file__).parents[1] / "data" / "phrases_en_de"
SPLITS = ("train", "dev", "test")
WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
ENGLISH = re.compile(r"[A-Z][A-Za-z ,.?!'-]*[.?!]")
GERMAN = re.compile(r"[A-ZÄÖÜ][A-Za-zÄÖÜäöüß ,.?!-]*[.?!]")
POLITE_MARK = re.compile(r"\b(excuse me|mr\.|mrs\.|could you|would you)", re.IGNORECASE)
FAMILIAR = re.compile(r"\b(du|dich|dir|dein\w*)\b", re.IGNORECASE)
# At the start of a sentence `Sie` and `Ihr` are also she, they and her; after another word the capital tells.
POLITE = re.compile(r"(?<=[\w,] )(Sie|Ihnen|Ihr\w*)\b")


class Pair(NamedTuple):
    """Line n of both files of a split."""

    english: str
    german: str


def read_lines(name: str) -> list[str]:
    """Return the lines of one file."""
    content = (FOLDER / name).read_bytes().decode("utf-8")
    assert content.endswith("\n")
    return content[:-1].split("\n")


def words(sentence: str) -> list[str]:
    """Return the words of a sentence in lower case."""
    return WORD.findall(sentence.lower())


@pytest.fixture(scope="module")
def phrases() -> dict[str, list[Pair]]:
    return {
        split: [
            Pair(english, german)
            for english, german in zip(read_lines(f"{split}.en"), read_lines(f"{split}.de"), strict=True)
        ]
        for split in SPLITS
    }


@pytest.fixture(scope="module")
def everything(phrases: dict[str, list[Pair]]) -> list[Pair]:
    return [pair for split in SPLITS for pair in phrases[split]]


def readme_rows(first_heading: str) -> dict[str, dict[str, str]]:
    """Return the README table whose first column is headed so: row name → column name → cell."""
    lines = (FOLDER / "README.md").read_text(encoding="utf-8").split("\n")
    start = next(number for number, line in enumerate(lines) if line.startswith(f"| {first_heading} |"))
    columns = cells(lines[start])
    rows: dict[str, dict[str, str]] = {}
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        row = cells(line)
        rows[row[0]] = dict(zip(columns[1:], row[1:], strict=True))
    return rows


def cells(line: str) -> list[str]:
    """Return the cells of one line of a Markdown table."""
    return [cell.strip() for cell in line.strip("|").split("|")]


@pytest.mark.parametrize("split", SPLITS)
def test_both_files_of_a_split_have_as_many_lines(split: str) -> None:
    assert len(read_lines(f"{split}.en")) == len(read_lines(f"{split}.de"))


def test_no_line_is_empty_or_padded(everything: list[Pair]) -> None:
    for pair in everything:
        for sentence in pair:
            assert sentence
            assert sentence == " ".join(sentence.split())
            assert sentence == unicodedata.normalize("NFC", sentence)


def test_sentences_hold_only_their_language_s_characters_and_end_alike(everything: list[Pair]) -> None:
    assert [pair for pair in everything if not ENGLISH.fullmatch(pair.english)] == []
    assert [pair for pair in everything if not GERMAN.fullmatch(pair.german)] == []
    assert [pair for pair in everything if pair.english[-1] != pair.german[-1]] == []


def test_there_are_enough_pairs(phrases: dict[str, list[Pair]], everything: list[Pair]) -> None:
    assert len(everything) >= 1500
    assert len(phrases["train"]) > 10 * len(phrases["test"])
    assert len(phrases["test"]) >= len(phrases["dev"]) >= 100


def test_sentences_are_short(everything: list[Pair]) -> None:
    for english, german in everything:
        assert 2 <= len(words(english)) <= 14
        assert 1 <= len(words(german)) <= 14


@pytest.mark.parametrize("side", ["english", "german"])
def test_no_sentence_occurs_twice_within_or_across_splits(everything: list[Pair], side: str) -> None:
    counts = Counter(" ".join(words(getattr(pair, side))) for pair in everything)
    assert [sentence for sentence, count in counts.items() if count > 1] == []


def test_vocabulary_is_limited(everything: list[Pair]) -> None:
    assert 900 <= len({word for pair in everything for word in words(pair.english)}) <= 1300


@pytest.mark.parametrize("split", ["dev", "test"])
def test_held_out_english_words_occur_at_least_twice_in_train(phrases: dict[str, list[Pair]], split: str) -> None:
    known = Counter(word for pair in phrases["train"] for word in words(pair.english))
    assert {word for pair in phrases[split] for word in words(pair.english) if known[word] < 2} == set()


def test_you_is_sie_only_where_the_english_is_marked_as_polite(everything: list[Pair]) -> None:
    polite = [pair for pair in everything if POLITE_MARK.search(pair.english)]
    plain = [pair for pair in everything if not POLITE_MARK.search(pair.english)]
    assert len(polite) > 100
    assert [pair for pair in polite if FAMILIAR.search(pair.german)] == []
    assert [pair for pair in plain if POLITE.search(pair.german)] == []


def test_readme_counts_of_splits_agree_with_the_files(phrases: dict[str, list[Pair]], everything: list[Pair]) -> None:
    rows = readme_rows("split")
    assert list(rows) == [*SPLITS, "all"]
    for name, pairs in [*phrases.items(), ("all", everything)]:
        assert rows[name]["pairs"] == str(len(pairs))
        assert int(rows[name]["written singly"]) + int(rows[name]["from families"]) == len(pairs)
        assert rows[name]["English words"] == str(sum(len(words(pair.english)) for pair in pairs))
        assert rows[name]["German words"] == str(sum(len(words(pair.german)) for pair in pairs))


def test_readme_kinds_add_up_and_at_least_half_were_written_singly() -> None:
    rows = readme_rows("split")
    for kind in ("written singly", "from families"):
        assert sum(int(rows[split][kind]) for split in SPLITS) == int(rows["all"][kind])
    assert int(rows["all"]["written singly"]) >= int(rows["all"]["from families"])


def test_readme_share_of_unseen_test_words_agrees_with_the_files(phrases: dict[str, list[Pair]]) -> None:
    expected = {}
    for name, side in (("English", "english"), ("German", "german")):
        known = {word for pair in phrases["train"] for word in words(getattr(pair, side))}
        tested = [word for pair in phrases["test"] for word in words(getattr(pair, side))]
        unseen = sum(word not in known for word in tested)
        expected[name] = {
            "test words": str(len(tested)),
            "unseen in train": str(unseen),
            "share": f"{100 * unseen / len(tested):.1f} %",
        }
    assert readme_rows("side") == expected
