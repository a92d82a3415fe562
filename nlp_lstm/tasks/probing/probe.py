"""What can be asked of an input on its way through a network; a task that can be inspected has a method `probe`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from nlp_lstm.errors import UsageError
from nlp_lstm.inspection import Decision
from nlp_lstm.nn.layers import LayerMemory
from nlp_lstm.nn.stack import Stack
from nlp_lstm.nn.tracing import Pass, Reader, readers, watch
from nlp_lstm.records.predictions import Alignment
from nlp_lstm.text.tokens import Tokens


class Aim(NamedTuple):
    """What is to be explained.

    Attributes:
        of: the score in words.
        score: runs so many copies of the input through the network and returns the score of each, (rows,);
            differentiable by what goes in.
        unit: what a score is in; nothing where it is in a column's own units.
        scale: how many of those units one of the score is.
        offset: where in those units the score's zero lies.
        without: what stands in place of the input when nothing is read, in words.
    """

    of: str
    score: Callable[[int], Tensor]
    unit: str = "nats"
    scale: float = 1.0
    offset: float = 0.0
    without: str = "without tokens"


class ReadLayer(NamedTuple):
    """A layer in one direction, and what it read.

    Attributes:
        reader: the layer.
        seen: what its kernel read and gave, of a batch of one.
        steps: what it read at each step, where that is not one token after the other.
        network: what it belongs to; nothing where that is the shared encoder.
    """

    reader: Reader
    seen: Pass
    steps: tuple[str, ...] = ()
    network: str = ""


class Probe(ABC):
    """One input on its way through a network.

    Args:
        stack: the layers of the network's shared encoder.
        text: the input as it is shown.
        tokens: the parts of it that are told apart, as they stand in the text.
        target: what is to be explained, if not what is predicted.
    """

    longest: ClassVar[int] = 2_000
    """Tokens whose gates and gradients are looked at together; a longer text is looked at in windows."""
    last_first: ClassVar[bool] = False
    """Whether of a longer text the last window is looked at, unless another is asked for."""

    def __init__(self, stack: Stack, text: str, tokens: Tokens, *, target: str | None = None) -> None:
        self.stack, self.text, self.tokens, self.target = stack, text, tokens, target

    @property
    def entry(self) -> nn.Module:
        """What takes `inputs` as its first argument."""
        return self.stack

    @property
    def row(self) -> int:
        """Which row of the layers' batch is looked at."""
        return 0

    @abstractmethod
    def inputs(self) -> Tensor:
        """Return what goes in, (1, time, width); the shares are of each time."""

    @abstractmethod
    def prediction(self) -> dict[str, Any]:
        """Return what the model says of the input, as plain values."""

    @abstractmethod
    def aim(self) -> Aim:
        """Return what is to be explained.

        Raises:
            UsageError: there is no such target.
        """

    def state(self) -> tuple[LayerMemory, ...] | None:
        """Return where the layers start; None for zeros."""
        return None

    def run(self) -> None:
        """Let the layers read the input."""
        inputs = self.inputs()
        self.stack(inputs, torch.ones(inputs.shape[:2], dtype=torch.bool, device=inputs.device), self.state())

    def steps(self) -> tuple[str, ...]:
        """Return what the layers read at each step, where that is not one token after the other."""
        return ()

    def layers(self) -> tuple[ReadLayer, ...]:
        """Return the layers of the network, each in each direction, with what they read."""
        with torch.no_grad(), watch(self.stack) as passes:
            self.run()
        names = self.steps()
        return tuple(ReadLayer(reader, passes[reader.layer].of_row(self.row), names) for reader in readers(self.stack))

    def times(self) -> tuple[str, ...]:
        """Return when each token was taken; nothing where they are no rows of a series."""
        return ()

    def attention(self) -> tuple[float, ...]:
        """Return how much each token counts in the pooling; nothing where the pooling does not weigh."""
        return ()

    def alignments(self) -> tuple[Alignment, ...]:
        """Return what is attended to while something is written."""
        return ()

    def decisions(self) -> tuple[Decision, ...]:
        """Return why each word got its tag; nothing where words get none."""
        return ()

    def notes(self) -> tuple[str, ...]:
        """Return what is worth knowing, a sentence each."""
        return ()


@runtime_checkable
class Probes(Protocol):
    """A task whose models can be inspected."""

    def probe(self, model: nn.Module, given: Any, target: str | None = None) -> Probe:
        """Return a text, or what else `answer` takes, on its way through a network.

        Args:
            model: the network.
            given: the input.
            target: what is to be explained, if not what is predicted.
        """
        ...


@runtime_checkable
class MakesInputs(Protocol):
    """A task that has something to read where no one gives it anything."""

    def made_input(self, seed: int) -> Any:
        """Return a made input; the same seed gives the same."""
        ...


def number_of(target: str, count: int, *, what: str) -> int:
    """Return the place that a number counted from 1 names.

    Raises:
        UsageError: it is no number from 1 to `count`.
    """
    if not target.isdecimal() or not 1 <= int(target) <= count:
        raise UsageError(f"expected the number of a {what}, 1 to {count}, found {target!r}")
    return int(target) - 1
