"""The network for sequences of vectors with an answer at some steps, and biases for memories of many lengths."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nlp_lstm.nn.recurrent import Recurrence
from nlp_lstm.nn.vectors import VectorEncoder

INPUT_GATES = {"lstm": (0,), "gru": ()}
"""Cells whose gate number 1 keeps the memory, and their gates that let something new in besides."""


class SequenceReader(nn.Module):
    """A linear layer on the encoder's state, at the steps at which something is asked.

    Args:
        encoder: reads the vectors.
        output_size: numbers, or scores of symbols, in an answer.
    """

    def __init__(self, encoder: VectorEncoder, output_size: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.output = nn.Linear(encoder.output_size, output_size)

    def forward(self, inputs: Tensor, mask: Tensor, asked: Tensor) -> Tensor:
        """Return the answers, row by row, float32 (asked, outputs).

        Args:
            inputs: float32 (batch, time, inputs), padding on the right.
            mask: True at real steps, bool (batch, time).
            asked: True where an answer is wanted, bool (batch, time).
        """
        states = self.encoder(inputs, mask).states[asked]  # (asked, hidden)
        answers: Tensor = self.output(states).float()
        return answers


def spread_memories(model: nn.Module, longest: int, *, closed_inputs: float = 1.0) -> None:
    """Give the units of every LSTM and GRU layer memories of all lengths up to about `longest` steps.

        b_f ~ log U(1, T − 1),  b_i = −κ · b_f

    T: the longest lag; b_f, b_i: the biases of the forget and the input gate, so that a unit forgets within about
    1 + exp b_f steps and, with κ = 1, lets in as little of each. In a GRU b_f is the bias of the update gate, which
    does both. Other cells are left alone. Source: Tallec & Ollivier 2018, section 3.

    Args:
        model: whose layers get new biases.
        longest: T.
        closed_inputs: κ. The paper's 1 suits what adds up over many steps. Something seen once hardly gets in then;
            with 0 the many steps after it fill the memory to the brim.

    Raises:
        ValueError: `longest` is less than 3.
    """
    if longest < 3:
        raise ValueError(f"longest must be at least 3, not {longest}")
    for layer in model.modules():
        if isinstance(layer, Recurrence) and layer.cell in INPUT_GATES:
            bias = torch.empty(layer.hidden_size).uniform_(1.0, longest - 1.0).log()
            with torch.no_grad():
                gates = layer.bias_ih.view(-1, layer.hidden_size)  # (gates, hidden)
                gates[1] = bias
                for gate in INPUT_GATES[layer.cell]:
                    gates[gate] = -closed_inputs * bias
