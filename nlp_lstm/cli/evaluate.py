"""`nlp-lstm evaluate`."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import click

from nlp_lstm.cli import options
from nlp_lstm.errors import RequirementError, UsageError, listed, nearest


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("file")
@click.option("--format", "output_format", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--require", "requirements", multiple=True, metavar="NAME=X", help="End with code 5 if a score is worse.")
@options.data_format
@options.text_column
@options.label_column
@options.columns
@options.source_lang
@options.target_lang
@options.source_column
@options.target_column
@options.online
@options.batch_size
@options.device
def evaluate(
    model: Path,
    file: str,
    output_format: str,
    requirements: tuple[str, ...],
    data_format: str | None,
    text_column: str,
    label_column: str,
    columns: tuple[str, ...],
    source_lang: str | None,
    target_lang: str | None,
    source_column: str | None,
    target_column: str | None,
    online: bool,
    batch_size: int,
    device: str,
) -> None:
    """Score MODEL on the labelled data of FILE.

    \b
        nlp-lstm evaluate runs/mine test.csv --require accuracy=0.85
    """
    wanted = [_requirement(text) for text in requirements]
    from nlp_lstm.stages.predictor import load  # heavy, like all below: only when it is used
    from nlp_lstm.tasks.task import score_names

    predictor = load(model, device=device)
    known = score_names(predictor.task)
    if known is not None:  # better told now than after the scoring
        check_names(wanted, known)
    examples = predictor.read(
        file,
        format=data_format,
        text_column=text_column,
        label_column=label_column,
        columns=columns,
        source_lang=source_lang,
        target_lang=target_lang,
        source_column=source_column,
        target_column=target_column,
        online=online,
    )
    report = predictor.evaluate(examples, batch_size=batch_size, note=partial(click.echo, err=True)).to_dict()
    if output_format == "json":
        click.echo(json.dumps(report, ensure_ascii=False))
    else:
        from nlp_lstm.cli.tables import print_report

        print_report(report, unit=predictor.task.unit)
    check_requirements(report, wanted, costs=predictor.task.costs)


def _requirement(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        bar = float(value)
    except ValueError:
        bar = math.nan
    if not math.isfinite(bar):
        raise UsageError(f"--require: expected NAME=NUMBER, found {text!r}")
    return name.strip(), bar


def check_names(wanted: Iterable[tuple[str, float]], known: Collection[str]) -> None:
    """See that what is required are scores that there are.

    Raises:
        UsageError: some are not; all are named.
    """
    problems = [f"no score {name!r}{nearest(name, known)}" for name, _ in wanted if name not in known]
    if problems:
        raise UsageError(listed("--require", problems))


def check_requirements(
    report: Mapping[str, Any], wanted: list[tuple[str, float]], *, costs: Collection[str] = ()
) -> None:
    """Compare scores with what was asked for.

    Args:
        report: the scores.
        wanted: names, and what each must reach.
        costs: names of those that must not be above it, in place of below.

    Raises:
        UsageError: there is no score of a name.
        RequirementError: a score is worse; every such one is named.
    """
    scores = {name: value for name, value in report.items() if isinstance(value, float)}
    check_names(((name, bar) for name, bar in wanted if report.get(name, 0) is not None), scores)
    for name, bar in wanted:
        if name in report and report[name] is None:
            raise RequirementError(f"{name} is undefined ({report.get('undefined')}), {bar:g} was required")
    missed = [
        f"{name} is {scores[name]:.4f}, {bar:g} was required"
        for name, bar in wanted
        if (scores[name] > bar if name in costs else scores[name] < bar)
    ]
    if missed:
        raise RequirementError("; ".join(missed))
