from __future__ import annotations

import dataclasses
import time

import pytest

from nlp_lstm.corpora.checking import Lengths, check
from nlp_lstm.errors import DataError
from tests.growth import growth


def lines(problems) -> list[str]:
    return [str(problem) for problem in problems]


def rows(*pairs: tuple[str, str]) -> str:
    return "text\tlabel\n" + "".join(f"{text}\t{label}\n" for text, label in pairs)


def test_a_clean_file_has_counts_lengths_and_no_problems(write):
    path = write("a.tsv", rows(("a b c", "bad"), ("d", "good"), ("e  f", "good"), ("g h", "bad"), ("i", "good")))
    report = check(path)
    assert report.n_examples == 5
    assert list(report.labels.items()) == [("good", 3), ("bad", 2)]
    assert report.lengths == Lengths(min=1, median=2, max=3)
    assert report.problems == ()


@pytest.mark.parametrize(
    ("counts", "expected"),
    [([4], (4, 4, 4)), ([1, 2], (1, 1.5, 2)), ([5, 1, 1, 9], (1, 3, 9)), ([7, 1, 2], (1, 2, 7))],
)
def test_lengths_are_counted_in_white_space_tokens(write, counts, expected):
    path = write("a.txt", "".join(" ".join("x" * count) + "\n" for count in counts))
    assert dataclasses.astuple(check(path).lengths) == expected


def test_every_malformed_line_is_an_error_and_the_good_ones_are_counted(write):
    path = write("a.csv", b"text,label\none\ntwo,good\n\xff,good\nthree,\nfour,good,x\nfive,good\nsix,bad\nten,bad\n")
    report = check(path)
    assert [(problem.line, problem.kind) for problem in report.errors] == [
        (2, "columns"),
        (4, "encoding"),
        (5, "label"),
        (6, "columns"),
    ]
    assert report.warnings == ()
    assert report.n_examples == 4


def test_empty_texts_are_warned_of_and_are_no_duplicates(write):
    path = write("a.tsv", rows(("", "good"), ("  ", "good"), ("x", "bad"), ("y", "bad")))
    report = check(path)
    assert lines(report.warnings) == ["line 2 of a.tsv: the text is empty", "line 3 of a.tsv: the text is empty"]
    assert report.errors == ()


def test_duplicates_name_the_first_line_and_mind_no_blanks_around(write):
    path = write(
        "a.tsv", rows(("same", "good"), ("other", "bad"), (" same ", "good"), ("same", "bad"), ("Same", "bad"))
    )
    assert lines(check(path).warnings) == [
        "line 4 of a.tsv: the same text as line 2",
        "line 5 of a.tsv: the same text as line 2, but the label is 'bad' here and 'good' there",
    ]
    assert [problem.kind for problem in check(path).warnings] == ["duplicate", "two-labels"]


def test_labels_with_one_example_are_warned_of(write):
    path = write("a.tsv", rows(("a", "good"), ("b", "god"), ("c", "good")))
    assert lines(check(path).warnings) == ["line 3 of a.tsv: label 'god' has this one example only"]


def test_one_label_for_everything_is_an_error_because_training_refuses_it(write):
    path = write("a.tsv", rows(("a", "good"), ("b", "good")))
    assert lines(check(path).errors) == ["a.tsv: every label is 'good'; expected at least two labels to tell apart"]


def test_labels_outside_those_known_are_errors(write):
    path = write("a.tsv", rows(("a", "good"), ("b", "god"), ("c", "good"), ("d", "god"), ("e", "zzz"), ("f", "zzz")))
    assert lines(check(path, known_labels=["good", "bad"]).errors) == [
        "line 3 of a.tsv: unknown label 'god'; did you mean 'good'?",
        "line 5 of a.tsv: unknown label 'god'; did you mean 'good'?",
        "line 6 of a.tsv: unknown label 'zzz'; known: bad, good",
        "line 7 of a.tsv: unknown label 'zzz'; known: bad, good",
    ]


def test_other_splits_are_checked_against_the_first_and_each_other(write):
    train = write("train.tsv", rows(("a", "good"), ("b", "bad"), ("c", "good"), ("d", "bad")))
    dev = write("dev.tsv", rows(("b", "bad"), ("e", "good"), ("f", "goood"), ("e", "good")))
    test = write("test.csv", "text,label\n c,bad\ne,good\noops\n")
    report = check(train, others=[dev, test])
    assert lines(report.errors) == [
        "line 4 of dev.tsv: unknown label 'goood'; did you mean 'good'?",
        "line 4 of test.csv: 1 column; expected 2 columns (text, label)",
    ]
    assert lines(report.warnings) == [
        "line 2 of dev.tsv: the same text as line 3 of train.tsv",
        "line 5 of dev.tsv: the same text as line 3",
        "line 2 of test.csv: the same text as line 4 of train.tsv, but the label is 'bad' here and 'good' there",
        "line 3 of test.csv: the same text as line 3 of dev.tsv",
    ]
    assert (report.source, report.n_examples, report.labels) == ("train.tsv", 4, {"bad": 2, "good": 2})


def test_known_labels_bind_the_other_splits_in_place_of_the_first(write):
    train = write("train.tsv", rows(("a", "x"), ("b", "x"), ("c", "y"), ("d", "y")))
    dev = write("dev.tsv", rows(("e", "z")))
    assert check(train, others=[dev], known_labels={"x", "y", "z"}).errors == ()
    assert len(check(train, others=[dev]).errors) == 1


def test_plain_text_needs_no_labels(write):
    report = check(write("a.txt", "one two\nthree\n"), others=[write("b.txt", "three\nfour\n")])
    assert (report.n_examples, report.labels, report.errors) == (2, {}, ())
    assert lines(report.warnings) == ["line 1 of b.txt: the same text as line 2 of a.txt"]


def test_a_missing_label_column_is_one_error(write):
    report = check(write("a.csv", "text,labels\none,good\ntwo,bad\n"))
    assert [problem.kind for problem in report.errors] == ["missing-column"]
    assert report.lengths is None


def test_a_file_without_rows_is_an_error(write):
    assert lines(check(write("a.csv", "text,label\n")).errors) == ["a.csv: no examples; expected at least one"]


def test_files_that_cannot_be_read_are_refused(write):
    train = write("train.tsv", rows(("a", "x")))
    for arguments in [("nothing.tsv", []), (train, ["nothing.tsv"]), (write("empty.tsv", ""), [])]:
        with pytest.raises(DataError):
            check(arguments[0], others=arguments[1])


def test_the_report_cannot_be_changed(write):
    report = check(write("a.tsv", rows(("a", "x"), ("b", "y"))))
    with pytest.raises(dataclasses.FrozenInstanceError):
        report.n_examples = 3


def test_problems_are_errors_then_warnings(write):
    report = check(write("a.tsv", rows(("a", "x"), ("a", "x"), ("b", ""), ("c", "y"), ("d", "y"))))
    assert [problem.kind for problem in report.problems] == ["label", "duplicate"]


def test_time_grows_with_the_number_of_lines_and_not_with_its_square(write):
    def seconds(n_rows: int) -> float:
        path = write("a.tsv", rows(*((f"text number {number % 997}", "xy"[number % 2]) for number in range(n_rows))))
        start = time.process_time()
        check(path)
        return time.process_time() - start

    assert growth(seconds, 3_000) < 30
