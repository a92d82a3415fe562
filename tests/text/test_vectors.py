"""Word vectors from text files."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_lstm.errors import DataError
from nlp_lstm.text.vectors import read_vectors
from nlp_lstm.text.vocabulary import Vocabulary

SMALL = "the 0.5 -1 2e-1\nof 1 2 3\n. -0.25 0 4.5\n"


@pytest.fixture
def write(tmp_path):
    def write(content, name="vectors.txt"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_tokens_and_values_are_read_in_order(write):
    vectors = read_vectors(write(SMALL))
    assert vectors.tokens == ("the", "of", ".")
    assert vectors.matrix.dtype == np.float32
    np.testing.assert_array_equal(
        vectors.matrix, np.array([[0.5, -1, 0.2], [1, 2, 3], [-0.25, 0, 4.5]], dtype=np.float32)
    )
    assert (len(vectors), vectors.size) == (3, 3)


@pytest.mark.parametrize(
    "content",
    [
        SMALL.removesuffix("\n"),
        SMALL.replace("\n", "\r\n"),
        SMALL.replace("\n", " \n"),
        "3 3\n" + SMALL,
        SMALL + "\n\n",
        gzip.compress(SMALL.encode(), mtime=0),
        SMALL.replace(" ", "\t"),
        SMALL.replace(" ", "  "),
        "\ufeff" + SMALL,
        "\n".join(" " + line for line in SMALL.split("\n")),
    ],
)
def test_the_same_file_written_otherwise_reads_the_same(write, content):
    vectors, plain = read_vectors(write(content)), read_vectors(write(SMALL, "plain.txt"))
    assert vectors.tokens == plain.tokens
    np.testing.assert_array_equal(vectors.matrix, plain.matrix)


def test_only_what_is_wanted_is_kept(write):
    vectors = read_vectors(write(SMALL), wanted=Vocabulary.build({".": 2, "the": 1, "cat": 1}))
    assert vectors.tokens == ("the", ".")
    assert vectors.matrix[1].tolist() == [-0.25, 0, 4.5]


def test_nothing_wanted_is_found_in_the_right_width(write):
    vectors = read_vectors(write(SMALL), wanted=set())
    assert vectors.tokens == ()
    assert vectors.matrix.shape == (0, 3)


@pytest.mark.parametrize("header", ["", "4 2\n"])
def test_a_token_may_hold_blanks(write, header):
    lines = ". . . 0.1 0.2\nat name@domain.com 1 2\nNo. 5 3 4\n5 6 7\n"
    vectors = read_vectors(write(header + lines))
    assert vectors.tokens == (". . .", "at name@domain.com", "No. 5", "5")
    assert vectors.matrix.tolist() == np.array([[0.1, 0.2], [1, 2], [3, 4], [6, 7]], np.float32).tolist()


def test_only_a_line_feed_ends_a_line(write):
    odd = "a\x85b 1 2\nc\u2028d 3 4\ne\x0cf 5 6\n\u00a0 7 8\n"
    assert read_vectors(write(odd)).tokens == ("a\x85b", "c\u2028d", "e\x0cf", "\u00a0")


def test_of_a_token_that_comes_twice_the_first_counts(write):
    vectors = read_vectors(write("a 1 2\nb 3 4\na 5 6\n"))
    assert vectors.tokens == ("a", "b")
    assert vectors.matrix.tolist() == [[1, 2], [3, 4]]


def test_many_rows_keep_their_values(write):
    values = np.random.default_rng(1).normal(size=(10_001, 3)).astype(np.float32)
    lines = [f"w{number} {' '.join(repr(float(value)) for value in row)}" for number, row in enumerate(values)]
    vectors = read_vectors(write("\n".join(lines)), wanted={f"w{number}" for number in range(1, 10_001)})
    assert vectors.tokens == tuple(f"w{number}" for number in range(1, 10_001))
    np.testing.assert_array_equal(vectors.matrix, values[1:])


@settings(deadline=None)
@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=2, max_size=5))
def test_every_float32_comes_back(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("vectors") / "v.txt"
    path.write_text("token " + " ".join(map(repr, values)))
    assert read_vectors(path).matrix[0].tolist() == values


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no word vectors: the file is empty"),
        (b"\n\n", "no word vectors: the file is empty"),
        (b"the\nof\n", "line 1 of .*: expected a token and its values, found 'the'"),
        (b"the cat sat\n", "line 1 of .*: expected a token and its values, found 'the cat sat'"),
        (b"the 1 2\n\nof 1\n", "line 3 of .*vectors.txt: expected 2 values, found 1 of 'of 1'"),
        (b"the 1 2\nof\n", "line 2 of .*: expected 2 values, found 0"),
        (b"the 0.1 0.2\nof 0.1 -0.2 0.3\n", "line 2 of .*: expected 2 values, found more: 'of 0.1 -0.2 0.3'"),
        (b"the 1 2\nof 1 two\n", "line 2 of .*: expected 2 numbers, found 'two'"),
        (b"the 1 2\nof nan 2\n", "line 2 of .*: expected 2 numbers, found 'nan'"),
        (b"the 1 2\nof 1 1e60\n", "line 2 of .*: expected 2 numbers, found '1e60'"),
        (b"the 1 2\n\xff\xfe 1 2\n", "line 2 of .*: the token is not UTF-8 text"),
        (b"3 2\nthe 1 2\nof 3 4\n", "line 1 announces 3 word vectors, found 2"),
        (b"2 3\nthe 1 2\nof 3 4\n", "line 2 of .*: expected 3 values, found 2"),
        (gzip.compress(SMALL.encode(), mtime=0)[:-9], "cannot be read as word vectors"),
        (b"\x1f\x8b not gzip", "cannot be read as word vectors"),
    ],
)
def test_a_damaged_file_is_refused_with_its_line(write, content, message):
    with pytest.raises(DataError, match=message):
        read_vectors(write(content))


def test_a_ragged_row_is_refused_though_it_is_not_wanted(write):
    with pytest.raises(DataError, match="line 2"):
        read_vectors(write("the 1 2\nof 1\n"), wanted={"the"})


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "none.txt", tmp_path):
        with pytest.raises(DataError, match="cannot be read as word vectors"):
            read_vectors(path)


def test_the_real_samples_agree_where_they_overlap(real_data):
    folder = real_data("wordvec")
    common = read_vectors(folder / "glove.6B.100d.sample.txt")
    people = read_vectors(folder / "glove.6B.100d.people.txt")
    assert (common.matrix.shape, people.matrix.shape) == ((100, 100), (171, 100))
    shared = sorted(set(common.tokens) & set(people.tokens))
    assert len(shared) == 4
    for token in shared:
        place, other = common.tokens.index(token), people.tokens.index(token)
        np.testing.assert_array_equal(common.matrix[place], people.matrix[other])


def test_king_is_to_man_as_queen_is_to_woman(real_data):
    vectors = read_vectors(real_data("wordvec") / "glove.6B.100d.people.txt")
    row = dict(zip(vectors.tokens, vectors.matrix, strict=True))
    target = row["king"] - row["man"] + row["woman"]
    others = [token for token in vectors.tokens if token not in {"king", "man", "woman"}]

    def cosine(token):
        return float(row[token] @ target / (np.linalg.norm(row[token]) * np.linalg.norm(target)))

    assert max(others, key=cosine) == "queen"


def test_only_the_first_rows_are_looked_at_when_asked(write):
    for path in (write(SMALL), write("3 3\n" + SMALL, "counted.txt")):
        assert [read_vectors(path, first=first).tokens for first in (1, 2, 9)] == [
            ("the",),
            ("the", "of"),
            ("the", "of", "."),
        ]


def test_in_lower_case_the_first_vector_of_a_word_counts(write):
    found = read_vectors(write("Paris 1 2\nparis 3 4\nOslo 5 6\n"), lowercase=True)
    assert (found.tokens, found.matrix.tolist()) == (("paris", "oslo"), [[1, 2], [5, 6]])
    assert read_vectors(write("Paris 1 2\n"), wanted={"paris"}, lowercase=True).tokens == ("paris",)


def test_a_number_with_an_underscore_is_none(write):
    with pytest.raises(DataError, match=r"line 2 of .*: expected 2 numbers, found '1_0'"):
        read_vectors(write("a 1 2\nb 1_0 2\n"))
