"""Which tokens a score rests on: integrated gradients, and leaving out one token after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

NODES = 5
"""Points of a part of the path at which the gradient is taken."""
NARROWEST = 2.0**-5
"""Length of a part of the path, whose whole is 1, that is not halved any more."""
FINER, NARROWEST_FIRST = 2.0**-3, 2.0**-40
"""Close to zero a part is halved until it is so much of the way there, but never below so much of the whole."""
FIRST_END = 2.0**-4
"""Where the first part ends and the second begins: in one part alone what is too much may by chance hide what is too
little."""
MOST_GRADIENTS = 1000
"""When so many are taken, no part is halved any more."""
SMALLEST_SHARE = 1e-3
"""Of values whose sum is a smaller share of their sizes' the direction is noise."""
TOKENS_AT_ONCE = 8192
"""Rows × tokens that go through the network together: a few hundred megabytes with their gradients."""
TOLERANCE = 0.008
"""Share of the difference to explain that may be missing before more gradients are taken."""

Score: TypeAlias = Callable[[Tensor], Tensor]
"""From what the first layer reads, (rows, time, width), to a score of each row, (rows,); a row hangs on itself only."""


class Attributed(NamedTuple):
    """How a score is shared among the tokens of a text.

    Attributes:
        values: the share of each token, float64 (time,).
        score: what was to be explained.
        baseline: the score with a zero vector in place of every token.
        n_gradients: gradients that were taken; of leaving out, the scores.
        jumped: how much of the difference lies in jumps, which are shared by the gradient's direction there.
    """

    values: Tensor
    score: float
    baseline: float
    n_gradients: int
    jumped: float = 0.0

    @property
    def error(self) -> float:
        """How far the shares' sum is from the score's difference to the baseline, as a share of that difference."""
        difference = self.score - self.baseline
        missing = abs(float(self.values.sum()) - difference)
        return missing / abs(difference) if difference else missing


@contextmanager
def frozen(model: nn.Module) -> Iterator[None]:
    """Let a network stand in evaluation, with weights that want no gradient and kernels that can always go back.

    A gradient is taken by what the network reads; the weights' own would only cost time. cuDNN's recurrent kernels go
    back in training only, and round to ten bits unless told otherwise.
    """
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    model.eval().requires_grad_(False)
    try:
        with torch.backends.cudnn.flags(enabled=False):
            yield
    finally:
        for weight in trained:
            weight.requires_grad_(True)


@contextmanager
def reading(stack: nn.Module, inputs: Tensor) -> Iterator[None]:
    """Let a stack of layers read `inputs` (rows, time, width) in the block, whatever vectors it is handed."""

    def replace(module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
        return inputs, *args[1:]

    handle = stack.register_forward_pre_hook(replace)
    try:
        yield
    finally:
        handle.remove()


def integrated_gradients(score: Score, inputs: Tensor, *, tolerance: float = TOLERANCE) -> Attributed:
    """Share a score among the tokens of one text by the gradients along the straight path from nothing to the text.

        share_t = Σ_i x_ti ∫₀¹ ∂F(α x) / ∂x_ti dα,  so that  Σ_t share_t = F(x) − F(0)

    F: the score; x: what the first layer reads; α x: the texts on the way. The integral is taken by Gauss's rule with
    `NODES` points on each part of the path, and the sum's right value is known on each: where a part misses it, that
    part is halved. So gradients are taken where the score bends.

    A recurrent network may have two states to settle in, and over many steps it leaves one for the other as if at a
    jump: on a stretch of the path too short for any rule. There the gradient's length means nothing, but its direction
    is that of the jump's edge; a part of `NARROWEST` shares what it makes by that.

    Where what goes in is normalised, N(α z) = α z / √(α² v + ε), all comes about close to zero, within some √(ε / v),
    and the closer the more norms follow each other: as steeply as at a jump, but smoothly on the scale of the
    logarithm, on which parts are halved there.

    The baseline is the zero vector in each token's place: what the embedding dropout of training puts there, and the
    same for words, characters and what a tagger knows of spellings.

    Args:
        score: differentiable.
        inputs: (time, width).
        tolerance: share of the difference that may be missing.

    Source: Sundararajan, Taly & Yan 2017, section 3.
    """
    path = _Path(score, inputs)
    nothing, early, there = path.scores([0.0, FIRST_END, 1.0])
    allowed = max(tolerance * abs(there - nothing), 1e-4 + 1e-6 * abs(there))
    parts, jumps = path.integrate([_Part(0.0, FIRST_END, nothing, early), _Part(FIRST_END, 1.0, early, there)]), []
    while sum(part.missing for part in parts) > allowed:
        bad = [part for part in parts if part.missing > allowed / len(parts)]
        last = path.n_gradients >= MOST_GRADIENTS
        jumps += [part.shared() for part in bad if last or part.narrowest]
        parts = [part for part in parts if part.missing <= allowed / len(parts)]
        parts += path.halve([part for part in bad if not (last or part.narrowest)])
    values = torch.stack([part.total for part in parts + jumps]).sum(0)
    jumped = sum(abs(part.score_end - part.score_start) for part in jumps)
    return Attributed(values, there, nothing, path.n_gradients, jumped)


def leave_one_out(score: Score, inputs: Tensor) -> Attributed:
    """Return how much lower a score is with a zero vector in place of each token of `inputs` (time, width)."""
    time = len(inputs)
    keep = torch.cat([torch.ones(1, time), torch.zeros(1, time), 1.0 - torch.eye(time)]).to(inputs)  # (2 + time, time)
    found: list[Tensor] = []
    with torch.no_grad():
        for rows in keep.split(_rows_at_once(time)):
            found.append(score(rows.unsqueeze(-1) * inputs).double().cpu())
    there, nothing, *rest = torch.cat(found).unbind()
    return Attributed(there - torch.stack(rest), float(there), float(nothing), len(keep))


@contextmanager
def _tiny_as_zero() -> Iterator[None]:
    """Let numbers below 10⁻³⁸ count as zero in the block, if the processor can.

    Over hundreds of steps gradients become as small as that, and processors compute with them many times slower: 5
    texts of 920 characters at hidden size 256 took 0.86 s back through an LSTM, and 0.09 s so.
    """
    did_before = not float(torch.tensor([1e-39]) * 1.0)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(did_before)


class _Part(NamedTuple):
    """A part of the path, from `start` to `end`, with the scores there and what was integrated of it, (time,)."""

    start: float
    end: float
    score_start: float
    score_end: float
    values: Tensor | None = None

    @property
    def total(self) -> Tensor:
        assert self.values is not None
        return self.values

    @property
    def narrowest(self) -> bool:
        return self.end - self.start <= max(NARROWEST_FIRST, min(NARROWEST, FINER * self.end))

    def shared(self) -> _Part:
        """Return the part with values as they are to each other, of the sum that is right."""
        total, difference = float(self.total.sum()), self.score_end - self.score_start
        clear = total * difference > 0.0 and abs(total) > SMALLEST_SHARE * float(self.total.abs().sum())
        return self._replace(values=self.total * (difference / total)) if clear else self

    @property
    def missing(self) -> float:
        return abs(float(self.total.sum()) - (self.score_end - self.score_start))


class _Path:
    """The straight path from zero to the inputs (time, width) of a text."""

    def __init__(self, score: Score, inputs: Tensor) -> None:
        self.score, self.inputs = score, inputs
        self.n_gradients = 0
        places, weights = np.polynomial.legendre.leggauss(NODES)
        self.places, self.weights = (places + 1) / 2, torch.from_numpy(weights / 2)  # on [0, 1]

    def scores(self, places: list[float]) -> list[float]:
        """Return the score at some places of the path."""
        with torch.no_grad():
            return [float(each) for rows in self._rows(places) for each in self.score(rows).double().cpu()]

    def integrate(self, parts: list[_Part]) -> list[_Part]:
        """Return the parts with what each gives each token."""
        places = [part.start + (part.end - part.start) * place for part in parts for place in self.places.tolist()]
        found = []
        for rows in self._rows(places):
            rows = rows.requires_grad_()
            with torch.enable_grad(), _tiny_as_zero():
                (slopes,) = torch.autograd.grad(self.score(rows).sum(), rows)
            found.append((slopes.double() * self.inputs.double()).sum(-1).cpu())  # (rows, time)
        self.n_gradients += len(places)
        every = torch.cat(found).view(len(parts), NODES, -1)
        widths = torch.tensor([part.end - part.start for part in parts], dtype=torch.float64)
        values = (self.weights.view(1, -1, 1) * every).sum(1) * widths.unsqueeze(1)  # (parts, time)
        return [part._replace(values=those) for part, those in zip(parts, values, strict=True)]

    def halve(self, parts: list[_Part]) -> list[_Part]:
        """Return the halves of some parts, integrated anew."""
        if not parts:
            return []
        middles = [(part.start + part.end) / 2 for part in parts]
        halves: list[_Part] = []
        for part, middle, score in zip(parts, middles, self.scores(middles), strict=True):
            halves.append(_Part(part.start, middle, part.score_start, score))
            halves.append(_Part(middle, part.end, score, part.score_end))
        return self.integrate(halves)

    def _rows(self, places: list[float]) -> Iterator[Tensor]:
        """Yield the inputs at some places, a few at a time, (rows, time, width)."""
        for some in torch.tensor(places).to(self.inputs).split(_rows_at_once(len(self.inputs))):
            yield some.view(-1, 1, 1) * self.inputs


def _rows_at_once(time: int) -> int:
    return max(1, TOKENS_AT_ONCE // time)
