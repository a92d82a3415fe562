"""From a language model's scores for the next symbol to the symbol that is written: transforms, then a draw.

A transform is called with the scores, float32 (rows, vocab), and with what each row holds so far, the history, int64
(rows, time), and returns new scores; an excluded symbol has −∞. Ids below 0 in the history stand for nothing: a row
that is shorter than others is filled with them on the left. Transforms keep nothing between calls, and no row reads
another.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, isfinite, log
from typing import Protocol

import torch
from torch import Tensor

ROUNDING = 1e-6
"""How far, relatively, a probability may be off that was made of float32 scores: so close to a bound, it is on it."""


class Transform(Protocol):
    """What changes scores."""

    def __call__(self, logits: Tensor, history: Tensor) -> Tensor:
        """Return new scores for `logits` float32 (rows, vocab) after `history` int64 (rows, time)."""
        ...


@dataclass(frozen=True)
class RepetitionPenalty:
    """Make what was written before less likely, however often it was: s / x where s > 0, and s · x elsewhere.

    Source: Keskar et al. 2019 (CTRL), section 4.1. The formula there divides every score, which would raise the
    negative ones; multiplying those makes x > 1 a penalty for all.

    Args:
        x: above 0; 1 changes nothing, below 1 repetition is made likelier.
        window: how many of the last symbols count; 0 for all.

    Raises:
        ValueError: an argument is out of its range.
    """

    x: float
    window: int = 0

    def __post_init__(self) -> None:
        _expect(0 < self.x < inf, "a repetition penalty above 0", self.x)
        _check_window(self.window)

    def __call__(self, logits: Tensor, history: Tensor) -> Tensor:
        """Return the scores with those of the history's symbols divided or multiplied."""
        penalised = torch.where(logits > 0, logits / self.x, logits * self.x)  # (rows, vocab)
        return torch.where(_count(logits, history, self.window) > 0, penalised, logits)


@dataclass(frozen=True)
class FrequencyPenalty:
    """Make a symbol less likely with every time it was written: s − x · c, c how often it stands in the history.

    Source: the parameter details of the OpenAI API, "frequency and presence penalties".

    Args:
        x: in nats; 0 changes nothing, below 0 repetition is made likelier.
        window: how many of the last symbols count; 0 for all.

    Raises:
        ValueError: an argument is out of its range.
    """

    x: float
    window: int = 0

    def __post_init__(self) -> None:
        _expect(isfinite(self.x), "a finite frequency penalty", self.x)
        _check_window(self.window)

    def __call__(self, logits: Tensor, history: Tensor) -> Tensor:
        """Return the scores less `x` for each occurrence."""
        return logits - self.x * _count(logits, history, self.window)


@dataclass(frozen=True)
class PresencePenalty:
    """Make what was written before less likely by the same step, however often it was: s − x · 1(c > 0).

    Source and arguments as for `FrequencyPenalty`.

    Raises:
        ValueError: an argument is out of its range.
    """

    x: float
    window: int = 0

    def __post_init__(self) -> None:
        _expect(isfinite(self.x), "a finite presence penalty", self.x)
        _check_window(self.window)

    def __call__(self, logits: Tensor, history: Tensor) -> Tensor:
        """Return the scores less `x` for the symbols of the history."""
        return logits - self.x * (_count(logits, history, self.window) > 0)


@dataclass(frozen=True)
class LogitBias:
    """Add to the scores of given symbols: s + b.

    Args:
        biases: what is added, in nats, by id; −∞ excludes the symbol. A copy is kept.

    Raises:
        ValueError: an id is below 0, or a bias is neither finite nor −∞; called, an id is not in the vocabulary.
    """

    biases: Mapping[int, float] = field(hash=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "biases", dict(self.biases))
        for symbol, bias in self.biases.items():
            _expect(symbol >= 0, "biases for ids of 0 or more", symbol)
            _expect(bias < inf, "biases that are finite or -inf", bias)

    def __call__(self, logits: Tensor, history: Tensor) -> Tensor:
        """Return the scores with the biases added."""
        ids = _as_ids(list(self.biases), logits)
        return logits.index_add(1, ids, logits.new_tensor(list(self.biases.values())).expand(len(logits), -1))


@dataclass(frozen=True)
class NoRepeatNgram:
    """Exclude every symbol that would complete a run of `n` symbols that the history already holds.

    Source: Paulus et al. 2018, section 2.5, there with n = 3. With n = 1 no symbol comes twice. Where a row has had
    every symbol after its last n − 1, nothing is left to choose.

    Raises:
        ValueError: `n` is below 1.
    """

    n: int

    def __post_init__(self) -> None:
        _expect(self.n >= 1, "n-grams of at least one symbol", self.n)

    def __call__(self, logits: Tensor, history: Tensor) -> Tensor:
        """Return the scores with −∞ at what would repeat an n-gram."""
        _check_history(logits, history)
        time = history.shape[1]
        if time < self.n:
            return logits
        runs = history.unfold(1, self.n, 1)  # (rows, time − n + 1, n)
        open_run = history[:, time - self.n + 1 :].unsqueeze(1)  # (rows, 1, n − 1)
        met = (runs[..., :-1] == open_run).all(-1) & (runs >= 0).all(-1)  # (rows, time − n + 1)
        times = torch.zeros_like(logits).scatter_add_(1, runs[..., -1].clamp(min=0), met.to(logits.dtype))
        return logits.masked_fill(times > 0, -inf)


@dataclass(frozen=True)
class Forbid:
    """Exclude given symbols.

    Args:
        ids: what is never written; kept in ascending order.

    Raises:
        ValueError: an id is below 0; called, an id is not in the vocabulary.
    """

    ids: Collection[int]

    def __post_init__(self) -> None:
        object.__setattr__(self, "ids", tuple(sorted(set(self.ids))))
        _expect(all(symbol >= 0 for symbol in self.ids), "ids of 0 or more to forbid", self.ids)

    def __call__(self, logits: Tensor, history: Tensor) -> Tensor:
        """Return the scores with −∞ at the forbidden symbols."""
        return logits.index_fill(1, _as_ids(self.ids, logits), -inf)


@dataclass(frozen=True)
class Temperature:
    """Sharpen (t < 1) or flatten (t > 1) the distribution: softmax(s / t).

    Source: Holtzman et al. 2020, section 3.3. The scores are first taken relative to
    the highest of their row, which changes no probability and lets t be as small as one likes. t = 0 is the limit:
    all but the highest are excluded; between equals the lowest id stays.

    Raises:
        ValueError: `t` is below 0 or not finite.
    """

    t: float

    def __post_init__(self) -> None:
        _expect(0 <= self.t < inf, "a temperature of 0 or more", self.t)

    def __call__(self, logits: Tensor, history: Tensor) -> Tensor:
        """Return the scores less the highest of the row, divided by `t`."""
        if self.t == 0:
            return TopK(1)(logits, history)
        return (_below_top(logits).double() / self.t).to(logits.dtype)  # a float32 has no room for the smallest t


@dataclass(frozen=True)
class TopK:
    """Keep the `k` likeliest symbols, never more; between equals the lower ids.

    Source: Fan et al. 2018; Holtzman et al. 2020, section 3.2.

    Raises:
        ValueError: `k` is below 1.
    """

    k: int

    def __post_init__(self) -> None:
        _expect(self.k >= 1, "a top-k of at least one symbol", self.k)

    def __call__(self, logits: Tensor, history: Tensor) -> Tensor:
        """Return the scores with −∞ at all but `k` symbols of each row."""
        last = logits.topk(min(self.k, logits.shape[1])).values[:, -1:]  # (rows, 1)
        higher, equal = logits > last, logits == last  # (rows, vocab)
        room = self.k - higher.sum(-1, keepdim=True)  # (rows, 1)
        return logits.masked_fill(~(higher | (equal & (equal.cumsum(-1) <= room))), -inf)


@dataclass(frozen=True)
class TopP:
    """Keep the nucleus: the smallest set of likeliest symbols whose probabilities add up to `p` or more.

    Source: Holtzman et al. 2020, section 3.1, equation 2. The symbol with which the sum reaches `p` is kept, so one is
    always left; between equals the lower ids come first; a sum that is short of `p` by `ROUNDING` has reached it.

    Raises:
        ValueError: `p` is not above 0 and at most 1.
    """

    p: float

    def __post_init__(self) -> None:
        _expect(0 < self.p <= 1, "a top-p above 0 and at most 1", self.p)

    def __call__(self, logits: Tensor, history: Tensor) -> Tensor:
        """Return the scores with −∞ outside the nucleus of each row."""
        if self.p == 1:
            return logits
        probs, order = logits.double().softmax(-1).sort(dim=-1, descending=True, stable=True)  # (rows, vocab)
        excluded = probs.cumsum(-1) - probs >= self.p - ROUNDING  # what is likelier has reached p
        excluded[:, 0] = False
        return logits.masked_fill(torch.empty_like(excluded).scatter_(1, order, excluded), -inf)


@dataclass(frozen=True)
class MinP:
    """Keep what is at least `p` times as likely as the likeliest symbol, which is s ≥ max s + log p.

    Source: Nguyen et al. 2025 (min-p), section 3. A symbol that is short of it by `ROUNDING` is kept.

    Raises:
        ValueError: `p` is not in [0, 1].
    """

    p: float

    def __post_init__(self) -> None:
        _expect(0 <= self.p <= 1, "a min-p from 0 to 1", self.p)

    def __call__(self, logits: Tensor, history: Tensor) -> Tensor:
        """Return the scores with −∞ at what is too unlikely."""
        if self.p == 0:
            return logits
        return logits.masked_fill(_below_top(logits) < log(self.p) - ROUNDING, -inf)


def transforms(
    *,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    min_p: float = 0.0,
    repetition_penalty: float = 1.0,
    frequency_penalty: float = 0.0,
    presence_penalty: float = 0.0,
    no_repeat_ngram: int = 0,
    logit_bias: Mapping[int, float] | None = None,
    forbid: Collection[int] = (),
    window: int = 0,
) -> tuple[Transform, ...]:
    """Return the transforms asked for, in their order, without those that change nothing.

    1. `RepetitionPenalty`, `FrequencyPenalty`, `PresencePenalty`: the first asks for the sign of a score, so they see
       the model's own.
    2. `LogitBias`: what a person adds is not scaled by a penalty.
    3. `NoRepeatNgram`, `Forbid`: what is excluded takes no place in the sets below.
    4. `Temperature`: the sets below are those of the distribution that is drawn from.
    5. `TopK`, `TopP`, `MinP`: each cuts what the one before has left, with its probabilities renormalised.

    Args:
        temperature: 1 changes nothing; 0 leaves only the likeliest symbol.
        top_k: how many symbols stay; 0 for all.
        top_p: the probability the likeliest symbols have together; 1 for all.
        min_p: the least probability, as a share of the likeliest symbol's; 0 for all.
        repetition_penalty: 1 changes nothing.
        frequency_penalty: in nats for each occurrence; 0 changes nothing.
        presence_penalty: in nats; 0 changes nothing.
        no_repeat_ngram: how long a run must be to come only once; 0 for no such rule.
        logit_bias: what is added to scores, in nats, by id.
        forbid: ids that are never written.
        window: how many of the last symbols the three penalties count; 0 for all.

    Raises:
        ValueError: a value is out of its range.
    """
    _check_window(window)
    bias = LogitBias(logit_bias or {})
    ordered = (
        RepetitionPenalty(repetition_penalty, window) if repetition_penalty != 1 else None,
        FrequencyPenalty(frequency_penalty, window) if frequency_penalty != 0 else None,
        PresencePenalty(presence_penalty, window) if presence_penalty != 0 else None,
        bias if any(bias.biases.values()) else None,
        NoRepeatNgram(no_repeat_ngram) if no_repeat_ngram != 0 else None,
        Forbid(forbid) if forbid else None,
        Temperature(temperature) if temperature != 1 else None,
        TopK(top_k) if top_k != 0 else None,
        TopP(top_p) if top_p != 1 else None,
        MinP(min_p) if min_p != 0 else None,
    )
    return tuple(each for each in ordered if each is not None)


def apply(logits: Tensor, history: Tensor, transforms: Sequence[Transform]) -> Tensor:
    """Return the scores after all `transforms`, one after the other, (rows, vocab).

    Args:
        logits: the model's scores, float32 (rows, vocab); −∞ is excluded from the start.
        history: what each row holds so far, int64 (rows, time); ids below 0 stand for nothing.
        transforms: what to apply, the first one first.

    Raises:
        ValueError: a row has nothing but −∞, or holds nan or +∞; scores and history do not fit each other.
    """
    _check_scores(logits)
    for transform in transforms:
        logits = transform(logits, history)
    return logits


def probabilities(logits: Tensor, history: Tensor, transforms: Sequence[Transform]) -> Tensor:
    """Return what the next symbol is drawn from, float64 (rows, vocab).

    Each row sums to 1, but for those in which the transforms have excluded every symbol: they are all 0.
    Arguments as for `apply`.

    Raises:
        ValueError: as for `apply`; or the transforms have made a score nan or +∞.
    """
    scores = apply(logits, history, transforms)
    highest = scores.amax(-1, keepdim=True)  # (rows, 1); nan is passed on
    for row, found in enumerate(highest.flatten().tolist()):
        _expect(found < inf, f"scores in row {row} that are not nan and not inf", found)
    return scores.double().softmax(-1).masked_fill(highest == -inf, 0.0)


def choose(probs: Tensor, uniforms: Tensor) -> Tensor:
    """Return where each row's running sum of probabilities first exceeds its uniform number, int64 (rows,).

    The sum is exceeded only where it grows, so a symbol without probability is never returned: not the first at 0,
    and not the last when rounding has left the sum below 1, because the number is scaled by the sum.

    Args:
        probs: probabilities, or anything in proportion to them, float64 (rows, vocab), not all 0 in a row.
        uniforms: float64 (rows,), in [0, 1].
    """
    sums = probs.cumsum(-1)  # (rows, vocab)
    total = sums[:, -1:]
    chosen = torch.searchsorted(sums, uniforms.unsqueeze(1) * total, right=True)  # (rows, 1)
    last = torch.searchsorted(sums, total.contiguous())  # the last that adds to the sum
    return torch.minimum(chosen, last).squeeze(1)


def _below_top(logits: Tensor) -> Tensor:
    """Return the scores less the highest of their row, (rows, vocab); −∞ stays so, also where there is nothing else."""
    return logits - logits.amax(-1, keepdim=True).clamp(min=torch.finfo(logits.dtype).min)


def _count(logits: Tensor, history: Tensor, window: int) -> Tensor:
    """Return how often each symbol stands among the last `window` of the history, float32 (rows, vocab)."""
    _check_history(logits, history)
    recent = history[:, -window:]  # (rows, time); −0 is the beginning
    real = (recent >= 0).to(logits.dtype)
    return torch.zeros_like(logits).scatter_add_(1, recent.clamp(min=0), real)


def _as_ids(ids: Collection[int], logits: Tensor) -> Tensor:
    """Return `ids` as a tensor beside the scores, int64 (ids,)."""
    highest, vocab = max(ids, default=0), logits.shape[1]
    _expect(highest < vocab, f"ids below the vocabulary's size, {vocab}", highest)
    return torch.tensor(list(ids), dtype=torch.int64, device=logits.device)


def _check_scores(logits: Tensor) -> None:
    for row, highest in enumerate(logits.amax(-1).tolist()):  # nan is passed on
        _expect(isfinite(highest), f"a finite highest score in row {row}", highest)


def _check_history(logits: Tensor, history: Tensor) -> None:
    fits = history.ndim == 2 and len(history) == len(logits)
    _expect(fits, f"a history of shape ({len(logits)}, time)", tuple(history.shape))
    highest, vocab = int(history.max()) if history.numel() else -1, logits.shape[1]
    _expect(highest < vocab, f"a history of ids below the vocabulary's size, {vocab}", highest)


def _check_window(window: int) -> None:
    _expect(window >= 0, "a window of 0 symbols or more", window)


def _expect(fine: bool, expected: str, got: object) -> None:
    if not fine:
        raise ValueError(f"expected {expected}, got {got}")
