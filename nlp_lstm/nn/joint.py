"""Several heads on one encoder: it reads a batch once, and each head answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from torch import Tensor, nn

from nlp_lstm.nn.encoder import Encoder
from nlp_lstm.nn.spelling import SpellingFeatures


class JointNetwork(nn.Module):
    """Reads words and their spellings once for all heads.

    Args:
        encoder: the shared encoder; its `extra_size` is the width of the spelling features.
        spelling: features of each distinct spelling.
        parts: networks that were built on this encoder, by name. Each has a method `read` that takes what the encoder
            says of a batch, its ids and its mask. The encoder is taken out of them: it is this network's.
    """

    def __init__(self, encoder: Encoder, spelling: SpellingFeatures, parts: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.encoder, self.spelling = encoder, spelling
        for part in parts.values():
            del part.encoder
        self.parts = nn.ModuleDict(parts)

    def forward(
        self,
        ids: Tensor,
        mask: Tensor,
        spellings: Tensor,
        characters: Tensor,
        casings: Tensor,
        *,
        parts: Iterable[str] | None = None,
    ) -> dict[str, Any]:
        """Return what each head says of padded sentences, by the name of the part.

        Args:
            ids: word ids, int64 (batch, time).
            mask: True at real words, bool (batch, time).
            spellings: the row of each word in `characters` and `casings`, int64 (batch, time).
            characters: ids of the characters of each distinct spelling, int64 (spellings, length).
            casings: its kind of casing, int64 (spellings,).
            parts: whose heads are asked; None asks all.
        """
        extra = self.spelling.placed(spellings, characters, casings)
        encoded = self.encoder(ids, mask, extra=extra, keep_layers=True)
        names = self.parts if parts is None else parts
        heads: dict[str, Any] = dict(self.parts.items())
        return {name: heads[name].read(encoded, ids, mask) for name in names}
