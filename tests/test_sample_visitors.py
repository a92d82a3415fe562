"""The sample data in `data/visitors` is what its README says it is."""

from __future__ import annotations

import re
from pathlib import Path

from nlp_lstm.config import DataSettings
from nlp_lstm.corpora.series_reading import read_series

FOLDER = Path(__file__).parents[1] / "data" / "visitors"
README = (FOLDER / "README.md").read_text(encoding="utf-8")


def test_the_lines_of_the_readme_make_the_file(tmp_path, monkeypatch):
    (lines,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(lines, {})
    assert (tmp_path / "visitors.csv").read_bytes() == (FOLDER / "visitors.csv").read_bytes()


def test_the_table_of_the_readme_says_what_the_file_holds():
    ((name, n_rows, begin, end),) = re.findall(r"\| (\S+\.csv) \| (\d+) \| (\S+ \S+) \| (\S+ \S+) \|", README)
    series = read_series(str(FOLDER / name), DataSettings())
    assert (len(series), series.times[0], series.times[-1]) == (int(n_rows), begin, end)
    assert series.columns == ("library", "museum", "pool")
    assert series.notes == ()
