"""Each pooling against a loop over the real tokens of each row."""

from __future__ import annotations

import pytest
import torch

from nlp_lstm.nn.pooling import POOLINGS, AttentionPooling, Pooling, last_states, max_states, mean_states

HIDDEN = 6
LENGTHS = (4, 7, 1)


@pytest.fixture
def mask() -> torch.Tensor:
    return torch.arange(9) < torch.tensor(LENGTHS).unsqueeze(1)


@pytest.fixture(params=[torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
def states(request, mask) -> torch.Tensor:
    """States that are all negative, so that a padding zero would win every maximum."""
    drawn = -torch.rand(3, 9, HIDDEN, generator=torch.Generator().manual_seed(0)) - 0.1
    return drawn.masked_fill(~mask.unsqueeze(-1), 0.0).to(request.param)


def rows(states: torch.Tensor) -> list[torch.Tensor]:
    """Return the real tokens of each row, in float64."""
    return [row[:length].double() for row, length in zip(states, LENGTHS, strict=True)]


def assert_rows(ours: torch.Tensor, expected: list[torch.Tensor]) -> None:
    torch.testing.assert_close(ours, torch.stack(expected).float(), rtol=0, atol=1e-6)  # the dtype as well


def last_by_hand(row: torch.Tensor, *, bidirectional: bool) -> torch.Tensor:
    return torch.cat([row[-1, : HIDDEN // 2], row[0, HIDDEN // 2 :]]) if bidirectional else row[-1]


def test_mean_is_over_real_tokens(states, mask):
    assert_rows(mean_states(states, mask), [row.mean(0) for row in rows(states)])


def test_mean_of_many_bfloat16_states_does_not_lose_the_small_ones():
    states = torch.full((1, 3000, 2), 0.01, dtype=torch.bfloat16)  # a bfloat16 sum would stop growing at 4
    mean = mean_states(states, torch.ones(1, 3000, dtype=torch.bool))
    torch.testing.assert_close(mean, states[:, 0].float(), rtol=1e-4, atol=0)


def test_max_is_over_real_tokens(states, mask):
    assert_rows(max_states(states, mask).float(), [row.amax(0) for row in rows(states)])


@pytest.mark.parametrize("bidirectional", [False, True])
def test_last_is_where_each_direction_has_read_the_whole_row(states, mask, bidirectional):
    ours = last_states(states, mask, bidirectional=bidirectional).float()
    assert_rows(ours, [last_by_hand(row, bidirectional=bidirectional) for row in rows(states)])


@pytest.mark.parametrize("bidirectional", [False, True])
def test_concat_is_last_mean_and_max_side_by_side(states, mask, bidirectional):
    pooling = POOLINGS["concat"](HIDDEN, bidirectional=bidirectional)
    assert pooling.output_size == 3 * HIDDEN
    expected = [
        torch.cat([last_by_hand(row, bidirectional=bidirectional), row.mean(0), row.amax(0)]) for row in rows(states)
    ]
    assert_rows(pooling(states, mask), expected)


def test_max_pooling_is_the_maximum(states, mask):
    assert_rows(POOLINGS["max"](HIDDEN, bidirectional=True)(states, mask), [row.amax(0) for row in rows(states)])


def test_attention_is_the_softmax_weighted_mean_of_real_tokens(states, mask, randomised):
    pooling = randomised(AttentionPooling(HIDDEN, bidirectional=False)).to(states.dtype)
    weight, bias, context = (
        p.detach().double() for p in (pooling.project.weight, pooling.project.bias, pooling.context.weight)
    )
    expected_weights, expected = [], []
    for row in rows(states):
        scores = [float(context[0] @ torch.tanh(weight @ state + bias)) for state in row]
        total = sum(torch.tensor(scores).double().exp())
        shares = torch.tensor(scores).double().exp() / total
        expected_weights.append(torch.cat([shares, shares.new_zeros(9 - len(shares))]))
        expected.append(sum(share * state for share, state in zip(shares, row, strict=True)))
    tolerance = 1e-6 if states.dtype == torch.float32 else 0.02  # scores in bfloat16: eight bits
    ours = pooling.weights(states, mask)
    torch.testing.assert_close(ours, torch.stack(expected_weights).float(), rtol=0, atol=tolerance)
    torch.testing.assert_close(pooling(states, mask), torch.stack(expected).float(), rtol=0, atol=tolerance)


def test_attention_weights_sum_to_one_and_are_zero_at_padding(states, mask, randomised):
    pooling = randomised(AttentionPooling(HIDDEN, bidirectional=False), scale=20.0).to(states.dtype)  # steep scores
    weights = pooling.weights(states, mask)
    assert weights.dtype == torch.float32
    assert not weights[~mask].any()
    torch.testing.assert_close(weights.sum(1), torch.ones(3), rtol=0, atol=1e-6)
    assert float(weights[2, 0].detach()) == 1.0  # one token takes all


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("name", POOLINGS)
class TestEveryPooling:
    def test_is_float32_of_the_promised_width_and_free_of_infinities(self, name, bidirectional, states, mask):
        pooling = POOLINGS[name](HIDDEN, bidirectional=bidirectional).to(states.dtype)
        pooled = pooling(states, mask)
        assert (pooled.dtype, pooled.shape) == (torch.float32, (3, pooling.output_size))
        assert bool(pooled.isfinite().all())

    def test_does_not_see_extra_padding_or_the_other_rows(self, name, bidirectional, states, mask, randomised):
        pooling = randomised(POOLINGS[name](HIDDEN, bidirectional=bidirectional)).to(states.dtype)
        pooled = pooling(states, mask)
        cells = (0, 0, 0, 5)  # five more time steps
        wide = pooling(torch.nn.functional.pad(states, cells), torch.nn.functional.pad(mask, (0, 5)))
        torch.testing.assert_close(wide, pooled, rtol=0, atol=1e-6)
        for row, length in enumerate(LENGTHS):
            alone = pooling(states[row : row + 1, :length], mask[row : row + 1, :length])
            torch.testing.assert_close(alone[0], pooled[row], rtol=0, atol=1e-6)

    def test_sends_a_finite_gradient_to_real_tokens_only(self, name, bidirectional, states, mask):
        pooling = POOLINGS[name](HIDDEN, bidirectional=bidirectional).to(states.dtype)
        states = states.clone().requires_grad_()
        pooling(states, mask).square().sum().backward()
        assert bool(states.grad.isfinite().all())
        assert bool((states.grad.abs().sum(-1) > 0)[:, 0].all())
        if name != "concat":  # a mean over a zero at padding has a gradient there; the encoder's mask ends it
            assert not states.grad[~mask].any()


def test_a_pooling_that_does_not_say_how_is_refused(states, mask):
    with pytest.raises(TypeError, match="Pooling does not say how it pools"):
        Pooling(HIDDEN, bidirectional=False)(states, mask)
