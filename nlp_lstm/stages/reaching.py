"""How far the error of the last step reaches back, in a trained model and in fresh ones of its size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import nullcontext
from random import Random
from typing import TYPE_CHECKING, Any

import torch

from nlp_lstm.errors import DataError, UsageError
from nlp_lstm.inspection import Curve, GradientReport
from nlp_lstm.nn.attributing import frozen
from nlp_lstm.nn.opening import OPENED
from nlp_lstm.nn.reaching import measure, replaced
from nlp_lstm.nn.stack import Stack
from nlp_lstm.nn.tracing import readers
from nlp_lstm.stages.inspecting import check_layer, open_probe, shared_stack
from nlp_lstm.tasks.numbers import ReadsNumbers
from nlp_lstm.tasks.probing.probe import MakesInputs
from nlp_lstm.tasks.task import encoder_vocabulary
from nlp_lstm.text.joining import join

if TYPE_CHECKING:
    from nlp_lstm.stages.predictor import Predictor

MADE_TOKENS = 128
"""Tokens of the made text on which gradients are looked at when there is no other."""
CLIP_NORM = 1.0
"""The limit of the gradient where nothing is known of the model's training."""
SCALES = (0.5, 3.0)
"""What the recurrent weights of a fresh plain RNN are multiplied by, to let its gradients vanish and explode."""


def measure_gradients(
    predictor: Predictor,
    given: Any = None,
    *,
    target: str | None = None,
    layer: int | None = None,
    window: int | None = None,
    steps: int = 100,
    seed: int = 1,
) -> GradientReport:
    """Return how far the error of the last step reaches back; `Predictor.gradients` says more.

    Raises:
        DataError: the text holds fewer than two tokens.
        UsageError: as `inspect_text`; or its layers carry no state, or there is no text and none can be made.
    """
    stack = shared_stack(predictor)
    check_layer(stack, layer)
    if stack.cell not in OPENED:
        raise UsageError(f"a {stack.cell} carries no state from step to step for an error to go back through")
    number = (layer or len(stack.layers)) - 1
    notes = []
    if given is None:
        given = made_input(predictor, seed=seed)
        notes.append(f"nothing was given: this is made up, drawn with seed {seed}")
    with frozen(predictor.model):
        probe, more = open_probe(predictor, given, target, window)
        if len(probe.tokens) < 2:
            raise DataError("the text holds one token: an error that reaches back needs two or more")
        aim = probe.aim()
        limit = float((predictor.description.get("training") or {}).get("clip_norm", CLIP_NORM))
        curves = []
        for name, network in _networks(stack, seed):
            network.requires_grad_(True)
            with replaced(stack, network) if network is not stack else nullcontext():
                reach = measure(network, lambda: -aim.score(1).sum(), number=number, most=steps, row=probe.row)
            network.requires_grad_(False)
            norms = tuple(reach.norms.tolist())
            clipped = min(reach.weight_norm, limit or math.inf)
            curves.append(Curve(name, network.cell, norms, reach.weight_norm, clipped))
    found = (*notes, *more, *probe.notes())
    return GradientReport(probe.text, len(probe.tokens), aim.of, number + 1, limit, tuple(curves), found)


def made_input(predictor: Predictor, *, seed: int) -> Any:
    """Return what the task makes up or, of a task with text, one of random tokens of the model's vocabulary.

    Raises:
        UsageError: the model reads no text, and its task makes nothing up.
    """
    if isinstance(predictor.task, MakesInputs):
        return predictor.task.made_input(seed)
    if isinstance(predictor.task, ReadsNumbers):
        raise UsageError("the model reads no text, and no rows are made up: name a source of some")
    vocabulary = encoder_vocabulary(predictor.task)
    numbers = range(len(vocabulary.specials), len(vocabulary))
    keys = [vocabulary.token(number) for number in Random(seed).choices(numbers, k=MADE_TOKENS)]
    tokenizer = predictor.tokenizer
    return join(getattr(tokenizer, "source", tokenizer), keys).text


def _networks(stack: Stack, seed: int) -> Sequence[tuple[str, Stack]]:
    """Return the trained layers, and fresh ones of their size: of each cell, and plain ones that vanish and explode."""
    found = [(f"trained {stack.cell}", stack)]
    found += [(f"fresh {cell}", _fresh(stack, cell, seed)) for cell in ("rnn", "gru", "lstm")]
    for scale in SCALES:
        scaled = _fresh(stack, "rnn", seed)
        with torch.no_grad():
            for reader in readers(scaled):
                reader.layer.get_parameter("weight_hh").mul_(scale)
        found.append((f"fresh rnn, weights × {scale:g}", scaled))
    return found


def _fresh(stack: Stack, cell: str, seed: int) -> Stack:
    """Return freshly drawn layers of another cell and the same sizes."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fresh = Stack(
            stack.input_size,
            stack.hidden_size,
            n_layers=len(stack.layers),
            cell=cell,
            bidirectional=stack.bidirectional,
            layer_norm=len(stack.norms) > 0,
        )
    return fresh.to(next(stack.parameters()).device).eval()
