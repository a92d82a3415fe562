"""The view of a forecaster: a chart of each column and the rows that are expected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from nlp_lstm.cli.curves import Curve, curves_of
from nlp_lstm.corpora.reading import Record
from nlp_lstm.corpora.series import FutureRows
from nlp_lstm.text.visible import visible

HEIGHT, WIDEST = 10, 100
"""Lines of a chart on a terminal, and its columns at most."""
FORESEEN = "bold #2178c4"
"""Of a lightness that can be seen on dark terminals and light ones."""
BAND = "░"
DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
"""The bit of each dot of a Braille sign, (4 down, 2 across)."""
WIDTH, TALL, LEFT, RIGHT, TOP, BOTTOM = 760, 220, 70, 10, 10, 24
"""Of a chart on a page: its size, and the room around it."""


class ForecastCharts:
    """Shows each forecast as a chart for each column, then as a table."""

    options: ClassVar[Mapping[str, Any]] = {}
    style: ClassVar[str] = """section { border-top: 1px solid #ccc; padding: 0.7em 0; }
h2 { font-size: 1em; margin: 1em 0 0.3em; font-weight: normal; }
svg { width: 100%; height: auto; font: 12px sans-serif; }
polyline { fill: none; stroke-width: 1.5; stroke: #555; }
polyline.foreseen { stroke: #174ea6; stroke-width: 2; }
polygon { fill: rgb(23 78 166 / 18%); print-color-adjust: exact; }
line { stroke: #bbb; }
div { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.85em; }
th { font-weight: normal; text-align: right; padding: 0 0.6em; }
td { text-align: right; border: 1px solid #eee; padding: 0 0.6em; }
"""

    def show(self, record: Record, found: FutureRows) -> RenderableType:
        """Return the charts and the rows for a terminal."""
        return Group(*(Chart(curve) for curve in curves_of(record.numbers, found)), Rows(found), "")

    def page(self, record: Record, found: FutureRows) -> str:
        """Return the charts as drawings, and the rows, which can be unfolded."""
        charts = "".join(map(_drawing, curves_of(record.numbers, found)))
        header, *rows = ("".join(f"<td>{escape(visible(cell))}" for cell in row) for row in found.table())
        body = "".join(f"<tr>{row}\n" for row in rows)
        return (
            f"<section>\n{charts}<details><summary>the rows foreseen</summary><div><table>"
            f"<thead><tr>{header.replace('<td>', '<th scope=col>')}</thead>\n<tbody>\n{body}</tbody></table></div>"
            "</details>\n</section>"
        )

    def line_of(self, found: FutureRows) -> FutureRows:
        """Return the forecast: nothing is asked for besides."""
        return found


class Chart:
    """A column for a terminal: a line of Braille dots, what is foreseen in a colour, its band shaded."""

    def __init__(self, curve: Curve) -> None:
        self.curve = curve

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        curve = self.curve
        low, high = curve.bounds
        labels = [f"{high:.6g}", *[""] * (HEIGHT - 2), f"{low:.6g}"]
        room = max(map(len, labels))
        width = max(8, min(WIDEST, options.max_width) - room - 2)
        now = round((len(curve.seen) - 1) * (width - 1) / (len(curve.seen) + len(curve.expected) - 1))
        yield Text(visible(curve.legend))
        for label, line in zip(labels, self._lines(width, now), strict=True):
            yield Text(f"{label:>{room}} │") + line
        yield Text(f"{'':{room}} └{'─' * now}┴{'─' * (width - now - 1)}")
        yield from (Text(f"{'':{room}}  {line}") for line in tick_lines(curve.ticks, now, width))
        yield ""

    def _lines(self, width: int, now: int) -> list[Text]:
        """Return the lines, from the top down; what was seen ends in column `now`."""
        curve = self.curve
        numbers = np.concatenate([curve.seen, curve.expected])
        dots = _dots(numbers, curve.bounds, width)
        shaded = np.zeros((HEIGHT, width), dtype=bool)
        if curve.band is not None:
            shaded = _shaded(curve, width) & (np.arange(width) > now)
        lines = []
        for signs, band in zip(dots, shaded, strict=True):
            line = Text()
            for column, (sign, inside) in enumerate(zip(signs, band, strict=True)):
                text = chr(0x2800 + int(sign)) if sign else BAND if inside else " "
                line.append(text, style=FORESEEN if column > now else "")
            lines.append(line)
        return lines


class Rows:
    """The rows foreseen, for a terminal: each column and, where there is room, its outermost quantiles."""

    def __init__(self, found: FutureRows) -> None:
        self.found = found

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        found = self.found
        levels = (min(found.quantiles), max(found.quantiles)) if len(found.quantiles) > 1 else None
        table = self._table(levels)
        fits = (
            levels is None or console.measure(table, options=options.update(width=10_000)).maximum <= options.max_width
        )
        yield table if fits else self._table(None)

    def _table(self, levels: tuple[float, float] | None) -> Table:
        found = self.found
        table = Table(box=None, padding=(0, 0, 0, 2), pad_edge=False, header_style="dim")
        table.add_column(Text(visible(found.time_column)), overflow="fold")
        for name in found.columns:
            table.add_column(Text(visible(name)), justify="right", overflow="fold")
            if levels is not None:
                table.add_column(f"q{levels[0]:g} to q{levels[1]:g}", overflow="fold")
        for row, time in enumerate(found.times):
            table.add_row(Text(visible(time)), *self._cells(row, levels))
        return table

    def _cells(self, row: int, levels: tuple[float, float] | None) -> Iterator[Text]:
        for column, value in enumerate(self.found.values[row]):
            yield Text(f"{value:.5g}")
            if levels is not None:
                low, high = (self.found.quantiles[level][row, column] for level in levels)
                yield Text(f"{low:.5g} to {high:.5g}")


def tick_lines(ticks: tuple[str, str, str], now: int, width: int) -> list[str]:
    """Return the times below a chart, the middle one at `now`, in as many lines as they need to stand apart.

    >>> tick_lines(("Jan", "Feb", "Mar"), 9, 15)
    ['Jan     Feb Mar']
    >>> tick_lines(("2024-01-01", "2024-02-01", "2024-03-01"), 9, 15)
    ['2024-01-01', '    2024-02-01', '     2024-03-01']
    """
    starts = (0, max(0, now - len(ticks[1]) // 2), max(0, width - len(ticks[2])))
    lines = [""]
    for start, tick in zip(starts, ticks, strict=True):
        if lines[-1] and start <= len(lines[-1]):
            lines.append("")
        lines[-1] = f"{lines[-1]:{start}}{tick}"
    return lines


def _dots(numbers: NDArray[np.float64], bounds: tuple[float, float], width: int) -> NDArray[np.int64]:
    """Return the bits of the Braille signs, int64 (HEIGHT, width), that draw a line through numbers."""
    places = np.interp(np.linspace(0, len(numbers) - 1, 2 * width), np.arange(len(numbers)), numbers)
    heights = _heights(places, bounds)  # dots from the top
    signs = np.zeros((HEIGHT, width), dtype=np.int64)
    for column, height in enumerate(heights):
        before = heights[column - 1] if column else height
        way = height - before
        first = before + int(np.sign(way)) if abs(way) > 1 else height  # a steep line leaves no hole
        for dot in range(min(first, height), max(first, height) + 1):
            signs[dot // 4, column // 2] |= DOTS[dot % 4, column % 2]
    return signs


def _heights(values: NDArray[np.float64], bounds: tuple[float, float]) -> NDArray[np.int64]:
    """Return at which dot from the top each value stands."""
    low, high = bounds
    shares = (high - values) / (high - low)
    return np.clip(np.rint(shares * (4 * HEIGHT - 1)), 0, 4 * HEIGHT - 1).astype(np.int64)


def _shaded(curve: Curve, width: int) -> NDArray[np.bool_]:
    """Return at which heights, (HEIGHT, width), the band lies; it opens at the last number that was seen."""
    assert curve.band is not None
    n_seen = len(curve.seen)
    rows = np.linspace(0, n_seen + len(curve.expected) - 1, width)
    at = np.arange(n_seen - 1, n_seen + len(curve.expected))
    edges = [np.interp(rows, at, np.concatenate([curve.seen[-1:], edge])) for edge in curve.band]
    bottom, top = (_heights(edge, curve.bounds) // 4 for edge in edges)
    lines = np.arange(HEIGHT)[:, None]
    return (lines >= top) & (lines <= bottom)


def _drawing(curve: Curve) -> str:
    """Return a column as a drawing in SVG."""
    n_seen, n_rows = len(curve.seen), len(curve.seen) + len(curve.expected)
    low, high = curve.bounds

    def points(begin: int, values: NDArray[np.float64]) -> list[str]:
        across = LEFT + (begin + np.arange(len(values))) * (WIDTH - LEFT - RIGHT) / max(1, n_rows - 1)
        down = TOP + (high - values) / (high - low) * (TALL - TOP - BOTTOM)
        return [f"{x:.1f},{y:.1f}" for x, y in zip(across, down, strict=True)]

    parts = []
    last = curve.seen[-1:]
    if curve.band is not None:
        lower, upper = (points(n_seen - 1, np.concatenate([last, edge])) for edge in curve.band)
        parts.append(f'<polygon points="{" ".join([*upper, *lower[::-1]])}"/>')
    parts.append(f'<polyline points="{" ".join(points(0, curve.seen))}"/>')
    foreseen = " ".join(points(n_seen - 1, np.concatenate([last, curve.expected])))
    parts.append(f'<polyline class="foreseen" points="{foreseen}"/>')
    now = points(n_seen - 1, last)[0].partition(",")[0]
    foot = TALL - BOTTOM
    parts.append(f'<line x1="{LEFT}" y1="{foot}" x2="{WIDTH - RIGHT}" y2="{foot}"/>')
    parts.append(f'<line x1="{now}" y1="{TOP}" x2="{now}" y2="{foot}"/>')
    parts += [
        f'<text x="{LEFT - 6}" y="{y}" text-anchor="end">{number:.6g}</text>'
        for y, number in ((TOP + 8, high), (foot, low))
    ]
    places = ((str(LEFT), "start"), (now, "middle"), (str(WIDTH - RIGHT), "end"))
    parts += [
        f'<text x="{x}" y="{TALL - 6}" text-anchor="{anchor}">{escape(visible(tick))}</text>'
        for (x, anchor), tick in zip(places, curve.ticks, strict=True)
    ]
    title = escape(visible(curve.legend))
    body = "\n".join(parts)
    return f'<h2>{title}</h2>\n<svg viewBox="0 0 {WIDTH} {TALL}" role="img" aria-label="{title}">\n{body}\n</svg>\n'
