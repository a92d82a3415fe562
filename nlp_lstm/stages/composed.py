"""Composed pipelines as files: which stages in which order, with which settings and models.

A file is TOML, a table `[[stages]]` for each stage: `stage` is its name, the other keys are the arguments of its class.
Folders are relative to the file. `stage = "pipeline"` with `file = "other.toml"` stands for the stages of another file;
the folder of a saved pipeline is named in the same way.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, create_model

from nlp_lstm.config import Settings, problems_of, wrong_names
from nlp_lstm.errors import ModelError, NlpLstmError, UsageError, listed
from nlp_lstm.expected import found
from nlp_lstm.stages import find_stage
from nlp_lstm.stages.order import Stage, kind_problem, order_problems
from nlp_lstm.stages.recipes import read_toml

FILE = "pipeline.toml"
"""The composed pipeline in a folder of one."""
NESTED = "pipeline"
"""The name that stands for the stages of another file."""


class _File(Settings):
    """What a file may hold."""

    description: str = ""
    stages: list[Any]


class _Entry(Settings):
    """What every stage must say; the rest is its own."""

    model_config = ConfigDict(extra="allow")

    stage: str


class _Nested(Settings):
    """What a stage that stands for another file may say."""

    file: str


@dataclass(frozen=True)
class _Planned:
    """What is known of a stage that could not be built, so that the order can be checked all the same."""

    name: str
    requires: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    provides: tuple[str, ...] = ()

    def __call__(self, record: Any) -> Any:
        raise NotImplementedError("a stage that could not be built was run")


class _Reader:
    """Reads files into stages and collects what is wrong with them.

    Args:
        device: where the models run whose stage does not say.
    """

    def __init__(self, device: str | None) -> None:
        self.device = device
        self.problems: list[NlpLstmError] = []

    def stages(self, path: Path, content: _File, above: tuple[Path, ...] = (), place: str = "") -> Iterator[Stage]:
        """Yield the stages of a file; `place` is what stands before its name in a message, `above` what names it."""
        for number, values in enumerate(content.stages, 1):
            where = f"{place}stages.{number}"
            problems = _entry_problems(values, where)
            self.problems += map(UsageError, problems)
            if problems:
                continue
            own = dict(values)
            name = own.pop("stage")
            if name == NESTED:
                yield from self._nested(own, path, above, where)
            else:
                yield from self._stage(name, own, path.parent, where)

    def _nested(self, values: Mapping[str, Any], path: Path, above: tuple[Path, ...], where: str) -> Iterator[Stage]:
        problems = problems_of(_Nested, values, section=where)
        self.problems += map(UsageError, problems)
        if problems:
            return
        inner = _file_of(Path(os.path.normpath(path.parent / values["file"])))
        around = (*above, path)
        same = [i for i, each in enumerate(around) if _same(each, inner)]
        if same:
            names = " → ".join(_short(each) for each in (*around[same[0] :], inner))
            self._note(f"{where}: ", UsageError(f"the pipeline is a part of itself: {names}"))
            return
        place = f"{where} ({values['file']}): "
        try:
            content = _content(inner)
        except NlpLstmError as error:
            self._note(place, error)
            return
        yield from self.stages(inner, content, around, place)

    def _stage(self, name: str, values: dict[str, Any], folder: Path, where: str) -> Iterator[Stage]:
        try:
            kind = find_stage(name)
        except UsageError as error:
            self._note(f"{where}: ", error)
            return
        settings = _settings(kind)
        self.problems += map(UsageError, problems_of(settings, values, section=where))
        wrong = wrong_names(settings, values)
        right = {key: value for key, value in values.items() if key not in wrong}
        stage = None
        if not wrong_names(settings, right):  # built also without what is wrong, so that all else is told with it
            stage = self._build(kind, right, folder, where)
        yield _planned(name, kind, values) if wrong or stage is None else stage

    def _build(self, kind: type, values: Mapping[str, Any], folder: Path, where: str) -> Stage | None:
        """Return the stage, or None and note what is wrong."""
        place = f"{where} ({kind.__name__.lower()}): "
        given = _settings(kind)(**values).model_dump(exclude_unset=True)
        for key in getattr(kind, "folders", ()):
            if key in given:
                given[key] = os.path.normpath(folder / str(given[key]))
        if self.device is not None and "device" in signature(kind).parameters:
            given.setdefault("device", self.device)
        try:
            stage: Stage = kind(**given)
        except (NlpLstmError, TypeError, ValueError) as error:
            self._note(place, error)
            return None
        except Exception as error:  # whatever goes wrong in a stage of someone else
            self._note(place, UsageError(f"{type(error).__name__}: {error}"))
            return None
        wrong = kind_problem(stage)
        if wrong:
            self._note(place, UsageError(wrong))
            return None
        return stage

    def _note(self, place: str, error: Exception) -> None:
        kind = ModelError if isinstance(error, ModelError) else UsageError
        self.problems.append(kind(place + str(error).replace("\n  ", "; ")))


def _entry_problems(values: Any, where: str) -> list[str]:
    """Return a line for what keeps a member of `stages` from naming a stage."""
    if isinstance(values, dict):
        return problems_of(_Entry, values, section=where)
    return [f"{where}: expected a table, found {found(values)}"]


def _planned(name: str, kind: type, values: Mapping[str, Any]) -> _Planned:
    """Return what a stage's class says of its place in the order."""
    into = values.get("into")
    names = {part: getattr(kind, part, ()) for part in ("requires", "uses", "provides")}
    parts = {part: those if isinstance(those, tuple) else () for part, those in names.items()}
    return _Planned(name, **parts) if into is None else _Planned(str(into), **parts | {"provides": (str(into),)})


def is_composed(path: Path) -> bool:
    """Return whether a path is that of a composed pipeline: a TOML file, or a folder with one in it."""
    return path.suffix == ".toml" or (path / FILE).is_file()


def read_composed(path: Path, *, device: str | None = None) -> list[Stage]:
    """Return the stages of a composed pipeline, with those of the pipelines it names.

    Args:
        path: a TOML file, or a folder that `write_composed` has written.
        device: where the models run whose stage does not say.

    Raises:
        UsageError: something is wrong; every problem is named, those of models too.
        ModelError: the file or models are missing, damaged or of another task, and nothing else is wrong.
    """
    file = _file_of(path)
    reader = _Reader(device)
    stages = list(reader.stages(file, _content(file)))
    problems = [*reader.problems, *map(UsageError, order_problems(stages))]
    if problems:
        kind = ModelError if all(isinstance(problem, ModelError) for problem in problems) else UsageError
        raise kind(listed(f"pipeline {file}", [str(problem) for problem in problems]))
    return stages


def describe_composed(path: Path) -> str:
    """Return what a composed pipeline's file says of itself."""
    return _content(_file_of(path)).description


def _content(path: Path) -> _File:
    """Return what a file holds.

    Raises:
        ModelError: there is no such file.
        UsageError: it is no TOML, or not that of a composed pipeline.
    """
    if not path.is_file():
        raise ModelError(f"no pipeline at {path}: there is no such file")
    content = read_toml(path, title=f"pipeline {path}")
    if "task" in content:
        raise UsageError(f"{path} is a recipe to train, no composed pipeline: nlp-lstm train {path}")
    problems = problems_of(_File, content)
    if not problems and not content["stages"]:
        problems.append("stages: expected at least one")
    if problems:
        raise UsageError(listed(f"pipeline {path}", problems))
    return _File(**content)


def _settings(kind: type) -> type[Settings]:
    """Return the arguments of a stage's class as settings."""
    try:
        parameters = signature(kind, eval_str=True).parameters.values()
    except NameError:  # of a type that its module imports for the checker only
        parameters = signature(kind).parameters.values()
    fields: dict[str, Any] = {
        each.name: (
            Any if isinstance(each.annotation, str) or each.annotation is Parameter.empty else each.annotation,
            ... if each.default is Parameter.empty else each.default,
        )
        for each in parameters
        if each.kind in (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
    }
    return create_model(kind.__name__, __base__=Settings, **fields)


def _file_of(path: Path) -> Path:
    """Return the file of a composed pipeline, of its path or that of its folder."""
    return path / FILE if path.is_dir() else path


def _short(file: Path) -> str:
    """Return a pipeline's file as a message calls it; those in folders all have one name."""
    return file.parent.name if file.name == FILE else file.name


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()
