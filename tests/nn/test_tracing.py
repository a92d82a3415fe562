"""Gates open to view: the written-out cells against the kernels, and the numbers made of them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nlp_lstm.nn.encoder import Encoder
from nlp_lstm.nn.layers import CELLS
from nlp_lstm.nn.opening import OPENED
from nlp_lstm.nn.recurrent import LayerState, Recurrence
from nlp_lstm.nn.tracing import Pass, readers, summarise, trace, watch
from tests.nn.written_out import WITH_CELL_STATE


@pytest.fixture(params=[(1, False), (3, True)], ids=["one layer one way", "three layers two ways"])
def shape(request) -> tuple[int, bool]:
    return request.param


def run(encoder: Encoder, time: int, state=None) -> tuple[dict[nn.Module, Pass], object]:
    ids = torch.randint(2, 13, (1, time), generator=torch.Generator().manual_seed(3))
    with torch.no_grad(), watch(encoder.stack) as passes:
        encoded = encoder(ids, torch.ones_like(ids, dtype=torch.bool), state, final_state=True)
    return passes, encoded


def only_layer(encoder: Encoder) -> nn.Module:
    (reader,) = readers(encoder.stack)
    return reader.layer


@pytest.mark.parametrize("cell", sorted(OPENED))
def test_written_out_states_are_those_of_the_kernel(cell, shape, randomised, random_state):
    n_layers, both = shape
    encoder = randomised(Encoder(13, 5, 7, n_layers=n_layers, cell=cell, bidirectional=both, layer_norm=True)).eval()
    passes, encoded = run(encoder, 200, random_state(encoder, 1))
    every = readers(encoder.stack)
    ways = ["forward", "backward"][: 2 if both else 1]
    assert [each[:3] for each in every] == [(number, way, cell) for number in range(n_layers) for way in ways]
    for place, reader in enumerate(every):
        parts, attention = trace(cell, reader.layer, passes[reader.layer])
        assert attention is None and all(part.shape == (200, 7) for part in parts.values())
        torch.testing.assert_close(parts["hidden"], passes[reader.layer].states[0], rtol=0, atol=1e-5)
        torch.testing.assert_close(parts["hidden"][-1], encoded.state[place].h[0], rtol=0, atol=1e-5)
        assert ("cell" in parts) is (encoded.state[place].c is not None)
        if "cell" in parts:  # of the cell states the kernel hands out the last one only
            torch.testing.assert_close(parts["cell"][-1], encoded.state[place].c[0], rtol=1e-6, atol=1e-5)
        if reader[:2] == (n_layers - 1, "forward"):
            torch.testing.assert_close(parts["hidden"], encoded.states[0, :, :7], rtol=0, atol=1e-5)


def test_every_cell_but_the_transformer_carries_a_state_to_open():
    assert set(OPENED) == set(CELLS) - {"transformer"}
    assert {cell for cell, opening in OPENED.items() if opening.cell_state} == set(WITH_CELL_STATE)


@pytest.mark.parametrize("cell", ["peephole_lstm", "layernorm_lstm", "minlstm"])
def test_gates_of_other_cells_make_their_states(cell, randomised):
    encoder = randomised(Encoder(13, 5, 7, cell=cell), scale=0.8)
    passes, _ = run(encoder, 30)
    layer = only_layer(encoder)
    parts = trace(cell, layer, passes[layer]).parts
    gates = [part for name, part in parts.items() if name.endswith("_gate")]
    assert all(bool(((gate >= 0) & (gate <= 1)).all()) for gate in gates)
    memory = parts["hidden"] if cell == "minlstm" else parts["cell"]
    before = torch.cat([torch.zeros(1, 7), memory[:-1]])
    made = parts["forget_gate"] * before + parts["input_gate"] * parts["candidate"]
    torch.testing.assert_close(memory, made)
    if cell == "minlstm":
        assert len(gates) == 2
        torch.testing.assert_close(parts["forget_gate"] + parts["input_gate"], torch.ones(30, 7))


def test_a_rows_pass_is_that_of_the_row_alone(randomised):
    encoder = randomised(Encoder(13, 5, 7, bidirectional=True)).eval()
    ids = torch.randint(2, 13, (3, 6), generator=torch.Generator().manual_seed(3))
    with torch.no_grad(), watch(encoder.stack) as many:
        encoder(ids, torch.ones_like(ids, dtype=torch.bool), final_state=True)
    with torch.no_grad(), watch(encoder.stack) as one:
        encoder(ids[1:2], torch.ones_like(ids[1:2], dtype=torch.bool), final_state=True)
    for reader in readers(encoder.stack):
        found, alone = many[reader.layer].of_row(1), one[reader.layer]
        torch.testing.assert_close(found.states, alone.states)
        torch.testing.assert_close(found.after.c, alone.after.c)
        assert found.before is alone.before is None
        trace("lstm", reader.layer, found)


def test_the_first_pass_is_kept(randomised):
    encoder = randomised(Encoder(13, 5, 7))
    ids = torch.full((1, 4), 3)
    with watch(encoder.stack) as passes:
        encoder(ids, ids > 0)
        encoder(ids[:, :1], ids[:, :1] > 0)
    assert [seen.inputs.shape[1] for seen in passes.values()] == [4]


def test_gates_lie_between_zero_and_one_and_make_the_states(randomised):
    encoder = randomised(Encoder(13, 5, 7), scale=1.5)
    passes, _ = run(encoder, 30)
    half = only_layer(encoder)
    parts = trace("lstm", half, passes[half]).parts
    gates = torch.stack([part for name, part in parts.items() if name.endswith("_gate")])
    assert len(gates) == 3 and bool(((gates >= 0) & (gates <= 1)).all())
    before = torch.cat([torch.zeros(1, 7), parts["cell"][:-1]])
    cell = parts["forget_gate"] * before + parts["input_gate"] * parts["candidate"]
    torch.testing.assert_close(parts["cell"], cell)
    torch.testing.assert_close(parts["hidden"], parts["output_gate"] * cell.tanh())


def test_gru_gates_make_its_states(randomised):
    encoder = randomised(Encoder(13, 5, 7, cell="gru"))
    passes, _ = run(encoder, 30)
    half = only_layer(encoder)
    parts = trace("gru", half, passes[half]).parts
    before = torch.cat([torch.zeros(1, 7), parts["hidden"][:-1]])
    torch.testing.assert_close(
        parts["hidden"], (1 - parts["update_gate"]) * parts["new"] + parts["update_gate"] * before
    )
    assert bool(((parts["reset_gate"] > 0) & (parts["reset_gate"] < 1)).all())


def test_a_kernel_that_does_not_agree_is_told(randomised):
    encoder = randomised(Encoder(13, 5, 7))
    passes, _ = run(encoder, 9)
    half = only_layer(encoder)
    with torch.no_grad():
        half.bias_hh[3] += 0.01
    with pytest.raises(RuntimeError, match=r"^the written-out lstm cell and its kernel differ by 0\.0"):
        trace("lstm", half, passes[half])


def test_a_state_that_is_no_number_is_told(randomised):
    encoder = randomised(Encoder(13, 5, 7))
    with torch.no_grad():
        encoder.embedding.weight[4] = float("nan")
    passes, _ = run(encoder, 60)
    half = only_layer(encoder)
    with pytest.raises(RuntimeError, match="differ by nan"):
        trace("lstm", half, passes[half])


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


def test_steps_start_where_the_kernel_started(randomised):
    layer = randomised(Recurrence(3, 5))
    inputs, start = torch.randn(1, 6, 3), LayerState(torch.randn(1, 5), torch.randn(1, 5))
    with torch.no_grad():
        states, _ = layer(inputs, torch.tensor([6]), start)
        assert torch.allclose(trace("lstm", layer, Pass(inputs, start, states)).parts["hidden"], states[0], atol=1e-6)
        with pytest.raises(RuntimeError):
            trace("lstm", layer, Pass(inputs, None, states))
