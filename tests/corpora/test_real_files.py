"""The readers on real data sets, against the counts their authors publish; skipped where they are absent."""

from __future__ import annotations

import time
from collections import Counter

import pytest

from nlp_lstm.corpora.checking import check
from nlp_lstm.corpora.reading import read_examples
from nlp_lstm.corpora.splitting import hold_out


@pytest.mark.parametrize(
    ("name", "n_examples", "n_positive"),
    [
        ("train.tsv", 6_920, 3_610),
        ("dev.tsv", 872, 444),
        ("test.tsv", 1_821, 909),
        ("phrases.train.tsv.gz", 67_349, 37_569),
    ],
)
def test_sst2_has_its_published_counts(real_data, name, n_examples, n_positive):
    examples = read_examples(real_data("sst2") / name, text_column="sentence")
    assert Counter(example.label for example in examples) == {
        "1": n_positive,
        "0": n_examples - n_positive,
    }
    assert [example.line for example in examples] == list(range(2, n_examples + 2))


def test_trec_has_its_published_counts(real_data):
    train = read_examples(real_data("trec") / "train.txt", data_format="trec")
    test = read_examples(real_data("trec") / "test.txt", data_format="trec")
    assert (len(train), len(test)) == (5_452, 500)
    assert {example.label for example in train + test} == {"ABBR", "DESC", "ENTY", "HUM", "LOC", "NUM"}


def test_imdb_has_its_published_counts(real_data):
    report = check(real_data("imdb") / "train.jsonl.gz")
    assert report.labels == {"0": 12_500, "1": 12_500}
    assert report.errors == ()
    assert Counter(problem.kind for problem in report.warnings) == {"duplicate": 96}


def test_sst2_repeats_and_shared_sentences_are_found(real_data):
    folder = real_data("sst2")
    report = check(folder / "train.tsv", others=[folder / "dev.tsv", folder / "test.tsv"], text_column="sentence")
    assert Counter(problem.kind for problem in report.problems) == {"duplicate": 9, "shared": 2}


def test_67_thousand_lines_are_checked_in_about_a_second(real_data):
    start = time.process_time()
    report = check(real_data("sst2") / "phrases.train.tsv.gz", text_column="sentence")
    seconds = time.process_time() - start
    assert Counter(problem.kind for problem in report.problems) == {"duplicate": 366, "two-labels": 5}
    assert seconds < 3  # 0.8 seconds were measured; the rest is for a slow or busy machine


def test_a_tenth_of_sst2_is_held_out_without_a_leak(real_data):
    examples = read_examples(real_data("sst2") / "train.tsv", text_column="sentence")
    rest, held = hold_out(examples, fraction=0.1, seed=1)
    assert (len(rest), len(held)) == (6_228, 692)
    assert not {example.text for example in rest} & {example.text for example in held}
    assert Counter(example.label for example in held) == {"1": 361, "0": 331}
