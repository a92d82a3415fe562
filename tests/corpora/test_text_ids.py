"""Plain-text files as ids on disk: no character lost, nothing kept in memory, nothing done twice."""

from __future__ import annotations

import gzip
import io
import logging
import sys
import tracemalloc
import zlib
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_lstm.corpora import text_ids
from nlp_lstm.corpora.text_ids import (
    count_files,
    count_tokens,
    encode_files,
    encode_text,
    load_text_ids,
    read_text_blocks,
)
from nlp_lstm.errors import DataError
from nlp_lstm.text.blank_words import BlankWords
from nlp_lstm.text.byte_symbols import ByteSymbols
from nlp_lstm.text.characters import Characters
from nlp_lstm.text.regex_words import RegexWords
from nlp_lstm.text.tokenizers import build_tokenizer
from nlp_lstm.text.vocabulary import Vocabulary

TEXT = "Häuser am See,\r\n\r\n  so it goes\x0b\x0c\x1c\x85\u2028… 😀\n\n\n\ttab  and the end"
ODD = st.text(st.sampled_from("ab é😀\n\n\r\t\x0b\x85\u2028"), max_size=60)


def vocabulary_of(tokenizer, *blocks, line_end=None):
    return Vocabulary.build(count_tokens(blocks, tokenizer, line_end=line_end))


def encode(blocks, tokenizer, path, **options):
    vocabulary = vocabulary_of(tokenizer, *blocks, **options)
    return encode_text(blocks, tokenizer, vocabulary, path, **options), vocabulary


def keys_of(ids, vocabulary):
    return [vocabulary.token(number) for number in ids.ids.tolist()]


# ---- reading ----


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz"])
@pytest.mark.parametrize("size", [1, 7, 1_000_000])
def test_the_blocks_are_every_character_of_the_file(write, name, size):
    blocks = list(read_text_blocks([write(name, TEXT)], size=size))
    assert "".join(blocks) == TEXT
    assert all(blocks)


@settings(deadline=None)
@given(
    texts=st.lists(ODD, min_size=1, max_size=4),
    separator=st.sampled_from(["", "\n", " | ", "x\n\n"]),
    size=st.integers(1, 40),
)
def test_files_are_joined_by_the_separator_and_nothing_else(tmp_path_factory, texts, separator, size):
    folder = tmp_path_factory.mktemp("texts")
    paths = [folder / f"{number}.txt" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_bytes(text.encode())
    blocks = list(read_text_blocks(paths, separator=separator, size=size))
    assert "".join(blocks) == separator.join(texts)
    assert all(len(block) >= size for block in blocks[:-1])


def test_blocks_end_where_lines_do_and_are_little_longer_than_asked(write):
    lines = [f"{'x' * (number % 90)}\n" for number in range(2_000)]
    blocks = list(read_text_blocks([write("a.txt", "".join(lines))], size=500))
    assert all(block.endswith("\n") for block in blocks)
    assert all(500 <= len(block) < 500 + 90 for block in blocks[:-1])


def test_a_file_without_a_last_line_end_runs_on_into_the_next(write):
    paths = [write("a.txt", "one\ntwo"), write("b.txt", "three\nfour\n")]
    assert list(read_text_blocks(paths, size=6)) == ["one\ntwothree\n", "four\n"]


def test_only_a_line_longer_than_a_block_is_cut_and_before_a_blank(write):
    text = "short\n" + "four " * 30 + "\n" + "x" * 45 + "\nend"
    blocks = list(read_text_blocks([write("a.txt", text)], size=20))
    assert "".join(blocks) == text
    assert max(map(len, blocks)) <= 40
    cuts = [after for before, after in pairwise(blocks) if not before.endswith("\n")]
    assert cuts
    assert all(after.startswith((" four", "x")) for after in cuts)


def test_a_byte_order_mark_is_no_character_of_the_text(write):
    paths = [write("a.txt", "\ufeffone\n"), write("b.txt", "\ufefftwo\n")]
    assert list(read_text_blocks(paths)) == ["one\ntwo\n"]


def test_a_damaged_byte_is_named_by_file_and_line(write):
    paths = [write("a.txt", "fine\n"), write("b.txt.gz", b"fine\nna\xefve\n")]
    with pytest.raises(DataError, match=r"line 2 of b\.txt\.gz: byte 0xef is not UTF-8 \(byte 3 of the line"):
        list(read_text_blocks(paths))


def test_a_missing_file_is_named(write):
    write("train.txt", "x")
    with pytest.raises(DataError, match=r"trian\.txt: no such file; did you mean 'train\.txt'"):
        list(read_text_blocks(["trian.txt"]))


def test_files_are_read_as_far_as_asked(write, monkeypatch):
    path = write("a.txt", "line\n" * 100)
    taken = []
    opened = text_ids.open_lines

    def spy(source):
        taken.append(source)
        return opened(source)

    monkeypatch.setattr(text_ids, "open_lines", spy)
    blocks = read_text_blocks([path, "missing.txt"], size=50)
    assert len(next(blocks)) == 50
    assert taken == [path]


# ---- counting and encoding ----


@pytest.mark.parametrize("kind", ["characters", "bytes", "regex", "spacy", "blanks"])
@pytest.mark.parametrize("size", [25, 50, 1_000_000])
def test_ids_are_those_of_the_text_cut_whole_however_it_comes_in_blocks(kind, size, write, tmp_path):
    tokenizer = build_tokenizer(kind=kind, lowercase=True)
    expected = list(tokenizer(TEXT).keys)
    blocks = list(read_text_blocks([write("a.txt", TEXT)], size=size))
    assert count_tokens(blocks, tokenizer) == Counter(expected)
    ids, vocabulary = encode(blocks, tokenizer, tmp_path / "ids.npy")
    assert keys_of(ids, vocabulary) == expected


@pytest.mark.parametrize("kind", ["regex", "spacy", "blanks"])
def test_no_word_is_cut_where_a_very_long_line_is(kind, write):
    tokenizer = build_tokenizer(kind=kind)
    text = "the cats can't purr, the dogs do; " * 40
    blocks = list(read_text_blocks([write("a.txt", text)], size=50))
    assert len(blocks) > 10
    assert count_tokens(blocks, tokenizer) == Counter(tokenizer(text).keys)


def test_subwords_give_the_text_back(tmp_path):
    tokenizer = build_tokenizer(kind="subwords", train_texts=[TEXT] * 3, vocab_size=300)
    ids, vocabulary = encode([TEXT * 200], tokenizer, tmp_path / "ids.npy")
    assert tokenizer.decode(keys_of(ids, vocabulary)) == TEXT * 200


@settings(deadline=None)
@given(text=ODD)
def test_a_line_end_stands_for_every_line_feed_and_lines_are_cut_without_it(text):
    expected = []
    for number, line in enumerate(text.split("\n")):
        expected += ["<eos>"] * (number > 0) + list(RegexWords()(line).keys)
    assert count_tokens([text], RegexWords(), line_end="<eos>") == Counter(expected)


def test_line_ends_stand_where_the_lines_ended(tmp_path):
    text = "so it\n\ngoes \nx"
    ids, vocabulary = encode([text[:7], text[7:]], BlankWords(), tmp_path / "ids.npy", line_end="<eos>")
    assert keys_of(ids, vocabulary) == ["so", "it", "<eos>", "<eos>", "goes", "<eos>", "x"]
    again, vocabulary = encode([text], Characters(), tmp_path / "ids.npy", line_end="¶")
    assert "".join(keys_of(again, vocabulary)) == text.replace("\n", "¶")


def test_what_the_vocabulary_lacks_is_unknown(tmp_path):
    ids = encode_text(["abcab"], Characters(), Vocabulary(["<pad>", "<unk>", "b", "a"]), tmp_path / "ids.npy")
    assert ids.ids.tolist() == [3, 2, 1, 3, 2]


@pytest.mark.parametrize(("n_tokens", "dtype"), [(65_536, np.uint16), (65_537, np.int32)])
def test_ids_take_two_bytes_where_they_fit(n_tokens, dtype, tmp_path):
    tokens = ["<pad>", "<unk>", *map(str, range(n_tokens - 2))]
    ids = encode_text([f"{n_tokens - 3} 0 x"], BlankWords(), Vocabulary(tokens), tmp_path / "ids.npy")
    assert ids.ids.dtype == dtype
    assert ids.ids.tolist() == [n_tokens - 1, 2, 1]


def test_a_text_without_a_token_is_refused_and_leaves_no_file(tmp_path):
    with pytest.raises(DataError, match="the text: holds no token; expected some text"):
        encode_text([" \n"], BlankWords(), Vocabulary(["<pad>", "<unk>"]), tmp_path / "ids.npy")
    assert list(tmp_path.iterdir()) == []


# ---- the file ----


def test_one_file_is_written_which_numpy_opens(tmp_path):
    ids, _ = encode([TEXT], Characters(), tmp_path / "deep" / "ids.npy")
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["ids.npy"]
    plain = np.load(tmp_path / "deep" / "ids.npy", mmap_mode="r")
    assert np.array_equal(plain, ids.ids)
    assert plain.dtype == np.uint16


def test_ids_are_mapped_and_cannot_be_changed(tmp_path):
    ids, _ = encode([TEXT], Characters(), tmp_path / "ids.npy")
    assert isinstance(ids.ids, np.memmap)
    assert all(isinstance(part.ids, np.memmap) for part in ids.split(0.5))
    with pytest.raises(ValueError, match="read-only"):
        ids.ids[0] = 1


def test_what_was_written_is_loaded(tmp_path):
    ids, _ = encode([TEXT * 100], ByteSymbols(), tmp_path / "ids.npy")
    again = load_text_ids(tmp_path / "ids.npy")
    assert np.array_equal(again.ids, ids.ids)
    assert (again.n_characters, again.n_bytes) == (len(TEXT) * 100, len(TEXT.encode()) * 100)


def test_a_file_that_was_never_written_is_missing_without_a_word(tmp_path, caplog):
    assert load_text_ids(tmp_path / "ids.npy") is None
    assert caplog.records == []


def test_a_file_cut_anywhere_or_with_a_changed_byte_is_found_damaged(tmp_path, caplog):
    path = tmp_path / "ids.npy"
    encode([TEXT], Characters(), path)
    whole = path.read_bytes()
    for length in range(0, len(whole), 5):
        path.write_bytes(whole[:length])
        assert load_text_ids(path) is None
    for place in range(128, 128 + 2 * len(TEXT)):  # the ids; the header before them takes 128 bytes
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert load_text_ids(path) is None
    assert str(path) in caplog.text
    path.write_bytes(whole)
    assert load_text_ids(path) is not None


def test_numbers_of_another_kind_are_refused(tmp_path):
    ids, _ = encode([TEXT], Characters(), tmp_path / "ids.npy")
    foreign = ids.ids.astype(np.int64)
    checksum = zlib.crc32(ids.marks.tobytes(), zlib.crc32(foreign.tobytes()))
    with (tmp_path / "ids.npy").open("wb") as file:
        for part in (foreign, ids.marks, np.array(checksum, dtype=np.uint32)):
            np.save(file, part)
    assert load_text_ids(tmp_path / "ids.npy") is None


@pytest.mark.parametrize("value", [np.zeros((2, 3), dtype=np.int32), np.zeros(3), np.array(5, dtype=np.uint16)])
def test_another_array_is_refused(tmp_path, value):
    np.save(tmp_path / "ids.npy", value)
    assert load_text_ids(tmp_path / "ids.npy") is None


def test_nothing_is_left_of_a_file_that_could_not_be_finished(tmp_path):
    def broken():
        yield "so it goes\n"
        raise DataError("line 2 of a.txt: byte 0xff is not UTF-8")

    with pytest.raises(DataError):
        encode_text(broken(), Characters(), Vocabulary(["<pad>", "<unk>"]), tmp_path / "ids.npy")
    assert list(tmp_path.iterdir()) == []


# ---- sizes and parts ----


def test_characters_and_bytes_are_those_of_the_text(tmp_path):
    for tokenizer in (Characters(), ByteSymbols(), RegexWords()):
        for line_end in (None, "<eos>"):
            text = TEXT * 50 + "\n \n"
            ids, _ = encode([text[:100], text[100:]], tokenizer, tmp_path / "ids.npy", line_end=line_end)
            assert (ids.n_characters, ids.n_bytes) == (len(text), len(text.encode()))


def test_text_without_a_token_at_the_end_belongs_to_the_text(tmp_path):
    words, rest = "so it goes\n" * 1_000, " \n" * 5
    ids, _ = encode([words, rest], BlankWords(), tmp_path / "ids.npy")
    assert ids.n_characters == len(words) + len(rest)
    assert np.all(np.diff(ids.marks, axis=0) > 0)


@pytest.mark.parametrize("fraction", [0.9, 0.5, 0.123, 0.999])
def test_a_text_of_characters_is_split_by_character(tmp_path, fraction):
    text = TEXT * 100
    ids, vocabulary = encode([text], Characters(), tmp_path / "ids.npy")
    cut = int(len(text) * fraction)
    for part, expected in zip(ids.split(fraction), (text[:cut], text[cut:]), strict=True):
        assert "".join(keys_of(part, vocabulary)) == expected
        assert part.n_characters == len(part) == len(expected)


def test_parts_of_parts_are_measured_where_they_stand(tmp_path):
    text = "x" * 10_000 + "\n" + "é😀\n" * 4_000  # first one byte a character, then seven for three
    ids, _ = encode([text], Characters(), tmp_path / "ids.npy")
    first, rest = ids.split(0.5)
    inner = rest.split(0.5)
    assert [part.n_characters for part in (first, *inner)] == [11_000, 5_500, 5_501]
    expected = [len(part.encode()) for part in (text[:11_000], text[11_000:16_500], text[16_500:])]
    assert [part.n_bytes for part in (first, *inner)] == pytest.approx(expected, abs=3)
    assert sum(part.n_bytes for part in (first, *inner)) == ids.n_bytes == len(text.encode())


@pytest.mark.parametrize("line_end", [None, "<eos>"])
def test_a_part_of_words_is_measured_to_a_few_words(tmp_path, line_end):
    random = np.random.default_rng(0)
    words = ["x" * length for length in random.integers(1, 12, 40_000)]
    lines = [" ".join(words[place : place + 10]) + "\n" for place in range(0, len(words), 10)]
    ids, _ = encode(["".join(lines)], BlankWords(), tmp_path / "ids.npy", line_end=line_end)
    train, dev = ids.split(0.9)
    assert train.n_characters == pytest.approx(sum(map(len, lines[:3_600])), abs=100)
    assert train.n_characters + dev.n_characters == ids.n_characters


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, 90])
def test_a_fraction_that_is_none_is_refused(tmp_path, fraction):
    ids, _ = encode([TEXT], Characters(), tmp_path / "ids.npy")
    with pytest.raises(ValueError, match="a fraction between 0 and 1"):
        ids.split(fraction)


# ---- the cache ----


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


def both(sources, tokenizer, cache, **options):
    counts = count_files(sources, tokenizer, cache=cache, **options)
    vocabulary = Vocabulary.build(counts)
    return counts, encode_files(sources, tokenizer, vocabulary, cache=cache, **options)


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
        ([a, b], Characters(), vocabulary, {"separator": "\n"}),
        ([a], Characters(), vocabulary, {"line_end": "<eos>"}),
        ([a], Characters(lowercase=True), vocabulary, {}),
        ([a], BlankWords(), vocabulary, {}),
        ([a], Characters(), other, {}),
    ]
    for number, (sources, tokenizer, known, options) in enumerate(runs, 1):
        ids = encode_files(sources, tokenizer, known, cache=tmp_path / "cache", **options)
        assert len(list((tmp_path / "cache" / "tokens").iterdir())) == number
        fresh = encode_files(sources, tokenizer, known, cache=None, **options)
        assert np.array_equal(ids.ids, fresh.ids)


def test_counts_are_told_apart_by_what_decides_them_but_no_vocabulary(write, tmp_path):
    path = write("a.txt", "So it\ngoes")
    expected = [Counter("So it\ngoes"), Counter("so it\ngoes"), Counter("So it¶goes"), Counter(["So", "it", "goes"])]
    runs = [(Characters(), None), (Characters(lowercase=True), None), (Characters(), "¶"), (RegexWords(), None)]
    for _ in range(2):
        found = [count_files([path], kind, cache=tmp_path / "cache", line_end=end) for kind, end in runs]
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
    count_files([path], Characters(), cache=tmp_path / "cache")
    (entry,) = (tmp_path / "cache" / "tokens").iterdir()
    entry.write_text(content)
    assert count_files([path], Characters(), cache=tmp_path / "cache") == Counter(TEXT)


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


def test_standard_input_is_read_once_and_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"so\n")))
    vocabulary = Vocabulary(["<pad>", "<unk>", "s", "o", "\n"])
    assert encode_files(["-"], Characters(), vocabulary, cache=tmp_path / "cache").ids.tolist() == [2, 3, 4]
    assert not (tmp_path / "cache").exists()


def test_files_without_a_token_are_named(write, tmp_path):
    paths = [write("a.txt", ""), write("b.txt", " \n")]
    with pytest.raises(DataError, match=r"^a\.txt, b\.txt: holds no token"):
        encode_files(paths, BlankWords(), Vocabulary(["<pad>", "<unk>"]), cache=tmp_path / "cache")


def test_a_missing_file_is_named_before_anything_is_cut(counting, write, tmp_path):
    with pytest.raises(DataError, match=r"none\.txt: no such file"):
        count_files([write("a.txt", TEXT), "none.txt"], counting, cache=tmp_path / "cache")
    assert counting.calls["characters"] == 0


# ---- memory ----


def encode_watched(path, size, target):
    """Return the ids of a file read in blocks of `size`, and the most bytes that were taken meanwhile."""
    vocabulary = Vocabulary(["<pad>", "<unk>", *"abcdefghijklmnopqrstuvwxyz ,\n"])
    tracemalloc.start()
    try:
        ids = encode_text(read_text_blocks([path], size=size), Characters(), vocabulary, target)
        return ids, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("n_characters", "size", "limit"),
    [(2_000_000, 20_000, 500_000), pytest.param(30_000_000, text_ids.BLOCK, 8_000_000, marks=pytest.mark.slow)],
)
def test_memory_holds_blocks_and_never_the_text(n_characters, size, limit, write, tmp_path):
    line = "so it goes, naïvely or not, and é too\n"
    text = line * (n_characters // len(line))
    path = write("a.txt", text)
    ids, peak = encode_watched(path, size, tmp_path / "ids.npy")
    assert len(ids) == len(text)
    assert peak < limit


# ---- real data ----


def test_wikitext_2_has_its_published_counts(real_data, tmp_path):
    folder = real_data("wikitext2")
    train = count_files([folder / "train.txt.gz"], BlankWords(), cache=None, line_end="<eos>")
    assert (train.total(), len(train)) == (2_088_628, 33_278)
    vocabulary = Vocabulary.build(train)
    assert len(vocabulary) == 33_279  # and padding
    for name, n_tokens in (("valid.txt", 217_646), ("test.txt", 245_569)):
        ids = encode_files([folder / name], BlankWords(), vocabulary, cache=tmp_path, line_end="<eos>")
        assert len(ids) == n_tokens
        assert ids.n_bytes == (folder / name).stat().st_size
        # what the vocabulary lacks was replaced by those who published it
        assert int((ids.ids == vocabulary.unknown_id).sum()) == (folder / name).read_text().split().count("<unk>")


def test_tiny_shakespeare_is_split_as_published(real_data, tmp_path):
    path = real_data("tinyshakespeare") / "input.txt"
    counts, ids = both([path], Characters(), tmp_path)
    assert len(counts) == 65
    train, dev = ids.split(0.9)
    assert (len(train), len(dev)) == (1_003_854, 111_540)
    text = path.read_text(encoding="utf-8")
    assert "".join(keys_of(dev, Vocabulary.build(counts))) == text[1_003_854:]


def test_a_packed_file_gives_the_ids_of_the_plain_one(real_data, tmp_path):
    plain = real_data("wikitext2") / "valid.txt"
    packed = tmp_path / "valid.txt.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes(), 1))
    vocabulary = Vocabulary(["<pad>", "<unk>", *"etaoin \n"])
    expected = encode_files([plain], Characters(), vocabulary, cache=None)
    assert np.array_equal(encode_files([packed], Characters(), vocabulary, cache=None).ids, expected.ids)
