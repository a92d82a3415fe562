"""The training stages: read → split → tokenize → vocabulary → batch → fit → evaluate → save."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from nlp_lstm.corpora.reading import read_examples
from nlp_lstm.corpora.splitting import hold_out
from nlp_lstm.corpora.tokenized import default_cache, tokenize_texts
from nlp_lstm.stages.fitting import Fit
from nlp_lstm.stages.ledger import Ledger
from nlp_lstm.stages.recipes import check_sources
from nlp_lstm.stages.record import TrainingRecord
from nlp_lstm.stages.saving import Save
from nlp_lstm.tasks import find_task
from nlp_lstm.text.tokenizers import build_tokenizer
from nlp_lstm.text.vocabulary import Vocabulary


@dataclass(frozen=True)
class Read:
    """Reads the examples of the files the recipe names, and opens the run's folder once they are there."""

    name: ClassVar[str] = "read"
    requires: ClassVar[tuple[str, ...]] = ()
    provides: ClassVar[tuple[str, ...]] = ("splits",)

    def __call__(self, record: TrainingRecord) -> TrainingRecord:
        """Fill `splits`."""
        check_sources(record.recipe)
        data = record.recipe.data
        splits = {}
        for split in ("train", "dev", "test"):
            source = getattr(data, split)
            if source is None:
                continue
            splits[split] = read_examples(
                source,
                data_format=data.format,
                text_column=data.text_column,
                label_column=data.label_column,
                online=data.online,
            )
        Ledger(record.out).begin(record.recipe, fresh=record.fresh)  # only now: bad data must not cost an older run
        sizes = ", ".join(f"{split} {len(examples):,}" for split, examples in splits.items())
        record.observer.note(f"read {sizes} texts")
        return replace(record, splits=splits)


@dataclass(frozen=True)
class Split:
    """Holds out part of the training data where there is no dev file."""

    name: ClassVar[str] = "split"
    requires: ClassVar[tuple[str, ...]] = ("splits",)
    provides: ClassVar[tuple[str, ...]] = ("dev split",)

    def __call__(self, record: TrainingRecord) -> TrainingRecord:
        """Complete `splits` with `dev`."""
        assert record.splits is not None
        if "dev" in record.splits:
            return record
        settings = record.recipe
        train, dev = hold_out(record.splits["train"], fraction=settings.data.dev_fraction, seed=settings.training.seed)
        record.observer.note(f"held out {len(dev):,} of them for development")
        return replace(record, splits={**record.splits, "train": train, "dev": dev})


@dataclass(frozen=True)
class Tokenize:
    """Cuts every text into tokens, or takes them from the cache of an earlier run."""

    name: ClassVar[str] = "tokenize"
    requires: ClassVar[tuple[str, ...]] = ("splits", "dev split")
    provides: ClassVar[tuple[str, ...]] = ("tokenizer", "tokens")

    def __call__(self, record: TrainingRecord) -> TrainingRecord:
        """Fill `tokenizer` and `tokens`."""
        assert record.splits is not None
        texts = {split: [example.text for example in examples] for split, examples in record.splits.items()}
        tokenizer = build_tokenizer(**record.recipe.tokenizer.model_dump(), train_texts=texts["train"])
        tokens = {split: tokenize_texts(those, tokenizer, cache=default_cache()) for split, those in texts.items()}
        return replace(record, tokenizer=tokenizer, tokens=tokens)


@dataclass(frozen=True)
class BuildVocabulary:
    """Gives the training tokens their ids."""

    name: ClassVar[str] = "vocabulary"
    requires: ClassVar[tuple[str, ...]] = ("tokenizer", "tokens")
    provides: ClassVar[tuple[str, ...]] = ("vocabulary", "rows")

    def __call__(self, record: TrainingRecord) -> TrainingRecord:
        """Fill `vocabulary` and `rows`."""
        assert record.tokens is not None and record.tokenizer is not None
        settings = record.recipe.vocabulary
        counts = record.tokens["train"].counts()
        pieces = {piece: max(settings.min_count, counts.get(piece, 0)) for piece in record.tokenizer.pieces}
        vocabulary = Vocabulary.build(counts | pieces, min_count=settings.min_count, max_size=settings.max_size)
        known = sum(count for token, count in counts.items() if token in vocabulary)
        share = known / max(1, sum(counts.values()))
        record.observer.note(
            f"vocabulary of {len(vocabulary):,}, covering {share:.1%} of {sum(counts.values()):,} tokens"
        )
        rows = {split: table.encode(vocabulary) for split, table in record.tokens.items()}
        return replace(record, vocabulary=vocabulary, rows=rows)


@dataclass(frozen=True)
class Batch:
    """Sets up the task and the order in which it sees the training texts."""

    name: ClassVar[str] = "batch"
    requires: ClassVar[tuple[str, ...]] = ("splits", "dev split", "vocabulary", "rows")
    provides: ClassVar[tuple[str, ...]] = ("task", "batches")

    def __call__(self, record: TrainingRecord) -> TrainingRecord:
        """Fill `task` and `batches`."""
        assert record.splits is not None and record.rows is not None and record.vocabulary is not None
        recipe, train = record.recipe, record.splits["train"]
        kind = find_task(recipe.task)
        task = kind.from_examples(train, kind.Settings(**recipe.head))
        for split, examples in record.splits.items():
            if split != "train":
                task.targets(examples)  # a label never seen in training is better told now than after training
        batches = task.batches(record.rows["train"], train, recipe.training, pad_id=record.vocabulary.pad_id)
        if batches.n_cut:
            record.observer.note(
                f"{batches.n_cut:,} training texts are longer than training.max_tokens = "
                f"{recipe.training.max_tokens}: each epoch reads another window of them, prediction all"
            )
        return replace(record, task=task, batches=batches)


@dataclass(frozen=True)
class Evaluate:
    """Scores the best weights on the dev data, and on the test data where there is some."""

    name: ClassVar[str] = "evaluate"
    requires: ClassVar[tuple[str, ...]] = ("task", "model", "vocabulary", "rows", "splits")
    provides: ClassVar[tuple[str, ...]] = ("reports",)

    def __call__(self, record: TrainingRecord) -> TrainingRecord:
        """Fill `reports`."""
        assert record.splits is not None and record.rows is not None and record.vocabulary is not None
        reports = {}
        for split in ("dev", "test"):
            if split in record.splits:
                predictions = record.task.predict(record.model, record.rows[split], pad_id=record.vocabulary.pad_id)
                reports[split] = record.task.report(record.splits[split], predictions)
        return replace(record, reports=reports)


TRAINING = (Read(), Split(), Tokenize(), BuildVocabulary(), Batch(), Fit(), Evaluate(), Save())
"""The chain that `nlp-lstm train` runs."""
