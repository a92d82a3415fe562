"""`nlp-lstm evaluate`."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Collection, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import click

from nlp_lstm.cli import choices, options
from nlp_lstm.corpora.opening import is_file_name
from nlp_lstm.errors import RequirementError, UsageError, listed, nearest


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("files", nargs=-1, required=True, metavar="FILE|NAME=FILE...")
@click.option("--format", "output_format", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--require", "requirements", multiple=True, metavar="NAME=X", help="End with code 5 if a score is worse.")
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
    "--dynamic",
    callback=options.finite,
    type=click.FloatRange(min=0, min_open=True, max=1),
    metavar="RATE",
    help="Generators: also the score of a copy that goes on learning from FILE, with steps of RATE (try 0.0005).",
)
@choices.flags(choices.SEARCHING, of="Translators")
@options.batch_size
@options.device
def evaluate(
    model: Path,
    files: tuple[str, ...],
    output_format: str,
    requirements: tuple[str, ...],
    data_format: str | None,
    text_column: str | None,
    label_column: str,
    columns: tuple[str, ...],
    time_column: str | None,
    gaps: str | None,
    source_lang: str | None,
    target_lang: str | None,
    source_column: str | None,
    target_column: str | None,
    online: bool,
    dynamic: float | None,
    batch_size: int,
    device: str,
    **flags: Any,
) -> None:
    """Score MODEL on the labelled data of FILE.

    \b
        nlp-lstm evaluate runs/mine test.csv --require accuracy=0.85

    A model of several parts is scored on a file of each, or of some:

    \b
        nlp-lstm evaluate runs/joint mood=test.csv names=test.conll --require names.f1=0.8
    """
    wanted = [_requirement(text) for text in requirements]
    chosen = choices.given({"dynamic": dynamic, **flags})
    from nlp_lstm.config import TranslatingOptions  # heavy, like all below: only when it is used

    choices.check(chosen, TranslatingOptions, title="a model cannot be scored so")
    from nlp_lstm.stages.loading import load
    from nlp_lstm.tasks.parts import HasParts
    from nlp_lstm.tasks.task import score_names

    predictor = load(model, device=device)
    known = score_names(predictor.task)
    if known is not None:  # better told now than after the scoring
        check_names(wanted, known)
    options.check_known(chosen, predictor.evaluation_options)
    if len(files) > 1 and not isinstance(predictor.task, HasParts):
        raise UsageError(f"expected one FILE, found {len(files)}: this model has no parts")
    _check_once(files)
    data = {
        **{"format": data_format, "text_column": text_column, "label_column": label_column, "columns": columns},
        **{"time_column": time_column, "gaps": gaps, "source_lang": source_lang, "target_lang": target_lang},
        **{"source_column": source_column, "target_column": target_column, "online": online},
    }
    examples = [example for file in files for example in predictor.read(file, **data)]
    report = predictor.evaluate(examples, batch_size=batch_size, note=partial(click.echo, err=True), **chosen).to_dict()
    if output_format == "json":
        click.echo(json.dumps(report, ensure_ascii=False))
    else:
        from nlp_lstm.cli.tables import print_report

        print_report(report, unit=predictor.task.unit)
    check_requirements(report, wanted, costs=predictor.task.costs)


def _check_once(files: Iterable[str]) -> None:
    """See that no file is given twice for one part: its rows would count twice.

    Raises:
        UsageError: one is.
    """
    seen = set()
    for source in files:
        part, equals, file = source.partition("=")
        place = (part, os.path.abspath(file) if equals and is_file_name(file) else file)  # noqa: PTH100 -- also takes out ".."
        if place in seen:
            raise UsageError(f"{source}: comes twice; its rows would count twice")
        seen.add(place)


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
        report: the scores; those of a part are called by its name, a point and theirs.
        wanted: names, and what each must reach.
        costs: names of those that must not be above it, in place of below.

    Raises:
        UsageError: there is no score of a name.
        RequirementError: a score is worse; every such one is named.
    """
    report = {**report, **_of_parts(report)}
    scores = {name: value for name, value in report.items() if isinstance(value, float)}
    check_names(((name, bar) for name, bar in wanted if report.get(name, 0) is not None), scores)
    for name, bar in wanted:
        if name in report and report[name] is None:
            why = report.get(f"{name.rpartition('.')[0]}.undefined".removeprefix("."))
            raise RequirementError(f"{name} is undefined ({why}), {bar:g} was required")
    missed = [
        f"{name} is {scores[name]:.4f}, {bar:g} was required"
        for name, bar in wanted
        if (scores[name] > bar if name in costs else scores[name] < bar)
    ]
    if missed:
        raise RequirementError("; ".join(missed))


def _of_parts(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return the scores of the parts of a report, if it has such, by dotted names."""
    parts = report.get("parts", {})
    return {f"{part}.{name}": value for part, own in parts.items() for name, value in own.items()}
