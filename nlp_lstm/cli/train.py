"""`nlp-lstm train`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from nlp_lstm.cli import options


@click.command()
@click.argument("recipe")
@click.option("--train", "train_data", metavar="FILE", help="Training data in place of the recipe's.")
@click.option("--dev", "dev_data", metavar="FILE", help="Development data; without any, a tenth is held out.")
@click.option("--test", "test_data", metavar="FILE", help="Test data, scored once at the end.")
@options.data_format
@click.option("--text-column", metavar="NAME", help="Column or key of the texts.")
@click.option("--label-column", metavar="NAME", help="Column or key of the labels.")
@options.columns
@options.time_column
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
def train(
    recipe: str,
    train_data: str | None,
    dev_data: str | None,
    test_data: str | None,
    data_format: str | None,
    text_column: str | None,
    label_column: str | None,
    columns: tuple[str, ...],
    time_column: str | None,
    source_lang: str | None,
    target_lang: str | None,
    source_column: str | None,
    target_column: str | None,
    online: bool,
    out: Path | None,
    minutes: float | None,
    epochs: float | None,
    steps: int | None,
    seed: int | None,
    assignments: tuple[str, ...],
    init_from: str | None,
    device: str,
    fresh: bool,
    dry_run: bool,
) -> None:
    """Train RECIPE and leave a model folder.

    RECIPE is a TOML file, one of `nlp-lstm recipes`, or a task (`classify`) for data of your own:

    \b
        nlp-lstm train classify --train reviews.csv --minutes 5 --out runs/mine

    The same line again goes on where it stopped, also after a crash.
    """
    from nlp_lstm.cli.progress import TrainingView  # heavy, like all below: only when a run is asked for
    from nlp_lstm.stages import run
    from nlp_lstm.stages.recipes import parse_setting

    choices: run.Choices = {
        **{"train": train_data, "dev": dev_data, "test": test_data, "online": online or None},
        **{"data_format": data_format, "text_column": text_column, "label_column": label_column},
        **{
            "columns": columns or None,
            "time_column": time_column,
            "source_lang": source_lang,
            "target_lang": target_lang,
        },
        **{"source_column": source_column, "target_column": target_column},
        **{"minutes": minutes, "epochs": epochs, "steps": steps, "seed": seed, "init_from": init_from},
        "settings": dict(parse_setting(assignment) for assignment in assignments),
    }
    if dry_run:
        click.echo(json.dumps(run.settle(recipe, **choices).model_dump(), indent=1, ensure_ascii=False))
        return
    with TrainingView() as view:
        done = run.train(recipe, **choices, out=out, device=device, fresh=fresh, observer=view.observer)
    view.summary(done)
