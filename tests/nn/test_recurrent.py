"""One recurrent layer: kernel against written-out cell and packed torch, the frozen state, the weight drop."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from nlp_lstm.nn.recurrent import HOLD, KERNELS, LayerState, Recurrence

INPUT, HIDDEN = 3, 5
LENGTHS = torch.tensor([4, 7, 1, 6])
TORCH_LAYERS = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}


def make_inputs(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(2)).to(dtype)


@pytest.mark.parametrize("cell", KERNELS)
def test_equals_torchs_own_layer_over_a_packed_sequence(cell, randomised):
    layer = randomised(Recurrence(INPUT, HIDDEN, cell=cell))
    peer = TORCH_LAYERS[cell](INPUT, HIDDEN, batch_first=True)
    for name, parameter in layer.named_parameters():
        getattr(peer, f"{name}_l0").data.copy_(parameter.data)
    inputs = make_inputs(4, 7, INPUT)
    states, last = layer(inputs, LENGTHS, final_state=True)
    packed, final = peer(pack_padded_sequence(inputs, LENGTHS, batch_first=True, enforce_sorted=False))
    expected, _ = pad_packed_sequence(packed, batch_first=True)
    for row, length in enumerate(LENGTHS):
        torch.testing.assert_close(states[row, :length], expected[row, :length], rtol=0, atol=1e-6)
    expected_h, expected_c = final if cell == "lstm" else (final, None)
    torch.testing.assert_close(last.h, expected_h[0], rtol=0, atol=1e-6)
    if cell == "lstm":
        torch.testing.assert_close(last.c, expected_c[0], rtol=0, atol=1e-6)
    else:
        assert last.c is None


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("cell", KERNELS)
def test_a_double_precision_run_with_a_given_state_equals_the_cell_stepped_by_hand(
    cell, training, randomised, step_by_step
):
    layer = randomised(Recurrence(INPUT, HIDDEN, cell=cell)).double().train(training)
    inputs = make_inputs(4, 7, INPUT, dtype=torch.float64)
    h, c = make_inputs(2, 4, HIDDEN, dtype=torch.float64)
    before = LayerState(h, c if cell == "lstm" else None)
    states, last = layer(inputs, LENGTHS, before, final_state=True)
    for row, length in enumerate(LENGTHS):
        alone = LayerState(h[row], c[row] if cell == "lstm" else None)
        expected, expected_last = step_by_step(layer, inputs[row, :length], alone)
        torch.testing.assert_close(states[row, :length], expected, rtol=0, atol=1e-13)
        torch.testing.assert_close(last.h[row], expected_last.h, rtol=0, atol=1e-13)
        if cell == "lstm":
            torch.testing.assert_close(last.c[row], expected_last.c, rtol=0, atol=1e-13)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_the_hold_saturates_a_gate_exactly(dtype):
    hold = torch.tensor(HOLD, dtype=dtype)
    assert torch.isfinite(hold)
    assert float((hold + 50).sigmoid()) == float((hold - 50).sigmoid()) == 1.0
    assert float((50 - hold).sigmoid()) == float((-50 - hold).sigmoid()) == 0.0


@pytest.mark.parametrize("bfloat16", [False, True])
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("hidden", [5, 33])
def test_not_a_bit_of_the_final_state_depends_on_what_stands_at_padding(
    hidden, training, bfloat16, randomised, autocast
):
    layer = randomised(Recurrence(INPUT, hidden)).train(training)
    inputs = make_inputs(4, 90, INPUT)
    noise = torch.where((torch.arange(90) < LENGTHS.unsqueeze(1)).unsqueeze(-1), inputs, 9 * inputs.flip(1))
    before = LayerState(*make_inputs(2, 4, hidden))
    with autocast(bfloat16):
        _, ours = layer(inputs, LENGTHS, before, final_state=True)
        _, noisy = layer(noise, LENGTHS, before, final_state=True)
    assert torch.equal(ours.c, noisy.c)
    assert torch.equal(ours.h, noisy.h)


@pytest.mark.parametrize("bfloat16", [False, True])
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("hidden", [5, 33])
def test_the_final_state_of_a_padded_row_is_that_of_the_row_alone(hidden, training, bfloat16, randomised, autocast):
    layer = randomised(Recurrence(INPUT, hidden)).train(training)
    inputs = make_inputs(4, 90, INPUT)  # 83 columns of padding and more: a leak of one rounding a step would add up
    c = 5 * make_inputs(4, hidden)
    # Exact on most processors; a matrix product may take its sums in another order at another shape.
    rounding = 2**-7 if bfloat16 else 2**-21
    with autocast(bfloat16):
        _, padded = layer(inputs, LENGTHS, LayerState(c.tanh(), c), final_state=True)
        for row, length in enumerate(LENGTHS.tolist()):
            only, before = slice(row, row + 1), LayerState(c[row : row + 1].tanh(), c[row : row + 1])
            _, alone = layer(inputs[only, :length], LENGTHS[only], before, final_state=True)
            torch.testing.assert_close(padded.c[only], alone.c, rtol=rounding, atol=rounding)
            torch.testing.assert_close(padded.h[only], alone.h, rtol=rounding, atol=rounding)


def test_a_state_is_returned_only_where_it_was_asked_for(randomised):
    layer = randomised(Recurrence(INPUT, HIDDEN))
    inputs = make_inputs(4, 7, INPUT)
    states, last = layer(inputs, LENGTHS)
    assert last is None
    asked, _ = layer(inputs, LENGTHS, final_state=True)
    for row, length in enumerate(LENGTHS):  # the hold column does not touch the states of real steps
        torch.testing.assert_close(states[row, :length], asked[row, :length], rtol=0, atol=1e-6)


@pytest.mark.parametrize("cell", KERNELS)
def test_the_parameters_are_those_of_torch(cell):
    layer, peer = Recurrence(INPUT, HIDDEN, cell=cell), TORCH_LAYERS[cell](INPUT, HIDDEN)
    ours = {f"{name}_l0": parameter.shape for name, parameter in layer.named_parameters()}
    assert ours == {name: parameter.shape for name, parameter in peer.named_parameters()}


@pytest.mark.parametrize("cell", KERNELS)
def test_a_new_layer_has_orthogonal_recurrent_gates_and_zero_biases_but_for_an_open_forget_gate(cell):
    torch.manual_seed(0)
    layer = Recurrence(30, 16, cell=cell)
    for gate in layer.weight_hh.detach().split(16):
        torch.testing.assert_close(gate @ gate.T, torch.eye(16), atol=1e-6, rtol=0)
    rows = layer.weight_ih.shape[0]
    bound = (6 / (rows + 30)) ** 0.5  # Glorot's uniform bound
    assert float(layer.weight_ih.detach().abs().max()) <= bound
    assert float(layer.weight_ih.detach().std()) == pytest.approx(bound / 3**0.5, rel=0.1)
    total = (layer.bias_ih + layer.bias_hh).detach()
    expected = torch.zeros_like(total)
    if cell == "lstm":
        expected[16:32] = 1.0
    assert torch.equal(total, expected)


def test_an_unknown_cell_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="lstm, gru, rnn, not 'sru'"):
        Recurrence(INPUT, HIDDEN, cell="sru")


@pytest.fixture
def diagonal() -> Recurrence:
    """A layer whose channels never mix, so that each shows the fate of its own recurrent weight."""
    layer = Recurrence(1, 64, cell="rnn", weight_drop=0.4)
    with torch.no_grad():
        layer.weight_ih.fill_(1.0)
        layer.weight_hh.copy_(torch.eye(64) * 0.3)
    return layer


def trajectory(recurrent_weight: float) -> torch.Tensor:
    """Return the states h_t = tanh(1/2 + w · h_{t−1}) of nine steps."""
    h, steps = torch.tensor(0.0), []
    for _ in range(9):
        h = torch.tanh(0.5 + recurrent_weight * h)
        steps.append(h)
    return torch.stack(steps)


def kept_channels(layer: Recurrence) -> torch.Tensor:
    """Return which of 64 weights a training call kept, having seen that each fate holds for all rows and steps."""
    states, _ = layer(torch.full((3, 9, 1), 0.5), torch.full((3,), 9))  # (3, 9, 64)
    kept = (states - trajectory(0.3 / 0.6).view(1, 9, 1)).abs().amax((0, 1)) < 1e-6  # (64,)
    dropped = (states - trajectory(0.0).view(1, 9, 1)).abs().amax((0, 1)) < 1e-6
    assert bool((kept ^ dropped).all())
    return kept


def test_weight_drop_drops_a_weight_for_every_row_and_step_or_for_none_and_keeps_the_mean(diagonal):
    # 100 · 64 fair draws with p = 0.6: more than five standard deviations off happens once in 1.7 million seeds;
    # scaling what is kept by 1/0.6 is what kept_channels compares with, so the mean of a weight is the weight.
    torch.manual_seed(0)
    kept = torch.stack([kept_channels(diagonal) for _ in range(100)]).double()
    assert float(kept.mean()) == pytest.approx(0.6, abs=5 * (0.6 * 0.4 / 6400) ** 0.5)
    assert len({tuple(row.tolist()) for row in kept}) == 100  # a new draw a call; luck repeats one with p < 1e-14


def test_weight_drop_is_off_in_eval_and_leaves_the_weights_as_they_are(diagonal):
    before = diagonal.weight_hh.detach().clone()
    kept_channels(diagonal)
    assert torch.equal(diagonal.weight_hh, before)
    states, _ = diagonal.eval()(torch.full((3, 9, 1), 0.5), torch.full((3,), 9))
    torch.testing.assert_close(states, trajectory(0.3).view(1, 9, 1).expand(3, 9, 64), rtol=0, atol=1e-6)


def test_a_dropped_weight_gets_no_gradient_and_a_kept_one_does(diagonal):
    torch.manual_seed(0)
    states, _ = diagonal(torch.full((3, 9, 1), 0.5), torch.full((3,), 9))
    states.sum().backward()
    kept = (states[0, -1] - trajectory(0.3 / 0.6)[-1]).abs() < 1e-6
    gradient = diagonal.weight_hh.grad.diagonal()
    assert torch.equal(gradient != 0, kept)
