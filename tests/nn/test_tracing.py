"""Gates open to view: the written-out cells against the kernels, and the numbers made of them."""

from __future__ import annotations

import pytest
import torch

from nlp_lstm.nn.encoder import Encoder
from nlp_lstm.nn.recurrent import KERNELS, LayerState, Recurrence
from nlp_lstm.nn.tracing import OPENED, Pass, recurrences, summarise, trace, watch


@pytest.fixture(params=[(1, False), (3, True)], ids=["one layer one way", "three layers two ways"])
def shape(request) -> tuple[int, bool]:
    return request.param


def run(encoder: Encoder, time: int, state=None) -> tuple[dict[Recurrence, Pass], object]:
    ids = torch.randint(2, 13, (1, time), generator=torch.Generator().manual_seed(3))
    with torch.no_grad(), watch(encoder.stack) as passes:
        encoded = encoder(ids, torch.ones_like(ids, dtype=torch.bool), state, final_state=True)
    return passes, encoded


@pytest.mark.parametrize("cell", sorted(OPENED))
def test_written_out_states_are_those_of_the_kernel(cell, shape, randomised, random_state):
    n_layers, both = shape
    encoder = randomised(Encoder(13, 5, 7, n_layers=n_layers, cell=cell, bidirectional=both, layer_norm=True)).eval()
    passes, encoded = run(encoder, 200, random_state(encoder, 1))
    found = {(number, way): trace(half, passes[half]) for number, way, half in recurrences(encoder.stack)}
    assert len(found) == n_layers * (2 if both else 1)
    halves = [half for _, _, half in recurrences(encoder.stack)]
    for place, (half, parts) in enumerate(zip(halves, found.values(), strict=True)):
        torch.testing.assert_close(parts["hidden"], passes[half].states[0], rtol=0, atol=1e-5)
        torch.testing.assert_close(parts["hidden"][-1], encoded.state[place].h[0], rtol=0, atol=1e-5)
        if cell == "lstm":  # the kernel hands out the cell state of the last step: seen to be that of the last one here
            torch.testing.assert_close(parts["cell"][-1], encoded.state[place].c[0], rtol=0, atol=1e-5)
        assert all(part.shape == (200, 7) for part in parts.values())
    top = found[n_layers - 1, "forward"]["hidden"]
    torch.testing.assert_close(top, encoded.states[0, :, :7], rtol=0, atol=1e-5)


def test_gates_lie_between_zero_and_one_and_make_the_states(randomised):
    encoder = randomised(Encoder(13, 5, 7), scale=1.5)
    passes, _ = run(encoder, 30)
    ((_, _, half),) = recurrences(encoder.stack)
    parts = trace(half, passes[half])
    gates = torch.stack([part for name, part in parts.items() if name.endswith("_gate")])
    assert len(gates) == 3 and bool(((gates >= 0) & (gates <= 1)).all())
    before = torch.cat([torch.zeros(1, 7), parts["cell"][:-1]])
    cell = parts["forget_gate"] * before + parts["input_gate"] * parts["candidate"]
    torch.testing.assert_close(parts["cell"], cell)
    torch.testing.assert_close(parts["hidden"], parts["output_gate"] * cell.tanh())


def test_gru_gates_make_its_states(randomised):
    encoder = randomised(Encoder(13, 5, 7, cell="gru"))
    passes, _ = run(encoder, 30)
    ((_, _, half),) = recurrences(encoder.stack)
    parts = trace(half, passes[half])
    before = torch.cat([torch.zeros(1, 7), parts["hidden"][:-1]])
    torch.testing.assert_close(
        parts["hidden"], (1 - parts["update_gate"]) * parts["new"] + parts["update_gate"] * before
    )
    assert bool(((parts["reset_gate"] > 0) & (parts["reset_gate"] < 1)).all())


def test_a_kernel_that_does_not_agree_is_told(randomised):
    encoder = randomised(Encoder(13, 5, 7))
    passes, _ = run(encoder, 9)
    ((_, _, half),) = recurrences(encoder.stack)
    with torch.no_grad():
        half.bias_hh[3] += 0.01
    with pytest.raises(RuntimeError, match=r"^the written-out lstm cell and its kernel differ by 0\.0"):
        trace(half, passes[half])


def test_a_state_that_is_no_number_is_told(randomised):
    encoder = randomised(Encoder(13, 5, 7))
    with torch.no_grad():
        encoder.embedding.weight[4] = float("nan")
    passes, _ = run(encoder, 60)
    ((_, _, half),) = recurrences(encoder.stack)
    with pytest.raises(RuntimeError, match="differ by nan"):
        trace(half, passes[half])


def test_nothing_is_kept_once_the_block_is_left(randomised):
    encoder = randomised(Encoder(13, 5, 7))
    passes, _ = run(encoder, 4)
    assert {seen.inputs.shape[1] for seen in passes.values()} == {4}
    ids = torch.ones(1, 9, dtype=torch.int64)
    encoder(ids, ids > 0)
    assert {seen.inputs.shape[1] for seen in passes.values()} == {4}


def test_a_summary_counts_channels_that_are_shut_and_open():
    found = summarise(torch.tensor([[0.05, 0.95, 0.91, 0.5], [0.0, 0.3, 0.4, -1.2]]))
    assert found.low.tolist() == [0.25, 0.5]
    assert found.high.tolist() == [0.5, 0.0]
    torch.testing.assert_close(found.mean, torch.tensor([0.6025, -0.125]))
    torch.testing.assert_close(found.norm, torch.tensor([(0.0025 + 0.9025 + 0.8281 + 0.25) ** 0.5, 1.3]))


def test_every_cell_that_can_be_opened_is_one_the_encoder_has():
    assert set(OPENED) <= set(KERNELS)


def test_steps_start_where_the_kernel_started(randomised):
    layer = randomised(Recurrence(3, 5))
    inputs, start = torch.randn(1, 6, 3), LayerState(torch.randn(1, 5), torch.randn(1, 5))
    with torch.no_grad():
        states, _ = layer(inputs, torch.tensor([6]), start)
        assert torch.allclose(trace(layer, Pass(inputs, start, states))["hidden"], states[0], atol=1e-6)
        with pytest.raises(RuntimeError):
            trace(layer, Pass(inputs, None, states))
