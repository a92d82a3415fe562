"""The energies of additive attention, vᵀ tanh(q + k), for every query and key of a sentence.

The tanh of a sum needs no tanh of each sum: with Q = exp 2q and K = exp 2k, tanh(q + k) = 1 − 2 r, r = 1 / (1 + Q K).
So each query and each key is grown once, and a pair costs a product and a quotient. On the CPU compiled loops take all
of a pair at once; torch would write and read a number for each pair and channel at every operation.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import once_differentiable

from nlp_lstm.nn.machine_code import in_loops, machine_code

LARGEST = 43.0
"""The largest exponent: a product of two such powers is a number in float32. A q or k of half that has a tanh of 1."""

Reals = NDArray[np.floating[Any]]


def grow(values: Tensor) -> Tensor:
    """Return exp 2x of each value x, those beyond 21.5 as if they were there."""
    return (2.0 * values).clamp(-LARGEST, LARGEST).exp()


def energies(queries: Tensor, keys: Tensor, weights: Tensor) -> Tensor:
    """Return Σ_h v_h tanh(q_h + k_h) of each query and key, (rows, target_time, source_time); differentiable.

    Args:
        queries: exp 2q, (rows, target_time, hidden), as `grow` gives it.
        keys: exp 2k, (rows, source_time, hidden).
        weights: v, (hidden,).
    """
    if not in_loops(queries):
        return (1.0 - 2.0 * _shares(queries, keys)) @ weights
    found: Tensor = _Energies.apply(queries, keys, weights)  # type: ignore[no-untyped-call]
    return found


def query_slopes(slopes: Tensor, queries: Tensor, keys: Tensor) -> Tensor:
    """Return Σ_j slope_j (1 − tanh²(q + k_j)) of each query, (rows, target_time, hidden).

    Args:
        slopes: one for each pair, (rows, target_time, source_time).
        queries: as in `energies`.
        keys: as in `energies`.
    """
    if not in_loops(queries):
        shares = _shares(queries, keys)
        return 4.0 * (slopes.unsqueeze(2) @ (shares - shares.square())).squeeze(2)
    found = torch.empty_like(queries, memory_format=torch.contiguous_format)
    _fill_slopes(*_arrays(slopes, queries, keys, found))
    return found


def _shares(queries: Tensor, keys: Tensor) -> Tensor:
    """Return r = 1 / (1 + Q K), (rows, target_time, source_time, hidden)."""
    return (queries.unsqueeze(2) * keys.unsqueeze(1) + 1.0).reciprocal()


def _arrays(*tensors: Tensor) -> list[Reals]:
    """Return the tensors as arrays; the loops are translated for such as lie in memory in their order."""
    return [tensor.detach().contiguous().numpy() for tensor in tensors]


class _Energies(torch.autograd.Function):
    """The energies by loops, with their derivatives: ∂E/∂Q = 2 v K r², ∂E/∂K = 2 v Q r², ∂E/∂v = 1 − 2 r."""

    @staticmethod
    def forward(context: Any, queries: Tensor, keys: Tensor, weights: Tensor) -> Tensor:
        context.save_for_backward(queries, keys, weights)
        found = queries.new_empty(len(queries), queries.shape[1], keys.shape[1])
        _fill_energies(*_arrays(queries, keys, weights, found))
        return found

    @staticmethod
    @once_differentiable
    def backward(context: Any, slopes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        queries, keys, weights = context.saved_tensors
        gradients = [torch.zeros(part.shape, dtype=part.dtype) for part in (queries, keys, weights)]
        _add_gradients(*_arrays(slopes, queries, keys, weights, *gradients))
        return gradients[0], gradients[1], gradients[2]


@machine_code(reorder=True)
def _fill_energies(queries: Reals, keys: Reals, weights: Reals, found: Reals) -> None:
    """Fill in `found`; all shapes are those of `energies`."""
    one, two = weights.dtype.type(1), weights.dtype.type(2)
    for row in range(len(queries)):
        for i in range(queries.shape[1]):
            for j in range(keys.shape[1]):
                total = weights.dtype.type(0)
                for h in range(len(weights)):
                    total += weights[h] * (one - two / (one + queries[row, i, h] * keys[row, j, h]))
                found[row, i, j] = total


@machine_code(reorder=True)
def _fill_slopes(slopes: Reals, queries: Reals, keys: Reals, found: Reals) -> None:
    """Fill in `found`; all shapes are those of `query_slopes`."""
    one, four = slopes.dtype.type(1), slopes.dtype.type(4)
    for row in range(len(queries)):
        for i in range(queries.shape[1]):
            found[row, i] = 0
            for j in range(keys.shape[1]):
                slope = four * slopes[row, i, j]
                for h in range(queries.shape[2]):
                    share = one / (one + queries[row, i, h] * keys[row, j, h])
                    found[row, i, h] += slope * (share - share * share)


@machine_code(reorder=True)
def _add_gradients(
    slopes: Reals,
    queries: Reals,
    keys: Reals,
    weights: Reals,
    d_queries: Reals,
    d_keys: Reals,
    d_weights: Reals,
) -> None:
    """Add the gradients of all three to zeros."""
    one, two = slopes.dtype.type(1), slopes.dtype.type(2)
    for row in range(len(queries)):
        for j in range(keys.shape[1]):
            for i in range(queries.shape[1]):
                slope = slopes[row, i, j]
                for h in range(len(weights)):
                    query, key = queries[row, i, h], keys[row, j, h]
                    share = one / (one + query * key)
                    steep = two * slope * weights[h] * share * share
                    d_queries[row, i, h] += steep * key
                    d_keys[row, j, h] += steep * query
                    d_weights[h] += slope * (one - two * share)
