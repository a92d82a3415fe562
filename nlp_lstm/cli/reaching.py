"""The view of a gradient report: how far errors reach back, for a terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from nlp_lstm.cli.inspecting import BARS
from nlp_lstm.inspection import Curve, GradientReport
from nlp_lstm.text.visible import visible

PLACES = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
"""Steps back at which numbers are shown."""
CHART_WIDTH = 32
DECADES = 6
"""Powers of ten above and below the last step's norm that the chart spans."""


def reach_view(report: GradientReport) -> RenderableType:
    """Return the report for a terminal."""
    places = [place for place in PLACES if place < len(report.curves[0].norms)]
    numbers, chart = _table(), _table()
    for table in (numbers, chart):
        table.add_column("", justify="right", no_wrap=True)
    for place in places:
        numbers.add_column(f"k={place}", justify="right", no_wrap=True)
    chart.add_column(f"from k=0 to k={len(report.curves[0].norms) - 1}, 10^-{DECADES} to 10^{DECADES}", no_wrap=True)
    chart.add_column("the error", no_wrap=True)
    for curve in report.curves:
        numbers.add_row(curve.name, *(f"{curve.norms[place]:.1e}" for place in places))
        chart.add_row(curve.name, log_course(curve.relative), curve.fate)
    title = f"‖∂loss/∂h‖ k steps before the last, layer {report.layer}; loss: minus the {visible(report.of)}"
    limit = f"clipping at norm {report.clip_norm:g}" if report.clip_norm else "training, which sets no limit"
    clips = [Text(f"  {curve.name}: {clip_line(curve)}") for curve in report.curves]
    return Group(
        Text(title, style="bold"),
        numbers,
        "",
        chart,
        "",
        Text(f"gradient by all recurrent weights, and after {limit}:"),
        *clips,
        *(Text(f"note: {note}") for note in report.notes),
    )


def clip_line(curve: Curve) -> str:
    """Return what clipping does to a network's gradient, in words."""
    if not math.isfinite(curve.weight_norm):
        return "too large for a number: clipping cannot mend it"
    factor = curve.clipped_norm / curve.weight_norm if curve.weight_norm else 1.0
    change = f"clipped to {curve.clipped_norm:.3g}, × {factor:.2g}" if factor < 1.0 else "not clipped"
    return f"{curve.weight_norm:.3g}, {change}"


def log_course(relative: Sequence[float], *, width: int = CHART_WIDTH) -> str:
    """Return the course of positive numbers on a logarithmic scale; one as large as the first is in the middle.

    >>> log_course([1.0, 1e-3, 1e-9, 1e9])
    '▅▃▁█'
    """
    count = min(width, len(relative))
    chosen = [relative[len(relative) * place // count] for place in range(count)]
    return "".join(map(_level, chosen))


def _level(value: float) -> str:
    """Return a bar for a positive number; one too large for a number is the highest, no number is a question mark."""
    if math.isnan(value):
        return "?"
    level = (math.log10(min(max(value, 10.0**-DECADES), 10.0**DECADES)) + DECADES) / (2 * DECADES)
    return BARS[min(int(len(BARS) * level), len(BARS) - 1)]


def _table() -> Table:
    return Table(box=None, padding=(0, 0, 0, 1), pad_edge=False, header_style="dim")
