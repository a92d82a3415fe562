"""A writer that needs no network: a bigram model over characters, small enough to follow by hand."""

from __future__ import annotations

import json
import math
import random
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from nlp_lstm.config import WritingOptions
from nlp_lstm.errors import ModelError, UsageError
from nlp_lstm.text.stopping import StopStrings

TRAINING = "the cat sat on the mat. the dog ate the cat.\nso it ends. "
PART = 10


@dataclass(frozen=True)
class MadeMoment:
    text: str
    model: str


@dataclass(frozen=True)
class MadeKept:
    text: str
    moment: MadeMoment | None


@dataclass(frozen=True)
class MadeChoice:
    id: int
    text: str
    probability: float
    model_probability: float


@dataclass(frozen=True)
class MadeStep:
    piece: str
    moment: MadeMoment
    n_tokens: int = 1


class MadeWriter:
    """p(next | last) = (count(last next) + 0.01) / Σ; before any text, as after a line end.

    `before_step` is called before each step of `write` and of `reading`. A search with a beam draws in the end, too.
    """

    unit = "characters"

    def __init__(self, training: str = TRAINING, *, before_step: Callable[[], object] = lambda: None) -> None:
        self.training, self._before_step = training, before_step
        self.symbols = sorted({*training, "\n"})
        self._follows = Counter(pairwise(training))

    def begin(self) -> MadeMoment:
        return MadeMoment("", self.training)

    def read(self, moment: MadeMoment, text: str) -> MadeMoment:
        if "¿" in text:
            raise UsageError("this model cannot read '¿'")
        return MadeMoment(moment.text + text, self.training)

    def reading(self, moment: MadeMoment, text: str) -> Generator[None, None, MadeMoment]:
        after = self.read(moment, text)
        for _ in range(len(text) // PART):
            self._before_step()
            yield
        return after

    def check(self, options: WritingOptions) -> None:
        if not {*options.logit_bias} <= {*self.symbols}:
            raise UsageError("no bias for that")

    def note_on(self, prompt: str) -> str:
        return "what is this?" if "☃" in prompt else ""

    def probabilities(self, moment: MadeMoment) -> list[float]:
        last = moment.text[-1:] or "\n"
        counts = [self._follows[last, symbol] + 0.01 for symbol in self.symbols]
        return [count / sum(counts) for count in counts]

    def choices(self, moment: MadeMoment, options: WritingOptions, *, n: int) -> list[MadeChoice]:
        own = self.probabilities(moment)
        drawn = [p ** (1 / max(options.temperature, 1e-2)) for p in own]
        kept = sorted(range(len(own)), key=lambda id: -drawn[id])[: options.top_k or len(own)]
        total = math.fsum(drawn[id] for id in kept)
        choices = [
            MadeChoice(id, self.symbols[id], drawn[id] / total * (id in kept), own[id]) for id in range(len(own))
        ]
        return sorted(choices, key=lambda each: -each.probability)[:n]

    def take(self, moment: MadeMoment, id: int) -> MadeStep:
        piece = self.symbols[id]
        return MadeStep(piece, MadeMoment(moment.text + piece, self.training))

    def write(
        self, moment: MadeMoment, options: WritingOptions, *, seed: int, longest_run: int = 1
    ) -> Iterator[MadeStep]:
        draw, until = random.Random(seed), StopStrings(options.stop)
        for _ in range(options.max_new_tokens if options.beam > 1 else 0):
            self._before_step()
            yield MadeStep("", moment, 0)
        for _ in range(options.max_new_tokens):
            self._before_step()
            choices = self.choices(moment, options, n=len(self.symbols))
            [choice] = draw.choices(choices, [each.probability for each in choices])
            step = self.take(moment, choice.id)
            moment = step.moment
            piece = until.feed(step.piece)
            shown = moment.text[: len(moment.text) - until.n_hidden]
            yield MadeStep(piece, MadeMoment(shown, self.training))
            if until.stopped:
                return
        yield MadeStep(until.flush(), moment, 0)

    def save_moment(self, moment: MadeMoment, path: Path) -> None:
        path.write_text(json.dumps({"text": moment.text, "model": moment.model}))

    def load_moment(self, path: Path) -> MadeKept:
        try:
            found = MadeMoment(**json.loads(path.read_text()))
        except ValueError as error:
            raise ModelError(f"{path} is damaged: {error}") from error
        return MadeKept(found.text, found if found.model == self.training else None)


class MadeModel:
    """A loaded generator whose writer is the one given."""

    def __init__(self, writer: MadeWriter, **description: Any) -> None:
        self._writer = writer
        self.description: dict[str, Any] = {"task": "generate", **description}

    def writer(self) -> MadeWriter:
        return self._writer

    def predict(self, inputs: Any) -> Any:
        raise AssertionError("a generator is not asked for predictions")


@dataclass(frozen=True)
class Length:
    """What `Measurer` says of a text."""

    length: int

    def to_dict(self) -> dict[str, object]:
        return {"length": self.length, "scores": {"long": 0.25, "short": 0.75}, "words": ["a", "b"]}

    def to_text(self) -> str:
        return f"{self.length}"


class Measurer:
    """A loaded model of a task that writes nothing: it says how long a text is."""

    def __init__(self) -> None:
        self.description = {"task": "measure"}

    def writer(self) -> MadeWriter:
        raise UsageError("a model of the task 'measure' writes no texts")

    def predict(self, inputs: str) -> Length:
        return Length(len(inputs))
