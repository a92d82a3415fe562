"""The translator: an encoder reads the source sentence, a decoder writes the target sentence."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nlp_lstm.nn.decoder import Decoder, DecoderState, Memory
from nlp_lstm.nn.encoder import Encoder
from nlp_lstm.nn.loss import SummedLoss, sequence_loss

ROWS_AT_ONCE = 64
"""The output layer reads a multiple of so many tokens."""


class Translator(nn.Module):
    """Scores each next token of a translation.

    Args:
        encoder: the shared encoder, one that reads both ways as a rule.
        decoder: its `memory_size` is the encoder's `output_size`.

    Raises:
        ValueError: the two do not fit together.
    """

    def __init__(self, encoder: Encoder, decoder: Decoder) -> None:
        super().__init__()
        if decoder.memory_size != encoder.output_size:
            raise ValueError(f"memory_size must be the encoder's {encoder.output_size}, not {decoder.memory_size}")
        self.encoder, self.decoder = encoder, decoder

    def encode(self, source_ids: Tensor, source_mask: Tensor) -> tuple[Memory, DecoderState]:
        """Return what the decoder reads of source sentences, prepared once, and where it starts.

        Args:
            source_ids: int64 (rows, source_time).
            source_mask: True at real tokens, bool (rows, source_time); padding stands on the right only.

        Raises:
            ValueError: as in `Encoder.forward`.
        """
        encoded = self.encoder(source_ids, source_mask, final_state=True)
        return self.decoder.prepare(encoded.states, source_mask), self.decoder.start(encoded.state)

    def forward(self, source_ids: Tensor, source_mask: Tensor, target_inputs: Tensor) -> Tensor:
        """Return what the output layer, `decoder.logits`, reads at each target step, (rows, target_time, hidden).

        Args:
            source_ids: int64 (rows, source_time).
            source_mask: True at real source tokens, bool (rows, source_time); padding stands on the right only.
            target_inputs: the sign that begins a sentence, then the right tokens, int64 (rows, target_time); what
                stands behind a row's end changes nothing before it.
        """
        memory, state = self.encode(source_ids, source_mask)
        features: Tensor = self.decoder(target_inputs, state, memory).features
        return features

    def loss(
        self,
        source_ids: Tensor,
        source_mask: Tensor,
        target_inputs: Tensor,
        targets: Tensor,
        target_mask: Tensor,
        *,
        label_smoothing: float = 0.0,
        consistency: float = 0.0,
    ) -> SummedLoss:
        """Return the loss of the right tokens, summed over real ones; only at those is the vocabulary scored.

        Args:
            source_ids: as in `forward`.
            source_mask: as in `forward`.
            target_inputs: as in `forward`.
            targets: what follows each of the inputs, int64 (rows, target_time).
            target_mask: True where there is something to follow, bool (rows, target_time).
            label_smoothing: as in `sequence_loss`; 0 gives the plain nats of the targets.
            consistency: as in `agreeing_loss`; above 0 all is read twice in training.
        """
        twice = self.training and consistency > 0.0
        if twice:
            source_ids, source_mask, target_inputs, targets, target_mask = (
                each.repeat(2, 1) for each in (source_ids, source_mask, target_inputs, targets, target_mask)
            )
        features = self(source_ids, source_mask, target_inputs)
        real = target_mask.flatten().nonzero().squeeze(1)  # (tokens,)
        # Each batch has another number of tokens, and in bfloat16 each new shape costs the matrix product its set-up
        # and memory that is never given back: so few shapes. The rows beyond the last token have no part in the loss.
        spare = real.new_zeros(-len(real) % ROWS_AT_ONCE)
        chosen = features.flatten(0, 1).index_select(0, torch.cat([real, spare]))  # (tokens + spare, hidden)
        logits = self.decoder.logits(chosen)  # (tokens + spare, vocab)
        return sequence_loss(
            logits,
            targets.flatten()[real],
            label_smoothing=label_smoothing,
            consistency=consistency if twice else 0.0,
        )
