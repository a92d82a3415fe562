"""One recurrent layer in one direction, on the fast fused kernels of torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from nlp_lstm.nn.cells import CellWeights

HOLD = 1e4
"""Added to a gate's pre-activation to shut or open it for good; σ(±10⁴) is exactly 0 and 1 in every float type."""


class Kernel(NamedTuple):
    """How many gates the weights of a kind of cell stack, and the fused kernel that runs it."""

    n_gates: int
    run: Callable[..., Any]


KERNELS = {"lstm": Kernel(4, torch.lstm), "gru": Kernel(3, torch.gru), "rnn": Kernel(1, torch.rnn_tanh)}
"""Every cell that torch has a fused kernel for, by name."""


class LayerState(NamedTuple):
    """The memory of one layer in one direction: `h`, and for an LSTM the cell state `c`; each (batch, hidden)."""

    h: Tensor
    c: Tensor | None = None

    def check(self, shape: tuple[int, int], dtype: torch.dtype, *, cell_state: bool) -> None:
        """See that a layer can go on from here.

        Args:
            shape: (batch, hidden).
            dtype: of the layer's weights; bfloat16 will do as well.
            cell_state: whether the layer has one.

        Raises:
            ValueError: it is of another shape or type, or lacks a cell state.
        """
        parts = {"h": self.h, "c": self.c} if cell_state else {"h": self.h}
        for name, part in parts.items():
            if part is None:
                raise ValueError("an LSTM's state must hold the cell state c, not None")
            if part.shape != shape:
                raise ValueError(f"state {name} must be of shape {shape}, not {tuple(part.shape)}")
            if part.dtype not in (dtype, torch.bfloat16):
                raise ValueError(f"state {name} must be {dtype}, not {part.dtype}")


def at_last(states: Tensor, lengths: Tensor) -> Tensor:
    """Return what `states` (batch, time, hidden) are at each row's last real step, (batch, hidden)."""
    return states[torch.arange(len(lengths), device=lengths.device), lengths - 1]


def draw_gates(weight_ih: Tensor, weight_hh: Tensor, bias: Tensor, *, open_forget_gate: bool) -> None:
    """Draw new weights of gates: W_ih as Glorot & Bengio 2010, W_hh orthogonal in each gate, biases zero.

    An orthogonal W_hh neither shrinks nor stretches what it carries (Saxe et al. 2014). An LSTM's forget gate starts
    open, with bias 1 (Gers et al. 2000; Jozefowicz et al. 2015, section 4).
    """
    hidden = weight_hh.shape[1]
    nn.init.xavier_uniform_(weight_ih)
    nn.init.zeros_(bias)
    with torch.no_grad():
        for gate in weight_hh.split(hidden):
            nn.init.orthogonal_(gate)
        if open_forget_gate:
            bias[hidden : 2 * hidden] = 1.0


class Recurrence(nn.Module):
    """One layer of a recurrent network, read from left to right.

    The parameters have the names, shapes and gate order of `torch.nn.LSTM`, and the padded fused kernel runs
    them directly: a packed sequence would leave it. Recurrent dropout drops weights of W_hh once a call, so
    every step of a sequence sees the same ones and the kernel stays the same.

    Args:
        input_size: width of the input.
        hidden_size: width of the state.
        cell: a key of `KERNELS`.
        weight_drop: probability of dropping a hidden-to-hidden weight in training, in [0, 1).

    Source of the recurrent dropout: Merity et al. 2018 (AWD-LSTM), section 2.
    """

    def __init__(self, input_size: int, hidden_size: int, *, cell: str = "lstm", weight_drop: float = 0.0) -> None:
        super().__init__()
        if cell not in KERNELS:
            raise ValueError(f"cell must be one of {', '.join(KERNELS)}, not {cell!r}")
        self.cell = cell
        self.hidden_size = hidden_size
        self.weight_drop = weight_drop
        rows = KERNELS[cell].n_gates * hidden_size
        self.weight_ih = nn.Parameter(torch.empty(rows, input_size))
        self.weight_hh = nn.Parameter(torch.empty(rows, hidden_size))
        self.bias_ih = nn.Parameter(torch.empty(rows))
        self.bias_hh = nn.Parameter(torch.empty(rows))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new weights."""
        draw_gates(self.weight_ih, self.weight_hh, self.bias_ih, open_forget_gate=self.cell == "lstm")
        nn.init.zeros_(self.bias_hh)

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
            # The kernel takes any: it reads past the end of a state that is too small.
            shape = (inputs.shape[0], self.hidden_size)
            state.check(shape, self.weight_hh.dtype, cell_state=self.cell == "lstm")
        held = final_state and self.cell == "lstm" and bool((lengths < inputs.shape[1]).any())
        weight_ih: Tensor = self.weight_ih
        if held:
            inputs, weight_ih = self._hold_at_padding(inputs, lengths)
        weight_hh = functional.dropout(self.weight_hh, self.weight_drop, self.training)
        states, c = self._run(inputs, (weight_ih, weight_hh, self.bias_ih, self.bias_hh), state)
        if not final_state:
            return states, None
        return states, LayerState(at_last(states, lengths), c)

    def _run(
        self, inputs: Tensor, weights: tuple[Tensor, ...], state: LayerState | None
    ) -> tuple[Tensor, Tensor | None]:
        zeros = inputs.new_zeros(1, inputs.shape[0], self.hidden_size)
        h = zeros if state is None else state.h.unsqueeze(0)
        run = KERNELS[self.cell].run
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
