"""What other packages add by entry points; nothing is looked for before a name is asked for."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Any

from nlp_lstm.errors import UsageError, nearest

TASKS, STAGES = "nlp_lstm.tasks", "nlp_lstm.stages"
"""The groups of entry points that are looked at; each name in one stands for a class."""
_NEEDED = {
    TASKS: ("Settings", "from_examples", "from_labels", "build", "answer"),
    STAGES: ("__call__",),  # the rest may also come with the instance
}
"""What the classes of a group must have, at the least."""


def find_outside(group: str, name: str) -> Any | None:
    """Return what another package calls `name` in a group of entry points, imported; None where none does.

    Raises:
        UsageError: two packages have such a name, or it cannot be imported, or is no class of the kind.
    """
    found = {entry.value: entry for entry in entry_points(group=group, name=name)}
    if not found:
        return None
    if len(found) > 1:
        raise UsageError(f"{name!r} comes from several packages: {', '.join(sorted(map(_package, found.values())))}")
    (entry,) = found.values()
    try:
        kind = entry.load()
    except (Exception, SystemExit) as error:  # whatever goes wrong in a module of someone else
        raise UsageError(f"{name!r} of {_package(entry)} cannot be used: {type(error).__name__}: {error}") from error
    wrong = _wrong_kind(group, kind)
    if wrong:
        raise UsageError(f"{name!r} of {_package(entry)} cannot be used: {wrong}")
    return kind


def _wrong_kind(group: str, kind: Any) -> str | None:
    """Return what keeps something from being what the names of a group stand for."""
    if not isinstance(kind, type):
        return f"expected a class, found {type(kind).__name__}"
    missing = [part for part in _NEEDED[group] if not _has(kind, part)]
    return f"{kind.__name__} has no {', '.join(missing)}" if missing else None


def _has(kind: type, part: str) -> bool:
    """Return whether the instances of a class have a part; each class itself can be called, so its own are asked."""
    return any(part in vars(each) for each in kind.__mro__)


def name_outside(group: str, kind: type) -> str | None:
    """Return the name by which another package offers a class in a group, or None."""
    place = f"{kind.__module__}:{kind.__qualname__}"
    return next((entry.name for entry in entry_points(group=group) if entry.value == place), None)


def nearest_of(group: str, name: str, own: list[str]) -> str:
    """Return a hint at the name nearest to `name`, of our own and of those in a group; see `errors.nearest`."""
    return nearest(name, {*own, *(entry.name for entry in entry_points(group=group))})


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else entry.value
