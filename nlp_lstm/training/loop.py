"""The training loop: a generator that takes one optimizer step at a time and says how it went."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from nlp_lstm.config import TrainingSettings
from nlp_lstm.errors import Interrupted, ModelError, NlpLstmError
from nlp_lstm.tensor_file import load_tensors, save_tensors
from nlp_lstm.training.average import WeightAverage
from nlp_lstm.training.depth import Thaw
from nlp_lstm.training.optimizer import (
    Objective,
    State,
    accumulate_gradients,
    build_optimizer,
    clip_gradients,
    set_rate,
)
from nlp_lstm.training.schedule import rate_factor

CHECKPOINT_SECONDS = 30.0
"""How much work a crash may cost."""


class TrainingBatch(Protocol):
    """What the loop needs to know of a batch."""

    @property
    def n_tokens(self) -> int:
        """Real tokens in the batch."""
        ...

    def to(self, device: torch.device) -> TrainingBatch:
        """Return the batch on `device`."""
        ...


class Batches(Protocol):
    """A source of batches that can be asked for any position again."""

    @property
    def n_cut(self) -> int:
        """Rows that an epoch does not read whole."""
        ...

    @property
    def part(self) -> str:
        """What an epoch reads of those, for people."""
        ...

    def __len__(self) -> int:
        """Batches in an epoch."""
        ...

    def epoch(self, number: int, *, start: int = 0) -> Iterator[Any]:
        """Yield the batches of epoch `number`, from 0, from its batch `start` on; always the same ones."""
        ...


@dataclass(frozen=True)
class Progress:
    """How training stands after a step.

    Attributes:
        step: optimizer steps taken.
        total_steps: the budget in steps.
        epoch: passes over the training data, as a fraction.
        loss: mean training loss an item over the last steps, in nats.
        learning_rate: of the head in this step.
        gradient_norm: length of the gradient before clipping.
        tokens_per_second: real tokens trained on a second, over the last steps.
        seconds: training time so far, over all sittings, evaluation included.
        seconds_left: at the present pace.
        score: dev score of the averaged weights, at evaluations only.
        best_score: the best dev score so far.
        best_step: the step it was reached at.
        shown: the dev score as people read it, at evaluations only.
    """

    step: int
    total_steps: int
    epoch: float
    loss: float
    learning_rate: float
    gradient_norm: float
    tokens_per_second: float
    seconds: float
    seconds_left: float
    score: float | None
    best_score: float | None
    best_step: int
    shown: str = ""


@dataclass(frozen=True)
class Position:
    """Where a run stands; with the tensors of the checkpoint it decides everything that follows.

    Attributes:
        step: optimizer steps taken.
        best_score: the best dev score so far.
        best_step: the step it was reached at.
        evaluations_since_best: evaluations without a better one.
        seconds: training time over all sittings, evaluation included.
        items: what was trained on so far, as the loss counts it: texts, words, tokens, sequences.
        best_items: of these, those up to the best dev score.
    """

    step: int = 0
    best_score: float | None = None
    best_step: int = 0
    evaluations_since_best: int = 0
    seconds: float = 0.0
    items: float = 0.0
    best_items: float = 0.0


class Trainer:
    """Fits a model within a budget of optimizer steps; a run that was stopped goes on to the same weights.

    Args:
        model: the network; already on its device.
        objective: the loss of a batch.
        batches: the training data.
        evaluate: the dev score of the model as it stands, higher is better.
        show: returns a dev score as people read it.
        settings: optimizer, schedule, clipping, averaging.
        total_steps: the budget.
        checkpoint: the file that holds the state of the run.
        keep_best: called while the model holds averaged weights whose dev score is the best so far.
        log: called with each evaluation before its checkpoint is written; after a crash between the two, the
            evaluation is made, and logged, again.
    """

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        batches: Batches,
        *,
        evaluate: Callable[[], float],
        show: Callable[[float], str] = "{:.4f}".format,
        settings: TrainingSettings,
        total_steps: int,
        checkpoint: Path,
        keep_best: Callable[[], None],
        log: Callable[[Progress], None] = lambda progress: None,
    ) -> None:
        self.model, self.objective, self.batches = model, objective, batches
        self.evaluate, self.show, self.keep_best, self.log = evaluate, show, keep_best, log
        self.settings = settings
        self.total_steps = total_steps
        self.checkpoint = checkpoint
        self.device = next(model.parameters()).device
        self.average = WeightAverage(model, settings.ema)
        self.optimizer = build_optimizer(model, settings)
        self.thaw = Thaw(model, settings, total_steps)
        self.position = Position()
        self.state: State = ()
        self.evaluate_every = max(1, -(-total_steps // settings.evaluations))

    @property
    def finished(self) -> bool:
        """Whether the budget is used up, the goal is reached, or the dev score has stopped rising."""
        patience, goal = self.settings.patience, self.settings.goal
        tired = patience is not None and self.position.evaluations_since_best >= patience
        return tired or reached(goal, self.position.best_score) or self.position.step >= self.total_steps

    def run(self, stopped: Callable[[], int | None] = lambda: None) -> Iterator[Progress]:
        """Yield after each step until the run is finished.

        Args:
            stopped: the number of a signal that asks for an end, or None; asked after each step.

        Raises:
            Interrupted: `stopped` asked for the end; the checkpoint is written.
            NlpLstmError: the loss is no longer a number.
        """
        meter = Meter()
        saved = time.monotonic()
        groups = self._groups()
        while not self.finished:
            started = time.monotonic()
            progress = self._step(next(groups), meter)
            if self.position.step % self.evaluate_every == 0 or self.position.step == self.total_steps:
                progress = self._judge(progress)
            self.position = replace(self.position, seconds=self.position.seconds + time.monotonic() - started)
            progress = self._timed(progress)
            if progress.score is not None:
                self.log(progress)
            signal = stopped()
            due = time.monotonic() - saved > CHECKPOINT_SECONDS
            if due or signal is not None or progress.score is not None:
                self.save()
                saved = time.monotonic()
            yield progress
            if signal is not None and not self.finished:
                raise Interrupted(signal)

    def _groups(self) -> Iterator[list[Any]]:
        """Yield, from the present position on, the batches that make one optimizer step together."""
        size = self.settings.accumulate
        epoch, start = divmod(self.position.step * size, len(self.batches))
        stream = _endless(self.batches, epoch, start)
        while True:
            yield [batch.to(self.device) for batch in islice(stream, size)]

    def _step(self, group: list[Any], meter: Meter) -> Progress:
        settings, step = self.settings, self.position.step
        rate = settings.learning_rate * rate_factor(
            step, self.total_steps, warmup=settings.warmup, decay=settings.decay
        )
        set_rate(self.optimizer, rate)
        self.thaw.begin(step)
        self.model.train()
        loss, n_items, self.state = accumulate_gradients(
            self.model, self.objective, group, self.device, settings.precision, self.state
        )
        norm = clip_gradients(self.model, settings)
        if not math.isfinite(loss) or not math.isfinite(norm):
            raise NlpLstmError(
                f"training diverged at step {step + 1}: loss {loss}, gradient length {norm}; "
                "a smaller training.learning_rate or training.clip_norm may help"
            )
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.position = replace(self.position, step=step + 1, items=self.position.items + n_items)
        self.average.update(step + 1)
        meter.add(loss, sum(batch.n_tokens for batch in group))
        return Progress(
            step=step + 1,
            total_steps=self.total_steps,
            epoch=(step + 1) * settings.accumulate / len(self.batches),
            loss=meter.loss,
            learning_rate=rate,
            gradient_norm=norm,
            tokens_per_second=meter.tokens_per_second,
            seconds=0.0,
            seconds_left=0.0,
            score=None,
            best_score=self.position.best_score,
            best_step=self.position.best_step,
        )

    def _judge(self, progress: Progress) -> Progress:
        """Take the dev score of the averaged weights, and keep them if it is the best."""
        self.model.eval()
        position = self.position
        with self.average.applied():
            score = self.evaluate()
            if position.best_score is None or score > position.best_score:
                position = replace(
                    position,
                    best_score=score,
                    best_step=position.step,
                    best_items=position.items,
                    evaluations_since_best=0,
                )
                self.keep_best()
            else:
                position = replace(position, evaluations_since_best=position.evaluations_since_best + 1)
        self.position = position
        return replace(
            progress,
            score=score,
            best_score=position.best_score,
            best_step=position.best_step,
            shown=self.show(score),
        )

    def _timed(self, progress: Progress) -> Progress:
        seconds = self.position.seconds
        left = seconds / progress.step * (self.total_steps - progress.step)
        return replace(progress, seconds=seconds, seconds_left=left)

    def save(self) -> None:
        """Write the state of the run."""
        tensors = {f"model.{name}": tensor for name, tensor in self.model.state_dict().items()}
        tensors |= {f"average.{i}": tensor for i, tensor in enumerate(self.average.average)}
        for i, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{i}.{name}": tensor for name, tensor in state.items()}
        tensors |= {f"state.{i}": part for i, part in enumerate(self.state)}
        tensors["random"] = torch.get_rng_state()
        if self.device.type == "cuda":
            tensors["random.cuda"] = torch.cuda.get_rng_state(self.device)
        save_tensors(self.checkpoint, tensors, asdict(self.position))

    def resume(self) -> None:
        """Go back to where the checkpoint was written.

        Raises:
            ModelError: the checkpoint is damaged or belongs to another network.
        """
        try:
            tensors, values = load_tensors(self.checkpoint)
        except ModelError as error:
            raise ModelError(f"{error}; --fresh starts over") from error
        try:
            self.model.load_state_dict(_section(tensors, "model."))
            for i, average in enumerate(self.average.average):
                average.copy_(tensors[f"average.{i}"])
            state = self.optimizer.state_dict()
            state["state"] = _optimizer_state(_section(tensors, "optimizer."))
            self.optimizer.load_state_dict(state)
            parts = _section(tensors, "state.")
            self.state = tuple(parts[str(i)].to(self.device) for i in range(len(parts)))
            torch.set_rng_state(tensors["random"])
            if self.device.type == "cuda":
                torch.cuda.set_rng_state(tensors["random.cuda"], self.device)
            self.position = Position(**values)
        except (KeyError, RuntimeError, TypeError) as error:
            reason = str(error).partition("\n")[0]
            raise ModelError(f"{self.checkpoint} belongs to another network ({reason}); --fresh starts over") from error


def reached(goal: float | None, score: float | None) -> bool:
    """Return whether there is a goal, and a dev score that reaches it."""
    return goal is not None and score is not None and score >= goal


class Meter:
    """A smoothed view of loss and speed over about the last fifty steps."""

    def __init__(self) -> None:
        self.loss = 0.0
        self.tokens_per_second = 0.0
        self._steps = 0
        self._last = time.monotonic()

    def add(self, loss: float, n_tokens: int) -> None:
        """Take in one step's mean loss and its tokens."""
        now = time.monotonic()
        pace = n_tokens / max(1e-9, now - self._last)
        self._last = now
        self._steps += 1
        weight = max(1 / self._steps, 0.02)
        self.loss += weight * (loss - self.loss)
        self.tokens_per_second += weight * (pace - self.tokens_per_second)


def _endless(batches: Batches, epoch: int, start: int) -> Iterator[Any]:
    while True:
        yield from batches.epoch(epoch, start=start)
        epoch, start = epoch + 1, 0


def _section(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _optimizer_state(tensors: Mapping[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        number, name = key.split(".", 1)
        state.setdefault(int(number), {})[name] = tensor
    return state
