"""The long-lag task: sequences made on demand, an answer that rests on what was read long before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import nn
from torch.nn import functional

from nlp_lstm.batching.sequences import SequenceBatch, SequenceBatches, pad_sequences
from nlp_lstm.config import DataSettings, EncoderSettings, Fraction, Settings, TrainingSettings
from nlp_lstm.corpora.long_lags import Problem
from nlp_lstm.corpora.made_sequences import (
    MADE,
    MadeSequence,
    MadeSequences,
    Repeated,
    find_problem,
    is_stream,
    made_sequences,
    problem_name,
)
from nlp_lstm.corpora.reading import Record
from nlp_lstm.errors import DataError, ModelError, UsageError
from nlp_lstm.metrics.classification import wilson_interval
from nlp_lstm.nn.long_lags import SequenceReader, spread_memories
from nlp_lstm.nn.loss import SummedLoss
from nlp_lstm.nn.precision import mixed_precision
from nlp_lstm.tasks.numbers import ReadsNumbers
from nlp_lstm.tasks.probing.sequences import SequenceProbe
from nlp_lstm.tasks.task import Note, build_vector_encoder


class LagSettings(Settings):
    """The `[head]` section of a long-lag recipe."""

    problem: str = ""
    """What the sequences are of, such as `adding-100`; told by the training data."""
    longest_memory: Annotated[int, Field(ge=0)] = 0
    """The units of a gated cell begin with memories of all lengths up to about so many steps; 0 leaves them short."""
    closed_inputs: Fraction = 1.0
    """How closed the input gates of an LSTM begin then: at 1 as closed as its forget gates are open, at 0 half open."""


@dataclass(frozen=True)
class LagAnswer:
    """What a network says of a sequence.

    Attributes:
        answer: the number, or the likeliest symbol at each step at which one is to be foreseen.
        right: whether it is as it must be.
    """

    answer: float | str
    right: bool

    def to_dict(self) -> dict[str, object]:
        """Return the answer as plain values."""
        return asdict(self)

    def to_text(self) -> str:
        """Return the answer as a line."""
        return " ".join(self.cells())

    def cells(self) -> list[str]:
        """Return the answer, and whether it is right."""
        shown = f"{self.answer:.4f}" if isinstance(self.answer, float) else self.answer
        return [shown, "right" if self.right else "wrong"]


@dataclass(frozen=True)
class LagReport:
    """How many sequences were answered as they must be.

    Attributes:
        n: sequences.
        wrong: how many were not.
    """

    n: int
    wrong: int

    def to_dict(self) -> dict[str, object]:
        """Return the scores as plain values."""
        right = self.n - self.wrong
        return {
            "n": self.n,
            "right": right / self.n,
            "right_interval": list(wilson_interval(right, self.n)),
            "wrong": self.wrong,
        }


class Lags(ReadsNumbers):
    """Makes sequences, builds the network, says what its loss and its answers are.

    Args:
        settings: the head's settings, with the problem.
    """

    Settings: ClassVar[type[Settings]] = LagSettings
    unit: ClassVar[str] = "sequences"
    headline: ClassVar[Mapping[str, str]] = {"right": "right"}
    costs: ClassVar[frozenset[str]] = frozenset({"wrong"})
    example_type: ClassVar[type] = MadeSequence

    def __init__(self, settings: LagSettings) -> None:
        self.settings = settings
        self.problem: Problem = find_problem(settings.problem)

    @classmethod
    def read(cls, source: str, data: DataSettings, tokenizer: Any, *, note: Note | None = None) -> MadeSequences:
        """Return the sequences of a source; they are made when they are asked for.

        Raises:
            UsageError: there is no such source.
        """
        found = made_sequences(source)
        if note is not None and is_stream(found):
            note(f"training sequences are made without end, each is seen once; an epoch is {len(found):,} of them")
        return found

    @classmethod
    def records(cls, source: str, data: DataSettings) -> Iterator[Record]:
        """Stream the sequences of a source."""
        for sequence in made_sequences(source):
            yield Record("", {"line": sequence.line}, numbers=sequence)

    @classmethod
    def hold_out(
        cls, examples: Sequence[MadeSequence], *, fraction: float, seed: int
    ) -> tuple[Sequence[MadeSequence], MadeSequences]:
        """Return the training sequences as they are, and the development sequences of the same problem."""
        return examples, made_sequences(f"{MADE}{problem_name(examples[0].source)}/dev")

    @classmethod
    def from_examples(
        cls, examples: Sequence[MadeSequence], settings: LagSettings, tokenizer: None, vocabularies: Any
    ) -> Lags:
        """Return the task of the training sequences.

        Raises:
            UsageError: the settings name another problem.
        """
        name = problem_name(examples[0].source)
        if settings.problem not in ("", name):
            raise UsageError(f"head.problem: expected {name!r}, as the training data are, found {settings.problem!r}")
        return cls(settings.model_copy(update={"problem": name}))

    @classmethod
    def from_labels(
        cls, labels: Mapping[str, Sequence[str]], settings: LagSettings, tokenizer: None, vocabularies: Any
    ) -> Lags:
        """Return the task of a model folder.

        Raises:
            ModelError: the labels are not the problem's symbols.
        """
        try:
            task = cls(settings)
        except UsageError as error:
            raise ModelError(str(error)) from error
        if dict(labels) != {name: list(those) for name, those in task.to_labels().items()}:
            raise ModelError(f"labels: expected the symbols of {settings.problem}")
        return task

    def to_labels(self) -> dict[str, Sequence[str]]:
        """Return the problem's symbols, if it has some, ready for a model folder."""
        return {"symbols": list(self.problem.symbols)} if self.problem.symbols else {}

    def check(self, examples: Sequence[MadeSequence]) -> list[str]:
        """See that the network can read the sequences.

        Raises:
            DataError: some are of a problem with other inputs.
        """
        ends = examples[:1] if isinstance(examples, MadeSequences) else examples  # all of a source are of one problem
        for source in dict.fromkeys(each.source for each in ends):
            problem = find_problem(problem_name(source))
            if (problem.symbols, problem.input_size) != (self.problem.symbols, self.problem.input_size):
                raise DataError(f"{source}: expected sequences as those of {self.settings.problem}")
        return []

    def encode(self, tokens: Sequence[MadeSequence]) -> Sequence[MadeSequence]:
        """Return the sequences themselves."""
        return tokens

    def build(self, encoder: EncoderSettings) -> SequenceReader:
        """Return a freshly initialised network.

        Raises:
            UsageError: the encoder reads both ways.
        """
        if encoder.bidirectional:
            raise UsageError("encoder.bidirectional: expected false: from the end, there is no lag")
        reads = build_vector_encoder(encoder, self.problem.input_size, project=False)
        if self.settings.longest_memory:
            spread_memories(reads, max(3, self.settings.longest_memory), closed_inputs=self.settings.closed_inputs)
        return SequenceReader(reads, self.problem.output_size)

    def batches(
        self, rows: Sequence[MadeSequence], examples: Sequence[MadeSequence], settings: TrainingSettings
    ) -> SequenceBatches:
        """Return the training batches: fresh ones of a stream, else the same sequences in ever new orders."""
        endless = rows.of_seed(settings.seed) if is_stream(rows) else Repeated(rows, settings.seed)
        return SequenceBatches(endless, len(rows), settings.batch_size, self.problem.input_size)

    def loss(self, model: nn.Module, batch: SequenceBatch) -> SummedLoss:
        """Return the squared error of numbers, or the cross-entropy of symbols in nats, summed; items are sequences."""
        answers = model(batch.inputs, batch.mask, batch.asked)  # (asked, outputs)
        if self.problem.symbols:
            total = functional.cross_entropy(answers, batch.targets, reduction="sum")
        else:
            total = functional.mse_loss(answers, batch.targets, reduction="sum")
        return SummedLoss(total, len(batch.inputs))

    def predict(
        self,
        model: nn.Module,
        rows: Sequence[MadeSequence],
        *,
        batch_size: int = 256,
        precision: str = "float32",
        quick: bool = False,
    ) -> list[LagAnswer]:
        """Return what the network says of each sequence.

        `quick` ends with the batch after which more than one is wrong: enough is known then.
        """
        device, found = next(model.parameters()).device, list[LagAnswer]()
        model.eval()
        with torch.inference_mode(), mixed_precision(device, precision):
            for start in range(0, len(rows), batch_size):
                sequences = rows[start : start + batch_size]
                batch = pad_sequences(sequences, input_size=self.problem.input_size).to(device)
                answers = model(batch.inputs, batch.mask, batch.asked).cpu()
                each = answers.split(batch.asked.sum(1).tolist())
                found += [self._judge(*pair) for pair in zip(each, sequences, strict=True)]
                if quick and sum(not answer.right for answer in found) > 1:
                    break
        return found

    def _judge(self, outputs: torch.Tensor, sequence: MadeSequence) -> LagAnswer:
        """Return the answer to a sequence; `outputs` are (asked, outputs)."""
        right = self.problem.is_right(outputs.numpy(), sequence.made)
        if not self.problem.symbols:
            return LagAnswer(float(outputs[0, 0]), right)
        return LagAnswer(" ".join(self.problem.symbols[best] for best in outputs.argmax(1).tolist()), right)

    def score(self, examples: Sequence[MadeSequence], predictions: Sequence[LagAnswer]) -> float:
        """Return the number training watches: the share of right answers, in [0, 1]."""
        return sum(answer.right for answer in predictions) / len(predictions)

    def report(self, examples: Sequence[MadeSequence], predictions: Sequence[LagAnswer]) -> LagReport:
        """Return how many of the answers are right."""
        return LagReport(len(predictions), sum(not answer.right for answer in predictions))

    def answer(self, model: nn.Module, inputs: Sequence[MadeSequence], *, batch_size: int = 256) -> list[LagAnswer]:
        """Return what the network says of each sequence."""
        return self.predict(model, inputs, batch_size=batch_size)

    def probe(self, model: nn.Module, given: MadeSequence, target: str | None = None) -> SequenceProbe:
        """Return a sequence on its way through the network, to be inspected.

        Raises:
            DataError: it is of a problem with other inputs.
            UsageError: it is a text.
        """
        assert isinstance(model, SequenceReader)
        self.check_input(given, 1)
        self.check([given])
        batch = pad_sequences([given], input_size=self.problem.input_size).to(next(model.parameters()).device)
        time, inputs = len(given), given.inputs
        alone = SequenceBatch(batch.inputs[:, :time], batch.mask[:, :time], batch.asked[:, :time], batch.targets)
        symbols = self.problem.symbols
        shown = (
            [symbols[step] for step in inputs] if symbols else [",".join(f"{x:.3g}" for x in step) for step in inputs]
        )
        return SequenceProbe(
            model, alone, shown, symbols, lambda: self.answer(model, [given])[0].to_dict(), target=target
        )

    def made_input(self, seed: int) -> MadeSequence:
        """Return a new sequence; the same seed gives the same."""
        return MadeSequence(self.problem.make(np.random.default_rng(seed)), f"{MADE}{self.settings.problem}")
