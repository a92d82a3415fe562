"""A Transformer block open to view: what each token attends to, and what is added to it."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from nlp_lstm.nn.self_attention import WINDOW, TransformerBlock, Window, turn


class OpenedBlock(NamedTuple):
    """What a block made of a row.

    Attributes:
        parts: what it computed at each token, by name, each (time, hidden).
        attention: how much each token attended to each, the mean over heads, (time, time); of what was carried from
            before the row nothing is told, so that rows may sum to less than 1.
    """

    parts: dict[str, Tensor]
    attention: Tensor


def open_block(block: TransformerBlock, inputs: Tensor, before: Window | None) -> OpenedBlock:
    """Return what a block makes of one row, written out with its attention as a table.

    Args:
        block: the block; `nlp_lstm.nn.cells.block_step` has its formulas.
        inputs: what it reads, (1, time, input).
        before: the memory of what was read before; None for nothing.
    """
    if block.enter is not None and block.enter_norm is not None:
        inputs = block.enter_norm(block.enter(inputs))
    q, k, v = block.query_key_value(block.attend_norm(inputs)).chunk(3, -1)  # each (1, time, heads · head)
    if before is not None:
        k, v = torch.cat([before.keys, k], 1), torch.cat([before.values, v], 1)
    q, k, v = (each.unflatten(-1, (block.n_heads, block.head_size)) for each in (q, k, v))  # each (1, …, heads, head)
    weights = _weights(block, q, k, before)  # (heads, time, keys)
    attended = block.gather(torch.einsum("htk,khd->thd", weights, v[0]).flatten(1))  # (time, hidden)
    states = inputs[0] + attended
    fed = block.narrow(functional.gelu(block.widen(block.feed_norm(states))))
    states = states + fed
    if block.leave_norm is not None:
        states = block.leave_norm(states)
    return OpenedBlock({"attended": attended, "fed": fed, "hidden": states}, weights.mean(0)[:, -len(states) :])


def _weights(block: TransformerBlock, q: Tensor, k: Tensor, before: Window | None) -> Tensor:
    """Return how much each token attends to each key in each head, (heads, time, keys)."""
    places = torch.arange(k.shape[1], device=k.device)
    asking = places[-q.shape[1] :].unsqueeze(1)  # (time, 1)
    q, k = turn(q, asking.squeeze(1))[0], turn(k, places)[0]  # each (…, heads, head)
    scores = torch.einsum("thd,khd->htk", q, k) / block.head_size**0.5
    if block.bidirectional:
        return scores.softmax(-1)
    reached = (places <= asking) & (places >= asking - WINDOW)  # (time, keys)
    if before is not None:
        reached[:, : before.seen.shape[1]] &= before.seen[0]
    return scores.masked_fill(~reached, -torch.inf).softmax(-1)
