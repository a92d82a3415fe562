"""What a joint recipe may say: what all parts read of a word, and each part's task, data and head."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from nlp_lstm.config import IN_MEMORY, SPLITS, DataSettings, Settings, problems_of
from nlp_lstm.errors import UsageError
from nlp_lstm.tasks import find_task
from nlp_lstm.tasks.parts import Part, part_names
from nlp_lstm.tasks.words import SpellingSettings


class JointPart(Settings):
    """A table `[head.parts.NAME]` of a joint recipe."""

    task: str
    weight: Annotated[float, Field(gt=0, le=1000)] = 1.0
    """How often an epoch goes through this part's training data."""
    data: DataSettings = DataSettings()
    """Where its data are and how to read them."""
    head: dict[str, Any] = Field(default_factory=dict)
    """Its head's settings, as in a recipe of its task, but for those of `SpellingSettings`."""


class JointSettings(SpellingSettings):
    """The `[head]` section of a joint recipe: what all parts read of a word, and the parts."""

    parts: Annotated[dict[str, JointPart], Field(min_length=2)]


def settle(head: Mapping[str, Any]) -> dict[str, Any]:
    """Return the `[head]` section of a recipe that is in order, with the defaults of its parts written out."""
    settings = JointSettings(**head)
    parts = {
        name: part.model_copy(update={"head": part_settings(part.task, part.head).model_dump()})
        for name, part in settings.parts.items()
    }
    of_all = {"parts": {"__all__": {"data": {"dev_fraction"}}}}  # not for a part to say
    return settings.model_copy(update={"parts": parts}).model_dump(exclude=of_all)


def part_settings(task: str, head: Mapping[str, Any]) -> Settings:
    """Return the head's settings of a part that is in order."""
    kind = find_task(task)
    assert issubclass(kind, Part)
    return kind.part_settings()(**head)


def parts_problems(head: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """Return a line for each thing wrong with the parts of a recipe, and with data that are named beside them.

    Args:
        head: its `[head]` section.
        data: its `[data]` section.
    """
    given = [split for split in SPLITS if data.get(split) == IN_MEMORY]
    found = [
        f"data.{name}: a joint recipe reads the data of its parts: head.parts.NAME.data.{name}"
        for name, value in data.items()
        if name != "dev_fraction" and value not in (None, IN_MEMORY)
    ]
    tables = head.get("parts")
    named = tables.items() if isinstance(tables, dict) else ()
    parts = {name: part for name, part in named if isinstance(part, dict)}
    for name, part in parts.items():
        found += part_problems(name, part, in_memory="train" in given)
    with_dev = [name for name, part in parts.items() if _given(part, "dev") is not None]
    if with_dev and len(with_dev) < len(parts) and not given:
        without = sorted(set(parts) - set(with_dev))
        found.append(f"head.parts: some have dev data, {', '.join(without)} none: expected all or none to have some")
    return found


def part_problems(name: str, part: Mapping[str, Any], *, in_memory: bool) -> list[str]:
    """Return a line for each thing wrong with a part that its settings do not refuse anyway."""
    place, found = f"head.parts.{name}", []
    if not re.fullmatch(r"[A-Za-z_][\w-]*", name) or name == "id":
        found.append(f"{place}: expected a name of letters, digits, _ and -, and not id")
    if not in_memory and _given(part, "train") is None:
        found.append(f"{place}.data.train: missing")
    if not in_memory and _given(part, "dev_fraction") is not None:
        found.append(f"{place}.data.dev_fraction: it is one for all parts: data.dev_fraction")
    task, head = part.get("task"), part.get("head", {})
    if not isinstance(task, str):
        return found
    try:
        kind = find_task(task)
    except UsageError as error:
        return [*found, f"{place}.task: {error}"]
    if not issubclass(kind, Part):
        return [*found, f"{place}.task: {task!r} cannot be a part; expected one of {', '.join(part_names())}"]
    if isinstance(head, dict):
        found += problems_of(kind.part_settings(), head, section=f"{place}.head")
    return found


def _given(part: Mapping[str, Any], name: str) -> Any:
    """Return a setting of a part's data, None where it is not given."""
    data = part.get("data")
    return data.get(name) if isinstance(data, dict) else None
