"""Token tables on disk."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_lstm.corpora import token_cache
from nlp_lstm.corpora.token_cache import cache_file, default_cache, load_table, save_table
from nlp_lstm.corpora.token_table import TokenTable
from nlp_lstm.text.regex_words import RegexWords

TABLE = TokenTable.from_keys([["so", "it", "goes\n"], [], ["naïve", "😀", "\x00", "so"]])


def same(one, other):
    return (
        one.tokens == other.tokens
        and np.array_equal(one.indices, other.indices)
        and np.array_equal(one.offsets, other.offsets)
        and (one.indices.dtype, one.offsets.dtype) == (other.indices.dtype, other.offsets.dtype)
    )


def test_a_table_comes_back_as_it_was(tmp_path):
    path = tmp_path / "deep" / "er" / "table.npz"
    save_table(path, TABLE)
    assert same(load_table(path), TABLE)


def test_an_empty_table_comes_back(tmp_path):
    empty = TokenTable.from_keys([])
    save_table(tmp_path / "table.npz", empty)
    assert same(load_table(tmp_path / "table.npz"), empty)


def test_what_was_never_saved_is_missing_without_a_word(tmp_path, caplog):
    assert load_table(tmp_path / "none.npz") is None
    assert caplog.records == []


def test_no_other_file_is_left_behind(tmp_path):
    save_table(tmp_path / "table.npz", TABLE)
    assert [path.name for path in tmp_path.iterdir()] == ["table.npz"]


def test_a_file_cut_anywhere_is_found_damaged(tmp_path):
    path = tmp_path / "table.npz"
    save_table(path, TABLE)
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        assert load_table(path) is None


@settings(deadline=None)
@given(place=st.integers(0, 10**6), value=st.integers(1, 255))
def test_a_changed_byte_is_found_or_changes_nothing(tmp_path_factory, place, value):
    path = tmp_path_factory.mktemp("cache") / "table.npz"
    save_table(path, TABLE)
    data = bytearray(path.read_bytes())
    data[place % len(data)] ^= value
    path.write_bytes(data)
    table = load_table(path)
    assert table is None or same(table, TABLE)  # some bytes of a zip file, as its dates, are never read


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04", b"\x93NUMPY\x01\x00", b"\x80\x04K\x01."])
def test_a_foreign_file_is_refused_and_logged(tmp_path, caplog, content):
    path = tmp_path / "table.npz"
    path.write_bytes(content)
    assert load_table(path) is None
    assert "is damaged" in caplog.text
    assert str(path) in caplog.text


def test_a_cache_that_cannot_be_written_is_logged_and_left(tmp_path, caplog):
    (tmp_path / "file").write_text("no folder")
    with caplog.at_level(logging.WARNING):
        save_table(tmp_path / "file" / "table.npz", TABLE)
    assert "cannot be written" in caplog.text


def test_the_name_depends_on_all_that_decides_the_table(tmp_path, monkeypatch):
    texts = ["so it", "goes"]
    plain = cache_file(tmp_path, texts, RegexWords())
    assert plain == cache_file(tmp_path, tuple(texts), RegexWords())
    others = [
        cache_file(tmp_path, ["so itg", "oes"], RegexWords()),
        cache_file(tmp_path, ["goes", "so it"], RegexWords()),
        cache_file(tmp_path, [*texts, ""], RegexWords()),
        cache_file(tmp_path, texts, RegexWords(lowercase=True)),
    ]
    monkeypatch.setattr(token_cache, "FORMAT", token_cache.FORMAT + 1)
    others.append(cache_file(tmp_path, texts, RegexWords()))
    monkeypatch.setattr(token_cache, "FORMAT", token_cache.FORMAT - 1)
    monkeypatch.setattr(token_cache, "_release", lambda package: "99")
    others.append(cache_file(tmp_path, texts, RegexWords()))
    assert len({plain, *others}) == 1 + len(others)


def test_any_string_has_a_name(tmp_path):
    names = {cache_file(tmp_path, [text], RegexWords()) for text in ("\ud83d", "\ufffd", "")}
    assert len(names) == 3


def test_the_cache_lies_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("NLP_LSTM_CACHE", str(tmp_path / "own"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert default_cache() == tmp_path / "own"
    monkeypatch.delenv("NLP_LSTM_CACHE")
    assert default_cache() == tmp_path / "xdg" / "nlp-lstm"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_cache() == Path.home() / ".cache" / "nlp-lstm"
