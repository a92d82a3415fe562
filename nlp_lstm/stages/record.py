"""What flows through the training stages: filled field by field, never changed in place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from nlp_lstm.config import Recipe
from nlp_lstm.tasks.task import Report, Task, Vocabularies
from nlp_lstm.training.loop import Batches, Position, Progress

Splits = Mapping[str, Sequence[Any]]
"""The task's examples by split: `train`, `dev`, and `test` where there is one."""


@dataclass(frozen=True)
class Observer:
    """Who is told how training goes: `note` gets a line of text, `progress` the state after each step."""

    note: Callable[[str], None] = lambda line: None
    progress: Callable[[Progress], None] = lambda progress: None


@dataclass(frozen=True)
class TrainingRecord:
    """A training run on its way through the stages.

    Attributes:
        recipe: its settings.
        out: the folder of the run, which becomes the model folder.
        device: where the network runs.
        observer: who is told.
        fresh: whether what an earlier run left in the folder is to be forgotten.
        splits: the examples; those the caller gave, and those from `read`, completed by `split`.
        given: the examples that the caller gave; from `read`.
        tokenizer: from `tokenize`, like `tokens`.
        tokens: the tokenized texts by split.
        vocabularies: by what they number; from `vocabulary`.
        task: from `batch`, like `rows` and `batches`.
        rows: the ids of the texts by split.
        batches: the training batches.
        model: the network with the best weights; from `fit`, like `position`.
        position: where training ended.
        reports: the scores by split; from `evaluate`.
        metrics: what `metrics.json` holds; from `save`.
    """

    recipe: Recipe
    out: Path
    device: torch.device
    observer: Observer = field(default_factory=Observer)
    fresh: bool = False
    splits: Splits | None = None
    given: Splits | None = None
    tokenizer: Any = None
    tokens: Mapping[str, Any] | None = None
    vocabularies: Vocabularies | None = None
    task: Task | None = None
    rows: Mapping[str, Any] | None = None
    batches: Batches | None = None
    model: torch.nn.Module | None = None
    position: Position | None = None
    reports: Mapping[str, Report] | None = None
    metrics: Mapping[str, Any] | None = None
