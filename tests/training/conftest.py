"""A made problem for the loop: numbers in, one of two classes out, in double precision and batches told by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from nlp_lstm.config import TrainingSettings
from nlp_lstm.nn.loss import SummedLoss
from nlp_lstm.training.loop import Trainer


class Points(NamedTuple):
    """Inputs (batch, 3) and their classes (batch,)."""

    inputs: Tensor
    targets: Tensor

    @property
    def n_tokens(self) -> int:
        return len(self.inputs)

    def to(self, device: torch.device) -> Points:
        return self


@dataclass
class FixedBatches:
    """The same batches in the same order in every epoch; what was asked for is noted."""

    batches: Sequence[Points]

    def __len__(self) -> int:
        return len(self.batches)

    def epoch(self, number: int, *, start: int = 0) -> Iterator[Points]:
        yield from self.batches[start:]


class Line(nn.Module):
    """A linear classifier with dropout on its input."""

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(3, 2, dtype=torch.float64)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.output(self.dropout(inputs))


def points(n: int, seed: int = 1) -> Points:
    """Return points whose class is the sign of their second coordinate."""
    draw = torch.Generator().manual_seed(seed)
    inputs = torch.randn(n, 3, generator=draw, dtype=torch.float64)
    return Points(inputs, (inputs[:, 1] > 0).long())


@dataclass
class Made:
    """What a test may take from here: the kinds above, and trainers on them."""

    folder: Path
    points = staticmethod(points)
    Points = Points
    Line = Line
    FixedBatches = FixedBatches

    def cut(self, sizes: Sequence[int], seed: int = 1) -> FixedBatches:
        """Return the same points for every way to cut them into batches."""
        whole = points(sum(sizes), seed)
        parts = zip(whole.inputs.split(list(sizes)), whole.targets.split(list(sizes)), strict=True)
        return FixedBatches([Points(*part) for part in parts])

    def objective(self, model: nn.Module) -> Callable[[Points], SummedLoss]:
        def loss(batch: Points) -> SummedLoss:
            total = nn.functional.cross_entropy(model(batch.inputs), batch.targets, reduction="sum")
            return SummedLoss(total, len(batch.targets))

        return loss

    def settings(self, **settings: Any) -> TrainingSettings:
        plain = {"warmup": 0.0, "decay": "none", "clip_norm": 0.0, "ema": 0.0, "precision": "float32"}
        return TrainingSettings(**{**plain, **settings})

    def trainer(
        self,
        *,
        sizes: Sequence[int] = (8, 8, 8, 5),
        total_steps: int = 12,
        model: nn.Module | None = None,
        evaluate: Callable[[], float] = lambda: 0.5,
        keep_best: Callable[[], None] = lambda: None,
        checkpoint: str = "checkpoint.safetensors",
        **settings: Any,
    ) -> Trainer:
        """Return a trainer on fresh weights, the same ones each time."""
        if model is None:
            torch.manual_seed(11)
            model = Line()
        return Trainer(
            model,
            self.objective(model),
            self.cut(sizes),
            evaluate=evaluate,
            settings=self.settings(**settings),
            total_steps=total_steps,
            checkpoint=self.folder / checkpoint,
            keep_best=keep_best,
        )


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return Made(tmp_path)
