"""A one-way model that reads a text of any length piece by piece, and hands out the state at every token."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nlp_lstm.errors import UsageError
from nlp_lstm.nn.layers import LayerMemory
from nlp_lstm.stages.inspecting import probing_task, shared_stack
from nlp_lstm.tasks.numbers import ReadsNumbers
from nlp_lstm.tasks.probing.probe import Probe
from nlp_lstm.text.safe_places import last_safe_place

if TYPE_CHECKING:
    from nlp_lstm.stages.predictor import Predictor

LONGEST_READ = 4096
"""Tokens that go through the layers together."""


class StreamedStates(NamedTuple):
    """What came of a piece of text.

    Attributes:
        tokens: the tokens that were read, as they stand in the text.
        states: the top layer's hidden state at each, float32 (tokens, hidden).
    """

    tokens: tuple[str, ...]
    states: NDArray[np.float32]


class StateStream:
    """Reads one text in pieces of any size; the states are those of the whole text read at once.

    A piece may end within a word. What cannot be cut into tokens yet, as a rule the last word, is held back until more
    text tells where it ends, or `finish` is called. Memory does not grow with the text.

    Args:
        predictor: the model.

    Raises:
        UsageError: it reads both ways, so that no state is known before the end; or it reads no text, or its task
            cannot be probed.
    """

    def __init__(self, predictor: Predictor) -> None:
        task = predictor.task
        self._task, self._model, self._stack = probing_task(predictor), predictor.model, shared_stack(predictor)
        if isinstance(task, ReadsNumbers):
            raise UsageError("a text is read piece by piece, and the model reads none")
        if self._stack.bidirectional:
            raise UsageError("the model reads both ways: a state is known only when the text has ended")
        self._tokenizer = getattr(task.tokenizer, "source", task.tokenizer)
        self._held = ""
        self._finished = False
        self._state: tuple[LayerMemory, ...] | None = None

    @property
    def state(self) -> tuple[LayerMemory, ...] | None:
        """The memory of each layer behind the last token that was read; None before the first."""
        return self._state

    def feed(self, text: str) -> StreamedStates:
        """Read some more of the text.

        Raises:
            UsageError: the stream is finished.
        """
        if self._finished:
            raise UsageError("the stream is finished; stream_state() begins another text")
        self._held += text
        place = last_safe_place(self._held, self._tokenizer)
        ready, self._held = self._held[:place], self._held[place:]
        return self._read(ready)

    def finish(self) -> StreamedStates:
        """Read what was held back; the text ends here."""
        ready, self._held, self._finished = self._held, "", True
        return self._read(ready)

    def _read(self, text: str) -> StreamedStates:
        width = self._stack.output_size
        if not text:
            return StreamedStates((), np.zeros((0, width), np.float32))
        probe = self._task.probe(self._model, text)
        with torch.inference_mode():
            found = (
                [self._advance(probe, part) for part in probe.inputs().split(LONGEST_READ, 1)] if probe.tokens else []
            )
        states = torch.cat(found).float().cpu().numpy() if found else np.zeros((0, width), np.float32)
        return StreamedStates(probe.tokens.texts, states)

    def _advance(self, probe: Probe, inputs: Tensor) -> Tensor:
        """Return the states (time, hidden) of some more inputs (1, time, width)."""
        mask = torch.ones(inputs.shape[:2], dtype=torch.bool, device=inputs.device)
        before = probe.state() if self._state is None else self._state
        encoded = self._stack(inputs, mask, before, final_state=True)
        self._state = encoded.state
        states: Tensor = encoded.states[0]
        return states
