"""Sources that name some rows of a table."""

from __future__ import annotations

import pytest

from nlp_lstm.corpora.row_ranges import RowRange, split_range


@pytest.mark.parametrize("rows", [(0, 7), (7, 10), (3, 3), (0, 10)])
def test_rows_are_counted_as_python_counts_them(rows):
    path, found = split_range(f"some/a.csv[{rows[0]}:{rows[1]}]")
    assert path == "some/a.csv"
    assert list(range(10))[slice(*found.of(10))] == list(range(*rows))


def test_parts_in_percent_meet_without_a_gap():
    for n_rows in (1, 7, 99, 1000):
        ends = [RowRange(f"{part}%", f"{part + 10}%").of(n_rows) for part in range(0, 100, 10)]
        assert [begin for begin, _ in ends] == [0, *(end for _, end in ends[:-1])]
        assert ends[-1][1] == n_rows


@pytest.mark.parametrize("source", ["a.csv", "a.csv[1]", "a.csv[a:b]", "a[1:2].csv", "a.csv[-1:]", "[1:2]", "hf:x[1:2"])
def test_what_names_no_rows_is_a_plain_source(source):
    assert split_range(source) == (source, RowRange())
