"""The losses against their formulas written out in float64."""

from __future__ import annotations

from math import exp, log

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import distributions

from nlp_lstm.nn import loss as loss_module
from nlp_lstm.nn.loss import agreeing_loss, classification_loss, disagreement, sequence_loss


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


# ---- two readings ----


def divergences(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Return ½ Σ [KL(p ‖ q) + KL(q ‖ p)] by torch's own divergence, in float64."""
    p, q = (distributions.Categorical(logits=part.double()) for part in (first, second))
    return (distributions.kl_divergence(p, q) + distributions.kl_divergence(q, p)).sum() / 2


@settings(deadline=None)
@given(st.lists(st.tuples(SCORES, SCORES), min_size=1, max_size=6))
def test_disagreement_is_half_of_both_divergences(items):
    first, second = (torch.tensor(part) for part in zip(*items, strict=True))
    expected = float(divergences(first, second))
    assert float(disagreement(first, second)) == pytest.approx(expected, rel=1e-4, abs=1e-5)
    assert float(disagreement(first, first)) == 0.0


def test_the_loss_of_two_readings_is_their_mean_and_half_of_what_their_disagreement_counts():
    # p = (1/4, 3/4), then (1/2, 1/2): D = ½ (¼ log 2 + ¼ log (3 / 2)) = ⅛ log 3.
    logits = torch.tensor([[0.0, log(3)], [0.0, 0.0]])
    agreed = agreeing_loss(classification_loss(logits, torch.tensor([1, 1])), logits, 3.0)
    assert float(agreed.total) == pytest.approx((log(4 / 3) + log(2)) / 2 + 3 / 2 * log(3) / 8)
    assert agreed.n_items == 1


# ---- sequences ----


@settings(deadline=None, max_examples=80)
@given(ITEMS, st.sampled_from([0.0, 0.1, 0.5, 1.0]))
def test_the_loss_of_a_sequence_is_the_formulas_sum_over_its_tokens(items, smoothing):
    logits, targets = zip(*items, strict=True)
    loss = sequence_loss(torch.tensor(logits), torch.tensor(targets), label_smoothing=smoothing)
    expected = loss_by_hand(logits, targets, [1.0, 1.0, 1.0], smoothing)
    assert float(loss.total) == pytest.approx(expected, rel=1e-5, abs=1e-5)
    assert loss.n_items == len(items)


def draw_sequences(dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return logits (3, 4, 7), targets and a ragged mask."""
    generator = torch.Generator().manual_seed(0)
    logits = (3 * torch.randn(3, 4, 7, generator=generator)).to(dtype).requires_grad_()
    mask = torch.arange(4) < torch.tensor([4, 1, 2]).unsqueeze(1)
    return logits, torch.randint(7, (3, 4), generator=generator), mask


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_loss_and_gradient_of_a_sequence_are_torchs(smoothing):
    logits, targets, mask = draw_sequences()
    ours = sequence_loss(logits, targets, mask, label_smoothing=smoothing)
    expected = torch.nn.functional.cross_entropy(
        logits[mask], targets[mask], reduction="sum", label_smoothing=smoothing
    )
    assert ours.n_items == 7
    torch.testing.assert_close(ours.total, expected, rtol=1e-13, atol=0)
    for factor in (1.0, 0.25):  # the gradient is made beforehand, and must still follow what is done with the loss
        (gradient,) = torch.autograd.grad(ours.total * factor, logits, retain_graph=True)
        (wanted,) = torch.autograd.grad(expected * factor, logits, retain_graph=True)
        torch.testing.assert_close(gradient, wanted, rtol=0, atol=1e-13)


def test_padding_of_a_sequence_has_neither_loss_nor_gradient_whatever_it_holds():
    logits, targets, mask = draw_sequences()
    clean = sequence_loss(logits, targets, mask, label_smoothing=0.1)
    dirty = logits.detach().masked_fill(~mask.unsqueeze(-1), float("nan")).requires_grad_()
    loss = sequence_loss(dirty, targets.masked_fill(~mask, -100), mask, label_smoothing=0.1)
    assert torch.equal(loss.total, clean.total)
    (gradient,) = torch.autograd.grad(loss.total, dirty)
    assert not gradient[~mask].any()
    assert bool(gradient.isfinite().all())


def test_chosen_tokens_have_the_loss_of_the_masked_whole():
    logits, targets, mask = draw_sequences()
    whole = sequence_loss(logits, targets, mask, label_smoothing=0.1)
    chosen = sequence_loss(logits[mask], targets[mask], label_smoothing=0.1)
    assert torch.equal(chosen.total, whole.total)
    assert chosen.n_items == whole.n_items


def test_bfloat16_scores_are_summed_in_float32_and_their_gradient_is_bfloat16():
    logits, targets, mask = draw_sequences(torch.bfloat16)
    loss = sequence_loss(logits, targets, mask)
    exact = sequence_loss(logits.double(), targets, mask)
    assert loss.total.dtype == torch.float32
    assert loss.total.item() == pytest.approx(exact.total.item(), rel=1e-6)
    (gradient,) = torch.autograd.grad(loss.total, logits)
    (expected,) = torch.autograd.grad(exact.total, logits)
    assert gradient.dtype == torch.bfloat16
    torch.testing.assert_close(gradient, expected, rtol=2**-8, atol=1e-6)


def test_rows_behind_the_targets_have_no_part_in_the_loss():
    logits, targets, _ = draw_sequences()
    flat, few = logits.flatten(0, 1), targets.flatten()[:9]
    ours, expected = sequence_loss(flat, few), sequence_loss(flat[:9], few)
    assert torch.equal(ours.total, expected.total) and ours.n_items == 9
    gradients = [torch.autograd.grad(each.total, flat)[0] for each in (ours, expected)]
    assert torch.equal(*gradients) and not gradients[0][9:].any()
    for scores, wanted in ((flat[:11], targets.flatten()), (logits, targets[:, :3]), (logits[:2], targets)):
        with pytest.raises(ValueError, match=r"^expected scores for targets of shape \(.*\), not \(.*, 7\)$"):
            sequence_loss(scores, wanted)


def test_a_word_out_of_the_question_has_no_part_in_the_plain_loss():
    logits, targets, _ = draw_sequences()
    shut = torch.cat([logits, logits.new_full((3, 4, 1), float("-inf"))], -1)
    ours, expected = sequence_loss(shut, targets), sequence_loss(logits, targets)
    torch.testing.assert_close(ours.total, expected.total)
    (gradient,) = torch.autograd.grad(ours.total, logits)
    assert bool(gradient.isfinite().all())


def test_scores_far_apart_have_the_right_loss():
    # p of the right word is e^−800, which no float holds: −log p = 800 all the same
    loss = sequence_loss(torch.tensor([[0.0, 800.0, -50.0]]), torch.tensor([0]))
    assert float(loss.total) == pytest.approx(800.0)


def test_a_sequence_loss_of_no_tokens_is_zero_over_none():
    loss = sequence_loss(torch.zeros(0, 5, requires_grad=True), torch.zeros(0, dtype=torch.int64))
    assert (float(loss.total.detach()), loss.n_items) == (0.0, 0.0)
    loss.total.backward()


def test_without_gradients_the_loss_of_a_sequence_is_the_same():
    logits, targets, mask = draw_sequences()
    with torch.inference_mode():
        ours = sequence_loss(logits, targets, mask, label_smoothing=0.1)
    assert torch.equal(ours.total, sequence_loss(logits, targets, mask, label_smoothing=0.1).total.detach())


@pytest.mark.parametrize("cached", [1, 60, 10**6])
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_tokens_read_twice_have_the_loss_and_gradient_of_their_readings_and_divergences(smoothing, cached, monkeypatch):
    monkeypatch.setattr(loss_module, "CACHED", cached)
    generator = torch.Generator().manual_seed(0)
    logits = (2 * torch.randn(2, 3, 4, 7, generator=generator, dtype=torch.float64)).requires_grad_()
    targets = torch.randint(7, (3, 4), generator=generator).expand(2, 3, 4)
    mask = (torch.arange(4) < torch.tensor([4, 1, 2]).unsqueeze(1)).expand(2, 3, 4)
    ours = sequence_loss(logits, targets, mask, label_smoothing=smoothing, consistency=3.0)
    losses = torch.nn.functional.cross_entropy(logits[mask], targets[mask], reduction="sum", label_smoothing=smoothing)
    expected = losses / 2 + 3.0 / 2 * divergences(logits[0][mask[0]], logits[1][mask[1]])
    assert ours.n_items == 7
    torch.testing.assert_close(ours.total, expected, rtol=1e-13, atol=0)
    for factor in (1.0, 0.25):
        (gradient,) = torch.autograd.grad(ours.total * factor, logits, retain_graph=True)
        (wanted,) = torch.autograd.grad(expected * factor, logits, retain_graph=True)
        torch.testing.assert_close(gradient, wanted, rtol=0, atol=1e-13)


@pytest.mark.parametrize("targets", [[0, 3, 4, 0, 3], [0, 3, 4, 0]])
def test_readings_of_other_tokens_are_refused(targets):
    with pytest.raises(ValueError, match="two readings must be of the same tokens"):
        sequence_loss(torch.zeros(len(targets), 5), torch.tensor(targets), consistency=1.0)


def test_bfloat16_readings_are_compared_in_float32_with_a_gradient_in_bfloat16():
    logits = torch.randn(6, 5, generator=torch.Generator().manual_seed(0)).bfloat16().requires_grad_()
    targets = torch.tensor([0, 3, 4, 0, 3, 4])
    found, exact = (sequence_loss(each, targets, consistency=2.0) for each in (logits, logits.double()))
    assert found.total.dtype == torch.float32
    assert found.total.item() == pytest.approx(exact.total.item(), rel=1e-5)
    (gradient,), (expected,) = (torch.autograd.grad(each.total, logits) for each in (found, exact))
    assert gradient.dtype == torch.bfloat16
    torch.testing.assert_close(gradient, expected, rtol=2**-7, atol=1e-6)
    with torch.inference_mode():
        assert torch.equal(sequence_loss(logits, targets, consistency=2.0).total, found.total.detach())
