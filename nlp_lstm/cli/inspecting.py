"""The view of an inspection: on a terminal and as a part of a page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, ClassVar

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from nlp_lstm.cli.aligning import AlignmentGrid, shown
from nlp_lstm.cli.inspection_page import STYLE, page_of
from nlp_lstm.corpora.reading import Record
from nlp_lstm.inspection import Decision, Inspection, Layer, Part
from nlp_lstm.text.visible import visible

BARS = "▁▂▃▄▅▆▇█"
BAR_WIDTH = 10
"""Columns of the largest share, to each side."""
LINE_WIDTH = 48
"""Columns of a gate's course over the tokens; of a longer text each stands for several."""
STEP_WIDTH = 45
"""Columns of what a layer reads at a step where that is several rows: two times and a sign between."""
FOR, AGAINST = ("blue", "bold blue"), ("dark_orange", "bold dark_orange")
"""Colours of tokens that speak for and against, weak and strong."""


class InspectedText:
    """Shows what a prediction rests on, token by token, and the course of every gate.

    Args:
        layer: the layer whose gates are shown at each token, counted from 1; None shows their courses alone.
    """

    options: ClassVar[Mapping[str, Any]] = {}
    style: ClassVar[str] = STYLE

    def __init__(self, *, layer: int | None = None) -> None:
        self.layer = layer

    def show(self, record: Record, found: Inspection) -> RenderableType:
        """Return the inspection for a terminal."""
        without = found.attribution.without
        parts: list[RenderableType] = [
            *(Text(line) for line in headline(found)),
            "",
            _coloured(found),
            Text(f"+ and blue speak for it, - and orange against it; with the score {without} they add up to it"),
            "",
            _tokens(found),
        ]
        for layer in found.layers:
            parts += ["", Text(layer.title, style="bold"), _courses(layer)]
            if self.layer is not None:
                parts.append(_gates(found.steps_of(layer), layer))
                attended = found.attended(layer)
                parts += [] if attended is None else [AlignmentGrid(attended)]
        parts += [AlignmentGrid(each) for each in found.alignments]
        return Group(*parts, *(Text(f"note: {note}") for note in found.notes))

    def page(self, record: Record, found: Inspection) -> str:
        """Return the inspection as a part of a page."""
        return page_of(found, headline(found))

    def line_of(self, found: Inspection) -> Inspection:
        """Return it as it is."""
        return found


def headline(found: Inspection) -> Iterator[str]:
    """Yield what is predicted, and what the shares are of, a line each."""
    said = found.prediction
    if "label" in said:
        yield f"{said['label']} {said['score']:.4f}"
    elif "tags" in said:
        pairs = zip(said["words"], said["tags"], strict=True)
        yield " ".join(f"{shown(word)}/{tag}" for word, tag in pairs)
    elif "next" in said:
        yield "next: " + ", ".join(f"{shown(each['text'])} {each['probability']:.3f}" for each in said["next"])
    elif "translation" in said:
        yield shown(said["translation"])
    elif "forecast" in said:
        row = said["forecast"][0].items()
        yield "next: " + ", ".join(
            f"{name} {value:.6g}" if isinstance(value, float) else f"{name} {value}" for name, value in row
        )
    elif "answer" in said:
        answer = said["answer"]
        yield f"answer: {answer:.4f}" if isinstance(answer, float) else f"answer: {answer}"
    each = found.attribution
    how = f"integrated gradients, {each.n_steps} of them" if each.method == "ig" else "leaving out each token"
    yield (
        f"{each.of}: {each.shown(each.score)}, {each.without} {each.shown(each.baseline)} "
        f"({how}; the shares' sum is {100 * each.error:.2g} % off)"
    )


def strongest(values: Sequence[float]) -> float:
    """Return the largest size among shares, at least so much that nothing is divided by zero."""
    return max([1e-12, *map(abs, values)])


def course(values: Sequence[float], *, most: float, width: int = LINE_WIDTH) -> str:
    """Return the course of values from 0 to `most` as a line of bars, means of several where there are many.

    >>> course([0.0, 0.5, 1.0], most=1.0)
    '▁▅█'
    >>> course([0.0, 1.0, 0.0, 1.0], most=1.0, width=2)
    '▅▅'
    """
    count = min(width, len(values))
    edges = [len(values) * place // count for place in range(count + 1)]
    means = [sum(values[a:b]) / (b - a) for a, b in pairwise(edges)]
    return "".join(BARS[min(int(len(BARS) * max(0.0, mean) / most), len(BARS) - 1)] for mean in means)


def bar(value: float, most: float) -> str:
    """Return a signed share as a bar to the left or to the right of a middle.

    >>> bar(-0.5, 1.0), bar(1.0, 1.0)
    ('     █████│', '          │██████████')
    """
    length = round(BAR_WIDTH * abs(value) / most)
    if value < 0:
        return " " * (BAR_WIDTH - length) + "█" * length + "│"
    return " " * BAR_WIDTH + "│" + "█" * length


def _coloured(found: Inspection) -> Text:
    """Return the tokens one behind the other, coloured by their shares."""
    most = strongest(found.attribution.values)
    parts = [
        (shown(token), _colour(value / most))
        for token, value in zip(found.tokens, found.attribution.values, strict=True)
    ]
    return Text(" ").join(Text(token, style=style) for token, style in parts)


def _colour(share: float) -> str:
    weak, strong = FOR if share > 0 else AGAINST
    return strong if abs(share) > 0.5 else weak if abs(share) > 0.1 else ""


def _tokens(found: Inspection) -> Table:
    """Return a row for each token: its share, and what else is known of it alone."""
    table = _plain_table()
    if found.times:
        table.add_column("", justify="right", no_wrap=True)
    table.add_column("", justify="right", max_width=24, overflow="fold")
    table.add_column("share", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True, width=2 * BAR_WIDTH + 1)
    if found.attention:
        table.add_column("attention %", justify="right")
    if found.decisions:
        for title in ("tag", "word", "move", "rival", "margin", "by words", "by moves"):
            table.add_column(title, justify="left" if title in ("tag", "rival") else "right", no_wrap=True)
    most = strongest(found.attribution.values)
    for place, (token, value) in enumerate(zip(found.tokens, found.attribution.values, strict=True)):
        colour = _colour(value / most)
        share = found.attribution.shown(value)
        cells = [Text(visible(found.times[place]))] if found.times else []
        cells += [Text(shown(token), style=colour), Text(share), Text(bar(value, most), style=colour)]
        cells += [Text(f"{100 * found.attention[place]:.0f}")] if found.attention else []
        cells += [Text(cell) for cell in decision_cells(found.decisions[place])] if found.decisions else []
        table.add_row(*cells)
    return table


def decision_cells(decision: Decision) -> list[str]:
    """Return why a word got its tag, as cells of a table."""
    own = [decision.tag, f"{decision.emission:.2f}", f"{decision.move:.2f}"]
    if decision.rival is None or decision.margin is None:
        return [*own, "-", "-", "-", "-"]
    parts = (decision.margin, decision.margin_emissions or 0.0, decision.margin_moves or 0.0)
    return [*own, decision.rival, *(f"{part:+.2f}" for part in parts)]


def _courses(layer: Layer) -> Table:
    """Return a row for each part of a cell: its numbers over all tokens, and its course."""
    table = _plain_table()
    table.add_column("", justify="right", no_wrap=True)
    for title in ("mean", "shut %", "open %", "norm"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("from the first token to the last", no_wrap=True)
    for part in layer.parts:
        numbers = [f"{_mean(part.mean):+.3f}"]
        numbers += [f"{100 * _mean(part.low):.0f}", f"{100 * _mean(part.high):.0f}", ""] if part.low else ["", ""]
        numbers += [] if part.low else [f"{_mean(part.norm):.2f}"]
        line = course(part.mean, most=1.0) if part.low else course(part.norm, most=strongest(part.norm))
        table.add_row(part.title, *numbers, line)
    return table


def _gates(steps: Sequence[str], layer: Layer) -> Table:
    """Return a row for each step: the mean of each gate, the norm of all else."""
    table = _plain_table()
    table.add_column("", justify="right", max_width=STEP_WIDTH if layer.steps else 24, overflow="fold")
    for part in layer.parts:
        table.add_column(part.title if part.low else f"|{part.title}|", justify="right", no_wrap=True)
    columns = [main_numbers(part) for part in layer.parts]
    for place, step in enumerate(steps):
        table.add_row(Text(shown(step)), *(f"{column[place]:.2f}" for column in columns))
    return table


def main_numbers(part: Part) -> Sequence[float]:
    """Return the mean of a gate, the norm of what is none."""
    return part.mean if part.low else part.norm


def _plain_table() -> Table:
    return Table(box=None, padding=(0, 0, 0, 1), pad_edge=False, header_style="dim")


def _mean(values: Sequence[float]) -> float:
    return sum(values) / max(1, len(values))
