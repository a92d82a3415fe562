"""Stages in a row: each says what it needs and what it adds, and the whole order is checked when it is built."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Generic, Protocol, TypeVar

from nlp_lstm.errors import UsageError, listed

R = TypeVar("R")


class Stage(Protocol[R]):
    """One step from record to record."""

    @property
    def name(self) -> str:
        """What it does, a verb."""
        ...

    @property
    def requires(self) -> tuple[str, ...]:
        """What must have been provided before."""
        ...

    @property
    def provides(self) -> tuple[str, ...]:
        """What it adds."""
        ...

    def __call__(self, record: R) -> R:
        """Return the record with what the stage adds."""
        ...


class Pipeline(Generic[R]):
    """Stages run one after the other on a record.

    Args:
        stages: in the order they run.
        given: fields the record brings along.

    Raises:
        UsageError: a stage requires what no stage before it provides; every such case is named.
    """

    def __init__(self, stages: Sequence[Stage[R]], *, given: Iterable[str] = ()) -> None:
        self.stages = tuple(stages)
        have = set(given)
        problems = []
        for stage in self.stages:
            for missing in sorted(set(stage.requires) - have):
                problems.append(f"{stage.name} requires {missing}{self._where(missing)}")
            have.update(stage.provides)
        if problems:
            raise UsageError(listed("the stages do not fit", problems))

    def _where(self, field: str) -> str:
        providers = [stage.name for stage in self.stages if field in stage.provides]
        return f", which {providers[0]} provides only later" if providers else ", which no stage provides"

    def __call__(self, record: R) -> R:
        """Return the record after the last stage."""
        for stage in self.stages:
            record = stage(record)
        return record
