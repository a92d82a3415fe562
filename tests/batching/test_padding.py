"""The rectangle of ids: nothing lost, nothing added but padding, and few widths."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nlp_lstm.batching.padding import pad_ids, rounded_length


@given(st.integers(1, 1_000_000))
def test_a_rounded_length_holds_the_row_and_little_more(length):
    rounded = rounded_length(length)
    assert isinstance(rounded, int)
    assert rounded % 4 == 0
    assert length <= rounded
    assert rounded - length < max(4, length / 8)
    assert rounded_length(rounded) == rounded


@given(st.integers(1, 100_000))
def test_a_longer_row_never_gets_a_narrower_rectangle(length):
    assert rounded_length(length) <= rounded_length(length + 1)


def test_there_are_at_most_eight_widths_an_octave():
    widths = {rounded_length(length) for length in range(1, 4097)}
    for octave in (32, 64, 128, 256, 512, 1024, 2048):
        assert sum(octave < width <= 2 * octave for width in widths) == 8
    assert len(widths) == 8 + 7 * 8  # 4, 8, … 32, then seven octaves


def test_a_rounded_length_is_at_least_four():
    assert [rounded_length(length) for length in range(6)] == [4, 4, 4, 4, 4, 8]


ROWS = st.lists(st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=40), min_size=1, max_size=8)


@given(ROWS, st.integers(0, 3))
def test_the_rows_come_back_from_under_the_mask(rows, pad_id):
    ids, mask = pad_ids([np.array(row, dtype=np.int32) for row in rows], pad_id=pad_id)
    assert (ids.dtype, mask.dtype) == (torch.int64, torch.bool)
    assert ids.shape == mask.shape == (len(rows), rounded_length(max(map(len, rows))))
    for row, padded, real in zip(rows, ids, mask, strict=True):
        assert padded[real].tolist() == row
        assert real.tolist() == [True] * len(row) + [False] * (ids.shape[1] - len(row))
        assert bool((padded[~real] == pad_id).all())


@pytest.mark.parametrize("rows", [[], [[]], [[1, 2], []]], ids=["no row", "an empty row", "an empty row of two"])
def test_an_empty_row_or_batch_is_refused(rows):
    with pytest.raises(ValueError, match="at least one id"):
        pad_ids([np.array(row, dtype=np.int32) for row in rows], pad_id=0)
