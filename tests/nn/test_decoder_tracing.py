"""What a decoder's layers read at each step: against the decoder's own pass over all tokens."""

from __future__ import annotations

import pytest
import torch

from nlp_lstm.nn.decoder import Decoder
from nlp_lstm.nn.decoder_tracing import decoder_passes
from nlp_lstm.nn.recurrent import LayerState
from nlp_lstm.nn.tracing import trace


@pytest.mark.parametrize("input_feeding", [True, False])
@pytest.mark.parametrize("n_layers", [1, 3])
def test_the_layers_written_out_end_where_the_decoder_ends(input_feeding, n_layers, randomised):
    decoder = randomised(
        Decoder(11, 3, 5, 6, n_layers=n_layers, input_feeding=input_feeding, layer_norm=True, tied=False)
    ).eval()
    generator = torch.Generator().manual_seed(5)
    ids = torch.randint(11, (1, 9), generator=generator)
    final = [LayerState(*torch.randn(2, 1, 6, generator=generator))]
    with torch.no_grad():
        memory = decoder.prepare(torch.randn(1, 7, 6, generator=generator), torch.ones(1, 7, dtype=torch.bool))
        start = decoder.start(final)
        whole = decoder(ids, start, memory)
        passes = decoder_passes(decoder, ids, start, memory)
    assert len(passes) == n_layers
    for depth, (layer, seen) in enumerate(zip(decoder.layers, passes, strict=True)):
        parts = trace("lstm", layer, seen).parts
        torch.testing.assert_close(parts["hidden"][-1], whole.state.h[0, depth], rtol=0, atol=1e-5)
        torch.testing.assert_close(parts["cell"][-1], whole.state.c[0, depth], rtol=0, atol=1e-5)
        below = decoder.embedding(ids) if depth == 0 else passes[depth - 1].states
        torch.testing.assert_close(seen.inputs[..., : below.shape[-1]], below, rtol=0, atol=0)
        assert seen.inputs.shape[-1] == below.shape[-1] + (5 if input_feeding and depth == 0 else 0)
