"""Rows of numbers and the rows that follow on them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from nlp_lstm.corpora.series import FutureRows, Series
from nlp_lstm.errors import DataError


def made(n_rows: int = 10) -> Series:
    values = np.arange(2.0 * n_rows).reshape(n_rows, 2)
    return Series(values, ("a", "b"), tuple(f"2024-01-{day:02}" for day in range(1, n_rows + 1)), "day", source="f.csv")


def test_columns_are_found_by_name_in_any_order():
    assert made(2).select(["b", "a"]).tolist() == [[1.0, 0.0], [3.0, 2.0]]
    with pytest.raises(DataError, match=r"^f\.csv: no column 'c'; known: a, b$"):
        made().select(["a", "c"])


def test_a_split_leaves_the_rows_before_to_look_back_on():
    before, after = made().split(0.3)
    assert (len(before), before.first, len(before.times)) == (7, 0, 7)
    assert (len(after), after.first) == (10, 7)
    again, rest = after.split(0.5)  # two parts of what is to be foreseen
    assert (again.first, len(again), rest.first, len(rest)) == (7, 9, 9, 10)


def test_a_split_leaves_a_row_on_both_sides():
    for fraction in (0.001, 0.999):
        before, after = made(2).split(fraction)
        assert (len(before), after.first) == (1, 1)
    with pytest.raises(DataError, match="has 1 rows; expected two or more"):
        made(1).split(0.5)


@pytest.mark.parametrize("rows", [{"a": [1, 2], "b": [3, 4]}, [[1, 3], [2, 4]], np.array([[1, 3], [2, 4]])])
def test_rows_come_as_lists_arrays_and_mappings(rows):
    found = Series.of(rows, ["a", "b"], times=[1, 2])
    assert found.values.tolist() == [[1.0, 3.0], [2.0, 4.0]]
    assert (found.columns, found.times) == (("a", "b"), ("1", "2"))


def test_a_single_column_may_be_a_plain_list():
    assert Series.of([1, 2, 3], ["a"]).values.tolist() == [[1.0], [2.0], [3.0]]


@pytest.mark.parametrize(
    ("rows", "columns", "times", "message"),
    [
        ([[1, 2]], ["a"], [], r"values must be \(rows, 1\), not \(1, 2\)"),
        ([[1.0], [float("nan")]], ["a"], [], "every number must be finite"),
        ([[1.0], [float("inf")]], ["a"], [], "every number must be finite"),
        ([[1], [2]], ["a"], ["x"], "a time for each of 2 rows, not 1"),
    ],
)
def test_parts_that_do_not_fit_are_refused(rows, columns, times, message):
    with pytest.raises(ValueError, match=message):
        Series.of(rows, columns, times=times)


def test_nobody_changes_a_series_and_its_name_tells_its_content():
    series = made()
    with pytest.raises(ValueError, match="read-only"):
        series.values[0, 0] = 5.0
    other = Series(series.values + np.eye(10, 2), series.columns, series.times)
    assert repr(series) == repr(made()) != repr(other)
    assert repr(series) != repr(made().split(0.5)[1])


def test_a_forecast_goes_on_with_the_times_in_the_units_of_the_columns():
    found = FutureRows.after(made(), ("b", "a"), np.array([[1234567.8, 0.1], [2.0, -1e-5]]))
    assert found.table() == [["day", "b", "a"], ["2024-01-11", "1234568", "0.1"], ["2024-01-12", "2", "-0.00001"]]
    assert json.loads(json.dumps(found.to_dict())) == {
        "forecast": [{"day": "2024-01-11", "b": 1234567.8, "a": 0.1}, {"day": "2024-01-12", "b": 2.0, "a": -1e-5}]
    }
    assert found.to_text() == "day b a; 2024-01-11 1234568 0.1; 2024-01-12 2 -0.00001"
    assert found.cells() == ["1234568 2", "0.1 -0.00001"]


def test_quantiles_stand_behind_their_column():
    values = np.array([[1.0, 10.0], [2.0, 20.0]])
    found = FutureRows.after(made(), ("b", "a"), values, quantiles={0.25: values - 0.5, 0.9: values + 0.5})
    assert found.table()[:2] == [
        ["day", "b", "b_q0.25", "b_q0.9", "a", "a_q0.25", "a_q0.9"],
        ["2024-01-11", "1", "0.5", "1.5", "10", "9.5", "10.5"],
    ]
    assert found.to_dict()["forecast"][1] == {
        "day": "2024-01-12",
        "b": 2.0,
        "a": 20.0,
        "quantiles": {"0.25": {"b": 1.5, "a": 19.5}, "0.9": {"b": 2.5, "a": 20.5}},
    }
    assert found != FutureRows.after(made(), ("b", "a"), values)
    with pytest.raises(ValueError, match="read-only"):
        found.quantiles[0.9][0] = 0.0
