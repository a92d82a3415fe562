"""What the shell asks of a model: protocols, which a loaded model and its writer satisfy."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from nlp_lstm.config import WritingOptions


class Moment(Protocol):
    """Where a text stands: all that its next token depends on. It never changes."""

    @property
    def text(self) -> str:
        """What was read and shown so far."""
        ...


class Kept(Protocol):
    """What a file holds of a moment."""

    @property
    def text(self) -> str:
        """Its text."""
        ...

    @property
    def moment(self) -> Moment | None:
        """The moment; None if it was written with another model."""
        ...


class Choice(Protocol):
    """A token that may come next."""

    @property
    def id(self) -> int:
        """Its number."""
        ...

    @property
    def text(self) -> str:
        """How it reads."""
        ...

    @property
    def probability(self) -> float:
        """How likely it is to be drawn under the options, in [0, 1]."""
        ...

    @property
    def model_probability(self) -> float:
        """How likely the model holds it to be, in [0, 1]."""
        ...


class Step(Protocol):
    """A token written, or a step on the way to one."""

    @property
    def piece(self) -> str:
        """New text that can be shown; "" when a character is not whole yet, or may begin a stop string."""
        ...

    @property
    def moment(self) -> Moment:
        """Where the text stands behind it; its text is what was shown."""
        ...

    @property
    def n_tokens(self) -> int:
        """How many tokens it wrote: one or none."""
        ...


class Writer(Protocol):
    """Reads and writes on from moments; the same moment, options and seed give the same text."""

    @property
    def unit(self) -> str:
        """What its tokens are called, in the plural."""
        ...

    def begin(self) -> Moment:
        """Return the moment before any text."""
        ...

    def reading(self, moment: Any, text: str) -> Generator[None, None, Moment]:
        """Return the moment behind `text`, read on from `moment`; yield where the reading can be left.

        Its text may hold more between the two: what the moment did not show, or a blank between words.
        """
        ...

    def check(self, options: WritingOptions) -> None:
        """See that texts can be written under some options.

        Raises:
            UsageError: they cannot.
        """
        ...

    def note_on(self, prompt: str) -> str:
        """Return what a person should be told of a prompt; "" for nothing."""
        ...

    def write(self, moment: Any, options: WritingOptions, *, seed: int, longest_run: int) -> Iterator[Step]:
        """Yield what is written on from `moment`, at most `longest_run` tokens a step; a step may write nothing."""
        ...

    def choices(self, moment: Any, options: WritingOptions, *, n: int) -> Sequence[Choice]:
        """Return the `n` likeliest next tokens, or all if there are fewer, the likeliest first."""
        ...

    def take(self, moment: Any, id: int) -> Step:
        """Return the step that writes just this token."""
        ...

    def save_moment(self, moment: Any, path: Path) -> None:
        """Write a moment to a file."""
        ...

    def load_moment(self, path: Path) -> Kept:
        """Return what a file holds.

        Raises:
            ModelError: the file is missing or damaged.
        """
        ...


class Model(Protocol):
    """A loaded model of any task."""

    @property
    def description(self) -> Mapping[str, Any]:
        """What its folder says of it."""
        ...

    def predict(self, inputs: Any) -> Any:
        """Return the prediction for a text."""
        ...

    def writer(self) -> Writer:
        """Return what writes texts with it.

        Raises:
            UsageError: it is no generator.
        """
        ...
