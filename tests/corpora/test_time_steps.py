"""How times are written, whether their steps are equal, and how they go on."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from nlp_lstm.corpora.time_steps import go_on, study_times

FORMATS = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M:%S", "%d.%m.%Y %H:%M"]


@pytest.mark.parametrize("pattern", FORMATS)
@pytest.mark.parametrize("step", [timedelta(minutes=15), timedelta(hours=1), timedelta(days=1), timedelta(days=30)])
def test_times_go_on_as_they_are_written(pattern, step):
    begin = datetime(2016, 2, 27, 21, 45)
    texts = [f"{begin + number * step:{pattern}}" for number in range(40)]
    assert go_on(texts[:25], 15) == texts[25:]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["2024-02-28", "2024-02-29"], ["2024-03-01", "2024-03-02"]),
        (["1960-11", "1960-12"], ["1961-01", "1961-02"]),
        (["2023-08", "2023-11", "2024-02"], ["2024-05", "2024-08"]),
        (["2023-11-30", "2023-12-31"], ["2024-01-31", "2024-02-29"]),
        (["2024-01-31", "2024-02-29", "2024-03-31"], ["2024-04-30", "2024-05-31"]),
        (["2023-01-15", "2023-02-15"], ["2023-03-15", "2023-04-15"]),
        (["2020-02-29", "2021-02-28"], ["2022-02-28", "2023-02-28"]),
        (["2023-11-30", "2023-12-30", "2024-01-30", "2024-02-29"], ["2024-03-30", "2024-04-30"]),
        (["1999", "2000"], ["2001", "2002"]),
        (["0", "5", "10"], ["15", "20"]),
        (["2024-03-31T01:00:00+01:00", "2024-03-31T02:00:00+01:00"], ["2024-03-31T03:00:00+01:00"]),
        (["2024-01-01 00:00:00.500", "2024-01-01 00:00:01.000"], ["2024-01-01 00:00:01.500"]),
    ],
)
def test_months_years_and_numbers_go_on(texts, expected):
    assert go_on(texts, len(expected)) == expected


@pytest.mark.parametrize(
    "texts",
    [
        [],
        ["2024-01-01"],
        ["yesterday", "today"],
        ["01/02/2024", "02/02/2024"],
        ["2024-01-01", "2024-01-02", "2024-01-03 00:00"],
    ],
)
def test_times_that_are_not_known_are_counted(texts):
    assert study_times(texts).uneven is None or texts[0] == "2024-01-01"
    assert go_on(texts, 3) == ["+1", "+2", "+3"]


@pytest.mark.parametrize(
    ("texts", "row", "n_steps"),
    [
        (["2024-01-01", "2024-01-02", "2024-01-04", "2024-01-05"], 2, 1),
        (["2024-01-01", "2024-01-02", "2024-01-02", "2024-01-02"], 2, 2),
        (["2024-01-02", "2024-01-02", "2024-01-02"], 1, 2),
        (["2024-01", "2024-02", "2024-04"], 2, 1),
        (["1", "2", "3", "2"], 3, 1),
    ],
)
def test_a_step_that_differs_is_found(texts, row, n_steps):
    found = study_times(texts)
    assert found.uneven == (row, n_steps)
    assert found.step is None
    assert go_on(texts, 1) == ["+1"]


@pytest.mark.parametrize(
    ("texts", "season"),
    [
        (["2024-01-01 00:00", "2024-01-01 01:00"], 24),
        (["2024-01-01 00:00", "2024-01-01 00:15"], 96),
        (["2024-01-01", "2024-01-02"], 7),
        (["2024-01", "2024-02"], 12),
        (["2024-01", "2024-04"], 4),
        (["2024-01-01 00:00", "2024-01-01 05:00"], None),
        (["2024-01-01", "2025-01-01"], None),
        (["1", "2"], None),
    ],
)
def test_the_season_is_the_day_the_week_or_the_year(texts, season):
    assert study_times(texts).step.season() == season
