"""The generation task: what comes next in a text, token after token."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal, Unpack

import numpy as np
import torch
from pydantic import Field
from torch import nn

from nlp_lstm.batching.streams import StreamBatch, StreamBatches, whole_text, windows_from_zero
from nlp_lstm.config import (
    Consistency,
    DataSettings,
    EncoderSettings,
    Probability,
    Settings,
    TrainingSettings,
    VocabularySettings,
)
from nlp_lstm.corpora.reading import FORMATS, Record, read_records
from nlp_lstm.corpora.text_blocks import PlainText, find_text, read_blocks, split_text
from nlp_lstm.corpora.text_cache import count_text, text_ids
from nlp_lstm.corpora.text_ids import Ids, TextIds
from nlp_lstm.errors import DataError, ModelError, UsageError, nearest
from nlp_lstm.metrics.language import WINDOW, LanguageReport, Surprise, language_report
from nlp_lstm.nn.dynamic import read_dynamically
from nlp_lstm.nn.language_model import LanguageModel
from nlp_lstm.nn.layers import forget_rows
from nlp_lstm.nn.loss import SummedLoss
from nlp_lstm.nn.precision import mixed_precision
from nlp_lstm.records.predictions import Continuation
from nlp_lstm.tasks.probing.next_tokens import NextProbe
from nlp_lstm.tasks.task import (
    CutsTexts,
    Note,
    Vocabularies,
    build_encoder,
    build_vocabulary,
    encoder_vocabulary,
    new_tokenizer,
)
from nlp_lstm.tasks.writing import Writer
from nlp_lstm.tasks.writing_options import WritingChoices, writing_options
from nlp_lstm.text.joining import keeps_line_ends
from nlp_lstm.text.tokenizers import Tokenizer

N_STREAMS = 64
"""Places at which a quick look reads a text side by side."""

N_WINDOWS = 2_000
"""Windows from a zero state that a report takes at most."""

COVERINGS = 4
"""Of a shorter text it takes as many as would cover it so many times: they lie at random."""

CHUNK = 512
"""Tokens that are read at a time, and over which the interval of a report is taken."""

LESSON = 32
"""Tokens between two steps of a model that goes on learning from what it is scored on."""

PART = 2**20
"""Tokens that are looked at together to count some of them."""


class GenerateSettings(Settings):
    """The `[head]` section of a generation recipe."""

    softmax: Literal["full", "tied", "adaptive"] = "full"
    """What the output layer is; `nlp_lstm.nn.language_model.LanguageModel` says more. `adaptive` is for many words."""
    cold_starts: Probability = 0.0
    """Probability that a stream forgets its state before a window of training: for texts that begin from nothing."""
    cutoffs: tuple[Annotated[int, Field(ge=1)], ...] = (2000, 10000)
    """Where an adaptive softmax parts the vocabulary."""
    consistency: Consistency = 0.0
    """How much it counts in the loss that two readings of a text, through other dropouts, agree; 0 reads it once."""


@dataclass(frozen=True)
class UncutText:
    """A text with what cuts it; it is cut block by block when its tokens are counted or numbered."""

    text: PlainText
    tokenizer: Tokenizer
    cache: Path | None

    @property
    def line_end(self) -> str | None:
        """The key of a line feed, where the tokenizer has none."""
        return None if keeps_line_ends(self.tokenizer) else "\n"


@dataclass(frozen=True)
class UncutTexts:
    """Several texts, counted together."""

    texts: Sequence[UncutText]

    def counts(self) -> Counter[str]:
        """Return how often each key comes."""
        total: Counter[str] = Counter()
        for each in self.texts:
            total.update(count_text(each.text, each.tokenizer, cache=each.cache, line_end=each.line_end))
        return total


class Generate(CutsTexts):
    """Reads texts, builds a language model, says how surprised it is, and lets it write.

    Args:
        settings: the head's settings.
        tokenizer: cuts texts.
        vocabularies: the one of the tokens.
    """

    Settings: ClassVar[type[Settings]] = GenerateSettings
    unit: ClassVar[str] = "texts"
    headline: ClassVar[Mapping[str, str]] = {
        "nats a token": "nats_per_token",
        "perplexity": "perplexity",
        "bits a character": "bits_per_character",
    }
    example_type: ClassVar[type] = PlainText
    scores: ClassVar[frozenset[str]] = frozenset(
        {
            "nats_per_token",
            "windowed_nats_per_token",
            "dynamic_nats_per_token",
            "perplexity",
            "bits_per_character",
            "bits_per_byte",
            "unknown",
        }
    )
    costs: ClassVar[frozenset[str]] = scores
    takes_words: ClassVar[bool] = False
    encoder_defaults: ClassVar[Mapping[str, Any]] = MappingProxyType({"bidirectional": False})

    def __init__(self, settings: GenerateSettings, tokenizer: Tokenizer, vocabularies: Vocabularies) -> None:
        self.settings, self.tokenizer, self.vocabularies = settings, tokenizer, vocabularies
        self._writer: Writer | None = None

    @classmethod
    def read(
        cls, source: str, data: DataSettings, tokenizer: Callable[[], Tokenizer], *, note: Note | None = None
    ) -> list[PlainText]:
        """Return the text of a source; of a folder or a pattern, its files are one text.

        Of a file with columns, which its ending or `data.format` tells, the texts of its rows are one text, each with a
        line end behind it.

        Raises:
            DataError: as `find_text`.
            UsageError: there is no such format.
        """
        if data.format is not None and data.format not in FORMATS:
            raise UsageError(f"data.format: no data format {data.format!r}{nearest(data.format, FORMATS)}")
        return [find_text(source, data_format=data.format, text_column=data.text_column)]

    @classmethod
    def records(cls, source: str, data: DataSettings) -> Iterator[Record]:
        """Stream the lines of a source, or the texts of its rows where it has columns: each is to be continued."""
        return read_records(source, data_format=data.format, text_column=data.text_column)

    @classmethod
    def hold_out(
        cls, examples: Sequence[PlainText], *, fraction: float, seed: int
    ) -> tuple[list[PlainText], list[PlainText]]:
        """Return the beginning for training and the end for development."""
        return split_text(examples, fraction)

    @classmethod
    def make_tokenizer(cls, settings: Any, examples: Sequence[PlainText]) -> Tokenizer:
        """Return a new tokenizer; one that is learned sees the text block by block."""
        return new_tokenizer(settings, (_Block(block) for each in examples for block in read_blocks(each)))

    @classmethod
    def tokenize(cls, examples: Sequence[PlainText], tokenizer: Tokenizer, *, cache: Path | None) -> UncutTexts:
        """Return the texts with what cuts them."""
        return UncutTexts([UncutText(each, tokenizer, cache) for each in examples])

    @classmethod
    def build_vocabularies(cls, tokens: UncutTexts, tokenizer: Tokenizer, settings: VocabularySettings) -> Vocabularies:
        """Return the vocabulary of the tokens."""
        return {"tokens": build_vocabulary(tokens.counts(), tokenizer.pieces, settings)}

    @classmethod
    def from_examples(
        cls, examples: Sequence[PlainText], settings: GenerateSettings, tokenizer: Tokenizer, vocabularies: Vocabularies
    ) -> Generate:
        """Return the task of the training texts.

        Raises:
            DataError: no token is common enough for a row of its own.
        """
        vocabulary = next(iter(vocabularies.values()))
        if len(vocabulary) <= len(vocabulary.specials):
            raise DataError(f"{examples[0].source}: holds no token that comes vocabulary.min_count times")
        return cls(settings, tokenizer, vocabularies)

    @classmethod
    def from_labels(
        cls,
        labels: Mapping[str, Sequence[str]],
        settings: GenerateSettings,
        tokenizer: Tokenizer,
        vocabularies: Vocabularies,
    ) -> Generate:
        """Return the task of a model folder.

        Raises:
            ModelError: there are labels.
        """
        if labels:
            raise ModelError(f"labels: expected none, found {', '.join(map(repr, labels))}")
        return cls(settings, tokenizer, vocabularies)

    def to_labels(self) -> dict[str, Sequence[str]]:
        """Return no labels."""
        return {}

    def check(self, examples: Sequence[PlainText]) -> list[str]:
        """Return nothing: a report says how much of a text is unknown."""
        return []

    def encode(self, tokens: UncutTexts) -> list[TextIds]:
        """Return the ids of the texts, which lie on disk.

        Raises:
            DataError: a text is too short for a token to be foreseen.
        """
        vocabulary = encoder_vocabulary(self)
        rows = []
        for each in tokens.texts:
            row = text_ids(each.text, each.tokenizer, vocabulary, cache=each.cache, line_end=each.line_end)
            if len(row) < 2:
                expected = "holds one token; expected two or more, to foresee one"
                if each.text.begin:
                    advice = "--dev FILE or a larger data.dev_fraction gives it more"
                    raise DataError(f"{each.text.source}: the part held out of it {expected}: {advice}")
                raise DataError(f"{each.text.name}: {expected}")
            rows.append(row)
        return rows

    def build(self, encoder: EncoderSettings) -> LanguageModel:
        """Return a freshly initialised network.

        Raises:
            UsageError: the encoder reads both ways, the softmax has no place to be parted at, a part of it would have
                no width, or two readings would be the same.
        """
        if encoder.bidirectional:
            raise UsageError("encoder.bidirectional: expected false: a generator must not read what it is to foresee")
        vocabulary, settings = encoder_vocabulary(self), self.settings
        if settings.consistency and settings.softmax == "adaptive":
            raise UsageError("head.consistency: expected 0 where head.softmax is 'adaptive'")
        if settings.consistency and not encoder.dropout and not encoder.word_dropout:
            raise UsageError("head.consistency: expected 0 where neither encoder.dropout nor word_dropout is set")
        cutoffs: list[int] = []
        if settings.softmax == "adaptive":
            cutoffs = [place for place in settings.cutoffs if place < len(vocabulary) - 1]
            if not cutoffs or cutoffs != sorted(set(cutoffs)):
                raise UsageError(
                    f"head.cutoffs: expected rising places below the {len(vocabulary):,} tokens of the vocabulary, "
                    f"found {list(settings.cutoffs)}"
                )
            if not encoder.hidden_size // 4 ** len(cutoffs):
                raise UsageError(
                    f"head.cutoffs: {len(cutoffs)} places want an encoder.hidden_size of {4 ** len(cutoffs)} or more, "
                    f"found {encoder.hidden_size}"
                )
        return LanguageModel(build_encoder(encoder, vocabulary), tied=settings.softmax == "tied", cutoffs=cutoffs)

    def batches(
        self, rows: Sequence[TextIds], examples: Sequence[PlainText], settings: TrainingSettings
    ) -> StreamBatches:
        """Return the training batches: `batch_size` places of the texts, windows of about `max_tokens`.

        Raises:
            DataError: there is too little text for so many streams.
        """
        ids = rows[0].ids if len(rows) == 1 else np.concatenate([each.ids for each in rows])
        if len(ids) < 2 * settings.batch_size:
            raise DataError(
                f"{examples[0].source}: its {len(ids):,} tokens are too few for training.batch_size = "
                f"{settings.batch_size}; expected at least {2 * settings.batch_size:,}, or "
                f"--set training.batch_size={len(ids) // 2}"
            )
        return StreamBatches(ids, n_streams=settings.batch_size, window=settings.max_tokens, seed=settings.seed)

    def loss(self, model: nn.Module, batch: StreamBatch) -> SummedLoss:
        """Return the negative log-likelihood of a batch, summed over its tokens, in nats."""
        assert isinstance(model, LanguageModel)
        state, forget = batch.state, self.settings.cold_starts
        if model.training and forget > 0.0 and state:
            kept = torch.rand(len(batch.inputs), device=batch.inputs.device) >= forget  # (streams,)
            state = forget_rows(state, kept.repeat(len(state[0]) // len(kept)))  # of each reading
        return model.loss(batch.inputs, batch.targets, state, consistency=self.settings.consistency)

    def predict(
        self,
        model: nn.Module,
        rows: Sequence[TextIds],
        *,
        batch_size: int = 256,
        precision: str = "float32",
        quick: bool = False,
        dynamic: float = 0.0,
    ) -> list[Surprise]:
        """Return how surprised the model is by each text.

        The state is carried over the whole text. `quick` reads it at several places side by side, each from a zero
        state, and leaves the windows out. With `dynamic`, the rate of `read_dynamically`, each text is read once more
        by a copy that learns from it as it goes.
        """
        assert isinstance(model, LanguageModel)
        device, unknown = next(model.parameters()).device, encoder_vocabulary(self).unknown_id
        found = []
        model.eval()
        with torch.inference_mode(), mixed_precision(device, precision):
            for row in rows:
                blocks, sizes = _read_on(model, _batches_of(row, quick=quick), device)
                windowed = None
                if not quick and len(row) > WINDOW:
                    n_windows = min(N_WINDOWS, math.ceil(COVERINGS * len(row) / WINDOW))
                    windows = windows_from_zero(row.ids, WINDOW, n_windows, 0)
                    nats, counts = _read_on(model, windows, device)
                    windowed = sum(nats) / sum(counts)
                found.append(
                    Surprise(blocks, sizes, row.n_characters, row.n_bytes, _count(row.ids[1:], unknown), windowed)
                )
        if not dynamic:
            return found
        return [
            replace(each, dynamic=_read_dynamically(model, row.ids, device, rate=dynamic))
            for each, row in zip(found, rows, strict=True)
        ]

    def score(self, examples: Sequence[PlainText], predictions: Sequence[Surprise]) -> float:
        """Return the number training watches: the geometric mean of the next token's probability, in [0, 1]."""
        nats = sum(sum(each.blocks) for each in predictions)
        return math.exp(-nats / sum(sum(each.sizes) for each in predictions))

    def shown_score(self, score: float) -> str:
        """Return the number training watches as people read it: in nats, which fall while the score rises."""
        nats = -math.log(score) if score > 0 else math.inf
        return f"{nats:.4f} nats a token (lower is better)"

    def report(self, examples: Sequence[PlainText], predictions: Sequence[Surprise]) -> LanguageReport:
        """Return the scores of the texts."""
        return language_report(predictions)

    def writer(self, model: nn.Module) -> Writer:
        """Return what writes with the model: the same one as before, as long as the model is the same."""
        assert isinstance(model, LanguageModel)
        if self._writer is None or self._writer.model is not model:
            self._writer = Writer(model, self.tokenizer, encoder_vocabulary(self))
        return self._writer

    def answer(
        self,
        model: nn.Module,
        inputs: Sequence[str],
        *,
        batch_size: int = 256,
        seed: int = 1,
        **choices: Unpack[WritingChoices],
    ) -> list[Continuation]:
        """Return a continuation of each text; the same text is continued in the same way wherever it stands.

        Raises:
            UsageError: a choice is none of `WritingOptions`.
        """
        writer, options = self.writer(model), writing_options(**choices)
        return [Continuation(text, "".join(writer.continue_text(text, options, seed=seed))) for text in inputs]

    def probe(self, model: nn.Module, given: str, target: str | None = None) -> NextProbe:
        """Return a text on its way through the network, to be inspected."""
        assert isinstance(model, LanguageModel)
        return NextProbe(model, self.writer(model), given, target=target)


@dataclass(frozen=True)
class _Block:
    """A part of a text to learn a tokenizer from."""

    text: str


def _batches_of(row: TextIds, *, quick: bool) -> Iterator[StreamBatch]:
    """Return the batches in which a text is read."""
    if not quick or len(row) < 4 * N_STREAMS:
        return whole_text(row.ids, CHUNK)
    return StreamBatches(row.ids, n_streams=N_STREAMS, window=WINDOW, seed=0, varied=False).epoch(0)


def _read_dynamically(model: LanguageModel, ids: Ids, device: torch.device, *, rate: float) -> float:
    """Return the mean surprise of a model that goes on learning, in nats a token."""
    batches = (batch.to(device) for batch in whole_text(ids, LESSON))
    parts = read_dynamically(model, ((batch.inputs, batch.targets) for batch in batches), rate=rate)
    return sum(map(float, parts)) / (len(ids) - 1)


def _count(ids: Ids, token: int) -> int:
    """Return how often a token comes, a part of the text at a time: it may be larger than the memory."""
    return sum(int((ids[start : start + PART] == token).sum()) for start in range(0, len(ids), PART))


def _read_on(
    model: LanguageModel, batches: Iterator[StreamBatch], device: torch.device
) -> tuple[tuple[float, ...], tuple[int, ...]]:
    """Return the nats and the tokens of each batch, read one after the other with the state carried along."""
    nats: list[float] = []
    sizes: list[int] = []
    state: tuple[torch.Tensor, ...] = ()
    for batch in batches:
        ready = batch.to(device).after(state)
        loss = model.loss(ready.inputs, ready.targets, ready.state)
        nats.append(float(loss.total))
        sizes.append(batch.n_tokens)
        state = loss.state
    return tuple(nats), tuple(sizes)
