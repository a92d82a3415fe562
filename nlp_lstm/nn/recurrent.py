"""One recurrent layer in one direction, on the fast fused kernels of torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from nlp_lstm.nn.cells import CellWeights

HOLD = 1e4
"""Added to a gate's pre-activation to shut or open it for good; σ(±10⁴) is exactly 0 and 1 in every float type."""


class Cell(NamedTuple):
    """A kind of recurrent cell: how many gates its weights stack, and the fused kernel that runs it."""

    n_gates: int
    kernel: Callable[..., Any]


CELLS = {"lstm": Cell(4, torch.lstm), "gru": Cell(3, torch.gru), "rnn": Cell(1, torch.rnn_tanh)}
"""Every cell the encoder offers, by name."""


class LayerState(NamedTuple):
    """The memory of one layer in one direction: `h`, and for an LSTM the cell state `c`; each (batch, hidden)."""

    h: Tensor
    c: Tensor | None


def flatten_state(states: Sequence[LayerState]) -> tuple[Tensor, ...]:
    """Return the tensors of some layers' memories, one after the other; they share no memory with the gradient."""
    return tuple(part.detach() for state in states for part in state if part is not None)


def unflatten_state(tensors: Sequence[Tensor], cell: str) -> tuple[LayerState, ...] | None:
    """Return what `flatten_state` took apart, of layers with this kind of cell; None of none."""
    if cell == "lstm":
        return tuple(map(LayerState, tensors[::2], tensors[1::2])) or None
    return tuple(LayerState(h, None) for h in tensors) or None


class Recurrence(nn.Module):
    """One layer of a recurrent network, read from left to right.

    The parameters have the names, shapes and gate order of `torch.nn.LSTM`, and the padded fused kernel runs
    them directly: a packed sequence would leave it. Recurrent dropout drops weights of W_hh once a call, so
    every step of a sequence sees the same ones and the kernel stays the same.

    Args:
        input_size: width of the input.
        hidden_size: width of the state.
        cell: a key of `CELLS`.
        weight_drop: probability of dropping a hidden-to-hidden weight in training, in [0, 1).

    Source of the recurrent dropout: Merity et al. 2018 (AWD-LSTM), section 2.
    """

    def __init__(self, input_size: int, hidden_size: int, *, cell: str = "lstm", weight_drop: float = 0.0) -> None:
        super().__init__()
        if cell not in CELLS:
            raise ValueError(f"cell must be one of {', '.join(CELLS)}, not {cell!r}")
        self.cell = cell
        self.hidden_size = hidden_size
        self.weight_drop = weight_drop
        rows = CELLS[cell].n_gates * hidden_size
        self.weight_ih = nn.Parameter(torch.empty(rows, input_size))
        self.weight_hh = nn.Parameter(torch.empty(rows, hidden_size))
        self.bias_ih = nn.Parameter(torch.empty(rows))
        self.bias_hh = nn.Parameter(torch.empty(rows))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new weights: W_ih as Glorot & Bengio 2010, W_hh orthogonal in each gate, biases zero.

        An orthogonal W_hh neither shrinks nor stretches what it carries (Saxe et al. 2014). An LSTM's forget gate
        starts open, with bias 1 (Gers et al. 2000; Jozefowicz et al. 2015, section 4).
        """
        nn.init.xavier_uniform_(self.weight_ih)
        with torch.no_grad():
            for gate in self.weight_hh.split(self.hidden_size):
                nn.init.orthogonal_(gate)
        nn.init.zeros_(self.bias_ih)
        nn.init.zeros_(self.bias_hh)
        if self.cell == "lstm":
            with torch.no_grad():
                self.bias_ih[self.hidden_size : 2 * self.hidden_size] = 1.0

    def weights(self) -> CellWeights:
        """Return the weights as the written-out cells take them."""
        return CellWeights(self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)

    def forward(
        self, inputs: Tensor, lengths: Tensor, state: LayerState | None = None, *, final_state: bool = False
    ) -> tuple[Tensor, LayerState | None]:
        """Run the layer over right-padded sequences.

        Args:
            inputs: (batch, time, input).
            lengths: real steps of each row, int64 (batch,), each at least 1.
            state: where an earlier call ended; None starts from zeros.
            final_state: also return the state after each row's last real step.

        Returns:
            The hidden states (batch, time, hidden), meaningless at padding, and the final state or None.

        Raises:
            ValueError: `state` is of another shape or type, or lacks an LSTM's cell state.
        """
        if state is not None:
            self._check_state(state, inputs.shape[0])
        held = final_state and self.cell == "lstm" and bool((lengths < inputs.shape[1]).any())
        weight_ih: Tensor = self.weight_ih
        if held:
            inputs, weight_ih = self._hold_at_padding(inputs, lengths)
        weight_hh = functional.dropout(self.weight_hh, self.weight_drop, self.training)
        states, c = self._run(inputs, (weight_ih, weight_hh, self.bias_ih, self.bias_hh), state)
        if not final_state:
            return states, None
        rows = torch.arange(len(lengths), device=lengths.device)
        return states, LayerState(states[rows, lengths - 1], c)

    def _check_state(self, state: LayerState, batch: int) -> None:
        """Refuse what the kernel would take as it is: it reads past the end of a state that is too small."""
        expected = (batch, self.hidden_size)
        parts = {"h": state.h, "c": state.c} if self.cell == "lstm" else {"h": state.h}
        for name, part in parts.items():
            if part is None:
                raise ValueError("an LSTM's state must hold the cell state c, not None")
            if part.shape != expected:
                raise ValueError(f"state {name} must be of shape {expected}, not {tuple(part.shape)}")
            if part.dtype != self.weight_hh.dtype and part.dtype != torch.bfloat16:
                raise ValueError(f"state {name} must be {self.weight_hh.dtype}, not {part.dtype}")

    def _run(
        self, inputs: Tensor, weights: tuple[Tensor, ...], state: LayerState | None
    ) -> tuple[Tensor, Tensor | None]:
        zeros = inputs.new_zeros(1, inputs.shape[0], self.hidden_size)
        h = zeros if state is None else state.h.unsqueeze(0)
        run = CELLS[self.cell].kernel
        # has_biases, n_layers, dropout, train, bidirectional, batch_first
        options = (True, 1, 0.0, self.training, False, True)
        if self.cell == "lstm":
            c = zeros if state is None or state.c is None else state.c.unsqueeze(0)
            states, _, last_c = run(inputs, (h, c), weights, *options)
            return states, last_c.squeeze(0)
        states, _ = run(inputs, h, weights, *options)
        return states, None

    def _hold_at_padding(self, inputs: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return inputs and W_ih with one more column that freezes the cell state at padding.

        The kernel hands out the cell state after the last column of the batch only. With a flag at padding
        that shuts the input gate (i = 0) and opens the forget gate (f = 1), c_t = c_{t−1} there exactly, so
        that state is also the one after each row's last real step.
        """
        time = torch.arange(inputs.shape[1], device=inputs.device)
        flag = (time >= lengths.unsqueeze(1)).to(inputs.dtype).unsqueeze(-1)  # (batch, time, 1)
        column = inputs.new_zeros(self.weight_ih.shape[0], 1)
        column[: self.hidden_size] = -HOLD
        column[self.hidden_size : 2 * self.hidden_size] = HOLD
        return torch.cat([inputs, flag], -1), torch.cat([self.weight_ih, column.to(self.weight_ih.dtype)], -1)
