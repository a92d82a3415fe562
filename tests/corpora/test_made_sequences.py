"""Sources of made sequences: the same number is always the same sequence, and streams, tests and seeds differ."""

from __future__ import annotations

import numpy as np
import pytest

from nlp_lstm.corpora.long_lags import Adding, EmbeddedReber, Recall
from nlp_lstm.corpora.made_sequences import EPOCH, Repeated, find_problem, is_stream, made_sequences
from nlp_lstm.errors import UsageError


def numbers(sequences, n: int = 20) -> list[bytes]:
    return [sequences.number(each).inputs.tobytes() for each in range(n)]


def test_a_source_is_a_stream_or_a_fixed_test():
    stream, dev, test = (made_sequences(f"made:adding-30{split}") for split in ("", "/dev", "/test"))
    assert (len(stream), len(dev), len(test)) == (EPOCH, 2560, 2560)
    assert [is_stream(each) for each in (stream, dev, test)] == [True, False, False]
    assert stream.problem == Adding(30) and len(made_sequences("made:reber/dev")) == 256
    assert (dev[4].source, dev[4].line) == ("made:adding-30/dev", 5)


def test_the_same_number_of_the_same_seed_is_the_same_sequence_in_whatever_order():
    stream = made_sequences("made:adding-30").of_seed(3)
    forth = numbers(stream)
    back = [made_sequences("made:adding-30").of_seed(3).number(each).inputs.tobytes() for each in reversed(range(20))]
    assert back[::-1] == forth and len(set(forth)) == 20


def test_streams_of_other_seeds_and_tests_share_no_sequence():
    stream = made_sequences("made:adding-30")
    found = [
        *(numbers(stream.of_seed(seed)) for seed in (0, 1, 2)),
        *(numbers(made_sequences(f"made:adding-30/{split}")) for split in ("dev", "test")),
    ]
    assert len({each for those in found for each in those}) == 100


def test_there_is_a_sequence_for_every_number_but_a_place_only_within():
    stream = made_sequences("made:reber")
    assert stream.number(10**9).line == 10**9 + 1
    assert stream[-1].line == EPOCH
    assert [each.line for each in stream[3:6]] == [4, 5, 6]
    with pytest.raises(IndexError):
        stream[EPOCH]


def test_a_fixed_set_comes_whole_each_time_through_and_in_another_order():
    few = made_sequences("made:reber/dev")[:7]
    lines = [Repeated(few, 5).number(each).line for each in range(21)]
    rounds = [lines[start : start + 7] for start in (0, 7, 14)]
    assert all(sorted(each) == list(range(1, 8)) for each in rounds) and rounds[0] != rounds[1] != rounds[2]
    assert lines == [Repeated(few, 5).number(each).line for each in range(21)]
    assert lines != [Repeated(few, 6).number(each).line for each in range(21)]


def test_problems_are_found_by_name():
    assert find_problem("recall-100") == Recall(100)
    assert find_problem("reber") == EmbeddedReber()
    assert np.array_equal(find_problem("recall-2").make(np.random.default_rng(0)).inputs[1:], [2])


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("made:addng-100", "no problem 'addng-100'; did you mean 'adding-100'?"),
        ("made:adding", "no problem 'adding'; did you mean 'adding-100'?"),
        ("made:reber-5", "no problem 'reber-5'; did you mean 'reber'?"),
        ("made:recall--1", "no problem 'recall--1'; did you mean 'recall-100'?"),
        ("made:adding-10", "problem 'adding-10': expected a length of 11 or more"),
        ("made:recall-1", "problem 'recall-1': expected a length of 2 or more"),
        ("made:recall-", "problem 'recall-': expected a length of 2 or more"),
        ("made:adding-20/tset", "expected made:PROBLEM, made:PROBLEM/dev or made:PROBLEM/test"),
        ("data.csv", "found 'data.csv'"),
    ],
)
def test_a_source_that_is_none_is_refused(source, message):
    with pytest.raises(UsageError) as caught:
        made_sequences(source)
    assert message in str(caught.value)
