"""Two-way LSTM on ragged batches: our padded, index-reversed encoder beside `nn.LSTM` over a packed sequence.

Both have the same weights and their outputs are compared first; then they take turns, ABBA, and the ratio of each
round is taken. Prints one JSON line a case: the packed one's and our milliseconds, the median ratio with its 95 %
bootstrap interval, and the fraction of this machine's matrix-product rate that ours reaches.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from nlp_lstm.nn.layers import RecurrentLayer
from nlp_lstm.nn.precision import cpu_has_bfloat16
from nlp_lstm.nn.stack import Stack

ROUNDS = 20
CASES = {"short": (32, 24), "long": (32, 320)}
"""Name of a case: texts in the batch, tokens of the longest one."""


class Packed(nn.Module):
    """The peer: the same layer over a packed sequence."""

    def __init__(self, ours: RecurrentLayer, size: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(size, size, batch_first=True, bidirectional=True)
        assert ours.backwards is not None
        for suffix, layer in (("", ours.forwards), ("_reverse", ours.backwards)):
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                getattr(self.lstm, f"{name}_l0{suffix}").data.copy_(getattr(layer, name))

    def forward(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """Return the states, (batch, time, 2 · size)."""
        packed = nn.utils.rnn.pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=False)
        return nn.utils.rnn.pad_packed_sequence(self.lstm(packed)[0], batch_first=True, total_length=inputs.shape[1])[0]


def seconds(work: Callable[[], object]) -> float:
    """Return how long `work` takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def product_rate(size: int, rows: int) -> float:
    """Return this machine's float32 FLOP a second in the layer's input product."""
    left, right = torch.randn(rows, size), torch.randn(size, 4 * size)
    left @ right
    return 2 * rows * size * 4 * size / min(seconds(lambda: left @ right) for _ in range(20))


def compare(case: str, *, size: int, training: bool, bfloat16: bool) -> dict[str, object]:
    """Return the figures of one case."""
    torch.manual_seed(0)
    batch, time_steps = CASES[case]
    lengths = torch.randint(time_steps // 2, time_steps + 1, (batch,))
    lengths[0] = time_steps
    inputs = torch.randn(batch, time_steps, size, requires_grad=training)
    (layer,) = Stack(size, size, cell="lstm", bidirectional=True).layers
    assert isinstance(layer, RecurrentLayer)
    peer = Packed(layer, size)
    mask = (torch.arange(time_steps) < lengths.unsqueeze(1)).unsqueeze(-1)

    def ours() -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16):
            states, _ = layer(inputs, lengths, None, final_state=False)
        return states.float() * mask

    def run(forward: Callable[[], Tensor]) -> None:
        if training:
            forward().sum().backward()
        else:
            with torch.inference_mode():
                forward()

    difference = float((ours() - peer(inputs, lengths)).detach().abs().max())
    assert difference < (0.05 if bfloat16 else 1e-5), difference
    packed = lambda: peer(inputs, lengths)  # noqa: E731
    for _ in range(3):
        run(ours), run(packed)
    pairs = []
    for _ in range(ROUNDS):
        a, b, c, d = (seconds(lambda which=which: run(which)) for which in (packed, ours, ours, packed))
        pairs.append((a + d, b + c))
    ratios = np.array([peer_time / our_time for peer_time, our_time in pairs])
    draws = np.random.default_rng(0).choice(ratios, (2000, len(ratios)))
    low, high = np.percentile(np.median(draws, axis=1), [2.5, 97.5])
    milliseconds = statistics.median(our_time for _, our_time in pairs) / 2 * 1e3
    flop = 8 * size * 2 * size * 2 * int(lengths.sum()) * (3 if training else 1)
    return {
        "case": case,
        "work": "training" if training else "prediction",
        "ours": "bfloat16" if bfloat16 else "float32",
        "peer": "nn.LSTM, packed, float32",
        "peer_ms": round(statistics.median(peer_time for peer_time, _ in pairs) / 2 * 1e3, 2),
        "ours_ms": round(milliseconds, 2),
        "ratio": round(float(np.median(ratios)), 2),
        "interval": [round(float(low), 2), round(float(high), 2)],
        "largest_difference": difference,
        "fraction_of_float32_product_rate": round(
            flop / (milliseconds / 1e3) / product_rate(size, int(lengths.sum())), 2
        ),
        "threads": torch.get_num_threads(),
    }


if __name__ == "__main__":
    for case in CASES:
        for training in (False, True):
            for bfloat16 in (False, True) if cpu_has_bfloat16() else (False,):
                print(json.dumps(compare(case, size=128, training=training, bfloat16=bfloat16)), flush=True)
