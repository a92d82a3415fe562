"""Composed pipelines as folders: the file of their stages, and a copy of each model."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

from nlp_lstm.errors import ModelError, UsageError, listed
from nlp_lstm.files import write_text
from nlp_lstm.stages import stage_name
from nlp_lstm.stages.composed import FILE
from nlp_lstm.stages.order import Stage
from nlp_lstm.store import CONFIG, ModelFiles
from nlp_lstm.toml_values import toml_value


def arguments(stage: Stage) -> dict[str, Any]:
    """Return the arguments a stage was made with, but for those that have their default.

    A stage keeps each argument as an attribute of the argument's name; one that it does not keep is left out.
    """
    kept = [each for each in _parameters(stage) if hasattr(stage, each.name)]
    return {each.name: value for each in kept if (value := getattr(stage, each.name)) != each.default}


def write_composed(stages: Sequence[Stage], folder: Path) -> None:
    """Write stages and a copy of their models to a folder, whole or not at all.

    Raises:
        UsageError: the folder is not empty or cannot be written; or some stages cannot be written, all of which are
            named; or a model's folder no longer holds the model that the stage runs.
        ModelError: a model's folder is gone.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} holds something already: give a new folder")
    tables = [_table(stage, number) for number, stage in enumerate(stages, 1)]
    problems = [problem for table in tables for problem in table.problems]
    if problems:
        raise UsageError(listed("the pipeline cannot be saved", problems))
    beside = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    try:
        beside.mkdir(parents=True)
        for table in tables:
            for place, copy in table.copies.items():
                copy(beside / place)
        write_text(beside / FILE, "\n".join(table.text for table in tables))
        beside.replace(folder)
    except OSError as error:
        raise UsageError(f"{folder} cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


@dataclass(frozen=True)
class _Table:
    """A stage as it is written: its lines, what writes each folder that goes along, and what keeps it from that."""

    text: str
    copies: Mapping[str, Callable[[Path], None]]
    problems: Sequence[str]


def _table(stage: Stage, number: int) -> _Table:
    """Return a stage as it is written."""
    name = stage_name(type(stage))
    if name is None:
        return _Table("", {}, [f"{stage.name}: {type(stage).__name__} is in no table of stages"])
    lost = [each.name for each in _parameters(stage) if not hasattr(stage, each.name)]
    problems = [f"{stage.name}: it does not keep its argument {each} as an attribute" for each in lost]
    lines, copies = ["[[stages]]", f"stage = {toml_value(name)}"], {}
    for key, value in arguments(stage).items():
        if key == "device":  # another machine has its own devices
            continue
        if key in getattr(stage, "folders", ()):
            place = f"models/{number}-{name}-{key}"
            copies[place] = getattr(stage, "write_model", None) or partial(_copy, Path(value))
            value = place
        try:
            lines.append(f"{key} = {toml_value(value)}")
        except ValueError:
            problems.append(f"{stage.name}: its {key} cannot be written to a file")
    return _Table("\n".join([*lines, ""]), copies, problems)


def _copy(source: Path, target: Path) -> None:
    """Copy the folder of a stage that does not write it itself: of a model its own files, of any other all."""
    if not source.is_dir():
        raise ModelError(f"no folder at {source}: it has gone since the stage was made")
    if (source / CONFIG).is_file():
        ModelFiles.read(source).write(target)
    else:
        shutil.copytree(source, target)


def _parameters(stage: Stage) -> list[Parameter]:
    """Return the arguments that a stage can be made with."""
    kinds = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
    return [each for each in signature(type(stage)).parameters.values() if each.kind not in kinds]
