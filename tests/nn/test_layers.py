"""The one table of layers: what each row promises to the stack and to who carries a state."""

from __future__ import annotations

import pytest
import torch

from nlp_lstm.nn.layers import CELLS, Plan, flatten_state, forget_rows, unflatten_state
from nlp_lstm.nn.stack import Stack

BATCH, TIME, INPUT, HIDDEN = 3, 7, 4, 5


@pytest.fixture(params=CELLS)
def cell(request) -> str:
    return request.param


@pytest.fixture
def inputs() -> torch.Tensor:
    return torch.randn(BATCH, TIME, INPUT, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("bidirectional", [False, True])
def test_layers_say_how_wide_their_states_are_and_hand_on_a_state_for_each_direction(cell, bidirectional, inputs):
    layers = CELLS[cell].layers(Plan(INPUT, HIDDEN, 3, bidirectional))
    lengths = torch.tensor([7, 2, 5])
    assert len(layers) == 3
    states = inputs
    for layer in layers:
        states, after = layer(states, lengths, None, final_state=True)
        assert states.shape == (BATCH, TIME, HIDDEN * layer.n_directions)
        assert [type(each) for each in after] == [CELLS[cell].memory] * layer.n_directions
        assert after[0].h.shape == (BATCH, HIDDEN)


def test_a_state_is_taken_apart_and_put_together_again(cell, inputs, randomised):
    stack = randomised(Stack(INPUT, HIDDEN, cell=cell, n_layers=2))
    mask = torch.ones(BATCH, TIME, dtype=torch.bool)
    state = stack(inputs, mask, final_state=True).state
    tensors = flatten_state(state)
    assert len(tensors) == 2 * CELLS[cell].n_tensors
    assert all(len(part) == BATCH and not part.requires_grad for part in tensors)
    again = unflatten_state(tensors, cell)
    assert torch.equal(stack(inputs, mask, again).states, stack(inputs, mask, state).states)
    assert unflatten_state((), cell) is None


def test_a_row_that_forgot_begins_anew_and_the_others_go_on(cell, inputs, randomised):
    stack = randomised(Stack(INPUT, HIDDEN, cell=cell, n_layers=2)).double()
    inputs, mask = inputs.double(), torch.ones(BATCH, TIME, dtype=torch.bool)
    tensors = flatten_state(stack(inputs, mask, final_state=True).state)
    after = stack(inputs, mask, unflatten_state(forget_rows(tensors, torch.tensor([True, False, True])), cell)).states
    fresh, carried = stack(inputs, mask).states, stack(inputs, mask, unflatten_state(tensors, cell)).states
    torch.testing.assert_close(after[1], fresh[1], rtol=0, atol=1e-12)
    torch.testing.assert_close(after[[0, 2]], carried[[0, 2]], rtol=0, atol=1e-12)
    assert not torch.allclose(fresh[1], carried[1], atol=1e-3)


def test_options_without_a_use_are_refused_and_no_others(cell):
    for name, value in {"weight_drop": 0.2, "layer_norm": True}.items():
        if name in CELLS[cell].unused:
            with pytest.raises(ValueError, match=f"{name} must be 0 for {cell}, not {value}"):
                Stack(INPUT, HIDDEN, cell=cell, **{name: value})
        else:
            Stack(INPUT, HIDDEN, cell=cell, **{name: value})


def test_an_unknown_cell_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"cell must be one of lstm, gru, rnn, peephole_lstm, .*, not 'sru'"):
        Stack(INPUT, HIDDEN, cell="sru")
