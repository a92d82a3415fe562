"""A comparison of cells as a chart, drawn by matplotlib where it is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nlp_lstm.stages.comparison import Comparison


def draw_chart(comparison: Comparison) -> Figure:
    """Return the scores of every run, and what each cell costs."""
    from matplotlib.figure import Figure  # optional: only when it is used

    titles = comparison.headline
    figure = Figure(figsize=(3.2 * (len(titles) + 2), 3.4), layout="constrained")
    figure.suptitle(f"{comparison.recipe}: {comparison.n_weights:,} weights within 2 %, {comparison.split}")
    axes = figure.subplots(1, len(titles) + 2)
    for place, (title, name) in zip(axes, titles.items(), strict=False):
        _draw_scores(place, comparison, title, name)
    pace = [cell.median(lambda run: run.tokens_per_second) or 0.0 for cell in comparison.cells]
    _draw_bars(axes[-2], comparison, "training tokens/s", pace)
    _draw_bars(axes[-1], comparison, "latency, ms", [cell.latency_ms or 0.0 for cell in comparison.cells])
    return figure


def _draw_scores(axes: Any, comparison: Comparison, title: str, name: str) -> None:
    """Draw a point for each run, and each cell's mean with its standard deviation."""
    for place, cell in enumerate(comparison.cells):
        scores = cell.scores(name)
        axes.plot([place] * len(scores), scores, "o", color="0.65", markersize=4)
        middle, spread = cell.mean(name), cell.spread(name)
        if middle is not None:
            axes.errorbar(place, middle, yerr=spread or 0.0, fmt="_", color="C0", markersize=18, capsize=4)
    _name_cells(axes, comparison, title)


def _draw_bars(axes: Any, comparison: Comparison, title: str, values: list[float]) -> None:
    axes.bar(range(len(values)), values, color="C0", width=0.6)
    _name_cells(axes, comparison, title)


def _name_cells(axes: Any, comparison: Comparison, title: str) -> None:
    names = [cell.cell for cell in comparison.cells]
    axes.set_xticks(range(len(names)), names, rotation=30 if sum(map(len, names)) > 24 else 0)
    axes.set_xlim(-0.6, len(names) - 0.4)
    axes.set_title(title, fontsize=10)
