"""`nlp-lstm predict`."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Any

import click

from nlp_lstm.cli import choices, options
from nlp_lstm.cli.files import check_outputs


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
    help="Taggers: also the K likeliest tag sequences; translators: the K best translations, with a beam of K "
    "where the recipe's is smaller.",
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
    text_column: str | None,
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
    from nlp_lstm.cli.predicting import Answers, Outputs  # heavy, like all below: only when it is used
    from nlp_lstm.config import TranslatingOptions, WritingOptions
    from nlp_lstm.corpora.reading import Record
    from nlp_lstm.stages.pipeline import open_model
    from nlp_lstm.tasks.writing_options import check_search

    given = choices.given(flags)
    choices.check(given, TranslatingOptions, WritingOptions, title="a model cannot answer so")
    check_search(given)
    predictor = open_model(model, device=device)
    outputs = Outputs(output_format, output, html, plot)
    answers = Answers(predictor, given, outputs, title=str(model), n_inputs=len(files) + len(texts))
    data: dict[str, Any] = {"format": data_format, "text_column": text_column, "columns": columns}
    data |= {"time_column": time_column, "gaps": gaps, "online": online}
    sources = [predictor.records(file, **data) for file in files]
    answers.write(chain((Record(text, {}) for text in texts), *sources), batch_size=batch_size)
