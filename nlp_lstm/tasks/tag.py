"""The tagging task: a tag for every word, such as its part of speech or its place in a named entity."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from nlp_lstm.batching.spelled import SpelledRows, TaggedBatch, TaggedBatches
from nlp_lstm.config import (
    DataSettings,
    EncoderSettings,
    Settings,
    TaggingOptions,
    TrainingSettings,
    VocabularySettings,
    parse_settings,
)
from nlp_lstm.config import Settings as HeadSettings
from nlp_lstm.corpora.reading import Record
from nlp_lstm.corpora.tagged import read_tagged, tagged_format
from nlp_lstm.corpora.tagged_records import read_words_or_texts
from nlp_lstm.corpora.token_table import TokenTable
from nlp_lstm.errors import DataError, ModelError
from nlp_lstm.metrics.tags import TagReport, span_f1, tag_report
from nlp_lstm.nn.crf import Crf
from nlp_lstm.nn.encoder import Encoder
from nlp_lstm.nn.loss import SummedLoss
from nlp_lstm.nn.spelling import SpellingFeatures
from nlp_lstm.nn.tagger import Emissions, Tagger, tag_loss
from nlp_lstm.records.examples import TaggedSentence
from nlp_lstm.records.predictions import Tagging
from nlp_lstm.tasks.probing.paths import PathProbe
from nlp_lstm.tasks.probing.texts import ReadText, Scores
from nlp_lstm.tasks.tag_notation import TagNotation, check_scheme, network_tags, scheme_of
from nlp_lstm.tasks.tag_settings import TagPartSettings, TagSettings
from nlp_lstm.tasks.tagging import sure_paths, tagging_of
from nlp_lstm.tasks.task import CutsTexts, HasExamples, Note, Vocabularies, build_encoder, encoder_vocabulary
from nlp_lstm.tasks.word_scores import read_by_length
from nlp_lstm.tasks.words import (
    NO_SPELLING,
    WordReader,
    build_word_vocabularies,
    check_word_vocabularies,
    sentence_of,
)
from nlp_lstm.text.tag_schemes import Scheme, convert, detect_scheme
from nlp_lstm.text.tokenizers import Tokenizer


class Tag(HasExamples, CutsTexts):
    """Reads tagged sentences, builds the network, says what its loss and its predictions are.

    Args:
        tags: every tag, in the network's order.
        auxiliary: every tag of the second kind; none where there is no such column.
        settings: the head's settings, with the scheme known.
        tokenizer: cuts texts into words.
        vocabularies: of the words and of the characters.
    """

    Settings: ClassVar[type[Settings]] = TagSettings
    unit: ClassVar[str] = "sentences"
    headline: ClassVar[Mapping[str, str]] = {"F1": "f1", "accuracy": "accuracy"}
    example_type: ClassVar[type] = TaggedSentence
    takes_words: ClassVar[bool] = True

    def __init__(
        self,
        tags: Sequence[str],
        auxiliary: Sequence[str],
        settings: TagPartSettings,
        tokenizer: Tokenizer,
        vocabularies: Vocabularies,
    ) -> None:
        self.settings, self.tokenizer = settings, tokenizer
        self.vocabularies = vocabularies
        self.notation, self.auxiliary = TagNotation(tags, settings.chunk_scheme), TagNotation(auxiliary, None)
        self._reader = WordReader(vocabularies, lowercase=tokenizer.lowercase)

    @property
    def tags(self) -> tuple[str, ...]:
        """Every tag, in the network's order."""
        return self.notation.tags

    @property
    def scheme(self) -> Scheme | None:
        """What the person's tags are written in; None where each tag stands for itself."""
        return self.notation.scheme

    @classmethod
    def part_settings(cls) -> type[HeadSettings]:
        """Return the kind of its settings as a part: all but how words are read."""
        return TagPartSettings

    @classmethod
    def read(
        cls, source: str, data: DataSettings, tokenizer: Callable[[], Tokenizer], *, note: Note | None = None
    ) -> list[TaggedSentence]:
        """Return the tagged sentences of a source; `tokenizer` makes what cuts the texts of JSON lines."""
        cut = tokenizer() if (data.format or tagged_format(source)) == "jsonl" else None
        return read_tagged(source, data_format=data.format, columns=data.columns, tokenizer=cut)

    @classmethod
    def records(cls, source: str, data: DataSettings) -> Iterator[Record]:
        """Stream the texts of a source, or its words where it has columns."""
        return read_words_or_texts(
            source,
            data_format=data.format,
            columns=data.columns,
            text_column=data.text_column,
            online=data.online,
        )

    @classmethod
    def tokenize(cls, examples: Sequence[TaggedSentence], tokenizer: Tokenizer, *, cache: Path | None) -> TokenTable:
        """Return the words as they are written; they need no cutting."""
        return TokenTable.from_keys(example.words for example in examples)

    @classmethod
    def build_vocabularies(cls, tokens: TokenTable, tokenizer: Tokenizer, settings: VocabularySettings) -> Vocabularies:
        """Return the vocabularies of words and characters.

        Raises:
            UsageError: the tokenizer does not cut words.
        """
        return build_word_vocabularies(tokens.counts(), tokenizer, settings)

    @classmethod
    def from_examples(
        cls,
        examples: Sequence[TaggedSentence],
        settings: TagPartSettings,
        tokenizer: Tokenizer,
        vocabularies: Vocabularies,
    ) -> Tag:
        """Return the task with the tags of the training sentences.

        Raises:
            DataError: there are fewer than two tags, one marks no chunk though most do or the settings say so, or
                there are no auxiliary ones though they are to be learned.
        """
        scheme = scheme_of(examples) if settings.scheme == "auto" else settings.chunk_scheme
        if settings.chunk_scheme is not None:
            check_scheme(examples, settings.chunk_scheme)
        tags = network_tags(examples, scheme)
        second = {tag for example in examples for tag in example.auxiliary or ()} if settings.auxiliary_weight else ()
        if settings.auxiliary_weight and not second:
            raise DataError(f"{examples[0].source}: head.auxiliary_weight needs a column named auxiliary (--columns)")
        known = settings.model_copy(update={"scheme": scheme or "none"})
        return cls(tags, sorted(second), known, tokenizer, vocabularies)

    @classmethod
    def from_labels(
        cls,
        labels: Mapping[str, Sequence[str]],
        settings: TagPartSettings,
        tokenizer: Tokenizer,
        vocabularies: Vocabularies,
    ) -> Tag:
        """Return the task of a model folder.

        Raises:
            ModelError: the labels or the vocabularies are not those of a tagger.
        """
        if set(labels) != {"tags", "auxiliary"}:
            raise ModelError(f"expected 'tags' and 'auxiliary', found {', '.join(map(repr, labels)) or 'none'}")
        check_word_vocabularies(vocabularies)
        return cls(labels["tags"], labels["auxiliary"], settings, tokenizer, vocabularies)

    def to_labels(self) -> dict[str, Sequence[str]]:
        """Return the tags, ready for a model folder."""
        return {"tags": self.tags, "auxiliary": self.auxiliary.tags}

    def check(self, examples: Sequence[TaggedSentence]) -> list[str]:
        """Return a line if sentences hold tags that no training sentence has, which can't be found.

        Raises:
            DataError: no sentence has a word, or a tag marks no chunk though those of training do.
        """
        if not any(example.words for example in examples):
            source = (examples[0].source if examples else "") or "the examples"
            raise DataError(f"{source}: no sentence has a word; expected at least one word to score")
        unseen = self.notation.unseen(examples)
        if not unseen:
            return []
        names = ", ".join(sorted(each.tag for each in unseen))
        return [f"tags never seen in training count as wrong: {names} (first at {unseen[0].where})"]

    def encode(self, tokens: TokenTable) -> SpelledRows:
        """Return the ids of sentences, with those of the spellings they consist of."""
        return self._reader.encode(tokens)

    def build(self, encoder: EncoderSettings) -> Tagger:
        """Return a freshly initialised network."""
        assert isinstance(self.settings, TagSettings)
        spelling = self.settings.build(len(self.vocabularies["characters"]))
        shared = build_encoder(encoder, encoder_vocabulary(self), extra_size=spelling.output_size)
        return self._network(shared, spelling)

    def build_part(self, encoder: Encoder) -> Tagger:
        """Return a freshly initialised network on an encoder that is told of the spellings already."""
        return self._network(encoder, NO_SPELLING.build(0))

    def _network(self, encoder: Encoder, spelling: SpellingFeatures) -> Tagger:
        start, move, end = map(torch.from_numpy, self.notation.legal())
        paths = Crf(len(self.tags), start=start, move=move, end=end)
        return Tagger(encoder, spelling, paths, whole=self.settings.crf, n_auxiliary=len(self.auxiliary.tags))

    def batches(
        self, rows: SpelledRows, examples: Sequence[TaggedSentence], settings: TrainingSettings
    ) -> TaggedBatches:
        """Return the training batches of sentences and their tags; sentences without words are left out."""
        filled = [number for number, example in enumerate(examples) if example.words]
        gold = self.notation.gold(examples)
        tags = [self.notation.numbered(gold[number]) for number in filled]
        second = None
        if self.auxiliary.tags:
            second = [self.auxiliary.numbered(examples[number].auxiliary or ()) for number in filled]
        return TaggedBatches(
            replace(rows, rows=[rows.rows[number] for number in filled]),
            tags,
            second,
            batch_size=settings.batch_size,
            seed=settings.seed,
            max_tokens=settings.max_tokens,
            edges=self.notation.edges(),
        )

    part_batches = batches

    def loss(self, model: nn.Module, batch: TaggedBatch) -> SummedLoss:
        """Return the negative log-likelihood of a batch's tags, summed over its sentences, in nats; items are words."""
        assert isinstance(model, Tagger)
        return self.part_loss(model, model(*batch.inputs), batch)

    def part_loss(self, model: nn.Module, scores: Emissions, batch: TaggedBatch) -> SummedLoss:
        """Return the loss of a batch whose scores are known."""
        assert isinstance(model, Tagger)
        mask = batch.inputs.mask
        loss = model.loss(scores.tags, batch.tags, mask)
        if scores.auxiliary is None or batch.auxiliary is None:
            return loss
        second = tag_loss(scores.auxiliary, batch.auxiliary, mask)
        return SummedLoss(loss.total + self.settings.auxiliary_weight * second.total, loss.n_items)

    def predict(
        self,
        model: nn.Module,
        rows: SpelledRows,
        *,
        batch_size: int = 256,
        precision: str = "float32",
        quick: bool = False,
    ) -> list[tuple[str, ...]]:
        """Return the best tags of each sentence, in BIOES where they mark chunks."""
        found: list[tuple[str, ...]] = [()] * len(rows)
        for chosen, scores, mask in read_by_length(model, rows, model, batch_size=batch_size, precision=precision):
            lengths = [len(rows.rows[row]) for row in chosen]
            for row, path in zip(chosen, self.part_predictions(model, scores, mask, lengths), strict=True):
                found[row] = path
        return found

    def part_predictions(
        self, model: nn.Module, scores: Emissions, mask: Tensor, lengths: Sequence[int]
    ) -> list[tuple[str, ...]]:
        """Return the best tags of each sentence of a batch whose scores are known; none of one without words."""
        assert isinstance(model, Tagger)
        paths = zip(model.paths.decode(scores.tags, mask), lengths, strict=True)
        return [self.notation.named(path[:length]) for path, length in paths]

    def score(self, examples: Sequence[TaggedSentence], predictions: Sequence[tuple[str, ...]]) -> float:
        """Return the number training watches: F1 of chunks, or accuracy where tags mark no chunks; in [0, 1]."""
        gold = self.notation.gold(examples)
        if self.scheme is not None:
            return span_f1(gold, predictions)
        right = sum(
            a == b for tags, path in zip(gold, predictions, strict=True) for a, b in zip(tags, path, strict=True)
        )
        return right / max(1, sum(map(len, gold)))

    @property
    def scores(self) -> frozenset[str]:
        """The names of all scores in its reports: of chunks, or of words."""
        return frozenset({"f1", "precision", "recall", "accuracy"} if self.scheme else {"accuracy", "macro_f1"})

    def shown_score(self, score: float) -> str:
        """Return the number training watches as people read it."""
        return f"{'F1' if self.scheme else 'accuracy'} {score:.4f}"

    def report(self, examples: Sequence[TaggedSentence], predictions: Sequence[tuple[str, ...]]) -> TagReport:
        """Return the scores of predicted tags against the sentences' own, in the scheme these are written in."""
        gold = [example.tags or () for example in examples]
        if self.scheme is None:
            return tag_report(gold, predictions, labels=self.tags)
        scheme = detect_scheme(gold) or self.scheme
        return tag_report(gold, [convert(tags, "bioes", scheme) for tags in predictions], scheme=scheme)

    def answer(
        self,
        model: nn.Module,
        inputs: Sequence[str | Sequence[str]],
        *,
        batch_size: int = 256,
        n_best: int = 0,
    ) -> list[Tagging]:
        """Return what is found in each text, or in each sequence of words.

        Args:
            model: the network.
            inputs: texts, which are cut here, or words.
            batch_size: sentences that go through the network together.
            n_best: how many of the likeliest tag sequences to give as `alternatives`.

        Raises:
            UsageError: `n_best` is out of its range.
        """
        parse_settings(TaggingOptions, {"n_best": n_best}, title="a text cannot be tagged so")
        sentences = [sentence_of(given, self.tokenizer) for given in inputs]
        rows = self.encode(TokenTable.from_keys(sentence.words for sentence in sentences))
        found = [Tagging(sentence.text, (), (), (), ()) for sentence in sentences]
        for chosen, scores, mask in read_by_length(model, rows, model, batch_size=batch_size):
            those = [sentences[row] for row in chosen]
            for row, tagging in zip(chosen, self.part_answers(model, scores, mask, those, n_best=n_best), strict=True):
                found[row] = tagging
        return found

    def part_answers(
        self, model: nn.Module, scores: Emissions, mask: Tensor, sentences: Sequence[TaggedSentence], *, n_best: int = 0
    ) -> list[Tagging]:
        """Return what is found in each sentence of a batch whose scores are known; in one without words, nothing."""
        assert isinstance(model, Tagger)
        paths = sure_paths(model.paths, scores.tags, mask)
        others = model.paths.decode_best(scores.tags, mask, n_best) if n_best else [()] * len(sentences)
        return [
            tagging_of(sentence, path, self.notation, others=likeliest)
            for sentence, path, likeliest in zip(sentences, paths, others, strict=True)
        ]

    def probe(self, model: nn.Module, given: str | Sequence[str], target: str | None = None) -> PathProbe:
        """Return a sentence on its way through the network, to be inspected; tags of chunks are shown in BIOES."""
        assert isinstance(model, Tagger)
        read = ReadText.of_words(given, self.tokenizer, self._reader, model.encoder, model.spelling)
        return self.part_probe(model, read, model, lambda: self.answer(model, [given])[0].to_dict(), target)

    def part_probe(
        self,
        model: nn.Module,
        read: ReadText,
        scores: Scores,
        predict: Callable[[], dict[str, Any]],
        target: str | None,
    ) -> PathProbe:
        """Return a sentence on its way through a network and this head."""
        assert isinstance(model, Tagger)
        return PathProbe(read, model, scores, predict, self.tags, target=target)
