"""The stage that trains: build the network, find how many steps the budget pays for, take them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import ClassVar

import torch
from torch import nn

from nlp_lstm.counting import counted
from nlp_lstm.errors import UsageError
from nlp_lstm.stages.ledger import Ledger
from nlp_lstm.stages.moving import take_over
from nlp_lstm.stages.network import describe_model, put_vectors
from nlp_lstm.stages.record import TrainingRecord
from nlp_lstm.store import load_weights, read_model, write_description, write_weights
from nlp_lstm.tasks.numbers import Calibrates
from nlp_lstm.tasks.task import encoder_vocabulary, shown_score
from nlp_lstm.training.budget import measure_pace, steps_in_budget
from nlp_lstm.training.interrupts import catch_signals
from nlp_lstm.training.loop import Trainer, reached
from nlp_lstm.training.memory import peak_memory


@dataclass(frozen=True)
class Fit:
    """Trains the network, or goes on where an earlier sitting ended; the best weights are in the run's folder.

    What the folder holds of an earlier run that is to be forgotten goes only now: no mistake before costs a model.
    """

    name: ClassVar[str] = "fit"
    requires: ClassVar[tuple[str, ...]] = ("tokenizer", "vocabularies", "rows", "splits", "task", "batches")
    uses: ClassVar[tuple[str, ...]] = ("given",)
    provides: ClassVar[tuple[str, ...]] = ("model", "position")

    def __call__(self, record: TrainingRecord) -> TrainingRecord:
        """Fill `model` and `position`."""
        with torch.random.fork_rng():  # the caller's random state stays its own
            torch.manual_seed(record.recipe.training.seed)
            return self._fit(record)

    def _fit(self, record: TrainingRecord) -> TrainingRecord:
        assert record.task is not None
        model, ledger = _new_network(record), Ledger(record.out)
        source = record.recipe.training.init_from
        if source is not None and (record.fresh or not ledger.checkpoint.exists()):
            vocabulary = next(iter(record.task.vocabularies.values()), None)
            record.observer.note(take_over(model, vocabulary, Path(source)))
        ledger.begin(record.recipe, given=record.given or {}, fresh=record.fresh)
        write_description(
            record.out,
            config=describe_model(record.recipe, record.tokenizer, record.task),
            vocabularies={name: vocabulary.to_dict() for name, vocabulary in record.task.vocabularies.items()},
            labels=record.task.to_labels(),
        )
        trainer = _prepare(record, model, ledger)
        _train(record, trainer, ledger)
        load_weights(model, read_model(record.out))
        if isinstance(record.task, Calibrates) and record.rows is not None:
            record.task.calibrate(model, record.rows["dev"])
            write_weights(record.out, model)
        return replace(record, model=model, position=trainer.position)


def _new_network(record: TrainingRecord) -> nn.Module:
    assert record.task is not None
    try:
        model = record.task.build(record.recipe.encoder)
    except (RuntimeError, MemoryError) as error:  # torch raises the former when memory is short
        reason = str(error).partition("\n")[0]
        raise UsageError(f"the network cannot be built ({reason}); are the sizes in [encoder] meant?") from error
    vectors = record.recipe.vocabulary.vectors
    if vectors is not None:
        vocabulary = encoder_vocabulary(record.task)
        lowercase = getattr(record.task.tokenizer, "lowercase", False)
        n_found = put_vectors(model, vocabulary, Path(vectors), lowercase=lowercase)
        record.observer.note(f"vectors for {n_found:,} of {len(vocabulary):,} words")
    record.observer.note(f"network of {sum(weight.numel() for weight in model.parameters()):,} weights")
    return model.to(record.device)


def _prepare(record: TrainingRecord, model: nn.Module, ledger: Ledger) -> Trainer:
    """Return the trainer, put back to where the run stood if it was begun before."""
    assert record.batches is not None and record.task is not None
    settings = record.recipe.training
    evaluate = _dev_score(record, model)
    total_steps = ledger.total_steps
    if total_steps is None:
        unit, amount = settings.budget()
        objective = partial(partial, record.task.loss)
        pace = partial(measure_pace, model, objective, record.batches, evaluate, settings)
        total_steps = steps_in_budget(settings, len(record.batches), pace)
        ledger.keep_total_steps(total_steps)
        epochs = total_steps * settings.accumulate / len(record.batches)
        few = "; some of the data will not be read" if epochs < 1 and unit == "minutes" else ""
        paid = f"{counted(total_steps, 'steps')}, {counted(round(epochs, 1), 'epochs', shown=f'{epochs:.1f}')}"
        record.observer.note(f"a budget of {counted(amount, unit, shown=f'{amount:g}')}: {paid}{few}")
    return Trainer(
        model,
        partial(record.task.loss, model),
        record.batches,
        evaluate=evaluate,
        show=partial(shown_score, record.task),
        settings=settings,
        total_steps=total_steps,
        checkpoint=ledger.checkpoint,
        keep_best=partial(write_weights, record.out, model),
        log=lambda progress: ledger.append({**asdict(progress), "peak_memory": peak_memory()}),
    )


def _dev_score(record: TrainingRecord, model: nn.Module) -> Callable[[], float]:
    assert record.rows is not None and record.splits is not None and record.task is not None
    task, rows, examples = record.task, record.rows["dev"], record.splits["dev"]
    precision = record.recipe.training.precision

    def evaluate() -> float:
        return task.score(examples, task.predict(model, rows, precision=precision, quick=True))

    return evaluate


def _train(record: TrainingRecord, trainer: Trainer, ledger: Ledger) -> None:
    """Take the steps that are left."""
    if ledger.checkpoint.exists():
        trainer.resume()
        record.observer.note(f"going on after step {trainer.position.step:,} of {trainer.total_steps:,}")
    ledger.rewind(trainer.position.step)
    with catch_signals() as stopped:
        for progress in trainer.run(stopped):
            record.observer.progress(progress)
    goal, position = record.recipe.training.goal, trainer.position
    if goal is not None:
        found = "" if reached(goal, position.best_score) else "not "
        record.observer.note(f"a goal of {goal:g} on dev: {found}reached after {position.items:,.0f} items")
