"""Sequences become rectangles, and their batches can be asked for at any place."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nlp_lstm.batching.sequences import SequenceBatches, pad_sequences
from nlp_lstm.corpora.made_sequences import made_sequences


def test_vectors_stand_where_they_were_and_the_answers_row_by_row():
    sequences = made_sequences("made:adding-30/dev")[:5]
    batch = pad_sequences(sequences, input_size=2)
    assert batch.inputs.shape[:2] == batch.mask.shape == batch.asked.shape and batch.inputs.shape[2] == 2
    for row, sequence in enumerate(sequences):
        assert np.array_equal(batch.inputs[row, : len(sequence)].numpy(), sequence.inputs)
        assert batch.mask[row].tolist() == [place < len(sequence) for place in range(batch.mask.shape[1])]
        assert batch.asked[row].nonzero().flatten().tolist() == [len(sequence) - 1]
        assert batch.targets[row].item() == sequence.targets[0, 0]
    assert not batch.inputs[~batch.mask].any()
    assert batch.n_tokens == sum(map(len, sequences))


def test_symbols_become_one_hot_and_are_asked_for_at_every_real_step():
    sequences = made_sequences("made:reber/dev")[:6]
    batch = pad_sequences(sequences, input_size=7)
    expected = [number for sequence in sequences for number in sequence.inputs]
    assert batch.inputs[batch.mask].argmax(1).tolist() == expected
    assert (batch.inputs.sum(2) == batch.mask).all() and torch.equal(batch.asked, batch.mask)
    assert batch.targets.tolist() == [number for sequence in sequences for number in sequence.targets]


def test_batches_of_whatever_size_and_from_wherever_give_one_stream():
    stream = made_sequences("made:reber").of_seed(4)
    whole = [stream.number(number).targets.tolist() for number in range(1050)]
    batches = SequenceBatches(stream, 1000, 7, 7)
    assert len(batches) == 142
    two = [batch for number in (0, 1) for batch in batches.epoch(number)]
    flat = [each for batch in two for each in batch.targets.tolist()][: sum(map(len, whole))]
    assert flat == [each for target in whole for each in target]
    again = next(batches.epoch(1, start=3))
    assert torch.equal(again.inputs, two[145].inputs)


def test_a_batch_larger_than_an_epoch_is_one():
    assert len(SequenceBatches(made_sequences("made:reber"), 1000, 4000, 7)) == 1


def test_nothing_is_refused():
    with pytest.raises(ValueError, match="there must be a sequence"):
        pad_sequences([], input_size=2)
