"""The loss of a softmax with its gradient, by loops and by operations, against torch's cross-entropy."""

from __future__ import annotations

import pytest
import torch

from nlp_lstm.nn import softmax_loss
from nlp_lstm.nn.softmax_loss import losses_and_slopes

TOKENS, VOCAB = 23, 1003


@pytest.fixture(params=["loops", "operations"])
def way(request, monkeypatch) -> str:
    if request.param == "operations":
        monkeypatch.setattr(softmax_loss, "_PLAIN", {})
        monkeypatch.setattr(softmax_loss, "CACHED", 5 * VOCAB)
    return request.param


def drawn(dtype: torch.dtype, scale: float = 4.0, spare: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    scores = scale * torch.randn(TOKENS + spare, VOCAB, generator=generator, dtype=torch.float64)
    return scores.to(dtype), torch.randint(VOCAB, (TOKENS,), generator=generator)


def expected(scores: torch.Tensor, targets: torch.Tensor, smoothing: float) -> tuple[torch.Tensor, torch.Tensor]:
    exact = scores[: len(targets)].double().requires_grad_()
    losses = torch.nn.functional.cross_entropy(exact, targets, reduction="none", label_smoothing=smoothing)
    return losses.detach(), torch.autograd.grad(losses.sum(), exact)[0]


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-14)])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("scale", [0.01, 4.0, 100.0])
def test_losses_and_slopes_are_torchs(way, dtype, tolerance, smoothing, scale):
    scores, targets = drawn(dtype, scale)
    before = scores.clone()
    losses, slopes = losses_and_slopes(scores, targets, smoothing)
    wanted, gradient = expected(scores, targets, smoothing)
    torch.testing.assert_close(losses.double(), wanted, rtol=4 * tolerance, atol=0)
    torch.testing.assert_close(slopes.double(), gradient, rtol=0, atol=tolerance)
    assert losses.dtype == slopes.dtype == dtype and torch.equal(scores, before)


def test_bfloat16_is_reckoned_in_float32_and_its_slopes_are_rounded_as_torch_rounds(way):
    scores, targets = drawn(torch.bfloat16)
    losses, slopes = losses_and_slopes(scores, targets, 0.1)
    exact_losses, exact = losses_and_slopes(scores.float(), targets, 0.1)
    assert torch.equal(losses, exact_losses) and losses.dtype == torch.float32
    assert torch.equal(slopes, exact.bfloat16())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_rows_behind_the_tokens_have_no_slope_whatever_they_hold(way, dtype):
    scores, targets = drawn(dtype, spare=3)
    losses, slopes = losses_and_slopes(scores[:TOKENS], targets, 0.1)
    scores[TOKENS:] = float("nan")
    with_spare = losses_and_slopes(scores, targets, 0.1)
    assert torch.equal(with_spare[0], losses) and torch.equal(with_spare[1][:TOKENS], slopes)
    assert not with_spare[1][TOKENS:].any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_losses_are_the_same_where_nobody_wants_the_slopes(way, dtype):
    scores, targets = drawn(dtype)
    losses, none = losses_and_slopes(scores, targets, 0.1, slopes=False)
    assert none is None and torch.equal(losses, losses_and_slopes(scores, targets, 0.1)[0])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_what_is_no_number_stays_none_and_is_not_taken_for_one(way, dtype):
    scores, targets = drawn(dtype)
    scores[4, 7] = float("nan")
    losses, slopes = losses_and_slopes(scores, targets, 0.1)
    assert losses.isnan().nonzero().flatten().tolist() == [4]
    assert slopes.isnan().any(1).nonzero().flatten().tolist() == [4]


def test_the_loops_take_tensors_that_do_not_lie_in_order():
    scores, targets = drawn(torch.float32)
    turned = scores.T.contiguous().T
    for ours, wanted in zip(
        losses_and_slopes(turned, targets, 0.1), losses_and_slopes(scores, targets, 0.1), strict=True
    ):
        assert torch.equal(ours, wanted)


@pytest.mark.parametrize("target", [-1, VOCAB])
def test_a_target_that_has_no_score_is_refused(target):
    scores, targets = drawn(torch.float32)
    targets[3] = target
    with pytest.raises(IndexError, match=rf"^targets must lie in \[0, {VOCAB}\), not in"):
        losses_and_slopes(scores, targets, 0.0)
