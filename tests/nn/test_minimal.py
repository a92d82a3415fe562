"""The minLSTM: compiled loop, scan by doubling and formula give the same; tests/nn/test_encoder.py has all modes."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from nlp_lstm.nn.cells import minlstm_step
from nlp_lstm.nn.layers import CELLS, Plan
from nlp_lstm.nn.minimal import MinLstm, run_compiled, scan_by_doubling

ROWS, HIDDEN = 3, 5
SCANS = {"compiled": run_compiled, "doubling": scan_by_doubling}


def make(time: int, *, spread: float = 3.0, dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, ...]:
    """Return the gates of some steps before they are squashed, and a first state."""
    generator = torch.Generator().manual_seed(time)
    gates = torch.randn(ROWS, time, 3 * HIDDEN, generator=generator, dtype=torch.float64)
    gates[..., : 2 * HIDDEN] *= spread
    h = torch.randn(ROWS, HIDDEN, generator=generator, dtype=torch.float64)
    return tuple(part.to(dtype).requires_grad_() for part in (gates, h))


def by_hand(gates: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
    states = []
    for f, i, u in (each.chunk(3, -1) for each in gates.unbind(1)):
        k = f.sigmoid() / (f.sigmoid() + i.sigmoid())
        h = k * h + (1 - k) * u
        states.append(h)
    return torch.stack(states, 1)


@pytest.mark.parametrize("scan", SCANS.values(), ids=SCANS)
@pytest.mark.parametrize("time", [1, 2, 3, 7, 8, 9, 64, 100])
def test_states_and_gradients_are_those_of_the_formula_step_by_step(scan, time):
    given = make(time)
    slopes = torch.randn(ROWS, time, HIDDEN, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    ours, expected = scan(*given), by_hand(*given)
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-12)
    for one, other in zip(
        torch.autograd.grad(ours, given, slopes), torch.autograd.grad(expected, given, slopes), strict=True
    ):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


@pytest.mark.parametrize("scan", SCANS.values(), ids=SCANS)
def test_the_derivative_is_what_differences_give(scan):
    assert torch.autograd.gradcheck(scan, make(5))


@pytest.mark.parametrize("scan", SCANS.values(), ids=SCANS)
@pytest.mark.parametrize("spread", [0.5, 3.0, 30.0])
def test_single_precision_holds_over_thousands_of_steps(scan, spread):
    given = make(4096, spread=spread)
    single = tuple(part.detach().float().requires_grad_() for part in given)
    expected, ours = scan_by_doubling(*given), scan(*single)
    torch.testing.assert_close(ours.double(), expected, rtol=0, atol=1e-5)
    found, truth = (
        torch.autograd.grad(states.square().sum(), into) for states, into in ((ours, single), (expected, given))
    )
    for one, other in zip(found, truth, strict=True):
        torch.testing.assert_close(one.double(), other, rtol=0, atol=1e-5 * max(1.0, float(other.abs().max())))


@pytest.mark.parametrize("scan", SCANS.values(), ids=SCANS)
def test_an_open_gate_keeps_a_state_to_the_last_bit_and_a_shut_one_forgets_it(scan):
    gates, h = (part.detach().float() for part in make(1000))
    gates[..., 2 * HIDDEN :] *= 1e3
    gates[..., :HIDDEN], gates[..., HIDDEN : 2 * HIDDEN] = 50.0, -70.0
    assert torch.equal(scan(gates, h)[:, -1], h)
    gates[..., :HIDDEN], gates[..., HIDDEN : 2 * HIDDEN] = -70.0, 50.0
    torch.testing.assert_close(scan(gates, h), gates[..., 2 * HIDDEN :], rtol=1e-7, atol=1e-7)


def test_gates_far_below_zero_still_share_what_there_is(randomised):
    # f and i are both zero as numbers there; f / (f + i) is not a number, their ratio is known all the same.
    layer = randomised(MinLstm(3, HIDDEN))
    inputs = torch.randn(2, 6, 3, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        layer.bias[: 2 * HIDDEN] = -200.0
    assert minlstm_step(inputs[:, 0], torch.zeros(2, HIDDEN), layer.weights()).isnan().any()
    states, _ = layer(inputs, torch.tensor([6, 6]))
    gates = functional.linear(inputs, layer.weight_ih, layer.bias).detach()
    expected = by_hand(gates.double(), torch.zeros(2, HIDDEN, dtype=torch.float64))  # where σ(−200) is a number
    torch.testing.assert_close(states.double(), expected, rtol=0, atol=1e-6)
    states.sum().backward()
    assert bool(layer.weight_ih.grad.isfinite().all())


def test_off_the_cpu_the_layer_scans_with_the_same_numbers(randomised, monkeypatch):
    layer = randomised(MinLstm(3, HIDDEN))
    inputs, lengths = torch.randn(2, 9, 3, generator=torch.Generator().manual_seed(0)), torch.tensor([9, 4])
    states, last = layer(inputs, lengths, final_state=True)
    monkeypatch.setattr("nlp_lstm.nn.minimal.COMPILED_ON", "nowhere")
    scanned, scanned_last = layer(inputs, lengths, final_state=True)
    torch.testing.assert_close(scanned, states, rtol=0, atol=1e-6)
    torch.testing.assert_close(scanned_last.h, last.h, rtol=0, atol=1e-6)


def test_a_new_layer_remembers_more_than_it_takes_in():
    torch.manual_seed(0)
    layer = MinLstm(30, 16)
    f, i, _ = layer.bias.detach().split(16)
    assert f.eq(1.0).all() and not i.any()


def test_nothing_of_an_option_that_has_no_meaning_is_taken():
    (layer,) = CELLS["minlstm"].layers(Plan(3, HIDDEN, 1))
    assert {name for name, _ in layer.forwards.named_parameters()} == {"weight_ih", "bias"}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
def test_on_a_gpu_the_numbers_are_the_same():
    given = make(1000, dtype=torch.float32)
    found = scan_by_doubling(*(part.cuda() for part in given))
    torch.testing.assert_close(found.cpu(), run_compiled(*given), rtol=0, atol=1e-5)
