"""The energies of additive attention against tanh itself, forward and backward, by loops and by products."""

from __future__ import annotations

import pytest
import torch

from nlp_lstm.nn import energies as module
from nlp_lstm.nn.energies import energies, grow, query_slopes

ROWS, TARGET, SOURCE, HIDDEN = 3, 4, 5, 6

both_ways = pytest.mark.parametrize("loops", [True, False], ids=["loops", "products"])


@pytest.fixture
def way(monkeypatch):
    """Return a function that decides whether the loops are taken."""
    return lambda loops: loops or monkeypatch.setattr(module, "in_loops", lambda tensor: False)


def draw(*shape: int, seed: int, scale: float = 1.0) -> torch.Tensor:
    return scale * torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def given(scale: float = 1.0) -> list[torch.Tensor]:
    """Return queries, keys and weights, which ask for gradients."""
    parts = draw(ROWS, TARGET, HIDDEN, seed=0, scale=scale), draw(ROWS, SOURCE, HIDDEN, seed=1, scale=scale)
    return [part.requires_grad_() for part in (*parts, draw(HIDDEN, seed=2))]


def by_tanh(queries: torch.Tensor, keys: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    return torch.tanh(queries.unsqueeze(2) + keys.unsqueeze(1)) @ weights


@both_ways
def test_energies_and_all_their_gradients_are_those_of_tanh(way, loops):
    way(loops)
    queries, keys, weights = given()
    found, expected = energies(grow(queries), grow(keys), weights), by_tanh(queries, keys, weights)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-13)
    slopes = draw(ROWS, TARGET, SOURCE, seed=3)
    ours = torch.autograd.grad(found, [queries, keys, weights], slopes)
    for one, other in zip(ours, torch.autograd.grad(expected, [queries, keys, weights], slopes), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


@both_ways
def test_the_slopes_of_queries_are_those_of_tanh(way, loops):
    way(loops)
    queries, keys, _ = (part.detach() for part in given())
    slopes = draw(ROWS, TARGET, SOURCE, seed=3)
    flat = 1.0 - torch.tanh(queries.unsqueeze(2) + keys.unsqueeze(1)).square()
    expected = (slopes.unsqueeze(-1) * flat).sum(2)
    torch.testing.assert_close(query_slopes(slopes, grow(queries), grow(keys)), expected, rtol=0, atol=1e-12)


@both_ways
@pytest.mark.parametrize("scale", [1e-4, 1.0, 8.0])
def test_in_float32_small_and_large_sums_are_right_to_its_digits(way, loops, scale):
    way(loops)
    queries, keys, weights = (part.detach() for part in given(scale))
    found = energies(*(part.float() for part in (grow(queries), grow(keys), weights)))
    assert found.dtype == torch.float32
    bound = 1e-6 * float(weights.abs().sum())
    torch.testing.assert_close(found.double(), by_tanh(queries, keys, weights), rtol=0, atol=bound)


@both_ways
def test_what_is_far_out_gives_one_and_a_gradient_of_nothing(way, loops):
    way(loops)
    queries = torch.tensor([[[500.0, -500.0, 500.0]]], requires_grad=True)
    keys = torch.tensor([[[1.0, 1.0, 500.0]]], requires_grad=True)
    found = energies(grow(queries), grow(keys), torch.ones(3))
    torch.testing.assert_close(found, torch.ones(1, 1, 1))  # 1 − 1 + 1
    found.sum().backward()
    for part in (queries, keys):
        torch.testing.assert_close(part.grad, torch.zeros(1, 1, 3), rtol=0, atol=1e-6)


def test_loops_give_each_row_the_same_to_the_last_bit_whatever_stands_beside_it_and_however_it_lies():
    queries, keys, weights = (part.detach().float() for part in given())
    together = energies(queries.exp(), keys.exp(), weights)
    for row in range(ROWS):
        alone = energies(queries[row : row + 1].exp(), keys[row : row + 1].exp(), weights)
        assert torch.equal(alone[0], together[row])
    turned = keys.exp().transpose(0, 2).contiguous().transpose(0, 2)
    assert torch.equal(energies(queries.exp(), turned, weights), together)
