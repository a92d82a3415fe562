"""One long text as parallel streams of windows, for truncated back-propagation with a carried state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

SHORT_PART = 0.05
"""How many of the varied windows are about half as long as the others."""

JITTER = 5.0
"""Standard deviation of a varied window's length, in tokens."""

# The recurrent kernel prepares itself anew for each shape, so few lengths are wanted.
_STEP = 8
# A length strays from its mean by no more, which leaves three or four lengths around each.
_LARGEST_JITTER = 2 * JITTER


class StreamBatch(NamedTuple):
    """A window of each stream.

    Attributes:
        inputs: token ids, int64 (streams, time).
        targets: the token that follows each of them, int64 (streams, time).
        fresh: whether the state before the first token is zero. Else it is the one that the batch before this
            one ended with, row by row.
        state: that state, as the loss of the batch before hands it on; empty stands for zero.
    """

    inputs: Tensor
    targets: Tensor
    fresh: bool
    state: tuple[Tensor, ...] = ()

    @property
    def n_tokens(self) -> int:
        """Predicted tokens in the batch."""
        return self.targets.numel()

    def to(self, device: torch.device) -> StreamBatch:
        """Return the batch on `device`."""
        return self._replace(inputs=self.inputs.to(device), targets=self.targets.to(device))

    def after(self, state: tuple[Tensor, ...]) -> StreamBatch:
        """Return the batch with what the one before it ended with; a fresh one begins anew."""
        return self if self.fresh else self._replace(state=state)


class StreamBatches:
    """Epochs of a text that is read at several places at once, window after window.

    In each epoch the text is a ring: it begins at another random token, and its last token is followed by its
    first. The ring is cut into streams of equal length, the rows of a batch; the next batch goes on where this
    one ended. So every token is predicted exactly once, but for the fewer than `n_streams` that are left over,
    other ones in each epoch. Only where the ring closes is a token predicted from what does not stand before it.

    Varied windows put the ends of back-propagation at other places in every epoch: most are drawn from
    N(window, 5²), one in twenty from N(window/2, 5²), both cut off at two deviations and rounded to multiples of
    8 tokens. The lengths are drawn once, and each epoch puts them into another order: all epochs have equally
    many batches, of the same few shapes. Source: Merity et al. 2018, sections 4.1 and 5; there nothing is rounded
    and the learning rate follows the window's length.

    A batch depends on seed, epoch and place alone, whatever was asked for before.

    Args:
        ids: the text, any integer type (tokens,); an array mapped from a file is read window by window.
        n_streams: rows of a batch.
        window: tokens of a row in a batch, or their mean where they vary.
        seed: decides where epochs begin and how windows vary.
        varied: whether windows differ; else all but the last of an epoch, or the last two, have `window` tokens.

    Raises:
        ValueError: the text has less than two tokens for each stream, or a size is not positive.
    """

    def __init__(
        self, ids: NDArray[np.integer[Any]], *, n_streams: int, window: int, seed: int, varied: bool = True
    ) -> None:
        if n_streams < 1 or window < 1:
            raise ValueError(f"n_streams and window must be at least 1, not {n_streams} and {window}")
        if len(ids) < 2 * n_streams:
            raise ValueError(f"{n_streams} streams need {2 * n_streams} tokens or more, not {len(ids)}")
        self.ids, self.n_streams, self.window, self.seed, self.varied = ids, n_streams, window, seed, varied
        self.stream_length = len(ids) // n_streams
        draw = _varied_draw(window, seed) if varied else lambda: window
        self._lengths = np.array(_lengths(self.stream_length, draw), dtype=np.int64)

    n_cut = 0  # every token is read
    part = "all"

    def __len__(self) -> int:
        """Batches in an epoch."""
        return len(self._lengths)

    def epoch(self, number: int, *, start: int = 0) -> Iterator[StreamBatch]:
        """Yield the batches of epoch `number` (from 0), from its batch `start` on.

        Only the very first batch of the epoch is fresh: whoever starts later brings the state along.
        """
        random = np.random.default_rng((self.seed, number))
        begin = random.integers(len(self.ids))
        lengths = random.permutation(self._lengths) if self.varied else self._lengths
        rows = begin + self.stream_length * np.arange(self.n_streams)[:, None]  # (streams, 1)
        ends = np.cumsum(lengths)
        for place in range(start, len(lengths)):
            window = np.arange(ends[place] - lengths[place], ends[place] + 1)  # (time + 1,)
            yield _batch(self.ids.take(rows + window, mode="wrap"), fresh=place == 0)


def windows_from_zero(
    ids: NDArray[np.integer[Any]], window: int, count: int, seed: int, *, n_rows: int = 64
) -> Iterator[StreamBatch]:
    """Yield random windows of a text, each to be read from a zero state.

    This is how nanoGPT takes its loss (`estimate_loss` in its `train.py`): windows drawn with replacement, every
    token of them predicted, the first ones almost without context. The same seed gives the same windows.

    Args:
        ids: the text, any integer type (tokens,).
        window: tokens read, and predicted, in each.
        count: how many windows.
        seed: decides which.
        n_rows: windows in a batch; the last one may have fewer.

    Raises:
        ValueError: the text is no longer than a window.
    """
    if len(ids) <= window:
        raise ValueError(f"windows of {window} tokens need a text of {window + 1} or more, not {len(ids)}")
    starts = np.random.default_rng(seed).integers(len(ids) - window, size=count)
    for first in range(0, count, n_rows):
        chosen = starts[first : first + n_rows, None]  # (rows, 1)
        yield _batch(ids[chosen + np.arange(window + 1)], fresh=True)


def whole_text(ids: NDArray[np.integer[Any]], n_tokens_per_chunk: int) -> Iterator[StreamBatch]:
    """Yield a text from beginning to end as one stream, to be read with a carried state.

    Every token but the first is predicted exactly once, after all that stands before it.

    Args:
        ids: the text, any integer type (tokens,).
        n_tokens_per_chunk: tokens of a batch; the last one may have fewer.

    Raises:
        ValueError: the text has less than two tokens, or a chunk less than one.
    """
    if len(ids) < 2 or n_tokens_per_chunk < 1:
        raise ValueError(f"expected 2 tokens or more and chunks of 1 or more, not {len(ids)} and {n_tokens_per_chunk}")
    for start in range(0, len(ids) - 1, n_tokens_per_chunk):
        yield _batch(ids[None, start : start + n_tokens_per_chunk + 1], fresh=start == 0)


def _batch(ids: NDArray[np.integer[Any]], *, fresh: bool) -> StreamBatch:
    """Return the batch of rows that hold one token more than is read, (streams, time + 1)."""
    tokens = torch.from_numpy(ids.astype(np.int64))
    return StreamBatch(tokens[:, :-1].clone(), tokens[:, 1:].clone(), fresh)  # (streams, time) each


def _varied_draw(window: int, seed: int) -> Callable[[], int]:
    """Return a function that draws one window's length after the other."""
    random = np.random.default_rng((seed, 0, 1))  # three numbers: no epoch has this generator

    def draw() -> int:
        mean = window / 2 if random.random() < SHORT_PART else window
        jitter = max(-_LARGEST_JITTER, min(_LARGEST_JITTER, random.normal(0.0, JITTER)))
        return max(_STEP, round((mean + jitter) / _STEP) * _STEP)

    return draw


def _lengths(total: int, draw: Callable[[], int]) -> list[int]:
    """Return drawn lengths that make up `total`; what is left for the last one may be less than was drawn."""
    lengths: list[int] = []
    left = total
    while left > 0:
        lengths.append(min(left, draw()))
        left -= lengths[-1]
    if len(lengths) > 1 and 2 * lengths[-1] < lengths[-2]:  # a few tokens would weigh as much as a whole window
        both = lengths[-2] + lengths[-1]
        lengths[-2:] = [both - both // 2, both // 2]
    return lengths
