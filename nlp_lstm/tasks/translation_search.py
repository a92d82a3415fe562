"""The search for translations, batch by batch, within bounds of memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nlp_lstm.batching.buckets import batches_by_length
from nlp_lstm.batching.padding import pad_ids
from nlp_lstm.nn.decoder import Decoder, DecoderState, Memory
from nlp_lstm.nn.precision import mixed_precision
from nlp_lstm.nn.rows import PerSentence
from nlp_lstm.nn.search import Hypothesis, SearchOptions, beam_search, greedy_search
from nlp_lstm.nn.translator import Translator

HYPOTHESES, CELLS = 2_560, 163_840
"""Hypotheses that are followed together, and the source tokens they read together, unless those of a single sentence
are more: memory must not grow with the beam. With a beam of 5 this is what any batch has in prediction."""


def find_translations(
    model: Translator,
    rows: Sequence[NDArray[np.int32]],
    options: SearchOptions,
    *,
    pad_id: int,
    attention: bool = False,
    batch_size: int = 256,
    precision: str = "float32",
) -> list[list[Hypothesis]]:
    """Return the best hypotheses of each row, the best first.

    Args:
        model: the network; it is set to predict.
        rows: the source ids of each.
        options: what to look for; `max_length` is int64 (rows,).
        pad_id: the id behind the end of shorter rows.
        attention: also keep what each token of a hypothesis attended to.
        batch_size: rows that are translated side by side, at most.
        precision: what the network computes in.
    """
    beam, limits = options.beam_size, torch.as_tensor(options.max_length)
    lengths = np.array([len(ids) for ids in rows], dtype=np.int64)
    found: list[list[Hypothesis]] = [[] for _ in rows]
    model.eval()
    side_by_side = min(batch_size, max(1, HYPOTHESES // beam))
    for chosen in batches_by_length(lengths, max_rows=side_by_side, max_tokens=CELLS // max(5, beam)):
        ids, mask = pad_ids([rows[number] for number in chosen], pad_id=pad_id)
        own = replace(options, max_length=limits[chosen.tolist()])
        answers = _search(model, ids, mask, own, attention=attention, precision=precision)
        for number, hypotheses in zip(chosen, answers, strict=True):
            found[number] = hypotheses
    return found


def _search(
    model: Translator, ids: Tensor, mask: Tensor, options: SearchOptions, *, attention: bool, precision: str
) -> list[list[Hypothesis]]:
    """Return the best hypotheses of each row of a batch."""
    device = next(model.parameters()).device
    search = greedy_search if options.beam_size == 1 else beam_search
    with torch.inference_mode(), mixed_precision(device, precision):
        memory, state = model.encode(ids.to(device), mask.to(device))
        return search(
            Writing(model.decoder, attention=attention or options.coverage_penalty > 0),
            (state, PerSentence(memory)),
            len(ids),
            options,
            source_lengths=mask.sum(1).to(device),
        )


class Writing:
    """The decoder as a search wants it: log-probabilities of the next token of each hypothesis.

    Args:
        decoder: the network's decoder.
        attention: also say what each step attends to; a search keeps that of all steps.
    """

    def __init__(self, decoder: Decoder, *, attention: bool) -> None:
        self.decoder, self.attention = decoder, attention

    def __call__(
        self, ids: Tensor, state: tuple[DecoderState, PerSentence[Memory]]
    ) -> tuple[Tensor, tuple[DecoderState, PerSentence[Memory]], Tensor | None]:
        """Return log-probabilities, the state after `ids`, and the attention of this step."""
        before, memory = state
        logits, after, weights = self.decoder.step(ids, before, memory.value)
        return logits.float().log_softmax(-1), (after, memory), weights if self.attention else None
