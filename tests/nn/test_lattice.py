"""The lattice of a batch: real tags, and the boundary around them; what is summed over it is in `test_sums`."""

from __future__ import annotations

import torch

from nlp_lstm.nn.chain import Chain
from nlp_lstm.nn.lattice import Lattice

NEVER = float("-inf")


def test_a_lattice_has_the_boundary_at_padding_and_beginnings_and_ends_as_moves():
    emissions = torch.tensor([[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [float("nan"), 8.0]]])
    scores = Chain(torch.tensor([10.0, NEVER]), torch.tensor([[11.0, 12.0], [NEVER, 13.0]]), torch.tensor([14.0, 15.0]))
    lattice = Lattice.build(emissions, scores, torch.tensor([[True, True], [True, False]]))
    assert lattice.scores.dtype == lattice.moves.dtype == torch.float64
    assert lattice.scores.tolist() == [
        [[1.0, 2.0, NEVER], [5.0, 6.0, NEVER]],
        [[3.0, 4.0, NEVER], [NEVER, NEVER, 0.0]],
    ]
    assert lattice.moves.tolist() == [[11.0, 12.0, 14.0], [NEVER, 13.0, 15.0], [10.0, NEVER, 0.0]]


def test_a_bounded_sequence_and_its_score_come_out_as_done_by_hand():
    scores = Chain(torch.tensor([10.0, 20.0]), torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([100.0, 200.0]))
    emissions = torch.tensor([[[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]], [[0.7, 0.8], [9e9, 9e9], [9e9, 9e9]]])
    mask = torch.tensor([[True, True, True], [True, False, False]])
    lattice = Lattice.build(emissions, scores, mask)
    bounded = lattice.bounded(torch.tensor([[1, 0, 1], [0, -100, 77]]))
    assert bounded.T.tolist() == [[2, 1, 0, 1, 2], [2, 0, 2, 2, 2]]
    assert lattice.places(bounded).T.tolist() == [[7, 3, 1, 5], [6, 2, 8, 8]]
    expected = torch.tensor([20 + 0.2 + 3 + 0.3 + 2 + 0.6 + 200, 10 + 0.7 + 100], dtype=torch.float64)
    torch.testing.assert_close(lattice.score(bounded), expected, rtol=1e-6, atol=1e-6)
