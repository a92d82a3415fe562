"""The loop of input feeding, values and derivative, against the same loop left to autograd."""

from __future__ import annotations

import gc
import weakref
from itertools import product

import pytest
import torch

from nlp_lstm.nn import feeding
from nlp_lstm.nn.attention import ATTENTIONS
from nlp_lstm.nn.cells import CellWeights, lstm_step
from nlp_lstm.nn.feeding import Fed, FedLayer, Lookup, run_fed

TARGET, ROWS, HIDDEN, SOURCE, MEMORY = 4, 3, 5, 6, 7
MASK = torch.arange(SOURCE) < torch.tensor([6, 1, 4]).unsqueeze(1)


class Case:
    """A loop of random tensors; `leaves` are all that has a gradient."""

    def __init__(self, n_layers: int, attention: str, *, dropped: bool = True, dtype: torch.dtype = torch.float64):
        self.generator, self.dtype, self.leaves = torch.Generator().manual_seed(0), dtype, []
        self.attention = ATTENTIONS[attention](HIDDEN, MEMORY).to(dtype)
        for parameter in self.attention.parameters():
            parameter.data = self.draw(*parameter.shape).detach()
        self.layers = [
            FedLayer(
                self.draw(TARGET, ROWS, 4 * HIDDEN),
                self.draw(4 * HIDDEN, HIDDEN),
                self.draw(4 * HIDDEN, HIDDEN),
                self.draw(ROWS, HIDDEN).detach() if dropped else None,
            )
            for _ in range(n_layers)
        ]
        self.memory, values = self.draw(ROWS, SOURCE, MEMORY), self.draw(ROWS, SOURCE, HIDDEN)
        self.lookup = Lookup(
            self.attention, self.attention.prepare(self.memory), values, MASK, self.draw(HIDDEN, HIDDEN)
        )
        self.start = self.draw(n_layers, ROWS, HIDDEN), self.draw(n_layers, ROWS, HIDDEN), self.draw(ROWS, HIDDEN)
        self.leaves += self.attention.parameters()

    def draw(self, *shape: int) -> torch.Tensor:
        self.leaves.append((torch.randn(shape, generator=self.generator) * 0.7).to(self.dtype).requires_grad_())
        return self.leaves[-1]

    def gradients(self, fed: Fed) -> list[torch.Tensor]:
        """Return the gradients of all leaves, for a random slope of each number of `fed`."""
        generator = torch.Generator().manual_seed(1)
        slopes = [torch.randn(part.shape, generator=generator).to(part.dtype) for part in fed]
        found = torch.autograd.grad(fed, self.leaves, slopes, allow_unused=True, retain_graph=True)
        return [torch.zeros(()) if gradient is None else gradient for gradient in found]  # None: of a dropout factor


def run_by_hand(layers, lookup, h, c, feed) -> Fed:
    """Do step by step what the loop does, on the written-out cell."""
    h, c, vectors, shares = list(h), list(c), [], []
    for t in range(TARGET):
        state = feed
        for depth, layer in enumerate(layers):
            fed = state if layer.keep is None else state * layer.keep
            nothing = fed.new_zeros(4 * HIDDEN)
            gates = CellWeights(layer.weight_below, layer.weight_hh, layer.gates[t], nothing)
            step = lstm_step(fed, h[depth], c[depth], gates)
            h[depth], c[depth], state = step.h, step.c, step.h
        context, weights = lookup.attention(state, lookup.values, lookup.keys, lookup.mask)
        feed = torch.tanh(context + state @ lookup.weight.T)
        vectors.append(feed)
        shares.append(weights)
    return Fed(torch.stack(vectors), torch.stack(shares), torch.stack(h), torch.stack(c))


def assert_close(ours, expected, tolerance: float) -> None:
    for one, other in zip(ours, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=tolerance)


@pytest.mark.parametrize("in_loops", [True, False])
@pytest.mark.parametrize(
    ("n_layers", "attention", "dropped"), list(product((1, 2, 3), ATTENTIONS, (False, True))), ids=str
)
def test_values_and_all_gradients_are_those_of_the_loop_left_to_autograd(
    n_layers, attention, dropped, in_loops, monkeypatch
):
    if not in_loops:  # as on other devices
        monkeypatch.setattr(feeding, "in_loops", lambda tensor: False)
    case = Case(n_layers, attention, dropped=dropped)
    ours, expected = (run(case.layers, case.lookup, *case.start) for run in (run_fed, run_by_hand))
    assert_close(ours, expected, 1e-12)
    assert_close(case.gradients(ours), case.gradients(expected), 1e-11)


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_rows_of_a_sentence_share_its_memory_and_add_up_its_gradients(attention):
    case = Case(2, attention)
    sentences, last = ROWS - 1, case.lookup.mask[-1:]
    lookup = case.lookup._replace(**{name: getattr(case.lookup, name)[:sentences] for name in ("keys", "values")})
    lookup = lookup._replace(mask=torch.cat([case.lookup.mask[: sentences - 1], last]))
    times = 3
    layers = [
        layer._replace(gates=torch.cat([layer.gates, layer.gates.flip(1)], 1), keep=torch.cat([layer.keep] * 2))
        for layer in case.layers
    ]
    start = [torch.cat([part, 0.5 * part], -2) for part in case.start]
    assert len(start[-1]) == times * sentences
    ours = run_fed(layers, lookup, *start)
    spread = {name: getattr(lookup, name).repeat_interleave(times, 0) for name in ("keys", "values", "mask")}
    expected = run_by_hand(layers, lookup._replace(**spread), *start)
    assert_close(ours, expected, 1e-12)
    assert_close(case.gradients(ours), case.gradients(expected), 1e-11)


def test_a_second_pass_back_gives_the_same_gradients():
    case = Case(2, "additive")
    fed = run_fed(case.layers, case.lookup, *case.start)
    assert_close(case.gradients(fed), case.gradients(fed), 0.0)


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_two_runs_with_the_state_between_are_one_run_in_values_and_gradients(attention):
    case = Case(2, attention)
    whole = run_fed(case.layers, case.lookup, *case.start)
    first, last = (
        [layer._replace(gates=layer.gates[part]) for layer in case.layers] for part in (slice(0, 1), slice(1, None))
    )
    begun = run_fed(first, case.lookup, *case.start)
    ended = run_fed(last, case.lookup, begun.h, begun.c, begun.vectors[-1])
    joined = Fed(torch.cat([begun.vectors, ended.vectors]), torch.cat([begun.weights, ended.weights]), *ended[2:])
    assert_close(joined, whole, 1e-12)
    assert_close(case.gradients(joined), case.gradients(whole), 1e-11)


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_bfloat16_keeps_states_in_float32_and_is_off_by_rounding_only(attention, autocast):
    case = Case(2, attention, dtype=torch.float32)
    exact = run_fed(case.layers, case.lookup, *case.start)
    with autocast(True):
        rounded = run_fed(case.layers, case.lookup, *case.start)
        gradients = case.gradients(rounded)  # going back under autocast must not change the types either
    assert {part.dtype for part in rounded} == {torch.float32}
    assert_close(rounded, exact, 0.05)
    assert any(not torch.equal(*pair) for pair in zip(rounded, exact, strict=True))
    for ours, expected in zip(gradients, case.gradients(exact), strict=True):
        assert ours.dtype == torch.float32
        assert float((ours - expected).norm()) <= 0.05 * float(expected.norm()) + 1e-6


def test_without_gradients_the_values_are_the_same():
    case = Case(1, "multiplicative")
    expected = run_fed(case.layers, case.lookup, *case.start)
    with torch.inference_mode():
        ours = run_fed(case.layers, case.lookup, *case.start)
    assert not ours.vectors.requires_grad
    assert_close(ours, expected, 0.0)


def test_what_the_loop_keeps_goes_with_its_result():
    case = Case(1, "multiplicative")
    gc.disable()
    try:
        fed = run_fed(case.layers, case.lookup, *case.start)
        run = fed.vectors.grad_fn.run
        kept = [weakref.ref(part) for part in (run, *run.layers)]
        assert all(part() is not None for part in kept)
        del fed, run
        assert all(part() is None for part in kept)  # no ring of references that waits for the collector
    finally:
        gc.enable()
