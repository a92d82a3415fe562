"""What a stage is, and whether stages fit together in their order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from inspect import Parameter, signature
from typing import Any, Protocol

from nlp_lstm.stages import is_training


class Stage(Protocol):
    """One step from record to record, of training or of running.

    A stage may also have `uses`, a tuple like `requires`: what it makes use of where a stage before has provided it,
    and does without where none has.
    """

    @property
    def name(self) -> str:
        """What it does, a verb; or, of several stages that do the same, what it is for."""
        ...

    @property
    def requires(self) -> tuple[str, ...]:
        """What must have been provided before."""
        ...

    @property
    def provides(self) -> tuple[str, ...]:
        """What it adds."""
        ...

    def __call__(self, record: Any) -> Any:
        """Return the record with what the stage adds."""
        ...


def kind_problems(stages: Sequence[Any]) -> list[str]:
    """Return a line for each thing among `stages` that is none, such as a function or a stage's class."""
    return [f"{place}: {wrong}" for place, stage in enumerate(stages, 1) if (wrong := kind_problem(stage))]


def kind_problem(stage: Any) -> str | None:
    """Return what keeps something from being a stage."""
    if isinstance(stage, type):
        return f"{stage.__name__} is a class; make a stage of it, such as {stage.__name__}({_needed(stage)})"
    missing = [part for part in ("name", "requires", "provides") if not hasattr(stage, part)]
    if not callable(stage) or len(missing) == 3:
        return f"expected a stage, found {type(stage).__name__}{'; Map runs a function' if callable(stage) else ''}"
    if missing:
        return f"{type(stage).__name__} is no stage: it has no {', '.join(missing)}"
    if not isinstance(stage.name, str):
        return f"{type(stage).__name__}.name: expected a string, found {stage.name!r}"
    for part in ("requires", "uses", "provides"):
        names = getattr(stage, part, ())
        if not isinstance(names, tuple | list | set | frozenset) or not all(isinstance(each, str) for each in names):
            return f"{type(stage).__name__}.{part}: expected a tuple of names, found {names!r}"
    return None


def _needed(kind: type) -> str:
    """Return the arguments without which no stage can be made of a class."""
    try:
        parameters = signature(kind).parameters.values()
    except (TypeError, ValueError):
        return "..."
    kinds = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.POSITIONAL_ONLY)
    return ", ".join(each.name for each in parameters if each.default is Parameter.empty and each.kind in kinds)


def mixture_problems(stages: Sequence[Stage]) -> list[str]:
    """Return a line if there are no stages, or some of training and some of running among them."""
    if not stages:
        return ["expected at least one stage"]
    by_kind = {kind: [stage.name for stage in stages if is_training(type(stage)) is kind] for kind in (True, False)}
    if not all(by_kind.values()):
        return []
    training, running = (", ".join(names) for names in by_kind.values())
    return [f"stages of training ({training}) and of running ({running}) make no pipeline together"]


def order_problems(stages: Sequence[Stage], *, given: Iterable[str] = ()) -> list[str]:
    """Return a line for each thing that keeps stages from running in their order; none when they fit.

    Args:
        stages: in the order they run.
        given: what the record brings along.
    """
    problems = []
    have: dict[str, Stage | None] = dict.fromkeys(given)
    for place, stage in enumerate(stages):
        rest = stages[place + 1 :]
        later = {thing: after.name for after in reversed(rest) for thing in after.provides}
        anew = {thing: after.name for after in reversed(rest) for thing in set(after.provides) - _takes(after)}
        uses = set(getattr(stage, "uses", ()))
        for thing in sorted(set(stage.requires) - have.keys()):
            where = f"which {later[thing]} provides only later" if thing in later else "which no stage provides"
            problems.append(f"{stage.name} requires {thing}, {where}")
        for thing in sorted((uses & anew.keys()) - have.keys() - set(stage.requires)):
            problems.append(f"{stage.name} uses {thing}, which {anew[thing]} provides only later")
        for thing in sorted((set(stage.provides) & have.keys()) - _takes(stage)):
            earlier = have[thing]
            if earlier is not None and thing not in getattr(earlier, "uses", ()):  # else it was told there
                hint = "; into=NAME keeps both" if hasattr(stage, "into") else ""
                before = f"another {earlier.name}" if earlier.name == stage.name else earlier.name
                problems.append(f"{stage.name} provides {thing}, which {before} has provided already{hint}")
        have |= dict.fromkeys(stage.provides, stage)
    return problems


def _takes(stage: Stage) -> set[str]:
    """Return what a stage takes from those before it; what it provides of that, it only fills further."""
    return {*stage.requires, *getattr(stage, "uses", ())}
