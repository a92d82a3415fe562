"""`nlp-lstm train`."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from nlp_lstm.cli import options
from nlp_lstm.errors import Interrupted, UsageError

if TYPE_CHECKING:
    from nlp_lstm.stages.run import Choices


@click.command()
@click.argument("recipe")
@options.once("--train", "train_data", metavar="FILE", help="Training data in place of the recipe's.")
@options.once("--dev", "dev_data", metavar="FILE", help="Development data; without any, a tenth is held out.")
@options.once("--test", "test_data", metavar="FILE", help="Test data, scored once at the end.")
@options.data_format
@click.option("--text-column", metavar="NAME", help="Column or key of the texts.")
@click.option("--label-column", metavar="NAME", help="Column or key of the labels.")
@options.columns
@options.time_column
@options.gaps
@options.source_lang
@options.target_lang
@click.option("--source-column", metavar="NAME", help="Column or key of the sentences to translate.")
@click.option("--target-column", metavar="NAME", help="Column or key of their translations.")
@options.online
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="The run's folder.  [runs/RECIPE]")
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), help="Budget: time.")
@click.option("--epochs", type=click.FloatRange(min=0, min_open=True), help="Budget: passes over the data.")
@click.option("--steps", type=click.IntRange(min=1), help="Budget: steps of the optimizer.")
@click.option("--seed", type=click.IntRange(min=0), help="Decides every random choice.")
@click.option("--set", "assignments", multiple=True, metavar="A.B=V", help="Any setting; can be given again.")
@click.option("--init-from", metavar="MODEL", help="Begin with the encoder of a trained model, of any task.")
@options.device
@click.option("--fresh", is_flag=True, help="Forget what an earlier run left in the folder.")
@click.option("--dry-run", is_flag=True, help="Print the settings that would be used, train nothing.")
@click.option("--until-eof", is_flag=True, hidden=True, help="Stop, with a checkpoint, when standard input ends.")
def train(
    recipe: str, out: Path | None, device: str, fresh: bool, dry_run: bool, until_eof: bool, **chosen: Any
) -> None:
    """Train RECIPE and leave a model folder.

    RECIPE is a TOML file, one of `nlp-lstm recipes`, or a task (`classify`) for data of your own:

    \b
        nlp-lstm train classify --train reviews.csv --minutes 5 --out runs/mine

    The same line again goes on where it stopped, also after a crash.
    """
    from nlp_lstm.cli.progress import TrainingView  # heavy, like all below: only when a run is asked for
    from nlp_lstm.stages import run
    from nlp_lstm.stages.moving import check_source_model

    choices = choices_of(chosen)
    if dry_run:
        settled = run.settle(recipe, **choices)
        check_source_model(settled)
        click.echo(json.dumps(settled.model_dump(), indent=1, ensure_ascii=False))
        return
    if until_eof:
        threading.Thread(target=_stop_at_end_of_input, daemon=True).start()
    try:
        with TrainingView() as view:
            done = run.train(recipe, **choices, out=out, device=device, fresh=fresh, observer=view.observer)
    except Interrupted as stopped:
        if until_eof:  # who started this process says what happened
            raise SystemExit(stopped.exit_code) from stopped
        raise
    view.summary(done)


def choices_of(chosen: Mapping[str, Any]) -> Choices:
    """Return what a person lays over a recipe, by the values of the command line's options.

    Raises:
        UsageError: a setting is no `A.B=V`, or more than one budget is given.
    """
    from nlp_lstm.config import BUDGETS  # heavy, like the one below: only when a run is asked for
    from nlp_lstm.stages.recipes import parse_setting

    given: dict[str, Any] = {name.removesuffix("_data"): value for name, value in chosen.items()}
    if sum(given[unit] is not None for unit in BUDGETS) > 1:
        raise UsageError(f"give one of {', '.join(f'--{unit}' for unit in sorted(BUDGETS))}")
    assignments = given.pop("assignments")
    given["settings"] = dict(parse_setting(assignment) for assignment in assignments)
    # a flag and a list that were not given leave the recipe's own
    return cast("Choices", {name: None if value is False or value == () else value for name, value in given.items()})


def _stop_at_end_of_input() -> None:
    """Wait until standard input ends, then ask this process to stop: so a run ends with the one that started it."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
