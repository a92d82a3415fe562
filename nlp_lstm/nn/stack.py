"""Stacked layers over vectors: what every task shares, whatever is read."""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from nlp_lstm.nn.dropout import LockedDropout
from nlp_lstm.nn.layers import CELLS, LayerMemory, Plan


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
    state: tuple[LayerMemory, ...] | None
    layers: tuple[Tensor, ...]


class Stack(nn.Module):
    """Stacked layers, one- or two-way, over a vector at each step.

    Args:
        input_size: width of what the first layer reads.
        hidden_size: width of each layer's state in each direction; a Transformer's block reads both ways at once.
        n_layers: how many layers are stacked.
        cell: a key of `CELLS`.
        bidirectional: read each row from both ends.
        dropout: locked dropout on the input, between the layers and on the last layer's output; layers that add to what
            they read drop of what they add instead, and nothing between them.
        weight_drop: probability of dropping a hidden-to-hidden weight for a batch (recurrent dropout).
        layer_norm: normalise the states between layers.

    Probabilities lie in [0, 1) and act in training only.

    Raises:
        ValueError: there is no such cell, or it has no use for an option.
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
        if cell not in CELLS:
            raise ValueError(f"cell must be one of {', '.join(CELLS)}, not {cell!r}")
        given = {"weight_drop": weight_drop, "layer_norm": layer_norm}
        for name in CELLS[cell].unused:
            if given[name]:
                raise ValueError(f"{name} must be 0 for {cell}, not {given[name]}")
        self.bidirectional = bidirectional
        self.cell = cell
        self.input_size, self.hidden_size = input_size, hidden_size
        plan = Plan(input_size, hidden_size, n_layers, bidirectional, dropout, weight_drop)
        self.layers = nn.ModuleList(CELLS[cell].layers(plan))
        self.n_directions = cast(int, self.layers[0].n_directions)
        self.output_size = hidden_size * self.n_directions
        self.norms = nn.ModuleList(nn.LayerNorm(self.output_size) for _ in range(n_layers - 1) if layer_norm)
        self.locked_dropout = LockedDropout(dropout)

    def forward(
        self,
        inputs: Tensor,
        mask: Tensor,
        state: tuple[LayerMemory, ...] | None = None,
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
        directions, apart = self.n_directions, not CELLS[self.cell].residual
        if state is not None and len(state) != len(self.layers) * directions:
            raise ValueError(f"state must hold {len(self.layers) * directions} layer states, not {len(state)}")
        states: Tensor = self.locked_dropout(inputs)
        after: list[LayerMemory] = []
        layers: list[Tensor] = []
        for depth, layer in enumerate(self.layers):
            before = None if state is None else state[depth * directions : (depth + 1) * directions]
            states, last = layer(states, lengths, before, final_state=final_state)  # (batch, time, output)
            after.extend(last)
            if depth < len(self.norms):
                states = self.norms[depth](states)
            if apart or depth == len(self.layers) - 1:
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
