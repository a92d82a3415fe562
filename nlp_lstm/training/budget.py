"""From a budget in minutes or epochs to a number of optimizer steps, measured once and then kept."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from itertools import islice

import torch
from torch import nn

from nlp_lstm.config import TrainingSettings
from nlp_lstm.training.loop import Batches
from nlp_lstm.training.optimizer import Objective, accumulate_gradients, build_optimizer, clip_gradients

SAMPLE = 24
"""Batches whose time is taken."""
DEAR = 0.1
"""Evaluations that would take more of a budget than that are timed again."""


def steps_in_budget(settings: TrainingSettings, n_batches: int, measure: Callable[[], tuple[float, float]]) -> int:
    """Return the optimizer steps a budget pays for, at least 1.

    Args:
        settings: hold the budget.
        n_batches: batches in an epoch.
        measure: the seconds of a step and of an evaluation; called for a budget in minutes only.
    """
    unit, amount = settings.budget()
    if unit == "steps":
        return int(amount)
    if unit == "epochs":
        return max(1, round(amount * n_batches / settings.accumulate))
    started = time.monotonic()
    a_step, an_evaluation = measure()
    left = amount * 60 - (time.monotonic() - started) - settings.evaluations * an_evaluation
    return max(1, int(left / a_step))


def measure_pace(
    model: nn.Module,
    objective_of: Callable[[nn.Module], Objective],
    batches: Batches,
    evaluate: Callable[[], float],
    settings: TrainingSettings,
) -> tuple[float, float]:
    """Return the seconds of an optimizer step and of an evaluation.

    A copy of the model is trained on a sample of batches, twice over: the first pass also prepares the kernels
    for the shapes it meets and is not counted. Model and random state are left as they were.

    Args:
        model: the network.
        objective_of: makes the loss of a given copy of the network.
        batches: the training data.
        evaluate: takes a dev score.
        settings: of the run.
    """
    device = next(model.parameters()).device
    sample = [batch.to(device) for batch in islice(batches.epoch(0), SAMPLE)]
    with torch.random.fork_rng():
        trial = copy.deepcopy(model).train()
        optimizer = build_optimizer(trial, settings)
        seconds = 0.0
        for _ in range(2):
            started = time.monotonic()
            for batch in sample:
                accumulate_gradients(trial, objective_of(trial), [batch], device, settings.precision)
                clip_gradients(trial, settings)
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
            seconds = time.monotonic() - started
    model.eval()
    return settings.accumulate * seconds / len(sample), _evaluation_seconds(evaluate, settings)


def _evaluation_seconds(evaluate: Callable[[], float], settings: TrainingSettings) -> float:
    """Return the seconds of an evaluation; where it seems dear, of a second one, as the first also prepares kernels."""
    first = _seconds(evaluate)
    dear = first * settings.evaluations > DEAR * 60 * (settings.minutes or 0.0)
    return min(first, _seconds(evaluate)) if dear else first


def _seconds(evaluate: Callable[[], float]) -> float:
    started = time.monotonic()
    evaluate()
    return time.monotonic() - started
