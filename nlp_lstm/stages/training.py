"""The training stages: read → split → tokenize → vocabulary → batch → fit → evaluate → save."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar

from nlp_lstm.config import SPLITS, Recipe
from nlp_lstm.corpora.token_cache import default_cache
from nlp_lstm.counting import counted
from nlp_lstm.stages.fitting import Fit
from nlp_lstm.stages.ledger import Ledger
from nlp_lstm.stages.moving import check_source_model
from nlp_lstm.stages.recipes import check_sources
from nlp_lstm.stages.record import TrainingRecord
from nlp_lstm.stages.saving import Save
from nlp_lstm.tasks import find_task
from nlp_lstm.tasks.parts import HasParts
from nlp_lstm.tasks.task import Note, new_tokenizer
from nlp_lstm.text.tokenizers import Tokenizer
from nlp_lstm.text.vocabulary import Vocabulary


@dataclass(frozen=True)
class Read:
    """Reads the examples of the files the recipe names, once it is clear that the run may train in its folder.

    Of a split whose examples the record brings along, no file is read.
    """

    name: ClassVar[str] = "read"
    requires: ClassVar[tuple[str, ...]] = ()
    provides: ClassVar[tuple[str, ...]] = ("splits", "given")

    def __call__(self, record: TrainingRecord) -> TrainingRecord:
        """Fill `splits` and `given`."""
        recipe, given, ledger = record.recipe, record.splits or {}, Ledger(record.out)
        check_sources(recipe, given)
        ledger.check_unfinished(recipe, given=given, fresh=record.fresh)
        if record.fresh or not ledger.checkpoint.exists():
            check_source_model(recipe)
        found = {
            split: given[split] if split in given else _read(recipe, split, given, record.observer.note)
            for split in SPLITS
        }
        splits = {split: examples for split, examples in found.items() if examples is not None}
        sizes = ", ".join(f"{split} {len(examples):,}" for split, examples in splits.items())
        record.observer.note(f"read {sizes} {find_task(recipe.task).unit}")
        return replace(record, splits=splits, given=given)


def _read(recipe: Recipe, split: str, given: Container[str], note: Note) -> list[Any] | None:
    """Return the examples of a split that the recipe names files for; None where it names none.

    Of parts no file is read beside training data that are given: it would belong to others.
    """
    kind = find_task(recipe.task)
    tokenizer = partial(new_tokenizer, recipe.tokenizer)
    told = note if split == "train" else None
    if issubclass(kind, HasParts):
        settings = kind.Settings(**recipe.head)
        return None if "train" in given else kind.read_split(split, settings, tokenizer, note=told)
    source = getattr(recipe.data, split)
    return None if source is None else kind.read(source, recipe.data, tokenizer, note=told)


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
        kind = find_task(settings.task)
        train, dev = kind.hold_out(
            record.splits["train"], fraction=settings.data.dev_fraction, seed=settings.training.seed
        )
        record.observer.note(f"held out {settings.data.dev_fraction:.0%} of them for development")
        return replace(record, splits={**record.splits, "train": train, "dev": dev})


@dataclass(frozen=True)
class TokenizeData:
    """Cuts every text into tokens, or takes them from the cache of an earlier run; what is no text it leaves alone."""

    name: ClassVar[str] = "tokenize"
    requires: ClassVar[tuple[str, ...]] = ("splits", "dev split")
    provides: ClassVar[tuple[str, ...]] = ("tokenizer", "tokens")

    def __call__(self, record: TrainingRecord) -> TrainingRecord:
        """Fill `tokenizer` and `tokens`."""
        assert record.splits is not None
        kind = find_task(record.recipe.task)
        tokenizer = kind.make_tokenizer(record.recipe.tokenizer, record.splits["train"])
        tokens = {
            split: kind.tokenize(examples, tokenizer, cache=default_cache())
            for split, examples in record.splits.items()
        }
        return replace(record, tokenizer=tokenizer, tokens=tokens)


@dataclass(frozen=True)
class BuildVocabulary:
    """Gives the training tokens their ids."""

    name: ClassVar[str] = "vocabulary"
    requires: ClassVar[tuple[str, ...]] = ("tokenizer", "tokens")
    provides: ClassVar[tuple[str, ...]] = ("vocabularies",)

    def __call__(self, record: TrainingRecord) -> TrainingRecord:
        """Fill `vocabularies`."""
        assert record.tokens is not None
        recipe, tokens = record.recipe, record.tokens["train"]
        found = find_task(recipe.task).build_vocabularies(tokens, record.tokenizer, recipe.vocabulary)
        if found:
            sizes = [f"{len(vocabulary):,} {name}" for name, vocabulary in found.items()]
            sizes[0] += _coverage(tokens.counts(), next(iter(found.values())), record.tokenizer)
            record.observer.note(f"vocabulary of {', '.join(sizes)}")
        return replace(record, vocabularies=found)


def _coverage(counts: Mapping[str, int], vocabulary: Vocabulary, tokenizer: Tokenizer) -> str:
    """Return how many of the training tokens have a row of their own, for a note."""
    known = sum(
        count
        for token, count in counts.items()
        if token in vocabulary or (tokenizer.lowercase and token.lower() in vocabulary)
    )
    total = sum(counts.values())
    return f" covering {known / max(1, total):.1%} of {total:,}"


@dataclass(frozen=True)
class Batch:
    """Sets up the task, numbers the texts, and puts those of the training data into an order."""

    name: ClassVar[str] = "batch"
    requires: ClassVar[tuple[str, ...]] = ("splits", "dev split", "tokenizer", "tokens", "vocabularies")
    provides: ClassVar[tuple[str, ...]] = ("task", "rows", "batches")

    def __call__(self, record: TrainingRecord) -> TrainingRecord:
        """Fill `task`, `rows` and `batches`."""
        assert record.splits is not None and record.vocabularies is not None
        assert record.tokens is not None
        recipe, train = record.recipe, record.splits["train"]
        kind = find_task(recipe.task)
        task = kind.from_examples(train, kind.Settings(**recipe.head), record.tokenizer, record.vocabularies)
        for split, examples in record.splits.items():
            if split != "train":
                for line in task.check(examples):  # better told now than after training
                    record.observer.note(f"{split}: {line}")
        rows = {split: task.encode(tokens) for split, tokens in record.tokens.items()}
        batches = task.batches(rows["train"], train, recipe.training)
        if batches.n_cut:
            record.observer.note(
                f"{counted(batches.n_cut, kind.unit)} of training longer than training.max_tokens = "
                f"{recipe.training.max_tokens}: each epoch reads {batches.part} there, prediction all"
            )
        return replace(record, task=task, rows=rows, batches=batches)


@dataclass(frozen=True)
class Evaluate:
    """Scores the best weights on the dev data, and on the test data where there is some."""

    name: ClassVar[str] = "evaluate"
    requires: ClassVar[tuple[str, ...]] = ("task", "model", "rows", "splits")
    provides: ClassVar[tuple[str, ...]] = ("reports",)

    def __call__(self, record: TrainingRecord) -> TrainingRecord:
        """Fill `reports`."""
        task, splits, rows = record.task, record.splits, record.rows
        assert task is not None and splits is not None and rows is not None and record.model is not None
        reports = {
            split: task.report(splits[split], task.predict(record.model, rows[split]))
            for split in ("dev", "test")
            if split in splits
        }
        return replace(record, reports=reports)


TRAINING = (Read(), Split(), TokenizeData(), BuildVocabulary(), Batch(), Fit(), Evaluate(), Save())
"""The chain that `nlp-lstm train` runs."""
