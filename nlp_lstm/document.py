"""The records that flow through a pipeline: what was read, what was predicted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled (or still unlabelled) text and where it was read.

    Attributes:
        text: the text exactly as it stands in the file.
        label: its label, or None where the file has none.
        source: the file or data set it came from, for messages.
        line: its line in that file, counted from 1 (a CSV record's first line); 0 when it came from elsewhere.
    """

    text: str
    label: str | None = None
    source: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a classifier says of one text.

    Attributes:
        label: the likeliest label.
        score: its probability in [0, 1].
        scores: the probability of every label, in the model's label order; they sum to 1.
    """

    label: str
    score: float
    scores: Mapping[str, float]

    def to_dict(self) -> dict[str, object]:
        """Return the record as plain values, ready for JSON."""
        return {"label": self.label, "score": self.score, "scores": dict(self.scores)}
