"""The likeliest text after another one: beam search over a language model."""

from __future__ import annotations

from collections.abc import Generator

import torch
from torch import Tensor

from nlp_lstm.nn.language_model import LanguageModel, State
from nlp_lstm.nn.search import SearchOptions, beam_search_steps


class _Reading:
    """The language model as a search wants it; what may come first is known already."""

    def __init__(self, model: LanguageModel, first: Tensor) -> None:
        self.model, self.first = model, first
        self.begun = False

    def __call__(self, ids: Tensor, state: State) -> tuple[Tensor, State, None]:
        """Return the log-probabilities of the next token of each row, float32 (rows, vocab), and the state."""
        if not self.begun:
            self.begun = True
            return self.first.expand(len(ids), -1), state, None
        features, after = self.model.read(ids.unsqueeze(1), state)
        return self.model.log_probs(features[:, -1]), after, None


@torch.inference_mode()
def likeliest(
    model: LanguageModel,
    log_probs: Tensor,
    state: State,
    *,
    n_tokens: int,
    beam: int,
    forbidden: tuple[int, ...],
    block_ngrams: int = 0,
    before: Tensor | None = None,
) -> Generator[None, None, list[int]]:
    """Return the tokens of the likeliest continuation that a beam search finds; yield before each of its steps.

    Args:
        model: a language model; it has no token that ends a text.
        log_probs: of the first token, float32 (vocab,).
        state: of the network before that token is read, a row each.
        n_tokens: how many; fewer where nothing is allowed to follow.
        beam: how many continuations are followed side by side.
        forbidden: ids that never come, at least one.
        block_ngrams: no run of so many tokens comes twice, in what stands before or after; 0 allows all.
        before: the tokens that stand before, int64 (time,); None for none.
    """
    end = forbidden[0]
    options = SearchOptions(
        max_length=n_tokens,
        begin_id=end,
        end_id=end,
        beam_size=beam,
        min_length=n_tokens,
        length_penalty=0.0,
        block_ngrams=block_ngrams,
        forbidden=forbidden,
    )
    reading = _Reading(model, log_probs.unsqueeze(0).to(state[0].device))
    found = yield from beam_search_steps(
        reading, state, 1, options, before=None if before is None else before.unsqueeze(0)
    )
    ids: list[int] = found[0][0].ids.tolist()
    return ids
