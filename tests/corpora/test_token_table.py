"""The tokens of many texts as flat arrays."""

from __future__ import annotations

import time
from collections import Counter
from itertools import chain, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_lstm.corpora.token_table import IdTable, TokenTable
from nlp_lstm.text.vocabulary import Vocabulary

KEYS = st.lists(st.lists(st.text(max_size=2) | st.sampled_from(["<pad>", "<unk>"]), max_size=6), max_size=8)


@settings(deadline=None)
@given(KEYS)
def test_a_table_holds_every_token_of_every_text(keys):
    table = TokenTable.from_keys(keys)
    tokens = [table.tokens[index] for index in table.indices]
    starts = table.offsets.tolist()
    assert [tokens[start:end] for start, end in pairwise(starts)] == keys
    assert list(table.tokens) == sorted(set(chain.from_iterable(keys)))
    assert len(table) == len(keys)
    assert (table.indices.dtype, table.offsets.dtype) == (np.int32, np.int64)


@settings(deadline=None)
@given(KEYS)
def test_counts_are_those_of_a_counter(keys):
    assert TokenTable.from_keys(keys).counts() == Counter(chain.from_iterable(keys))


@settings(deadline=None)
@given(KEYS, st.integers(1, 3))
def test_encoding_gives_what_the_vocabulary_gives_text_by_text(keys, min_count):
    table = TokenTable.from_keys(keys)
    vocabulary = Vocabulary.build(table.counts(), min_count=min_count)
    ids = table.encode(vocabulary)
    assert [row.tolist() for row in ids] == [vocabulary.ids(text) for text in keys]
    assert ids.lengths.tolist() == [max(len(text), 1) for text in keys]
    assert (ids.ids.dtype, ids.offsets.dtype, ids.lengths.dtype) == (np.int32, np.int64, np.int64)


def test_another_vocabulary_does_not_know_every_token():
    table = TokenTable.from_keys([["a", "b"], [], ["c"]])
    ids = table.encode(Vocabulary.build({"b": 1, "z": 1}))
    assert [row.tolist() for row in ids] == [[1, 2], [1], [1]]


def test_no_texts_and_only_empty_texts_are_tables_too():
    vocabulary = Vocabulary.build({})
    assert list(TokenTable.from_keys([]).encode(vocabulary)) == []
    assert [row.tolist() for row in TokenTable.from_keys([[], []]).encode(vocabulary)] == [[1], [1]]


def test_rows_are_found_by_number_from_either_end():
    ids = IdTable(np.array([5, 6, 7], dtype=np.int32), np.array([0, 2, 3]))
    assert ids[0].tolist() == ids[-2].tolist() == [5, 6]
    assert [row.tolist() for row in ids[1:]] == [[7]]
    assert ids[np.int64(1)].tolist() == [7]
    assert len(ids) == 2
    for beyond in (2, -3):
        with pytest.raises(IndexError):
            ids[beyond]


def test_a_row_is_a_view_and_no_copy():
    ids = IdTable(np.array([5, 6, 7], dtype=np.int32), np.array([0, 2, 3]))
    assert ids[0].base is ids.ids


def test_millions_of_tokens_are_encoded_in_about_a_second():
    generator = np.random.default_rng(0)
    lengths = generator.integers(0, 600, size=12_000)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    tokens = tuple(sorted(f"w{number}" for number in range(50_000)))
    indices = generator.integers(0, len(tokens), size=offsets[-1], dtype=np.int32)
    table = TokenTable(tokens, indices, offsets)
    started = time.perf_counter()
    ids = table.encode(Vocabulary(["<pad>", "<unk>", *tokens]))
    assert time.perf_counter() - started < 5  # 0.2 s on an idle machine
    np.testing.assert_array_equal(ids.ids[ids.ids != 1], indices + 2)
