"""Attention against its formulas written out in loops, at padding, in bfloat16, and its gradient by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nlp_lstm.nn.attention import ATTENTIONS, Attention

QUERY, MEMORY, SOURCE, TARGET = 5, 7, 6, 4
LENGTHS = (6, 1, 4)
MASK = torch.arange(SOURCE) < torch.tensor(LENGTHS).unsqueeze(1)  # (3, 6)

every_kind = pytest.mark.parametrize("kind", ATTENTIONS)


@pytest.fixture
def make(randomised):
    """Return a function that makes an attention of a kind with random parameters."""
    return lambda kind: randomised(ATTENTIONS[kind](QUERY, MEMORY))


def draw(*shape: int, seed: int = 3, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


def score_by_hand(attention: Attention, kind: str, query: torch.Tensor, state: torch.Tensor) -> float:
    """Return the score of one state of the memory for one query."""
    key = [sum(w * x for w, x in zip(row, state, strict=True)) for row in attention.memory.weight]
    if kind == "multiplicative":
        return float(sum(q * k for q, k in zip(query, key, strict=True)))
    total = 0.0
    for row, k, v in zip(attention.query.weight, key, attention.energy, strict=True):
        total += float(v * torch.tanh(sum(w * q for w, q in zip(row, query, strict=True)) + k))
    return total


@every_kind
def test_equals_the_formula_in_loops_over_rows_steps_and_tokens(kind, make):
    attention = make(kind).double()
    query = draw(3, TARGET, QUERY, dtype=torch.float64)
    memory = draw(3, SOURCE, MEMORY, seed=4, dtype=torch.float64)
    with torch.no_grad():
        context, weights = attention(query, memory, attention.prepare(memory), MASK)
        for row, length in enumerate(LENGTHS):
            for step in range(TARGET):
                scores = [score_by_hand(attention, kind, query[row, step], state) for state in memory[row, :length]]
                shares = torch.tensor(scores, dtype=torch.float64).exp()
                shares = shares / shares.sum()
                expected = sum(share * state for share, state in zip(shares, memory[row], strict=False))
                torch.testing.assert_close(weights[row, step, :length], shares, rtol=0, atol=1e-12)
                torch.testing.assert_close(context[row, step], expected, rtol=0, atol=1e-12)


@every_kind
def test_one_query_a_row_is_answered_like_the_same_query_as_a_target_of_one_step(kind, make):
    attention, memory = make(kind), draw(3, SOURCE, MEMORY, seed=4)
    keys, query = attention.prepare(memory), draw(3, TARGET, QUERY)
    whole = attention(query, memory, keys, MASK)
    for step in range(TARGET):
        context, weights = attention(query[:, step], memory, keys, MASK)
        torch.testing.assert_close(context, whole.context[:, step], rtol=0, atol=1e-6)
        torch.testing.assert_close(weights, whole.weights[:, step], rtol=0, atol=1e-6)


@pytest.mark.parametrize("bfloat16", [False, True])
@every_kind
def test_weights_are_float32_zero_at_padding_and_sum_to_one(kind, bfloat16, make, autocast):
    attention, memory = make(kind), draw(3, SOURCE, MEMORY, seed=4)
    inputs = torch.bfloat16 if bfloat16 else torch.float32
    with autocast(bfloat16):
        keys = attention.prepare(memory.to(inputs))
        context, weights = attention(draw(3, TARGET, QUERY, dtype=inputs), memory.to(inputs), keys, MASK)
    assert keys.dtype == weights.dtype == context.dtype == torch.float32
    assert not weights.masked_select(~MASK.unsqueeze(1)).any()
    assert bool((weights.masked_select(MASK.unsqueeze(1)) > 0).all())
    torch.testing.assert_close(weights.sum(-1), torch.ones(3, TARGET), rtol=0, atol=1e-6)


@every_kind
def test_bfloat16_costs_no_more_than_its_rounding(kind, make, autocast):
    attention, memory, query = make(kind), draw(3, SOURCE, MEMORY, seed=4), draw(3, TARGET, QUERY)
    exact = attention(query, memory, attention.prepare(memory), MASK)
    with autocast(True):
        rounded = attention(query, memory, attention.prepare(memory), MASK)
    # Keys of some two are rounded to 2^−8 of themselves; scores are sums of five, weights move by at most a quarter.
    torch.testing.assert_close(rounded.weights, exact.weights, rtol=0, atol=0.03)


@every_kind
def test_what_stands_at_padding_and_more_of_it_change_nothing(kind, make):
    attention, memory, query = make(kind), draw(3, SOURCE, MEMORY, seed=4), draw(3, TARGET, QUERY)
    clean = attention(query, memory, attention.prepare(memory), MASK)
    dirty = torch.where(MASK.unsqueeze(-1), memory, 9 * memory.flip(0))
    wide, mask = nn.functional.pad(dirty, (0, 0, 0, 3), value=5.0), nn.functional.pad(MASK, (0, 3))
    context, weights = attention(query, wide, attention.prepare(wide), mask)
    torch.testing.assert_close(context, clean.context, rtol=0, atol=1e-6)
    torch.testing.assert_close(weights[..., :SOURCE], clean.weights, rtol=0, atol=1e-6)
    assert not weights[..., SOURCE:].any()


@every_kind
def test_a_row_of_one_token_has_all_weight_on_it_and_no_gradient_is_nan(kind, make):
    attention, memory = make(kind), draw(3, SOURCE, MEMORY, seed=4).requires_grad_()
    query = draw(3, TARGET, QUERY).requires_grad_()
    context, weights = attention(query, memory, attention.prepare(memory), MASK)
    torch.testing.assert_close(weights[1, :, 0], torch.ones(TARGET))
    context.square().sum().backward()
    gradients = [query.grad, memory.grad, *(parameter.grad for parameter in attention.parameters())]
    assert all(bool(gradient.isfinite().all()) and bool(gradient.any()) for gradient in gradients)
    assert not memory.grad.masked_select(~MASK.unsqueeze(-1)).any()


@every_kind
def test_a_context_may_be_of_any_size_and_a_product_with_it_may_come_first(kind, make):
    attention, memory, query = make(kind), draw(3, SOURCE, MEMORY, seed=4), draw(3, QUERY)
    keys, product = attention.prepare(memory), draw(2, MEMORY, seed=5)
    after = attention(query, memory, keys, MASK).context @ product.T
    before = attention(query, memory @ product.T, keys, MASK).context
    assert before.shape == (3, 2)
    torch.testing.assert_close(before, after, rtol=0, atol=1e-5)


@every_kind
def test_the_gradient_of_what_is_asked_by_hand_is_that_of_autograd(kind, make):
    attention = make(kind).double()
    keys = attention.prepare(draw(3, SOURCE, MEMORY, seed=4, dtype=torch.float64)).detach()
    asked = attention.ask(draw(3, TARGET, QUERY, dtype=torch.float64)).detach().requires_grad_()
    slopes = draw(3, TARGET, SOURCE, seed=6, dtype=torch.float64)
    (expected,) = torch.autograd.grad(attention.scores(asked, keys), asked, slopes)
    with torch.no_grad():
        torch.testing.assert_close(attention.asked_gradient(slopes, asked, keys), expected, rtol=0, atol=1e-12)
