"""What a comparison of cells found: a record for each run, each cell, and the whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any

from nlp_lstm.stages.ledger import Ledger
from nlp_lstm.tasks import find_task
from nlp_lstm.training.loop import reached


@dataclass(frozen=True)
class RunResult:
    """What one run came to.

    Attributes:
        seed: its seed.
        folder: its folder, which is also the model's.
        scores: those worth a glance, by their key in the report; None where one is undefined.
        n: how many examples they are over.
        unit: what these are, in the plural.
        steps: optimizer steps taken.
        best_step: the step whose weights were kept: the best on dev.
        best_items: what was trained on until then, as the loss counts it: texts, words, tokens, sequences.
        reached: whether its dev score reached the goal; None where the recipe has none.
        seconds: training time, evaluation included.
        seconds_to_best: of this, until the step of the kept weights.
        tokens_per_second: real tokens trained on a second, the median over the run.
        peak_memory: the most memory of its process, in bytes; None where the system does not tell.
    """

    seed: int
    folder: str
    scores: dict[str, float | None]
    n: int
    unit: str
    steps: int
    best_step: int
    best_items: int
    reached: bool | None
    seconds: float
    seconds_to_best: float
    tokens_per_second: float
    peak_memory: int | None


@dataclass(frozen=True)
class CellResult:
    """What the runs with one cell came to.

    Attributes:
        cell: its name.
        hidden_size: at which its network has as many weights as the others.
        n_weights: how many that are.
        runs: one a seed, of those that are finished.
        latency_ms: milliseconds to predict one example, or to write one token; None before it is measured.
    """

    cell: str
    hidden_size: int
    n_weights: int
    runs: tuple[RunResult, ...] = ()
    latency_ms: float | None = None

    def scores(self, name: str) -> list[float]:
        """Return a score of each run that has it."""
        return [score for run in self.runs if (score := run.scores.get(name)) is not None]

    def mean(self, name: str) -> float | None:
        """Return the mean of a score over the runs."""
        return mean(self.scores(name)) if self.scores(name) else None

    def spread(self, name: str) -> float | None:
        """Return the standard deviation of a score over the runs; None of fewer than two."""
        return stdev(self.scores(name)) if len(self.scores(name)) > 1 else None

    def median(self, of: Callable[[RunResult], float | None]) -> float | None:
        """Return the median over the runs of something they may lack."""
        found = [value for run in self.runs if (value := of(run)) is not None]
        return median(found) if found else None

    @property
    def peak_memory(self) -> int | None:
        """The most memory of any of its runs, in bytes."""
        return max((run.peak_memory for run in self.runs if run.peak_memory is not None), default=None)


@dataclass(frozen=True)
class Comparison:
    """Cells on one recipe, at equally many weights.

    Attributes:
        recipe: its name or path.
        task: what is predicted.
        split: on which data the scores are: `test`, or `dev` where there is no test data.
        n_weights: of the recipe's own network, which the others come up to within 2 %.
        goal: the dev score at which a run ends, or None.
        cells: what was found of each, in the order they were asked for.
    """

    recipe: str
    task: str
    split: str
    n_weights: int
    goal: float | None
    cells: tuple[CellResult, ...]

    @property
    def headline(self) -> dict[str, str]:
        """The scores worth a glance that some run has: their key in a report, by the name people read."""
        found = {name for cell in self.cells for run in cell.runs for name in run.scores}
        return {title: name for title, name in find_task(self.task).headline.items() if name in found}

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, ready for JSON."""
        return {
            **{name: getattr(self, name) for name in ("recipe", "task", "split", "n_weights", "goal")},
            "cells": [_cell_to_dict(cell, list(self.headline.values())) for cell in self.cells],
        }


def _cell_to_dict(cell: CellResult, names: Sequence[str]) -> dict[str, Any]:
    return {
        **{name: getattr(cell, name) for name in ("cell", "hidden_size", "n_weights", "latency_ms", "peak_memory")},
        "mean": {name: cell.mean(name) for name in names},
        "standard_deviation": {name: cell.spread(name) for name in names},
        "tokens_per_second": cell.median(lambda run: run.tokens_per_second),
        "seconds_to_best": cell.median(lambda run: run.seconds_to_best),
        "runs": [asdict(run) for run in cell.runs],
    }


def read_run(folder: Path, *, seed: int, goal: float | None, split: str) -> RunResult | None:
    """Return what a run came to, by what its folder says; None of one that is not finished."""
    ledger = Ledger(folder)
    metrics = ledger.metrics
    if metrics is None:
        return None
    log, report = list(ledger.log()), metrics[split]
    best = [line["seconds"] for line in log if line["step"] == metrics["best_step"]]
    return RunResult(
        seed=seed,
        folder=str(folder),
        scores={name: report[name] for name in find_task(metrics["task"]).headline.values() if name in report},
        n=report["n"],
        unit=report.get("unit", find_task(metrics["task"]).unit),
        steps=metrics["steps"],
        best_step=metrics["best_step"],
        best_items=metrics["best_items"],
        reached=None if goal is None else reached(goal, metrics["best_dev_score"]),
        seconds=metrics["seconds"],
        seconds_to_best=best[-1] if best else metrics["seconds"],
        tokens_per_second=median(line["tokens_per_second"] for line in log) if log else 0.0,
        peak_memory=metrics.get("peak_memory"),
    )
