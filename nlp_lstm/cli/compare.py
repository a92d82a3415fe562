"""`nlp-lstm compare`."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nlp_lstm.cli.train import choices_of, train
from nlp_lstm.counting import counted

if TYPE_CHECKING:
    from nlp_lstm.stages.comparison import CellResult, Comparison

OTHER = {"recipe", "out", "fresh", "dry_run", "until_eof"}
"""Of the options of `train`, those that `compare` has not, or says something else of."""


@click.command()
@click.argument("recipe")
@click.option(
    "--cells",
    required=True,
    metavar="A,B,...",
    callback=lambda _context, _option, value: tuple(name.strip() for name in value.split(",") if name.strip()),
    help="The cells to compare: lstm, gru, ... as encoder.cell takes them.",
)
@click.option(
    "--seeds", type=click.IntRange(min=1), default=3, show_default=True, metavar="N", help="Runs with each cell."
)
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="DIR", help="The folder of all runs.  [runs/compare-RECIPE]"
)
@click.option("--fresh", is_flag=True, help="Forget what earlier runs left in the folder.")
@click.option("--dry-run", is_flag=True, help="Print the sizes of the networks, train nothing.")
@click.option("--format", "output_format", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option(
    "--plot", type=click.Path(path_type=Path), metavar="FILE", help="Also a chart: .png, .svg or .pdf (extra `plot`)."
)
def compare(
    recipe: str,
    cells: tuple[str, ...],
    seeds: int,
    out: Path | None,
    fresh: bool,
    dry_run: bool,
    output_format: str,
    plot: Path | None,
    device: str,
    **chosen: Any,
) -> None:
    """Train RECIPE with several cells and say what each is worth, at equally many weights.

    \b
        nlp-lstm compare sentiment --cells lstm,gru,rnn --seeds 3

    The hidden size of each cell is chosen so that the whole network has as many weights as the recipe's, within 2 %.
    A setting of one cell alone begins with its name: --set gru.training.learning_rate=0.001. A budget is that of each
    run. The same line again goes on where it stopped.
    """
    from nlp_lstm.cli.cell_chart import draw_chart  # heavy, like all below: only when it is used
    from nlp_lstm.cli.plotting import check_plot, save_plot
    from nlp_lstm.stages.comparing import compare as run
    from nlp_lstm.stages.record import Observer

    if plot is not None:
        check_plot(plot)
    found = run(
        recipe,
        cells=cells,
        seeds=seeds,
        out=out,
        device=device,
        fresh=fresh,
        dry_run=dry_run,
        observer=Observer(note=partial(click.echo, err=True)),
        **choices_of(chosen),
    )
    if output_format == "json":
        click.echo(json.dumps(found.to_dict(), ensure_ascii=False))
    else:
        print_comparison(found)
    if plot is not None and not dry_run:
        save_plot(draw_chart(found), plot)


compare.params += [option for option in train.params if option.name not in OTHER]


def print_comparison(comparison: Comparison) -> None:
    """Print a comparison on standard output: what it is of, then a row for each cell."""
    from rich.table import Table

    from nlp_lstm.cli.tables import plain_console

    rows = [_row(comparison, cell) for cell in comparison.cells]
    table = Table(*rows[0])
    for row in rows:
        table.add_row(*row.values())
    console = plain_console()
    console.print(_title(comparison), soft_wrap=True)
    console.print(table)


def _title(comparison: Comparison) -> str:
    size = f"{comparison.n_weights:,} weights within 2 %"
    runs = [run for cell in comparison.cells for run in cell.runs]
    if not runs:
        return f"{comparison.recipe}: {size}"
    over = f"{len({run.seed for run in runs})} seeds" if len(runs) > len(comparison.cells) else "one seed"
    examples = f"{counted(runs[0].n, runs[0].unit)} of {comparison.split}"
    return f"{comparison.recipe}: {size}; scores on {examples}, mean ± standard deviation over {over}"


def _row(comparison: Comparison, cell: CellResult) -> dict[str, str]:
    """Return what is known of a cell, by the title of its column."""
    sizes = {"cell": cell.cell, "hidden size": f"{cell.hidden_size:,}", "weights": f"{cell.n_weights:,}"}
    if not cell.runs:
        return sizes
    scores = {title: _score(cell, name) for title, name in comparison.headline.items()}
    pace, best = cell.median(lambda run: run.tokens_per_second), cell.median(lambda run: run.seconds_to_best)
    return {
        **sizes,
        **scores,
        **(_goal(cell) if comparison.goal is not None else {}),
        "tokens/s": f"{pace:,.0f}",
        "s to best": f"{best:,.1f}",
        "latency": "-" if cell.latency_ms is None else f"{cell.latency_ms:.2f} ms",
        "memory": "-" if cell.peak_memory is None else f"{cell.peak_memory / 2**20:,.0f} MiB",
    }


def _score(cell: CellResult, name: str) -> str:
    middle, spread = cell.mean(name), cell.spread(name)
    if middle is None:
        return "-"
    return f"{middle:.4f}" if spread is None else f"{middle:.4f} ± {spread:.4f}"


def _goal(cell: CellResult) -> dict[str, str]:
    """Return how many runs reached the goal, and after how many training items."""
    items = [run.best_items for run in cell.runs if run.reached]
    between = f" [{min(items):,}–{max(items):,}]" if len(items) > 1 else ""
    middle = cell.median(lambda run: run.best_items if run.reached else None)
    return {
        "reached": f"{len(items)}/{len(cell.runs)}",
        "after items": "-" if middle is None else f"{middle:,.0f}{between}",
    }
