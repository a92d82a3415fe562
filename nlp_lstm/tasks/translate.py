"""The translation task: a sentence of another language for each sentence."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from nlp_lstm.batching.pairs import PairBatch, PairBatches, PairRows
from nlp_lstm.batching.pieces import number_halves
from nlp_lstm.config import (
    DataSettings,
    EncoderSettings,
    Settings,
    TokenizerSettings,
    TrainingSettings,
    TranslatingOptions,
    VocabularySettings,
    parse_settings,
)
from nlp_lstm.corpora.hub import is_hub
from nlp_lstm.corpora.pair_rows import LIMITS
from nlp_lstm.corpora.pair_sources import read_sources
from nlp_lstm.corpora.pairs import read_pairs
from nlp_lstm.corpora.reading import Record, read_records
from nlp_lstm.corpora.tokenized import TokenTable, tokenize_texts
from nlp_lstm.errors import ModelError, UsageError
from nlp_lstm.metrics.translation import TranslationReport, chrf, translation_report
from nlp_lstm.nn.loss import SummedLoss
from nlp_lstm.nn.search import Hypothesis, SearchOptions
from nlp_lstm.nn.translator import Translator
from nlp_lstm.records.examples import SentencePair
from nlp_lstm.records.predictions import Alignment, Translation
from nlp_lstm.tasks.passages import Passage, PassageRows, cut_passages, join_passages
from nlp_lstm.tasks.probing.texts import ReadText
from nlp_lstm.tasks.probing.translations import TranslationProbe
from nlp_lstm.tasks.task import HasExamples, Note, Vocabularies, build_encoder, build_vocabulary, new_tokenizer
from nlp_lstm.tasks.translate_settings import TranslateSettings
from nlp_lstm.tasks.translation_search import find_translations
from nlp_lstm.text.pair_tokenizer import PairTokenizer
from nlp_lstm.text.subwords import Subwords
from nlp_lstm.text.tokenizers import Tokenizer
from nlp_lstm.text.tokens import Tokens
from nlp_lstm.text.vocabulary import PAD, UNKNOWN

BEGIN, END = "<begin>", "<end>"
SPECIALS = (PAD, UNKNOWN, BEGIN, END)

DOUBTED = 100
"""So many pairs are looked at to see whether they are turned round."""
CLEARLY = 1.0
"""By so many nats a token they must then surprise the model less: it must not be said of a task that reads the same
both ways, nor by a model that has hardly learned."""


class PairTables(NamedTuple):
    """The tokens of sentences and of their translations.

    Attributes:
        source: the tokens of the sentences.
        target: those of their translations.
        texts: the sentences themselves.
    """

    source: TokenTable
    target: TokenTable
    texts: Sequence[str]

    def counts(self) -> dict[str, int]:
        """Return how often each token of the sentences to translate comes."""
        return self.source.counts()


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
        if note is not None:
            for line in filter(None, (found.note, *map(str, found.doubts))):
                note(line)
        return found.pairs

    @classmethod
    def records(cls, source: str, data: DataSettings) -> Iterator[Record]:
        """Stream the sentences to translate of a source: the column that is given, else what training read there."""
        if "text_column" in data.model_fields_set or is_hub(source):
            return read_records(source, data_format=data.format, text_column=data.text_column, online=data.online)
        return read_sources(
            source,
            data_format=data.format,
            languages=(data.source_lang or "", data.target_lang or ""),
            source_column=data.source_column,
        )

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
        texts = [pair.source_text for pair in examples]
        return PairTables(
            tokenize_texts(texts, tokenizer.source, cache=cache),
            tokenize_texts([pair.target_text for pair in examples], tokenizer.target, cache=cache),
            texts,
        )

    @classmethod
    def build_vocabularies(
        cls, tokens: PairTables, tokenizer: PairTokenizer, settings: VocabularySettings
    ) -> Vocabularies:
        """Return the vocabularies of the two languages."""
        counts = [table.counts() for table in (tokens.source, tokens.target)]
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
        """Return the task; all it knows stands in the vocabularies.

        Raises:
            UsageError: a setting needs another tokenizer.
        """
        if settings.piece_dropout and not isinstance(tokenizer.target, Subwords):
            raise UsageError(f"head.piece_dropout needs tokenizer.kind 'subwords', found {tokenizer.target.kind!r}")
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

    def doubts(self, model: nn.Module, examples: Sequence[SentencePair]) -> list[str]:
        """Return a line if the sources look like the translations and the other way round, else nothing."""
        some = [pair for pair in examples if pair.source_text.strip() and pair.target_text.strip()][:DOUBTED]
        if not some:
            return []
        given, turned = self._nats(model, some), self._nats(model, list(map(_turned, some)))
        if given <= turned + CLEARLY:
            return []
        return [
            f"are the columns or languages swapped? The other way round the translations surprise the model less: "
            f"{turned:.1f} nats a token, not {given:.1f}"
        ]

    def _nats(self, model: nn.Module, pairs: Sequence[SentencePair]) -> float:
        """Return how much the translations of pairs surprise a network, in nats a token.

        A token without a row costs as much more as one of 10,000 to choose from: else a language of which the
        vocabulary knows nothing is no surprise.
        """
        rows = self.encode(self.tokenize(pairs, self.tokenizer, cache=None))
        device = next(model.parameters()).device
        model.eval()
        total = n_tokens = 0.0
        with torch.inference_mode():
            for batch in self._batches(rows, TrainingSettings(), piece_dropout=0.0).epoch(0):
                loss = self.loss(model, batch.to(device))
                n_unknown = int((batch.targets == self.target.unknown_id)[batch.target_mask].sum())
                total += float(loss.total) + n_unknown * math.log(10_000)
                n_tokens += loss.n_items
        return total / n_tokens

    def encode(self, tokens: PairTables) -> PassageRows:
        """Return the ids of both sides, and what cuts the sources for `predict`."""
        source = tokens.source.encode(self.source)

        def cut() -> list[Passage]:
            # What the table takes for a text without tokens is an unknown one.
            ids = (row[:length] for row, length in zip(source, np.diff(tokens.source.offsets), strict=True))
            return cut_passages(tokens.texts, self.tokenizer.source, self.source, keep_tokens=False, ids=ids)

        return PassageRows(source, tokens.target.encode(self.target), cut)

    def build(self, encoder: EncoderSettings) -> Translator:
        """Return a freshly initialised network."""
        shared = build_encoder(encoder, self.source)
        decoder = self.settings.build(len(self.target), shared.output_size, unknown_id=self.target.unknown_id)
        return Translator(shared, decoder)

    def batches(self, rows: PairRows, examples: Sequence[SentencePair], settings: TrainingSettings) -> PairBatches:
        """Return the training batches."""
        return self._batches(rows, settings, piece_dropout=self.settings.piece_dropout)

    def _batches(self, rows: PairRows, settings: TrainingSettings, *, piece_dropout: float) -> PairBatches:
        """Return batches whose subwords are split that often."""
        return PairBatches(
            rows,
            batch_size=settings.batch_size,
            seed=settings.seed,
            pad_id=self.source.pad_id,
            begin_id=self.begin_id,
            end_id=self.end_id,
            max_tokens=settings.max_tokens,
            halves=self._halves() if piece_dropout else None,
            split=piece_dropout,
        )

    def _halves(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return what each subword of the two languages was merged from, as ids."""
        source, target = self.tokenizer.source, self.tokenizer.target
        assert isinstance(source, Subwords) and isinstance(target, Subwords)
        return number_halves(source.halves, self.source), number_halves(target.halves, self.target)

    def loss(self, model: nn.Module, batch: PairBatch) -> SummedLoss:
        """Return the cross-entropy of a batch, summed over the tokens of its translations, in nats."""
        assert isinstance(model, Translator)
        settings = self.settings
        return model.loss(*batch, label_smoothing=settings.label_smoothing, consistency=settings.consistency)

    def predict(
        self,
        model: nn.Module,
        rows: PassageRows,
        *,
        batch_size: int = 256,
        precision: str = "float32",
        quick: bool = False,
        beam: int | None = None,
        length_penalty: float | None = None,
        coverage_penalty: float = 0.0,
        block_ngrams: int = 0,
    ) -> list[str]:
        """Return the translation of each source; `quick` searches greedily, whatever the beam.

        The other options are those of `answer`.

        Raises:
            UsageError: as of `answer`.
        """
        options = translating_options(
            beam=1 if quick else beam,
            length_penalty=length_penalty,
            coverage_penalty=coverage_penalty,
            block_ngrams=block_ngrams,
        )
        found = self._translate(
            model, rows.passages, options, n_texts=len(rows), batch_size=batch_size, precision=precision
        )
        return [each.text for each in found]

    def score(self, examples: Sequence[SentencePair], predictions: Sequence[str]) -> float:
        """Return the number training watches: chrF, in [0, 1], without case where the model writes lower case."""
        references = [pair.target_text for pair in examples]
        return chrf(references, predictions, lowercase=self.tokenizer.target.lowercase) / 100

    def shown_score(self, score: float) -> str:
        """Return the number training watches as people read it: greedy search, of 100."""
        return f"chrF {100 * score:.2f}"

    def report(self, examples: Sequence[SentencePair], predictions: Sequence[str]) -> TranslationReport:
        """Return the scores of translations against the pairs' own, without case where the model writes lower case."""
        sources, references = ([getattr(pair, f"{side}_text") for pair in examples] for side in ("source", "target"))
        return translation_report(sources, references, predictions, lowercase=self.tokenizer.target.lowercase)

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
            inputs: texts; one longer than 256 tokens is translated sentence by sentence, one of white space only is
                an empty translation.
            batch_size: parts that are translated side by side.
            beam: hypotheses followed for each; None takes the recipe's, or `n_best` if that is more.
            n_best: how many of the best to give as `alternatives`, itself among them; of a text in parts the best only.
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
        passages = cut_passages(inputs, self.tokenizer.source, self.source, keep_tokens=options.attention)
        return self._translate(model, passages, options, n_texts=len(inputs), batch_size=batch_size)

    def probe(self, model: nn.Module, given: str, target: str | None = None) -> TranslationProbe:
        """Return a text on its way through the network, to be inspected with the translation that `answer` gives."""
        assert isinstance(model, Translator)
        tokens = self.tokenizer.source(given)
        ids = np.array(self.source.ids(tokens.keys) if tokens.keys else [], dtype=np.int32)

        def search() -> tuple[Hypothesis, Translation]:
            ((found, *_),) = self._search(model, [ids], TranslatingOptions(attention=True))
            return found, self._written(found, tokens)

        read = ReadText.of_ids(given, tokens, model.encoder, ids.tolist())
        return TranslationProbe(model, read, search, (self.begin_id, self.end_id), target=target)

    def _translate(
        self,
        model: nn.Module,
        passages: Sequence[Passage],
        options: TranslatingOptions,
        *,
        n_texts: int,
        batch_size: int,
        precision: str = "float32",
    ) -> list[Translation]:
        """Return the translation of each text from its passages."""
        rows = [passage.ids for passage in passages]
        found = self._search(model, rows, options, batch_size=batch_size, precision=precision)
        of_texts: list[list[list[Translation]]] = [[] for _ in range(n_texts)]
        apart: list[list[bool]] = [[] for _ in range(n_texts)]
        for passage, hypotheses in zip(passages, found, strict=True):
            of_texts[passage.text].append([self._written(each, passage.tokens) for each in hypotheses])
            apart[passage.text].append(passage.apart)
        return [
            join_passages(those, apart=blanks, n_best=options.n_best)
            for those, blanks in zip(of_texts, apart, strict=True)
        ]

    def _search(
        self,
        model: nn.Module,
        rows: Sequence[NDArray[np.int32]],
        asked: TranslatingOptions,
        *,
        batch_size: int = 256,
        precision: str = "float32",
    ) -> list[list[Hypothesis]]:
        """Return the best hypotheses of each row of source ids."""
        assert isinstance(model, Translator)
        settings, lengths = self.settings, torch.tensor([len(ids) for ids in rows], dtype=torch.float64)
        options = SearchOptions(
            max_length=(lengths * settings.max_length_ratio).long() + 10,
            begin_id=self.begin_id,
            end_id=self.end_id,
            beam_size=max(asked.beam or settings.beam, asked.n_best),
            n_best=max(1, asked.n_best),
            length_penalty=settings.length_penalty if asked.length_penalty is None else asked.length_penalty,
            coverage_penalty=asked.coverage_penalty,
            block_ngrams=asked.block_ngrams,
            forbidden=(self.target.pad_id, self.target.unknown_id, self.begin_id),
        )
        return find_translations(
            model,
            rows,
            options,
            pad_id=self.source.pad_id,
            attention=asked.attention,
            batch_size=batch_size,
            precision=precision,
        )

    def _written(self, hypothesis: Hypothesis, tokens: Tokens | None) -> Translation:
        """Return what a hypothesis says, and with the `tokens` it was made of what it attended to."""
        text = self._text(hypothesis)
        if tokens is None or hypothesis.attention is None:
            return Translation(text, hypothesis.score)
        written = self.tokenizer.cut(self._keys(hypothesis))
        weights = hypothesis.attention.numpy()
        alignment = Alignment(tokens.texts, tokens.starts, written.texts, written.starts, weights)
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


def _turned(pair: SentencePair) -> SentencePair:
    """Return a pair the other way round: then its text is the translation."""
    return SentencePair(pair.target_text, pair.source_text, pair.source, pair.line)
