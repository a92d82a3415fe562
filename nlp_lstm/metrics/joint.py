"""The scores of a model of several parts: those of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class JointReport:
    """The scores of several tasks.

    Attributes:
        n: examples scored, of all parts together.
        score: the plain mean of the numbers that training watches, one a part, in [0, 1].
        parts: the report of each part that has examples, as plain values; `task` in it names its task.
    """

    n: int
    score: float
    parts: Mapping[str, Mapping[str, Any]]

    def to_dict(self) -> dict[str, object]:
        """Return the report as plain values, ready for JSON."""
        return {"n": self.n, "score": self.score, "parts": {name: dict(part) for name, part in self.parts.items()}}
