from __future__ import annotations

import json
import time

import pytest

from nlp_lstm.corpora.checking import Lengths
from nlp_lstm.corpora.tagged import check_tagged
from nlp_lstm.errors import DataError
from tests.growth import growth


def lines(problems) -> list[str]:
    return [str(problem) for problem in problems]


def sentences(*written: str) -> str:
    """Return columns of sentences such as "Ada/B-PER left/O"."""
    return "".join("".join(pair.replace("/", "\t") + "\n" for pair in each.split()) + "\n" for each in written)


def test_a_clean_file_has_counts_lengths_and_no_problems(write):
    path = write("a.conll", sentences("a/B-X b/I-X c/O", "d/O", "e/O f/B-X", "g/O h/O", "i/B-X j/I-X"))
    report = check_tagged(path)
    assert (report.source, report.n_examples) == ("a.conll", 5)
    assert list(report.labels.items()) == [("O", 5), ("B-X", 3), ("I-X", 2)]
    assert report.lengths == Lengths(min=1, median=2, max=3)
    assert report.problems == ()


def test_every_malformed_line_is_an_error_and_the_good_sentences_are_counted(write):
    report = check_tagged(write("a.conll", b"a X\na X\n\nb\n\nc X\n\xff X\n\nd Y\nd Y\ne\tX\t\n"))
    assert [(problem.line, problem.kind) for problem in report.errors] == [
        (0, "one-label"),
        (4, "columns"),
        (7, "encoding"),
        (11, "columns"),
    ]
    assert (report.n_examples, report.labels) == (1, {"X": 2})


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (
            ["a/I-X b/O", "c/B-X d/I-X", "e/B-X f/I-Y g/B-Y h/I-Y", "i/O j/I-Y k/B-X"],
            [
                "line 1 of a.conll: the tag 'I-X' may not begin a sentence in IOB2",
                "line 8 of a.conll: the tag 'I-Y' may not follow 'B-X' in IOB2",
                "line 13 of a.conll: the tag 'I-Y' may not follow 'O' in IOB2",
            ],
        ),
        (
            ["a/I-X b/I-X", "c/O d/I-X", "e/I-X f/B-X", "g/O h/B-X"],
            ["line 11 of a.conll: the tag 'B-X' may not follow 'O' in IOB1"],
        ),
        (
            ["a/B-X b/E-X", "c/S-X d/O", "e/O f/B-X", "g/B-X h/I-X", "i/B-X j/L-X", "k/B-X l/O", "m/U-X n/L-X"],
            [
                "line 8 of a.conll: a sentence may not end with the tag 'B-X' in BIOES",
                "line 11 of a.conll: a sentence may not end with the tag 'I-X' in BIOES",
                "line 17 of a.conll: the tag 'O' may not follow 'B-X' in BIOES",
                "line 20 of a.conll: the tag 'L-X' may not follow 'U-X' in BIOES",
            ],
        ),
    ],
)
def test_tags_that_may_not_stand_where_they_do_are_warnings_with_their_lines(write, written, expected):
    report = check_tagged(write("a.conll", sentences(*written)))
    assert report.errors == ()
    assert lines(problem for problem in report.warnings if problem.kind == "tag") == expected


def test_lines_are_those_of_the_words_whatever_stands_between(write):
    def row(number: str, word: str, tag: str = "_") -> str:
        return "\t".join([number, word, *"_______", tag]) + "\n"

    rows = [row("1", "a", "O"), row("1.1", "x"), row("2-3", "bc"), row("2", "b", "I-X"), "# c\n", row("3", "c", "I-Y")]
    path = write("a.conllu", "# a\n" + "".join(rows) + ("\n" + row("1", "d", "B-X")) * 3)
    report = check_tagged(path, columns=("_", "word", *"_______", "tag"))
    assert report.errors == ()
    assert lines(problem for problem in report.warnings if problem.kind == "tag") == [
        "line 5 of a.conllu: the tag 'I-X' may not follow 'O' in IOB2",
        "line 7 of a.conllu: the tag 'I-Y' may not follow 'I-X' in IOB2",
    ]


def test_parts_of_speech_have_no_rules(write):
    path = write("a.conll", sentences("a/DT b/NN", "c/NN d/DT", "e/B-X f/I-X"))
    assert [problem.kind for problem in check_tagged(path).warnings] == ["single-example", "single-example"]
    path = write("a.conll", sentences("a/PER b/O", "c/PER d/O"))  # bare labels
    assert check_tagged(path).problems == ()


def test_a_tag_that_marks_no_chunk_among_many_that_do_is_an_error(write):
    path = write("a.conll", sentences("a/B-X b/I-X c/O", "d/O e/BX f/I-X", "g/I-X h/O", "i/BX j/B-X k/O"))
    report = check_tagged(path)
    assert lines(problem for problem in report.warnings if problem.kind == "tag") == [
        "line 9 of a.conll: the tag 'I-X' may not begin a sentence in IOB2",
    ]
    assert lines(report.errors) == [
        "line 6 of a.conll: the tag 'BX' marks no chunk in IOB2; expected O, or B or I, a hyphen and a label",
        "line 12 of a.conll: the tag 'BX' marks no chunk in IOB2; expected O, or B or I, a hyphen and a label",
    ]


def test_a_letter_of_bilou_among_iob_tags_is_an_error_and_the_check_goes_on(write):
    good = [f"{name}/B-PER met/O Rome/B-LOC" for name in ("Ada", "Bob", "Cleo")]
    path = write("a.conll", sentences(*good, "Bob/U-PER saw/O New/B-LOC York/L-LOC", "x/O y/I-LOC"))
    report = check_tagged(path, others=[write("b.conll", sentences(*good, "Dan/U-PER left/B-ORG"))])
    assert lines(report.errors) == [
        f"line {line} of {file}: the tag '{tag}' marks no chunk in IOB2; expected O, or B or I, a hyphen and a label"
        for line, file, tag in ((13, "a.conll", "U-PER"), (16, "a.conll", "L-LOC"), (13, "b.conll", "U-PER"))
    ]
    assert "line 19 of a.conll: the tag 'I-LOC' may not follow 'O' in IOB2" in lines(report.warnings)
    assert lines(each for each in report.warnings if each.kind == "unseen-tag") == [
        "line 14 of b.conll: unknown tag 'B-ORG'; did you mean 'B-PER'?"
    ]


def test_sentences_that_stand_twice_are_warnings_and_name_the_first_other_tag(write):
    path = write("a.conll", sentences("a/X b/Y", "c/X d/Y", "a/X b/Y", "A/X b/Y", "a/X b/X", "a/X", "ab/X"))
    report = check_tagged(path)
    assert lines(report.warnings) == [
        "line 7 of a.conll: the same words as line 1",
        "line 13 of a.conll: the same words as line 1, but the tag of 'b' is 'X' here and 'Y' there",
    ]
    assert [problem.kind for problem in report.warnings] == ["duplicate", "two-labels"]
    assert report.errors == ()


def test_words_are_told_apart_by_their_bounds(write):
    rows = [{"words": words, "tags": ["X", "Y"][: len(words)]} for words in (["a", "b c"], ["a b", "c"], ["a b c"])]
    path = write("a.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    assert check_tagged(path).problems == ()


def test_sentences_without_words_are_warnings(write):
    rows = '{"text": "", "entities": []}\n{"text": "a b", "entities": []}\n{"text": "c", "entities": [[0, 1, "X"]]}\n'
    report = check_tagged(write("a.jsonl", rows + '{"text": " ", "entities": []}\n{"words": ["d"], "tags": ["B-X"]}\n'))
    assert lines(report.warnings) == [
        "line 1 of a.jsonl: the sentence has no words",
        "line 4 of a.jsonl: the sentence has no words",
    ]
    assert (report.n_examples, report.lengths) == (5, Lengths(0, 1, 2))


def test_a_tag_with_one_word_is_a_warning_and_one_tag_for_everything_an_error(write):
    report = check_tagged(write("a.conll", sentences("a/O b/B-X c/O", "d/B-X e/B-x")))
    assert lines(report.warnings) == ["line 6 of a.conll: tag 'B-x' has this one example only"]
    report = check_tagged(write("a.conll", sentences("a/O b/O")))
    assert lines(report.errors) == ["a.conll: every tag is 'O'; expected at least two tags to tell apart"]


def test_other_splits_are_checked_against_the_first_and_each_other(write):
    train = write("train.conll", sentences("a/B-X b/O", "c/O d/B-X", "e/O f/O"))
    dev = write("dev.conll", sentences("c/O d/B-X", "g/B-X h/O", "i/B-Xx j/O", "i/B-Xx k/B-Zz"))
    test = write("test.conll", sentences("a/B-X b/B-X", "g/B-X h/O") + "l\n")
    report = check_tagged(train, others=[dev, test])
    assert lines(report.errors) == ["line 7 of test.conll: 1 column; expected 2, as in line 1"]
    assert lines(report.warnings) == [
        "line 1 of dev.conll: the same words as line 4 of train.conll",
        "line 7 of dev.conll: unknown tag 'B-Xx'; did you mean 'B-X'?",
        "line 10 of dev.conll: unknown tag 'B-Xx'; did you mean 'B-X'?",
        "line 11 of dev.conll: unknown tag 'B-Zz'; known: B-X, O",
        "line 1 of test.conll: the same words as line 1 of train.conll, but the tag of 'b' is 'B-X' here and 'O' there",
        "line 4 of test.conll: the same words as line 4 of dev.conll",
    ]
    assert (report.source, report.n_examples, report.labels) == ("train.conll", 3, {"O": 4, "B-X": 2})


def test_a_tag_of_the_same_scheme_that_the_first_file_never_has_is_unknown(write):
    train = write("train.conll", sentences("a/B-X b/O", "c/O d/B-X"))
    report = check_tagged(train, others=[write("dev.conll", sentences("e/B-X f/I-X"))])
    assert lines(report.warnings) == ["line 2 of dev.conll: unknown tag 'I-X'; did you mean 'B-X'?"]


@pytest.mark.parametrize(
    ("train", "dev", "unknown"),
    [
        (["a/I-X b/I-X", "c/I-X d/O"], ["e/B-X f/I-X", "g/B-Y h/O"], ["'B-Y'"]),
        (["a/B-X b/I-X", "c/B-X d/O"], ["e/B-X f/E-X", "g/S-X h/O", "i/S-Y j/O"], ["'S-Y'"]),
        (["a/B-X b/E-X", "c/S-X d/S-X"], ["e/B-X f/L-X", "g/U-X h/U-X", "i/U-Y j/U-X"], ["'U-Y'"]),
        (["a/B-X b/I-X", "c/B-X d/O"], ["e/B-X f/E-X", "g/S-X h/O", "i/odd j/O"], ["'odd'"]),
    ],
)
def test_tags_of_another_scheme_are_unknown_only_if_they_say_what_the_first_never_does(write, train, dev, unknown):
    report = check_tagged(write("train.conll", sentences(*train)), others=[write("dev.conll", sentences(*dev))])
    unseen = [problem.message.split(";")[0] for problem in report.warnings if problem.kind == "unseen-tag"]
    assert unseen == [f"unknown tag {tag}" for tag in unknown]


def test_the_tags_of_a_first_file_without_sentences_bind_nothing(write):
    report = check_tagged(write("train.conll", "\n"), others=[write("dev.conll", sentences("a/X b/Y"))])
    assert lines(report.errors) == ["train.conll: no sentences; expected at least one"]


def test_files_that_cannot_be_read_are_refused(write):
    train = write("train.conll", sentences("a/X"))
    for arguments in [("nothing.conll", []), (train, ["nothing.conll"]), (write("empty.conll", ""), [])]:
        with pytest.raises(DataError):
            check_tagged(arguments[0], others=arguments[1])


def test_time_grows_with_the_number_of_words_and_not_with_its_square(write):
    def seconds(n_sentences: int) -> float:
        written = (f"w{number % 997}/B-X a/I-X b/O c/I-Y" for number in range(n_sentences))
        path = write("a.conll", sentences(*written))
        start = time.process_time()
        report = check_tagged(path, others=[path])
        assert len(report.warnings) >= 2 * n_sentences
        return time.process_time() - start

    assert growth(seconds, 1_000) < 30
