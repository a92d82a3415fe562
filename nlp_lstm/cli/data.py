"""`nlp-lstm data`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from nlp_lstm.cli import options
from nlp_lstm.counting import counted
from nlp_lstm.errors import DataError

if TYPE_CHECKING:
    from nlp_lstm.config import Gaps
    from nlp_lstm.corpora.problems import Problem


SHOWN = 20
"""Problems of a kind that are listed unless all are asked for."""


@click.group()
def data() -> None:
    """Look into data files."""


@data.command()
@click.argument("file")
@click.argument("others", nargs=-1, metavar="[OTHER]...")
@options.data_format
@options.text_column
@options.label_column
@options.columns
@options.time_column
@options.gaps
@options.source_lang
@options.target_lang
@options.source_column
@options.target_column
@options.online
@click.option(
    "--task",
    type=click.Choice(["classify", "tag", "translate", "generate", "forecast"]),
    help="What the data are for; else told: columns of words are for a tagger, files with languages or with source and "
    "target columns that you name for a translator, all others for a classifier; never told are texts for a generator "
    "and tables of numbers for a forecaster.",
)
@click.option("--all", "every", is_flag=True, help=f"Every problem, not only the first {SHOWN} of a kind.")
@click.option("--quiet", is_flag=True, help="Problems only, no summary.")
def check(
    file: str,
    others: tuple[str, ...],
    data_format: str | None,
    text_column: str | None,
    label_column: str,
    columns: tuple[str, ...],
    time_column: str | None,
    gaps: Gaps | None,
    source_lang: str | None,
    target_lang: str | None,
    source_column: str | None,
    target_column: str | None,
    online: bool,
    task: str | None,
    every: bool,
    quiet: bool,
) -> None:
    """List the problems of FILE, and of the OTHER splits (dev, test) beside it.

    Of a kind of problem the first 20 are listed, the others counted. An error makes training refuse the file, and ends
    this command with code 3; a warning does not. Plain text, which has no labels, is checked for its texts only.
    """
    from nlp_lstm.config import DataSettings  # heavy, like all below: only when it is used
    from nlp_lstm.corpora.audits import AUDITS, guess_task

    settings = DataSettings(
        format=data_format,
        text_column=text_column or "text",
        label_column=label_column,
        columns=columns,
        time_column=time_column,
        gaps=gaps or "refuse",
        source_lang=source_lang,
        target_lang=target_lang,
        source_column=source_column or "source",
        target_column=target_column or "target",
        online=online,
    )
    unit, measured, run = AUDITS[task or guess_task(file, settings)]
    report = run(file, others, settings)
    for kind, problems in (("error", report.errors), ("warning", report.warnings)):
        for line in problems if every else summed_up(problems):
            click.echo(f"{kind}: {line}")
    if not quiet:
        click.echo(f"{counted(report.n_examples, unit)} in {file}", err=True)
        if report.lengths is not None:
            lengths = report.lengths
            between = f"{lengths.min:,} at least, {lengths.median:g} in the middle, {lengths.max:,} at most"
            click.echo(f"words in {measured}: {between}", err=True)
        for label, count in sorted(report.labels.items(), key=lambda pair: (-pair[1], pair[0])):
            click.echo(f"label {label}: {count:,}", err=True)
    if report.errors:
        counts = f"errors: {len(report.errors):,}, warnings: {len(report.warnings):,}"
        raise DataError(f"{file} cannot be trained on as it is ({counts})")


def summed_up(problems: Sequence[Problem]) -> Iterator[str]:
    """Yield a line for each of the first problems of every kind, and after these how many more of it there are."""
    totals = Counter(problem.kind for problem in problems)
    told: Counter[str] = Counter()
    for problem in problems:
        told[problem.kind] += 1
        if told[problem.kind] <= SHOWN:
            yield str(problem)
            n_more = totals[problem.kind] - SHOWN
            if told[problem.kind] == SHOWN and n_more > 0:
                yield f"and {n_more:,} more like this; --all lists them"
