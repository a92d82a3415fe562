"""The classification loss against its formula written out in float64."""

from __future__ import annotations

from math import exp, log

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_lstm.nn.loss import classification_loss


def loss_by_hand(logits, targets, weights, smoothing) -> float:
    """Return Σ over items of −(1 − ε) · w_y · log p_y − ε / C · Σ_k w_k · log p_k."""
    total = 0.0
    for scores, target in zip(logits, targets, strict=True):
        log_sum = log(sum(exp(score) for score in scores))
        spread = sum(weight * (log_sum - score) for weight, score in zip(weights, scores, strict=True)) / len(scores)
        total += (1 - smoothing) * weights[target] * (log_sum - scores[target]) + smoothing * spread
    return total


SCORES = st.lists(st.floats(-8, 8, width=32), min_size=3, max_size=3)
ITEMS = st.lists(st.tuples(SCORES, st.integers(0, 2)), min_size=1, max_size=6)
WEIGHTS = st.none() | st.lists(st.floats(0.125, 8, width=32), min_size=3, max_size=3)


@settings(deadline=None, max_examples=80)
@given(ITEMS, WEIGHTS, st.sampled_from([0.0, 0.1, 0.5, 1.0]))
def test_equals_the_formula_with_any_weights_and_smoothing(items, weights, smoothing):
    logits, targets = zip(*items, strict=True)
    loss = classification_loss(
        torch.tensor(logits),
        torch.tensor(targets),
        label_weights=None if weights is None else torch.tensor(weights),
        label_smoothing=smoothing,
    )
    by_class = weights or [1.0, 1.0, 1.0]
    assert float(loss.total) == pytest.approx(loss_by_hand(logits, targets, by_class, smoothing), rel=1e-5, abs=1e-5)
    assert loss.n_items == pytest.approx(sum(by_class[target] for target in targets), rel=1e-6)


def test_a_worked_example():
    # p = (1/2, 1/4, 1/4) and (1/4, 1/4, 1/2): −log 1/2 − log 1/4 = 3 log 2
    logits = torch.tensor([[2.0, 1.0, 1.0], [1.0, 1.0, 2.0]]) * log(2)
    loss = classification_loss(logits, torch.tensor([0, 1]))
    assert float(loss.total) == pytest.approx(3 * log(2))
    assert loss.n_items == 2


def test_sums_over_parts_of_a_batch_give_the_mean_of_the_whole():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(7, 3, generator=generator)
    targets = torch.randint(3, (7,), generator=generator)
    weights = torch.tensor([0.5, 1.0, 3.0])
    parts = [classification_loss(logits[s], targets[s], label_weights=weights) for s in (slice(0, 2), slice(2, 7))]
    mean = sum(float(part.total) for part in parts) / sum(part.n_items for part in parts)
    assert mean == pytest.approx(float(torch.nn.functional.cross_entropy(logits, targets, weights)), rel=1e-6)


def test_the_gradient_of_an_item_is_its_weight_times_probability_minus_target():
    logits = torch.tensor([[1.0, -0.5, 0.25]], requires_grad=True)
    classification_loss(logits, torch.tensor([1]), label_weights=torch.tensor([1.0, 3.0, 1.0])).total.backward()
    expected = 3.0 * (logits.detach().softmax(-1) - torch.tensor([[0.0, 1.0, 0.0]]))
    torch.testing.assert_close(logits.grad, expected)
