"""The written-out cells against torch's own single steps, or against the papers number by number."""

from __future__ import annotations

from math import exp, tanh

import pytest
import torch
from torch import nn

from nlp_lstm.nn.cells import (
    BlockWeights,
    CellWeights,
    LayerNormWeights,
    MinLstmWeights,
    PeepholeWeights,
    block_step,
    gru_step,
    layernorm_step,
    lstm_step,
    minlstm_step,
    peephole_step,
    rnn_step,
)

BATCH, INPUT, HIDDEN = 2, 3, 5


@pytest.fixture
def step() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    widths = (INPUT, HIDDEN, HIDDEN)
    x, h, c = (torch.randn(BATCH, width, generator=generator, dtype=torch.float64) for width in widths)
    return x, h, c


def weights_of(cell: nn.RNNCellBase) -> CellWeights:
    return CellWeights(cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh)


def sigmoid(x: float) -> float:
    return 1 / (1 + exp(-x))


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


# ---- with peepholes, with layer normalisation, without a state in the gates ----


def draw(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_a_peephole_step_is_the_gates_of_the_paper_one_by_one(step):
    x, h, c = step
    w = PeepholeWeights(draw(4 * HIDDEN, INPUT), draw(4 * HIDDEN, HIDDEN), draw(4 * HIDDEN), draw(3 * HIDDEN))
    ours = peephole_step(x, h, c, w)
    for row in range(BATCH):
        for cell in range(HIDDEN):
            i, f, g, o = (
                float(w.weight_ih[at] @ x[row] + w.weight_hh[at] @ h[row] + w.bias[at])
                for at in range(cell, 4 * HIDDEN, HIDDEN)
            )
            see_i, see_f, see_o = w.peep[cell::HIDDEN].tolist()
            before = float(c[row, cell])
            after = sigmoid(f + see_f * before) * before + sigmoid(i + see_i * before) * tanh(g)
            assert float(ours.c[row, cell]) == pytest.approx(after, abs=1e-14)
            expected = sigmoid(o + see_o * after) * tanh(after)
            assert float(ours.h[row, cell]) == pytest.approx(expected, abs=1e-14)


def test_a_peephole_step_without_peepholes_is_an_lstm_step(step):
    x, h, c = step
    weights = weights_of(nn.LSTMCell(INPUT, HIDDEN, dtype=torch.float64))
    bias = weights.bias_ih + weights.bias_hh
    ours = peephole_step(x, h, c, PeepholeWeights(weights.weight_ih, weights.weight_hh, bias, draw(3 * HIDDEN) * 0))
    for one, other in zip(ours, lstm_step(x, h, c, weights), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-14)


def test_a_layernorm_step_is_made_of_torchs_norms(step):
    x, h, c = step
    w = LayerNormWeights(
        *(draw(4 * HIDDEN, INPUT), draw(4 * HIDDEN, HIDDEN), draw(4 * HIDDEN)),
        *(draw(4 * HIDDEN, seed=2), draw(4 * HIDDEN, seed=3), draw(HIDDEN, seed=4), draw(HIDDEN, seed=5)),
    )
    ours = layernorm_step(x, h, c, w)
    from_input = nn.functional.layer_norm(x @ w.weight_ih.T, (4 * HIDDEN,), w.gain_ih)
    from_state = nn.functional.layer_norm(h @ w.weight_hh.T, (4 * HIDDEN,), w.gain_hh, w.bias)
    i, f, g, o = (from_input + from_state).chunk(4, -1)
    after = f.sigmoid() * c + i.sigmoid() * g.tanh()
    torch.testing.assert_close(ours.c, after, rtol=0, atol=1e-14)
    expected = o.sigmoid() * nn.functional.layer_norm(after, (HIDDEN,), w.gain_c, w.bias_c).tanh()
    torch.testing.assert_close(ours.h, expected, rtol=0, atol=1e-14)


def test_a_minlstm_step_is_the_mean_of_state_and_candidate_that_the_gates_weigh(step):
    x, h, _ = step
    w = MinLstmWeights(draw(3 * HIDDEN, INPUT), draw(3 * HIDDEN))
    ours = minlstm_step(x, h, w)
    for row in range(BATCH):
        for cell in range(HIDDEN):
            f, i, candidate = (float(w.weight_ih[at] @ x[row] + w.bias[at]) for at in range(cell, 3 * HIDDEN, HIDDEN))
            share = sigmoid(f) / (sigmoid(f) + sigmoid(i))
            expected = share * float(h[row, cell]) + (1 - share) * candidate
            assert float(ours[row, cell]) == pytest.approx(expected, abs=1e-14)


# ---- the Transformer block ----

HEADS, HEAD = 2, 4


def block_of(hidden: int) -> tuple[BlockWeights, nn.TransformerEncoderLayer]:
    """Return random weights, and torch's own layer with the same ones."""
    peer = nn.TransformerEncoderLayer(
        hidden, HEADS, 4 * hidden, 0.0, "gelu", batch_first=True, norm_first=True, dtype=torch.float64
    )
    generator = torch.Generator().manual_seed(0)
    for parameter in peer.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator, dtype=torch.float64) * 0.5
    attention = peer.self_attn
    parts = (attention.out_proj, peer.norm2, peer.linear1, peer.linear2)
    gather, feed_norm, widen, narrow = ((part.weight.detach(), part.bias.detach()) for part in parts)
    read = (attention.in_proj_weight.detach(), attention.in_proj_bias.detach())
    first = (peer.norm1.weight.detach(), peer.norm1.bias.detach())
    return BlockWeights(first, read, gather, feed_norm, widen, narrow), peer.eval()


def test_a_block_step_is_torchs_block_where_places_do_not_count():
    # Without queries every token counts as much as another, wherever it stands.
    hidden = HEADS * HEAD
    weights, peer = block_of(hidden)
    weights.query_key_value[0][:hidden] = 0.0
    weights.query_key_value[1][:hidden] = 0.0
    x = draw(6, hidden)
    expected = peer(x.unsqueeze(0))[0]
    for place in range(6):
        ours = block_step(x, place, weights, n_heads=HEADS)
        torch.testing.assert_close(ours, expected[place], rtol=0, atol=1e-12)
    alone = block_step(x[:1], 0, block_of(hidden)[0], n_heads=HEADS)  # one token: nothing to weigh
    torch.testing.assert_close(alone, block_of(hidden)[1](x[:1].unsqueeze(0))[0, 0], rtol=0, atol=1e-12)


def test_attention_falls_with_the_turn_between_two_places():
    # One head of two channels, queries and keys all (1, 0): the score of j is cos(t − j) / √2.
    one, zero = torch.ones(2, dtype=torch.float64), torch.zeros(2, dtype=torch.float64)
    read = torch.zeros(6, 2, dtype=torch.float64)
    read[4, 0], read[5, 1] = 1.0, 1.0  # values: what the norm lets through
    bias = torch.tensor([1.0, 0.0, 1.0, 0.0, 0.0, 0.0], dtype=torch.float64)
    shut = (torch.zeros(8, 2, dtype=torch.float64), torch.zeros(8, dtype=torch.float64))
    weights = BlockWeights(
        (one, zero), (read, bias), (torch.eye(2).double(), zero), (one, zero), shut, (shut[0].T, zero)
    )
    x = torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0], [0.0, 2.0]], dtype=torch.float64)
    for place in range(4):
        scores = torch.cos(torch.arange(4.0, dtype=torch.float64) - place) / 2**0.5
        shares = scores.exp() / scores.exp().sum()
        signs = torch.tensor([1.0, -1.0, 1.0, -1.0], dtype=torch.float64)  # N(2, 0) = (1, −1)
        expected = x[place] + (shares * signs).sum() * torch.tensor([1.0, -1.0], dtype=torch.float64)
        torch.testing.assert_close(block_step(x, place, weights, n_heads=1), expected, rtol=0, atol=1e-4)  # ε
