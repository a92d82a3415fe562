from __future__ import annotations

import shlex

import pytest

from nlp_lstm.cli.data import check as check_command
from nlp_lstm.cli.main import main
from nlp_lstm.config import DataSettings
from nlp_lstm.corpora.audits import AUDITS, guess_task
from nlp_lstm.corpora.checking import Lengths
from nlp_lstm.corpora.pairs import read_pairs
from nlp_lstm.errors import DataError
from nlp_lstm.tasks import TASKS

EN_DE = ["--source-lang", "en", "--target-lang", "de"]


@pytest.mark.parametrize(
    ("source", "settings", "expected"),
    [
        ("train.csv", {}, "classify"),
        ("train.jsonl.gz", {"text_column": "review"}, "classify"),
        ("train.conll.gz", {}, "tag"),
        ("train.txt", {"columns": ("word", "tag")}, "tag"),
        ("train.txt", {"format": "conllu"}, "tag"),
        ("train", {"source_lang": "en", "target_lang": "de"}, "translate"),
        ("train.jsonl", {"source_lang": "en", "target_lang": "de"}, "translate"),
        ("train", {"source_lang": "en"}, "translate"),
        ("train.csv", {"source_column": "en", "target_column": "de"}, "translate"),
        ("train.csv", {"target_column": "de"}, "translate"),
    ],
)
def test_the_task_is_told_by_the_name_and_the_settings(source, settings, expected):
    assert guess_task(source, DataSettings(**settings)) == expected


def test_the_text_audit_checks_texts_with_labels(write):
    path = write("a.csv", "review,stars\na,1\nb b b,2\nc,1\nd,2\n")
    unit, _, run = AUDITS["classify"]
    report = run(str(path), [], DataSettings(text_column="review", label_column="stars"))
    assert (unit, report.labels, report.lengths) == ("texts", {"1": 2, "2": 2}, Lengths(1, 1, 3))


def test_the_tag_audit_checks_sentences(write):
    path = write("a.txt", "1 a X\n2 b Y\n\n1 c X\n2 d Y\n")
    unit, _, run = AUDITS["tag"]
    report = run(str(path), [], DataSettings(columns=("_", "word", "tag")))
    assert (unit, report.n_examples, report.labels) == ("sentences", 2, {"X": 2, "Y": 2})


def test_the_pair_audit_checks_pairs(write):
    write("train.en", "a a\n")
    write("train.de", "A\n")
    write("dev.en", "a a\n")
    write("dev.de", "A\n")
    unit, _, run = AUDITS["translate"]
    report = run("train", ["dev"], DataSettings(source_lang="en", target_lang="de"))
    assert (unit, report.n_examples, report.lengths) == ("pairs", 1, Lengths(2, 2, 2))
    assert [problem.kind for problem in report.problems] == ["shared"]
    path = write("a.txt", "de,en\nA,a a\n")
    report = run(str(path), [], DataSettings(format="csv", source_column="en", target_column="de"))
    assert (report.lengths, report.problems) == (Lengths(2, 2, 2), ())


def test_the_command_line_checks_parallel_files(write, capsys):
    write("train.en", "a\nb\n\n")
    write("train.de", "A\nB\nC\nD\n")
    assert main(["data", "check", "train", *EN_DE]) == 3
    out, err = capsys.readouterr()
    assert out.split("\n") == [
        "error: train.en: 3 lines, but train.de has 4; expected the same number in both",
        "warning: line 3 of train.en: the source sentence is empty",
        "",
    ]
    assert "2 pairs in train\n" in err
    assert "error: train cannot be trained on as it is (errors: 1, warnings: 1)" in err


def test_the_command_line_takes_the_columns_and_the_task(write, capsys):
    path = write("a.tsv", "de\ten\nA\ta\n")
    assert main(["data", "check", str(path), "--source-column", "en", "--target-column", "de"]) == 0
    assert "1 pair in a.tsv" in capsys.readouterr().err
    assert main(["data", "check", str(path), "--task", "translate"]) == 0
    assert "2 pairs in a.tsv" in capsys.readouterr().err


def test_the_command_that_a_refusal_names_lists_what_it_counted(write, capsys):
    path = write("my pairs", "en,de\na\nb\n,c\nd\n")
    with pytest.raises(DataError) as caught:
        read_pairs(path, data_format="csv", source_column="en", target_column="de")
    command = str(caught.value).split("`")[1]
    assert main(shlex.split(command)[1:]) == 3
    out = capsys.readouterr().out
    assert sum(line.startswith("error: ") for line in out.split("\n")) == 3


def test_every_task_has_a_check_and_the_command_offers_them_all():
    choices = next(option for option in check_command.params if option.name == "task").type.choices
    assert set(AUDITS) == set(TASKS) - {"joint", "lags"} == set(choices)  # of its parts, and made


def test_without_languages_the_check_names_the_flags_of_parallel_files(write, capsys):
    write("train.en", "a\n")
    write("train.de.gz", "A\n")
    assert main(["data", "check", "train"]) == 3
    assert capsys.readouterr().err == (
        "error: train: no such file, but there are train.de.gz, train.en; --source-lang en --target-lang de, or the "
        "other way round, reads two of them as sentence pairs\n"
    )
    assert main(["data", "check", "train", *EN_DE]) == 0
    write("notes.csv", "a\n")
    write("notes.txt", "a\n")
    capsys.readouterr()
    assert main(["data", "check", "notes"]) == 3
    assert capsys.readouterr().err == "error: notes: no such file; did you mean 'notes.txt'?\n"


@pytest.mark.parametrize(
    ("content", "told"),
    [("A man sleeps.\tEin Mann schläft.\n", True), ("text\tstars\na\tb\n", False), ("a\tb\tc\n", False)],
)
def test_what_may_be_pairs_without_a_header_is_told_of_the_task(write, capsys, content, told):
    main(["data", "check", str(write("a.tsv", content))])
    hint = "; sentence pairs, which need no header, are checked with --task translate"
    assert (hint in capsys.readouterr().out) == told


def test_more_than_twenty_problems_of_a_kind_are_summed_up(write, capsys):
    rows = ["a\tb\tc"] * 100 + ["\tb"] * 21 + ["c\td"] * 21
    path = str(write("a.tsv", "\n".join(rows).encode() + b"\n\xff"))
    assert main(["data", "check", path, "--task", "translate"]) == 3
    lines = capsys.readouterr().out.strip().split("\n")
    assert [line.split(" of a.tsv")[0] for line in lines[:22]] == [
        *(f"error: line {line}" for line in range(1, 21)),
        "error: and 80 more like this; --all lists them",
        "error: line 143",
    ]
    assert [line for line in lines[22:] if "more" in line] == ["warning: and 1 more like this; --all lists them"]
    assert len(lines) == 20 + 1 + 1 + 20 + 1 + 20
    assert main(["data", "check", path, "--task", "translate", "--all"]) == 3
    assert len(capsys.readouterr().out.strip().split("\n")) == 100 + 21 + 20 + 1
