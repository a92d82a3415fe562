from __future__ import annotations

import io
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_lstm.corpora.conll import column_sentences, conllu_sentences, read_columns, read_conllu
from nlp_lstm.corpora.opening import decode_lines
from nlp_lstm.corpora.problems import Problem
from nlp_lstm.corpora.tagged_rows import TagsWanted
from nlp_lstm.errors import UsageError
from nlp_lstm.records.examples import TaggedSentence
from tests.growth import growth


def lines_of(content: str | bytes):
    return decode_lines(io.BytesIO(content.encode() if isinstance(content, str) else content), "a")


def columns(content: str | bytes, **options) -> list:
    return list(read_columns(lines_of(content), "a", **options))


def conllu(content: str | bytes, **options) -> list:
    return list(read_conllu(lines_of(content), "a", **options))


def words_of(items) -> list[tuple[str, ...]]:
    return [item.words for item in items]


def row(number: object, word: str, part_of_speech: str = "X") -> str:
    return f"{number}\t{word}\t{word.lower()}\t{part_of_speech}\tx\tf\t0\troot\t_\tn\n"


def test_sentences_come_with_words_tags_columns_and_line():
    assert columns("\n\nAda NNP B-PER\nleft VBD O\n\n\nParis NNP B-LOC") == [
        TaggedSentence(
            "Ada left",
            ("Ada", "left"),
            (0, 4),
            ("B-PER", "O"),
            None,
            (("Ada", "NNP", "B-PER"), ("left", "VBD", "O")),
            "a",
            3,
        ),
        TaggedSentence("Paris", ("Paris",), (0,), ("B-LOC",), None, (("Paris", "NNP", "B-LOC"),), "a", 7),
    ]


def test_named_columns_are_found_wherever_they_stand():
    content = "1\tAda\tNNP\tB-PER\tx\n2\tleft\tVBD\tO\ty\n"
    [found] = columns(content, columns=("_", "word", "auxiliary", "tag"))
    assert (found.words, found.tags, found.auxiliary) == (("Ada", "left"), ("B-PER", "O"), ("NNP", "VBD"))
    assert found.columns == (("1", "Ada", "NNP", "B-PER", "x"), ("2", "left", "VBD", "O", "y"))


def test_without_tags_every_column_is_kept_and_none_is_a_tag():
    [one] = columns("Ada\nleft\n", tagged=False)
    assert (one.words, one.tags, one.columns) == (("Ada", "left"), None, (("Ada",), ("left",)))
    [two] = columns("1 Ada B-PER\n", tagged=False, columns=("_", "word", "auxiliary", "tag"))
    assert (two.words, two.tags, two.auxiliary, two.columns) == (("Ada",), None, None, (("1", "Ada", "B-PER"),))


@pytest.mark.parametrize(
    "content",
    ["Ada\tO\nleft\tO\n", "Ada O\nleft O\n", "Ada   O\n  left O  \n", "Ada\tO\nleft  O\n", "Ada \t O\r\nleft\tO\r\n"],
)
def test_columns_are_parted_by_a_tab_or_by_any_number_of_blanks(content):
    [found] = columns(content)
    assert (found.words, found.tags) == (("Ada", "left"), ("O", "O"))


@pytest.mark.parametrize("word", ["1\u00a0000", "a\x0bb", "a\x85b", "a\u2028b", "\ufeff", "a\rb", "\u3000"])
def test_only_blanks_and_tabs_part_columns(word):
    for separator in (" ", "\t"):
        [found] = columns(f"x{separator}O\n{word}{separator}O\n")
        assert found.words == ("x", word)


def test_a_word_in_a_line_with_tabs_may_hold_blanks():
    [found] = columns("New York\tB-LOC\n")
    assert (found.words, found.text, found.tags) == (("New York",), "New York", ("B-LOC",))


@pytest.mark.parametrize("blank", ["", " ", "\t", " \t \t", "\r"])
def test_lines_with_blanks_and_tabs_alone_part_sentences(blank):
    assert words_of(columns(f"a\tO\n{blank}\nb\tO\n{blank}\n{blank}\nc\tO\n")) == [("a",), ("b",), ("c",)]


@pytest.mark.parametrize("start", ["-DOCSTART- -X- O O", "-DOCSTART- -DOCSTART- O", "-DOCSTART-", "-DOCSTART-\tO"])
def test_document_starts_are_skipped_and_end_a_sentence(start):
    found = columns(f"{start}\n\na O\nb O\n{start}\nc O\n\n{start}\n\n")
    assert words_of(found) == [("a", "b"), ("c",)]
    assert [sentence.line for sentence in found] == [3, 6]


def test_comments_before_a_sentence_are_skipped():
    content = "# id = 1\n# Oh O\n#\na\tO\n#\tO\n\n# text = two\n# text O\nb\tO\n\n#more\tto say\there\nc\tO\n"
    assert words_of(columns(content)) == [("a", "#"), ("b",), ("c",)]


def test_before_the_first_word_a_comment_is_told_by_the_columns_of_the_words_behind():
    # As GermEval 2014 has it: a number sign, a tab and a source, over rows of four columns.
    content = "#\thttp://example.org [2009]\n1\tAda\tB-PER\tO\n"
    assert words_of(columns(content, columns=("_", "word", "tag"))) == [("Ada",)]
    assert words_of(columns("#tag\tO\nis\tO\n")) == [("#tag", "is")]
    assert words_of(columns("#\tO\n#tag\tO\n")) == [("#", "#tag")]
    assert words_of(columns("#nlp\nis\n", tagged=False)) == [("#nlp", "is")]


@pytest.mark.parametrize("first", ["# # B-NP", "# SYM O", "# # NN", "# PRP$ PRP$", "# x I-X"])
def test_a_number_sign_that_begins_the_file_is_a_word_where_a_tag_ends_its_row(first):
    found = columns(f"{first}\n5 CD I-NP\n\nx NN O\n")
    assert words_of(found) == [("#", "5"), ("x",)]
    assert found[0].tags == (first.split(" ")[-1], "I-NP")
    assert words_of(columns("# SYM\nAda NN\n")) == [("#", "Ada")]


@pytest.mark.parametrize("first", ["# made today", "# version 2.0", "# Names X 1", "# SYM", "# SYM X O more"])
def test_a_number_sign_that_begins_the_file_is_a_comment_where_it_has_no_row_behind(first):
    assert words_of(columns(f"{first}\n5 CD I-NP\n")) == [("5",)]


def test_number_signs_with_the_columns_of_words_are_words():
    assert words_of(columns("a O\n# O\n\n# O\nb O\n\n#tag O\n")) == [("a", "#"), ("#", "b"), ("#tag",)]


def test_number_signs_inside_a_sentence_are_words_or_faults_and_no_comments():
    found = columns("a O\n# no comment here\nb O\n\nc O\n")
    assert str(found[0]) == "line 2 of a: 4 columns; expected 2, as in line 1"
    assert words_of(found[1:]) == [("c",)]


def test_a_line_with_other_columns_is_one_problem_and_costs_its_sentence():
    found = columns("x A O\n\na O\nb A O\nc A B O\n\nd A O\n")
    assert [str(item) for item in found[1:3]] == [
        "line 3 of a: 2 columns; expected 3, as in line 1",
        "line 5 of a: 4 columns; expected 3, as in line 1",
    ]
    assert {item.kind for item in found[1:3]} == {"columns"}
    assert words_of([found[0], *found[3:]]) == [("x",), ("d",)]


def test_too_few_columns_for_what_is_wanted_is_one_problem_for_the_file():
    assert [str(item) for item in columns("# x y\n\na\nb\nc O\n")] == [
        "line 3 of a: 1 column; expected at least 2 (word, tag)"
    ]
    found = columns("a B O\nb B O\n", columns=("_", "word", "_", "tag"))
    assert [str(item) for item in found] == ["line 1 of a: 3 columns; expected at least 4 (_, word, _, tag)"]
    assert found[0].kind == "columns"


@pytest.mark.parametrize(
    ("line", "kind", "message"),
    [
        ("\tNN\tO", "columns", "column 1 is empty; expected a word"),
        (" \tNN\tO", "columns", "column 1 is empty; expected a word"),
        ("x\tNN\t", "label", "no tag; expected one for every word"),
        ("x\tNN\t  ", "label", "no tag; expected one for every word"),
        ("x\t\tO", "label", "no auxiliary tag; expected one for every word"),
        ("x\tNN\tO\x00", "label", r"the tag 'O\x00' holds a tab, a line end or another control sign"),
    ],
)
def test_empty_cells_where_something_is_needed_are_problems(line, kind, message):
    found = columns(f"a\tNN\tO\n{line}\n\nb\tNN\tO\n", columns=("word", "auxiliary", "tag"))
    assert found[0] == Problem("a", 2, kind, message)
    assert words_of(found[1:]) == [("b",)]


def test_empty_cells_that_are_not_looked_at_are_kept():
    [found] = columns("a\t\tO\n")
    assert found.columns == (("a", "", "O"),)


def test_bad_bytes_are_passed_on_and_cost_their_sentence():
    found = columns(b"\xff O\na O\n\nb O\n\nc O\nd\xff O\ne O\n")
    assert [(item.kind, item.line) for item in (found[0], found[2])] == [("encoding", 1), ("encoding", 7)]
    assert words_of([found[1]]) == [("b",)]
    assert len(found) == 3


@pytest.mark.parametrize("content", ["", "\n \n", "# only\n\n# comments\n", "-DOCSTART-\n"])
def test_a_file_without_words_has_no_sentences(content):
    assert columns(content) == []
    assert conllu("\n# a\n\n") == []


def test_names_that_make_no_sense_are_refused_before_anything_is_read():
    with pytest.raises(UsageError, match="no kind of column 'words'; did you mean 'word'"):
        read_columns(iter(()), "a", columns=("words", "tag"))
    with pytest.raises(UsageError, match="have no 'tag'"):
        read_conllu(iter(()), "a", columns=("_", "word"))
    with pytest.raises(UsageError, match="11 columns are named; expected 10 at most"):
        read_conllu(iter(()), "a", columns=("word", "tag", *"_________"))


WORD = st.text(st.sampled_from("ab#é\u00a0\u2028\x0b-.\r"), min_size=1, max_size=5).filter(
    lambda word: word[-1] != "\r"
)
TAG = st.sampled_from(["O", "B-PER", "I-PER", "#"])
SENTENCES = st.lists(st.lists(st.tuples(WORD, TAG), min_size=1, max_size=6), max_size=6)


@given(SENTENCES, st.sampled_from(["\t", " ", "   "]))
def test_sentences_that_were_written_come_back(written, separator):
    content = "".join("".join(f"{word}{separator}{tag}\n" for word, tag in each) + "\n" for each in written)
    if content.startswith("# "):  # a comment as far as anyone can tell
        content = f"x{separator}O\n\n{content}"
        written = [[("x", "O")], *written]
    found = columns(content)
    assert [list(zip(sentence.words, sentence.tags, strict=True)) for sentence in found] == written
    for sentence in found:
        for word, start in zip(sentence.words, sentence.starts, strict=True):
            assert sentence.text.startswith(word, start)


PIECES = st.lists(
    st.sampled_from(
        [b"a O\n", b"\n", b"#\n", b"# O\n", b"a\tO\n", b"\tO\n", b"a\n", b"\xff\n", b"-DOCSTART-\n", b"a b O\n"]
    ),
    max_size=12,
)


@given(PIECES)
def test_every_line_is_a_word_a_fault_or_beside_one_or_says_nothing(pieces):
    lines = list(lines_of(b"".join(pieces)))
    found = list(column_sentences(iter(lines), TagsWanted("a", tagged=True)))
    faulty = [item.line for item in found if isinstance(item, Problem)]
    read = [number for item in found if not isinstance(item, Problem) for number in item.lines]
    assert faulty == sorted(set(faulty))
    assert read == sorted(set(read) - set(faulty))
    if len(found) == 1 and faulty and "at least" in found[0].message:
        return  # the whole file is refused
    for line in lines:
        if line.number in faulty or line.number in read or line.raw.startswith(("\n", "#", "-DOCSTART-")):
            continue
        block = _block_around(lines, line.number)
        assert any(number in faulty for number in block)


def _block_around(lines, number: int) -> range:
    """Return the numbers of the lines of the sentence a line stands in."""
    ends = [0, *(line.number for line in lines if line.raw.startswith(("\n", "-DOCSTART-"))), len(lines) + 1]
    return next(range(before + 1, after) for before, after in pairwise(ends) if before < number < after)


def test_conllu_has_its_words_its_parts_of_speech_and_its_text():
    content = "# sent_id = 1\n# text = Oh,  no\n" + row(1, "Oh", "INTJ") + row(2, ",", "PUNCT") + row(3, "no", "DET")
    [found] = conllu(content)
    assert (found.text, found.words, found.starts) == ("Oh,  no", ("Oh", ",", "no"), (0, 2, 5))
    assert (found.tags, found.line, found.source) == (("INTJ", "PUNCT", "DET"), 3, "a")
    assert found.columns[1] == ("2", ",", ",", "PUNCT", "x", "f", "0", "root", "_", "n")


def test_another_column_of_conllu_can_be_the_tag():
    [found] = conllu(row(1, "Ada", "PROPN"), columns=("_", "_", "word", "auxiliary", "tag"))
    assert (found.words, found.tags, found.auxiliary) == (("ada",), ("x",), ("PROPN",))
    [found] = conllu(row(1, "Ada", "_"), tagged=False)
    assert (found.words, found.tags) == (("Ada",), None)


def test_ranges_and_empty_nodes_are_skipped():
    content = (
        "# text = du pain\n" + row("0.1", "x") + row("1-2", "du") + row(1, "de") + row(2, "le") + row(3, "pain")
        + row("3.1", "y") + row("3.2", "z") + row(4, ".")
    )  # fmt: skip
    [found] = conllu(content)
    assert found.words == ("de", "le", "pain", ".")
    assert found.text == "de le pain ."
    [located] = conllu_sentences(lines_of(content), TagsWanted("a", tagged=True))
    assert list(located.lines) == [4, 5, 6, 9]


def test_parts_that_make_up_the_text_of_a_range_keep_it():
    [found] = conllu("# text = don't\n" + row("1-2", "don't") + row(1, "do") + row(2, "n't"))
    assert (found.text, found.starts) == ("don't", (0, 2))


def test_a_text_belongs_to_its_own_sentence_only():
    found = conllu("# text = ab\n\n" + row(1, "a") + row(2, "b") + "\n# text=ab\n" + row(1, "a") + row(2, "b"))
    assert [sentence.text for sentence in found] == ["a b", "ab"]
    [found] = conllu("# text_en = ab\n# newtext = ab\n# text\n" + row(1, "a") + row(2, "b"))
    assert found.text == "a b"


@pytest.mark.parametrize(
    ("bad", "kind", "message"),
    [
        (row(3, "x"), "syntax", "the id is '3'; expected 2, or a range or an empty node there"),
        (row(1, "x"), "syntax", "the id is '1'; expected 2, or a range or an empty node there"),
        (row("x", "x"), "syntax", "the id is 'x'; expected 2, or a range or an empty node there"),
        (row("", "x"), "syntax", "the id is ''; expected 2, or a range or an empty node there"),
        (row("²", "x"), "syntax", "the id is '²'; expected 2, or a range or an empty node there"),
        (row("3-4", "x"), "syntax", "the id is '3-4'; expected 2, or a range or an empty node there"),
        (row("2-2", "x"), "syntax", "the id is '2-2'; expected 2, or a range or an empty node there"),
        (row("2.1", "x"), "syntax", "the id is '2.1'; expected 2, or a range or an empty node there"),
        (row("1.0", "x"), "syntax", "the id is '1.0'; expected 2, or a range or an empty node there"),
        ("2\tx\tx\tX\n", "columns", "4 columns; expected 10, parted by tabs (CoNLL-U)"),
        ("2 x x X x f 0 root _ n\n", "columns", "1 column; expected 10, parted by tabs (CoNLL-U)"),
        ("2-3\tx\n", "columns", "2 columns; expected 10, parted by tabs (CoNLL-U)"),
        (row(2, ""), "columns", "column 2 is empty; expected a word"),
        (row(2, "x", ""), "label", "no tag; expected one for every word"),
        (row(2, "x", "_"), "label", "no tag, only '_'; expected a part of speech for every word"),
    ],
)
def test_bad_lines_of_conllu_are_named_and_cost_their_sentence(bad, kind, message):
    found = conllu(row(1, "a") + bad + "\n" + row(1, "b"))
    assert found[0] == Problem("a", 2, kind, message)
    assert words_of(found[1:]) == [("b",)]


@pytest.mark.parametrize(
    "bad", [b"x\tx\n", b"2\tx\n", b"2\t\xff\tx\tX\tx\tf\t0\troot\t_\tn\n", row("two", "x").encode()]
)
def test_a_bad_line_of_conllu_does_not_make_the_next_one_bad(bad):
    found = conllu(row(1, "a").encode() + bad + row(3, "b").encode())
    assert [item.line for item in found] == [2]


def test_an_id_of_thousands_of_digits_is_a_problem_and_no_crash():
    [found] = conllu(row("9" * 5000, "x"))
    assert found.message.startswith("the id is '9999")


def test_bad_bytes_of_conllu_are_passed_on():
    found = conllu(b"# text = \xff\n" + row(1, "a").encode() + b"\n" + row(1, "b").encode())
    assert (found[0].kind, found[0].line) == ("encoding", 1)
    assert words_of(found[1:]) == [("b",)]


def test_an_underscore_is_a_word_and_a_tag_of_another_column_than_the_part_of_speech():
    [found] = conllu(row(1, "_"), columns=("_", "word", "_", "_", "_", "_", "_", "_", "tag"))
    assert (found.words, found.tags) == (("_",), ("_",))


@pytest.mark.parametrize("read", [columns, conllu])
def test_a_sentence_of_50_thousand_words_takes_time_in_proportion(read):
    def seconds(n_words: int) -> float:
        words = [f"w{number}" for number in range(n_words)]
        if read is columns:
            content = "".join(f"{word}\tO\n" for word in words)
        else:
            content = f"# text = {''.join(words)}\n" + "".join(row(n, word) for n, word in enumerate(words, 1))
        start = time.process_time()
        [found] = read(content)
        assert found.words == tuple(words)
        assert found.text == ("" if read is conllu else " ").join(words)
        return time.process_time() - start

    assert growth(seconds, 7_000) < 30


def test_sentences_come_before_the_file_is_read_to_its_end():
    def endless():
        yield from lines_of("a O\n\n" * 3)
        raise AssertionError("read too far")

    stream = read_columns(endless(), "a")
    assert words_of([next(stream), next(stream)]) == [("a",), ("a",)]
