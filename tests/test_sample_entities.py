"""The sample data in `data/entities` is what its README says it is."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

from nlp_lstm.text.spacy_words import SpacyWords

FOLDER = Path(__file__).parents[1] / "data" / "entities"
SPLITS = ("train", "dev", "test")
TYPES = ("PER", "LOC", "ORG", "MISC")
TAGS = {"O"} | {f"{prefix}-{kind}" for prefix in "BI" for kind in TYPES}
WORD = re.compile(r"\w+")


class Sentence(NamedTuple):
    """One sentence of a sample file."""

    words: tuple[str, ...]
    tags: tuple[str, ...]

    @property
    def entities(self) -> list[tuple[str, str]]:
        """The words and the type of each entity, read off the tags from left to right."""
        found: list[tuple[list[str], str]] = []
        for word, tag in zip(self.words, self.tags, strict=True):
            if tag.startswith("B-"):
                found.append(([word], tag[2:]))
            elif tag.startswith("I-"):
                found[-1][0].append(word)
        return [(" ".join(words), kind) for words, kind in found]


def read_blocks(split: str) -> list[list[str]]:
    """Return the lines of each sentence of one file."""
    content = (FOLDER / f"{split}.conll").read_bytes().decode("utf-8")
    assert content.endswith("\n\n")
    return [block.split("\n") for block in content[:-2].split("\n\n")]


def read_sentences(split: str) -> list[Sentence]:
    """Return the sentences of one file by a plain split on tabs."""
    columns = [list(zip(*(line.split("\t") for line in block), strict=True)) for block in read_blocks(split)]
    return [Sentence(words, tags) for words, tags in columns]


@pytest.fixture(scope="module")
def sentences() -> dict[str, list[Sentence]]:
    return {split: read_sentences(split) for split in SPLITS}


@pytest.fixture(scope="module")
def everything(sentences: dict[str, list[Sentence]]) -> list[Sentence]:
    return [sentence for split in SPLITS for sentence in sentences[split]]


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


def counted(rows: list[Sentence]) -> dict[str, str]:
    """Return what the README's table of splits says of some sentences."""
    kinds = Counter(kind for sentence in rows for _, kind in sentence.entities)
    numbers = {
        "sentences": len(rows),
        "tokens": sum(len(sentence.words) for sentence in rows),
        **{kind: kinds[kind] for kind in TYPES},
        "entities": kinds.total(),
    }
    return {name: str(number) for name, number in numbers.items()}


def plain_words(sentence: Sentence) -> list[str]:
    """Return the words of a sentence in lower case, without its signs."""
    return WORD.findall(" ".join(sentence.words).lower())


@pytest.mark.parametrize("split", SPLITS)
def test_each_line_is_a_word_a_tab_and_a_known_tag(split: str) -> None:
    for block in read_blocks(split):
        for line in block:
            word, tag = line.split("\t")
            assert word
            assert word == "".join(word.split())
            assert not set(word) & set("\ufeff\ufffd")
            assert tag in TAGS


def test_an_inside_tag_follows_a_tag_of_its_own_type(everything: list[Sentence]) -> None:
    for sentence in everything:
        for before, tag in pairwise(("O", *sentence.tags)):
            assert not tag.startswith("I-") or before[2:] == tag[2:], sentence


def test_words_are_cut_no_further_by_the_tokenizer(everything: list[Sentence]) -> None:
    words = {word for sentence in everything for word in sentence.words}
    cut = SpacyWords()
    assert [word for word in sorted(words) if cut(word).texts != (word,)] == []


def test_whole_sentences_come_out_of_the_tokenizer_as_they_stand(everything: list[Sentence]) -> None:
    cut = SpacyWords()
    assert [sentence for sentence in everything if cut(joined(sentence.words)).texts != sentence.words] == []


def joined(words: tuple[str, ...]) -> str:
    """Return a text: blanks between words, but none before signs and endings, nor around hyphens."""
    text = " ".join(words)
    text = re.sub(r" (?=[.,:;!?)]|'s\b|n't\b)", "", text)
    return re.sub(r"(?<=\w) - (?=\w)", "-", text).replace("( ", "(")


def test_there_are_enough_sentences(sentences: dict[str, list[Sentence]], everything: list[Sentence]) -> None:
    assert len(everything) >= 400
    assert len(sentences["train"]) > len(sentences["test"]) > len(sentences["dev"]) >= 50
    assert all(4 <= len(sentence.words) <= 40 for sentence in everything)


def test_no_type_is_rare_in_any_split(sentences: dict[str, list[Sentence]]) -> None:
    for rows in sentences.values():
        kinds = Counter(kind for sentence in rows for _, kind in sentence.entities)
        assert set(kinds) == set(TYPES)
        assert min(kinds.values()) >= 0.1 * kinds.total()


def test_every_split_has_sentences_without_an_entity(sentences: dict[str, list[Sentence]]) -> None:
    for rows in sentences.values():
        bare = sum(not sentence.entities for sentence in rows)
        assert 0.1 <= bare / len(rows) <= 0.14


def test_no_sentence_occurs_twice_within_or_across_splits(everything: list[Sentence]) -> None:
    counts = Counter(" ".join(plain_words(sentence)) for sentence in everything)
    assert [text for text, count in counts.items() if count > 1] == []


def test_no_two_sentences_share_most_of_their_trigrams(everything: list[Sentence]) -> None:
    trigrams = []
    for sentence in everything:
        words = plain_words(sentence)
        trigrams.append(set(zip(words, words[1:], words[2:], strict=False)))
    near = [
        (everything[first].words, everything[second].words)
        for first in range(len(everything))
        for second in range(first)
        if len(trigrams[first] & trigrams[second]) > 0.5 * max(1, min(len(trigrams[first]), len(trigrams[second])))
    ]
    assert near == []


def test_some_names_are_of_several_types(everything: list[Sentence]) -> None:
    kinds: dict[str, set[str]] = {}
    for sentence in everything:
        for name, kind in sentence.entities:
            kinds.setdefault(name, set()).add(kind)
    ambiguous = {name for name, found in kinds.items() if len(found) > 1}
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert f"{len(ambiguous)} spellings have more than one type" in text
    assert f"{len(kinds)} different names" in text
    assert {"Selby", "Washington", "Jordan", "Bak", "Agnes Moyle"} <= ambiguous


def test_readme_counts_agree_with_the_files(sentences: dict[str, list[Sentence]], everything: list[Sentence]) -> None:
    expected = {name: counted(rows) for name, rows in [*sentences.items(), ("all", everything)]}
    assert readme_rows("split") == expected


def test_readme_says_how_many_entities_are_new_to_one_who_knows_train(sentences: dict[str, list[Sentence]]) -> None:
    known = {name for sentence in sentences["train"] for name, _ in sentence.entities}
    expected = {}
    for split in ("dev", "test"):
        names = [name for sentence in sentences[split] for name, _ in sentence.entities]
        unseen = sum(name not in known for name in names)
        expected[split] = {
            "entities": str(len(names)),
            "unseen": str(unseen),
            "share": f"{round(100 * unseen / len(names))} %",
        }
    assert readme_rows("compared with train") == expected
