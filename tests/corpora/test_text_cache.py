"""What is kept of plain texts between two runs, how much memory they take, and real ones."""

from __future__ import annotations

import gzip
import logging
import sys
import tracemalloc
from collections import Counter
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest

from nlp_lstm.corpora.text_blocks import BLOCK, PlainText, read_blocks
from nlp_lstm.corpora.text_cache import count_text, text_ids
from nlp_lstm.corpora.text_ids import encode_text
from nlp_lstm.errors import DataError
from nlp_lstm.text.blank_words import BlankWords
from nlp_lstm.text.characters import Characters
from nlp_lstm.text.regex_words import RegexWords
from nlp_lstm.text.vocabulary import Vocabulary

TEXT = "Häuser am See,\r\n\r\n  so it goes\x0b\x0c\x1c\x85\u2028… 😀\n\n\n\ttab  and the end"


def plain(*paths):
    return PlainText(", ".join(map(str, paths)), tuple(map(str, paths)))


@dataclass(frozen=True)
class Counting(Characters):
    """Counts the characters it cuts."""

    calls: ClassVar = Counter()

    def keys(self, texts):
        for keys in super().keys(texts):
            self.calls["characters"] += len(keys)
            yield keys


@pytest.fixture
def counting():
    Counting.calls.clear()
    return Counting()


def both(paths, tokenizer, cache, **options):
    counts = count_text(plain(*paths), tokenizer, cache=cache, **options)
    vocabulary = Vocabulary.build(counts)
    return counts, text_ids(plain(*paths), tokenizer, vocabulary, cache=cache, **options)


def test_what_was_counted_and_encoded_once_is_read_from_the_cache(counting, write, tmp_path):
    path = write("a.txt", TEXT)
    first_counts, first = both([path], counting, tmp_path / "cache")
    assert counting.calls["characters"] == 2 * len(TEXT)
    counts, again = both([path], counting, tmp_path / "cache")
    assert counting.calls["characters"] == 2 * len(TEXT)
    assert counts == first_counts == Counter(TEXT)
    assert np.array_equal(again.ids, first.ids)
    assert again.n_bytes == len(TEXT.encode())
    both([write("b.txt", TEXT)], counting, tmp_path / "cache")  # the content decides, not the name
    assert counting.calls["characters"] == 2 * len(TEXT)


def test_whatever_decides_the_ids_is_told_apart(write, tmp_path):
    a, b, packed = write("a.txt", "a\nb\n"), write("b.txt", "b\n"), write("a.gz", "a\nb\n")
    vocabulary, other = Vocabulary(["<pad>", "<unk>", "a"]), Vocabulary(["<pad>", "<unk>", "b"])
    runs = [
        ([a], Characters(), vocabulary, {}),
        ([b], Characters(), vocabulary, {}),
        ([packed], Characters(), vocabulary, {}),
        ([a, b], Characters(), vocabulary, {}),
        ([b, a], Characters(), vocabulary, {}),
        ([replace(plain(a, b), begin=1)], Characters(), vocabulary, {}),
        ([replace(plain(a, b), begin=1, end=3)], Characters(), vocabulary, {}),
        ([a], Characters(), vocabulary, {"line_end": "<eos>"}),
        ([a], Characters(lowercase=True), vocabulary, {}),
        ([a], BlankWords(), vocabulary, {}),
        ([a], Characters(), other, {}),
    ]
    for number, (sources, tokenizer, known, options) in enumerate(runs, 1):
        text = sources[0] if isinstance(sources[0], PlainText) else plain(*sources)
        ids = text_ids(text, tokenizer, known, cache=tmp_path / "cache", **options)
        assert len(list((tmp_path / "cache" / "tokens").iterdir())) == number
        fresh = text_ids(text, tokenizer, known, cache=None, **options)
        assert np.array_equal(ids.ids, fresh.ids)


def test_counts_are_told_apart_by_what_decides_them_but_no_vocabulary(write, tmp_path):
    path = write("a.txt", "So it\ngoes")
    expected = [Counter("So it\ngoes"), Counter("so it\ngoes"), Counter("So it¶goes"), Counter(["So", "it", "goes"])]
    runs = [(Characters(), None), (Characters(lowercase=True), None), (Characters(), "¶"), (RegexWords(), None)]
    for _ in range(2):
        found = [count_text(plain(path), kind, cache=tmp_path / "cache", line_end=end) for kind, end in runs]
        assert found == expected
    assert len(list((tmp_path / "cache" / "tokens").iterdir())) == len(runs)


def test_damaged_entries_are_made_again(counting, write, tmp_path, caplog):
    path = write("a.txt", TEXT)
    counts, ids = both([path], counting, tmp_path / "cache")
    expected = ids.ids.tolist()
    entries = list((tmp_path / "cache" / "tokens").iterdir())
    assert {entry.suffix for entry in entries} == {".json", ".npy"}
    del ids
    for entry in entries:
        entry.write_bytes(entry.read_bytes()[:-3])
    again_counts, again = both([path], counting, tmp_path / "cache")
    assert again_counts == counts
    assert again.ids.tolist() == expected
    assert caplog.text.count("is damaged") == 2
    assert counting.calls["characters"] == 4 * len(TEXT)


@pytest.mark.parametrize("content", ["[]", '{"a": "b"}', "no json", ""])
def test_counts_that_are_none_are_made_again(content, write, tmp_path):
    path = write("a.txt", TEXT)
    count_text(plain(path), Characters(), cache=tmp_path / "cache")
    (entry,) = (tmp_path / "cache" / "tokens").iterdir()
    entry.write_text(content)
    assert count_text(plain(path), Characters(), cache=tmp_path / "cache") == Counter(TEXT)


def test_without_a_cache_nothing_stays(write, tmp_path, monkeypatch):
    path = write("a.txt", TEXT)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("NLP_LSTM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    _, ids = both([path], Characters(), None)
    assert not (tmp_path / "cache").exists()
    if sys.platform != "win32":
        assert list((tmp_path / "temporary").iterdir()) == []
    assert len(ids.ids) == len(TEXT)
    assert ids.ids.max() < 100  # still readable


def test_a_cache_that_cannot_be_written_costs_only_time(write, tmp_path, caplog):
    path = write("a.txt", TEXT)
    (tmp_path / "file").write_text("no folder")
    with caplog.at_level(logging.WARNING):
        counts, ids = both([path], Characters(), tmp_path / "file")
    assert counts == Counter(TEXT)
    assert len(ids) == len(TEXT)
    assert caplog.text.count("cannot be written") == 2


def test_files_without_a_token_are_named(write, tmp_path):
    paths = [write("a.txt", ""), write("b.txt", " \n")]
    with pytest.raises(DataError, match=r"^a\.txt, b\.txt: holds no token"):
        text_ids(plain(*paths), BlankWords(), Vocabulary(["<pad>", "<unk>"]), cache=tmp_path / "cache")


def test_a_missing_file_is_named_before_anything_is_cut(counting, write, tmp_path):
    with pytest.raises(DataError, match=r"none\.txt: no such file"):
        count_text(plain(write("a.txt", TEXT), "none.txt"), counting, cache=tmp_path / "cache")
    assert counting.calls["characters"] == 0


def encode_watched(path, size, target):
    """Return the ids of a file read in blocks of `size`, and the most bytes that were taken meanwhile."""
    vocabulary = Vocabulary(["<pad>", "<unk>", *"abcdefghijklmnopqrstuvwxyz ,\n"])
    tracemalloc.start()
    try:
        ids = encode_text(read_blocks(plain(path), size=size), Characters(), vocabulary, target)
        return ids, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("n_characters", "size", "limit"),
    [(2_000_000, 20_000, 500_000), pytest.param(30_000_000, BLOCK, 8_000_000, marks=pytest.mark.slow)],
)
def test_memory_holds_blocks_and_never_the_text(n_characters, size, limit, write, tmp_path):
    line = "so it goes, naïvely or not, and é too\n"
    text = line * (n_characters // len(line))
    path = write("a.txt", text)
    ids, peak = encode_watched(path, size, tmp_path / "ids.npy")
    assert len(ids) == len(text)
    assert peak < limit


def test_wikitext_2_has_its_published_counts(real_data, tmp_path):
    folder = real_data("wikitext2")
    train = count_text(plain(folder / "train.txt.gz"), BlankWords(), cache=None, line_end="<eos>")
    assert (train.total(), len(train)) == (2_088_628, 33_278)
    vocabulary = Vocabulary.build(train)
    assert len(vocabulary) == 33_279  # and padding
    for name, n_tokens in (("valid.txt", 217_646), ("test.txt", 245_569)):
        ids = text_ids(plain(folder / name), BlankWords(), vocabulary, cache=tmp_path, line_end="<eos>")
        assert len(ids) == n_tokens
        assert ids.n_bytes == (folder / name).stat().st_size
        # what the vocabulary lacks was replaced by those who published it
        assert int((ids.ids == vocabulary.unknown_id).sum()) == (folder / name).read_text().split().count("<unk>")


def test_a_packed_file_gives_the_ids_of_the_plain_one(real_data, tmp_path):
    path = real_data("wikitext2") / "valid.txt"
    packed = tmp_path / "valid.txt.gz"
    packed.write_bytes(gzip.compress(path.read_bytes(), 1))
    vocabulary = Vocabulary(["<pad>", "<unk>", *"etaoin \n"])
    expected = text_ids(plain(path), Characters(), vocabulary, cache=None)
    assert np.array_equal(text_ids(plain(packed), Characters(), vocabulary, cache=None).ids, expected.ids)


def test_another_column_of_the_same_file_is_another_text(tmp_path, write):
    file = str(write("a.csv", "text,title\nso it goes,on\n"))
    found = [
        count_text(PlainText(file, (file,), **how), Characters(), cache=tmp_path / "cache")
        for how in ({}, {"text_column": "title"}, {"data_format": "text"}, {})
    ]
    assert ["".join(sorted(counts.elements())).strip() for counts in found] == [
        "".join(sorted(text)).strip()
        for text in ("so it goes\n", "on\n", "text,title\nso it goes,on\n", "so it goes\n")
    ]
