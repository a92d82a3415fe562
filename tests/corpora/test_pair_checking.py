from __future__ import annotations

import pytest

from nlp_lstm.corpora.checking import Lengths
from nlp_lstm.corpora.pair_rows import Limits
from nlp_lstm.corpora.pairs import check_pairs, read_pairs
from nlp_lstm.errors import DataError


def lines(problems) -> list[str]:
    return [str(problem) for problem in problems]


def rows(*pairs: tuple[str, str]) -> str:
    return "".join(f"{source}\t{target}\n" for source, target in pairs)


def test_a_clean_file_has_counts_lengths_and_no_problems(write):
    report = check_pairs(write("a.tsv", rows(("a b c", "A"), ("d", "D D D D"), ("e  f", "E"))))
    assert (report.source, report.n_examples, report.labels) == ("a.tsv", 3, {})
    assert report.lengths == Lengths(min=1, median=2, max=3)
    assert report.problems == ()


def test_errors_and_warnings_are_told_apart_and_the_good_pairs_counted(write):
    path = write("a.tsv", b"a\tA\nb\n\tC\nd\tD\n\xff\tE\ne\t" + b"e " * 251 + b"\nf\t" + b"f " * 40 + b"\n")
    report = check_pairs(path)
    assert [(problem.line, problem.kind) for problem in report.errors] == [(2, "columns"), (5, "encoding")]
    assert [(problem.line, problem.kind) for problem in report.warnings] == [
        (3, "empty-text"),
        (6, "too-long"),
        (7, "length-ratio"),
    ]
    assert report.n_examples == 2


def test_repeated_pairs_name_the_first_line_and_mind_no_blanks_around(write):
    path = write("a.tsv", rows(("a", "A"), ("b", "B"), (" a", "A "), ("a", "A"), ("A", "a")))
    assert lines(check_pairs(path).warnings) == [
        "line 3 of a.tsv: the same pair as line 1",
        "line 4 of a.tsv: the same pair as line 1",
    ]


def test_other_translations_of_a_sentence_are_counted_only(write):
    path = write("a.tsv", rows(("a", "A"), ("a", "B"), ("b", "A"), ("a", "C"), ("a", "B")))
    report = check_pairs(path)
    assert lines(report.warnings) == [
        "a.tsv: pairs whose source sentence stands earlier with another target: 2",
        "line 5 of a.tsv: the same pair as line 2",
    ]
    assert (report.errors, report.n_examples) == ((), 5)


def test_other_splits_are_checked_too_and_against_the_first_and_each_other(write):
    write("train.en", "a\nb\nb\n")
    write("train.de", "A\nB\nBB\n")
    write("dev.en.gz", "b\nc\nd\n")
    write("dev.de", "BB\nC\n\n")
    write("test.en", "a\nc\n\ne\n")
    write("test.de", "X\nC\nB\nE\nF\n")
    report = check_pairs("train", others=["dev", "test"], languages=("en", "de"))
    assert lines(report.errors) == ["test.en: 4 lines, but test.de has 5; expected the same number in both"]
    assert lines(report.warnings) == [
        "train.en: pairs whose source sentence stands earlier with another target: 1",
        "line 1 of dev.en.gz: the same pair as line 3 of train.en",
        "line 3 of dev.de: the target sentence is empty",
        "line 1 of test.en: the same source sentence as line 1 of train.en, with another target",
        "line 2 of test.en: the same pair as line 2 of dev.en.gz",
        "line 3 of test.en: the source sentence is empty",
    ]
    assert (report.source, report.n_examples) == ("train.en", 3)


def test_splits_may_be_in_formats_of_their_own(write):
    train = write("train.tsv", rows(("a", "A")))
    dev = write("dev.jsonl", '{"source": "a", "target": "A"}\n')
    test = write("test.csv", "target,source\nA,a\n")
    assert lines(check_pairs(train, others=[dev, test]).warnings) == [
        "line 1 of dev.jsonl: the same pair as line 1 of train.tsv",
        "line 2 of test.csv: the same pair as line 1 of train.tsv",
        "line 2 of test.csv: the same pair as line 1 of dev.jsonl",
    ]


@pytest.mark.parametrize("content", ["source\ttarget\n", "\t\n\t\n", "a\t\n"])
def test_a_file_without_a_pair_to_use_is_an_error_as_it_is_to_training(write, content):
    path = write("a.tsv", content)
    assert lines(check_pairs(path).errors) == ["a.tsv: no sentence pairs to train on; expected at least one"]
    assert check_pairs(path).lengths is None
    with pytest.raises(DataError, match="no sentence pairs"):
        read_pairs(path)


def test_a_file_of_errors_only_is_told_of_these_alone(write):
    assert [problem.kind for problem in check_pairs(write("a.tsv", "a\nb\n")).problems] == ["columns", "columns"]


def test_limits_may_be_others_or_none(write):
    path = write("a.tsv", rows(("a", "A A A A"), ("bbb bbb b", "B"), ("", "C")))
    report = check_pairs(path, limits=Limits(max_words=3, max_ratio=1.4))
    assert [problem.kind for problem in report.warnings] == ["too-long", "length-ratio", "empty-text"]
    assert check_pairs(path, limits=None).problems == ()


def test_columns_and_languages_reach_the_format(write):
    path = write("a.csv", "de,en\nA A,a\n")
    assert check_pairs(path, source_column="de", target_column="en").lengths == Lengths(2, 2, 2)
    path = write("a.jsonl", '{"translation": {"en": "a", "de": "A A"}}')
    assert check_pairs(path, languages=("de", "en")).lengths == Lengths(2, 2, 2)


def test_a_pair_in_one_line_is_not_taken_for_another_that_reads_the_same_when_joined(write):
    assert check_pairs(write("a.tsv", rows(("a b", "c"), ("a", "b c")))).problems == ()


def test_sides_that_are_mostly_the_same_are_told_of_once_with_their_number(write):
    path = write("a.tsv", rows(("a dog", "a dog "), ("so", "so"), ("OK", "OK"), ("it is", "es ist"), ("no", "nein")))
    told = "a.tsv: 3 of 5 pairs have the same text on both sides; expected translations"
    assert lines(check_pairs(path).warnings) == [told]
    assert lines(read_pairs(path).doubts) == [told]
    assert read_pairs(path, limits=None).doubts == ()
    half = write("b.tsv", rows(("a dog", "a dog"), ("OK", "OK"), ("it is", "es ist"), ("no", "nein")))
    assert check_pairs(half).problems == () == read_pairs(half).doubts


def test_a_file_that_was_copied_is_told_of_in_any_format(write):
    write("a.en", "so\nit\n")
    write("a.de", "so\nit\n")
    write("b.csv", "source,target\nso,so\n")
    report = check_pairs("a", others=["b.csv"], languages=("en", "de"))
    assert [(problem.source, problem.kind) for problem in report.warnings if problem.kind != "shared"] == [
        ("a.en", "same-sides"),
        ("b.csv", "same-sides"),
    ]


SENTENCES = (("a dog runs", "ein Hund läuft"), ("it is so", "so ist es"), ("no", "nein"))


@pytest.mark.parametrize(
    "names",
    [("English", "German"), ("en", "de"), ("eng", "deu"), ("en_US", "de-DE"), ("src", "tgt"), ("source", "german")],
)
def test_a_first_line_that_looks_like_a_header_is_named_with_the_flags_that_read_it(write, names):
    path = write("a.tsv", rows(names, *SENTENCES))
    flags = f"--source-column {names[0]} --target-column {names[1]}"
    told = (
        f"line 1 of a.tsv: '{names[0]}' and '{names[1]}' look like a header, read as a pair; {flags} reads them as one"
    )
    assert lines(check_pairs(path).warnings) == lines(read_pairs(path).doubts) == [told]
    named = check_pairs(path, source_column=names[0], target_column=names[1])
    assert (named.n_examples, named.problems) == (3, ())


@pytest.mark.parametrize("names", [("English", "German"), ("en", "de")])
def test_names_of_languages_are_a_header_even_of_single_words(write, names):
    assert [problem.kind for problem in check_pairs(write("a.tsv", rows(names, ("dog", "Hund")))).warnings] == [
        "header"
    ]


@pytest.mark.parametrize(
    ("first", "others"),
    [
        (("Go.", "Geh."), SENTENCES),
        (("Go!", "走！"), SENTENCES),
        (("the dog", "Hund"), SENTENCES),
        (("dog", "Hund"), [("cat", "Katze"), ("a cow", "eine Kuh")]),  # half of the others are of one word
        (("dog", "German"), [("cat", "Katze")]),
        (("OK", "OK"), SENTENCES),  # no two columns have one name
        (("dog", "狗"), [("a dog", "一只狗"), ("two dogs", "两只狗")]),
    ],
)
def test_a_first_pair_that_is_one_is_not_taken_for_a_header(write, first, others):
    assert check_pairs(write("a.tsv", rows(first, *others))).problems == ()


def test_only_a_file_that_need_not_have_a_header_can_have_one_by_mistake(write):
    write("a.en", "English\na dog runs\n")
    write("a.de", "German\nein Hund läuft\n")
    write("a.jsonl", '{"source": "English", "target": "German"}\n')
    assert check_pairs("a", languages=("en", "de")).problems == () == check_pairs("a.jsonl").problems
