"""The decoder of a translator: LSTM layers that write a sentence while attending to the one they translate."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from nlp_lstm.nn.attention import ATTENTIONS
from nlp_lstm.nn.dropout import LockedDropout, replace_words
from nlp_lstm.nn.encoder import EMBEDDING_SCALE
from nlp_lstm.nn.feeding import FedLayer, Lookup, run_fed
from nlp_lstm.nn.layers import LayerMemory
from nlp_lstm.nn.recurrent import LayerState, Recurrence


class Memory(NamedTuple):
    """What the decoder reads of source sentences, prepared once.

    Attributes:
        keys: what states are scored against, (sentences, source_time, hidden).
        values: what the attention weights average, (sentences, source_time, hidden).
        mask: True at real source tokens, bool (sentences, source_time).
    """

    keys: Tensor
    values: Tensor
    mask: Tensor

    def select(self, rows: Tensor) -> Memory:
        """Return the rows of the given numbers, int64 (any count,), in their order."""
        return Memory(*(part.index_select(0, rows) for part in self))


class DecoderState(NamedTuple):
    """Where the decoder stands in each row.

    Attributes:
        h: hidden state of each layer, (rows, layers, hidden).
        c: cell state of each layer, (rows, layers, hidden).
        feed: the last attentional vector, zero before the first, (rows, hidden).
    """

    h: Tensor
    c: Tensor
    feed: Tensor

    def select(self, rows: Tensor) -> DecoderState:
        """Return the rows of the given numbers, int64 (any count,), in their order."""
        return DecoderState(*(part.index_select(0, rows) for part in self))


class Decoded(NamedTuple):
    """What the decoder says of target sentences.

    Attributes:
        features: what the output layer reads at each step, (rows, target_time, hidden).
        state: where each row stands after the last step, padding or not.
        weights: attention weights, float32 (rows, target_time, source_time).
    """

    features: Tensor
    state: DecoderState
    weights: Tensor


class Step(NamedTuple):
    """What the decoder says of one more token in each row.

    Attributes:
        logits: scores of the next token, float32 (rows, vocab).
        state: where each row stands now.
        weights: attention weights, float32 (rows, source_time).
    """

    logits: Tensor
    state: DecoderState
    weights: Tensor


class Decoder(nn.Module):
    """Scores each next token of a translation, given the ones before it and the source sentence.

        h_t = LSTM([x_t; a_{t−1}], h_{t−1});  a_t = tanh(W_c [context_t; h_t]);  logits_t = E a_t

    x: target embeddings; h: the top layer's state; context: what attention finds for h_t; a: attentional vector; E: the
    target embeddings again where they are tied. Source: Luong et al. 2015, equations 5 and 6 and section 3.3 (input
    feeding, the a_{t−1} above); tied embeddings: Press & Wolf 2017. W_c stands here as two matrices, of which the
    context's is applied to the memory once a source sentence.

    Args:
        vocab_size: rows of the target embedding table.
        embed_size: width of an embedding.
        hidden_size: width of each layer's state and of the attentional vector.
        memory_size: width of the encoder's states, both directions together.
        n_layers: how many layers are stacked.
        attention: a key of `ATTENTIONS`.
        input_feeding: the first layer also reads the attentional vector of the step before.
        tied: the output layer's weights are the target embeddings; where the widths differ, a projection to the
            embeddings' width stands before it.
        dropout: locked dropout on embeddings, between layers and on attentional vectors, fed or read out.
        word_dropout: probability of replacing an input token by the unknown word, the first one of a row excepted.
        weight_drop: probability of dropping a hidden-to-hidden weight for a batch.
        layer_norm: normalise the attentional vector before it is read out.
        unknown_id: the id of the unknown word.

    Probabilities lie in [0, 1) and act in training only.
    """

    def __init__(
        self,
        vocab_size: int,
        embed_size: int,
        hidden_size: int,
        memory_size: int,
        *,
        n_layers: int = 1,
        attention: str = "multiplicative",
        input_feeding: bool = True,
        tied: bool = True,
        dropout: float = 0.0,
        word_dropout: float = 0.0,
        weight_drop: float = 0.0,
        layer_norm: bool = False,
        unknown_id: int = 1,
    ) -> None:
        super().__init__()
        if n_layers < 1:
            raise ValueError(f"n_layers must be at least 1, not {n_layers}")
        if attention not in ATTENTIONS:
            raise ValueError(f"attention must be one of {', '.join(ATTENTIONS)}, not {attention!r}")
        self.memory_size = memory_size
        self.input_feeding = input_feeding
        self.word_dropout = word_dropout
        self.unknown_id = unknown_id
        self.embedding = nn.Embedding(vocab_size, embed_size)
        with torch.no_grad():
            self.embedding.weight.mul_(EMBEDDING_SCALE)
        first_size = embed_size + (hidden_size if input_feeding else 0)
        self.layers = nn.ModuleList(
            Recurrence(hidden_size if layer else first_size, hidden_size, weight_drop=weight_drop)
            for layer in range(n_layers)
        )
        self.bridge_h = nn.ModuleList(nn.Linear(memory_size, hidden_size) for _ in range(n_layers))
        self.bridge_c = nn.ModuleList(nn.Linear(memory_size, hidden_size) for _ in range(n_layers))
        self.attention = ATTENTIONS[attention](hidden_size, memory_size)
        self.read_memory = nn.Linear(memory_size, hidden_size, bias=False)  # the left half of W_c
        self.read_state = nn.Linear(hidden_size, hidden_size, bias=False)  # the right half of W_c
        self.norm = nn.LayerNorm(hidden_size) if layer_norm else None
        self.project = nn.Linear(hidden_size, embed_size, bias=False) if tied and embed_size != hidden_size else None
        self.output = None if tied else nn.Linear(hidden_size, vocab_size, bias=False)
        self.locked_dropout = LockedDropout(dropout)

    def prepare(self, states: Tensor, mask: Tensor) -> Memory:
        """Return what is read of source sentences at every step.

        Args:
            states: the encoder's, (rows, source_time, memory), zero at padding.
            mask: True at real tokens, bool (rows, source_time); each row has one.

        Raises:
            ValueError: `states` are of another width.
        """
        if states.shape[-1] != self.memory_size:
            raise ValueError(f"the encoder's states must be {self.memory_size} wide, not {states.shape[-1]}")
        return Memory(self.attention.prepare(states), self._own_type(self.read_memory(states)), mask)

    def start(self, final: Sequence[LayerMemory]) -> DecoderState:
        """Return where the decoder starts: for each layer h_0 = tanh(W h + b) and c_0 = tanh(V c + d).

        Each layer reads the encoder's layer of the same number, or its last one where the encoder has fewer. A kind of
        layer without a cell state gives its hidden state for both.

        Args:
            final: the encoder's final states, for each layer and direction.

        Raises:
            ValueError: the directions of a layer together are not as wide as the memory.
        """
        n_directions, rest = divmod(self.memory_size, final[0].h.shape[-1])
        if rest or not n_directions or len(final) % n_directions:
            raise ValueError(f"the directions' final states must together be {self.memory_size} wide")
        hs, cs = [], []
        for depth, (bridge_h, bridge_c) in enumerate(zip(self.bridge_h, self.bridge_c, strict=True)):
            first = min(depth * n_directions, len(final) - n_directions)
            layer = final[first : first + n_directions]
            h = torch.cat([part.h for part in layer], -1)  # (rows, memory)
            c = torch.cat([part.h if part.c is None else part.c for part in layer], -1)
            hs.append(self._own_type(bridge_h(h)).tanh())
            cs.append(self._own_type(bridge_c(c)).tanh())
        return DecoderState(torch.stack(hs, 1), torch.stack(cs, 1), torch.zeros_like(hs[0]))

    def forward(self, ids: Tensor, state: DecoderState, memory: Memory) -> Decoded:
        """Read given target tokens, the state after each of them telling of the next (teacher forcing).

        Args:
            ids: int64 (rows, target_time); padding stands on the right only and may hold any id.
            state: where the rows stand before the first of them.
            memory: what `prepare` returned; each of its sentences is read by equally many rows, which lie together.

        Raises:
            ValueError: `ids` and `state` differ in rows, or these are no multiple of the memory's sentences.
        """
        if len(ids) != len(state.feed) or not len(memory.mask) or len(ids) % len(memory.mask):
            raise ValueError(
                f"ids and state must have as many rows, a multiple of the memory's sentences, not {len(ids)}, "
                f"{len(state.feed)} and {len(memory.mask)}"
            )
        keep = self._draw_dropout(state.feed)
        run = self._run_fed if self.input_feeding else self._run_apart
        decoded = run(self._embed(ids), state, memory, keep)
        features = decoded.features if self.norm is None else self.norm(decoded.features)
        return decoded._replace(features=features if keep is None else features * keep.unsqueeze(1))

    def step(self, ids: Tensor, state: DecoderState, memory: Memory) -> Step:
        """Read one more token in each row, int64 (rows,); all else as in `forward`."""
        features, after, weights = self(ids.unsqueeze(1), state, memory)
        with torch.autocast(features.device.type, enabled=False):  # eight bits would make ties of close scores
            logits = self.logits(self._own_type(features.squeeze(1)))
        return Step(logits, after, weights.squeeze(1))

    def logits(self, features: Tensor) -> Tensor:
        """Return the scores of the next token, (..., vocab), of any selection of `features` (..., hidden)."""
        read = features if self.project is None else self.project(features)
        return functional.linear(read, (self.embedding if self.output is None else self.output).weight)

    def _embed(self, ids: Tensor) -> Tensor:
        """Return what the first layer reads, (rows, target_time, embed)."""
        if self.training and self.word_dropout > 0.0:
            behind = torch.ones_like(ids, dtype=torch.bool)
            behind[:, 0] = False  # the sign that begins a sentence
            ids = replace_words(ids, behind, self.word_dropout, self.unknown_id)
        embedded: Tensor = self.locked_dropout(self.embedding(ids))
        return embedded

    def _draw_dropout(self, like: Tensor | None) -> Tensor | None:
        """Return one factor a channel and row, (rows, hidden), shaped as `like`; None where nothing is dropped."""
        if like is None or not self.training or self.locked_dropout.probability == 0.0:
            return None
        keep: Tensor = self.locked_dropout(torch.ones_like(like).unsqueeze(1))
        return keep.squeeze(1)

    def _run_fed(self, embedded: Tensor, state: DecoderState, memory: Memory, keep: Tensor | None) -> Decoded:
        """Run with input feeding; the features are the attentional vectors, which lose what `keep` drops when fed."""
        lookup = Lookup(self.attention, *memory, self.read_state.weight)
        h, c = state.h.transpose(0, 1), state.c.transpose(0, 1)  # (layers, rows, hidden)
        fed = run_fed(self._fed_layers(embedded, keep), lookup, h, c, state.feed)
        after = DecoderState(fed.h.transpose(0, 1), fed.c.transpose(0, 1), fed.vectors[-1])
        return Decoded(fed.vectors.transpose(0, 1), after, fed.weights.transpose(0, 1))

    def _fed_layers(self, embedded: Tensor, keep: Tensor | None) -> list[FedLayer]:
        """Return the layers for the loop, with all that needs no loop done; `keep` falls on the first one's feed."""
        layers: list[FedLayer] = []
        for layer in cast(Iterable[Recurrence], self.layers):
            bias, below = layer.bias_ih + layer.bias_hh, layer.weight_ih
            if layers:
                gates = bias.expand_as(layers[0].gates)
                keep = self._draw_dropout(keep)
            else:
                from_input, below = layer.weight_ih.split([embedded.shape[-1], layer.hidden_size], 1)
                gates = self._own_type(functional.linear(embedded.transpose(0, 1), from_input, bias))
            weight_hh = functional.dropout(layer.weight_hh, layer.weight_drop, self.training)
            layers.append(FedLayer(gates, below, weight_hh, keep))
        return layers

    def _run_apart(self, embedded: Tensor, state: DecoderState, memory: Memory, keep: Tensor | None) -> Decoded:
        """Run without input feeding; the features are the attentional vectors, all of them."""
        states, after = embedded, []
        lengths = torch.full((len(embedded),), embedded.shape[1], device=embedded.device)
        for depth, layer in enumerate(self.layers):
            states = self.locked_dropout(states) if depth else states
            before = LayerState(state.h[:, depth].contiguous(), state.c[:, depth].contiguous())
            states, last = layer(states, lengths, before, final_state=True)  # (rows, target_time, hidden)
            after.append(last)
        context, weights = self.attention(states, memory.values, memory.keys, memory.mask)
        vectors = torch.tanh(context + self.read_state(states))  # (rows, target_time, hidden)
        h, c = (self._own_type(torch.stack(parts, 1)) for parts in zip(*after, strict=True))
        return Decoded(vectors, DecoderState(h, c, vectors[:, -1]), weights)

    def _own_type(self, tensor: Tensor) -> Tensor:
        """Return a tensor in the type of the weights, whatever autocast made of it."""
        return tensor.to(self.embedding.weight.dtype)
