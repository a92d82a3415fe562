"""The dropouts of recurrent networks: whole words, whole word types, whole channels, recurrent weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def replace_words(ids: Tensor, mask: Tensor, probability: float, unknown_id: int) -> Tensor:
    """Return `ids` with each real token replaced by `unknown_id` with the given probability.

    Args:
        ids: token ids, int64 (batch, time).
        mask: True at real tokens, bool (batch, time).
        probability: chance of a token to be replaced, in [0, 1).
        unknown_id: the id that stands for "some word".

    Source: word dropout of Iyyer et al. 2015 (section 3.1), with the unknown word in place of nothing,
    so that the unknown word's row is trained as well.
    """
    dropped = torch.rand(ids.shape, device=ids.device) < probability
    return ids.masked_fill(dropped & mask, unknown_id)  # (batch, time)


def word_type_scale(vocab_size: int, ids: Tensor, probability: float) -> Tensor:
    """Return the factor of embedding dropout for each token, float32 (batch, time, 1).

    A word type is dropped everywhere in the batch or nowhere; the kept ones are scaled by 1 / (1 − p).
    Source: Gal & Ghahramani 2016, section 4.2.
    """
    keep = torch.empty(vocab_size, device=ids.device).bernoulli_(1.0 - probability)
    return (keep / (1.0 - probability))[ids].unsqueeze(-1)  # (batch, time, 1)


class LockedDropout(nn.Module):
    """Dropout with one mask a sequence: a channel is dropped at every time step or at none.

    Source: Gal & Ghahramani 2016, equation 7 ("variational"); Merity et al. 2018, section 4.2 ("locked").
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, states: Tensor) -> Tensor:
        """Return `states`, (batch, time, channels), with channels dropped in training and as they are in eval."""
        if not self.training or self.probability == 0.0:
            return states
        batch, _, channels = states.shape
        keep = torch.empty(batch, 1, channels, dtype=states.dtype, device=states.device)
        return states * (keep.bernoulli_(1.0 - self.probability) / (1.0 - self.probability))

    def extra_repr(self) -> str:
        """Return the probability, for `repr`."""
        return f"probability={self.probability}"
