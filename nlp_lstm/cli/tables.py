"""Reports as tables for people."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest
from typing import Any

from rich.console import Console
from rich.table import Table

from nlp_lstm.counting import counted

PIPE_WIDTH = 100_000
"""Columns when there is no terminal: a table takes what it needs."""


def plain_console() -> Console:
    """Return a console on standard output that prints brackets as they are, and on a pipe cuts nothing."""
    console = Console(highlight=False, markup=False)
    return console if console.is_terminal else Console(highlight=False, markup=False, width=PIPE_WIDTH)


def print_report(report: Mapping[str, Any], *, unit: str) -> None:
    """Print the scores of a report (`Report.to_dict`) on standard output: numbers first, then a table of each group.

    Args:
        report: the scores; an interval of `x` is called `x_interval`, of how many it is a share `n_x`, how it was
            computed `x_signature`, why one is missing `undefined`, what was scored `unit`, what else to know `note`.
        unit: what was scored, in the plural, where the report does not say.
    """
    console = plain_console()
    console.print(counted(report["n"], report.get("unit", unit)))
    for name, value in report.items():
        if isinstance(value, float):
            interval = report.get(f"{name}_interval")
            between = f" (95 % interval {interval[0]:.4f} to {interval[1]:.4f})" if interval else ""
            count = f" of {report[f'n_{name}']:,}" if f"n_{name}" in report else ""
            console.print(f"{_title(name)} {value:.4f}{count}{between}")
        elif name.endswith("signature"):
            console.print(f"{_title(name)} {value}")
    for name in ("undefined", "note"):
        if report.get(name):
            console.print(report[name])
    for part, own in report.get("parts", {}).items():
        console.print()
        print_report(own, unit=f"of {part}")
    for name, group in report.items():
        if isinstance(group, Mapping) and group and name != "parts":
            console.print(_confusion(group) if name == "confusion" else _group(name, group))


def _group(name: str, group: Mapping[str, Mapping[str, Any]]) -> Table:
    """Return a table with a row for each member of a group of scores."""
    columns = list(next(iter(group.values())))
    if not any(scores["undefined"] for scores in group.values()):
        columns.remove("undefined")
    titles = ["why a number is missing" if column == "undefined" else _title(column) for column in columns]
    table = Table(name.removeprefix("per_"), *titles)
    for member, scores in group.items():
        table.add_row(member, *(_number(scores[column]) for column in columns))
    return table


def _confusion(counts: Mapping[str, Mapping[str, int]]) -> Table:
    columns = list(dict.fromkeys([*counts, *(name for row in counts.values() for name in row)]))
    table = Table("true \\ predicted", *columns)
    for name, row in counts.items():
        table.add_row(name, *(f"{row.get(column, 0):,}" for column in columns))
    return table


def _title(name: str) -> str:
    return name.replace("_", " ").replace("f1", "F1")


def print_pairs(pairs: Mapping[str, str]) -> None:
    """Print names and values side by side on standard output; a pipe gets no blanks behind them."""
    console = plain_console()
    if not console.is_terminal:
        width = max(map(len, pairs), default=0) + 2
        for name, value in pairs.items():
            for title, line in zip_longest([name], value.split("\n"), fillvalue=""):
                console.file.write(f"{title:{width}}{line}".rstrip() + "\n")
        return
    table = Table.grid(padding=(0, 2))
    for name, value in pairs.items():
        table.add_row(name, value)
    console.print(table)


def _number(value: float | int | str | None) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4f}"
    return f"{value:,}" if isinstance(value, int) else value
