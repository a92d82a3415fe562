"""Layers with their inside open to view: written out on what the kernels read, and held to what these gave."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from nlp_lstm.nn.block_opening import open_block
from nlp_lstm.nn.layers import LayerMemory, RecurrentLayer
from nlp_lstm.nn.opening import steps
from nlp_lstm.nn.self_attention import TransformerBlock
from nlp_lstm.nn.stack import Stack

TOLERANCE = 1e-4
"""How far a written-out state may lie from the kernel's, and so many times as far where states are larger than 1; in
float32 sums of another order differ by some 1e-6."""
SHUT, OPEN = 0.1, 0.9
"""Below and above these a gate counts as saturated."""


class Reader(NamedTuple):
    """One layer in one direction.

    Attributes:
        number: of the layer, from 0.
        direction: `forward` or `backward`; `both ways` of a block that attends to later tokens too.
        cell: its kind.
        layer: the module that reads.
    """

    number: int
    direction: str
    cell: str
    layer: nn.Module


class Pass(NamedTuple):
    """What the kernel of one layer and direction read and gave, in the order in which it read.

    Attributes:
        inputs: (batch, time, input).
        before: where it started; None for zeros.
        states: its hidden states, (batch, time, hidden).
        after: where it ended; None where that was not asked for.
    """

    inputs: Tensor
    before: LayerMemory | None
    states: Tensor
    after: LayerMemory | None = None

    def of_row(self, row: int) -> Pass:
        """Return what was read and given in one row, as a batch of one."""
        chosen = slice(row, row + 1)
        memories = (_rows_of(memory, chosen) for memory in (self.before, self.after))
        return Pass(self.inputs[chosen], next(memories), self.states[chosen], next(memories))


class Traced(NamedTuple):
    """The inside of a layer at each token of one row, in the order it was read.

    Attributes:
        parts: what it computed, by name, each (time, hidden); gates end in `_gate`.
        attention: how much each token attended to each, (time, time); None where a layer has no such thing.
    """

    parts: dict[str, Tensor]
    attention: Tensor | None = None


class PartSummary(NamedTuple):
    """A part of a cell at each token, as numbers over its channels, each float32 (time,).

    Attributes:
        mean: the mean.
        norm: the Euclidean norm.
        low: the share of channels below `SHUT`.
        high: the share of channels above `OPEN`.
    """

    mean: Tensor
    norm: Tensor
    low: Tensor
    high: Tensor


def readers(stack: Stack) -> Sequence[Reader]:
    """Return the layers of a stack, each in each direction."""
    found = []
    for number, layer in enumerate(stack.layers):
        if isinstance(layer, RecurrentLayer):
            halves = {"forward": layer.forwards, "backward": layer.backwards}
        else:
            halves = {"both ways" if stack.bidirectional else "forward": layer}
        found += [Reader(number, way, stack.cell, half) for way, half in halves.items() if half is not None]
    return found


@contextmanager
def watch(stack: Stack) -> Iterator[dict[nn.Module, Pass]]:
    """Yield a table that holds, for the layer of each reader of a stack that runs in the block, its first pass."""
    passes: dict[nn.Module, Pass] = {}

    def keep(module: nn.Module, args: tuple[Any, ...], output: tuple[Tensor, Any]) -> None:
        before, after = args[2] if len(args) > 2 else None, output[1]
        if isinstance(module, TransformerBlock):  # what it carries stands in a tuple of one
            before, after = before and before[0], after[0]
        passes.setdefault(module, Pass(args[0], before, output[0], after))

    handles = [reader.layer.register_forward_hook(keep) for reader in readers(stack)]
    try:
        yield passes
    finally:
        for handle in handles:
            handle.remove()


def trace(cell: str, layer: nn.Module, seen: Pass) -> Traced:
    """Return the inside of a layer at each token of one row.

    Args:
        cell: its kind.
        layer: the layer, in one direction.
        seen: what its kernel read and gave, of a batch of one.

    Raises:
        RuntimeError: the layer written out and its kernel do not agree, which is a mistake of ours.
    """
    with torch.no_grad():
        traced = _write_out(cell, layer, seen)
        apart = float((traced.parts["hidden"] - seen.states[0]).abs().max())
        largest = float(seen.states.abs().max())
    if not apart <= TOLERANCE * max(1.0, largest):
        raise RuntimeError(f"the written-out {cell} cell and its kernel differ by {apart:.2g}")
    return traced


def _write_out(cell: str, layer: nn.Module, seen: Pass) -> Traced:
    before: Any = seen.before
    if isinstance(layer, TransformerBlock):
        return Traced(*open_block(layer, seen.inputs, before))
    each = [opened.parts for opened in steps(cell, layer, seen.inputs, before)]
    return Traced({name: torch.cat([parts[name] for parts in each]) for name in each[0]})  # each (time, hidden)


def summarise(part: Tensor) -> PartSummary:
    """Return the numbers of a part (time, hidden)."""
    shares = [(part < SHUT).float().mean(-1), (part > OPEN).float().mean(-1)]
    return PartSummary(part.mean(-1), part.norm(dim=-1), *shares)


def _rows_of(memory: LayerMemory | None, chosen: slice) -> LayerMemory | None:
    if memory is None:
        return None
    kind: Any = type(memory)
    found: LayerMemory = kind(*(None if part is None else part[chosen] for part in memory))
    return found
