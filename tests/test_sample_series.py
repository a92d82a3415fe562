"""The sample series in `data/` are what their READMEs say they are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nlp_lstm.config import DataSettings
from nlp_lstm.corpora.series_reading import read_series

DATA = Path(__file__).parents[1] / "data"
COLUMNS = {"visitors": ("library", "museum", "pool"), "room": ("heating", "window", "room")}


@pytest.mark.parametrize("name", COLUMNS)
def test_the_lines_of_the_readme_make_the_file(name, tmp_path, monkeypatch):
    (lines,) = re.findall(r"```python\n(.*?)```", (DATA / name / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(lines, {})
    assert (tmp_path / f"{name}.csv").read_bytes() == (DATA / name / f"{name}.csv").read_bytes()


@pytest.mark.parametrize("name", COLUMNS)
def test_the_table_of_the_readme_says_what_the_file_holds(name):
    readme = (DATA / name / "README.md").read_text(encoding="utf-8")
    ((file, n_rows, begin, end),) = re.findall(r"\| (\S+\.csv) \| (\d+) \| (\S+ \S+) \| (\S+ \S+) \|", readme)
    series = read_series(str(DATA / name / file), DataSettings())
    assert (len(series), series.times[0], series.times[-1]) == (int(n_rows), begin, end)
    assert (series.columns, series.notes) == (COLUMNS[name], ())


def test_what_no_one_can_foresee_of_the_room_is_off_by_a_fortieth_of_a_degree():
    """What is left of each step by the formula; the digits that are cut off add less than 0.01."""
    rows = read_series(str(DATA / "room" / "room.csv"), DataSettings()).values
    heating, window, room = rows.T
    gained = 0.6 * heating[6:-1][: len(room) - 7]
    begin = len(room) - 1 - len(gained)
    before = heating[begin - 6 : begin - 6 + len(gained)]
    step = 0.6 * before - (0.03 + 0.12 * window[begin:-1]) * (room[begin:-1] - 5.0)
    left = abs(room[begin + 1 :] - room[begin:-1] - step)
    assert left.max() < 0.0625 and 0.024 < left.mean() < 0.026
