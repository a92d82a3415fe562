"""What a task must offer to be one of several on one encoder, and what a task of several parts offers the stages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from torch import Tensor, nn

from nlp_lstm.batching.alternating import PartBatches
from nlp_lstm.batching.spelled import SpelledRows
from nlp_lstm.config import Settings, TrainingSettings
from nlp_lstm.nn.encoder import Encoder
from nlp_lstm.nn.loss import SummedLoss
from nlp_lstm.records.examples import TaggedSentence
from nlp_lstm.tasks import TASKS, find_task
from nlp_lstm.tasks.task import Note
from nlp_lstm.text.tokenizers import Tokenizer


@runtime_checkable
class Part(Protocol):
    """A task whose head can stand beside others: all of them read the same words, once."""

    @classmethod
    def part_settings(cls) -> type[Settings]:
        """Return the kind of its head's settings, without those of what is read."""
        ...

    def build_part(self, encoder: Encoder) -> nn.Module:
        """Return a freshly initialised network on an encoder; its method `read` scores what the encoder says."""
        ...

    def part_batches(self, rows: SpelledRows, examples: Sequence[Any], settings: TrainingSettings) -> PartBatches:
        """Return the training batches of texts whose words are spelled; each batch has its `inputs`."""
        ...

    def part_loss(self, model: nn.Module, scores: Any, batch: Any) -> SummedLoss:
        """Return the loss of a batch that its network has scored."""
        ...

    def part_predictions(self, model: nn.Module, scores: Any, mask: Tensor, lengths: Sequence[int]) -> list[Any]:
        """Return what is predicted of each text of a batch, as the task's `score` and `report` take it.

        Args:
            model: its network.
            scores: what that said of the batch.
            mask: True at real words, bool (batch, time).
            lengths: words of each text; one without words was read as an unknown one.
        """
        ...

    def part_answers(
        self, model: nn.Module, scores: Any, mask: Tensor, sentences: Sequence[TaggedSentence]
    ) -> list[Any]:
        """Return a prediction for people for each text of a batch."""
        ...


@runtime_checkable
class HasParts(Protocol):
    """A task that reads the data of several parts, which its settings name."""

    @classmethod
    def settle(cls, head: Mapping[str, Any]) -> dict[str, Any]:
        """Return the `[head]` section of a recipe that is in order, with the defaults of its parts written out."""
        ...

    @classmethod
    def problems(cls, head: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
        """Return a line for each thing wrong with the parts of a recipe, besides what its settings refuse anyway.

        Args:
            head: its `[head]` section.
            data: its `[data]` section.
        """
        ...

    @classmethod
    def read_split(
        cls, split: str, settings: Any, tokenizer: Callable[[], Tokenizer], *, note: Note | None = None
    ) -> list[Any] | None:
        """Return the labelled examples of all parts that have such a split; None if none has."""
        ...

    def read_part(self, source: str, data: Mapping[str, Any]) -> list[Any]:
        """Return the labelled examples of `NAME=FILE`, read as part NAME reads its files; `data` is laid over that.

        Raises:
            DataError: the file cannot be read, or has problems.
            UsageError: there is no such part.
        """
        ...


def part_names() -> list[str]:
    """Return the names of those of our tasks that can be a part."""
    return [name for name in TASKS if issubclass(find_task(name), Part)]
