"""Charts of forecasts: of known numbers, on terminals, on a page and as pictures."""

from __future__ import annotations

import io
import re
from importlib.util import find_spec

import numpy as np
import pytest
from rich.console import Console

from nlp_lstm.cli.curves import curves_of
from nlp_lstm.cli.forecast_picture import draw_forecast
from nlp_lstm.cli.foreseeing import HEIGHT, Chart, ForecastCharts, Rows
from nlp_lstm.cli.plotting import save_plot
from nlp_lstm.corpora.reading import Record
from nlp_lstm.corpora.series import FutureRows, Series

RISING = np.arange(60.0)[:, None]
SERIES = Series(np.concatenate([RISING, -RISING], 1), ("up", "<b>$x$"), tuple(f"t{row}" for row in range(60)), "at")


def forecast(horizon: int = 30, *, band: float | None = 10.0) -> FutureRows:
    """Return a forecast that goes on with the two lines."""
    values = 60.0 + np.arange(horizon)[:, None] * [[1.0, 1.0]]
    values[:, 1] *= -1
    quantiles = {} if band is None else {0.1: values - band, 0.5: values.copy(), 0.9: values + band}
    times = tuple(f"t{row}" for row in range(60, 60 + horizon))
    return FutureRows(SERIES.columns, times, "at", values, quantiles)


def shown(what, width: int = 80) -> list[str]:
    console = Console(file=io.StringIO(), width=width, color_system=None, highlight=False, markup=False)
    with console.capture() as captured:
        console.print(what)
    return [line.rstrip() for line in captured.get().split("\n")]


def test_a_curve_holds_the_last_rows_and_what_is_foreseen():
    up, down = curves_of(SERIES, forecast(10))
    assert up.seen.tolist() == list(range(36, 60)) and up.expected.tolist() == list(range(60, 70))
    assert down.band.tolist() == [[-70.0 - step for step in range(10)], [-50.0 - step for step in range(10)]]
    assert (up.levels, up.ticks, up.bounds) == ((0.1, 0.9), ("t36", "t59", "t69"), (36.0, 79.0))
    assert len(curves_of(SERIES, forecast(25))[0].seen) == 50
    assert curves_of(SERIES, forecast(10, band=None))[0].band is None
    bare = curves_of(Series(SERIES.values, SERIES.columns), forecast(10))[0]
    assert bare.ticks == ("-23", "0", "t69")


def test_equal_numbers_have_room_around_them():
    flat = Series(np.full((30, 1), 5.0), ("a",))
    (curve,) = curves_of(flat, FutureRows(("a",), ("+1",), "time", np.full((1, 1), 5.0)))
    assert curve.bounds == (2.5, 7.5)
    assert any("⠤" in line or "⠒" in line or "⠉" in line for line in shown(Chart(curve)))


def test_a_rising_line_rises_across_the_chart_and_leaves_no_column_out():
    (curve, _) = curves_of(SERIES, forecast(30, band=None))
    title, *lines = shown(Chart(curve))
    assert title == "up: 60 rows seen, 30 foreseen"
    canvas = [line.partition("│")[2] for line in lines[:HEIGHT]]
    width = 80 - 2 - 2
    columns = [[row for row in range(HEIGHT) if canvas[row].ljust(width)[column] != " "] for column in range(width)]
    assert all(columns) and [max(rows) for rows in columns] == sorted((max(rows) for rows in columns), reverse=True)
    assert columns[0] == [HEIGHT - 1] and columns[-1] == [0]
    assert (lines[0].split("│")[0].strip(), lines[HEIGHT - 1].split("│")[0].strip()) == ("89", "0")


def test_a_band_is_shaded_where_something_is_foreseen_only():
    (curve, _) = curves_of(SERIES, forecast(30))
    _, *lines = shown(Chart(curve))
    foot = lines[HEIGHT]
    now = foot.index("┴")
    assert now == pytest.approx(len(foot) * 2 / 3, abs=4)
    shades = [line.index("░") for line in lines[:HEIGHT] if "░" in line]
    assert shades and min(shades) > now
    assert lines[HEIGHT + 1].split() == ["t0", "t59", "t89"]


def test_the_rows_beside_their_quantiles_where_there_is_room():
    wide = shown(Rows(forecast(2)))
    assert wide[0].split() == ["at", "up", "q0.1", "to", "q0.9", "<b>$x$", "q0.1", "to", "q0.9"]
    assert wide[1].split() == ["t60", "60", "50", "to", "70", "-60", "-70", "to", "-50"]
    narrow = shown(Rows(forecast(2)), width=30)
    assert narrow[:2] == ["at   up  <b>$x$", "t60  60     -60"]


def test_a_page_holds_drawings_and_rows_and_nothing_from_elsewhere():
    page = ForecastCharts().page(Record("", {}, numbers=SERIES), forecast(30))
    assert page.count("<svg") == page.count("<polygon") == page.count('class="foreseen"') == 2
    assert "<b>" not in page and "&lt;b&gt;$x$: 60 rows seen" in page
    assert not re.search(r"https?:|<script|url\(|src=", page)
    points = [each.split(",") for each in re.findall(r'"foreseen" points="([^"]*)"', page)[0].split()]
    ups = [float(y) for _, y in points]
    assert len(points) == 31 and ups == sorted(ups, reverse=True)  # from the last that was seen; up is less
    assert page.count("<tr><td>") == 30


@pytest.mark.skipif(find_spec("matplotlib") is None, reason="needs matplotlib")
@pytest.mark.parametrize("band", [None, 10.0])
@pytest.mark.parametrize(("ending", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_a_picture_is_drawn_and_is_the_same_again(tmp_path, ending, start, band):
    found = []
    for name in "ab":
        save_plot(draw_forecast(SERIES, forecast(band=band)), tmp_path / f"{name}.{ending}")
        found.append((tmp_path / f"{name}.{ending}").read_bytes())
    assert found[0].startswith(start)
    assert ending == "svg" or found[0] == found[1]  # ids in SVG are drawn at random


@pytest.mark.skipif(find_spec("matplotlib") is None, reason="needs matplotlib")
def test_a_picture_shows_the_numbers():
    figure = draw_forecast(SERIES, forecast(30))
    first, second = figure.axes
    seen, foreseen, _ = first.lines
    assert seen.get_ydata().tolist() == list(range(60)) and foreseen.get_ydata().tolist() == list(range(59, 90))
    assert second.get_title() == "<b>$x$: 60 rows seen, 30 foreseen, the band from quantile 0.1 to 0.9"
