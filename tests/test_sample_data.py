"""The sample data in `data/reviews` is what its README says it is."""

from __future__ import annotations

import csv
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

FOLDER = Path(__file__).parents[1] / "data" / "reviews"
SPLITS = ("train", "dev", "test")
HEADER = ["text", "label", "domain"]
WORD = re.compile(r"[a-z0-9']+")


class Review(NamedTuple):
    """One line of a sample file."""

    text: str
    label: str
    domain: str


def read_lines(split: str) -> list[str]:
    """Return the lines of one file, the header included."""
    content = (FOLDER / f"{split}.tsv").read_bytes().decode("utf-8")
    assert content.endswith("\n")
    return content[:-1].split("\n")


def read_reviews(split: str) -> list[Review]:
    """Return the reviews of one file by a plain split on tabs."""
    return [Review(*line.split("\t")) for line in read_lines(split)[1:]]


@pytest.fixture(scope="module")
def reviews() -> dict[str, list[Review]]:
    return {split: read_reviews(split) for split in SPLITS}


@pytest.fixture(scope="module")
def everything(reviews: dict[str, list[Review]]) -> list[Review]:
    return [review for split in SPLITS for review in reviews[split]]


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


def word_trigrams(text: str) -> set[tuple[str, str, str]]:
    """Return the three-word sequences of a text."""
    words = WORD.findall(text.lower())
    return {(first, second, third) for (first, second), (_, third) in pairwise(pairwise(words))}


@pytest.mark.parametrize("split", SPLITS)
def test_a_csv_reader_and_a_plain_split_read_the_same(split: str) -> None:
    lines = read_lines(split)
    assert lines[0].split("\t") == HEADER
    plain = [line.split("\t") for line in lines]
    assert all(len(fields) == len(HEADER) for fields in plain)
    with (FOLDER / f"{split}.tsv").open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file, delimiter="\t")) == plain


def test_files_hold_no_quotes_returns_or_stray_spaces(everything: list[Review]) -> None:
    for review in everything:
        assert review.text
        assert review.text == review.text.strip()
        assert not set(review.text) & set('"\r\ufeff\ufffd')


def test_there_are_enough_reviews(reviews: dict[str, list[Review]], everything: list[Review]) -> None:
    assert len(everything) >= 600
    assert len(reviews["train"]) > len(reviews["test"]) > len(reviews["dev"]) >= 100


def test_labels_are_balanced_in_every_domain_of_every_split(reviews: dict[str, list[Review]]) -> None:
    domains = {review.domain for review in reviews["train"]}
    assert len(domains) >= 10
    for split in SPLITS:
        counts = Counter((review.domain, review.label) for review in reviews[split])
        assert set(counts) == {(domain, label) for domain in domains for label in ("positive", "negative")}
        assert all(counts[domain, "positive"] == counts[domain, "negative"] for domain in domains)


def test_no_text_occurs_twice_within_or_across_splits(everything: list[Review]) -> None:
    counts = Counter(" ".join(WORD.findall(review.text.lower())) for review in everything)
    assert [text for text, count in counts.items() if count > 1] == []


def test_no_two_texts_share_most_of_their_trigrams(everything: list[Review]) -> None:
    trigrams = [word_trigrams(review.text) for review in everything]
    holders: dict[tuple[str, str, str], list[int]] = {}
    for number, found in enumerate(trigrams):
        for trigram in found:
            holders.setdefault(trigram, []).append(number)
    shared = Counter(
        (first, second)
        for numbers in holders.values()
        for position, first in enumerate(numbers)
        for second in numbers[position + 1 :]
    )
    near = [
        (everything[first].text, everything[second].text)
        for (first, second), count in shared.items()
        if count > 0.6 * min(len(trigrams[first]), len(trigrams[second]))
    ]
    assert near == []


def test_length_does_not_give_the_label_away(everything: list[Review]) -> None:
    means = {}
    for label in ("positive", "negative"):
        lengths = [len(review.text.split()) for review in everything if review.label == label]
        means[label] = sum(lengths) / len(lengths)
        assert max(lengths) <= 60
    assert means["positive"] == pytest.approx(means["negative"], rel=0.1)


def test_readme_counts_of_splits_agree_with_the_files(
    reviews: dict[str, list[Review]], everything: list[Review]
) -> None:
    expected = {}
    for name, rows in [*reviews.items(), ("all", everything)]:
        labels = Counter(review.label for review in rows)
        expected[name] = {
            "positive": str(labels["positive"]),
            "negative": str(labels["negative"]),
            "all": str(len(rows)),
        }
    assert readme_rows("split") == expected


def test_readme_counts_of_domains_agree_with_the_files(
    reviews: dict[str, list[Review]], everything: list[Review]
) -> None:
    counted = {name: Counter(review.domain for review in rows) for name, rows in reviews.items()}
    counted["all"] = Counter(review.domain for review in everything)
    expected = {
        domain: {name: str(counts[domain]) for name, counts in counted.items()} for domain in sorted(counted["all"])
    }
    assert readme_rows("domain") == expected


def test_readme_lists_the_columns_of_the_header() -> None:
    assert [name.strip("`") for name in readme_rows("column")] == HEADER
