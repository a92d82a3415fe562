"""One recipe with several cells, each at a size at which all networks have equally many weights."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Unpack, get_args

from nlp_lstm.config import SPLITS, EncoderSettings, Recipe
from nlp_lstm.errors import UsageError, listed, nearest
from nlp_lstm.files import write_json
from nlp_lstm.stages.apart import train_apart
from nlp_lstm.stages.comparison import CellResult, Comparison, RunResult, read_run
from nlp_lstm.stages.fitting import Fit
from nlp_lstm.stages.latency import measure_latency
from nlp_lstm.stages.ledger import Ledger
from nlp_lstm.stages.loading import load
from nlp_lstm.stages.moving import check_source_model
from nlp_lstm.stages.network import check_precision, choose_device
from nlp_lstm.stages.pipeline import Pipeline
from nlp_lstm.stages.recipes import write_recipe
from nlp_lstm.stages.record import Observer, TrainingRecord
from nlp_lstm.stages.run import Choices, settle
from nlp_lstm.stages.sizes import count_weights, match_sizes
from nlp_lstm.stages.training import TRAINING
from nlp_lstm.store import RUN

RESULT = "compare.json"
CELLS: tuple[str, ...] = get_args(EncoderSettings.model_fields["cell"].annotation)
"""Every cell an encoder can have."""
_RUN_NAME = re.compile(rf"({'|'.join(CELLS)})-\d+(\.toml)?$")
OWN_SECTIONS = ("encoder", "training")
"""Sections of a recipe in which a single cell may have settings of its own."""


@dataclass(frozen=True)
class Contender:
    """A cell that takes part: the settings of its runs, but for their seeds, and the weights of its network."""

    cell: str
    recipe: Recipe
    n_weights: int

    def with_seed(self, seed: int) -> Recipe:
        """Return the settings of one run."""
        return self.recipe.model_copy(update={"training": self.recipe.training.model_copy(update={"seed": seed})})


@dataclass(frozen=True)
class Match:
    """A comparison that can begin: who takes part, the development examples, and what the result will say."""

    contenders: tuple[Contender, ...]
    examples: Sequence[Any]
    empty: Comparison


def compare(
    recipe: str,
    *,
    cells: Sequence[str],
    seeds: int = 3,
    out: str | Path | None = None,
    device: str | None = None,
    fresh: bool = False,
    dry_run: bool = False,
    observer: Observer | None = None,
    **choices: Unpack[Choices],
) -> Comparison:
    """Train a recipe with several cells and seeds, or go on where an earlier call in the same folder was stopped.

    Every network has as many weights as the recipe's own within 2 %; for this the hidden size of its encoder is looked
    for. Each run has a folder of its own in `out` (`lstm-1`, ...) and a process of its own, whose progress goes to
    standard error; `compare.json` beside them holds all that is known of these cells and seeds after each.

    Args:
        recipe: a path to a TOML file, or the name of a packaged recipe.
        cells: names of cells, in the order of the result.
        seeds: runs a cell; their seeds are the recipe's, the next one, ...
        out: the folder of all runs; `runs/compare-RECIPE` by default.
        device: `cpu` (the default), `cuda`, ...
        fresh: forget what earlier runs left in the folder.
        dry_run: only look for the sizes.
        observer: who is told how it goes.
        **choices: data, budget, first seed and settings, as in `Choices`; data must be files. A setting such as
            `gru.training.learning_rate` is one of this cell alone.

    Raises:
        UsageError: a setting is wrong, the task cannot use a cell, or one cannot be made as large as the others (all
            of this before anything is trained); or the folder holds other runs.
        DataError: a data file is missing or malformed.
        RunError: a run failed.
        Interrupted: Ctrl-C or SIGTERM; the same call goes on from there.
    """
    if seeds < 1:
        raise UsageError(f"seeds: expected at least 1, found {seeds}")
    observer = observer or Observer()
    match = _prepare(recipe, _check_cells(cells), choices, observer, device)
    if dry_run:
        return match.empty
    folder = Path(out) if out is not None else Path("runs") / f"compare-{Path(recipe).stem}"
    runs = [(contender, seed) for seed in _seeds(match, seeds) for contender in match.contenders]
    _check_folders(folder, runs, fresh=fresh)
    known, comparison = _latencies(folder / RESULT), _look(folder, match, seeds)
    for number, (contender, seed) in enumerate(runs, 1):
        if fresh or Ledger(_run_folder(folder, contender, seed)).metrics is None:
            observer.note(f"{contender.cell}, seed {seed} (run {number} of {len(runs)})")
            _train(folder, contender, seed, device=device, fresh=fresh)
            known, comparison = {}, _look(folder, match, seeds)
            write_json(folder / RESULT, comparison.to_dict())
    if set(known) != {cell.cell for cell in comparison.cells}:
        known = _measure(folder, match, device)
    timed = tuple(replace(each, latency_ms=known[each.cell]) for each in comparison.cells)
    comparison = replace(comparison, cells=timed)
    write_json(folder / RESULT, comparison.to_dict())
    return comparison


def _check_cells(cells: Sequence[str]) -> tuple[str, ...]:
    cells = [cells] if isinstance(cells, str) else cells
    problems = [f"no cell {cell!r}{nearest(cell, CELLS)}" for cell in cells if cell not in CELLS]
    problems += [f"{cell!r} comes twice" for cell in dict.fromkeys(cells) if list(cells).count(cell) > 1]
    if problems or not cells:
        raise UsageError(listed("--cells", problems or [f"expected some of {', '.join(CELLS)}"]))
    return tuple(cells)


def _prepare(recipe: str, cells: Sequence[str], choices: Choices, observer: Observer, device: str | None) -> Match:
    """Settle the settings of every cell, read the data, and find the sizes; nothing is written."""
    own, settled = _settle(recipe, cells, choices)
    place = choose_device(device)
    check_precision(place, own.training.precision)
    before_training = TRAINING[: next(i for i, stage in enumerate(TRAINING) if isinstance(stage, Fit))]
    with TemporaryDirectory() as nowhere:  # no run's folder: nothing is trained
        record = Pipeline(before_training)(TrainingRecord(own, Path(nowhere), place, observer))
    n_weights = count_weights(record.task, own.encoder)
    sized = match_sizes(record.task, n_weights, {cell: each.encoder for cell, each in settled.items()})
    contenders = tuple(
        Contender(cell, settled[cell].model_copy(update={"encoder": each.encoder}), each.n_weights)
        for cell, each in sized.items()
    )
    results = tuple(CellResult(each.cell, each.recipe.encoder.hidden_size, each.n_weights) for each in contenders)
    split = "test" if "test" in record.splits else "dev"
    return Match(
        contenders,
        record.splits["dev"],
        Comparison(recipe, own.task, split, n_weights, own.training.goal, results),
    )


def _settle(recipe: str, cells: Sequence[str], choices: Choices) -> tuple[Recipe, dict[str, Recipe]]:
    """Return the recipe's own settings, and those of each cell.

    Raises:
        UsageError: something is wrong in one of them; every such thing is named once.
    """
    if any(isinstance(choices.get(split), list | tuple) for split in SPLITS):
        raise UsageError("expected files of data: each run reads them in a process of its own")
    common, of_cell = _part_settings(choices.get("settings") or {}, cells)
    own = settle(recipe, **_with_settings(choices, common))
    settled, problems = {}, []
    for cell in cells:
        try:
            given = {**common, "encoder.cell": cell, **of_cell[cell]}
            settled[cell] = settle(recipe, **_with_settings(choices, given))
            check_source_model(settled[cell])
        except UsageError as error:
            problems.append(f"{cell}: {error}")
    if problems:
        raise UsageError(listed("the cells cannot be compared", problems))
    return own, settled


def _with_settings(choices: Choices, settings: Mapping[str, Any]) -> Choices:
    changed = choices.copy()
    changed["settings"] = settings
    return changed


def _part_settings(
    settings: Mapping[str, Any], cells: Sequence[str]
) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Return the settings of all cells, and those of each alone.

    Raises:
        UsageError: a setting of a cell alone stands in a section in which there can be none.
    """
    common: dict[str, Any] = {}
    alone: dict[str, dict[str, Any]] = {cell: {} for cell in cells}
    for name, value in settings.items():
        cell, _, rest = name.partition(".")
        if cell not in CELLS:
            common[name] = value
        elif cell not in alone:
            raise UsageError(f"{name}: {cell} is not among the cells to compare")
        elif rest.partition(".")[0] not in OWN_SECTIONS or rest == "encoder.cell":
            raise UsageError(f"{name}: one cell alone can have settings in {' and '.join(OWN_SECTIONS)} only")
        else:
            alone[cell][rest] = value
    return common, alone


def _seeds(match: Match, n: int) -> range:
    first = match.contenders[0].recipe.training.seed
    return range(first, first + n)


def _run_folder(folder: Path, contender: Contender, seed: int) -> Path:
    return folder / f"{contender.cell}-{seed}"


def _check_folders(folder: Path, runs: Sequence[tuple[Contender, int]], *, fresh: bool) -> None:
    """See that every run may start or go on in its folder.

    Raises:
        UsageError: the folder is something else, or one may not; all of them are named.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file: give another --out")
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    if RUN in names or (names and RESULT not in names and not any(map(_RUN_NAME.match, names))):
        raise UsageError(f"{folder} holds something that is no comparison: give another --out")
    problems = {}
    for contender, seed in runs:
        run = _run_folder(folder, contender, seed)
        try:
            Ledger(run).check(contender.with_seed(seed), fresh=fresh)
        except UsageError as error:
            problems[run.name] = str(error)
    if problems:
        first, *others = problems
        more = f"\n  and so cannot {', '.join(others)}" if others else ""
        raise UsageError(f"{first} cannot go on: {problems[first]}{more}")


def _train(folder: Path, contender: Contender, seed: int, *, device: str | None, fresh: bool) -> None:
    run = _run_folder(folder, contender, seed)
    recipe = run.with_name(f"{run.name}.toml")
    write_recipe(recipe, contender.with_seed(seed))
    train_apart(recipe, out=run, device=device, fresh=fresh)


def _look(folder: Path, match: Match, seeds: int) -> Comparison:
    """Return what is known of the runs that are finished."""

    def results(contender: Contender) -> Iterator[RunResult]:
        for seed in _seeds(match, seeds):
            run = _run_folder(folder, contender, seed)
            found = read_run(run, seed=seed, goal=match.empty.goal, split=match.empty.split)
            if found is not None:
                yield found

    pairs = zip(match.empty.cells, match.contenders, strict=True)
    return replace(match.empty, cells=tuple(replace(cell, runs=tuple(results(each))) for cell, each in pairs))


def _measure(folder: Path, match: Match, device: str | None) -> dict[str, float]:
    """Return the latency of each cell's first model."""
    first = _seeds(match, 1)[0]
    models = {each.cell: load(_run_folder(folder, each, first), device=device) for each in match.contenders}
    return measure_latency(models, match.examples)


def _latencies(result: Path) -> dict[str, float]:
    """Return the latencies that an earlier call measured for the runs that are there; none if there was none."""
    try:
        cells = json.loads(result.read_text(encoding="utf-8"))["cells"]
        return {cell["cell"]: float(cell["latency_ms"]) for cell in cells}
    except (OSError, ValueError, KeyError, TypeError):  # not there, or not whole
        return {}
