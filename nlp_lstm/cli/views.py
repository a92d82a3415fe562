"""What shows predictions in more than a line, on a terminal and as a page of HTML: one view a task that has one."""

from __future__ import annotations

import html
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Protocol

from rich.console import Console, RenderableType

from nlp_lstm.cli.files import open_output
from nlp_lstm.corpora.reading import Record

VIEWS = {
    "tag": "nlp_lstm.cli.marking:MarkedText",
    "forecast": "nlp_lstm.cli.foreseeing:ForecastCharts",
    "translate": "nlp_lstm.cli.aligning:AlignedText",
}
"""Where the view of a task stands, by the task's name; imported when it is used."""

PLAIN_WIDTH = 100
"""Columns of what is shown where there is no terminal."""

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light; }}
body {{ font: 16px/1.6 sans-serif; color: #111; background: #fff; max-width: 60em; margin: 2em auto; padding: 0 1em; }}
{style}</style></head>
<body>"""


class View(Protocol):
    """Shows the predictions of a task, one after the other."""

    options: ClassVar[Mapping[str, Any]]
    """What `predict` must be told for there to be something to show."""
    style: ClassVar[str]
    """The rules of its page, in CSS."""

    def show(self, record: Record, prediction: Any) -> RenderableType:
        """Return it for a terminal."""
        ...

    def page(self, record: Record, prediction: Any) -> str:
        """Return it as a part of a page, complete in itself: no script, nothing from elsewhere."""
        ...

    def line_of(self, prediction: Any) -> Any:
        """Return the prediction as it would be had none of `options` been asked for."""
        ...


def find_view(task: str) -> View | None:
    """Return a new view of a task's predictions; None where there is none but their lines."""
    if task not in VIEWS:
        return None
    module, attribute = VIEWS[task].split(":")
    found: View = getattr(import_module(module), attribute)()
    return found


@contextmanager
def open_page(path: Path | None, view: View | None, *, title: str) -> Iterator[Callable[[Record, Any], object]]:
    """Yield a function that adds a prediction to a page of HTML; without a path or a view it does nothing.

    Raises:
        UsageError: the path is a folder, or stands in none.
    """
    if path is None or view is None:
        yield lambda record, prediction: None
        return
    with open_output(path, flag="--html") as write:
        write(_PAGE.format(title=html.escape(title), style=view.style))
        yield lambda record, prediction: write(view.page(record, prediction))
        write("</body></html>")


def view_console(*, terminal: bool) -> Console:
    """Return a console that prints brackets as they are; elsewhere than on a terminal of a fixed width.

    It has colours where the terminal has some and `NO_COLOR` is not set; else it prints plain text.
    """
    colours = terminal and not os.environ.get("NO_COLOR")
    width = None if terminal else PLAIN_WIDTH
    return Console(highlight=False, markup=False, color_system="auto" if colours else None, width=width)
