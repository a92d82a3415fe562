"""Plain-text files as ids on disk: no character lost, nothing kept in memory, nothing done twice."""

from __future__ import annotations

import zlib
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_lstm.corpora.text_blocks import find_text, read_blocks
from nlp_lstm.corpora.text_ids import count_tokens, encode_text, load_text_ids
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


# ---- counting and encoding ----


@pytest.mark.parametrize("kind", ["characters", "bytes", "regex", "spacy", "blanks"])
@pytest.mark.parametrize("size", [25, 50, 1_000_000])
def test_ids_are_those_of_the_text_cut_whole_however_it_comes_in_blocks(kind, size, write, tmp_path):
    tokenizer = build_tokenizer(kind=kind, lowercase=True)
    expected = list(tokenizer(TEXT).keys)
    blocks = list(read_blocks(find_text(str(write("a.txt", TEXT))), size=size))
    assert count_tokens(blocks, tokenizer) == Counter(expected)
    ids, vocabulary = encode(blocks, tokenizer, tmp_path / "ids.npy")
    assert keys_of(ids, vocabulary) == expected


@pytest.mark.parametrize("kind", ["regex", "spacy", "blanks"])
def test_no_word_is_cut_where_a_very_long_line_is(kind, write):
    tokenizer = build_tokenizer(kind=kind)
    text = "the cats can't purr, the dogs do; " * 40
    blocks = list(read_blocks(find_text(str(write("a.txt", text))), size=50))
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
    assert isinstance(ids.ids, np.memmap)
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
    sizes = np.array([ids.n_characters, ids.n_bytes])
    checksum = zlib.crc32(sizes.tobytes(), zlib.crc32(foreign.tobytes()))
    with (tmp_path / "ids.npy").open("wb") as file:
        for part in (foreign, np.append(sizes, checksum)):
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


# ---- sizes ----


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
