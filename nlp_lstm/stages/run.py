"""Training from Python: the same stages, settings and folders as the command line's."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias, TypedDict, Unpack

import torch

from nlp_lstm.config import BUDGETS, IN_MEMORY, SPLITS, Recipe
from nlp_lstm.corpora.opening import is_file_name
from nlp_lstm.errors import DataError, nearest
from nlp_lstm.records.examples import PartExample
from nlp_lstm.stages.ledger import FINISHED, Ledger
from nlp_lstm.stages.loading import load
from nlp_lstm.stages.network import check_precision, choose_device
from nlp_lstm.stages.pipeline import Pipeline
from nlp_lstm.stages.predictor import Predictor
from nlp_lstm.stages.recipes import load_recipe
from nlp_lstm.stages.record import Observer, Splits, TrainingRecord
from nlp_lstm.stages.training import TRAINING
from nlp_lstm.tasks import find_task
from nlp_lstm.training.allocator import keep_freed_memory

Data: TypeAlias = str | Path | Sequence[Any]
"""Where examples are: a path, `hf:NAME[:SPLIT]`, or a list of the task's own records, which are taken as they are."""


@dataclass(frozen=True)
class TrainedRun:
    """A finished run.

    Attributes:
        folder: its folder, which is also the model's.
        metrics: what `metrics.json` holds: the scores by split, the steps, the seconds, the most memory in bytes.
    """

    folder: Path
    metrics: Mapping[str, Any]

    def load(self) -> Predictor:
        """Return the trained model, ready to predict."""
        return load(self.folder)


class Choices(TypedDict, total=False):
    """What a person lays over a recipe: the flags of `nlp-lstm train`, and the keywords of `train` and `settle`.

    Attributes:
        train: the training data in place of the recipe's, which loses its dev and test data too then; from Python it
            may also be a list of the task's records, such as `Example`.
        dev: the development data; without any, a part of the training data is held out.
        test: the test data, scored once at the end.
        data_format: one of the formats of `nlp-lstm data check`, where the file's ending does not tell.
        text_column: the column or key of the texts.
        label_column: the column or key of the labels.
        columns: what the columns of tagged words are, in order: `word`, `tag`, `auxiliary` or `_`; of a table of
            numbers, the columns to forecast.
        time_column: of a table of numbers, the column of times.
        gaps: of a table of numbers, what is done about missing ones: `refuse`, `last` or `line`.
        source_lang: the language to translate from, by which files are called.
        target_lang: the language to translate to.
        source_column: the column or key of the sentences to translate.
        target_column: the column or key of their translations.
        online: whether `hf:` names may ask the Hub.
        minutes: the budget as time; with `epochs` and `steps`, at most one of the three.
        epochs: the budget as passes over the training data.
        steps: the budget as steps of the optimizer.
        seed: decides every random choice.
        init_from: a model folder, of any task, whose encoder the new network begins with.
        settings: any other setting by its dotted name, such as `{"encoder.hidden_size": 256}`.
    """

    train: Data | None
    dev: Data | None
    test: Data | None
    data_format: str | None
    text_column: str | None
    label_column: str | None
    columns: Sequence[str] | None
    time_column: str | None
    gaps: str | None
    source_lang: str | None
    target_lang: str | None
    source_column: str | None
    target_column: str | None
    online: bool | None
    minutes: float | None
    epochs: float | None
    steps: int | None
    seed: int | None
    init_from: str | Path | None
    settings: Mapping[str, Any] | None


_SETTING_OF = {
    **{split: f"data.{split}" for split in SPLITS},
    **{name: f"data.{name}" for name in ("text_column", "label_column", "columns", "time_column", "gaps", "online")},
    **{name: f"data.{name}" for name in ("source_lang", "target_lang", "source_column", "target_column")},
    **{"data_format": "data.format", "seed": "training.seed", "init_from": "training.init_from"},
    **{unit: f"training.{unit}" for unit in BUDGETS},
}
"""The setting that each choice stands for."""


def settle(recipe: str, **choices: Unpack[Choices]) -> Recipe:
    """Return the settings `train` would use.

    Args:
        recipe: a path to a TOML file, or the name of a packaged recipe.
        **choices: see `Choices`.

    Raises:
        TypeError: there is no such choice.
        UsageError: a setting is wrong; all of them are named.
    """
    given = dict(choices)
    settings: dict[str, Any] = dict(given.pop("settings", None) or {})  # type: ignore[call-overload]
    if given.get("train") is not None:  # the recipe's other data belong to its own training data
        settings = {"data.dev": None, "data.test": None, **settings}
    for name, value in given.items():
        if name not in _SETTING_OF:
            raise TypeError(f"unexpected keyword {name!r}{nearest(name, _SETTING_OF)}")
        if value is not None:
            settings[_SETTING_OF[name]] = _source(value) if name in (*SPLITS, "init_from") else value
    return load_recipe(recipe, settings)


def train(
    recipe: str,
    *,
    out: str | Path | None = None,
    device: str | None = None,
    fresh: bool = False,
    observer: Observer | None = None,
    **choices: Unpack[Choices],
) -> TrainedRun:
    """Train a recipe, or go on with it where an earlier call in the same folder was stopped.

    Args:
        recipe: a path to a TOML file, or the name of a packaged recipe (`nlp-lstm recipes` lists them).
        out: the run's folder; `runs/RECIPE` by default.
        device: `cpu` (the default), `cuda`, ...
        fresh: forget what an earlier run left in the folder.
        observer: who is told how it goes.
        **choices: data, budget, seed and settings, as in `Choices`.

    Raises:
        UsageError: a setting is wrong (all of them are named), the folder holds a run with other settings, or
            another process is training there.
        DataError: a data file is missing or malformed, or a list holds no examples.
        TypeError: a list holds something else than the task's records.
        Interrupted: Ctrl-C or SIGTERM; the same call goes on from there.
    """
    settled = settle(recipe, **choices)
    given = _given(settled.task, choices)
    folder = Path(out) if out is not None else Path("runs") / Path(recipe).stem
    observer = observer or Observer()
    place = choose_device(device)
    check_precision(place, settled.training.precision)
    if settled.training.threads is not None:
        torch.set_num_threads(settled.training.threads)
    keep_freed_memory()
    ledger = Ledger(folder)
    ledger.check(settled, fresh=fresh, given=given)
    if fresh or ledger.metrics is None:
        with ledger.locked():
            Pipeline(TRAINING)(TrainingRecord(settled, folder, place, observer, fresh, given))
    else:
        observer.note(f"{folder} {FINISHED}")
    return TrainedRun(folder, ledger.metrics or {})


def _given(task: str, choices: Choices) -> Splits:
    """Return the examples that are given themselves, by split; messages call one without a source by its place.

    Raises:
        DataError: there are none in a list.
        TypeError: one is no record of the task's.
    """
    lists = {split: data for split in SPLITS if isinstance(data := choices.get(split), list | tuple)}
    kind = find_task(task).example_type
    for split, examples in lists.items():
        if not examples:
            raise DataError(f"{split} {IN_MEMORY}: no examples; expected at least one")
        for number, example in enumerate(examples, 1):
            if not isinstance(example, kind):
                raise TypeError(f"{split}, example {number}: expected {kind.__name__}, found {type(example).__name__}")
    return {
        split: [
            example if example.source else _placed(example, f"{split} {IN_MEMORY}", number)
            for number, example in enumerate(examples, 1)
        ]
        for split, examples in lists.items()
    }


def _placed(example: Any, source: str, line: int) -> Any:
    """Return an example that says where it stands."""
    if isinstance(example, PartExample):
        return replace(example, example=_placed(example.example, source, line))
    return replace(example, source=source, line=line)


def _source(source: Any) -> str:
    """Return a data source as a recipe names it: paths absolute, other names as they are."""
    if isinstance(source, list | tuple):
        return IN_MEMORY
    text = str(source)
    return os.path.abspath(text) if is_file_name(text) else text  # noqa: PTH100 -- also takes out "..", which Path does not
