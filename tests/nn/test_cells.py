"""The written-out cells against torch's own single-step cells, and the gates against the paper."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nlp_lstm.nn.cells import CellWeights, gru_step, lstm_step, rnn_step

BATCH, INPUT, HIDDEN = 2, 3, 5


@pytest.fixture
def step() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    widths = (INPUT, HIDDEN, HIDDEN)
    x, h, c = (torch.randn(BATCH, width, generator=generator, dtype=torch.float64) for width in widths)
    return x, h, c


def weights_of(cell: nn.RNNCellBase) -> CellWeights:
    return CellWeights(cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh)


def test_lstm_step_is_torch_lstm_cell(step):
    x, h, c = step
    cell = nn.LSTMCell(INPUT, HIDDEN, dtype=torch.float64)
    ours = lstm_step(x, h, c, weights_of(cell))
    expected_h, expected_c = cell(x, (h, c))
    torch.testing.assert_close(ours.h, expected_h, rtol=0, atol=1e-14)
    torch.testing.assert_close(ours.c, expected_c, rtol=0, atol=1e-14)


def test_gru_step_is_torch_gru_cell(step):
    x, h, _ = step
    cell = nn.GRUCell(INPUT, HIDDEN, dtype=torch.float64)
    torch.testing.assert_close(gru_step(x, h, weights_of(cell)), cell(x, h), rtol=0, atol=1e-14)


def test_rnn_step_is_torch_rnn_cell(step):
    x, h, _ = step
    cell = nn.RNNCell(INPUT, HIDDEN, dtype=torch.float64)
    torch.testing.assert_close(rnn_step(x, h, weights_of(cell)), cell(x, h), rtol=0, atol=1e-14)


def test_the_gates_of_an_lstm_step_make_its_new_state(step):
    x, h, c = step
    cell = nn.LSTMCell(INPUT, HIDDEN, dtype=torch.float64)
    ours = lstm_step(x, h, c, weights_of(cell))
    torch.testing.assert_close(ours.c, ours.forget_gate * c + ours.input_gate * ours.candidate, rtol=0, atol=0)
    torch.testing.assert_close(ours.h, ours.output_gate * torch.tanh(ours.c), rtol=0, atol=0)


@pytest.mark.parametrize(("gate", "name"), [*enumerate(("input_gate", "forget_gate", "candidate", "output_gate"))])
def test_each_gate_reads_its_own_quarter_of_the_weights(step, gate, name):
    x, h, c = step
    rows = 4 * HIDDEN
    zeros = CellWeights(
        *(x.new_zeros(shape) for shape in ((rows, INPUT), (rows, HIDDEN), (rows,), (rows,)))  # every gate at σ(0)
    )
    zeros.bias_ih[gate * HIDDEN : (gate + 1) * HIDDEN] = 2.0
    ours = lstm_step(x, h, c, zeros)._asdict()
    expected = {"input_gate": 0.5, "forget_gate": 0.5, "candidate": 0.0, "output_gate": 0.5}
    two = torch.tensor(2.0, dtype=x.dtype)
    expected[name] = float(two.tanh() if name == "candidate" else two.sigmoid())
    for key, value in expected.items():
        torch.testing.assert_close(ours[key], torch.full_like(c, value), rtol=0, atol=1e-15)


def test_the_error_reaches_the_earlier_cell_state_through_the_forget_gate_alone(step):
    x, h, c = step
    c = c.clone().requires_grad_()
    ours = lstm_step(x, h, c, weights_of(nn.LSTMCell(INPUT, HIDDEN, dtype=torch.float64)))
    (gradient,) = torch.autograd.grad(ours.c.sum(), c)
    torch.testing.assert_close(gradient, ours.forget_gate, rtol=0, atol=0)
