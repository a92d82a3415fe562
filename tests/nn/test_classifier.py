"""The text classifier: its parts in order, and a text's scores that no neighbour and no padding changes."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nlp_lstm.nn.classifier import TextClassifier
from nlp_lstm.nn.encoder import Encoder
from nlp_lstm.nn.pooling import POOLINGS

LENGTHS = (4, 7, 1, 6)
LABELS = 3


@pytest.fixture(params=[(pooling, two_way) for pooling in POOLINGS for two_way in (False, True)], ids=str)
def classifier(request, randomised) -> TextClassifier:
    pooling, bidirectional = request.param
    encoder = Encoder(13, 4, 5, n_layers=2, bidirectional=bidirectional, layer_norm=True)
    return randomised(TextClassifier(encoder, LABELS, pooling=pooling, dropout=0.5)).eval()


def test_is_encoder_then_pooling_then_a_linear_map(classifier, ragged):
    ids, mask = ragged(LENGTHS)
    pooled = classifier.pooling(classifier.encoder(ids, mask).states, mask)  # (batch, pooled)
    expected = pooled @ classifier.output.weight.T + classifier.output.bias
    torch.testing.assert_close(classifier(ids, mask), expected, rtol=0, atol=1e-6)


def test_a_text_alone_scores_as_in_a_batch_of_any_order_and_padding(classifier, ragged):
    ids, mask = ragged(LENGTHS)
    logits = classifier(ids, mask)
    assert logits.shape == (4, LABELS)
    order = torch.tensor([3, 1, 0, 2])
    wide_ids, wide_mask = (nn.functional.pad(t[order], (0, 30)) for t in (ids, mask))
    torch.testing.assert_close(classifier(wide_ids, wide_mask), logits[order], rtol=0, atol=2e-6)
    for row, length in enumerate(LENGTHS):
        alone = classifier(ids[row : row + 1, :length], mask[row : row + 1, :length])
        torch.testing.assert_close(alone[0], logits[row], rtol=0, atol=2e-6)


def test_a_gradient_reaches_every_parameter(classifier, ragged):
    classifier.train()
    torch.manual_seed(0)
    classifier(*ragged([12] * 40)).square().sum().backward()
    for name, parameter in classifier.named_parameters():
        assert bool(parameter.grad.isfinite().all()) and bool(parameter.grad.any()), name


def test_gradients_of_a_padded_batch_are_the_sum_over_its_rows_alone(classifier, ragged):
    ids, mask = ragged(LENGTHS, time=11)
    classifier(ids, mask).square().sum().backward()
    together = {name: parameter.grad.clone() for name, parameter in classifier.named_parameters()}
    classifier.zero_grad()
    for row, length in enumerate(LENGTHS):
        classifier(ids[row : row + 1, :length], mask[row : row + 1, :length]).square().sum().backward()
    for name, parameter in classifier.named_parameters():
        tolerance = 1e-5 * max(1.0, float(parameter.grad.abs().max()))
        torch.testing.assert_close(together[name], parameter.grad, rtol=0, atol=tolerance, msg=name)


def test_logits_are_float32_and_near_the_exact_ones_in_bfloat16(classifier, ragged, autocast):
    ids, mask = ragged(LENGTHS)
    exact = classifier(ids, mask)
    with autocast(True):
        rounded = classifier(ids, mask)
    assert rounded.dtype == torch.float32
    torch.testing.assert_close(rounded, exact, rtol=0.05, atol=0.15)


def test_the_dropout_on_the_pooled_vector_acts_in_training_only(classifier, ragged):
    ids, mask = ragged([9] * 40)
    assert torch.equal(classifier(ids, mask), classifier(ids, mask))
    classifier.train()
    torch.manual_seed(0)
    # 200 channels and more drawn twice alike: p < 2⁻²⁰⁰
    assert not torch.equal(classifier(ids, mask), classifier(ids, mask))
