"""One layer of each kind in training, on long sequences, beside `nn.LSTM` of the same width.

A step reads a batch and goes back through it. Where there is another way to the same numbers, both are compared first:
the compiled loops with torch's own steps, the minLSTM's loop with a scan by doubling. Then a layer and `nn.LSTM` take
turns, ABBA, and the ratio of each round is taken. Prints one JSON line a case: milliseconds of `nn.LSTM` and of the
layer, the median ratio (above 1: the layer is faster) with its 95 % bootstrap interval, and the other way's
milliseconds.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor, nn

from nlp_lstm.nn import minimal, unfused
from nlp_lstm.nn.layers import CELLS
from nlp_lstm.nn.stack import Stack
from nlp_lstm.training.allocator import keep_freed_memory

ROUNDS = 8
BATCH, SIZE = 16, 128
STEPS = (512, 4096)
ALIKE = 64
"""Steps over which two ways must agree: what rounding does to an untrained recurrence grows with each step."""
OTHER_WAY = {"peephole_lstm": unfused, "layernorm_lstm": unfused, "minlstm": minimal}
"""The modules whose layers take another way off the CPU, and can be told that they are."""


def seconds(work: Callable[[], object]) -> float:
    """Return how long `work` takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def train_step(forward: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
    """Go through a batch and back; return the states."""
    states = forward(inputs)
    states.sum().backward()
    return states.detach()


def compare(cell: str, n_steps: int) -> dict[str, object]:
    """Return the figures of one case."""
    torch.manual_seed(0)
    inputs = torch.randn(BATCH, n_steps, SIZE, requires_grad=True)
    mask = torch.ones(BATCH, n_steps, dtype=torch.bool)
    layer, peer = Stack(SIZE, SIZE, cell=cell), nn.LSTM(SIZE, SIZE, batch_first=True)
    ours: Callable[[], Tensor] = lambda: train_step(lambda read: layer(read, mask).states, inputs)  # noqa: E731
    theirs: Callable[[], Tensor] = lambda: train_step(lambda read: peer(read)[0], inputs)  # noqa: E731
    found: dict[str, object] = {}
    if cell in OTHER_WAY:
        first = ours()
        with patch.object(OTHER_WAY[cell], "COMPILED_ON", "nowhere"):
            difference = float((ours() - first)[:, :ALIKE].abs().max())
            assert difference < 1e-4, difference
            found = {"other_way_ms": round(min(seconds(ours) for _ in range(3)) * 1e3, 1), "difference": difference}
    ours(), theirs()
    pairs = []
    for _ in range(ROUNDS):
        a, b, c, d = map(seconds, (theirs, ours, ours, theirs))
        pairs.append((a + d, b + c))
    ratios = np.array([peer_time / our_time for peer_time, our_time in pairs])
    draws = np.random.default_rng(0).choice(ratios, (2000, len(ratios)))
    low, high = np.percentile(np.median(draws, axis=1), [2.5, 97.5])
    return {
        "cell": cell,
        "steps": n_steps,
        "batch": BATCH,
        "size": SIZE,
        "weights": sum(weight.numel() for weight in layer.parameters()),
        "lstm_weights": sum(weight.numel() for weight in peer.parameters()),
        "nn.LSTM_ms": round(statistics.median(peer_time for peer_time, _ in pairs) / 2 * 1e3, 1),
        "ours_ms": round(statistics.median(our_time for _, our_time in pairs) / 2 * 1e3, 1),
        "ratio": round(float(np.median(ratios)), 2),
        "interval": [round(float(low), 2), round(float(high), 2)],
        **found,
        "threads": torch.get_num_threads(),
    }


if __name__ == "__main__":
    keep_freed_memory()  # as training does
    for cell in sys.argv[1:] or CELLS:
        for n_steps in STEPS:
            print(json.dumps(compare(cell, n_steps)), flush=True)
