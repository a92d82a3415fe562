"""Shares of tokens in a score, against integrals done by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from nlp_lstm.nn.attributing import frozen, integrated_gradients, leave_one_out, reading
from nlp_lstm.nn.classifier import TextClassifier
from nlp_lstm.nn.encoder import Encoder
from nlp_lstm.nn.stack import Stack

TIME, WIDTH = 6, 3


@pytest.fixture
def inputs() -> Tensor:
    return torch.randn(TIME, WIDTH, generator=torch.Generator().manual_seed(5))


WEIGHTS = torch.linspace(-1, 2, TIME * WIDTH).view(TIME, WIDTH)


def linear(rows: Tensor) -> Tensor:
    return (rows * WEIGHTS).sum((1, 2)) + 3.0


def test_of_a_linear_score_the_shares_are_its_terms(inputs):
    found = integrated_gradients(linear, inputs)
    torch.testing.assert_close(found.values.float(), (inputs * WEIGHTS).sum(-1))
    assert (found.baseline, found.error < 1e-5) == (3.0, True)
    assert found.score == pytest.approx(float(linear(inputs.unsqueeze(0))))
    torch.testing.assert_close(leave_one_out(linear, inputs).values.float(), found.values.float())


def test_of_a_square_each_token_gets_its_part_of_the_sum(inputs):
    found = integrated_gradients(lambda rows: rows.sum((1, 2)) ** 2, inputs)
    # ∫ 2 α s x_t dα = s x_t, with s = Σ x
    torch.testing.assert_close(found.values.float(), inputs.sum() * inputs.sum(-1))


def test_leaving_out_is_the_score_without_each_token(inputs):
    def score(rows: Tensor) -> Tensor:
        return torch.tanh(rows[:, 0, 0] * rows[:, 3, 1]) + rows[:, 5, 2] ** 2

    found = leave_one_out(score, inputs)
    for place in range(TIME):
        without = inputs.clone()
        without[place] = 0.0
        expected = score(inputs.unsqueeze(0)) - score(without.unsqueeze(0))
        assert float(found.values[place]) == pytest.approx(float(expected), abs=1e-6)
    assert found.baseline == 0.0 and found.n_gradients == TIME + 2
    assert found.error == pytest.approx(abs(float(found.values.sum()) - found.score) / abs(found.score))


def test_where_a_score_bends_more_gradients_are_taken(inputs):
    smooth = integrated_gradients(linear, inputs)
    bent = integrated_gradients(lambda rows: torch.sigmoid(25.0 * (linear(rows) - 3.6)), inputs)
    assert smooth.n_gradients == 10 < bent.n_gradients < 405
    assert bent.error < 0.01


def test_at_a_jump_the_shares_follow_its_direction(inputs):
    def score(rows: Tensor) -> Tensor:
        total = ((rows * WEIGHTS).sum((1, 2)) - 0.31 * (inputs * WEIGHTS).sum()).double()
        return 5.0 * (3e6 * total).tanh() + 0.3 * total  # too steep for any rule, and a slope that tells the direction

    found = integrated_gradients(score, inputs)
    assert found.error < 0.01
    terms = (inputs * WEIGHTS).sum(-1).double()
    torch.testing.assert_close(found.values / found.values.sum(), terms / terms.sum(), rtol=0, atol=1e-3)
    assert found.jumped == pytest.approx(10.0, abs=0.1)


def test_a_score_that_never_settles_ends_and_tells_how_much_of_it_jumps(inputs):
    found = integrated_gradients(lambda rows: (4000.0 * rows[:, 0, 0]).sin() + rows[:, 1, 1], inputs)
    assert found.n_gradients <= 2000 and found.jumped > 1.0
    assert torch.isfinite(found.values).all()


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("pooling", ["concat", "max", "attention"])
def test_integrated_gradients_are_complete_on_two_hundred_tokens(cell, pooling, randomised):
    model = TextClassifier(Encoder(30, 8, 16, cell=cell, bidirectional=True), 3, pooling=pooling)
    randomised(model, scale=0.3)
    ids = torch.randint(2, 30, (1, 200), generator=torch.Generator().manual_seed(1))
    mask = torch.ones_like(ids, dtype=torch.bool)

    def score(rows: Tensor) -> Tensor:
        with reading(model.encoder.stack, rows):
            return model(ids.expand(len(rows), -1), mask.expand(len(rows), -1))[:, 1]

    with frozen(model):
        found = integrated_gradients(score, model.encoder.embed(ids, mask)[0])
        assert found.error < 0.01
        assert found.score == pytest.approx(float(model(ids, mask)[0, 1]), abs=1e-5)


def test_frozen_weights_come_back_as_they_were(randomised):
    model = randomised(TextClassifier(Encoder(9, 3, 4), 2)).train()
    model.output.bias.requires_grad_(False)
    before = [weight.requires_grad for weight in model.parameters()]
    with pytest.raises(KeyError), frozen(model):
        assert not any(weight.requires_grad for weight in model.parameters()) and not model.training
        raise KeyError
    assert [weight.requires_grad for weight in model.parameters()] == before
    assert all(weight.grad is None for weight in model.parameters())


def test_a_stack_reads_what_it_is_handed_only_in_the_block(randomised):
    encoder = randomised(Encoder(9, 3, 4))
    ids = torch.tensor([[2, 5, 7]])
    mask = ids > 0
    plain = encoder(ids, mask).states
    with reading(encoder.stack, torch.zeros(1, 3, 3)):
        assert not torch.equal(encoder(ids, mask).states, plain)
    assert torch.equal(encoder(ids, mask).states, plain)


@pytest.mark.parametrize("before", [False, True])
def test_the_smallest_numbers_count_afterwards_as_they_did_before(before, inputs):
    if not torch.set_flush_denormal(before):
        pytest.skip("this processor always counts them")
    try:
        integrated_gradients(linear, inputs)
        assert (float(torch.tensor([1e-39]) * 1.0) == 0.0) is before
    finally:
        torch.set_flush_denormal(False)


@pytest.mark.parametrize("cell", ["layernorm_lstm", "transformer"])
@pytest.mark.parametrize(("scale", "n_layers"), [(0.02, 1), (1.0, 1), (20.0, 1), (0.1, 2)])
def test_a_norm_of_what_goes_in_bends_the_score_close_to_zero_and_the_shares_are_complete(
    cell, scale, n_layers, randomised
):
    stack = randomised(Stack(4, 8, cell=cell, n_layers=n_layers), scale=0.5).eval()
    if cell == "transformer":
        stack.layers[0].enter.bias.data.zero_()  # as it is before training: only the inputs' size is taken away
    inputs = scale * torch.randn(6, 4, generator=torch.Generator().manual_seed(1))
    weights = torch.randn(8, generator=torch.Generator().manual_seed(2))

    def score(rows: torch.Tensor) -> torch.Tensor:
        return stack(rows, torch.ones(rows.shape[:2], dtype=torch.bool)).states[:, -1] @ weights

    with frozen(stack):
        found = integrated_gradients(score, inputs)
    assert found.error < 0.01 and found.jumped == 0.0
    fine = _by_the_midpoints(score, inputs)
    torch.testing.assert_close(found.values, fine, rtol=0.02, atol=0.02 * float(fine.abs().max()))


def _by_the_midpoints(score, inputs: torch.Tensor, n_points: int = 4000) -> torch.Tensor:
    """Return the shares by a plain sum over α = u⁶, whose steps are small near zero: dα = 6 u⁵ du."""
    u = (torch.arange(n_points, dtype=torch.float64) + 0.5) / n_points
    places, widths = u**6, 6 * u**5 / n_points
    total = torch.zeros(len(inputs), dtype=torch.float64)
    for some, parts in zip(places.split(500), widths.split(500), strict=True):
        rows = (some.float().view(-1, 1, 1) * inputs).requires_grad_()
        (slopes,) = torch.autograd.grad(score(rows).sum(), rows)
        total += (parts.unsqueeze(1) * (slopes.double() * inputs.double()).sum(-1)).sum(0)
    return total
