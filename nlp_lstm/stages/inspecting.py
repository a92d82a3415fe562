"""Looking into a trained model: its gates, and what a prediction rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from nlp_lstm.errors import DataError, UsageError, nearest
from nlp_lstm.inspection import METHODS, Attribution, Inspection, Layer, Part
from nlp_lstm.nn.attributing import Attributed, frozen, integrated_gradients, leave_one_out, reading
from nlp_lstm.nn.stack import Stack
from nlp_lstm.nn.tracing import summarise, trace
from nlp_lstm.tasks.probing.probe import Aim, Probe, Probes, ReadLayer

if TYPE_CHECKING:
    from nlp_lstm.stages.predictor import Predictor

COMPLETE = 0.01
"""Share of the difference that integrated gradients may miss before it is told."""
SHARED = 0.1
"""Share of the difference that may lie in jumps before it is told."""
MOST_ATTENDED = 256
"""Tokens up to which a Transformer's attention is handed out: it is a number for each two of them."""


def inspect_text(
    predictor: Predictor,
    given: Any,
    *,
    method: str = "ig",
    target: str | None = None,
    layer: int | None = None,
    window: int | None = None,
) -> Inspection:
    """Return what the inside of a model did with one text; `Predictor.inspect` says more.

    Raises:
        DataError: the text holds no token.
        UsageError: the model's cell or task cannot be looked into, or there is no such method, target, layer or window.
    """
    if method not in METHODS:
        raise UsageError(f"no method {method!r}{nearest(method, METHODS)}")
    check_layer(shared_stack(predictor), layer)
    with frozen(predictor.model):
        probe, notes = open_probe(predictor, given, target, window)
        aim = probe.aim()
        layers, more = _layers(probe.layers(), layer)
        attribution = _attribution(probe, aim, method)
        return Inspection(
            task=str(predictor.description["task"]),
            text=probe.text,
            tokens=probe.tokens.texts,
            starts=probe.tokens.starts,
            prediction=probe.prediction(),
            layers=layers,
            attribution=attribution,
            attention=probe.attention(),
            alignments=probe.alignments(),
            decisions=probe.decisions(),
            notes=(*notes, *more, *_doubts(attribution), *probe.notes()),
            times=probe.times(),
        )


def shared_stack(predictor: Predictor) -> Stack:
    """Return the recurrent layers of a model's shared encoder.

    Raises:
        UsageError: it has no such layers.
    """
    encoder = getattr(predictor.model, "encoder", None)
    stack = getattr(encoder, "stack", None)
    if not isinstance(stack, Stack):
        raise UsageError(f"models of the task {predictor.description.get('task')!r} cannot be inspected")
    return stack


def probing_task(predictor: Predictor) -> Probes:
    """Return a model's task as one that can be probed.

    Raises:
        UsageError: it cannot.
    """
    if not isinstance(predictor.task, Probes):
        raise UsageError(f"models of the task {predictor.description.get('task')!r} cannot be inspected")
    return predictor.task


def check_layer(stack: Stack, layer: int | None) -> None:
    """See that a stack has a layer of this number, counted from 1.

    Raises:
        UsageError: it has not.
    """
    if layer is not None and not 1 <= layer <= len(stack.layers):
        raise UsageError(f"no layer {layer}: the model has {len(stack.layers)}")


def open_probe(predictor: Predictor, given: Any, target: str | None, window: int | None) -> tuple[Probe, list[str]]:
    """Return a text, or the part of it that is looked at, on its way through a model, and what is to be told of that.

    Raises:
        DataError: the text holds no token.
        UsageError: the task cannot be probed, or there is no such target or window.
    """
    task = probing_task(predictor)
    probe = task.probe(predictor.model, given, target)
    tokens, size = probe.tokens, probe.longest
    if not len(tokens):
        raise DataError("the text holds no token: there is nothing to inspect")
    count = -(-len(tokens) // size)
    if window is not None and not 1 <= window <= count:
        raise UsageError(f"no window {window}: the text's {len(tokens):,} tokens make {count}")
    if count == 1:
        return probe, []
    number = window or (count if probe.last_first else 1)
    first, last = (number - 1) * size, min(number * size, len(tokens))
    start, end = tokens.starts[first], tokens.starts[last - 1] + len(tokens.texts[last - 1])
    part = given[start:end] if isinstance(given, str) else given[first:last]
    note = (
        f"the text's {len(tokens):,} tokens are too many to keep the gradients of: this is window {number} of {count}, "
        f"tokens {first + 1:,} to {last:,}, read as a text of its own"
    )
    return task.probe(predictor.model, part, target), [note]


def _attribution(probe: Probe, aim: Aim, method: str) -> Attribution:
    def score(rows: Tensor) -> Tensor:
        with reading(probe.entry, rows):
            return aim.score(len(rows))

    share = integrated_gradients if method == "ig" else leave_one_out
    with torch.no_grad():
        inputs = probe.inputs()[0]
    found: Attributed = share(score, inputs)
    there, nothing = (aim.offset + aim.scale * each for each in (found.score, found.baseline))
    return Attribution(
        method=method,
        of=aim.of,
        score=there,
        baseline=nothing,
        values=tuple((aim.scale * found.values).tolist()),
        error=found.error,
        n_steps=found.n_gradients,
        jumped=aim.scale * found.jumped,
        unit=aim.unit,
        without=aim.without,
    )


def _doubts(found: Attribution) -> list[str]:
    """Return what is to be told of shares that are not what they should be."""
    difference = abs(found.score - found.baseline)
    notes = []
    if found.method == "ig" and found.error > COMPLETE:
        notes.append(f"integrated gradients miss {found.error:.1%} of the difference after {found.n_steps} of them")
    if found.jumped > SHARED * difference:
        notes.append(
            f"the score makes {found.jumped:.2f} of its way in jumps, where the network leaves one state for another; "
            "they are shared by the direction of the gradient there"
        )
    return notes


def _layers(read: Sequence[ReadLayer], only: int | None) -> tuple[tuple[Layer, ...], list[str]]:
    """Return the layers as numbers, step by step in the text's order, and what is to be told of them.

    Args:
        read: the layers, with what they read.
        only: one of them, counted from 1.
    """
    layers, notes = [], set[str]()
    for each in read:
        if only not in (None, each.reader.number + 1):
            continue
        number, direction, cell, module = each.reader
        traced = trace(cell, module, each.seen)
        attention: tuple[tuple[float, ...], ...] = ()
        if traced.attention is not None and len(traced.attention) <= MOST_ATTENDED:
            attention = tuple(tuple(round(weight, 4) for weight in row) for row in traced.attention.tolist())
        elif traced.attention is not None:
            notes.add(f"attention is shown of {MOST_ATTENDED} tokens at most")
        parts, size = _parts(traced.parts, direction), each.seen.states.shape[-1]
        layers.append(Layer(number + 1, direction, cell, size, parts, each.steps, each.network, attention))
    return tuple(layers), sorted(notes)


def _parts(traced: Mapping[str, Tensor], direction: str) -> tuple[Part, ...]:
    found = []
    for name, part in traced.items():
        in_order = part.flip(0) if direction == "backward" else part
        mean, norm, low, high = (tuple(each.tolist()) for each in summarise(in_order))
        gate = name.endswith("_gate")
        found.append(Part(name, mean, low, high) if gate else Part(name, mean, norm=norm))
    return tuple(found)
