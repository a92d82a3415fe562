"""`nlp-lstm predict`."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from nlp_lstm.cli import choices, options
from nlp_lstm.errors import UsageError

if TYPE_CHECKING:
    from nlp_lstm.stages.pipeline import Pipeline
    from nlp_lstm.stages.predictor import Predictor


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("files", nargs=-1, metavar="[FILE|-]...")
@click.option("--text", "texts", multiple=True, metavar="T", help="A text to predict for; can be given again.")
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "jsonl", "tsv", "conll"]),
    default="text",
    show_default=True,
    help="text: a label, the text with its entities marked, or the rows of a forecast as CSV. conll: a word and its "
    "tag a line.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write there, not on stdout.")
@options.data_format
@options.text_column
@options.columns
@options.time_column
@options.gaps
@options.online
@click.option(
    "--html",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Also a page to look at. Taggers: marked texts; translators: what was attended to; forecasters: charts.",
)
@click.option(
    "--plot",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Forecasters: also a picture, .png, .svg or .pdf (extra `plot`).",
)
@click.option(
    "--n-best",
    type=int,
    metavar="K",
    help="Taggers: also the K likeliest tag sequences; translators: the K best translations.",
)
@choices.flags(choices.TRANSLATING, of="Translators")
@choices.flags(choices.WRITING, of="Generators", besides=choices.TRANSLATING)
@options.batch_size
@options.device
def predict(
    model: Path,
    files: tuple[str, ...],
    texts: tuple[str, ...],
    output_format: str,
    output: Path | None,
    data_format: str | None,
    text_column: str,
    columns: tuple[str, ...],
    time_column: str | None,
    gaps: str | None,
    online: bool,
    html: Path | None,
    plot: Path | None,
    batch_size: int,
    device: str,
    **flags: Any,
) -> None:
    """Predict with MODEL for each text of the FILEs, of standard input (-), or given by --text.

    MODEL is the folder of a model, or a composed pipeline: its TOML file or its folder. One line out for each text in,
    in order, also for empty ones; of a forecaster, the rows that follow on each FILE:

    \b
        cat reviews.txt | nlp-lstm predict runs/mine - --format jsonl
    """
    if not files and not texts:
        raise click.UsageError("give a FILE, - for standard input, or --text T")
    check_outputs(files, {"-o": output, "--html": html, "--plot": plot})
    from nlp_lstm.cli.files import open_output  # heavy, like all below: only when it is used
    from nlp_lstm.cli.forecast_picture import draw_forecast
    from nlp_lstm.cli.plotting import save_plot
    from nlp_lstm.cli.views import find_view, open_page, view_console
    from nlp_lstm.cli.writing import writer_of
    from nlp_lstm.config import TranslatingOptions, WritingOptions
    from nlp_lstm.corpora.reading import Record
    from nlp_lstm.stages.pipeline import Pipeline, open_model

    given = choices.given(flags)
    choices.check(given, TranslatingOptions, WritingOptions, title="a model cannot answer so")
    predictor = open_model(model, device=device)
    chosen = options_of(predictor, given)
    view = None if isinstance(predictor, Pipeline) else find_view(predictor.description["task"])
    console = view_console(terminal=output is None and sys.stdout.isatty())
    asked = [name for name in view.options if name in chosen] if view is not None else []
    write_line = writer_of(output_format, predictor, view, console, asked=asked)
    if html is not None and view is None:
        raise UsageError("--html: there is no page for a model of this kind")
    if plot is not None:
        check_picture(plot, predictor, len(files) + len(texts))
    data: dict[str, Any] = {"format": data_format, "text_column": text_column, "columns": columns}
    data |= {"time_column": time_column, "gaps": gaps, "online": online}
    sources = [predictor.records(file, **data) for file in files]
    waiting: deque[Record] = deque()

    def read() -> Iterator[Any]:
        for record in chain((Record(text, {}) for text in texts), *sources):
            for line in record.notes:
                click.echo(line, err=True)
            waiting.append(record)
            yield record.given

    for_page = dict(view.options) if html is not None and view is not None else {}
    line_of = view.line_of if view is not None and not asked else _same
    with open_output(output) as write, open_page(html, view, title=str(model)) as add:
        for prediction in predictor.stream(read(), batch_size=batch_size, **for_page | chosen):
            record = waiting.popleft()
            write(write_line(record, line_of(prediction)))
            add(record, prediction)
            if plot is not None:
                save_plot(draw_forecast(record.numbers, cast(Any, prediction)), plot)


def _same(prediction: Any) -> Any:
    return prediction


def check_picture(path: Path, predictor: Predictor | Pipeline, n_inputs: int) -> None:
    """See that a forecast can be drawn, before it is made.

    Raises:
        UsageError: the model does not forecast, there is not one input, or `check_plot` says why not.
    """
    from nlp_lstm.cli.plotting import check_plot
    from nlp_lstm.stages.pipeline import Pipeline
    from nlp_lstm.tasks.numbers import Foresees

    if isinstance(predictor, Pipeline) or not isinstance(predictor.task, Foresees):
        raise UsageError("--plot: there is no picture for a model of this kind")
    if n_inputs != 1:
        raise UsageError(f"--plot draws the forecast of one file, found {n_inputs}")
    check_plot(path)


def check_outputs(files: Sequence[str], outputs: Mapping[str, Path | None]) -> None:
    """See that no result would be written over an input or another result.

    Raises:
        UsageError: one would.
    """
    taken = {Path(file).resolve(): file for file in files if Path(file).is_file()}
    for flag, path in outputs.items():
        if path is None or (path.exists() and not path.is_file()):
            continue
        if path.resolve() in taken:
            raise UsageError(f"{flag} {path}: is the same file as {taken[path.resolve()]}")
        taken[path.resolve()] = flag


def options_of(predictor: Predictor | Pipeline, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options a person gave, seen to be ones the model's task has.

    Raises:
        UsageError: its task has no such option.
    """
    options.check_known(given, predictor.options)
    return dict(given)
