"""The translation task: a sentence of another language for each sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from nlp_lstm.batching.buckets import batches_by_length
from nlp_lstm.batching.padding import pad_ids
from nlp_lstm.batching.pairs import PairBatch, PairBatches, PairRows
from nlp_lstm.config import (
    Beam,
    DataSettings,
    EncoderSettings,
    Exponent,
    Fraction,
    Positive,
    Probability,
    Settings,
    TokenizerSettings,
    TrainingSettings,
    TranslatingOptions,
    VocabularySettings,
    parse_settings,
)
from nlp_lstm.corpora.pair_rows import LIMITS
from nlp_lstm.corpora.pairs import read_pairs
from nlp_lstm.corpora.reading import Record, read_records
from nlp_lstm.corpora.tokenized import TokenTable, tokenize_texts
from nlp_lstm.errors import ModelError
from nlp_lstm.metrics.translation import TranslationReport, chrf, translation_report
from nlp_lstm.nn.decoder import Decoder, DecoderState, Memory
from nlp_lstm.nn.loss import SummedLoss
from nlp_lstm.nn.precision import mixed_precision
from nlp_lstm.nn.rows import PerSentence
from nlp_lstm.nn.search import Hypothesis, SearchOptions, beam_search, greedy_search
from nlp_lstm.nn.translator import Translator
from nlp_lstm.records.examples import SentencePair
from nlp_lstm.records.predictions import Alignment, Translation
from nlp_lstm.tasks.probing.texts import ReadText
from nlp_lstm.tasks.probing.translations import TranslationProbe
from nlp_lstm.tasks.task import HasExamples, Note, Vocabularies, build_encoder, build_vocabulary, new_tokenizer
from nlp_lstm.text.pair_tokenizer import PairTokenizer
from nlp_lstm.text.sentences import sentence_spans
from nlp_lstm.text.tokenizers import Tokenizer
from nlp_lstm.text.tokens import Tokens
from nlp_lstm.text.vocabulary import PAD, UNKNOWN

BEGIN, END = "<begin>", "<end>"
SPECIALS = (PAD, UNKNOWN, BEGIN, END)
LONG = 1_000
"""Characters of a text that are translated at once; a longer text is translated sentence by sentence."""
WINDOW = 256
"""Tokens that are translated at once; a longer sentence is translated window by window."""
HYPOTHESES, CELLS = 2_560, 163_840
"""Hypotheses that are followed together, and the source tokens they read together, unless those of a single sentence
are more: memory must not grow with the beam. With a beam of 5 this is what any batch has in prediction."""


class TranslateSettings(Settings):
    """The `[head]` section of a translation recipe: the decoder, and how translations are looked for."""

    hidden_size: Positive = 256
    """Width of the decoder's layers."""
    embed_size: Positive = 256
    n_layers: Positive = 1
    attention: Literal["additive", "multiplicative"] = "additive"
    input_feeding: bool = True
    """The decoder also reads what attention made of the step before."""
    tied: bool = True
    """The output layer's weights are the target embeddings."""
    dropout: Probability = 0.3
    word_dropout: Probability = 0.0
    weight_drop: Probability = 0.0
    layer_norm: bool = False
    label_smoothing: Fraction = 0.1
    beam: Beam = 5
    """Hypotheses followed side by side, unless `--beam` says otherwise."""
    length_penalty: Exponent = 1.0
    """Exponent of the length by which a hypothesis' log-probability is divided."""
    max_length_ratio: Annotated[float, Field(ge=0, le=100)] = 2.0
    """A translation has at most so many times as many tokens as its source, and ten more."""


class PairTables(NamedTuple):
    """The tokens of sentences and of their translations."""

    source: TokenTable
    target: TokenTable

    def counts(self) -> dict[str, int]:
        """Return how often each token of the sentences to translate comes."""
        return self.source.counts()


class Piece(NamedTuple):
    """A part of a text that is translated by itself: which text it is of, at which character it begins, and it."""

    text: int
    start: int
    words: str


class Passage(NamedTuple):
    """A window of a piece: which piece it is of, at which of its tokens it begins, and its token ids."""

    piece: int
    start: int
    ids: NDArray[np.int32]


class Translate(HasExamples):
    """Reads sentence pairs, builds the network, says what its loss and its translations are.

    Args:
        settings: the head's settings.
        tokenizer: cuts both languages, and joins the tokens of translations.
        vocabularies: of the source and of the target language; both begin with the same special tokens.
    """

    Settings: ClassVar[type[Settings]] = TranslateSettings
    unit: ClassVar[str] = "pairs"
    headline: ClassVar[Mapping[str, str]] = {"BLEU": "bleu", "chrF": "chrf", "BLEU, lower case": "bleu_tok_lc"}
    scores: ClassVar[frozenset[str]] = frozenset({"bleu", "chrf", "bleu_tok_lc", "length_ratio", "names"})
    example_type: ClassVar[type] = SentencePair
    takes_words: ClassVar[bool] = False

    def __init__(self, settings: TranslateSettings, tokenizer: PairTokenizer, vocabularies: Vocabularies) -> None:
        self.settings, self.tokenizer = settings, tokenizer
        self.vocabularies = vocabularies
        self.source, self.target = vocabularies["source"], vocabularies["target"]
        self.begin_id, self.end_id = SPECIALS.index(BEGIN), SPECIALS.index(END)

    @classmethod
    def read(
        cls, source: str, data: DataSettings, tokenizer: Callable[[], Tokenizer], *, note: Note | None = None
    ) -> list[SentencePair]:
        """Return the sentence pairs of a source; for training, those without both sides or too unequal are left out."""
        found = read_pairs(
            source,
            data_format=data.format,
            languages=(data.source_lang or "", data.target_lang or ""),
            source_column=data.source_column,
            target_column=data.target_column,
            limits=LIMITS if note is not None else None,
        )
        if note is not None and found.note:
            note(found.note)
        return found.pairs

    @classmethod
    def records(cls, source: str, data: DataSettings) -> Iterator[Record]:
        """Stream the texts of a source."""
        return read_records(source, data_format=data.format, text_column=data.text_column, online=data.online)

    @classmethod
    def make_tokenizer(cls, settings: TokenizerSettings, examples: Sequence[SentencePair]) -> PairTokenizer:
        """Return new tokenizers of the two languages."""
        if settings.joint:
            both = new_tokenizer(settings, [*examples, *map(_turned, examples)])
            return PairTokenizer(both, both)
        return PairTokenizer(new_tokenizer(settings, examples), new_tokenizer(settings, list(map(_turned, examples))))

    @classmethod
    def tokenizer_from_dict(cls, record: Mapping[str, object]) -> PairTokenizer:
        """Return the tokenizers that their `to_dict` described."""
        return PairTokenizer.from_dict(record)

    @classmethod
    def tokenize(cls, examples: Sequence[SentencePair], tokenizer: PairTokenizer, *, cache: Path | None) -> PairTables:
        """Return the tokens of both sides."""
        return PairTables(
            tokenize_texts([pair.source_text for pair in examples], tokenizer.source, cache=cache),
            tokenize_texts([pair.target_text for pair in examples], tokenizer.target, cache=cache),
        )

    @classmethod
    def build_vocabularies(
        cls, tokens: PairTables, tokenizer: PairTokenizer, settings: VocabularySettings
    ) -> Vocabularies:
        """Return the vocabularies of the two languages."""
        counts = [table.counts() for table in tokens]
        if tokenizer.source.pieces and tokenizer.source == tokenizer.target:
            # A piece has one number on both sides.
            both = {token: counts[0].get(token, 0) + counts[1].get(token, 0) for token in counts[0] | counts[1]}
            counts = [both, both]
        cutters = (tokenizer.source, tokenizer.target)
        return {
            side: build_vocabulary(those, cutter.pieces, settings, specials=SPECIALS)
            for side, those, cutter in zip(("source", "target"), counts, cutters, strict=True)
        }

    @classmethod
    def from_examples(
        cls,
        examples: Sequence[SentencePair],
        settings: TranslateSettings,
        tokenizer: PairTokenizer,
        vocabularies: Vocabularies,
    ) -> Translate:
        """Return the task; all it knows stands in the vocabularies."""
        return cls(settings, tokenizer, vocabularies)

    @classmethod
    def from_labels(
        cls,
        labels: Mapping[str, Sequence[str]],
        settings: TranslateSettings,
        tokenizer: PairTokenizer,
        vocabularies: Vocabularies,
    ) -> Translate:
        """Return the task of a model folder.

        Raises:
            ModelError: its labels or vocabularies are not those of a translator.
        """
        if labels or set(vocabularies) != {"source", "target"}:
            raise ModelError("expected no labels, and vocabularies of 'source' and 'target'")
        if any(vocabulary.specials != SPECIALS for vocabulary in vocabularies.values()):
            raise ModelError(f"expected vocabularies that begin with {', '.join(SPECIALS)}")
        return cls(settings, tokenizer, vocabularies)

    def to_labels(self) -> dict[str, Sequence[str]]:
        """Return no labels."""
        return {}

    def check(self, examples: Sequence[SentencePair]) -> list[str]:
        """Return nothing: any pair can be scored."""
        return []

    def encode(self, tokens: PairTables) -> PairRows:
        """Return the ids of both sides."""
        return PairRows(tokens.source.encode(self.source), tokens.target.encode(self.target))

    def build(self, encoder: EncoderSettings) -> Translator:
        """Return a freshly initialised network."""
        settings = self.settings
        shared = build_encoder(encoder, self.source)
        decoder = Decoder(
            len(self.target),
            settings.embed_size,
            settings.hidden_size,
            shared.output_size,
            n_layers=settings.n_layers,
            attention=settings.attention,
            input_feeding=settings.input_feeding,
            tied=settings.tied,
            dropout=settings.dropout,
            word_dropout=settings.word_dropout,
            weight_drop=settings.weight_drop,
            layer_norm=settings.layer_norm,
            unknown_id=self.target.unknown_id,
        )
        return Translator(shared, decoder)

    def batches(self, rows: PairRows, examples: Sequence[SentencePair], settings: TrainingSettings) -> PairBatches:
        """Return the training batches."""
        return PairBatches(
            rows,
            batch_size=settings.batch_size,
            seed=settings.seed,
            pad_id=self.source.pad_id,
            begin_id=self.begin_id,
            end_id=self.end_id,
            max_tokens=settings.max_tokens,
        )

    def loss(self, model: nn.Module, batch: PairBatch) -> SummedLoss:
        """Return the cross-entropy of a batch, summed over the tokens of its translations, in nats."""
        assert isinstance(model, Translator)
        return model.loss(*batch, label_smoothing=self.settings.label_smoothing)

    def predict(
        self,
        model: nn.Module,
        rows: PairRows,
        *,
        batch_size: int = 256,
        precision: str = "float32",
        quick: bool = False,
    ) -> list[str]:
        """Return the translation of each source; `quick` searches greedily."""
        passages = [Passage(number, 0, ids) for number, ids in enumerate(rows.source)]
        options = TranslatingOptions(beam=1 if quick else None)
        found = self._search(model, passages, options, batch_size=batch_size, precision=precision)
        return [self._text(hypotheses[0]) for hypotheses in found]

    def score(self, examples: Sequence[SentencePair], predictions: Sequence[str]) -> float:
        """Return the number training watches: chrF, in [0, 1]."""
        return chrf([pair.target_text for pair in examples], predictions) / 100

    def shown_score(self, score: float) -> str:
        """Return the number training watches as people read it: greedy search, of 100."""
        return f"chrF {100 * score:.2f}"

    def report(self, examples: Sequence[SentencePair], predictions: Sequence[str]) -> TranslationReport:
        """Return the scores of translations against the pairs' own."""
        sources, references = ([getattr(pair, f"{side}_text") for pair in examples] for side in ("source", "target"))
        return translation_report(sources, references, predictions)

    def answer(
        self,
        model: nn.Module,
        inputs: Sequence[str],
        *,
        batch_size: int = 256,
        beam: int | None = None,
        n_best: int = 0,
        length_penalty: float | None = None,
        coverage_penalty: float = 0.0,
        block_ngrams: int = 0,
        attention: bool = False,
    ) -> list[Translation]:
        """Return the translation of each text.

        Args:
            model: the network.
            inputs: texts; one longer than 1,000 characters is translated sentence by sentence.
            batch_size: parts that are translated side by side.
            beam: hypotheses followed for each; None takes the recipe's.
            n_best: how many of the best to give as `alternatives`; of a text in parts, none.
            length_penalty: see `TranslateSettings`; None takes the recipe's.
            coverage_penalty: how much to prefer translations that attend to all of the source (Wu et al. 2016).
            block_ngrams: no run of so many tokens comes twice in a translation; 0 allows all.
            attention: also return what each token of a translation attended to.

        Raises:
            UsageError: one of these is out of its range; all such are named.
        """
        options = translating_options(
            beam=beam,
            n_best=n_best,
            length_penalty=length_penalty,
            coverage_penalty=coverage_penalty,
            block_ngrams=block_ngrams,
            attention=attention,
        )
        pieces = [Piece(number, *part) for number, text in enumerate(inputs) for part in _parts(text)]
        cut = [self.tokenizer.source(piece.words) for piece in pieces] if attention else None
        keys = (
            self.tokenizer.source.keys([piece.words for piece in pieces])
            if cut is None
            else (tokens.keys for tokens in cut)
        )
        rows = [self.source.ids(those) if those else [] for those in keys]
        passages = [
            Passage(number, start, np.array(row[start : start + WINDOW], dtype=np.int32))
            for number, row in enumerate(rows)
            for start in range(0, len(row), WINDOW)
        ]
        found = self._search(
            model,
            passages,
            options,
            batch_size=batch_size,
        )
        parts: list[list[list[Translation]]] = [[] for _ in inputs]
        for passage, hypotheses in zip(passages, found, strict=True):
            piece = pieces[passage.piece]
            tokens = None if cut is None else cut[passage.piece]
            written = [self._written(passage, each, tokens) for each in hypotheses]
            parts[piece.text].append([each.moved(piece.start) for each in written])
        return [_translation(windows, n_best=n_best) for windows in parts]

    def probe(self, model: nn.Module, given: str, target: str | None = None) -> TranslationProbe:
        """Return a text on its way through the network, to be inspected with the translation that `answer` gives."""
        assert isinstance(model, Translator)
        tokens = self.tokenizer.source(given)
        passage = Passage(0, 0, np.array(self.source.ids(tokens.keys) if tokens.keys else [], dtype=np.int32))

        def search() -> tuple[Hypothesis, Translation]:
            ((found, *_),) = self._search(model, [passage], TranslatingOptions(attention=True))
            return found, self._written(passage, found, tokens)

        read = ReadText.of_ids(given, tokens, model.encoder, passage.ids.tolist())
        return TranslationProbe(model, read, search, (self.begin_id, self.end_id), target=target)

    def _search(
        self,
        model: nn.Module,
        passages: Sequence[Passage],
        asked: TranslatingOptions,
        *,
        batch_size: int = 256,
        precision: str = "float32",
    ) -> list[list[Hypothesis]]:
        """Return the best hypotheses of each passage."""
        assert isinstance(model, Translator)
        beam = max(asked.beam or self.settings.beam, asked.n_best)
        device = next(model.parameters()).device
        lengths = np.array([len(passage.ids) for passage in passages], dtype=np.int64)
        limits = (lengths * self.settings.max_length_ratio).astype(np.int64) + 10
        found: list[list[Hypothesis]] = [[] for _ in passages]
        model.eval()
        side_by_side = min(batch_size, max(1, HYPOTHESES // beam))
        for chosen in batches_by_length(lengths, max_rows=side_by_side, max_tokens=CELLS // max(5, beam)):
            ids, mask = pad_ids([passages[number].ids for number in chosen], pad_id=self.source.pad_id)
            options = SearchOptions(
                max_length=torch.from_numpy(limits[chosen]),
                begin_id=self.begin_id,
                end_id=self.end_id,
                beam_size=beam,
                n_best=max(1, asked.n_best),
                length_penalty=self.settings.length_penalty if asked.length_penalty is None else asked.length_penalty,
                coverage_penalty=asked.coverage_penalty,
                block_ngrams=asked.block_ngrams,
                forbidden=(self.target.pad_id, self.target.unknown_id, self.begin_id),
            )
            search = greedy_search if beam == 1 else beam_search
            with torch.inference_mode(), mixed_precision(device, precision):
                memory, state = model.encode(ids.to(device), mask.to(device))
                answers = search(
                    Writing(model.decoder, attention=asked.attention or asked.coverage_penalty > 0),
                    (state, PerSentence(memory)),
                    len(chosen),
                    options,
                    source_lengths=mask.sum(1).to(device),
                )
            for number, hypotheses in zip(chosen, answers, strict=True):
                found[number] = hypotheses
        return found

    def _written(self, passage: Passage, hypothesis: Hypothesis, tokens: Tokens | None) -> Translation:
        """Return what a hypothesis says, and with the `tokens` of its text what it attended to."""
        text = self._text(hypothesis)
        if tokens is None or hypothesis.attention is None:
            return Translation(text, hypothesis.score)
        window = slice(passage.start, passage.start + len(passage.ids))
        written = self.tokenizer.cut(self._keys(hypothesis))
        alignment = Alignment(
            tokens.texts[window], tokens.starts[window], written.texts, written.starts, hypothesis.attention.numpy()
        )
        return Translation(text, hypothesis.score, attention=(alignment,))

    def _text(self, hypothesis: Hypothesis) -> str:
        return self.tokenizer.decode(self._keys(hypothesis))

    def _keys(self, hypothesis: Hypothesis) -> list[str]:
        return [self.target.token(number) for number in hypothesis.ids.tolist()]


def translating_options(**choices: Any) -> TranslatingOptions:
    """Return checked options.

    Raises:
        UsageError: one is out of its range or there is none of its name; all such are named.
    """
    return parse_settings(TranslatingOptions, choices, title="a text cannot be translated so")


class Writing:
    """The decoder as a search wants it: log-probabilities of the next token of each hypothesis.

    Args:
        decoder: the network's decoder.
        attention: also say what each step attends to; a search keeps that of all steps.
    """

    def __init__(self, decoder: Decoder, *, attention: bool) -> None:
        self.decoder, self.attention = decoder, attention
        self._shared: Memory | None = None
        self._spread: Memory | None = None

    def __call__(
        self, ids: Tensor, state: tuple[DecoderState, PerSentence[Memory]]
    ) -> tuple[Tensor, tuple[DecoderState, PerSentence[Memory]], Tensor | None]:
        """Return log-probabilities, the state after `ids`, and the attention of this step."""
        before, memory = state
        logits, after, weights = self.decoder.step(ids, before, self._for_rows(memory.value, len(ids)))
        return logits.float().log_softmax(-1), (after, memory), weights if self.attention else None

    def _for_rows(self, memory: Memory, n_rows: int) -> Memory:
        """Return what hypotheses read, copied only when sentences have left or hypotheses have come."""
        if self._shared is not memory or self._spread is None or len(self._spread.mask) != n_rows:
            self._shared, each = memory, n_rows // len(memory.mask)
            self._spread = memory if each == 1 else Memory(*(part.repeat_interleave(each, 0) for part in memory))
        return self._spread


def _turned(pair: SentencePair) -> SentencePair:
    """Return a pair the other way round: then its text is the translation."""
    return SentencePair(pair.target_text, pair.source_text, pair.source, pair.line)


def _parts(text: str) -> list[tuple[int, str]]:
    """Return the parts of a text that are translated by themselves, each with its place: the text, or its sentences."""
    if len(text) <= LONG:
        return [(0, text)]
    return [(start, text[start:end]) for start, end in sentence_spans(text, language="xx")]


def _translation(windows: Sequence[Sequence[Translation]], *, n_best: int) -> Translation:
    """Return the translation of a text from the best of each of its windows; of a single one, with alternatives."""
    if len(windows) != 1:
        return _joined([best for best, *_ in windows])
    (found,) = windows
    return replace(found[0], alternatives=tuple(found[:n_best]))


def _joined(parts: Sequence[Translation]) -> Translation:
    """Return the translation of a text whose windows were translated one by one."""
    attention: list[Alignment] = []
    place = 0
    for part in parts:
        attention += [each.moved(target=place) for each in part.attention]
        place += len(part.text) + 1  # the blank between two
    score = sum(part.score for part in parts) / max(1, len(parts))
    return Translation(" ".join(part.text for part in parts), score, attention=tuple(attention))
