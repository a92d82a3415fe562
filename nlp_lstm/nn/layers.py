"""The layers that a stack is made of: every kind of cell, in one table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor, nn

from nlp_lstm.nn.minimal import MinLstm
from nlp_lstm.nn.recurrent import LayerState, Recurrence
from nlp_lstm.nn.self_attention import TransformerBlock, Window
from nlp_lstm.nn.unfused import LayerNormLstm, PeepholeLstm

LayerMemory: TypeAlias = LayerState | Window
"""What one layer in one direction hands on to the next call: a record of tensors (batch, …) and Nones."""


class Plan(NamedTuple):
    """What the layers of a stack are to be; `nlp_lstm.nn.stack.Stack` says what each one means."""

    input_size: int
    hidden_size: int
    n_layers: int
    bidirectional: bool = False
    dropout: float = 0.0
    weight_drop: float = 0.0


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

    Args:
        one_way: makes a layer in one direction.
        bidirectional: make a second one to read from the end.
    """

    def __init__(self, one_way: Callable[[], nn.Module], *, bidirectional: bool) -> None:
        super().__init__()
        self.forwards = one_way()
        self.backwards = one_way() if bidirectional else None

    @property
    def n_directions(self) -> int:
        """One or two."""
        return 1 if self.backwards is None else 2

    def forward(
        self,
        inputs: Tensor,
        lengths: Tensor,
        state: tuple[LayerMemory, ...] | None,
        *,
        final_state: bool,
    ) -> tuple[Tensor, tuple[LayerMemory, ...]]:
        """Return the states (batch, time, directions · hidden) and, when asked for, a final state a direction."""
        before = state or (None,) * self.n_directions
        states, last = self.forwards(inputs, lengths, before[0], final_state=final_state)
        if self.backwards is None:
            return states, (last,)
        index = reversal(lengths, inputs.shape[1])
        flipped, first = self.backwards(reorder(inputs, index), lengths, before[1], final_state=final_state)
        return torch.cat([states, reorder(flipped, index)], -1), (last, first)


def _recurrent(cell: str, plan: Plan) -> list[nn.Module]:
    """Return the layers of a cell with a fused kernel."""
    return _stacked(partial(Recurrence, cell=cell, weight_drop=plan.weight_drop), plan)


def _unfused(kind: type[PeepholeLstm] | type[LayerNormLstm], plan: Plan) -> list[nn.Module]:
    """Return the layers of an LSTM without one."""
    return _stacked(partial(kind, weight_drop=plan.weight_drop), plan)


def _minimal(plan: Plan) -> list[nn.Module]:
    """Return the layers of a minLSTM."""
    return _stacked(MinLstm, plan)


def _stacked(one_way: Callable[[int, int], nn.Module], plan: Plan) -> list[nn.Module]:
    """Return layers of which each reads what the one below says, of both directions."""
    widths = [plan.input_size, *[plan.hidden_size * (1 + plan.bidirectional)] * (plan.n_layers - 1)]
    return [
        RecurrentLayer(partial(one_way, width, plan.hidden_size), bidirectional=plan.bidirectional) for width in widths
    ]


def _transformer(plan: Plan) -> list[nn.Module]:
    """Return the blocks of a Transformer."""
    return [
        TransformerBlock(
            plan.input_size,
            plan.hidden_size,
            bidirectional=plan.bidirectional,
            first=depth == 0,
            last=depth == plan.n_layers - 1,
            dropout=plan.dropout,
        )
        for depth in range(plan.n_layers)
    ]


class Cell(NamedTuple):
    """A kind of layer.

    Attributes:
        layers: makes the layers of a plan, from the bottom up. Each takes inputs (batch, time, width), lengths, a
            state for each direction or None, and `final_state`; it returns states and, if asked, such final states. It
            says how many directions stand side by side in a state: `n_directions`.
        memory: the record that a state of one direction is.
        n_tensors: how many tensors are in it.
        unused: options of a stack that it has no use for.
        residual: its layers add to what they read, so that nothing may be dropped between them.
    """

    layers: Callable[[Plan], list[nn.Module]]
    memory: Callable[..., LayerMemory]
    n_tensors: int
    unused: tuple[str, ...] = ()
    residual: bool = False


CELLS = {
    "lstm": Cell(partial(_recurrent, "lstm"), LayerState, 2),
    "gru": Cell(partial(_recurrent, "gru"), LayerState, 1),
    "rnn": Cell(partial(_recurrent, "rnn"), LayerState, 1),
    "peephole_lstm": Cell(partial(_unfused, PeepholeLstm), LayerState, 2),
    "layernorm_lstm": Cell(partial(_unfused, LayerNormLstm), LayerState, 2),
    "minlstm": Cell(_minimal, LayerState, 1, unused=("weight_drop",)),
    "transformer": Cell(_transformer, Window, 4, unused=("weight_drop", "layer_norm"), residual=True),
}
"""Every cell the encoder offers, by name."""


def flatten_state(states: Sequence[LayerMemory]) -> tuple[Tensor, ...]:
    """Return the tensors of some layers' memories, one after the other; they share no memory with the gradient."""
    return tuple(part.detach() for state in states for part in state if part is not None)


def unflatten_state(tensors: Sequence[Tensor], cell: str) -> tuple[LayerMemory, ...] | None:
    """Return what `flatten_state` took apart, of layers with this kind of cell; None of none."""
    size = CELLS[cell].n_tensors
    groups = (tensors[start : start + size] for start in range(0, len(tensors), size))
    return tuple(CELLS[cell].memory(*group) for group in groups) or None


def forget_rows(tensors: Sequence[Tensor], kept: Tensor) -> tuple[Tensor, ...]:
    """Return the tensors of some layers' memories as they are before any token, but for the rows `kept` bool (batch,).

    Zero is nothing to every kind of layer: a block of a Transformer has then seen no token.
    """
    return tuple(part * kept.view(-1, *[1] * (part.dim() - 1)) for part in tensors)
