"""Sentences of spellings: the rectangle gives them back, and epochs hold each sentence with its own tags."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_lstm.batching.padding import rounded_length
from nlp_lstm.batching.spelled import (
    LONGEST_SPELLING,
    SHORTEST_SPELLING,
    Edges,
    Spelled,
    SpelledRows,
    TaggedBatch,
    TaggedBatches,
    pad_spelled,
)

MAX_TOKENS = 20
N_ROWS = 45
N_SPELLINGS = 60


def table(n_spellings: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Return word ids, casings and characters of spellings, each number telling which spelling it is of."""
    random = np.random.default_rng(seed)
    words = np.arange(n_spellings, dtype=np.int64) * 3 + 7
    casings = np.arange(n_spellings, dtype=np.int64) % 5
    characters = [random.integers(1, 99, random.integers(1, 9)).astype(np.int32) for _ in range(n_spellings)]
    return words, casings, characters


def as_arrays(rows) -> list[np.ndarray]:
    return [np.array(row, dtype=np.int32) for row in rows]


ROWS = st.lists(st.lists(st.integers(0, 11), min_size=1, max_size=20), min_size=1, max_size=6)


# ---- the rectangle ----


@settings(deadline=None)
@given(ROWS, st.data())
def test_the_sentences_come_back_from_under_the_mask(rows, data):
    words, casings, characters = table(12)
    chosen = data.draw(st.lists(st.integers(0, len(rows) - 1), min_size=1, max_size=8))
    padded = pad_spelled(SpelledRows(as_arrays(rows), words, casings, characters), chosen)
    assert padded.ids.shape == padded.mask.shape == padded.spellings.shape
    assert padded.mask.shape == (len(chosen), rounded_length(max(len(rows[row]) for row in chosen)))
    dtypes = [tensor.dtype for tensor in padded]
    assert dtypes == [torch.int64, torch.bool, torch.int64, torch.int64, torch.int64]
    for number, ids, mask, spellings in zip(chosen, *padded[:3], strict=True):
        length = len(rows[number])
        assert mask.tolist() == [True] * length + [False] * (len(mask) - length)
        assert ids[mask].tolist() == words[rows[number]].tolist()
        assert padded.casings[spellings[mask]].tolist() == casings[rows[number]].tolist()
        for word, spelled in zip(rows[number], padded.characters[spellings[mask]].tolist(), strict=True):
            real = characters[word].tolist()
            assert spelled == real + [0] * (len(spelled) - len(real))


@settings(deadline=None)
@given(ROWS)
def test_each_distinct_spelling_stands_in_the_batch_once(rows):
    padded = pad_spelled(SpelledRows(as_arrays(rows), *table(12)), range(len(rows)))
    used = {word for row in rows for word in row}
    assert len(padded.characters) == len(padded.casings) == len(used)
    assert sorted(padded.spellings[padded.mask].unique().tolist()) == list(range(len(used)))
    assert int(padded.spellings.max()) < len(used)  # at padding too they are rows of the table


@pytest.mark.parametrize("length", [1, LONGEST_SPELLING - 1, LONGEST_SPELLING, LONGEST_SPELLING + 1, 500])
def test_of_a_long_word_the_first_and_the_last_half_are_read(length):
    letters = np.arange(1, length + 1, dtype=np.int32)
    data = SpelledRows(as_arrays([[0, 1]]), np.array([2, 3]), np.array([0, 1]), [letters, letters[:1]])
    spelled = pad_spelled(data, [0]).characters
    half = LONGEST_SPELLING // 2
    kept = letters if length <= LONGEST_SPELLING else [*range(1, half + 1), *range(length - half + 1, length + 1)]
    assert spelled[0][spelled[0] > 0].tolist() == list(kept)
    assert spelled.shape == (2, max(SHORTEST_SPELLING, min(length, LONGEST_SPELLING)))
    assert spelled[1].tolist() == [1] + [0] * (spelled.shape[1] - 1)


def test_windows_take_a_part_of_each_sentence():
    words, casings, characters = table(12)
    rows = [[0, 1, 2, 3, 4], [5, 6, 7], [8, 9, 10, 11]]
    data = SpelledRows(as_arrays(rows), words, casings, characters)
    padded = pad_spelled(data, [2, 0], [slice(1, 3), slice(3, 9)])
    parts = [rows[2][1:3], rows[0][3:9]]
    assert [ids[mask].tolist() for ids, mask in zip(padded.ids, padded.mask, strict=True)] == [
        words[part].tolist() for part in parts
    ]
    assert len(padded.characters) == 4  # what stands outside the windows is not spelled


def test_a_sentence_without_words_is_refused():
    with pytest.raises(ValueError, match="at least one id"):
        pad_spelled(SpelledRows(as_arrays([[0], []]), *table(12)), [0, 1])


def test_sentences_move_whole():
    moved = pad_spelled(SpelledRows(as_arrays([[0, 3]]), *table(12)), [0]).to(torch.device("meta"))
    assert isinstance(moved, Spelled)
    assert {tensor.device.type for tensor in moved} == {"meta"}


# ---- epochs ----


@pytest.fixture
def data() -> SpelledRows:
    """Sentences whose first word says which one they are."""
    random = np.random.default_rng(0)
    rows = [[number, *random.integers(N_ROWS, N_SPELLINGS, random.integers(0, 30))] for number in range(N_ROWS)]
    return SpelledRows(as_arrays(rows), *table(N_SPELLINGS))


@pytest.fixture
def tags(data) -> list[np.ndarray]:
    """A tag for each word that tells sentence and place."""
    return [np.arange(len(row), dtype=np.int32) + 100 * number for number, row in enumerate(data.rows)]


@pytest.fixture
def batches(data, tags) -> TaggedBatches:
    second = [row + 7 for row in tags]
    return TaggedBatches(data, tags, second, batch_size=8, seed=3, max_tokens=MAX_TOKENS)


def flat(batch: TaggedBatch) -> tuple[torch.Tensor, ...]:
    return (*batch.inputs, batch.tags, *(() if batch.auxiliary is None else (batch.auxiliary,)))


def assert_same(ours: list[TaggedBatch], expected: list[TaggedBatch]) -> None:
    assert len(ours) == len(expected)
    for a, b in zip(ours, expected, strict=True):
        assert all(torch.equal(x, y) for x, y in zip(flat(a), flat(b), strict=True))


def test_an_epoch_holds_each_sentence_once_with_its_own_words_and_tags(batches, data):
    seen = []
    for batch in batches.epoch(0):
        mask = batch.inputs.mask
        assert batch.tags.dtype == batch.auxiliary.dtype == torch.int64
        assert not batch.tags[~mask].any()
        assert not batch.auxiliary[~mask].any()
        assert batch.n_tokens == int(mask.sum())
        for ids, tags, second, real in zip(batch.inputs.ids, batch.tags, batch.auxiliary, mask, strict=True):
            number, first = divmod(int(tags[0]), 100)
            row = data.rows[number]
            length = min(len(row), MAX_TOKENS)
            assert first <= len(row) - length
            assert tags[real].tolist() == list(range(100 * number + first, 100 * number + first + length))
            assert torch.equal(second[real], tags[real] + 7)
            assert ids[real].tolist() == data.words[row[first : first + length]].tolist()
            seen.append(number)
    assert sorted(seen) == list(range(N_ROWS))


def test_there_are_no_tags_of_a_second_kind_without_any(data, tags):
    some = TaggedBatches(data, tags, None, batch_size=8, seed=3, max_tokens=MAX_TOKENS)
    assert all(batch.auxiliary is None for batch in some.epoch(0))


@pytest.mark.parametrize("n_rows", [1, 8, 9, 45])
def test_the_length_is_the_number_of_batches_of_every_epoch(n_rows, data, tags):
    part = SpelledRows(data.rows[:n_rows], data.words, data.casings, data.characters)
    some = TaggedBatches(part, tags[:n_rows], None, batch_size=8, seed=3, max_tokens=MAX_TOKENS)
    assert len(part) == n_rows
    assert [len(list(some.epoch(number))) for number in range(3)] == [len(some)] * 3


@pytest.mark.parametrize("start", [0, 1, 4, 6])
def test_starting_later_gives_exactly_the_tail(start, batches):
    assert_same(list(batches.epoch(2, start=start)), list(batches.epoch(2))[start:])
    assert list(batches.epoch(2, start=len(batches))) == []


def test_an_epoch_is_the_same_again_and_another_one_differs(batches):
    assert_same(list(batches.epoch(1)), list(batches.epoch(1)))
    first, second = ([batch.tags.tolist() for batch in batches.epoch(number)] for number in (1, 2))
    assert first != second


def test_the_number_of_cut_sentences_is_known(batches, data):
    assert batches.n_cut == sum(len(row) > MAX_TOKENS for row in data.rows) > 0
    assert max(int(batch.inputs.mask.sum(1).max()) for batch in batches.epoch(0)) == MAX_TOKENS


def test_every_window_of_a_long_sentence_is_read_in_some_epoch_and_only_whole_ones():
    data = SpelledRows(as_arrays([range(10)]), *table(10))
    some = TaggedBatches(data, as_arrays([range(10)]), None, batch_size=1, seed=0, max_tokens=7)
    read = {tuple(batch.tags[batch.inputs.mask].tolist()) for number in range(60) for batch in some.epoch(number)}
    # each of the four windows is missed with probability 0.75^60 = 3e-8; the seed is fixed
    assert read == {tuple(range(first, first + 7)) for first in range(4)}


def test_tags_at_the_ends_of_a_window_become_what_edges_say_and_whole_sentences_stay():
    # Tag n becomes 20 + n as the first of a window and 40 + n as its last.
    edges = Edges(np.arange(20, 30, dtype=np.int32), np.arange(40, 90, dtype=np.int32))
    data = SpelledRows(as_arrays([range(10), range(7)]), *table(10))
    tags = as_arrays([range(10), range(7)])
    some = TaggedBatches(data, tags, tags, batch_size=2, seed=0, max_tokens=7, edges=edges)
    seen = set()
    for number in range(40):
        for batch in some.epoch(number):
            for row, second, real in zip(batch.tags, batch.auxiliary, batch.inputs.mask, strict=True):
                seen.add(tuple(row[real].tolist()))
                assert second[real].tolist() == list(range(int(second[0]), int(second[0]) + 7))  # these are not chunks
    inner = {(20 + first, *range(first + 1, first + 6), 40 + first + 6) for first in range(4)}
    assert seen == inner | {tuple(range(7))}
    assert [row.tolist() for row in tags] == [list(range(10)), list(range(7))]  # the person's tags stay as they were


def test_a_window_of_one_word_is_both_first_and_last():
    edges = Edges(np.array([1, 1, 2], dtype=np.int32), np.array([0, 2, 2], dtype=np.int32))
    data = SpelledRows(as_arrays([[0, 0]]), *table(1))
    some = TaggedBatches(data, as_arrays([[0, 0]]), None, batch_size=1, seed=0, max_tokens=1, edges=edges)
    assert [batch.tags[0, 0].item() for batch in some.epoch(0)] == [2]  # 0 becomes 1, and 1 becomes 2


def test_a_batch_moves_whole(batches):
    moved = next(batches.epoch(0)).to(torch.device("meta"))
    assert isinstance(moved, TaggedBatch)
    assert {tensor.device.type for tensor in flat(moved)} == {"meta"}
