"""Tasks without text: what such a task has where others have a tokenizer and vocabularies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

from nlp_lstm.config import VocabularySettings
from nlp_lstm.errors import UsageError

if TYPE_CHECKING:  # a recipe is read without torch
    from torch import nn

    from nlp_lstm.corpora.series import FutureRows

SECTIONS = ("tokenizer", "vocabulary")
"""The sections of a recipe that a task without text has no use for."""


@runtime_checkable
class Foresees(Protocol):
    """A task that can be asked how rows go on."""

    def forecast(self, model: nn.Module, rows: Any, *, times: Sequence[object] = ()) -> FutureRows:
        """Return the rows that follow on some; `Predictor.forecast` says more."""
        ...


@runtime_checkable
class Calibrates(Protocol):
    """A task whose trained network is set right once more by development data."""

    def calibrate(self, model: nn.Module, rows: Sequence[Any]) -> None:
        """Set a trained network right, however it was set before; `rows` are what `encode` made of development data."""
        ...


class ReadsNumbers:
    """The part of a task whose examples are numbers: there is no tokenizer and no vocabulary.

    Such a task offers what every task does, with these differences. `encode` gets the examples themselves. A source
    that begins with `made:` is no file: the task makes its data. The network's attribute `encoder` is a
    `VectorEncoder`. Each of `records` has in `numbers` what `answer` takes, something with a length in rows. Batches
    may be made when they are asked for, as long as batch n of epoch m is always the same one.
    """

    takes_words: ClassVar[bool] = False
    encoder_defaults: ClassVar[Mapping[str, Any]] = MappingProxyType({"embedding_dropout": 0.0, "bidirectional": False})
    tokenizer: ClassVar[None] = None
    vocabularies: ClassVar[Mapping[str, Any]] = MappingProxyType({})

    @classmethod
    def make_tokenizer(cls, settings: Any, examples: Sequence[Any]) -> None:
        """Return nothing."""

    @classmethod
    def tokenizer_from_dict(cls, record: Any) -> None:
        """Return nothing."""

    @classmethod
    def tokenize(cls, examples: Sequence[Any], tokenizer: None, *, cache: Path | None) -> Sequence[Any]:
        """Return the examples."""
        return examples

    @classmethod
    def build_vocabularies(cls, tokens: Sequence[Any], tokenizer: None, settings: VocabularySettings) -> dict[str, Any]:
        """Return no vocabulary."""
        return {}

    def check_input(self, given: Any, number: int) -> None:
        """See that something can be asked about; `number` is its place, from 1.

        Raises:
            UsageError: it is a text.
        """
        if isinstance(given, str):
            raise UsageError(f"input {number}: expected numbers, found a text: a model of this kind reads none")
