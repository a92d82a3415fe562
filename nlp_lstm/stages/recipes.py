"""Recipes: finding them, reading them, and laying a person's own settings over them."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Container, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nlp_lstm.config import BUDGETS, SPLITS, UNUSED, Recipe, check_training, parse_settings, problems_of
from nlp_lstm.corpora.opening import STANDARD_INPUT, is_file_name
from nlp_lstm.errors import UsageError, listed, nearest
from nlp_lstm.files import write_text
from nlp_lstm.tasks import find_task
from nlp_lstm.tasks.numbers import SECTIONS, ReadsNumbers
from nlp_lstm.tasks.parts import HasParts
from nlp_lstm.toml_values import toml_value

PATHS = (("vocabulary", "vectors"), ("training", "init_from"))
"""The settings that name files besides those of data."""


_VARIABLE = r"\$\{?(\w+)"


@dataclass(frozen=True)
class RecipeLine:
    """A packaged recipe in a list: its name, task and first words."""

    name: str
    task: str
    description: str


def recipe_folder() -> Path:
    """Return the folder of the recipes that come with the package: in the wheel, or beside it in a checkout."""
    package = Path(__file__).parents[1]
    inside = package / "share" / "pipelines"
    return inside if inside.is_dir() else package.parent / "pipelines"


def list_recipes() -> list[RecipeLine]:
    """Return the packaged recipes, by name."""
    lines = []
    for name, path in sorted(_packaged().items()):
        content = read_toml(path, title=f"recipe {path}")
        if "stages" not in content:  # a composed pipeline is nothing to train
            lines.append(RecipeLine(name, str(content.get("task", "")), str(content.get("description", ""))))
    return lines


def _packaged() -> dict[str, Path]:
    """Return the packaged files by name; that of one in a folder begins with the folder's: `lags/reber`."""
    folder = recipe_folder()
    return {path.relative_to(folder).with_suffix("").as_posix(): path for path in folder.rglob("*.toml")}


def find_recipe(name: str) -> Path:
    """Return the file of a recipe: a path, or the name of a packaged one.

    Raises:
        UsageError: there is no such recipe; the nearest name is offered.
    """
    path = Path(name)
    if path.suffix == ".toml" and path.is_file():
        return path
    packaged = _packaged()
    if name in packaged:
        return packaged[name]
    if path.suffix == ".toml":
        raise UsageError(f"no recipe at {name}: there is no such file")
    raise UsageError(f"no recipe {name!r}{nearest(name, [line.name for line in list_recipes()])}")


def load_recipe(name: str, settings: Mapping[str, Any] | None = None) -> Recipe:
    """Return a recipe with settings laid over it, checked whole.

    Args:
        name: a path to a TOML file, or the name of a packaged recipe.
        settings: dotted names and their values, such as `{"encoder.hidden_size": 256}`; a budget given here
            (`training.minutes`, `.epochs`, `.steps`) takes the place of the recipe's, and with a cell given here the
            recipe loses what that has no use for. Paths are taken as they are, those in the file relative to its
            folder; `$NAME` stands for an environment variable.

    Raises:
        UsageError: with every problem of the recipe at once.
    """
    path = find_recipe(name)
    content = read_toml(path, title=f"recipe {path}")
    if "stages" in content:
        raise UsageError(f"{path} is a composed pipeline, not a recipe to train: nlp-lstm predict {path} runs it")
    _resolve_paths(content, path.parent)
    problems = _lay_over(content, settings or {})
    problems += problems_of(Recipe, content) + check_training(content.get("training"))
    task = content.get("task")
    if isinstance(task, str):
        problems += _settle_task(task, content)
    if problems:
        raise UsageError(listed(f"recipe {path}", problems))
    return parse_settings(Recipe, content, title=f"recipe {path}")


def write_recipe(path: Path, recipe: Recipe) -> None:
    """Write settings to a file that `load_recipe` reads as the same ones."""
    content = recipe.model_dump(mode="json", exclude_defaults=True, exclude_none=True)
    sections = {name: content.pop(name) for name in [*content] if isinstance(content[name], dict)}
    lines = [_assignment(name, value) for name, value in content.items()]
    for name, values in sections.items():
        lines += ["", f"[{name}]", *(_assignment(key, value) for key, value in values.items())]
    write_text(path, "\n".join([*lines, ""]))


def _assignment(name: str, value: Any) -> str:
    return f"{name} = {toml_value(_stated(value))}"


def _stated(value: Any) -> Any:
    """Return a value without what is None in its tables, which TOML has no word for."""
    return {key: _stated(each) for key, each in value.items() if each is not None} if isinstance(value, dict) else value


def _settle_task(task: str, content: dict[str, Any]) -> list[str]:
    """Write out the task's defaults, so that a later change of one changes no older model; return what is wrong."""
    head, encoder = content.get("head", {}), content.get("encoder", {})
    try:
        kind = find_task(task)
    except UsageError as error:
        return [f"task: {error}"]
    if isinstance(encoder, dict):
        content["encoder"] = {**getattr(kind, "encoder_defaults", {}), **encoder}
    if not isinstance(head, dict):
        return []
    wrong = problems_of(kind.Settings, head, section="head")
    if issubclass(kind, HasParts):
        data = content.get("data")
        wrong += kind.problems(head, data if isinstance(data, dict) else {})
    if not wrong:
        content["head"] = kind.settle(head) if issubclass(kind, HasParts) else kind.Settings(**head).model_dump()
    if issubclass(kind, ReadsNumbers):
        wrong += [f"{part}: {task} reads numbers, no text; leave it out" for part in SECTIONS if content.get(part)]
    return wrong


def check_sources(recipe: Recipe, given: Container[str] = ()) -> None:
    """See that what a recipe reads is named and its variables are set, before anything is done.

    Args:
        recipe: the settings.
        given: the splits that need not be read, as their examples are there.

    Raises:
        UsageError: there is no training data, or an environment variable in a path is not set; all are named.
    """
    problems = []
    sections: dict[str, Any] = {**recipe.data_sections, "vocabulary": recipe.vocabulary, "training": recipe.training}
    places = [(section, split) for section in recipe.data_sections for split in SPLITS if split not in given]
    for section, key in [*places, *PATHS]:
        source = getattr(sections[section], key)
        variable = re.match(_VARIABLE, source or "")
        if variable:
            flag = f", or give --{key} FILE" if section == "data" else ""
            problems.append(f"{section}.{key} is expected at {source}: set {variable[1]}{flag}")
        if source and Path(source).name == STANDARD_INPUT:
            problems.append(f"{section}.{key}: expected a file, found standard input, which cannot be read twice")
    if "data" in sections and recipe.data.train is None and "train" not in given:
        problems.append("the recipe names no training data: give --train FILE")
    if problems:
        raise UsageError(listed("the recipe cannot start", problems))


def parse_setting(text: str) -> tuple[str, Any]:
    """Return the dotted name and the value of `a.b=v`; a value that is no TOML value is a string.

    Raises:
        UsageError: there is no `=`, or no dotted name before it.

    >>> parse_setting("encoder.hidden_size=256")
    ('encoder.hidden_size', 256)
    >>> parse_setting("tokenizer.kind=regex")
    ('tokenizer.kind', 'regex')
    """
    name, equals, value = text.partition("=")
    name = name.strip()
    if not equals or not re.fullmatch(r"\w+(\.\w+)+", name):
        raise UsageError(f"expected SECTION.NAME=VALUE, found {text!r}")
    try:
        return name, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return name, value.strip()


def read_toml(path: Path, *, title: str) -> dict[str, Any]:
    """Return the content of a TOML file, which messages call `title`.

    Raises:
        UsageError: it is not valid TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{title} is not valid TOML: {error}") from error


def _resolve_paths(content: dict[str, Any], folder: Path) -> None:
    """Make the paths of a recipe absolute; one that starts with a variable is left for the reader to complain of."""
    tables = [(table, key) for table in _data_tables(content) for key in SPLITS]
    for values, key in [*tables, *((content.get(section), key) for section, key in PATHS)]:
        value = values.get(key) if isinstance(values, dict) else None
        if isinstance(value, str) and is_file_name(value):
            expanded = _expand(value)
            values[key] = expanded if expanded.startswith("$") else os.path.abspath(folder / expanded)  # noqa: PTH100 -- also takes out ".."


def _data_tables(content: Mapping[str, Any]) -> list[Any]:
    """Return the tables of a recipe that say where data are: its own, and those of a head's parts."""
    head = content.get("head")
    parts = head.get("parts") if isinstance(head, dict) else None
    tables = parts.values() if isinstance(parts, dict) else ()
    return [content.get("data"), *(part.get("data") for part in tables if isinstance(part, dict))]


def _expand(path: str) -> str:
    """Return a path with its environment variable in place; one that is not set, or empty, stays as it is."""
    variable = re.match(_VARIABLE, path)
    return os.path.expandvars(path) if variable is None or os.environ.get(variable[1]) else path


def _lay_over(content: dict[str, Any], settings: Mapping[str, Any]) -> list[str]:
    """Put dotted settings into a recipe's content; return a line for each that has no place there."""
    problems = []
    training = content.get("training")
    if isinstance(training, dict) and any(f"training.{unit}" in settings for unit in BUDGETS):
        for unit in BUDGETS:
            training.pop(unit, None)
    encoder, cell = content.get("encoder"), settings.get("encoder.cell")
    if isinstance(encoder, dict) and isinstance(cell, str):
        for name in UNUSED.get(cell, ()):
            encoder.pop(name, None)
    for name, value in settings.items():
        *path, key = name.split(".")
        place: Any = content
        for part in path:
            place = place.setdefault(part, {}) if isinstance(place, dict) else None
        if isinstance(place, dict):
            place[key] = value
        else:
            problems.append(f"{name}: has no place in the recipe")
    return problems
