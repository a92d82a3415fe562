"""The Transformer block: what an LSTM layer is to be compared with."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from nlp_lstm.nn.cells import NORM_EPSILON, BlockWeights
from nlp_lstm.nn.recurrent import at_last

WINDOW = 256
"""How many earlier tokens a token attends to when nothing is read backwards."""
SLOWEST_TURN = 1e4
"""The angle of the slowest pair of channels is a token's place divided by nearly this; as in the paper."""
WIDENING = 4
"""How many times as wide as the state the feed-forward network is inside; as in the paper."""


class Window(NamedTuple):
    """The memory of one block that reads from left to right: the last tokens it read, at most `WINDOW` of them.

    Attributes:
        h: what the block made of the last token, (batch, hidden).
        keys: of those tokens, the last one on the right, (batch, tokens, heads · head).
        values: like `keys`.
        seen: False where a row has read fewer tokens, bool (batch, tokens).
    """

    h: Tensor
    keys: Tensor
    values: Tensor
    seen: Tensor

    @property
    def c(self) -> None:
        """A block has no cell state."""

    def check(self, batch: int, width: int) -> None:
        """See that a block of so many rows and channels, heads together, can go on from here.

        Raises:
            ValueError: it cannot.
        """
        shape = (batch, self.seen.shape[-1], width)
        if self.seen.shape != shape[:2] or self.keys.shape != shape or self.values.shape != shape:
            found = f"{tuple(self.keys.shape)}, {tuple(self.values.shape)} and {tuple(self.seen.shape)}"
            raise ValueError(
                f"state keys, values and seen must be of shapes {shape}, {shape} and {shape[:2]}, not {found}"
            )


class TransformerBlock(nn.Module):
    """Self-attention and a feed-forward network, each added to what it reads; `block_step` has the formulas.

    A two-way block lets each token attend to all of its row. A one-way block lets it attend to itself and to the
    `WINDOW` tokens before it, so the cost grows with the text's length, not with its square, and a text in chunks gives
    what the whole text gives: the keys and values of the last `WINDOW` tokens are all that has to be carried. But that
    is all it can remember: through n blocks a token has heard of at most n · `WINDOW` earlier ones, while a recurrent
    state has no such bound. And the carried memory is that many times larger than an LSTM's.

    Four heads, or one for every 64 channels where those are more; channels of a head are rounded up to an even number.

    Args:
        input_size: width of the input. The first block of a stack makes states of it by a matrix and a norm.
        hidden_size: width of the states.
        bidirectional: attend to later tokens too.
        first: whether the block is the first one.
        last: whether it is the last one, behind which stands a norm, as norms stand before all else.
        dropout: probability of dropping a number of what is added.
    """

    n_directions = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        bidirectional: bool = False,
        first: bool = True,
        last: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.hidden_size, self.bidirectional, self.dropout = hidden_size, bidirectional, dropout
        self.n_heads = max(4, hidden_size // 64)
        self.head_size = 2 * -(-hidden_size // (2 * self.n_heads))
        width = self.n_heads * self.head_size
        self.enter = nn.Linear(input_size, hidden_size) if first else None
        self.enter_norm = nn.LayerNorm(hidden_size, eps=NORM_EPSILON) if first else None
        self.attend_norm = nn.LayerNorm(hidden_size, eps=NORM_EPSILON)
        self.query_key_value = nn.Linear(hidden_size, 3 * width)
        self.gather = nn.Linear(width, hidden_size)
        self.feed_norm = nn.LayerNorm(hidden_size, eps=NORM_EPSILON)
        self.widen = nn.Linear(hidden_size, WIDENING * hidden_size)
        self.narrow = nn.Linear(WIDENING * hidden_size, hidden_size)
        self.leave_norm = nn.LayerNorm(hidden_size, eps=NORM_EPSILON) if last else None
        for each in self.children():
            if isinstance(each, nn.Linear):
                nn.init.xavier_uniform_(each.weight)
                nn.init.zeros_(each.bias)

    def weights(self) -> BlockWeights:
        """Return the weights as the written-out block takes them."""
        parts = (self.attend_norm, self.query_key_value, self.gather, self.feed_norm, self.widen, self.narrow)
        return BlockWeights(*((part.weight, part.bias) for part in parts))

    def forward(
        self, inputs: Tensor, lengths: Tensor, state: tuple[Window, ...] | None = None, *, final_state: bool = False
    ) -> tuple[Tensor, tuple[Window | None, ...]]:
        """Run the block over right-padded sequences.

        Args:
            inputs: (batch, time, input).
            lengths: real steps of each row, int64 (batch,), each at least 1.
            state: where an earlier call of a one-way block ended; None starts from nothing.
            final_state: also return the state after each row's last real step. That of a two-way block has no tokens:
                nothing can go on from it.

        Returns:
            The states (batch, time, hidden), meaningless at padding, and the final state or None.

        Raises:
            ValueError: `state` is of another shape, or the block reads both ways.
        """
        if state and self.bidirectional:
            raise ValueError("a two-way Transformer has read nothing before: it takes no state")
        if self.enter is not None and self.enter_norm is not None:
            inputs = self.enter_norm(self.enter(inputs))
        q, k, v = self.query_key_value(self.attend_norm(inputs)).chunk(3, -1)  # each (batch, time, heads · head)
        before = state[0] if state else None
        if before is not None:
            before.check(len(inputs), k.shape[-1])
            k, v = torch.cat([before.keys.to(k.dtype), k], 1), torch.cat([before.values.to(v.dtype), v], 1)
        context = self._gather(q, k, v, lengths, before)
        states = inputs + self._drop(self.gather(context))
        states = states + self._drop(self.narrow(functional.gelu(self.widen(self.feed_norm(states)))))
        if self.leave_norm is not None:
            states = self.leave_norm(states)
        return states, (self._window(states, k, v, lengths, before) if final_state else None,)

    def _drop(self, added: Tensor) -> Tensor:
        return functional.dropout(added, self.dropout, self.training)

    def _gather(self, q: Tensor, k: Tensor, v: Tensor, lengths: Tensor, before: Window | None) -> Tensor:
        """Return what the heads gather, (batch, time, heads · head), for queries at the last places among the keys."""
        places = torch.arange(k.shape[1], device=k.device)
        q, k, v = (each.unflatten(-1, (self.n_heads, self.head_size)) for each in (q, k, v))
        q, k = turn(q, places[-q.shape[1] :]), turn(k, places)
        q, k, v = (each.transpose(1, 2) for each in (q, k, v))  # each (batch, heads, tokens, head)
        found = self._attend_both_ways(q, k, v, lengths) if self.bidirectional else self._attend_back(q, k, v, before)
        return found.transpose(1, 2).flatten(2)

    def _attend_both_ways(self, q: Tensor, k: Tensor, v: Tensor, lengths: Tensor) -> Tensor:
        """Return what each head gathers from all real tokens, (batch, heads, time, head)."""
        places = torch.arange(q.shape[2], device=q.device)
        mask = None if bool((lengths == len(places)).all()) else (places < lengths.unsqueeze(1))[:, None, None]
        return functional.scaled_dot_product_attention(q, k, v, mask)

    def _attend_back(self, q: Tensor, k: Tensor, v: Tensor, before: Window | None) -> Tensor:
        """Return what each head gathers, (batch, heads, time, head), for each token from itself and those before it.

        The tokens go through in groups, for none of which more keys are looked at than it may attend to.
        """
        n_before = k.shape[2] - q.shape[2]
        found = []
        for start in range(0, q.shape[2], WINDOW):
            own = q[:, :, start : start + WINDOW]
            first, end = max(0, n_before + start - WINDOW), n_before + start + own.shape[2]
            asking = torch.arange(n_before + start, end, device=q.device).unsqueeze(1)
            asked = torch.arange(first, end, device=q.device)
            mask = (asked <= asking) & (asked >= asking - WINDOW)  # (group, keys)
            if before is not None and first < n_before:
                seen = torch.cat([before.seen[:, first:], before.seen.new_ones(len(q), end - n_before)], 1)
                mask = mask & seen[:, None, None]  # (batch, 1, group, keys)
            found.append(functional.scaled_dot_product_attention(own, k[:, :, first:end], v[:, :, first:end], mask))
        return found[0] if len(found) == 1 else torch.cat(found, 2)

    def _window(self, states: Tensor, k: Tensor, v: Tensor, lengths: Tensor, before: Window | None) -> Window:
        """Return the memory after each row's last real token."""
        n_before = 0 if before is None else before.seen.shape[1]
        size = 0 if self.bidirectional else min(WINDOW, k.shape[1])
        ends = n_before + lengths.unsqueeze(1)  # (batch, 1)
        places = ends - size + torch.arange(size, device=k.device)  # (batch, size)
        seen = places >= 0
        places = places.clamp(min=0)
        if before is not None:
            known = torch.cat([before.seen, seen.new_ones(len(k), k.shape[1] - n_before)], 1)
            seen = seen & known.gather(1, places)
        index = places.unsqueeze(-1).expand(-1, -1, k.shape[-1])
        return Window(at_last(states, lengths), k.gather(1, index), v.gather(1, index), seen)


def turn(heads: Tensor, places: Tensor) -> Tensor:
    """Return queries or keys turned by their places, so that products depend on distances alone.

    Args:
        heads: (batch, tokens, heads, head), in which channels m and m + head / 2 are a pair.
        places: int64 (tokens,).

    Source: Su et al. 2021 (RoFormer), section 3.2.2.
    """
    size = heads.shape[-1]
    pair = torch.arange(0, size, 2, dtype=torch.float64, device=heads.device)
    angles = places.unsqueeze(1) * SLOWEST_TURN ** (-pair / size)  # (tokens, head / 2)
    cosines = torch.cat([angles.cos()] * 2, -1).to(heads.dtype).unsqueeze(1)  # (tokens, 1, head)
    sines = torch.cat([-angles.sin(), angles.sin()], -1).to(heads.dtype).unsqueeze(1)
    return torch.addcmul(heads * cosines, heads.roll(size // 2, -1), sines)
