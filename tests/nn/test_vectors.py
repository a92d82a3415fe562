"""The encoder of vectors: a projection, then the layers every task shares."""

from __future__ import annotations

import pytest
import torch

from nlp_lstm.nn.vectors import VectorEncoder


def test_the_layers_read_the_projection_without_its_negative_part():
    torch.manual_seed(0)
    encoder = VectorEncoder(3, 5, embed_size=4, n_layers=2).eval()
    vectors = torch.randn(2, 7, 3)
    expected = (vectors @ encoder.projection.weight.T + encoder.projection.bias).clamp(min=0)
    full = torch.ones(2, 7, dtype=torch.bool)
    torch.testing.assert_close(encoder(vectors).states, encoder.stack(expected, full).states)
    assert (expected == 0).any() and encoder(vectors).states.shape == (2, 7, 5)


def test_without_a_width_the_layers_read_the_vectors_as_they_are():
    encoder = VectorEncoder(3, 5, cell="gru").eval()
    vectors, full = torch.randn(2, 7, 3), torch.ones(2, 7, dtype=torch.bool)
    assert torch.equal(encoder(vectors).states, encoder.stack(vectors, full).states)
    assert not any("projection" in name for name, _ in encoder.named_parameters())


def test_padding_on_the_right_changes_nothing():
    encoder = VectorEncoder(3, 5, embed_size=4, bidirectional=True).eval()
    vectors = torch.randn(2, 7, 3)
    mask = torch.arange(7) < torch.tensor([[7], [4]])
    found = encoder(vectors, mask, final_state=True)
    alone = encoder(vectors[1:, :4], final_state=True)
    torch.testing.assert_close(found.states[1, :4], alone.states[0])
    torch.testing.assert_close(found.state[0].c[1], alone.state[0].c[0])
    assert not found.states[1, 4:].any()


def test_vectors_of_another_width_are_refused():
    with pytest.raises(ValueError, match="vectors must be of width 3, not 4"):
        VectorEncoder(3, 5, embed_size=4)(torch.zeros(1, 2, 4))
