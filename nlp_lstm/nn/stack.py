"""Stacked recurrent layers over vectors: what every task shares, whatever is read."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from nlp_lstm.nn.dropout import LockedDropout
from nlp_lstm.nn.recurrent import LayerState, Recurrence


class Encoded(NamedTuple):
    """What the encoder says of a batch.

    Attributes:
        states: the top layer's state at each token, (batch, time, output_size), zero at padding; in a
            two-way encoder the forward half comes first.
        state: for each layer and direction (forward before backward) the state after each row's last real
            token (its first one, going backward), or None where it was not asked for.
        layers: what each layer hands on, from the bottom up, like `states` but of any value at padding; a head that
            is supervised at a lower layer reads it there. Empty where it was not asked for.
    """

    states: Tensor
    state: tuple[LayerState, ...] | None
    layers: tuple[Tensor, ...]


def reversal(lengths: Tensor, time: int) -> Tensor:
    """Return the index that reverses each row inside its length and leaves padding in place, int64 (batch, time).

    Reversing twice gives the row back, so the same index undoes it.
    """
    position = torch.arange(time, device=lengths.device).unsqueeze(0)  # (1, time)
    ends = lengths.unsqueeze(1)  # (batch, 1)
    return torch.where(position < ends, ends - 1 - position, position)  # (batch, time)


def reorder(states: Tensor, index: Tensor) -> Tensor:
    """Return `states` (batch, time, channels) with each row's time steps taken in the order of `index`."""
    batch, time, channels = states.shape
    rows = torch.arange(batch, device=states.device).unsqueeze(1) * time  # (batch, 1)
    flat = states.reshape(batch * time, channels).index_select(0, (rows + index).flatten())
    return flat.view(batch, time, channels)


class RecurrentLayer(nn.Module):
    """One layer of the stack: a forward recurrence and, in a two-way encoder, a backward one beside it.

    The backward one reads a copy reversed inside each row's length, so both run on the padded fused kernel.
    """

    def __init__(
        self, input_size: int, hidden_size: int, *, cell: str, bidirectional: bool, weight_drop: float
    ) -> None:
        super().__init__()
        self.forwards = Recurrence(input_size, hidden_size, cell=cell, weight_drop=weight_drop)
        self.backwards = (
            Recurrence(input_size, hidden_size, cell=cell, weight_drop=weight_drop) if bidirectional else None
        )

    @property
    def n_directions(self) -> int:
        """One or two."""
        return 1 if self.backwards is None else 2

    def forward(
        self,
        inputs: Tensor,
        lengths: Tensor,
        state: tuple[LayerState, ...] | None,
        *,
        final_state: bool,
    ) -> tuple[Tensor, tuple[LayerState, ...]]:
        """Return the states (batch, time, directions · hidden) and, when asked for, a final state a direction."""
        before = state or (None,) * self.n_directions
        states, last = self.forwards(inputs, lengths, before[0], final_state=final_state)
        if self.backwards is None:
            return states, (last,)
        index = reversal(lengths, inputs.shape[1])
        flipped, first = self.backwards(reorder(inputs, index), lengths, before[1], final_state=final_state)
        return torch.cat([states, reorder(flipped, index)], -1), (last, first)


class Stack(nn.Module):
    """Stacked recurrent layers, one- or two-way, over a vector at each step.

    Args:
        input_size: width of what the first layer reads.
        hidden_size: width of each layer's state in each direction.
        n_layers: how many layers are stacked.
        cell: `lstm`, `gru` or `rnn`.
        bidirectional: read each row from both ends.
        dropout: locked dropout on the input, between the layers and on the last layer's output.
        weight_drop: probability of dropping a hidden-to-hidden weight for a batch (recurrent dropout).
        layer_norm: normalise the states between layers.

    Probabilities lie in [0, 1) and act in training only.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        n_layers: int = 1,
        cell: str = "lstm",
        bidirectional: bool = False,
        dropout: float = 0.0,
        weight_drop: float = 0.0,
        layer_norm: bool = False,
    ) -> None:
        super().__init__()
        if n_layers < 1:
            raise ValueError(f"n_layers must be at least 1, not {n_layers}")
        self.bidirectional = bidirectional
        self.cell = cell
        self.input_size = input_size
        self.output_size = hidden_size * (2 if bidirectional else 1)
        self.layers = nn.ModuleList(
            RecurrentLayer(
                input_size if layer == 0 else self.output_size,
                hidden_size,
                cell=cell,
                bidirectional=bidirectional,
                weight_drop=weight_drop,
            )
            for layer in range(n_layers)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(self.output_size) for _ in range(n_layers - 1) if layer_norm)
        self.locked_dropout = LockedDropout(dropout)

    def forward(
        self,
        inputs: Tensor,
        mask: Tensor,
        state: tuple[LayerState, ...] | None = None,
        *,
        final_state: bool = False,
        keep_layers: bool = False,
    ) -> Encoded:
        """Run the layers over right-padded sequences.

        Args:
            inputs: (batch, time, input).
            mask: True at real steps, bool (batch, time); padding stands on the right only.
            state: where an earlier call ended; None starts from zeros.
            final_state: also return the state after each row's last real step.
            keep_layers: also return what each layer hands on.

        Raises:
            ValueError: `inputs` and `mask` differ in shape, `inputs` are of another width, a mask has a hole or a row
                without a real step, or `state` is of another depth.
        """
        lengths = check_mask(inputs, mask)
        if inputs.shape[-1] != self.input_size:  # the fused LSTM kernel would not notice
            raise ValueError(f"inputs must be of width {self.input_size}, not {inputs.shape[-1]}")
        directions = 2 if self.bidirectional else 1
        if state is not None and len(state) != len(self.layers) * directions:
            raise ValueError(f"state must hold {len(self.layers) * directions} layer states, not {len(state)}")
        states: Tensor = self.locked_dropout(inputs)
        after: list[LayerState] = []
        layers: list[Tensor] = []
        for depth, layer in enumerate(self.layers):
            before = None if state is None else state[depth * directions : (depth + 1) * directions]
            states, last = layer(states, lengths, before, final_state=final_state)  # (batch, time, output)
            after.extend(last)
            if depth < len(self.norms):
                states = self.norms[depth](states)
            states = self.locked_dropout(states)
            if keep_layers:
                layers.append(states)
        states = states.masked_fill(~mask.unsqueeze(-1), 0.0)
        return Encoded(states, tuple(after) if final_state else None, tuple(layers))

    def weights_by_depth(self) -> list[list[nn.Parameter]]:
        """Return the weights of each layer, from the top down; a norm belongs to the layer that it follows."""
        owners: list[list[nn.Module]] = [[layer] for layer in self.layers]
        for owner, norm in zip(owners, self.norms, strict=False):
            owner.append(norm)
        return [[weight for part in owner for weight in part.parameters()] for owner in reversed(owners)]


def check_mask(inputs: Tensor, mask: Tensor) -> Tensor:
    """Return the number of real steps of each row, int64 (batch,).

    Raises:
        ValueError: the mask is not bool (batch, time), `inputs` are of another batch or time, a row has no real step,
            or padding stands before a real one.
    """
    if mask.dtype != torch.bool:
        raise ValueError(f"mask must be bool, not {mask.dtype}")
    if inputs.shape[:2] != mask.shape:
        raise ValueError(f"inputs and mask must be of one shape (batch, time), not {inputs.shape} and {mask.shape}")
    lengths = mask.sum(1)
    if bool((lengths == 0).any()):
        raise ValueError(f"row {int((lengths == 0).nonzero()[0])} of the mask has no real step")
    if bool((mask[:, 1:] & ~mask[:, :-1]).any()):
        raise ValueError("the mask has a hole: padding may stand on the right only")
    return lengths
