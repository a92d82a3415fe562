"""Sums over all tag sequences, by the fastest way that holds them."""

from __future__ import annotations

import torch
from torch import Tensor

from nlp_lstm.nn.chain import Chain, PathSums
from nlp_lstm.nn.lattice import Lattice, sum_in_logarithms, sum_scaled
from nlp_lstm.nn.loops import sum_in_loops


def sum_paths(emissions: Tensor, chain: Chain, mask: Tensor) -> PathSums:
    """Return what all sequences together say of a batch.

    They are summed as weights: on the CPU in compiled loops, on other devices by tensor operations. Should scores be
    so far apart that a double cannot hold what matters, they are summed in logarithms.

    Args:
        emissions: the score of each tag at each token, float32 (batch, time, tags); padding may hold anything.
        chain: the scores of beginnings, moves and ends; they let each row have a sequence.
        mask: True at real tokens, bool (batch, time); padding stands on the right only.
    """
    with torch.no_grad():
        if emissions.device.type == "cpu":
            return sum_in_loops(emissions, chain, mask) or sum_in_logarithms(Lattice.build(emissions, chain, mask))
        lattice = Lattice.build(emissions, chain, mask)
        return sum_scaled(lattice) or sum_in_logarithms(lattice)
