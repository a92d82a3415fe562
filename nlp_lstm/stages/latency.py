"""How long a model takes for one example, measured against others in turns."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

from nlp_lstm.stages.predictor import Predictor
from nlp_lstm.tasks.numbers import Foresees
from nlp_lstm.tasks.writing import Writes
from nlp_lstm.tasks.writing_options import writing_options

ROUNDS = 20
WRITTEN = 32
"""Tokens that a generator writes in a round."""


def measure_latency(predictors: Mapping[str, Predictor], examples: Sequence[Any]) -> dict[str, float]:
    """Return the milliseconds each model takes to predict one example, the median over some twenty.

    The models take turns, so that a busy moment of the machine falls on all of them. The first round, in which kernels
    are made ready, does not count. Cutting the text into tokens does not either. For a generator it is the time of a
    token that it writes, for a forecaster that of one forecast.

    Args:
        predictors: the models, of one task, by name.
        examples: labelled examples; one after the other is taken.
    """
    taken: dict[str, list[float]] = {name: [] for name in predictors}
    for number in range(ROUNDS + 1):
        for name, predictor in predictors.items():
            ask, n_parts = _question(predictor, examples[number % len(examples)])
            started = time.perf_counter()
            ask()
            taken[name].append(1000 * (time.perf_counter() - started) / n_parts)
    return {name: median(times[1:]) for name, times in taken.items()}


def _question(predictor: Predictor, example: Any) -> tuple[Callable[[], object], int]:
    """Return what asks a model about an example, and into how many parts its time is to be divided."""
    task, model = predictor.task, predictor.model
    if isinstance(task, Writes):
        writer, options = task.writer(model), writing_options(max_new_tokens=WRITTEN)
        return lambda: list(writer.continue_text("", options, seed=1)), WRITTEN
    if isinstance(task, Foresees):
        return lambda: task.forecast(model, example), 1
    rows = task.encode(task.tokenize([example], task.tokenizer, cache=None))
    return lambda: task.predict(model, rows, batch_size=1), 1
