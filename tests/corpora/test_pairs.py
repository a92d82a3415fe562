from __future__ import annotations

import csv
import io
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nlp_lstm.corpora.checking import WARNINGS
from nlp_lstm.corpora.pair_rows import LEFT_OUT
from nlp_lstm.corpora.pairs import (
    PAIR_FORMATS,
    PARALLEL,
    PairData,
    check_pairs,
    pair_format,
    read_pairs,
    scan_pairs,
)
from nlp_lstm.corpora.problems import Problem
from nlp_lstm.corpora.splitting import hold_out
from nlp_lstm.errors import DataError, UsageError
from nlp_lstm.records.examples import SentencePair

Written = list[tuple[str, str]]
CALLS = [scan_pairs, read_pairs, check_pairs]
EN_DE = ("en", "de")
HEADER = "; in a file with a header, --source-column and --target-column name two of them"
SAMPLE = Path(__file__).parents[2] / "data" / "phrases_en_de"


def message_of(call, *arguments, error: type[Exception] = DataError, **options) -> str:
    with pytest.raises(error) as caught:
        list(call(*arguments, **options))
    return str(caught.value)


def texts(pairs) -> Written:
    return [(pair.source_text, pair.target_text) for pair in pairs]


def lines(problems) -> list[str]:
    return [str(problem) for problem in problems]


def words(n: int) -> str:
    return " ".join(f"w{number}" for number in range(n))


def as_csv(rows: list[list[str]]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue()


def as_jsonl(rows: list[dict]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


# Each writes pairs as one content, and says what must be told besides to read it.
WRITERS: dict[str, tuple[str, Callable[[Written], str], dict]] = {
    "tsv": ("tsv", lambda pairs: "".join(f"{source}\t{target}\n" for source, target in pairs), {}),
    "tsv with Windows line ends": ("tsv", lambda pairs: "".join(f"{s}\t{t}\r\n" for s, t in pairs), {}),
    "tsv with the usual header": (
        "tsv",
        lambda pairs: "target\tid\tsource\n" + "".join(f"{t}\t{n}\t{s}\n" for n, (s, t) in enumerate(pairs)),
        {},
    ),
    "tsv with another header": (
        "tsv",
        lambda pairs: "de\ten\n" + "".join(f"{target}\t{source}\n" for source, target in pairs),
        {"source_column": "en", "target_column": "de"},
    ),
    "csv": ("csv", lambda pairs: as_csv([["source", "target"], *map(list, pairs)]), {}),
    "csv with another header": (
        "csv",
        lambda pairs: as_csv([["de", "x", "en"], *([t, "", s] for s, t in pairs)]),
        {"source_column": "en", "target_column": "de"},
    ),
    "jsonl": ("jsonl", lambda pairs: as_jsonl([{"source": s, "target": t, "n": 1} for s, t in pairs]), {}),
    "jsonl with other keys": (
        "jsonl",
        lambda pairs: as_jsonl([{"en": source, "de": target} for source, target in pairs]),
        {"source_column": "en", "target_column": "de"},
    ),
    "jsonl by language": (
        "jsonl",
        lambda pairs: as_jsonl([{"translation": {"de": t, "fr": "", "en": s}, "id": 3} for s, t in pairs]),
        {"languages": EN_DE},
    ),
}

# Signs that other readers take for line ends, quotes or separators; each is part of a sentence.
ODD = ["a", "b", " ", '"', "'", ",", ";", "\\", "\u2028", "\x85", "\x0b", "\x0c", "\u00a0", "\x00", "é", "😀"]


def odd_pairs() -> Written:
    generator = random.Random(5)
    made = ["x" + "".join(generator.choices(ODD, k=generator.randrange(1, 9))) + "y" for _ in range(80)]
    return list(zip(made[::2], made[1::2], strict=True))


def test_every_format_is_written_here():
    assert {data_format for data_format, _, _ in WRITERS.values()} == set(PAIR_FORMATS)


@pytest.mark.parametrize("packed", ["", ".gz"])
@pytest.mark.parametrize("way", WRITERS)
def test_pairs_come_back_from_every_format_packed_or_not(write, way, packed):
    data_format, written, options = WRITERS[way]
    pairs = odd_pairs()
    path = write(f"a.{data_format}{packed}", written(pairs))
    assert texts(read_pairs(path, **options).pairs) == pairs
    path = write(f"a.data{packed}", written(pairs))
    found = read_pairs(path, data_format=data_format, **options)
    assert texts(found.pairs) == pairs
    assert found.left_out == {}
    assert found.pairs == list(scan_pairs(path, data_format=data_format, **options))


@pytest.mark.parametrize("source_name", ["a.en", "a.en.gz"])
@pytest.mark.parametrize("target_name", ["a.de", "a.de.gz"])
def test_pairs_come_back_from_parallel_files_either_of_them_packed_or_not(write, source_name, target_name):
    pairs = odd_pairs()
    write(source_name, "".join(source + "\n" for source, _ in pairs))
    write(target_name, "\r\n".join(target for _, target in pairs))  # and no line end at the end
    found = read_pairs("a", languages=EN_DE).pairs
    assert texts(found) == pairs
    assert {pair.source for pair in found} == {source_name}
    assert [pair.line for pair in found] == list(range(1, 41))
    turned = read_pairs("a", languages=("de", "en"), data_format="parallel").pairs
    assert texts(turned) == [(target, source) for source, target in pairs]
    assert {pair.source for pair in turned} == {target_name}


def test_a_carriage_return_is_removed_at_the_end_of_a_line_only(write):
    write("a.en", "a\rb\r\nc\r\r\n")
    write("a.de", "d\r\ne")
    assert texts(read_pairs("a", languages=EN_DE).pairs) == [("a\rb", "d"), ("c\r", "e")]
    assert texts(read_pairs(write("a.tsv", "a\rb\tc\rd\r\n")).pairs) == [("a\rb", "c\rd")]


def test_blanks_around_a_sentence_are_left_as_they_are(write):
    assert texts(read_pairs(write("a.tsv", " a \t b\n")).pairs) == [(" a ", " b")]
    assert texts(read_pairs(write("a.csv", "target,source\n b, a \n")).pairs) == [(" a ", " b")]
    assert texts(read_pairs(write("a.jsonl", '{"source": " a ", "target": " b"}')).pairs) == [(" a ", " b")]


def test_a_byte_order_mark_is_no_part_of_a_sentence_or_a_header(write):
    assert texts(read_pairs(write("a.tsv", "\ufeffa\tb\n")).pairs) == [("a", "b")]
    assert texts(read_pairs(write("b.tsv", "\ufeffsource\ttarget\na\tb\n")).pairs) == [("a", "b")]


def test_a_pair_knows_its_file_and_line(write):
    path = write("a.csv", 'source,target\na,b\n"c\nc",d\ne,f\n')
    assert read_pairs(path).pairs == [
        SentencePair("a", "b", "a.csv", 2),
        SentencePair("c\nc", "d", "a.csv", 3),
        SentencePair("e", "f", "a.csv", 5),
    ]


def test_the_translation_of_a_json_line_gives_way_to_keys_that_are_wanted(write):
    path = write("a.jsonl", as_jsonl([{"source": "a", "target": "b", "translation": {"en": "c", "de": "d"}}]))
    assert texts(read_pairs(path, languages=EN_DE).pairs) == [("a", "b")]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.tsv", "tsv"),
        ("a.txt.gz", "tsv"),
        ("a", "tsv"),
        ("-", "tsv"),
        ("a.CSV", "csv"),
        ("a.csv.gz", "csv"),
        ("a.jsonl", "jsonl"),
        ("a.ndjson.gz", "jsonl"),
        ("a.json", "jsonl"),
    ],
)
def test_the_format_is_told_by_the_ending(write, name, expected):
    assert pair_format(name) == expected
    if name != "-":
        _, written, _ = WRITERS[expected]
        assert texts(read_pairs(write(name, written([("x", "y")]))).pairs) == [("x", "y")]
        assert pair_format(name, EN_DE) == expected  # now that there is such a file


def test_languages_make_a_name_that_no_file_has_a_prefix(write):
    assert pair_format("a.tsv", EN_DE) == PARALLEL
    assert pair_format("-", EN_DE) == "tsv"


def test_two_files_go_before_one_of_the_prefix_s_own_name(write):
    for name, content in (("a.tsv", "one\teins\n"), ("a.tsv.en", "two\n"), ("a.tsv.de", "zwei\n")):
        write(name, content)
    assert texts(read_pairs("a.tsv", languages=EN_DE).pairs) == [("two", "zwei")]
    assert texts(read_pairs("a.tsv", languages=EN_DE, data_format="tsv").pairs) == [("one", "eins")]
    assert texts(read_pairs("a.tsv").pairs) == [("one", "eins")]


def test_standard_input_is_read_as_tabbed_pairs_unless_told_otherwise():
    assert read_pairs("-", stdin=io.BytesIO(b"a\tb\n")).pairs == [SentencePair("a", "b", "standard input", 1)]
    [found] = scan_pairs("-", data_format="csv", stdin=io.BytesIO(b"source,target\na,b\n"))
    assert found == SentencePair("a", "b", "standard input", 2)


def test_without_limits_pairs_are_given_as_their_lines_arrive():
    arrived = 0

    def stdin() -> Iterator[bytes]:
        nonlocal arrived
        for number in range(10):
            arrived += 1
            yield f"a{number}\tb{number}\n".encode()

    stream = scan_pairs("-", stdin=stdin(), limits=None)
    assert arrived == 0
    assert next(stream).source_text == "a0"
    assert arrived == 1


def test_what_stands_before_damage_in_one_of_two_files_has_been_given(write):
    write("a.en", "".join(f"a{number}\n" for number in range(9_000)))
    packed = write("a.de.gz", "".join(f"b{number}\n" for number in range(9_000)))
    packed.write_bytes(packed.read_bytes()[:-5_000])
    stream = scan_pairs("a", languages=EN_DE)
    assert next(stream) == SentencePair("a0", "b0", "a.en", 1)
    with pytest.raises(DataError, match=r"^a\.de\.gz: the gzip data is damaged after line \d+: "):
        list(stream)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"a\tb\nc\nd\te\tf\n\ng\th\n\xff\ti\n", [(2, "1 column"), (3, "3 columns"), (4, "a blank line")]),
        (b"a\tb\n\xff\n", []),
    ],
)
def test_every_row_of_a_file_without_header_that_has_not_two_columns_is_a_problem(write, content, expected):
    found = [item for item in scan_pairs(write("a.tsv", content)) if isinstance(item, Problem)]
    last = content.count(b"\n")
    assert lines(found[:-1]) == [
        f"line {line} of a.tsv: {what}; expected 2 (source, target), parted by a tab{HEADER * (line == 3)}"
        for line, what in expected
    ]
    assert {problem.kind for problem in found[:-1]} <= {"columns"}
    assert (found[-1].line, found[-1].kind) == (last, "encoding")


@pytest.mark.parametrize("name", ["a.tsv", "a.csv"])
def test_rows_that_do_not_fit_the_header_are_problems(write, name):
    rows = ["source\ttarget\tid", "a\tb\t1", "c\td", "", "e\tf\t2"]
    path = write(name, "\n".join(rows).replace("\t", "," if name == "a.csv" else "\t"))
    found = list(scan_pairs(path))
    assert texts(item for item in found if isinstance(item, SentencePair)) == [("a", "b"), ("e", "f")]
    assert lines(item for item in found if isinstance(item, Problem)) == [
        f"line 3 of {name}: 2 columns; expected 3 columns (source, target, id)",
        f"line 4 of {name}: a blank line; expected 3 columns (source, target, id)",
    ]


@pytest.mark.parametrize(
    ("name", "content", "options", "expected"),
    [
        ("a.csv", "a,b\nc,d\n", {}, "the header has no column 'source'; the columns are 'a', 'b'"),
        ("a.csv", "source,traget\nc,d\n", {}, "the header has no column 'target'; the columns are 'source', 'traget'"),
        (
            "a.tsv",
            "a\tb\n",
            {"source_column": "en", "target_column": "a"},
            "the header has no column 'en'; the columns are 'a', 'b'",
        ),
        (
            "a.csv",
            "en,en,de\n",
            {"source_column": "en", "target_column": "de"},
            "the header names 'en' twice; expected each column once",
        ),
    ],
)
def test_a_header_without_the_columns_is_one_problem(write, name, content, options, expected):
    [found] = scan_pairs(write(name, content), **options)
    assert (found.line, found.kind) == (1, "missing-column")
    assert found.message.partition("; did you mean")[0] == expected


@pytest.mark.parametrize(
    ("line", "languages", "kind", "expected"),
    [
        ("", None, "columns", "a blank line; expected a JSON object"),
        ("[1]", None, "syntax", "a list; expected a JSON object"),
        ('{"source": "a", }', None, "syntax", None),
        ('{"source": "a"}', None, "missing-column", "no column 'target'; the columns are 'source'"),
        ('{"source": null, "target": "b"}', None, "text", "the source sentence is null; expected a string"),
        ('{"source": "a", "target": ["b"]}', None, "text", "the target sentence is a list; expected a string"),
        ('{"text": "a"}', EN_DE, "missing-column", "no column 'source'; the columns are 'text'"),
        ('{"translation": "a"}', EN_DE, "text", "'translation' is a string; expected an object"),
        (
            '{"translation": {"en": "a", "de": "b"}}',
            None,
            "missing-column",
            "'translation' holds the languages 'en', 'de'; expected --source-lang and --target-lang to name "
            "two of them",
        ),
        ('{"translation": {"en": "a", "fr": "b"}}', EN_DE, "missing-column", "no column 'de'; the columns are 'en', "),
        ('{"translation": {"en": 1, "de": "b"}}', EN_DE, "text", "the source sentence is a number; expected a string"),
        (r'{"source": "\ud800", "target": "b"}', None, "encoding", None),
    ],
)
def test_every_json_line_that_is_no_pair_is_a_problem(write, line, languages, kind, expected):
    good = '{"source": "a", "target": "b"}'
    path = write("a.jsonl", f"{good}\n{line}\n{good}\n")
    first, found, last = scan_pairs(path, languages=languages or ("", ""))
    assert texts([first, last]) == [("a", "b")] * 2
    assert (found.source, found.line, found.kind) == ("a.jsonl", 2, kind)
    assert found.message.startswith(expected or "")


def test_bad_bytes_in_either_of_two_files_are_problems_of_that_file(write):
    write("a.en", b"a\n\xff\nc\n\xff\n")
    write("a.de", b"A\nB\n\xfe\n\xfe\n")
    found = list(scan_pairs("a", languages=EN_DE))
    assert texts(found[:1]) == [("a", "A")]
    assert [(item.source, item.line, item.kind) for item in found[1:]] == [
        ("a.en", 2, "encoding"),
        ("a.de", 3, "encoding"),
        ("a.en", 4, "encoding"),
        ("a.de", 4, "encoding"),
    ]


@pytest.mark.parametrize(
    ("n_source", "n_target", "expected"),
    [
        (3, 2, "a.en: 3 lines, but a.de.gz has 2; expected the same number in both"),
        (1_000, 1_001, "a.en: 1,000 lines, but a.de.gz has 1,001; expected the same number in both"),
    ],
)
def test_two_files_of_unequal_length_are_a_problem_with_both_counts(write, n_source, n_target, expected):
    write("a.en", "a\n" * n_source)
    write("a.de.gz", "b\n" * n_target)
    *pairs, found = scan_pairs("a", languages=EN_DE)
    assert len(pairs) == min(n_source, n_target)
    assert (str(found), found.kind, found.line) == (expected, "unpaired", 0)
    assert message_of(read_pairs, "a", languages=EN_DE) == expected


def test_bad_bytes_past_the_end_of_the_shorter_file_are_problems_too(write):
    write("a.en", b"a\n")
    write("a.de", b"b\n\xff\nc\n")
    _, damaged, unpaired = scan_pairs("a", languages=EN_DE)
    assert (damaged.source, damaged.line, unpaired.kind) == ("a.de", 2, "unpaired")


def test_what_training_leaves_out_is_what_it_puts_up_with():
    assert set(LEFT_OUT) <= WARNINGS
    assert "unpaired" not in WARNINGS


def test_pairs_that_training_leaves_out_come_as_problems_and_are_counted(write):
    rows = [
        ("a", "b"),
        ("", "b"),
        ("a", " \u00a0"),
        ("\t".strip(), ""),
        ("a", words(251)),
        (words(300), words(300)),
        (words(1_000), "b"),
        ("a", words(40)),
        (words(34), "b"),
        (words(9), "b"),
        (words(250), words(250)),
    ]
    path = write("a.tsv", "".join(f"{source}\t{target}\n" for source, target in rows))
    found = list(scan_pairs(path))
    assert lines(item for item in found if isinstance(item, Problem)) == [
        "line 2 of a.tsv: the source sentence is empty",
        "line 3 of a.tsv: the target sentence is empty",
        "line 4 of a.tsv: the source sentence is empty",
        "line 5 of a.tsv: the target sentence has 251 words; expected 250 at most",
        "line 6 of a.tsv: the source sentence has 300 words; expected 250 at most",
        "line 7 of a.tsv: the source sentence has 1,000 words; expected 250 at most",
        "line 8 of a.tsv: 1 character besides blanks in the source sentence and 110 in the target sentence; "
        "expected 1 to 34 for such a source",
        "line 9 of a.tsv: 92 characters besides blanks in the source sentence and 1 in the target sentence; "
        "expected 16 to 398 for such a source",
    ]
    data = read_pairs(path)
    assert texts(data.pairs) == [rows[0], rows[9], rows[10]]
    assert data.left_out == {"empty-text": 3, "too-long": 3, "length-ratio": 2}
    assert data.note == "left out 8 pairs: 3 with an empty side, 3 too long, 2 of too unequal length"
    assert data.left_out == Counter(item.kind for item in found if isinstance(item, Problem))


def test_what_is_wrong_with_one_side_is_told_of_its_file(write):
    write("a.en", f"a\n\n{words(251)}\nb\nc\n")
    write("a.de", f"\nB\nC\n{words(251)}\n{words(50)}\n")
    assert [(item.source, item.line, item.kind) for item in scan_pairs("a", languages=EN_DE)] == [
        ("a.de", 1, "empty-text"),
        ("a.en", 2, "empty-text"),
        ("a.en", 3, "too-long"),
        ("a.de", 4, "too-long"),
        ("a.en", 5, "length-ratio"),
    ]


def test_without_limits_every_pair_is_read(write):
    rows = [("", ""), ("a", ""), ("a", words(300))]
    data = read_pairs(write("a.tsv", "".join(f"{s}\t{t}\n" for s, t in rows)), limits=None)
    assert texts(data.pairs) == rows
    assert (data.left_out, data.note) == ({}, "")


def test_nothing_left_out_is_nothing_to_tell():
    assert PairData([], {}).note == ""
    assert PairData([], {"length-ratio": 1}).note == "left out 1 pair: 1 of too unequal length"


def test_one_problem_is_told_alone(write):
    path = write("a.tsv", "a\tb\nc\n\td\n")
    assert message_of(read_pairs, path) == (
        "line 2 of a.tsv: 1 column; expected 2 (source, target), parted by a tab"
    )  # and nothing of line 3, with which training goes on


def test_the_first_of_many_problems_is_told_with_the_command_that_lists_them(write):
    path = write("my file", "en,de\na\nb\n,c\nd\n")
    found = message_of(read_pairs, path, data_format="csv", source_column="en", target_column="de")
    assert found == (
        "line 2 of my file: 1 column; expected 2 columns (en, de) (and 2 more problems; `nlp-lstm data check 'my file' "
        "--task translate --data-format csv --source-column en --target-column de` lists them all)"
    )


def test_the_command_for_parallel_files_names_the_languages(write):
    write("a.en", b"\xff\na\nb\n")
    write("a.de", b"a\n\xff\n")
    found = message_of(read_pairs, "a", languages=EN_DE)
    assert found.startswith("line 1 of a.en: byte 0xff is not UTF-8")
    assert found.endswith(
        "(and 2 more problems; "
        "`nlp-lstm data check a --task translate --source-lang en --target-lang de` lists them all)"
    )


@pytest.mark.parametrize("call", CALLS)
def test_what_is_wrong_with_the_source_or_the_settings_is_said_at_once(write, call, tmp_path):
    write("train.tsv", "a\tb\n")
    assert message_of(call, "trian.tsv") == "trian.tsv: no such file; did you mean 'train.tsv'?"
    assert message_of(call, tmp_path) == f"{tmp_path}: is a folder; expected a file"
    with pytest.raises(DataError, match=r"\.xlsx files are not read"):
        call(write("a.xlsx", "a\tb\n"))
    for options, expected in (
        ({"data_format": "tvs"}, "no format of sentence pairs 'tvs'; did you mean 'tsv'?"),
        ({"data_format": "parallel"}, "train.tsv: parallel files are read with --source-lang and --target-lang"),
        ({"languages": ("en", "")}, "a source language is given, 'en', but no target language"),
        ({"languages": ("", "de")}, "a target language is given, 'de', but no source language"),
        ({"languages": ("en", "en")}, "the source and target languages are both 'en'; expected two"),
        ({"source_column": "target"}, "the source and target columns are both 'target'; expected two"),
    ):
        with pytest.raises(UsageError) as caught:
            call("train.tsv", **options)
        assert str(caught.value) == expected
    with pytest.raises(UsageError, match=r"^hf:opus: sentence pairs are read from files only$"):
        call("hf:opus")


@pytest.mark.parametrize("call", CALLS)
def test_an_empty_file_is_refused(write, call):
    for name in ("a.tsv", "a.csv", "a.jsonl", "a.en", "a.de"):
        write(name, "")
    for name in ("a.tsv", "a.csv", "a.jsonl"):
        assert message_of(call, name) == f"{name}: is empty; expected at least one line"
    assert message_of(call, "a", languages=EN_DE) == "a.en: is empty; expected at least one line"
    write("a.en", "one\n")
    assert message_of(call, "a", languages=EN_DE) == "a.de: is empty; expected at least one line"


def test_a_source_without_a_pair_to_use_is_refused(write):
    assert message_of(read_pairs, write("a.csv", "source,target\n")) == (
        "a.csv: no sentence pairs; expected at least one"
    )
    write("a.en", "a\n\n")
    write("a.de", "\n\n")
    assert message_of(read_pairs, "a", languages=EN_DE) == (
        "a.en: no sentence pairs; expected at least one (left out 2 pairs: 2 with an empty side)"
    )


@pytest.mark.parametrize(
    ("content", "found"),
    [('[{"source": "x"}]', "a JSON list"), ('\n{\n  "source": "x"\n}', "JSON spread over lines")],
)
def test_json_that_is_not_one_object_a_line_is_refused(write, content, found):
    path = write("a.json", content)
    assert message_of(scan_pairs, path) == f"a.json: is {found}; expected one JSON object a line (JSON lines)"


def test_equal_source_sentences_are_held_out_together():
    pairs = [SentencePair(f"s{number % 20}", f"t{number}", "a", number + 1) for number in range(60)]
    rest, held = hold_out(pairs, fraction=0.2, seed=1)
    assert (len(rest), len(held)) == (48, 12)
    assert not {pair.source_text for pair in rest} & {pair.source_text for pair in held}


MULTI30K = [("train", 29_000), ("val", 1_014), ("test_2016_flickr", 1_000), ("test_2017_flickr", 1_000)]


@pytest.mark.parametrize("target", ["de", "fr"])
@pytest.mark.parametrize(("split", "n_pairs"), MULTI30K)
def test_multi30k_has_its_published_counts(real_data, split, n_pairs, target):
    data = read_pairs(real_data("multi30k") / split, languages=("en", target), limits=None)
    assert (len(data.pairs), data.left_out) == (n_pairs, {})
    assert [pair.line for pair in data.pairs] == list(range(1, n_pairs + 1))


def test_the_one_caption_that_two_splits_of_multi30k_share_is_found(real_data):
    folder = real_data("multi30k")
    report = check_pairs(folder / "train", others=[folder / split for split, _ in MULTI30K[1:]], languages=EN_DE)
    assert (report.n_examples, report.errors) == (28_998, ())
    expected = {"length-ratio": 2, "duplicate": 3, "two-labels": 1, "shared": 1}
    assert Counter(problem.kind for problem in report.warnings) == expected
    [shared] = [problem for problem in report.warnings if problem.kind == "shared"]
    assert shared.source == str(folder / "val.en")


def test_tatoeba_has_its_published_counts(real_data):
    report = check_pairs(real_data("tatoeba_eng_fra") / "eng-fra.tsv.gz")
    assert (report.n_examples, report.errors) == (142_782, ())
    # 98,659 different English sentences are published: each other pair repeats one of them with another translation.
    [again] = report.warnings
    assert again.message.endswith(f" {142_782 - 98_659:,}")


def test_the_sample_of_the_project_has_no_problem():
    report = check_pairs(SAMPLE / "train", others=[SAMPLE / "dev", SAMPLE / "test"], languages=EN_DE)
    assert (report.n_examples, report.problems) == (2_006, ())
    assert [len(read_pairs(SAMPLE / split, languages=EN_DE).pairs) for split in ("dev", "test")] == [100, 140]


@pytest.mark.parametrize("languages", [EN_DE, ("de", "en")])
def test_columns_and_keys_named_after_the_languages_are_read_where_there_are_no_others(write, languages):
    both = {"en": "a b", "de": "A B"}
    expected = [tuple(both[language] for language in languages)]
    for name, content in (
        ("a.jsonl", json.dumps({**both, "id": 1})),
        ("a.csv", "de,id,en\nA B,1,a b\n"),
        ("a.tsv", "de\tid\ten\nA B\t1\ta b\n"),
    ):
        assert texts(read_pairs(write(name, content), languages=languages).pairs) == expected
    named = write("b.jsonl", json.dumps({**both, "source": "s", "target": "t"}))
    assert texts(read_pairs(named, languages=languages).pairs) == [("s", "t")]
    other = write("c.jsonl", json.dumps({**both, "x": "s", "y": "t"}))
    assert texts(read_pairs(other, languages=languages, source_column="x", target_column="y").pairs) == [("s", "t")]
