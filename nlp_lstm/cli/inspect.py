"""`nlp-lstm inspect`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nlp_lstm.cli import options
from nlp_lstm.cli.files import check_outputs
from nlp_lstm.errors import DataError, UsageError

if TYPE_CHECKING:
    from nlp_lstm.corpora.reading import Record
    from nlp_lstm.stages.predictor import Predictor


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("files", nargs=-1, metavar="[FILE|-]...")
@click.option("--text", "texts", multiple=True, metavar="T", help="A text to look at; can be given again.")
@click.option("--gradients", is_flag=True, help="How far the last step's error reaches back, here and in fresh cells.")
@click.option(
    "--method",
    type=click.Choice(["ig", "leave-one-out"]),
    default="ig",
    show_default=True,
    help="How a score is shared among tokens: integrated gradients, or what is lost without each.",
)
@click.option(
    "--target",
    metavar="X",
    help="What to explain, if not what is predicted: a label, the number of a word or of a translation's token, "
    "a token to come next, of a forecast COLUMN+ROWS, of a model of several parts PART or PART.X.",
)
@click.option("--layer", type=click.IntRange(min=1), metavar="N", help="Only this layer, and its gates at every token.")
@click.option("--window", type=click.IntRange(min=1), metavar="N", help="Of a long text, which part of 2,000 tokens.")
@click.option(
    "--steps", type=click.IntRange(min=1), default=100, show_default=True, help="--gradients: steps back at most."
)
@click.option("--format", "output_format", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE", help="Also a page to look at.")
@click.option("--plot", type=click.Path(path_type=Path), metavar="FILE", help="Also a picture, .png or .svg.")
@options.data_format
@options.text_column
@options.columns
@options.time_column
@options.online
@options.device
def inspect(
    model: Path,
    files: tuple[str, ...],
    texts: tuple[str, ...],
    gradients: bool,
    method: str,
    target: str | None,
    layer: int | None,
    window: int | None,
    steps: int,
    output_format: str,
    html: Path | None,
    plot: Path | None,
    data_format: str | None,
    text_column: str | None,
    columns: tuple[str, ...],
    time_column: str | None,
    online: bool,
    device: str,
) -> None:
    """Look into MODEL while it reads each text of the FILEs, of standard input (-), or given by --text.

    Shows its gates, what the prediction rests on, what it attends to, and why words got their tags. Of a forecaster,
    what it makes of the last rows of each FILE.

    \b
        nlp-lstm inspect runs/mine --text "A fine film." --html page.html
        nlp-lstm inspect runs/mine --gradients --plot reach.svg
        nlp-lstm inspect runs/etth1 table.csv --target OT+24
    """
    if not files and not texts and not gradients:
        raise click.UsageError("give a FILE, - for standard input, or --text T")
    if gradients and html is not None:
        raise UsageError("--html shows what a text's prediction rests on; of --gradients there is --plot")
    from nlp_lstm.cli.plotting import check_plot  # heavy, like all below: only when it is used
    from nlp_lstm.corpora.reading import Record
    from nlp_lstm.stages.loading import load

    check_outputs(files, {"--html": html, "--plot": plot})
    if plot is not None:
        check_plot(plot)
    predictor = load(model, device=device)
    data: dict[str, Any] = {"format": data_format, "text_column": text_column, "columns": columns}
    data |= {"time_column": time_column, "online": online}
    sources = [predictor.records(file, **data) for file in files]
    records: Iterator[Record] = chain((Record(text, {}) for text in texts), *sources)
    common: dict[str, Any] = {"target": target, "layer": layer, "window": window}
    if gradients:
        _show_gradients(predictor, records, plot, output_format, **common, steps=steps)
    else:
        _show_texts(predictor, records, html, plot, output_format, **common, method=method)


def _show_texts(
    predictor: Predictor,
    records: Iterator[Record],
    html: Path | None,
    plot: Path | None,
    output_format: str,
    **wanted: Any,
) -> None:
    """Show what the inside of a model does with each text, as soon as it is known."""
    from nlp_lstm.cli.inspecting import InspectedText
    from nlp_lstm.cli.plotting import draw_inspection, save_plot
    from nlp_lstm.cli.views import open_page, view_console

    view, console = InspectedText(layer=wanted["layer"]), view_console(terminal=sys.stdout.isatty())
    if plot is not None:
        records = iter(_only(list(records), "--plot draws one text"))
    with open_page(html, view, title=f"{predictor.description['task']} model, looked into") as add:
        for number, record in enumerate(records, start=1):
            with nullcontext() if record.numbers is not None else _named(number):
                found = predictor.inspect(record.given, **wanted)
            if output_format == "json":
                click.echo(json.dumps(found.to_dict(), ensure_ascii=False, allow_nan=False))
            else:
                console.print(view.show(record, found))
            add(record, found)
            if plot is not None:
                save_plot(draw_inspection(found), plot)


def _show_gradients(
    predictor: Predictor, records: Iterator[Record], plot: Path | None, output_format: str, **wanted: Any
) -> None:
    """Show how far errors reach back on one text, a made one where there is none."""
    from nlp_lstm.cli.plotting import draw_gradients, save_plot
    from nlp_lstm.cli.reaching import reach_view
    from nlp_lstm.cli.views import view_console

    given = list(records)
    record = _only(given, "--gradients looks at one text")[0] if given else None
    report = predictor.gradients(None if record is None else record.given, **wanted)
    if output_format == "json":
        click.echo(json.dumps(report.to_dict(), ensure_ascii=False, allow_nan=False))
    else:
        view_console(terminal=sys.stdout.isatty()).print(reach_view(report))
    if plot is not None:
        save_plot(draw_gradients(report), plot)


def _only(records: Sequence[Record], what: str) -> Sequence[Record]:
    if len(records) != 1:
        raise UsageError(f"{what}, found {len(records)}")
    return records


@contextmanager
def _named(number: int) -> Iterator[None]:
    """Let an error of a text say which one it is."""
    try:
        yield
    except DataError as error:
        raise DataError(f"text {number}: {error}") from error
