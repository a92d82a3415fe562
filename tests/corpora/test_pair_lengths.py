from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from nlp_lstm.corpora.pair_lengths import PRIOR, SAMPLE, name_unequal, size
from nlp_lstm.corpora.pair_rows import Limits, PairsWanted
from nlp_lstm.corpora.pairs import read_pairs, scan_pairs
from nlp_lstm.corpora.problems import Problem
from nlp_lstm.records.examples import SentencePair

PHRASES = Path(__file__).parents[2] / "data" / "phrases_en_de"
SENTENCE = "the boats that lie in the old harbour of the town have not been out at sea since the great storm "
WORDS = SENTENCE.split() * 4
CHINESE = "停泊在老城港口的那些船自从那场大风暴以来就再也没有出过海，人们说它们明年春天也许会重新出海捕鱼。"
IN_ENGLISH = (
    "The boats that lie in the old harbour of the town have not been out at sea since the great storm, and people say "
    "that they may go out fishing again next spring."
)


def judged(rows, *, limits: Limits | None = None) -> list[bool]:
    """Return for each pair whether it is left out."""
    pairs = (SentencePair(source, target, "a", line) for line, (source, target) in enumerate(rows, 1))
    found = name_unequal(pairs, PairsWanted("a", "a", limits=limits or Limits()))
    return [isinstance(item, Problem) for item in found]


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("Yes", "Ja"),
        ("I", "Selbstverständlichkeit"),
        ("OK.", "Das geht in Ordnung."),
        ("Hi!", "Guten Tag!"),
        ("早上好", "Good morning"),
        ("好", "All right, then."),
        (CHINESE, IN_ENGLISH),
        ("私は毎朝公園を散歩します。", "I take a walk in the park every morning."),
        ("나는 매일 아침 공원을 산책한다.", "I take a walk in the park every morning."),
        ("ฉันเดินเล่นในสวนสาธารณะทุกเช้า", "I take a walk in the park every morning."),
        ("Я гуляю в парке каждое утро.", "I take a walk in the park every morning."),
        ("a" * 600, "b" * 200),
    ],
)
def test_good_pairs_pass_both_ways_round_even_alone(source, target):
    assert judged([(source, target)]) == judged([(target, source)]) == [False]


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (" ".join(WORDS[:60]), "so it is then ."),
        (" ".join(WORDS[:60]), "The boats are still in the old harbour."),
        (" ".join(WORDS[:33]), "boats"),
        (CHINESE, "Good morning"),
        ("早上好", IN_ENGLISH),
    ],
)
def test_absurd_pairs_are_named_both_ways_round_alone_and_among_good_ones(source, target):
    for pair in ((source, target), (target, source)):
        assert judged([pair]) == [True]
        assert judged([("A man walks.", "Ein Mann geht.")] * 50 + [pair]) == [False] * 50 + [True]


def test_the_sample_phrases_all_pass():
    for split in ("train", "dev", "test"):
        data = read_pairs(PHRASES / split, languages=("en", "de"))
        assert data.left_out == {}


def test_what_is_usual_is_learned_from_the_file_itself():
    """Numbers in words are far longer than in digits; a short one is then what is odd."""
    spelled = [(str(number) * 4, "one hundred and twenty-three thousand " * 6) for number in range(100, 400)]
    assert judged(spelled[:3]) == [True] * 3
    assert judged([*spelled, ("1" * 12, "one")]) == [False] * 300 + [True]
    assert judged([("1" * 12, "one hundred")]) == [False]


def test_a_few_odd_pairs_do_not_make_themselves_usual():
    odd = [("a " * 100, "b"), ("a " * 120, "b")]
    assert judged(odd) == [True, True]
    assert judged(odd * (PRIOR // 4)) == [True] * (PRIOR // 2)


@pytest.mark.parametrize("ratio", [1, 2.5, 4])
def test_without_anything_unusual_the_sizes_with_ten_added_are_compared(ratio):
    lengths = list(itertools.product(range(1, 80), repeat=2))
    for n_source, n_target in lengths:
        expected = max(n_source + 10, n_target + 10) > ratio * min(n_source + 10, n_target + 10)
        found = judged([("a" * n_source, "b" * n_target)], limits=Limits(max_ratio=ratio))
        assert found == [expected], (n_source, n_target)


def test_the_bounds_that_a_message_names_are_the_last_that_pass():
    pairs = [("a" * 30, "b" * 45)] * 100
    wanted = PairsWanted("a", "a")
    many = [SentencePair(*pair, "a", 1) for pair in pairs]
    *_, problem = name_unequal(iter([*many, SentencePair("a" * 60, "b", "a", 2)]), wanted)
    assert str(problem) == (
        "line 2 of a: 60 characters besides blanks in the source sentence and 1 in the target sentence; "
        "expected 14 to 396 for such a source"
    )
    bounds = [13, 14, 396, 397]
    assert judged([*pairs, *(("a" * 60, "b" * n) for n in bounds)])[100:] == [True, False, False, True]


def test_pairs_and_problems_come_in_order_and_no_more_than_a_sample_is_held():
    n_read = 0

    def items():
        nonlocal n_read
        for n_read in range(1, 3 * SAMPLE):
            yield SentencePair("a", "b", "a", n_read) if n_read % 10 else Problem("a", n_read, "columns", "x")

    found = name_unequal(items(), PairsWanted("a", "a"))
    first = next(found)
    assert n_read <= SAMPLE * 10 // 9 + 1
    assert [item.line for item in itertools.chain([first], found)] == list(range(1, 3 * SAMPLE))


def test_multi30k_loses_next_to_nothing_and_what_it_loses_is_none_to_miss(real_data):
    prefix = real_data("multi30k") / "train"
    assert read_pairs(prefix, languages=("en", "fr")).left_out == {}
    lost = [item for item in scan_pairs(prefix, languages=("en", "de")) if isinstance(item, Problem)]
    assert ["and 2 in the target" in str(item) for item in lost] == [True, True]  # what stands there is "@@"


def test_the_size_of_a_sentence_has_no_blanks_and_wide_signs_twice():
    assert [size(text) for text in ("", " a b ", "ab\u3000c", "日本", "한국", "ＡＢ", "é😀")] == [0, 2, 3, 4, 4, 4, 2]
