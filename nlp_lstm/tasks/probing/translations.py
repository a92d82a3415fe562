"""A text that is translated, on its way through a translator."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from nlp_lstm.nn.decoder_tracing import decoder_passes
from nlp_lstm.nn.loss import sequence_loss
from nlp_lstm.nn.search import Hypothesis
from nlp_lstm.nn.tracing import Reader
from nlp_lstm.nn.translator import Translator
from nlp_lstm.records.predictions import Alignment, Translation
from nlp_lstm.tasks.probing.probe import Aim, ReadLayer, number_of
from nlp_lstm.tasks.probing.texts import ReadText, TextProbe

END = "(end)"
"""Stands for the sign that ends a translation."""


class TranslationProbe(TextProbe):
    """A text that is translated; what is explained is the probability of its translation, or of one token of it.

    Args:
        model: the translator.
        read: the text.
        search: finds the best hypothesis, with what it attended to, and what it says; asked when it is needed.
        ends: the ids that begin and end a translation.
        target: the number of a token of the translation, counted from 1; None takes all of it.
    """

    longest = 256

    def __init__(
        self,
        model: Translator,
        read: ReadText,
        search: Callable[[], tuple[Hypothesis, Translation]],
        ends: tuple[int, int],
        *,
        target: str | None = None,
    ) -> None:
        super().__init__(read, target=target)
        self.model, self._search, self._ends = model, search, ends

    @cached_property
    def _found(self) -> tuple[Hypothesis, Translation]:
        return self._search()

    @property
    def translation(self) -> Translation:
        """What was found, with what it attended to."""
        return self._found[1]

    @cached_property
    def wanted(self) -> Tensor:
        """The tokens of the translation, with its end if it has one, int64 (target_time,)."""
        found, end = self._found[0], self._ends[1:]
        written = [*found.ids.tolist(), *(end if found.finished else ())]
        return torch.tensor(written, dtype=torch.int64, device=self.read.mask.device)

    def prediction(self) -> dict[str, Any]:
        """Return the translation and its score."""
        return self.translation.without_attention().to_dict()

    def aim(self) -> Aim:
        """Return what to explain: the whole translation, or one token of it."""
        wanted = self.wanted  # looked for now: later the network may be made to read something else
        if self.target is None:
            return Aim("log-probability of the translation", lambda rows: self._log_prob(rows, wanted, slice(None)))
        texts = self._texts()
        place = number_of(self.target, len(texts), what="token of the translation")
        of = f"log-probability of {texts[place]!r}, token {place + 1} of the translation"
        return Aim(of, lambda rows: self._log_prob(rows, wanted, slice(place, place + 1)))

    def layers(self) -> tuple[ReadLayer, ...]:
        """Return the encoder's layers, and those of the decoder with the token that is written at each step."""
        with torch.no_grad():
            memory, state = self.model.encode(*self.read.batch)
            passes = decoder_passes(self.model.decoder, self._given(self.wanted), state, memory)
        steps = (*self._texts(), *([END] if self._found[0].finished else []))
        decoder = tuple(
            ReadLayer(Reader(number, "forward", "lstm", layer), seen, steps, "decoder")
            for number, (layer, seen) in enumerate(zip(self.model.decoder.layers, passes, strict=True))
        )
        return (*super().layers(), *decoder)

    def alignments(self) -> tuple[Alignment, ...]:
        """Return what each token of the translation attended to."""
        return self.translation.attention

    def _texts(self) -> list[str]:
        """Return the tokens of the translation, as they stand in it."""
        return [text for each in self.translation.attention for text in each.target_tokens]

    def _given(self, wanted: Tensor) -> Tensor:
        """Return what the decoder reads to write `wanted`, (1, target_time)."""
        return torch.cat([wanted.new_tensor(self._ends[:1]), wanted[:-1]]).unsqueeze(0)

    def _log_prob(self, rows: int, wanted: Tensor, part: slice) -> Tensor:
        """Return the log-probability of some tokens of the translation, (rows,)."""
        source, mask = self.read.copies(rows)
        features = self.model(source, mask, self._given(wanted).expand(rows, -1))  # (rows, target_time, hidden)
        logits = (self.model.decoder.logits(row[part]) for row in features.unbind())
        return torch.stack([-sequence_loss(each, wanted[part]).total for each in logits])
