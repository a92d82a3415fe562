"""Reports as tables for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

PIPE_WIDTH = 100_000
"""Columns when there is no terminal: a table takes what it needs."""


def plain_console() -> Console:
    """Return a console on standard output that prints brackets as they are, and on a pipe cuts nothing."""
    console = Console(highlight=False, markup=False)
    return console if console.is_terminal else Console(highlight=False, markup=False, width=PIPE_WIDTH)


def print_report(report: Mapping[str, Any]) -> None:
    """Print a classification report (`ClassificationReport.to_dict`) on standard output."""
    console = plain_console()
    low, high = report["accuracy_interval"]
    console.print(f"{report['n']:,} texts")
    console.print(f"accuracy {report['accuracy']:.4f} (95 % interval {low:.4f} to {high:.4f})")
    console.print(f"macro F1 {report['macro_f1']:.4f}")
    classes = Table("label", "precision", "recall", "F1", "texts", "why a number is missing")
    for label, scores in report["per_class"].items():
        numbers = [_number(scores[name]) for name in ("precision", "recall", "f1")]
        classes.add_row(label, *numbers, f"{scores['support']:,}", scores["undefined"])
    if not any(scores["undefined"] for scores in report["per_class"].values()):
        classes.columns.pop()
    console.print(classes)
    confusion = Table("true \\ predicted", *report["labels"])
    for label, row in zip(report["labels"], report["confusion"], strict=True):
        confusion.add_row(label, *(f"{count:,}" for count in row))
    console.print(confusion)


def print_pairs(pairs: Mapping[str, str]) -> None:
    """Print names and values side by side on standard output."""
    console = plain_console()
    table = Table.grid(padding=(0, 2))
    for name, value in pairs.items():
        table.add_row(name, value)
    console.print(table)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
