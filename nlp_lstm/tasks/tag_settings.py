"""The settings of a tagger."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from nlp_lstm.config import Settings
from nlp_lstm.tasks.words import SpellingSettings
from nlp_lstm.text.tag_schemes import Scheme


class TagPartSettings(Settings):
    """What a tagger is told where it is a part of a model: all but how words are read."""

    crf: bool = True
    """Weigh whole tag sequences; without it each word's tag is scored by itself, and only illegal sequences are out."""
    auxiliary_weight: Annotated[float, Field(ge=0)] = 0.0
    """How much predicting the `auxiliary` column from the lowest layer counts in the loss."""
    scheme: Literal["auto", "none", "iob1", "iob2", "bioes"] = "auto"
    """What the tags are written in; `none` where each tag stands for itself, as parts of speech do."""

    @property
    def chunk_scheme(self) -> Scheme | None:
        """What tags of chunks are written in; None where each tag stands for itself, or it is not known yet."""
        return self.scheme if self.scheme in ("iob1", "iob2", "bioes") else None


class TagSettings(SpellingSettings, TagPartSettings):
    """The `[head]` section of a tagging recipe."""
