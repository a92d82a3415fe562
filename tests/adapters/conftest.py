"""Tiny models of each task, trained once on made data; nobody may write into their folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nlp_lstm import train
from nlp_lstm.records.examples import Example, SentencePair, TaggedSentence
from tests.stages.made_data import made_sentences, made_texts

QUICK: dict[str, Any] = {
    "tokenizer.kind": "regex",
    "encoder.embed_size": 8,
    "encoder.hidden_size": 8,
    "training.batch_size": 8,
    "training.learning_rate": 0.02,
    "training.evaluations": 2,
    "training.precision": "float32",
}
QUICK_TAGGER = QUICK | {
    "encoder.dropout": 0.1,
    "head.character_embed_size": 8,
    "head.character_size": 16,
    "training.ema": 0.9,
}
QUICK_TRANSLATOR = QUICK | {
    "tokenizer.kind": "subwords",
    "tokenizer.vocab_size": 300,
    "head.embed_size": 8,
    "head.hidden_size": 8,
}


def made_words(n: int, seed: int) -> tuple[list[list[str]], list[list[str]]]:
    """Return the words of made sentences, and their tags."""
    sentences = [
        [line.split(" ") for line in each.split("\n") if line] for each in made_sentences(n, seed).split("\n\n")
    ]
    return [[word for word, _ in each] for each in sentences], [[tag for _, tag in each] for each in sentences]


def tagged(words: list[list[str]], tags: list[list[str]]) -> list[TaggedSentence]:
    return [TaggedSentence.of_words(*pair) for pair in zip(words, tags, strict=True)]


@pytest.fixture(scope="session")
def classifier_folder(tmp_path_factory) -> Path:
    """A model that tells good texts, which say "fine", from bad ones, which say "dull"."""
    place = tmp_path_factory.mktemp("classifier") / "run"
    examples = [Example(*pair) for pair in made_texts(50, seed=3)]
    return train("classify", train=examples, out=place, steps=40, settings=QUICK).folder


@pytest.fixture(scope="session")
def tagger_folder(tmp_path_factory) -> Path:
    """A model that finds "Ada", "York" and "Old York"."""
    place = tmp_path_factory.mktemp("tagger") / "run"
    return train("tag", train=tagged(*made_words(120, seed=3)), out=place, steps=120, settings=QUICK_TAGGER).folder


@pytest.fixture(scope="session")
def word_tagger_folder(tmp_path_factory) -> Path:
    """A model whose tags are of single words: NAME for words with a capital, else WORD."""
    words, _ = made_words(40, seed=3)
    tags = [["NAME" if word.istitle() else "WORD" for word in each] for each in words]
    place = tmp_path_factory.mktemp("words") / "run"
    return train("tag", train=tagged(words, tags), out=place, steps=60, settings=QUICK_TAGGER).folder


@pytest.fixture(scope="session")
def translator_folder(tmp_path_factory) -> Path:
    """A model from en to de that has learned next to nothing."""
    pairs = [SentencePair(f"a fine {noun}", f"ein feines {noun}") for noun in ("day", "bed", "egg", "ink") * 3]
    place = tmp_path_factory.mktemp("translator") / "run"
    data = {"source_lang": "en", "target_lang": "de"}
    return train("translate", train=pairs, **data, out=place, steps=2, settings=QUICK_TRANSLATOR).folder


@pytest.fixture(scope="session")
def generator_folder(tmp_path_factory) -> Path:
    """A model that has read "so it goes" many times."""
    place = tmp_path_factory.mktemp("generator")
    (place / "text.txt").write_text("so it goes\n" * 200, encoding="utf-8")
    settings = QUICK | {"tokenizer.kind": "characters"}
    return train("generate", train=place / "text.txt", out=place / "run", steps=20, settings=settings).folder
