"""A Transformer block open to view: against one token written out by itself, and against what the kernel gave."""

from __future__ import annotations

import pytest
import torch

from nlp_lstm.nn import block_opening, self_attention
from nlp_lstm.nn.block_opening import open_block
from nlp_lstm.nn.cells import block_step, layer_norm
from nlp_lstm.nn.encoder import Encoder
from nlp_lstm.nn.self_attention import TransformerBlock, Window
from nlp_lstm.nn.tracing import readers, trace, watch

INPUT, HIDDEN, TIME = 5, 7, 9


def block(randomised, *, both: bool = False, first: bool = True) -> TransformerBlock:
    made = TransformerBlock(INPUT if first else HIDDEN, HIDDEN, bidirectional=both, first=first)
    return randomised(made).eval()


@pytest.mark.parametrize("both", [False, True])
def test_its_parts_are_those_of_each_token_written_out(randomised, both):
    layer, inputs = block(randomised, both=both, first=False), torch.randn(1, TIME, HIDDEN)
    with torch.no_grad():
        parts, attention = open_block(layer, inputs, None)
        for place in range(TIME):
            seen = inputs[0] if both else inputs[0, : place + 1]
            expected = layer.leave_norm(block_step(seen, place, layer.weights(), n_heads=layer.n_heads))
            torch.testing.assert_close(parts["hidden"][place], expected, rtol=0, atol=1e-5)
            made = inputs[0, place] + parts["attended"][place] + parts["fed"][place]
            torch.testing.assert_close(layer.leave_norm(made), expected, rtol=0, atol=1e-5)
    torch.testing.assert_close(attention.sum(1), torch.ones(TIME))
    assert both or bool((attention.triu(1) == 0).all())


def test_attention_is_how_a_change_of_a_value_comes_through(randomised):
    """With one head and matrices that pass values on as they are, what is attended is the weighted mean of values."""
    layer = block(randomised, first=False)
    layer.n_heads, layer.head_size = 1, 8
    with torch.no_grad():
        layer.gather.weight.copy_(torch.eye(7, 8))
        layer.gather.bias.zero_()
        inputs = torch.randn(1, TIME, HIDDEN)
        parts, attention = open_block(layer, inputs, None)
        normed = layer_norm(inputs[0], layer.attend_norm.weight, layer.attend_norm.bias)
        values = layer.query_key_value(normed).chunk(3, -1)[2]  # (time, 8)
    torch.testing.assert_close(parts["attended"], (attention @ values)[:, :7])


@pytest.mark.parametrize("both", [False, True])
def test_it_is_what_the_kernel_gave_in_every_block_of_a_stack(randomised, both):
    encoder = randomised(Encoder(13, INPUT, 12, n_layers=3, cell="transformer", bidirectional=both), scale=0.3).eval()
    ids = torch.randint(2, 13, (1, 300), generator=torch.Generator().manual_seed(3))
    mask = torch.ones_like(ids, dtype=torch.bool)
    with torch.no_grad():
        before = None if both else encoder(ids[:, :280], mask[:, :280], final_state=True).state
        with watch(encoder.stack) as passes:
            encoder(ids, mask, before)
    for reader in readers(encoder.stack):
        assert reader.direction == ("both ways" if both else "forward")
        parts, attention = trace("transformer", reader.layer, passes[reader.layer])
        assert set(parts) == {"attended", "fed", "hidden"} and attention.shape == (300, 300)
        assert both or float(attention[299, :43].abs().max()) == 0  # 256 tokens back and no further


def test_tokens_from_before_take_their_share_untold(randomised, monkeypatch):
    for module in (self_attention, block_opening):
        monkeypatch.setattr(module, "WINDOW", 3)
    layer, inputs = block(randomised), torch.randn(1, TIME, INPUT)
    lengths = torch.tensor([TIME])
    with torch.no_grad():
        whole, _ = layer(inputs, lengths)
        _, (carried,) = layer(inputs[:, :5], torch.tensor([5]), final_state=True)
        assert isinstance(carried, Window)
        parts, attention = open_block(layer, inputs[:, 5:], carried)
    torch.testing.assert_close(parts["hidden"], whole[0, 5:], rtol=0, atol=1e-5)
    sums = attention.sum(1)
    assert bool((sums[:3] < 1).all()) and float(sums[3]) == pytest.approx(1.0)
