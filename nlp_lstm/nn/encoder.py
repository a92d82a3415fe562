"""The shared encoder: token ids → embeddings → stacked recurrent layers → a state for every token."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from nlp_lstm.nn.dropout import LockedDropout, replace_words, word_type_scale
from nlp_lstm.nn.recurrent import LayerState, Recurrence

EMBEDDING_SCALE = 0.1
"""Standard deviation of a new embedding. At torch's 1.0 a rare word, whose row hardly moves in training, stays loud
noise: SST-2 dev accuracy was 0.82 with it and 0.85 with this."""


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


class Encoder(nn.Module):
    """Embedding and stacked recurrent layers, shared by every task.

    Args:
        vocab_size: rows of the embedding table.
        embed_size: width of an embedding.
        hidden_size: width of each layer's state in each direction.
        n_layers: how many layers are stacked.
        cell: `lstm`, `gru` or `rnn`.
        bidirectional: read each row from both ends.
        dropout: locked dropout on each layer's input and on the last layer's output.
        embedding_dropout: probability of dropping a word type in a whole batch.
        word_dropout: probability of replacing a token by the unknown word.
        weight_drop: probability of dropping a hidden-to-hidden weight for a batch (recurrent dropout).
        layer_norm: normalise the states between layers.
        extra_size: width of what a task knows of each token besides its id, such as its spelling; the first layer
            reads it beside the embedding.
        pad_id: the id of padding; its embedding is zero and is not trained.
        unknown_id: the id of the unknown word.

    Probabilities lie in [0, 1) and act in training only.
    """

    def __init__(
        self,
        vocab_size: int,
        embed_size: int,
        hidden_size: int,
        *,
        n_layers: int = 1,
        cell: str = "lstm",
        bidirectional: bool = False,
        dropout: float = 0.0,
        embedding_dropout: float = 0.0,
        word_dropout: float = 0.0,
        weight_drop: float = 0.0,
        layer_norm: bool = False,
        extra_size: int = 0,
        pad_id: int = 0,
        unknown_id: int = 1,
    ) -> None:
        super().__init__()
        if n_layers < 1:
            raise ValueError(f"n_layers must be at least 1, not {n_layers}")
        self.bidirectional = bidirectional
        self.cell = cell
        self.output_size = hidden_size * (2 if bidirectional else 1)
        self.embedding_dropout = embedding_dropout
        self.word_dropout = word_dropout
        self.unknown_id = unknown_id
        self.extra_size = extra_size
        self.embedding = nn.Embedding(vocab_size, embed_size, padding_idx=pad_id)
        with torch.no_grad():
            self.embedding.weight.mul_(EMBEDDING_SCALE)
        self.layers = nn.ModuleList(
            RecurrentLayer(
                embed_size + extra_size if layer == 0 else self.output_size,
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
        ids: Tensor,
        mask: Tensor,
        state: tuple[LayerState, ...] | None = None,
        *,
        extra: Tensor | None = None,
        final_state: bool = False,
        keep_layers: bool = False,
    ) -> Encoded:
        """Encode padded token ids.

        Args:
            ids: token ids, int64 (batch, time); padding holds the vocabulary's pad id.
            mask: True at real tokens, bool (batch, time); padding stands on the right only.
            state: where an earlier call ended; None starts from zeros.
            extra: what is known of each token besides its id, (batch, time, extra_size).
            final_state: also return the state after each row's last real token.
            keep_layers: also return what each layer hands on.

        Raises:
            ValueError: `ids` and `mask` differ in shape, a mask has a hole or a row without a real token,
                `state` is of another depth, or `extra` is of another width than `extra_size`.
        """
        lengths = check_mask(ids, mask)
        directions = 2 if self.bidirectional else 1
        if state is not None and len(state) != len(self.layers) * directions:
            raise ValueError(f"state must hold {len(self.layers) * directions} layer states, not {len(state)}")
        states = self.embed(ids, mask, extra)  # (batch, time, embed + extra)
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

    def embed(self, ids: Tensor, mask: Tensor, extra: Tensor | None = None) -> Tensor:
        """Return what the first layer reads, (batch, time, embed + extra), with the word dropouts of training.

        Raises:
            ValueError: `extra` is of another width than `extra_size`; the fused LSTM kernel would not notice.
        """
        width = 0 if extra is None else extra.shape[-1]
        if width != self.extra_size:
            raise ValueError(f"extra must be of width {self.extra_size}, not {width}")
        if self.training and self.word_dropout > 0.0:
            ids = replace_words(ids, mask, self.word_dropout, self.unknown_id)
        embedded = self.embedding(ids)  # (batch, time, embed)
        if self.training and self.embedding_dropout > 0.0:
            embedded = embedded * word_type_scale(self.embedding.num_embeddings, ids, self.embedding_dropout)
        if extra is not None:
            embedded = torch.cat([embedded, extra], -1)  # (batch, time, embed + extra)
        dropped: Tensor = self.locked_dropout(embedded)
        return dropped


def check_mask(ids: Tensor, mask: Tensor) -> Tensor:
    """Return the number of real tokens of each row, int64 (batch,).

    Raises:
        ValueError: the mask is not bool, the shapes differ, a row has no real token, or padding
            stands before a real token.
    """
    if mask.dtype != torch.bool:
        raise ValueError(f"mask must be bool, not {mask.dtype}")
    if ids.shape != mask.shape or ids.dim() != 2:
        raise ValueError(f"ids and mask must be of one shape (batch, time), not {ids.shape} and {mask.shape}")
    lengths = mask.sum(1)
    if bool((lengths == 0).any()):
        raise ValueError(f"row {int((lengths == 0).nonzero()[0])} of the mask has no real token")
    if bool((mask[:, 1:] & ~mask[:, :-1]).any()):
        raise ValueError("the mask has a hole: padding may stand on the right only")
    return lengths
