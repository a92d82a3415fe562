"""Training from Python: the same stages, settings and folders as the command line's."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from nlp_lstm.config import Recipe
from nlp_lstm.stages.ledger import Ledger
from nlp_lstm.stages.network import choose_device
from nlp_lstm.stages.pipeline import Pipeline
from nlp_lstm.stages.predictor import Predictor, load
from nlp_lstm.stages.recipes import load_recipe
from nlp_lstm.stages.record import Observer, TrainingRecord
from nlp_lstm.stages.training import TRAINING
from nlp_lstm.training.allocator import keep_freed_memory


@dataclass(frozen=True)
class TrainedRun:
    """A finished run.

    Attributes:
        folder: its folder, which is also the model's.
        metrics: what `metrics.json` holds: the scores by split, the steps, the seconds.
    """

    folder: Path
    metrics: Mapping[str, Any]

    def load(self) -> Predictor:
        """Return the trained model, ready to predict."""
        return load(self.folder)


def settle(
    recipe: str,
    *,
    train: str | Path | None = None,
    dev: str | Path | None = None,
    test: str | Path | None = None,
    minutes: float | None = None,
    epochs: float | None = None,
    steps: int | None = None,
    seed: int | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Recipe:
    """Return the settings `train` would use; the arguments are `train`'s.

    Raises:
        UsageError: a setting is wrong; all of them are named.
    """
    budgets = {"minutes": minutes, "epochs": epochs, "steps": steps}
    given: dict[str, Any] = {f"training.{unit}": value for unit, value in budgets.items() if value is not None}
    if train is not None:
        given |= {"data.dev": None, "data.test": None}  # the recipe's belong to other training data
    given |= {
        f"data.{split}": _source(source)
        for split, source in (("train", train), ("dev", dev), ("test", test))
        if source is not None
    }
    if seed is not None:
        given["training.seed"] = seed
    return load_recipe(recipe, {**(settings or {}), **given})


def train(
    recipe: str,
    *,
    train: str | Path | None = None,
    dev: str | Path | None = None,
    test: str | Path | None = None,
    out: str | Path | None = None,
    minutes: float | None = None,
    epochs: float | None = None,
    steps: int | None = None,
    seed: int | None = None,
    device: str | None = None,
    fresh: bool = False,
    settings: Mapping[str, Any] | None = None,
    observer: Observer | None = None,
) -> TrainedRun:
    """Train a recipe, or go on with it where an earlier call in the same folder was stopped.

    Args:
        recipe: a path to a TOML file, or the name of a packaged recipe (`nlp-lstm recipes` lists them).
        train: the training data in place of the recipe's; the recipe's dev and test data are then left out too.
        dev: the development data; without any, a tenth of the training data is held out.
        test: the test data, scored once at the end.
        out: the run's folder; `runs/RECIPE` by default.
        minutes: the budget as time; with `epochs` and `steps`, at most one of the three.
        epochs: the budget as passes over the training data.
        steps: the budget as steps of the optimizer.
        seed: decides every random choice.
        device: `cpu` (the default), `cuda`, ...
        fresh: forget what an earlier run left in the folder.
        settings: any other setting by its dotted name, such as `{"encoder.hidden_size": 256}`.
        observer: who is told how it goes.

    Raises:
        UsageError: a setting is wrong (all of them are named), or the folder holds a run with other settings.
        DataError: a data file is missing or malformed.
        Interrupted: Ctrl-C or SIGTERM; the same call goes on from there.
    """
    settled = settle(
        recipe,
        train=train,
        dev=dev,
        test=test,
        minutes=minutes,
        epochs=epochs,
        steps=steps,
        seed=seed,
        settings=settings,
    )
    folder = Path(out) if out is not None else Path("runs") / Path(recipe).stem
    observer = observer or Observer()
    if settled.training.threads is not None:
        torch.set_num_threads(settled.training.threads)
    keep_freed_memory()
    record = TrainingRecord(settled, folder, choose_device(device), observer)
    ledger = Ledger(folder)
    ledger.open(settled, fresh=fresh)
    if ledger.metrics is None:
        Pipeline(TRAINING)(record)
    else:
        observer.note(f"{folder} holds this run already, finished; --fresh trains it again")
    return TrainedRun(folder, ledger.metrics or {})


def _source(source: str | Path) -> str:
    """Return a data source as a recipe names it: `hf:` names as they are, paths absolute."""
    text = str(source)
    return text if text.startswith("hf:") else os.path.abspath(text)  # noqa: PTH100 -- also takes out "..", which Path does not
