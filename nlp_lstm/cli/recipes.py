"""`nlp-lstm recipes`."""

from __future__ import annotations

import click


@click.command()
def recipes() -> None:
    """List the recipes that come along; `nlp-lstm train NAME --dry-run` shows one whole."""
    from nlp_lstm.stages.recipes import list_recipes  # heavy: only when it is used

    lines = list_recipes()
    width = max((len(line.name) for line in lines), default=0)
    for line in lines:
        click.echo(f"{line.name:<{width}}  {line.task}  {line.description}")
