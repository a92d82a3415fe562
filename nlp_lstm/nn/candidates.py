"""Which continuations of some hypotheses are the likeliest."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

NEVER = float("-inf")
CHUNK = 64
"""How many ids are first ranked by their maximum alone; with 8000 ids anything from 32 to 160 is about as fast."""
SLACK = 1e-3
"""How far rounding may lift a log-probability above 0; what lies higher is none."""


class Candidates(NamedTuple):
    """Ways to go on, the likeliest first; each tensor is (active, width)."""

    log_prob: Tensor  # of the whole hypothesis, float64; −∞ where there is none
    row: Tensor  # where the hypothesis stood
    ids: Tensor  # what comes next


def choose(log_probs: Tensor, barred: Tensor, before: Tensor, count: int) -> Candidates:
    """Return the `count` likeliest ways to go on from hypotheses of log-probability `before` (active, width).

    The ids of a row fall into chunks. What is sought lies in the `count` chunks with the largest maxima, since each of
    these holds a number that is as large as any of another chunk; so one pass for maxima is all that sees every id.
    """
    active, width = before.shape
    maxima = _chunk_maxima(log_probs, barred)  # (rows, chunks)
    sums = before.unsqueeze(2) + maxima.reshape(active, width, -1)  # (active, width, chunks)
    chunks = _largest(sums.flatten(1), count)[1].sort(dim=1).values  # (active, count), in order: ties go by id
    row = _numbers(before) * width + chunks // maxima.shape[1]  # (active, count)
    values, ids = _look_into(log_probs, row, chunks % maxima.shape[1], barred)  # (active, count, CHUNK)
    sums = before.flatten()[row].unsqueeze(2) + values  # (active, count, CHUNK)
    log_prob, places = _largest(sums.flatten(1), count)  # (active, count)
    return Candidates(log_prob, row.gather(1, places // CHUNK), ids.flatten(1).gather(1, places))


def choose_one(log_probs: Tensor, barred: Tensor, before: Tensor, count: int) -> Candidates:
    """Return the likeliest way to go on from the one hypothesis of each sentence, whatever `count`."""
    row = _numbers(before)  # (active, 1)
    chunk = _chunk_maxima(log_probs, barred).max(1, keepdim=True).indices  # (active, 1), the first of equals
    values, ids = _look_into(log_probs, row, chunk, barred)  # (active, 1, CHUNK)
    best, place = values.squeeze(1).max(1, keepdim=True)  # (active, 1)
    return Candidates(before + best, row, ids.squeeze(1).gather(1, place))


def _numbers(values: Tensor) -> Tensor:
    """Return the number of each row of `values`, (rows, 1)."""
    return torch.arange(len(values), device=values.device).unsqueeze(1)


def _chunk_maxima(log_probs: Tensor, barred: Tensor) -> Tensor:
    """Return the maximum of each `CHUNK` ids, of fewer in the last chunk, without the ids `barred`, (rows, chunks)."""
    whole = log_probs.shape[1] // CHUNK * CHUNK
    maxima = log_probs[:, :whole].unflatten(1, (-1, CHUNK)).amax(2)
    if whole < log_probs.shape[1]:
        maxima = torch.cat([maxima, log_probs[:, whole:].amax(1, keepdim=True)], 1)
    _check_values(maxima)
    if len(barred):  # a copy of all log-probabilities with −∞ in these columns would take as long as the maxima
        chunks = (barred // CHUNK).unique()
        maxima[:, chunks] = _look_into(log_probs, _numbers(log_probs), chunks.unsqueeze(0), barred)[0].amax(2)
    return maxima


def _look_into(log_probs: Tensor, row: Tensor, chunk: Tensor, barred: Tensor) -> tuple[Tensor, Tensor]:
    """Return what stands in chunks of rows, −∞ where `barred` or behind the last id, and its ids; both (…, CHUNK)."""
    ids = (chunk * CHUNK).unsqueeze(-1) + torch.arange(CHUNK, device=chunk.device)  # (…, CHUNK)
    last = log_probs.shape[1] - 1
    values = log_probs[row.unsqueeze(-1), ids.clamp(max=last)].masked_fill(ids > last, NEVER)
    if len(barred):
        values = values.masked_fill(torch.isin(ids, barred), NEVER)
    return values, ids.clamp(max=last)


def _largest(values: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the `count` largest of each row and their places, the first place first between equals."""
    largest, places = values.topk(min(count + 1, values.shape[1]), dim=1)
    tied = (largest[:, 1:] == largest[:, :-1]) & (largest[:, 1:] > NEVER)
    rows = which(tied.any(1))
    if len(rows):  # topk may have taken any of the equals; a stable sort takes the first ones, more slowly
        in_order = values[rows].sort(dim=1, descending=True, stable=True)
        largest[rows], places[rows] = (part[:, : largest.shape[1]] for part in in_order)
    return largest[:, :count], places[:, :count]


def without_repeats(log_probs: Tensor, prefix: Tensor | None, size: int) -> Tensor:
    """Return log-probabilities with −∞ where an id would make a run of ids come again; `prefix` (rows, time)."""
    if prefix is None or prefix.shape[1] < size:
        return log_probs
    rows, ids = _repeating(prefix, size)
    return log_probs.index_put((rows, ids), log_probs.new_tensor(NEVER)) if len(rows) else log_probs


def _repeating(prefix: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Return the rows and ids with which a run of `size` ids would come again; `prefix` (rows, time ≥ size)."""
    runs = prefix.unfold(1, size, 1)  # (rows, places, size)
    latest = prefix[:, prefix.shape[1] - size + 1 :].unsqueeze(1)  # (rows, 1, size − 1)
    rows, places = (runs[:, :, :-1] == latest).all(2).nonzero(as_tuple=True)
    return rows, runs[rows, places, -1]


def which(mask: Tensor) -> Tensor:
    """Return the places where `mask` (n,) is True, in order."""
    return mask.nonzero().squeeze(1)


def _check_values(maxima: Tensor) -> None:
    """Refuse log-probabilities with such `maxima` (rows, …): nan, +∞, or logits that were never normalised."""
    wrong = ~(maxima <= SLACK)  # nan is not
    if bool(wrong.any()):
        row, column = wrong.nonzero()[0].tolist()
        found = maxima[row, column].item()
        raise ValueError(f"log_probs must be at most 0, but row {row} of the step function's output holds {found}")
