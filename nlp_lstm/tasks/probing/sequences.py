"""A made sequence on its way through the network of the long-lag task."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from nlp_lstm.batching.sequences import SequenceBatch
from nlp_lstm.errors import UsageError, nearest
from nlp_lstm.nn.long_lags import SequenceReader
from nlp_lstm.tasks.probing.lines import in_a_line
from nlp_lstm.tasks.probing.probe import Aim, Probe


class SequenceProbe(Probe):
    """A sequence; what is explained is the last answer: a number, or a symbol's probability.

    Args:
        model: the network.
        batch: the sequence alone, without padding.
        shown: each step of it.
        symbols: what may be answered, in the network's order; empty where that is a number.
        predict: gives the answers as plain values.
        target: a symbol; None takes the likeliest.
    """

    longest = sys.maxsize  # a sequence is read whole

    def __init__(
        self,
        model: SequenceReader,
        batch: SequenceBatch,
        shown: Sequence[str],
        symbols: Sequence[str],
        predict: Callable[[], dict[str, Any]],
        *,
        target: str | None = None,
    ) -> None:
        super().__init__(model.encoder.stack, *in_a_line(shown), target=target)
        self.model, self.batch, self.symbols, self._predict = model, batch, tuple(symbols), predict

    def inputs(self) -> Tensor:
        """Return what the first layer reads."""
        return self.model.encoder.embed(self.batch.inputs)

    def prediction(self) -> dict[str, Any]:
        """Return the answers, and whether they are right."""
        return self._predict()

    def aim(self) -> Aim:
        """Return the answer to explain."""
        number, of = self._wanted()

        def score(rows: int) -> Tensor:
            outputs = self._last(rows)  # (rows, outputs)
            return (outputs.log_softmax(-1) if self.symbols else outputs)[:, number]

        unit = "nats" if self.symbols else ""
        return Aim(of, score, unit=unit, without="with zeros at every step")

    def _wanted(self) -> tuple[int, str]:
        """Return which of the outputs is to be explained, and what it is."""
        if not self.symbols:
            if self.target is not None:
                raise UsageError(f"the answer is one number: there is no target {self.target!r}")
            return 0, "the answer"
        with torch.no_grad():
            symbol = self.symbols[int(self._last(1)[0].argmax())] if self.target is None else self.target
        if symbol not in self.symbols:
            raise UsageError(f"no symbol {symbol!r}{nearest(symbol, self.symbols)}")
        return self.symbols.index(symbol), f"log-probability of {symbol!r} as the last answer"

    def _last(self, rows: int) -> Tensor:
        """Return the outputs at the last step at which something is asked, (rows, outputs)."""
        inputs, mask, asked = self.batch.inputs, self.batch.mask, torch.zeros_like(self.batch.asked)
        asked[0, int(self.batch.asked[0].nonzero()[-1])] = True
        found: Tensor = self.model(inputs.expand(rows, -1, -1), mask.expand(rows, -1), asked.expand(rows, -1))
        return found
