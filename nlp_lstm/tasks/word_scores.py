"""What a network says of sentences of words, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from nlp_lstm.batching.buckets import batches_by_length
from nlp_lstm.batching.spelled import SpelledRows, pad_spelled
from nlp_lstm.nn.precision import mixed_precision

T = TypeVar("T")

CELLS = 4_096
"""Rows × padded length of a batch in prediction: enough for the recurrent kernel, few enough for little padding, which
is wide where sentences are long."""


def read_by_length(
    model: nn.Module,
    rows: SpelledRows,
    ask: Callable[..., T],
    *,
    batch_size: int,
    precision: str = "float32",
) -> Iterator[tuple[list[int], T, Tensor]]:
    """Yield numbers of rows with what a network says of them, and their mask; rows without words are left out.

    Args:
        model: the network; it is set to predict.
        rows: the sentences.
        ask: takes a padded batch; the network itself, or it with options.
        batch_size: sentences that go through the network together, at most.
        precision: what the network computes in.
    """
    lengths = np.array([len(row) for row in rows.rows], dtype=np.int64)
    filled = np.flatnonzero(lengths)
    device = next(model.parameters()).device
    model.eval()
    for batch in batches_by_length(lengths[filled], max_rows=batch_size, max_tokens=CELLS):
        chosen = filled[batch]
        inputs = pad_spelled(rows, chosen).to(device)
        with torch.inference_mode(), mixed_precision(device, precision):
            scores = ask(*inputs)
        yield chosen.tolist(), scores, inputs.mask
