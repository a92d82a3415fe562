"""Long work in steps: a generator that yields where it can be left, and returns what it has found."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TypeVar

Found = TypeVar("Found")


def steps(work: Generator[None, None, Found]) -> Iterator[Found | None]:
    """Yield None wherever some work can be left, then what it has found."""
    found = yield from work
    yield found


def finish(work: Generator[None, None, Found]) -> Found:
    """Return what some work finds, without leaving it anywhere."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            found: Found = end.value
            return found
