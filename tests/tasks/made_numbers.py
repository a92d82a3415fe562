"""A small task without text: which of two numbers, at the first and at the last step, is the larger one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from nlp_lstm.config import EncoderSettings, Settings
from nlp_lstm.corpora.reading import Record
from nlp_lstm.metrics.classification import classification_report
from nlp_lstm.nn.loss import classification_loss
from nlp_lstm.nn.vectors import VectorEncoder
from nlp_lstm.records.predictions import Prediction
from nlp_lstm.tasks.numbers import ReadsNumbers
from nlp_lstm.tasks.task import HasExamples, build_vector_encoder

NAME = "compare"
PLACE = "tests.tasks.made_numbers:Compare"
LABELS = ("first", "last")


@dataclass(frozen=True)
class Numbers:
    values: tuple[float, ...]
    source: str = ""
    line: int = 0

    def __len__(self) -> int:
        return len(self.values)

    @property
    def label(self) -> str:
        return LABELS[int(self.values[-1] > self.values[0])]


class Batch(NamedTuple):
    inputs: Tensor
    targets: Tensor

    @property
    def n_tokens(self) -> int:
        return self.inputs.numel()

    def to(self, device: torch.device) -> Batch:
        return Batch(*(part.to(device) for part in self))


@dataclass(frozen=True)
class FreshBatches:
    """Ten batches an epoch, of numbers that no other batch has."""

    size: int
    seed: int
    n_cut = 0
    part = "all"

    def __len__(self) -> int:
        return 10

    def epoch(self, number: int, *, start: int = 0) -> Iterator[Batch]:
        for place in range(start, 10):
            values = np.random.default_rng((self.seed, number, place)).random((self.size, 5), dtype=np.float32)
            targets = (values[:, -1] > values[:, 0]).astype(np.int64)
            yield Batch(torch.from_numpy(values)[..., None], torch.from_numpy(targets))


class Comparer(nn.Module):
    def __init__(self, encoder: VectorEncoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.output = nn.Linear(encoder.output_size, 2)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.output(self.encoder(inputs).states[:, -1]).float()


class Compare(ReadsNumbers, HasExamples):
    """Says which one is larger."""

    Settings: ClassVar[type[Settings]] = Settings
    unit: ClassVar[str] = "sequences"
    headline: ClassVar[Mapping[str, str]] = {"accuracy": "accuracy"}
    example_type: ClassVar[type] = Numbers

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @classmethod
    def read(cls, source: str, data: Any, tokenizer: Any, *, note: Any = None) -> list[Numbers]:
        if source.startswith("made:"):
            random = np.random.default_rng(int(source.removeprefix("made:")))
            return [Numbers(tuple(random.random(5)), source, line) for line in range(1, 41)]
        lines = Path(source).read_text().split("\n")[:-1]
        return [Numbers(tuple(map(float, line.split())), source, n) for n, line in enumerate(lines, 1)]

    @classmethod
    def records(cls, source: str, data: Any) -> Iterator[Record]:
        for each in cls.read(source, data, None):
            yield Record("", {"line": each.line}, numbers=each)

    @classmethod
    def from_examples(cls, examples: Any, settings: Settings, tokenizer: None, vocabularies: Any) -> Compare:
        assert tokenizer is None and not vocabularies
        return cls(settings)

    @classmethod
    def from_labels(cls, labels: Any, settings: Settings, tokenizer: None, vocabularies: Any) -> Compare:
        assert tokenizer is None and not vocabularies
        return cls(settings)

    def to_labels(self) -> dict[str, Sequence[str]]:
        return {"labels": LABELS}

    def check(self, examples: Any) -> list[str]:
        return []

    def encode(self, tokens: Sequence[Numbers]) -> Tensor:
        return torch.tensor([each.values for each in tokens], dtype=torch.float32).reshape(len(tokens), -1, 1)

    def build(self, encoder: EncoderSettings) -> Comparer:
        return Comparer(build_vector_encoder(encoder, 1, project=False))

    def batches(self, rows: Any, examples: Any, settings: Any) -> FreshBatches:
        return FreshBatches(settings.batch_size, settings.seed)

    def loss(self, model: Comparer, batch: Batch) -> Any:
        return classification_loss(model(batch.inputs), batch.targets)

    def predict(self, model: Comparer, rows: Tensor, **options: Any) -> list[str]:
        with torch.inference_mode():
            return [LABELS[number] for number in model.eval()(rows).argmax(1).tolist()]

    def score(self, examples: Sequence[Numbers], predictions: Sequence[str]) -> float:
        return sum(a.label == b for a, b in zip(examples, predictions, strict=True)) / len(examples)

    def report(self, examples: Sequence[Numbers], predictions: Sequence[str]) -> Any:
        gold = [LABELS.index(each.label) for each in examples]
        return classification_report(gold, [*map(LABELS.index, predictions)], labels=LABELS)

    def answer(self, model: Comparer, inputs: Sequence[Numbers], *, batch_size: int = 256) -> list[Prediction]:
        return [Prediction(label, 1.0, {}) for label in self.predict(model, self.encode(inputs))]
