"""Batches of labelled texts with spellings, against the plain ones."""

from __future__ import annotations

import numpy as np

from nlp_lstm.batching.labelled import LabelledBatches
from nlp_lstm.batching.spelled import SpelledRows
from nlp_lstm.batching.spelled_texts import SpelledTextBatches

N_SPELLINGS = 9


def made() -> tuple[SpelledRows, np.ndarray]:
    draw = np.random.default_rng(1)
    rows = [draw.integers(0, N_SPELLINGS, draw.integers(1, 8)).astype(np.int32) for _ in range(23)]
    words = np.arange(N_SPELLINGS, dtype=np.int64) * 10 + 2
    characters = [np.arange(1, 3 + number % 4, dtype=np.int32) for number in range(N_SPELLINGS)]
    return SpelledRows(rows, words, np.arange(N_SPELLINGS) % 3, characters), np.arange(23) % 4


def test_the_texts_and_targets_are_those_of_plain_batches_and_each_word_has_its_spelling():
    data, targets = made()
    settings = {"batch_size": 5, "seed": 3, "max_tokens": 4}
    spelled = SpelledTextBatches(data, targets, **settings)
    plain = LabelledBatches([data.words[row].astype(np.int32) for row in data.rows], targets, pad_id=0, **settings)
    assert (len(spelled), spelled.n_cut, spelled.part) == (len(plain), plain.n_cut, plain.part)
    assert plain.n_cut > 0
    for epoch, start in ((0, 0), (2, 0), (2, 3)):
        for found, expected in zip(spelled.epoch(epoch, start=start), plain.epoch(epoch, start=start), strict=True):
            inputs = found.inputs
            assert inputs.mask.equal(expected.mask) and found.targets.equal(expected.targets)
            assert found.n_tokens == expected.n_tokens
            assert inputs.ids[inputs.mask].equal(expected.ids[expected.mask])
            numbers = (inputs.ids[inputs.mask] - 2) // 10
            assert len(inputs.casings) == len(set(numbers.tolist()))
            for number, place in zip(numbers.tolist(), inputs.spellings[inputs.mask].tolist(), strict=True):
                assert inputs.casings[place] == number % 3
                letters = inputs.characters[place]
                assert letters[letters > 0].tolist() == data.characters[number].tolist()
