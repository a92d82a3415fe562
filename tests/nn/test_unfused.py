"""LSTMs without a fused kernel, beside what torch has; tests/nn/test_encoder.py has them in all modes."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nlp_lstm.nn.layers import CELLS, Plan
from nlp_lstm.nn.recurrent import LayerState
from nlp_lstm.nn.unfused import LayerNormLstm, PeepholeLstm, UnfusedLstm

INPUT, HIDDEN = 3, 5
LENGTHS = torch.tensor([4, 7, 1, 6])
KINDS = {"peephole_lstm": PeepholeLstm, "layernorm_lstm": LayerNormLstm}


@pytest.fixture(params=KINDS)
def kind(request) -> type[UnfusedLstm]:
    return KINDS[request.param]


def make_inputs(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(2))


def test_the_table_names_them():
    for name, kind in KINDS.items():
        (layer,) = CELLS[name].layers(Plan(INPUT, HIDDEN, 1, weight_drop=0.3))
        assert type(layer.forwards) is kind and layer.forwards.weight_drop == 0.3


def test_a_new_peephole_lstm_is_a_plain_lstm():
    torch.manual_seed(0)
    layer = PeepholeLstm(INPUT, HIDDEN)
    peer = nn.LSTM(INPUT, HIDDEN, batch_first=True)
    with torch.no_grad():
        for ours, theirs in (("weight_ih", "weight_ih_l0"), ("weight_hh", "weight_hh_l0"), ("bias", "bias_ih_l0")):
            getattr(peer, theirs).copy_(getattr(layer, ours))
        peer.bias_hh_l0.zero_()
    inputs = make_inputs(4, 7, INPUT)
    states, _ = layer(inputs, torch.full((4,), 7))
    torch.testing.assert_close(states, peer(inputs)[0], rtol=0, atol=1e-6)
    layer.peep.data.fill_(0.5)
    assert not torch.allclose(layer(inputs, LENGTHS)[0], states, atol=1e-3)


def test_scaled_weights_change_nothing_that_layer_normalisation_sees():
    # What the norms are for: N(s · z) = N(z), up to ε.
    torch.manual_seed(0)
    layer = LayerNormLstm(INPUT, HIDDEN).double()
    inputs = make_inputs(4, 7, INPUT).double()
    before, _ = layer(inputs, LENGTHS)
    with torch.no_grad():
        layer.weight_ih *= 7.0
    after, _ = layer(inputs, LENGTHS)
    torch.testing.assert_close(after, before, rtol=0, atol=1e-3)
    with torch.no_grad():
        layer.gain_ih *= 7.0
    assert not torch.allclose(layer(inputs, LENGTHS)[0], before, atol=1e-2)


def test_a_new_layer_begins_as_an_lstm_does(kind):
    torch.manual_seed(0)
    layer = kind(30, 16)
    for gate in layer.weight_hh.detach().split(16):
        torch.testing.assert_close(gate @ gate.T, torch.eye(16), atol=1e-6, rtol=0)
    assert layer.bias[16:32].eq(1.0).all() and not layer.bias[:16].any() and not layer.bias[32:].any()


@torch.no_grad()
def test_a_rounding_error_does_not_grow_in_a_new_layer(kind):
    torch.manual_seed(0)
    layer = kind(INPUT, 64)
    inputs, lengths = make_inputs(2, 500, INPUT), torch.tensor([500, 500])
    before = LayerState(*make_inputs(2, 2, 64) * 0.3)
    states, _ = layer(inputs, lengths, before)
    moved, _ = layer(inputs, lengths, LayerState(before.h + 1e-5, before.c))
    assert 0 < float((moved - states)[:, 0].abs().max()) < 1e-4
    assert float((moved - states)[:, -1].abs().max()) < 1e-5


def test_off_the_cpu_the_steps_are_torchs_own_with_the_same_numbers(kind, randomised, monkeypatch):
    layer = randomised(kind(INPUT, HIDDEN))
    inputs, before = make_inputs(4, 7, INPUT), LayerState(*make_inputs(2, 4, HIDDEN))
    states, last = layer(inputs, LENGTHS, before, final_state=True)
    monkeypatch.setattr("nlp_lstm.nn.unfused.COMPILED_ON", "nowhere")
    plain, plain_last = layer(inputs, LENGTHS, before, final_state=True)
    torch.testing.assert_close(plain, states, rtol=0, atol=1e-6)
    torch.testing.assert_close(plain_last.c, last.c, rtol=0, atol=1e-6)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
def test_on_a_gpu_the_numbers_are_the_same(kind, randomised):
    layer = randomised(kind(INPUT, HIDDEN))
    inputs = make_inputs(4, 7, INPUT)
    expected, last = layer(inputs, LENGTHS, final_state=True)
    states, final = layer.cuda()(inputs.cuda(), LENGTHS.cuda(), final_state=True)
    torch.testing.assert_close(states.cpu(), expected, rtol=0, atol=1e-5)
    torch.testing.assert_close(final.c.cpu(), last.c, rtol=0, atol=1e-5)


def test_a_dropped_recurrent_weight_is_dropped_for_every_row_and_step_and_gets_no_gradient(kind, randomised):
    layer = randomised(kind(INPUT, HIDDEN, weight_drop=0.5))
    inputs = make_inputs(4, 7, INPUT)
    torch.manual_seed(0)
    states, _ = layer(inputs, LENGTHS)
    states.square().sum().backward()
    torch.manual_seed(0)
    dropped = nn.functional.dropout(layer.weight_hh, 0.5)
    kept = dropped != 0
    assert 0 < int(kept.sum()) < kept.numel()  # 100 fair draws
    assert not layer.weight_hh.grad[~kept].any()
    assert bool(layer.weight_hh.grad[kept].all())
    before = layer.weight_hh.detach().clone()
    layer.eval()
    with torch.no_grad():
        layer.weight_hh.copy_(dropped)
        torch.testing.assert_close(layer(inputs, LENGTHS)[0], states, rtol=0, atol=1e-6)
        layer.weight_hh.copy_(before)
        assert not torch.allclose(layer(inputs, LENGTHS)[0], states, atol=1e-3)


@pytest.mark.parametrize("bfloat16", [False, True])
def test_the_final_state_is_the_one_at_the_last_real_step_whatever_stands_behind(kind, bfloat16, randomised, autocast):
    layer = randomised(kind(INPUT, 33))
    inputs = make_inputs(4, 90, INPUT)
    noise = torch.where((torch.arange(90) < LENGTHS.unsqueeze(1)).unsqueeze(-1), inputs, 9 * inputs.flip(1))
    with autocast(bfloat16):
        states, ours = layer(inputs, LENGTHS, final_state=True)
        _, noisy = layer(noise, LENGTHS, final_state=True)
    assert torch.equal(ours.c, noisy.c) and torch.equal(ours.h, noisy.h)
    for row, length in enumerate(LENGTHS):
        assert torch.equal(ours.h[row], states[row, length - 1])
