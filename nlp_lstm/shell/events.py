"""What a session answers with: typed events, for a terminal or a test to show as it likes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of text that follows the one before it without a gap.

    Attributes:
        text: the piece.
        given: whether a person typed it; else the model wrote it.
    """

    text: str
    given: bool = False


@dataclass(frozen=True, slots=True)
class Break:
    """What follows is not joined to the text shown so far."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing to show yet: here what is being done can be stopped."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model that writes no texts says of one line."""

    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells, each as wide as `columns`.

    Attributes:
        columns: what stands above each.
        rows: the cells.
        title: a line above it, or "".
        aside: whether it only helps with a choice, and is no result.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    title: str = ""
    aside: bool = False


@dataclass(frozen=True, slots=True)
class Meter:
    """A share in [0, 1] of what `text` says."""

    text: str
    share: float


@dataclass(frozen=True, slots=True)
class Note:
    """A line for people that is no result."""

    text: str


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong with a line, and the exit code it stands for in a script."""

    text: str
    code: int


Event: TypeAlias = Piece | Break | Pause | Answer | Table | Meter | Note | Problem
