"""Texts on their way through a network: one text alone, as the shared encoder takes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

import torch
from torch import Tensor, nn

from nlp_lstm.batching.spelled import pad_spelled
from nlp_lstm.corpora.token_table import TokenTable
from nlp_lstm.nn.encoder import Encoder
from nlp_lstm.nn.spelling import SpellingFeatures
from nlp_lstm.tasks.probing.probe import Probe
from nlp_lstm.tasks.words import WordReader, sentence_of
from nlp_lstm.text.tokenizers import Tokenizer
from nlp_lstm.text.tokens import Tokens

Scores: TypeAlias = Callable[..., Any]
"""What a network says of a batch, whose tensors it takes one after the other."""


@dataclass(frozen=True)
class ReadText:
    """A text as a network takes it, without padding.

    Attributes:
        text: the text.
        tokens: its tokens.
        encoder: the network's shared encoder.
        batch: ids int64 (1, time), mask bool (1, time) and, where spellings are read, those of `Spelled`.
        spelling: the features of spellings; None where they are not read.
        notes: what is worth knowing of the way it is read.
    """

    text: str
    tokens: Tokens
    encoder: Encoder
    batch: tuple[Tensor, ...]
    spelling: SpellingFeatures | None = None
    notes: tuple[str, ...] = ()

    @classmethod
    def of_ids(cls, text: str, tokens: Tokens, encoder: Encoder, ids: Sequence[int]) -> ReadText:
        """Return a text whose tokens have these numbers."""
        row = torch.tensor([list(ids)], dtype=torch.int64, device=encoder.embedding.weight.device)  # (1, time)
        return cls(text, tokens, encoder, (row, torch.ones_like(row, dtype=torch.bool)))

    @classmethod
    def of_words(
        cls,
        given: str | Sequence[str],
        tokenizer: Tokenizer,
        reader: WordReader,
        encoder: Encoder,
        spelling: SpellingFeatures,
        *,
        notes: tuple[str, ...] = (),
    ) -> ReadText:
        """Return a text, or words, with what is known of their spellings."""
        sentence = sentence_of(given, tokenizer)
        rows = reader.encode(TokenTable.from_keys([sentence.words or ("",)]))
        padded = pad_spelled(rows, [0]).to(encoder.embedding.weight.device)
        length = max(1, len(sentence.words))
        batch = (*(part[:, :length] for part in padded[:3]), *padded[3:])
        tokens = Tokens(sentence.words, sentence.starts, sentence.words)
        return cls(sentence.text, tokens, encoder, batch, spelling, notes)

    @property
    def mask(self) -> Tensor:
        """True at every token, bool (1, time)."""
        return self.batch[1]

    def inputs(self) -> Tensor:
        """Return what the first layer reads, (1, time, width)."""
        ids, mask, *spelled = self.batch
        return self.encoder.embed(ids, mask, None if self.spelling is None else self.spelling.placed(*spelled))

    def copies(self, rows: int) -> tuple[Tensor, ...]:
        """Return so many copies of it as a batch; spellings are told once for all."""
        return (*(part.expand(rows, -1) for part in self.batch[:3]), *self.batch[3:])


class TextProbe(Probe):
    """A text on its way through a network.

    Args:
        read: the text.
        target: what is to be explained, if not what is predicted.
    """

    def __init__(self, read: ReadText, *, target: str | None = None) -> None:
        super().__init__(read.encoder.stack, read.text, read.tokens, target=target)
        self.read = read

    def inputs(self) -> Tensor:
        """Return what the first layer reads."""
        return self.read.inputs()

    def notes(self) -> tuple[str, ...]:
        """Return what is worth knowing of the way the text is read."""
        return self.read.notes


@runtime_checkable
class PartProbes(Protocol):
    """A task whose head can be inspected where it is one of several on one encoder."""

    def part_probe(
        self,
        model: nn.Module,
        read: ReadText,
        scores: Scores,
        predict: Callable[[], dict[str, Any]],
        target: str | None,
    ) -> Probe:
        """Return a text on its way through a network and this head.

        Args:
            model: the head's network.
            read: the text.
            scores: what that network says of a batch that the encoder has read.
            predict: gives the prediction for people as plain values.
            target: what is to be explained, if not what is predicted.
        """
        ...
