"""Texts to token tables, through the cache."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from nlp_lstm.corpora import tokenized
from nlp_lstm.corpora.tokenized import TokenTable, tokenize_texts
from nlp_lstm.text.regex_words import RegexWords
from nlp_lstm.text.tokenizers import build_tokenizer
from nlp_lstm.text.vocabulary import Vocabulary

TEXTS = ["So it goes.", "", "So \ud83d it 😀", "\n", "goes <pad>"]


@dataclass(frozen=True)
class Counting(RegexWords):
    """Counts the texts it cuts."""

    calls: ClassVar = Counter()

    def keys(self, texts):
        for keys in super().keys(texts):
            self.calls["texts"] += 1
            yield keys


@pytest.fixture
def counting():
    Counting.calls.clear()
    return Counting()


def same(one, other):
    return (
        one.tokens == other.tokens
        and np.array_equal(one.indices, other.indices)
        and np.array_equal(one.offsets, other.offsets)
    )


@pytest.mark.parametrize("kind", ["regex", "spacy", "characters", "subwords"])
def test_the_table_holds_what_the_tokenizer_says_of_each_text(kind, tmp_path):
    tokenizer = build_tokenizer(kind=kind, lowercase=True, train_texts=TEXTS, vocab_size=300)
    expected = [list(tokenizer(text).keys) for text in TEXTS]
    for _ in range(2):
        table = tokenize_texts(TEXTS, tokenizer, cache=tmp_path)
        assert same(table, TokenTable.from_keys(expected))
    vocabulary = Vocabulary.build(table.counts())
    assert [row.tolist() for row in table.encode(vocabulary)] == [vocabulary.ids(keys) for keys in expected]


def test_what_was_cut_once_is_read_from_the_cache(counting, tmp_path):
    first = tokenize_texts(TEXTS, counting, cache=tmp_path)
    second = tokenize_texts(TEXTS, counting, cache=tmp_path)
    assert same(first, second)
    assert counting.calls["texts"] == len(TEXTS)
    tokenize_texts([*TEXTS, "new"], counting, cache=tmp_path)
    assert counting.calls["texts"] == 2 * len(TEXTS) + 1


def test_without_a_cache_nothing_is_written(counting, tmp_path, monkeypatch):
    monkeypatch.setenv("NLP_LSTM_CACHE", str(tmp_path))
    tokenize_texts(TEXTS, counting, cache=None)
    tokenize_texts(TEXTS, counting, cache=None)
    assert counting.calls["texts"] == 2 * len(TEXTS)
    assert list(tmp_path.rglob("*")) == []


def test_a_damaged_entry_is_made_again(counting, tmp_path):
    table = tokenize_texts(TEXTS, counting, cache=tmp_path)
    (entry,) = (path for path in tmp_path.rglob("*") if path.is_file())
    whole = entry.read_bytes()
    entry.write_bytes(whole[: len(whole) // 2])
    assert same(tokenize_texts(TEXTS, counting, cache=tmp_path), table)
    assert counting.calls["texts"] == 2 * len(TEXTS)
    assert len(entry.read_bytes()) == len(whole)
    tokenize_texts(TEXTS, counting, cache=tmp_path)
    assert counting.calls["texts"] == 2 * len(TEXTS)


def test_a_cache_that_cannot_be_written_costs_only_time(counting, tmp_path):
    (tmp_path / "file").write_text("no folder")
    table = tokenize_texts(TEXTS, counting, cache=tmp_path / "file")
    assert same(table, TokenTable.from_keys(RegexWords().keys(TEXTS)))


def test_a_large_corpus_is_cut_by_several_processes(tmp_path, monkeypatch):
    asked = []

    def spy(texts, tokenizer, *, workers):
        asked.append(workers)
        return TokenTable.from_keys(tokenizer.keys(texts))

    monkeypatch.setattr(tokenized, "tokenize_in_parallel", spy)
    monkeypatch.setattr(tokenized, "_MANY_TEXTS", 5)
    monkeypatch.setattr(tokenized, "_MANY_CHARACTERS", 20)
    monkeypatch.setattr(tokenized, "useful_workers", lambda tokenizer: 3)
    tokenize_texts(TEXTS, RegexWords(), cache=None)
    tokenize_texts(TEXTS, RegexWords(), cache=None, workers=7)
    tokenize_texts(TEXTS, RegexWords(), cache=None, workers=1)
    tokenize_texts(TEXTS[:4], RegexWords(), cache=None, workers=7)
    tokenize_texts(["a"] * 5, RegexWords(), cache=None, workers=7)
    assert asked == [3, 7]


def test_processes_that_write_the_same_entry_at_once_do_not_clash(tmp_path):
    code = (
        "import sys; from pathlib import Path\n"
        "from nlp_lstm.corpora.tokenized import tokenize_texts\n"
        "from nlp_lstm.text.regex_words import RegexWords\n"
        "texts = [f'text {number}' for number in range(20_000)]\n"
        "for _ in range(3):\n"
        "    for path in Path(sys.argv[1]).rglob('*.npz'): path.unlink(missing_ok=True)\n"
        "    table = tokenize_texts(texts, RegexWords(), cache=Path(sys.argv[1]))\n"
        "    assert (len(table), len(table.tokens)) == (20_000, 20_001)\n"
    )
    command = [sys.executable, "-W", "error", "-c", code, str(tmp_path)]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    assert [process.communicate()[1] for process in running] == ["", "", ""]
    names = [path.name for path in tmp_path.rglob("*") if path.is_file()]
    assert len(names) == 1
    assert names[0].endswith(".npz")


def test_real_reviews_are_counted_as_by_hand(real_data, tmp_path):
    with gzip.open(real_data("imdb") / "test.jsonl.gz", "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line, _ in zip(lines, range(300), strict=False)]
    tokenizer = RegexWords(lowercase=True, strip_markup=True)
    table = tokenize_texts(texts, tokenizer, cache=tmp_path)
    counted = Counter(key for text in texts for key in tokenizer(text).keys)
    assert table.counts() == counted
    assert "br" not in counted
    assert counted["the"] > 1_000
