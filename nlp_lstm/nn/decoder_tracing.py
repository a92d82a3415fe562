"""What the layers of a translator's decoder read at each step, for a look inside them."""

from __future__ import annotations

import torch
from torch import Tensor

from nlp_lstm.nn.decoder import Decoder, DecoderState, Memory
from nlp_lstm.nn.recurrent import LayerState
from nlp_lstm.nn.tracing import Pass


def decoder_passes(decoder: Decoder, ids: Tensor, state: DecoderState, memory: Memory) -> list[Pass]:
    """Return what each layer read and gave, from the bottom up, while the decoder read some tokens.

    The decoder goes step by step: the first layer also reads what the step before handed back.

    Args:
        decoder: in evaluation.
        ids: the tokens, int64 (1, target_time).
        state: where it stood before them.
        memory: what it attends to.
    """
    starts = [LayerState(h, c) for h, c in zip(state.h.unbind(1), state.c.unbind(1), strict=True)]
    read: list[list[Tensor]] = [[] for _ in starts]
    gave: list[list[Tensor]] = [[] for _ in starts]
    embedded = decoder.embedding(ids)  # (1, target_time, embed)
    for token, vector in zip(ids.unbind(1), embedded.unbind(1), strict=True):
        below = torch.cat([vector, state.feed], -1) if decoder.input_feeding else vector
        state = decoder(token.unsqueeze(1), state, memory).state
        for depth, h in enumerate(state.h.unbind(1)):
            read[depth].append(below)
            gave[depth].append(h)
            below = h
    return [
        Pass(torch.stack(inputs, 1), start, torch.stack(states, 1))
        for inputs, start, states in zip(read, starts, gave, strict=True)
    ]
