"""The records of an inspection: what the inside of a network did with one text."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from nlp_lstm.counting import counted
from nlp_lstm.records.predictions import Alignment

METHODS = ("ig", "leave-one-out")
"""How a score can be shared among tokens: integrated gradients, or what is lost without each."""

Numbers = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a cell at each token, as numbers over its channels.

    Attributes:
        name: `forget_gate`, `cell`, `hidden`, …; of a Transformer's block `attended` and `fed`, what it adds.
        mean: the mean.
        low: of a gate, the share of channels that are all but shut, below 0.1; empty for what is no gate.
        high: of a gate, the share that is all but open, above 0.9.
        norm: of what is no gate, the Euclidean norm; empty for a gate.
    """

    name: str
    mean: Numbers
    low: Numbers = ()
    high: Numbers = ()
    norm: Numbers = ()

    @property
    def title(self) -> str:
        """The name for people.

        >>> Part("forget_gate", ()).title
        'forget gate'
        """
        return self.name.replace("_", " ")


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer in one direction, token by token in the text's order.

    Attributes:
        number: counted from 1, the lowest first.
        direction: `forward` or `backward`; `both ways` of a Transformer's block that attends to later tokens too.
        cell: its kind.
        hidden_size: its channels.
        parts: the parts of its cell.
        steps: what it reads at each step where that is not the text, token by token: segments of rows, or the tokens
            that a decoder writes; else empty.
        network: `decoder`, where it does not belong to the shared encoder; else empty.
        attention: of a Transformer's block how much each token attends to each, the mean over heads; else empty.
    """

    number: int
    direction: str
    cell: str
    hidden_size: int
    parts: tuple[Part, ...]
    steps: tuple[str, ...] = ()
    network: str = ""
    attention: tuple[Numbers, ...] = ()

    @property
    def title(self) -> str:
        """What people call it.

        >>> Layer(1, "forward", "lstm", 5, (), network="decoder").title
        'decoder layer 1 forward (lstm, 5 channels)'
        """
        name = f"{self.network} layer".lstrip()
        return f"{name} {self.number} {self.direction} ({self.cell}, {self.hidden_size} channels)"


@dataclass(frozen=True, slots=True)
class Attribution:
    """Which tokens a score rests on.

    Attributes:
        method: one of `METHODS`.
        of: what the score is of, in words.
        score: the score.
        baseline: the score of as many tokens that say nothing: zero vectors; of rows, each column's mean.
        values: the share of each token; below zero where it speaks against.
        error: how far their sum is from `score` − `baseline`, as a share of that difference.
        n_steps: gradients that were taken, or texts that were scored.
        jumped: how much of the difference the score makes in jumps on the way; these are shared by the direction of
            the gradient there.
        unit: what the score is in; empty where it is in a column's own units.
        without: what the baseline stands for, in words.
    """

    method: str
    of: str
    score: float
    baseline: float
    values: Numbers
    error: float
    n_steps: int
    jumped: float = 0.0
    unit: str = "nats"
    without: str = "without tokens"

    def shown(self, value: float) -> str:
        """Return a score or a share for people.

        >>> each = Attribution("ig", "forecast of 'a'", 1.0, 0.0, (), 0.0, 5, unit="")
        >>> each.shown(12345.678), each.shown(-2e-06)
        ('+1.235e+04', '-2e-06')
        """
        return f"{value:+.3f}" if self.unit == "nats" else f"{value:+.4g}"


@dataclass(frozen=True, slots=True)
class Decision:
    """Why a word got its tag: the best sequence of tags against the best one that has another tag there.

    Attributes:
        tag: the tag.
        emission: its score at the word alone.
        move: the score of coming to it from the tag before, or of beginning with it.
        rival: the best other tag; None where no other is possible.
        rival_emission: the same of the rival at the word.
        margin: how much higher the whole best sequence scores than the one with the rival, in nats.
        margin_emissions: the part of it that words alone decide.
        margin_moves: the part of it that the moves between tags decide.
    """

    tag: str
    emission: float
    move: float
    rival: str | None = None
    rival_emission: float | None = None
    margin: float | None = None
    margin_emissions: float | None = None
    margin_moves: float | None = None


@dataclass(frozen=True, slots=True)
class Inspection:
    """What the inside of a network did with one text.

    Attributes:
        task: the model's task.
        text: what was read, a part of the text where that is long.
        tokens: its tokens as they stand in the text; of a series, the numbers of the column that is foreseen.
        starts: where each begins in the text, in code points.
        prediction: what the model says of it, as plain values.
        layers: the gates and states of each layer and direction.
        attribution: which tokens the prediction rests on.
        attention: how much each token counts in the pooling; empty where the pooling does not weigh.
        alignments: what a translation attends to.
        decisions: of a tagger, why each word got its tag.
        notes: what is worth knowing, a sentence each.
        times: of a series, when each row was taken, or its number.
    """

    task: str
    text: str
    tokens: tuple[str, ...]
    starts: tuple[int, ...]
    prediction: Mapping[str, Any]
    layers: tuple[Layer, ...]
    attribution: Attribution
    attention: Numbers = ()
    alignments: tuple[Alignment, ...] = ()
    decisions: tuple[Decision, ...] = ()
    notes: tuple[str, ...] = ()
    times: tuple[str, ...] = ()

    def steps_of(self, layer: Layer) -> tuple[str, ...]:
        """Return what a layer reads at each step."""
        return layer.steps or self.times or self.tokens

    def attended(self, layer: Layer) -> Alignment | None:
        """Return what each token attends to in a layer; None where the layer does not attend."""
        if not layer.attention:
            return None
        steps = self.steps_of(layer)
        places = tuple(range(len(steps)))
        return Alignment(steps, places, steps, places, np.array(layer.attention, dtype=np.float32))

    def to_dict(self) -> dict[str, object]:
        """Return all of it as plain values, ready for JSON."""
        return {
            "task": self.task,
            "text": self.text,
            "tokens": list(self.tokens),
            "starts": list(self.starts),
            "prediction": dict(self.prediction),
            "layers": [_plain(each) for each in self.layers],
            "attribution": _plain(self.attribution),
            "attention": list(self.attention),
            "alignments": [each.to_dict() for each in self.alignments],
            "decisions": [_plain(each) for each in self.decisions],
            "notes": list(self.notes),
            "times": list(self.times),
        }


@dataclass(frozen=True, slots=True)
class Curve:
    """How large the error of the last step is at each step back, in one network.

    Attributes:
        name: which network.
        cell: its cell.
        norms: ‖∂loss/∂h_{t−k}‖ for k = 0, 1, ….
        weight_norm: the norm of the loss's gradient by all recurrent layers' weights together.
        clipped_norm: that norm after clipping.
    """

    name: str
    cell: str
    norms: Numbers
    weight_norm: float
    clipped_norm: float

    @property
    def relative(self) -> Numbers:
        """The norms as multiples of the one at the last step."""
        return tuple(norm / self.norms[0] for norm in self.norms)

    @property
    def fate(self) -> str:
        """What becomes of the error.

        >>> Curve("a", "rnn", (1.0, 0.1, 0.001), 1.0, 1.0).fate
        'below 1 % after 2 steps'
        >>> Curve("a", "rnn", (1.0, 20.0), 1.0, 1.0).fate
        'grows to 20 times after 1 step'
        """
        relative = self.relative
        broken = next((k for k, norm in enumerate(relative) if not math.isfinite(norm)), None)
        if broken is not None:
            return f"too large for a number after {counted(broken, 'steps')}"
        top = max(relative)
        if top >= 10.0:
            place = relative.index(top)
            return f"grows to {top:.3g} times after {counted(place, 'steps')}"
        gone = next((k for k, norm in enumerate(relative) if norm < 0.01), None)
        if gone is not None:
            return f"below 1 % after {counted(gone, 'steps')}"
        return f"{relative[-1]:.2g} times as large after {counted(len(relative) - 1, 'steps')}"


@dataclass(frozen=True, slots=True)
class GradientReport:
    """How far the error reaches back, in a trained network and in fresh ones of its size, on one text.

    Attributes:
        text: what was read.
        n_tokens: its tokens.
        of: what the loss is of, in words.
        layer: the layer, counted from 1, read from left to right.
        clip_norm: the longest gradient that training lets through, over all weights of the network; 0 for any.
        curves: one a network, the trained one first.
        notes: what is worth knowing, a sentence each.
    """

    text: str
    n_tokens: int
    of: str
    layer: int
    clip_norm: float
    curves: tuple[Curve, ...]
    notes: tuple[str, ...] = field(default=())

    def to_dict(self) -> dict[str, object]:
        """Return all of it as plain values, ready for JSON."""
        plain = _plain(self)
        for found, curve in zip(plain["curves"], self.curves, strict=True):
            found["fate"] = curve.fate
        return plain


def _plain(record: Any) -> dict[str, Any]:
    """Return a record as plain values; numbers that JSON has none for become None."""
    found = asdict(record)
    return {name: _finite(value) for name, value in found.items()}


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, tuple | list):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
