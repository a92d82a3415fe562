"""Predictions as they come, into all that was asked for: lines, a page, a picture."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

import click

from nlp_lstm.cli import options
from nlp_lstm.cli.files import open_output
from nlp_lstm.cli.forecast_picture import draw_forecast
from nlp_lstm.cli.plotting import check_plot, save_plot
from nlp_lstm.cli.views import find_view, open_page, view_console
from nlp_lstm.cli.writing import writer_of
from nlp_lstm.corpora.reading import Record
from nlp_lstm.errors import UsageError
from nlp_lstm.stages.pipeline import Pipeline
from nlp_lstm.stages.predictor import Predictor
from nlp_lstm.tasks.numbers import Foresees


class Outputs(NamedTuple):
    """What predictions are written to.

    Attributes:
        format: of the lines, a key of `nlp_lstm.cli.writing.WRITERS`.
        lines: where they go; None is standard output.
        page: where a page of HTML goes; None makes none.
        picture: where the picture of a forecast goes; None draws none.
    """

    format: str
    lines: Path | None
    page: Path | None
    picture: Path | None


class Answers:
    """Writes a model's predictions; that all of it can be done is seen before the first.

    Args:
        predictor: the model.
        chosen: the options a person gave, by name.
        outputs: what to write to.
        title: of the page.
        n_inputs: how many files and texts there are.

    Raises:
        UsageError: the model's task has no such option, or its predictions no such form.
    """

    def __init__(
        self,
        predictor: Predictor | Pipeline,
        chosen: Mapping[str, Any],
        outputs: Outputs,
        *,
        title: str,
        n_inputs: int,
    ) -> None:
        options.check_known(chosen, predictor.options)
        if chosen.get("n_best") and outputs.format != "jsonl" and outputs.page is None:
            raise UsageError("--n-best: further answers are written by --format jsonl only")
        self.predictor, self.outputs, self.title = predictor, outputs, title
        self.view = view = None if isinstance(predictor, Pipeline) else find_view(predictor.description["task"])
        asked = [name for name in view.options if name in chosen] if view is not None else []
        console = view_console(terminal=outputs.lines is None and sys.stdout.isatty())
        self._line = writer_of(outputs.format, predictor, view, console, asked=asked)
        self._plain = view.line_of if view is not None and not asked else _same
        if outputs.page is not None and view is None:
            raise UsageError("--html: there is no page for a model of this kind")
        if outputs.picture is not None:
            check_picture(outputs.picture, predictor, n_inputs)
        for_page = view.options if view is not None and outputs.page is not None else {}
        self.options = {**for_page, **chosen}

    def write(self, records: Iterable[Record], *, batch_size: int) -> None:
        """Predict for each record, and write what was found as soon as it is."""
        outputs = self.outputs
        waiting: deque[Record] = deque()
        found = self.predictor.stream(_read(records, waiting), batch_size=batch_size, **self.options)
        with open_output(outputs.lines) as write, open_page(outputs.page, self.view, title=self.title) as add:
            for prediction in found:
                record = waiting.popleft()
                write(self._line(record, self._plain(prediction)))
                add(record, prediction)
                if outputs.picture is not None:
                    save_plot(draw_forecast(record.numbers, cast(Any, prediction)), outputs.picture)


def check_picture(path: Path, predictor: Predictor | Pipeline, n_inputs: int) -> None:
    """See that a forecast can be drawn, before it is made.

    Raises:
        UsageError: the model does not forecast, there is not one input, or `check_plot` says why not.
    """
    if isinstance(predictor, Pipeline) or not isinstance(predictor.task, Foresees):
        raise UsageError("--plot: there is no picture for a model of this kind")
    if n_inputs != 1:
        raise UsageError(f"--plot draws the forecast of one file, found {n_inputs}")
    check_plot(path)


def _read(records: Iterable[Record], waiting: deque[Record]) -> Iterator[Any]:
    """Yield what a model reads of each record, which then waits for its prediction."""
    for record in records:
        for line in record.notes:
            click.echo(line, err=True)
        waiting.append(record)
        yield record.given


def _same(prediction: Any) -> Any:
    return prediction
