"""The reader answers where it is asked, and memories can be given all lengths."""

from __future__ import annotations

import pytest
import torch

from nlp_lstm.nn.long_lags import SequenceReader, spread_memories
from nlp_lstm.nn.vectors import VectorEncoder


@pytest.fixture
def reader():
    torch.manual_seed(1)
    return SequenceReader(VectorEncoder(3, 5), 2).eval()


def test_answers_are_linear_in_the_states_at_the_steps_asked_row_by_row(reader):
    inputs, mask = torch.randn(2, 7, 3), torch.tensor([[True] * 7, [True] * 4 + [False] * 3])
    asked = torch.zeros(2, 7, dtype=torch.bool)
    asked[0, 2] = asked[0, 6] = asked[1, 3] = True
    states = reader.encoder(inputs, mask).states
    expected = torch.stack([reader.output(states[0, 2]), reader.output(states[0, 6]), reader.output(states[1, 3])])
    torch.testing.assert_close(reader(inputs, mask, asked), expected)


def test_what_comes_after_a_step_does_not_change_its_answer(reader):
    inputs, mask, asked = torch.randn(1, 6, 3), torch.ones(1, 6, dtype=torch.bool), torch.zeros(1, 6, dtype=torch.bool)
    asked[0, 2] = True
    changed = inputs.clone()
    changed[0, 3:] = 9.0
    torch.testing.assert_close(reader(inputs, mask, asked), reader(changed, mask, asked))


def test_memories_are_of_all_lengths_up_to_the_longest():
    encoder = VectorEncoder(2, 400, cell="lstm")
    spread_memories(encoder, 101)
    bias = encoder.stack.layers[0].forwards.bias_ih.detach()
    gate_in, keep, candidate, gate_out = bias.chunk(4)
    lengths = keep.exp()
    assert lengths.min() >= 1.0 and lengths.max() <= 100.0
    # uniform on [1, 100]: mean 50.5, standard deviation 28.6; six standard deviations of the mean of 400 are 8.6
    assert lengths.mean().item() == pytest.approx(50.5, abs=8.6)
    assert lengths.std().item() == pytest.approx(28.6, abs=5.0)
    torch.testing.assert_close(gate_in, -keep)
    assert not candidate.any() and not gate_out.any()


def test_input_gates_can_begin_less_closed():
    encoder = VectorEncoder(2, 8)
    spread_memories(encoder, 50, closed_inputs=0.25)
    gate_in, keep, *_ = encoder.stack.layers[0].forwards.bias_ih.detach().chunk(4)
    torch.testing.assert_close(gate_in, -keep / 4)


def test_a_gru_keeps_by_its_update_gate_and_other_cells_are_left_alone():
    gru, rnn = VectorEncoder(2, 6, cell="gru"), VectorEncoder(2, 6, cell="rnn")
    before = rnn.stack.layers[0].forwards.bias_ih.detach().clone()
    for each in (gru, rnn):
        spread_memories(each, 30)
    reset, update, new = gru.stack.layers[0].forwards.bias_ih.detach().chunk(3)
    assert (update >= 0).all() and update.any() and not reset.any() and not new.any()
    assert torch.equal(rnn.stack.layers[0].forwards.bias_ih, before)


def test_too_short_a_memory_is_refused():
    with pytest.raises(ValueError, match="at least 3, not 2"):
        spread_memories(VectorEncoder(2, 3), 2)
