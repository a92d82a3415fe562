"""The tagger: encoder over words and spellings, a score for each tag at each word, a CRF or a softmax on top."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from nlp_lstm.nn.crf import Crf
from nlp_lstm.nn.encoder import Encoder
from nlp_lstm.nn.loss import SummedLoss
from nlp_lstm.nn.spelling import SpellingFeatures
from nlp_lstm.nn.stack import Encoded


class Emissions(NamedTuple):
    """Scores before any path is weighed.

    Attributes:
        tags: the score of each tag at each word, float32 (batch, time, tags).
        auxiliary: the same for the second kind of tags, or None where there is none.
    """

    tags: Tensor
    auxiliary: Tensor | None


class Tagger(nn.Module):
    """Scores each tag of each word.

    Args:
        encoder: the shared encoder; its `extra_size` is the width of the spelling features.
        spelling: features of each distinct spelling.
        paths: which tag sequences there may be, and how moves from tag to tag are weighed.
        whole: learn whole sequences (a CRF); else each word's tag by itself (softmax), where moves weigh nothing and
            `paths` only keeps illegal sequences out.
        n_auxiliary: how many tags of the second kind, predicted from the lowest layer; 0 for none.
    """

    def __init__(
        self,
        encoder: Encoder,
        spelling: SpellingFeatures,
        paths: Crf,
        *,
        whole: bool = True,
        n_auxiliary: int = 0,
    ) -> None:
        super().__init__()
        self.encoder, self.spelling, self.paths = encoder, spelling, paths.requires_grad_(whole)
        self.whole = whole
        self.output = nn.Linear(encoder.output_size, paths.n_tags)
        self.auxiliary = nn.Linear(encoder.output_size, n_auxiliary) if n_auxiliary else None

    def forward(self, ids: Tensor, mask: Tensor, spellings: Tensor, characters: Tensor, casings: Tensor) -> Emissions:
        """Return the scores of padded sentences.

        Args:
            ids: word ids, int64 (batch, time).
            mask: True at real words, bool (batch, time).
            spellings: the row of each word in `characters` and `casings`, int64 (batch, time).
            characters: ids of the characters of each distinct spelling, int64 (spellings, length).
            casings: its kind of casing, int64 (spellings,).
        """
        extra = self.spelling.placed(spellings, characters, casings)
        encoded = self.encoder(ids, mask, extra=extra, keep_layers=self.auxiliary is not None)
        return self.read(encoded, ids, mask)

    def read(self, encoded: Encoded, ids: Tensor, mask: Tensor) -> Emissions:
        """Return the scores of encoded sentences; with tags of the second kind, their layers must be kept."""
        with torch.autocast(encoded.states.device.type, enabled=False):
            scores = self.output(encoded.states.float())
            second = None if self.auxiliary is None else self.auxiliary(encoded.layers[0].float())
        return Emissions(scores, second)

    def loss(self, emissions: Tensor, tags: Tensor, mask: Tensor) -> SummedLoss:
        """Return the negative log-likelihood of the right `tags` int64 (batch, time), summed over sentences, in nats.

        It counts words as its items, with a CRF too, so that its mean does not grow with the sentences' length.
        """
        if not self.whole:
            return tag_loss(emissions, tags, mask)
        with torch.autocast(emissions.device.type, enabled=False):
            total = -self.paths.log_likelihood(emissions, tags, mask).sum()
        return SummedLoss(total, float(mask.sum()))


def tag_loss(scores: Tensor, tags: Tensor, mask: Tensor) -> SummedLoss:
    """Return the cross-entropy of each word's tag by itself, summed over real words, in nats.

    Args:
        scores: float32 (batch, time, tags).
        tags: the right ones, int64 (batch, time).
        mask: True at real words, bool (batch, time).
    """
    total = functional.cross_entropy(scores[mask], tags[mask], reduction="sum")
    return SummedLoss(total, float(mask.sum()))
