"""Greedy and beam search: the best sequences of ids under any step function, many sentences at once."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor

from nlp_lstm.nn.candidates import NEVER, Candidates, choose, choose_one, which, without_repeats
from nlp_lstm.nn.rows import device_of, reorder
from nlp_lstm.nn.stepwise import finish

S = TypeVar("S")

UNSEEN = torch.finfo(torch.float32).tiny
"""What a source token without any attention counts with, so that its logarithm is finite."""


class Step(Protocol[S]):
    """Says what may come next: a decoder, a language model, any function of this shape."""

    def __call__(self, ids: Tensor, state: S, /) -> tuple[Tensor, S, Tensor | None]:
        """Read one id a row and return the log-probabilities of the next one.

        Args:
            ids: the latest id of each hypothesis, int64 (rows,); at first the begin id. Rows lie sentence by
                sentence, each sentence with as many. The hypothesis of a row may be over; what is said of it then
                is not used, but must be as regular as the rest.
            state: what the call before returned, with the rows of these hypotheses; at first what the search was given.

        Returns:
            The log-probabilities, float32 (rows, vocab), −∞ where impossible; the new state; and the attention of this
            step, float32 (rows, source_time), or None.
        """
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class SearchOptions:
    """What to look for, and when to stop.

    A hypothesis Y of n steps for the source X has the score

        s(Y, X) = log P(Y | X) / lp(n) + β Σ_i log min(Σ_t a_ti, 1),    lp(n) = ((k + n) / (k + 1))^α

    n: calls of the step function, one for each id and one for the end; a_ti: attention of step t on source token i;
    α: `length_penalty`; β: `coverage_penalty`; k: `length_offset`. Source: Wu et al. 2016, equation 14, with k = 5.
    Here k is 0 unless set, so lp(n) = n^α, and with α = 1 the first term is the mean log-probability of a step.

    Attributes:
        max_length: most steps, so most ids of a hypothesis, its end counted; one number, or int64 (sentences,).
        begin_id: what the step function reads first.
        end_id: what ends a hypothesis.
        beam_size: how many hypotheses of a sentence are followed side by side.
        n_best: most hypotheses returned for a sentence, at most `beam_size`.
        min_length: fewest ids before the end.
        length_penalty: α, at least 0; 0 compares plain sums.
        length_offset: k, at least 0.
        coverage_penalty: β, at least 0; above 0 the step function must return attention.
        block_ngrams: no run of this many ids comes twice in a hypothesis; 0 allows all.
        forbidden: ids that never come.

    Raises:
        ValueError: a number is out of its range.
    """

    max_length: int | Tensor
    begin_id: int
    end_id: int
    beam_size: int = 5
    n_best: int = 1
    min_length: int = 0
    length_penalty: float = 1.0
    length_offset: float = 0.0
    coverage_penalty: float = 0.0
    block_ngrams: int = 0
    forbidden: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for name in ("beam_size", "n_best"):
            _require_at_least(1, name, getattr(self, name))
        for name in ("begin_id", "end_id", "min_length", "block_ngrams"):
            _require_at_least(0, name, getattr(self, name))
        for name in ("length_penalty", "length_offset", "coverage_penalty"):
            _require_at_least(0, name, getattr(self, name))
        _require_at_least(0, "an id of forbidden", min(self.forbidden, default=0))
        if self.n_best > self.beam_size:
            raise ValueError(f"n_best must be at most beam_size, {self.beam_size}, not {self.n_best}")

    def normalise(self, log_prob: Tensor, steps: Tensor | int) -> Tensor:
        """Return log P / lp(n) for n = `steps`, at least 1."""
        n = torch.as_tensor(steps, dtype=torch.float64, device=log_prob.device)
        return log_prob / ((self.length_offset + n) / (self.length_offset + 1.0)) ** self.length_penalty

    def barred(self, length: int, device: torch.device) -> Tensor:
        """Return the ids that may not come after `length` others, int64 (barred,)."""
        too_soon = (self.end_id,) if length < self.min_length else ()
        return torch.tensor([*self.forbidden, *too_soon], dtype=torch.int64, device=device)

    def coverage(self, attention: Tensor, source_lengths: Tensor | None) -> Tensor:
        """Return β Σ_i log min(Σ_t a_ti, 1) of attention summed over t, (rows, source_time), as (rows,)."""
        logs = attention.clamp(UNSEEN, 1.0).log()
        if source_lengths is not None:
            position = torch.arange(logs.shape[1], device=logs.device)
            logs = logs.masked_fill(position >= source_lengths.unsqueeze(1), 0.0)
        return self.coverage_penalty * logs.sum(1)


class Hypothesis(NamedTuple):
    """One sequence found for a sentence, on the CPU.

    Attributes:
        ids: without begin and end, int64 (target_time,).
        score: what hypotheses are ranked by, see `SearchOptions`.
        log_prob: log P in nats; the end's is in it.
        attention: of the step that chose each id, float32 (target_time, source_time), or None.
        finished: whether it ended. If not, it has `max_length` ids, or nothing was allowed to follow.
    """

    ids: Tensor
    score: float
    log_prob: float
    attention: Tensor | None
    finished: bool


def beam_search(
    step: Step[S], state: S, n_sentences: int, options: SearchOptions, *, source_lengths: Tensor | None = None
) -> list[list[Hypothesis]]:
    """Return the best hypotheses of each sentence, the best first.

    Each step takes the `beam_size` likeliest continuations of a sentence's hypotheses. Those that end leave the beam,
    the others are followed. Between equals the continuation of the likelier hypothesis comes first, then the lower id;
    between equal scores the one that ended first.

    A sentence leaves the batch after `max_length` steps, or when what is followed cannot come among its best any more:
    log-probabilities only fall and the coverage penalty is at most 0, so nothing that begins with log P scores more
    than log P / lp(max_length).

    Args:
        step: says what may come next.
        state: what `step` is given first, with `n_sentences` rows; `reorder` says what it may be made of.
        n_sentences: how many sentences are searched side by side.
        options: what to look for.
        source_lengths: source tokens of each sentence, int64 (sentences,); attention is cut there. None keeps it as
            wide as it comes.

    Returns:
        For each sentence up to `n_best` finished hypotheses, or, if none ended, as many unfinished ones, at least one.

    Raises:
        ValueError: the options do not fit the sentences, or the step function returns a wrong shape, no attention for
            a coverage penalty, or log-probabilities that are nan or above 0.
    """
    return finish(beam_search_steps(step, state, n_sentences, options, source_lengths=source_lengths))


def beam_search_steps(
    step: Step[S],
    state: S,
    n_sentences: int,
    options: SearchOptions,
    *,
    source_lengths: Tensor | None = None,
    before: Tensor | None = None,
) -> Generator[None, None, list[list[Hypothesis]]]:
    """Do what `beam_search` does, and yield before each call of `step`; arguments and errors as there.

    `before`, int64 (sentences, time), stands before what is to be found: `block_ngrams` counts its runs too.
    """
    return _search(step, state, n_sentences, options, source_lengths, choose, before)


def greedy_search(
    step: Step[S], state: S, n_sentences: int, options: SearchOptions, *, source_lengths: Tensor | None = None
) -> list[list[Hypothesis]]:
    """Return what `beam_search` returns for a beam of one, sooner; arguments and errors as there.

    Each step takes the likeliest id, the lowest of equals, and moves rows only when a sentence leaves the batch.
    `beam_size` and `n_best` do not matter.
    """
    return finish(_search(step, state, n_sentences, options, source_lengths, choose_one))


class _Rows(NamedTuple):
    """What goes along with each hypothesis that is followed; the first axis is rows."""

    state: Any
    attention: Tensor | None  # the sum of all steps, float64 (rows, source_time)
    prefix: Tensor | None  # the ids so far, int64 (rows, time)

    def extended(self, state: Any, ids: Tensor, attention: Tensor | None) -> _Rows:
        """Return the rows after one more step, which read `ids` (rows, 0 or 1) of the text."""
        if attention is not None:
            attention = attention.double() if self.attention is None else self.attention + attention
        return _Rows(state, attention, None if self.prefix is None else torch.cat([self.prefix, ids], 1))


class _Endings(NamedTuple):
    """The best hypotheses that are over, the best first; each tensor is (active, n_best), score −∞ where there is none.

    At step number `step`, counted from 0, the hypothesis stood in row `row` and took `last`; the end id is not part
    of it.
    """

    score: Tensor
    log_prob: Tensor
    step: Tensor
    row: Tensor
    last: Tensor
    length: Tensor  # ids without the end
    finished: Tensor

    def merged(self, others: _Endings) -> _Endings:
        """Return the best of both; between equals what was there before."""
        both = [torch.cat(pair, 1) for pair in zip(self, others, strict=True)]
        order = both[0].sort(dim=1, descending=True, stable=True).indices[:, : self.score.shape[1]]
        return _Endings(*(part.gather(1, order) for part in both))


class _Beams(NamedTuple):
    """The sentences still searched; the first axis of each tensor is theirs."""

    number: Tensor  # which sentence it is
    limit: Tensor  # most steps
    source_length: Tensor | None
    ids: Tensor  # the latest id of each hypothesis, (active, width)
    log_prob: Tensor  # float64 (active, width), −∞ where no hypothesis is followed
    endings: _Endings


class _Fed(NamedTuple):
    """What a step of a beam search read: an id for each row, and in which row that hypothesis stood a step before."""

    ids: Tensor
    places: Tensor
    attention: Tensor | None


_Choose = Callable[[Tensor, Tensor, Tensor, int], Candidates]


@torch.no_grad()
def _search(
    step: Step[S],
    state: S,
    n_sentences: int,
    options: SearchOptions,
    source_lengths: Tensor | None,
    take: _Choose,
    before: Tensor | None = None,
) -> Generator[None, None, list[list[Hypothesis]]]:
    """Follow the hypotheses that `take` chooses until all sentences are over; yield before each step."""
    start = beams = _start(n_sentences, options, source_lengths, device_of(state))
    none = beams.ids[:, :0]  # (sentences, 0)
    rows = _Rows(state, None, (none if before is None else before.to(none.device)) if options.block_ngrams else None)
    parents = beams.number.unsqueeze(1)  # (active, width)
    over = beams.limit == 0  # (active,)
    trail: list[_Fed] = []
    done: list[_Beams] = []
    while True:
        kept, left = which(~over), which(over)
        if len(left) or not len(kept):
            done.append(reorder(beams, left))
        if not len(kept):
            return _collect(start, done, trail)
        places = parents[kept].flatten()  # (rows,)
        if len(left):
            beams, rows = reorder(beams, kept), reorder(rows, places, kept)
        elif parents.shape[1] > 1:
            rows = reorder(rows, places)
        ids = beams.ids.flatten()  # (rows,)
        yield
        log_probs, after, attention = step(ids, rows.state)
        _check_output(log_probs, attention, len(ids), options)
        trail.append(_Fed(ids, places, attention))
        chosen = ids.unsqueeze(1)[:, len(trail) == 1 :]  # the begin id is none of the text
        rows = rows.extended(after, chosen, attention if options.coverage_penalty else None)
        barred = options.barred(len(trail) - 1, ids.device)
        allowed = without_repeats(log_probs, rows.prefix, options.block_ngrams)
        found = take(allowed, barred, beams.log_prob, options.beam_size)
        parents = found.row
        beams, over = _advance(beams, rows, found, len(trail), options)


def _start(n_sentences: int, options: SearchOptions, source_lengths: Tensor | None, device: torch.device) -> _Beams:
    """Return one empty hypothesis for each sentence."""
    number = torch.arange(n_sentences, device=device)
    limit = torch.as_tensor(options.max_length, device=device)
    limit = limit.expand(n_sentences) if limit.dim() == 0 else limit
    for name, lengths in (("max_length", limit), ("source_lengths", source_lengths)):
        if lengths is not None and lengths.shape != number.shape:
            raise ValueError(f"{name} must be of shape ({n_sentences},), one a sentence, not {tuple(lengths.shape)}")
        if lengths is not None and bool((lengths < 0).any()):
            raise ValueError(f"{name} must be at least 0, not {int(lengths.amin())}")
    zeros = number.new_zeros(n_sentences, options.n_best)  # (sentences, n_best)
    score = torch.full_like(zeros, NEVER, dtype=torch.float64)
    endings = _Endings(score, torch.zeros_like(score), zeros, zeros, zeros, zeros, zeros.bool())
    source_length = None if source_lengths is None else source_lengths.to(device)
    ids = torch.full_like(number, options.begin_id).unsqueeze(1)
    return _Beams(number, limit, source_length, ids, score.new_zeros(n_sentences, 1), endings)


def _advance(beams: _Beams, rows: _Rows, found: Candidates, time: int, options: SearchOptions) -> tuple[_Beams, Tensor]:
    """Return the sentences after step number `time`, which found how to go on, and whether each is over."""
    ended = (found.log_prob > NEVER) & (found.ids == options.end_id)  # (active, width)
    log_prob = found.log_prob.masked_fill(ended, NEVER)
    endings = _close(beams, rows, found, ended, time, options)
    bound = options.normalise(log_prob.amax(1), beams.limit)
    over = (beams.limit == time) | (endings.score[:, -1] >= bound)  # both are −∞ where nothing is followed any more
    return beams._replace(ids=found.ids, log_prob=log_prob, endings=endings), over


def _close(beams: _Beams, rows: _Rows, found: Candidates, ended: Tensor, time: int, options: SearchOptions) -> _Endings:
    """Return the endings with those of this step; where there are none and nothing can follow, what was left off."""

    def add(endings: _Endings, those: Tensor, candidates: Candidates, length: int, finished: bool) -> _Endings:
        if not bool(those.any()):
            return endings
        score = _score(beams, rows, candidates, time, options).masked_fill(~those, NEVER)
        row = candidates.row
        counts = (torch.full_like(row, time - 1), row, candidates.ids, torch.full_like(row, length))
        return endings.merged(_Endings(score, candidates.log_prob, *counts, torch.full_like(those, finished)))

    endings = add(beams.endings, ended, found, time - 1, True)
    none = endings.score[:, :1] == NEVER  # (active, 1)
    alive = found.log_prob > NEVER  # (active, width)
    endings = add(endings, alive & none & (beams.limit == time).unsqueeze(1), found, time, False)
    stuck = (beams.log_prob > NEVER) & none & ~alive.any(1, keepdim=True)  # (active, width before)
    same = torch.arange(stuck.numel(), device=stuck.device).view_as(stuck)
    return add(endings, stuck, Candidates(beams.log_prob, same, same), time - 1, False)


def _score(beams: _Beams, rows: _Rows, candidates: Candidates, time: int, options: SearchOptions) -> Tensor:
    """Return the scores of candidates after `time` steps, float64 (active, width)."""
    score = options.normalise(candidates.log_prob, time)
    if rows.attention is None:
        return score
    width = beams.ids.shape[1]
    lengths = None if beams.source_length is None else beams.source_length.repeat_interleave(width)
    return score + options.coverage(rows.attention, lengths)[candidates.row]


def _collect(start: _Beams, done: list[_Beams], trail: list[_Fed]) -> list[list[Hypothesis]]:
    """Return the hypotheses of all sentences, in the order of `start`."""
    order = torch.cat([each.number for each in done]).argsort()
    endings = _Endings(*(torch.cat(part)[order] for part in zip(*(each.endings for each in done), strict=True)))
    unstarted = start.limit == 0
    endings.score[unstarted, 0] = 0.0  # the empty hypothesis
    sentence, rank = (endings.score > NEVER).nonzero(as_tuple=True)  # (found,)
    endings = _Endings(*(part[sentence, rank] for part in endings))
    ids, attention = _trace(endings, trail)
    ids, attention = ids.cpu(), None if attention is None else attention.float().cpu()
    widths = None if start.source_length is None else start.source_length.tolist()
    columns = (sentence, endings.length, endings.score, endings.log_prob, endings.finished, unstarted[sentence])
    found: list[list[Hypothesis]] = [[] for _ in order]
    table = zip(*(column.tolist() for column in columns), strict=True)
    for row, (number, length, score, log_prob, finished, blind) in enumerate(table):
        width = None if widths is None else widths[number]
        looked = None if attention is None or blind else attention[row, :length, :width].clone()
        found[number].append(Hypothesis(ids[row, :length].clone(), score, log_prob, looked, finished))
    return found


def _trace(endings: _Endings, trail: list[_Fed]) -> tuple[Tensor, Tensor | None]:
    """Walk back from endings (found,) to their first steps.

    Returns:
        The id that each step chose, (found, time), and its attention, (found, time, source_time); behind an ending
        both are of any value.
    """
    row, ids = torch.zeros_like(endings.row), endings.last
    chosen, attention = [], []
    for time in range(len(trail) - 1, -1, -1):
        here, fed = endings.step == time, trail[time]
        row, ids = torch.where(here, endings.row, row), torch.where(here, endings.last, ids)
        chosen.append(ids)
        if fed.attention is not None:
            attention.append(fed.attention[row])
        row, ids = fed.places[row], fed.ids[row]
    chosen_ids = torch.stack(chosen[::-1], 1) if trail else row.new_zeros(len(row), 0)
    return chosen_ids, torch.stack(attention[::-1], 1) if attention else None


def _check_output(log_probs: Tensor, attention: Tensor | None, n_rows: int, options: SearchOptions) -> None:
    """Refuse what does not have a row for each id that was read, or too few columns."""
    largest = max(options.end_id, *options.forbidden, 0)
    if log_probs.dim() != 2 or log_probs.shape[0] != n_rows or log_probs.shape[1] <= largest:
        shape = tuple(log_probs.shape)
        raise ValueError(f"log_probs must be of shape ({n_rows}, vocab) with vocab above {largest}, not {shape}")
    if attention is not None and (attention.dim() != 2 or attention.shape[0] != n_rows):
        raise ValueError(f"attention must be of shape ({n_rows}, source_time), not {tuple(attention.shape)}")
    if attention is None and options.coverage_penalty:
        raise ValueError("a coverage penalty needs attention, and the step function returned None")


def _require_at_least(least: int, name: str, value: float) -> None:
    if not value >= least:  # nan is not
        raise ValueError(f"{name} must be at least {least}, not {value}")
