"""Ragged batches, random weights, and the encoder written out row by row: what the fast one must equal."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor, nn

from nlp_lstm.nn.encoder import Encoder
from nlp_lstm.nn.recurrent import LayerState
from tests.nn.written_out import WITH_CELL_STATE, WITHOUT

PAD = 0


@pytest.fixture(scope="session")
def ragged() -> Callable[..., tuple[Tensor, Tensor]]:
    """Return a function from lengths to random right-padded ids and their mask."""

    def make(lengths: Sequence[int], *, time: int | None = None, vocab: int = 13, seed: int = 0):
        generator = torch.Generator().manual_seed(seed)
        time = time or max(lengths)
        mask = torch.arange(time) < torch.tensor(lengths).unsqueeze(1)  # (batch, time)
        ids = torch.randint(2, vocab, mask.shape, generator=generator)
        return ids.masked_fill(~mask, PAD), mask

    return make


@pytest.fixture(scope="session")
def randomised() -> Callable[..., nn.Module]:
    """Return a function that draws every parameter anew: no zero bias or unit gain hides a mistake."""

    def draw(module: nn.Module, *, seed: int = 0, scale: float = 0.5) -> nn.Module:
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * scale)
        return module

    return draw


@pytest.fixture(scope="session")
def random_state() -> Callable[..., tuple[LayerState, ...]]:
    """Return a function that draws a state for an encoder and a number of rows."""

    def draw(encoder: Encoder, batch: int, *, seed: int = 1) -> tuple[LayerState, ...]:
        generator = torch.Generator().manual_seed(seed)
        stack, dtype = encoder.stack, encoder.embedding.weight.dtype
        states = []
        for _ in range(len(stack.layers) * stack.n_directions):
            h = torch.randn(batch, stack.hidden_size, generator=generator) * 0.5
            c = torch.randn(batch, stack.hidden_size, generator=generator)
            states.append(LayerState(h.to(dtype), c.to(dtype) if stack.cell in WITH_CELL_STATE else None))
        return tuple(states)

    return draw


@pytest.fixture(scope="session")
def autocast() -> Callable[[bool], torch.autocast]:
    """Return a function that makes a context with bfloat16 on or off; on, it skips where no LSTM kernel has it."""

    def context(bfloat16: bool) -> torch.autocast:
        within = torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16)
        try:
            with within:
                nn.LSTM(3, 5)(torch.zeros(2, 1, 3))
        except RuntimeError:
            pytest.skip("the LSTM kernel of this processor has no bfloat16")
        return within

    return context


def run_by_hand(
    layer: nn.Module, inputs: Tensor, state: LayerState | None = None, *, cell: str | None = None
) -> tuple[Tensor, LayerState]:
    """Return the states (time, hidden) and the final state (hidden,) of one row, step by step."""
    cell = cell or layer.cell
    zeros = inputs.new_zeros(1, layer.hidden_size)
    h = zeros if state is None else state.h.unsqueeze(0)
    c = zeros if state is None or state.c is None else state.c.unsqueeze(0)
    states = []
    for x in inputs.unsqueeze(1):  # (1, input)
        if cell in WITH_CELL_STATE:
            step = WITH_CELL_STATE[cell](x, h, c, layer.weights())
            h, c = step.h, step.c
        else:
            h = WITHOUT[cell](x, h, layer.weights())
        states.append(h)
    return torch.cat(states), LayerState(h[0], c[0] if cell in WITH_CELL_STATE else None)


def norm_by_hand(norm: nn.LayerNorm, states: Tensor) -> Tensor:
    """Return (x − mean) / √(variance + ε) · gain + bias over channels."""
    centred = states - states.mean(-1, keepdim=True)
    return centred / (centred.square().mean(-1, keepdim=True) + norm.eps).sqrt() * norm.weight + norm.bias


@pytest.fixture(scope="session")
def step_by_step() -> Callable[..., tuple[Tensor, LayerState]]:
    """Return the function that runs one layer over one row by hand."""
    return run_by_hand


@pytest.fixture(scope="session")
def encode_by_hand() -> Callable[..., tuple[Tensor, list[LayerState]]]:
    """Return the function that encodes one row of ids without padding, without a kernel and without a batch."""

    def encode(encoder: Encoder, ids: Tensor, state: Sequence[LayerState] | None = None):
        states = encoder.embedding.weight[ids]  # (time, embed)
        given = iter(state) if state is not None else iter([None] * 99)
        after: list[LayerState] = []
        for depth, layer in enumerate(encoder.stack.layers):
            halves = []
            half, last = run_by_hand(layer.forwards, states, next(given), cell=encoder.stack.cell)
            halves.append(half)
            after.append(last)
            if layer.backwards is not None:
                half, last = run_by_hand(layer.backwards, states.flip(0), next(given), cell=encoder.stack.cell)
                halves.append(half.flip(0))
                after.append(last)
            states = torch.cat(halves, -1)  # (time, output)
            if len(encoder.stack.norms) and depth < len(encoder.stack.layers) - 1:  # between layers, not after the last
                states = norm_by_hand(encoder.stack.norms[depth], states)
        return states, after

    return encode
