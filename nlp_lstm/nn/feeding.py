"""The loop of input feeding: LSTM layers that read what attention made of the step before, and its derivative by hand.

Autograd would add up the gradient of every weight step by step; here each is one product after the loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from nlp_lstm.nn.attention import Attention
from nlp_lstm.nn.gate_steps import step_lstm, step_lstm_back
from nlp_lstm.nn.machine_code import in_loops
from nlp_lstm.nn.squashing import squashing

_sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input
_tanh_backward = torch.ops.aten.tanh_backward.grad_input
_softmax_backward = torch.ops.aten._softmax_backward_data.default


class FedLayer(NamedTuple):
    """One LSTM layer of the loop.

    Attributes:
        gates: what of its gates does not depend on the loop, (target_time, rows, 4 · hidden): the biases, and in the
            first layer the product with the embeddings.
        weight_below: for what the loop feeds it, (4 · hidden, hidden): the attentional vector of the step before, or
            the state of the layer below.
        weight_hh: for its own state, (4 · hidden, hidden).
        keep: locked dropout of what the loop feeds it, (rows, hidden), or None.
    """

    gates: Tensor
    weight_below: Tensor
    weight_hh: Tensor
    keep: Tensor | None


class Lookup(NamedTuple):
    """What the loop reads of the source sentence, and how.

    Attributes:
        attention: scores the top layer's state against the keys.
        keys: its keys, (sentences, source_time, hidden); each is read by equally many rows, which lie together.
        values: what its weights average, (sentences, source_time, hidden).
        mask: True at real source tokens, bool (sentences, source_time).
        weight: for the top layer's own state, (hidden, hidden).
    """

    attention: Attention
    keys: Tensor
    values: Tensor
    mask: Tensor
    weight: Tensor


class Fed(NamedTuple):
    """What the loop made.

    Attributes:
        vectors: attentional vectors, (target_time, rows, hidden).
        weights: attention weights, (target_time, rows, source_time).
        h: hidden state of each layer after the last step, (layers, rows, hidden).
        c: cell state of each layer after the last step, (layers, rows, hidden).
    """

    vectors: Tensor
    weights: Tensor
    h: Tensor
    c: Tensor


def run_fed(layers: Sequence[FedLayer], lookup: Lookup, h: Tensor, c: Tensor, feed: Tensor) -> Fed:
    """Run the loop over all target steps.

        h_t = LSTM([x_t; a_{t−1}], h_{t−1});  α_t = softmax_j score(h_t, key_j);  a_t = tanh(Σ_j α_tj value_j + W h_t)

    x: embeddings; h: the top layer's state; a: attentional vector. Source: Luong et al. 2015, equation 5 and
    section 3.3, with the context's half of W_c applied to the memory beforehand. Under autocast the products with
    weights take its type; all else keeps the type of `h`.

    Args:
        layers: from the bottom up.
        lookup: what is read of the source sentence.
        h: hidden state of each layer before the first step, (layers, rows, hidden).
        c: cell state of each layer, like `h`.
        feed: the attentional vector before the first step, (rows, hidden).
    """
    device = h.device.type
    product = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else h.dtype
    keeps = [layer.keep for layer in layers]
    given = [tensor for layer in layers for tensor in layer[:3]]
    parameters = tuple(lookup.attention.parameters())
    return Fed(*_Loop.apply(keeps, product, *lookup, h, c, feed, *given, *parameters))  # type: ignore[no-untyped-call]


class _Loop(torch.autograd.Function):
    """The loop as one operation."""

    @staticmethod
    def forward(
        context: Any,
        keeps: list[Tensor | None],
        product: torch.dtype,
        attention: Attention,
        keys: Tensor,
        values: Tensor,
        mask: Tensor,
        weight: Tensor,
        h: Tensor,
        c: Tensor,
        feed: Tensor,
        *tensors: Tensor,
    ) -> tuple[Tensor, ...]:
        given = [tensors[3 * depth : 3 * depth + 3] for depth in range(len(keeps))]
        kind = _CompiledLayer if in_loops(h) else _Layer
        layers = [kind(*parts, product=product) for parts in zip(given, keeps, h.unbind(), c.unbind(), strict=True)]
        context.run = _Run(layers, Lookup(attention, keys, values, mask, weight), feed, product=product)
        with torch.autocast(h.device.type, enabled=False):
            return context.run.forward()

    @staticmethod
    @once_differentiable
    def backward(context: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:
        with torch.autocast(slopes[0].device.type, enabled=False):
            return (None, None, None, *context.run.backward(*slopes))


class _Run:
    """One run of the loop, with all that its derivative needs."""

    def __init__(self, layers: list[_Layer], lookup: Lookup, feed: Tensor, *, product: torch.dtype) -> None:
        self.layers, self.lookup, self.feed = layers, lookup, feed
        sentences, source_time = lookup.mask.shape
        self.shape = (sentences, len(feed) // sentences)  # of rows
        self.vectors = torch.empty_like(layers[-1].squashed)  # (target_time, rows, hidden)
        self.weights = feed.new_empty(len(self.vectors), *self.shape, source_time)
        asking = lookup.attention.query
        self.weight, self.asking = lookup.weight.to(product), None if asking is None else asking.weight.to(product)
        self.asked = layers[-1].h[1:] if asking is None else torch.empty_like(self.vectors)

    def forward(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the fields of `Fed`; tensors that are kept go out as aliases, as an output knows its history."""
        attention, keys, values, mask, _ = self.lookup
        padding, state = ~mask.unsqueeze(1), self.feed
        for t, (vector, share) in enumerate(zip(self.vectors.unbind(), self.weights.unbind(), strict=True)):
            for layer in self.layers:
                state = layer.step(t, state)
            read = state.to(self.weight.dtype)
            own = read @ self.weight.T  # (rows, hidden)
            if self.asking is not None:
                self.asked[t] = read @ self.asking.T
            scores = attention.scores(self.asked[t].unflatten(0, self.shape), keys).masked_fill_(padding, float("-inf"))
            torch.softmax(scores, -1, out=share)  # (sentences, rows of each, source_time)
            state = torch.add(torch.bmm(share, values).flatten(0, 1), own, out=vector).tanh_()
        h = torch.stack([layer.h[-1] for layer in self.layers])
        c = torch.stack([layer.c[-1] for layer in self.layers])
        return self.vectors.detach(), self.weights.flatten(1, 2).detach(), h, c

    def backward(self, d_vectors: Tensor, d_shares: Tensor, d_h: Tensor, d_c: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of keys, values, mask, weight, h, c, feed, the layers' tensors and the parameters."""
        attention, keys, values, *_ = self.lookup
        queries = self.layers[-1].h[1:]  # (target_time, rows, hidden)
        across, d_shares = values.transpose(1, 2), d_shares.unflatten(1, self.shape)
        slopes, d_scores = torch.empty_like(self.vectors), torch.empty_like(self.weights)
        d_asked = torch.empty_like(self.asked)
        for layer, last_h, last_c in zip(self.layers, d_h, d_c, strict=True):
            layer.begin_back(last_h, last_c)
        d_state = torch.zeros_like(self.feed)
        for t in reversed(range(len(slopes))):
            _tanh_backward(d_state.add_(d_vectors[t]), self.vectors[t], grad_input=slopes[t])
            d_share = torch.bmm(slopes[t].unflatten(0, self.shape), across).add_(d_shares[t])
            d_scores[t] = _softmax_backward(d_share, self.weights[t], -1, d_share.dtype)
            asked = self.asked[t].unflatten(0, self.shape)  # (sentences, rows of each, hidden)
            d_asked[t] = attention.asked_gradient(d_scores[t], asked, keys).flatten(0, 1)
            d_state = d_asked[t] if self.asking is None else _back(d_asked[t], self.asking)
            d_state = d_state + _back(slopes[t], self.weight)
            for layer in reversed(self.layers):
                d_state = layer.step_back(t, d_state)
        d_values = torch.bmm(self._of_sentences(self.weights.flatten(1, 2)).transpose(1, 2), self._of_sentences(slopes))
        d_weight, d_asking = (_product(each, queries, self.weight.dtype) for each in (slopes, d_asked))
        states = [torch.stack(parts) for parts in zip(*((layer.d_h, layer.d_c) for layer in self.layers), strict=True)]
        given = [gradient for layer in self.layers for gradient in layer.gradients()]
        d_keys, *d_parameters = self._score_gradients(d_scores.flatten(1, 2), d_asking)
        return (d_keys, d_values, None, d_weight, *states, d_state, *given, *d_parameters)

    def _score_gradients(self, d_scores: Tensor, d_asking: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of the keys and of the attention's parameters, of all steps at once.

        Args:
            d_scores: that of the scores, (target_time, rows, source_time).
            d_asking: that of the product with queries, which is known already.
        """
        attention, keys = self.lookup.attention, self.lookup.keys.detach().requires_grad_()
        learned = [parameter for parameter in attention.parameters() if parameter.requires_grad]
        with torch.enable_grad():
            scores = attention.scores(self._of_sentences(self.asked), keys)
        slopes = self._of_sentences(d_scores)
        d_keys, *found = torch.autograd.grad(scores, [keys, *learned], slopes, allow_unused=True)
        gradients = dict(zip(map(id, learned), found, strict=True))
        if attention.query is not None:
            gradients[id(attention.query.weight)] = d_asking
        return (d_keys, *(gradients.get(id(part)) for part in attention.parameters()))

    def _of_sentences(self, tensor: Tensor) -> Tensor:
        """Return a tensor (target_time, rows, …) sentence by sentence, (sentences, rows of each · target_time, …)."""
        return tensor.unflatten(1, self.shape).permute(1, 2, 0, 3).flatten(1, 2)


class _Layer:
    """One LSTM layer that goes a step at a time and keeps what its derivative needs."""

    def __init__(
        self, given: Sequence[Tensor], keep: Tensor | None, h: Tensor, c: Tensor, *, product: torch.dtype
    ) -> None:
        constant, weight_below, weight_hh = given
        time, rows, width = constant.shape
        self.weight_below, self.weight_hh, self.keep = weight_below.to(product), weight_hh.to(product), keep
        self.below = h.new_empty(time, rows, weight_below.shape[1], dtype=product)
        self.h = h.new_empty(time + 1, rows, width // 4)
        self.c, self.squashed = torch.empty_like(self.h), torch.empty_like(self.h[1:])
        self.h[0], self.c[0] = h, c
        self.gates = constant.clone(memory_format=torch.contiguous_format)  # a step adds its products

    def step(self, t: int, fed: Tensor) -> Tensor:
        """Return the state after step t, (rows, hidden)."""
        self.below[t] = fed if self.keep is None else fed * self.keep
        parts = self.below[t] @ self.weight_below.T, self.h[t].to(self.weight_hh.dtype) @ self.weight_hh.T
        self.squash(t, *(part.to(self.h.dtype) for part in parts))
        return self.h[t + 1]

    def begin_back(self, d_h: Tensor, d_c: Tensor) -> None:
        """Take the gradients of the last states."""
        self.d_h, self.d_c = d_h.contiguous(), d_c.clone(memory_format=torch.contiguous_format)
        self.d_gates = torch.empty_like(self.gates)

    def step_back(self, t: int, d_h: Tensor) -> Tensor:
        """Return the gradient of what step t was fed, for the gradient that its state got from above."""
        self.squash_back(t, d_h)
        slopes = self.d_gates[t].to(self.weight_hh.dtype)
        self.d_h = (slopes @ self.weight_hh).to(d_h.dtype)
        d_fed = (slopes @ self.weight_below).to(d_h.dtype)
        return d_fed if self.keep is None else d_fed.mul_(self.keep)

    def gradients(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return the gradients of what was given."""
        product = self.weight_hh.dtype
        d_below, d_hh = (_product(self.d_gates, read, product) for read in (self.below, self.h[:-1]))
        return self.d_gates, d_below, d_hh

    def squash(self, t: int, from_below: Tensor, from_state: Tensor) -> None:
        """Fill in gates, cell state, squashed and hidden state of a step, from its products."""
        self.gates[t].add_(from_below).add_(from_state)
        i, f, g, o = self.gates[t].chunk(4, -1)
        for gate in (i, f, o):
            gate.sigmoid_()
        g.tanh_()
        torch.mul(f, self.c[t], out=self.c[t + 1]).addcmul_(i, g)
        torch.tanh(self.c[t + 1], out=self.squashed[t])
        torch.mul(o, self.squashed[t], out=self.h[t + 1])

    def squash_back(self, t: int, d_above: Tensor) -> None:
        """Fill in the gradient of a step's gates and turn that of its cell state into that of the one before."""
        squashed, (i, f, g, o) = self.squashed[t], self.gates[t].chunk(4, -1)
        d_i, d_f, d_g, d_o = self.d_gates[t].chunk(4, -1)
        d_h = d_above + self.d_h
        d_c = self.d_c.add_(torch.ops.aten.tanh_backward(d_h * o, squashed))
        _sigmoid_backward(d_h * squashed, o, grad_input=d_o)
        _sigmoid_backward(d_c * g, i, grad_input=d_i)
        _sigmoid_backward(d_c * self.c[t], f, grad_input=d_f)
        _tanh_backward(d_c * i, g, grad_input=d_g)
        d_c.mul_(f)


class _CompiledLayer(_Layer):
    """One whose steps are a compiled call each, but for the products."""

    def __init__(
        self, given: Sequence[Tensor], keep: Tensor | None, h: Tensor, c: Tensor, *, product: torch.dtype
    ) -> None:
        super().__init__(given, keep, h, c, product=product)
        self.states = [each.numpy() for each in (self.h, self.c, self.squashed)]
        self.tools = squashing(self.gates.shape[-1], self.states[0].dtype)

    def squash(self, t: int, from_below: Tensor, from_state: Tensor) -> None:
        h, c, squashed = self.states
        step_lstm(t, from_below.numpy(), from_state.numpy(), self.gates.numpy(), h, c, squashed, self.tools)

    def squash_back(self, t: int, d_above: Tensor) -> None:
        _, c, squashed = self.states
        parts = (d_above.contiguous(), self.d_h, self.d_c, self.gates[t], self.d_gates[t])
        step_lstm_back(c[t], squashed[t], *(each.numpy() for each in parts))


def _back(slopes: Tensor, weight: Tensor) -> Tensor:
    """Return the gradient of what a weight was multiplied with, in the type of `slopes`."""
    return (slopes.to(weight.dtype) @ weight).to(slopes.dtype)


def _product(slopes: Tensor, inputs: Tensor, product: torch.dtype) -> Tensor:
    """Return the gradient (outputs, inputs) of a weight, summed over time and rows, in the type of `slopes`."""
    return (slopes.flatten(0, 1).to(product).T @ inputs.flatten(0, 1).to(product)).to(slopes.dtype)
