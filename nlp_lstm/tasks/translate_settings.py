"""The settings of a translator."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from nlp_lstm.config import Beam, Consistency, Exponent, Fraction, Positive, Probability, Settings
from nlp_lstm.nn.decoder import Decoder


class TranslateSettings(Settings):
    """The `[head]` section of a translation recipe: the decoder, and how translations are looked for."""

    hidden_size: Positive = 256
    """Width of the decoder's layers."""
    embed_size: Positive = 256
    n_layers: Positive = 1
    attention: Literal["additive", "multiplicative"] = "additive"
    input_feeding: bool = True
    """The decoder also reads what attention made of the step before."""
    tied: bool = True
    """The output layer's weights are the target embeddings."""
    dropout: Probability = 0.3
    word_dropout: Probability = 0.0
    piece_dropout: Probability = 0.0
    """Probability that training reads a subword, on either side, as the two it was merged from; the same for these."""
    weight_drop: Probability = 0.0
    layer_norm: bool = False
    label_smoothing: Fraction = 0.1
    consistency: Consistency = 0.0
    """How much it counts in the loss that two readings of a pair, through other dropouts, agree; 0 reads it once."""
    beam: Beam = 5
    """Hypotheses followed side by side, unless `--beam` says otherwise."""
    length_penalty: Exponent = 1.0
    """Exponent of the length by which a hypothesis' log-probability is divided."""
    max_length_ratio: Annotated[float, Field(ge=0, le=100)] = 2.0
    """A translation has at most so many times as many tokens as its source, and ten more."""

    def build(self, n_tokens: int, memory_size: int, *, unknown_id: int) -> Decoder:
        """Return the decoder, freshly initialised.

        Args:
            n_tokens: tokens of the target language.
            memory_size: width of what it reads of the source.
            unknown_id: the id of the token that words become which are dropped.
        """
        return Decoder(
            n_tokens,
            self.embed_size,
            self.hidden_size,
            memory_size,
            n_layers=self.n_layers,
            attention=self.attention,
            input_feeding=self.input_feeding,
            tied=self.tied,
            dropout=self.dropout,
            word_dropout=self.word_dropout,
            weight_drop=self.weight_drop,
            layer_norm=self.layer_norm,
            unknown_id=unknown_id,
        )
