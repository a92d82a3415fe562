"""The Transformer block in a stack: against the written-out block, in chunks, ragged, in other batches."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from torch import nn

from nlp_lstm.nn import self_attention
from nlp_lstm.nn.cells import block_step, layer_norm
from nlp_lstm.nn.encoder import Encoder
from nlp_lstm.nn.layers import forget_rows, unflatten_state
from nlp_lstm.nn.self_attention import TransformerBlock, Window, turn

VOCAB, EMBED, HIDDEN = 13, 3, 5
LENGTHS = (4, 9, 1, 6)
WINDOW = 3
"""Few enough that a row of nine tokens forgets its first ones."""


@pytest.fixture(autouse=True)
def window(monkeypatch) -> None:
    monkeypatch.setattr(self_attention, "WINDOW", WINDOW)


@pytest.fixture
def make(randomised):
    def build(**options) -> Encoder:
        return randomised(Encoder(VOCAB, EMBED, HIDDEN, cell="transformer", **options))

    return build


def close(ours: torch.Tensor, expected: torch.Tensor, tolerance: float) -> None:
    torch.testing.assert_close(ours, expected, rtol=0, atol=tolerance)


def by_hand(encoder: Encoder, ids: torch.Tensor) -> torch.Tensor:
    """Return the states (time, hidden) of one row without padding, token by token."""
    first, last = encoder.stack.layers[0], encoder.stack.layers[-1]
    x = encoder.embedding.weight[ids] @ first.enter.weight.T + first.enter.bias
    x = layer_norm(x, first.enter_norm.weight, first.enter_norm.bias)
    for block in encoder.stack.layers:
        after = []
        for t in range(len(ids)):
            first_seen = 0 if encoder.stack.bidirectional else max(0, t - WINDOW)
            seen = x if encoder.stack.bidirectional else x[first_seen : t + 1]
            after.append(block_step(seen, t - first_seen, block.weights(), n_heads=block.n_heads))
        x = torch.stack(after)
    return layer_norm(x, last.leave_norm.weight, last.leave_norm.bias)


MODES = list(product((False, True), (1, 3)))


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 3e-6), (torch.float64, 1e-12)])
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(("bidirectional", "n_layers"), MODES)
def test_every_mode_equals_the_block_taken_token_by_token(
    bidirectional, n_layers, training, dtype, tolerance, make, ragged
):
    encoder = make(bidirectional=bidirectional, n_layers=n_layers).to(dtype).train(training)
    ids, mask = ragged(LENGTHS, time=11)
    encoded = encoder(ids, mask, final_state=True)
    assert encoder.output_size == HIDDEN and len(encoded.state) == n_layers
    for row, length in enumerate(LENGTHS):
        expected = by_hand(encoder, ids[row, :length])
        close(encoded.states[row, :length], expected, tolerance)
        assert not encoded.states[row, length:].any()
        close(encoded.state[-1].h[row], expected[-1], tolerance)
    close(encoder(ids, mask).states, encoded.states, 0)


@pytest.mark.parametrize(("bidirectional", "n_layers"), MODES)
def test_gradients_of_a_padded_batch_equal_those_of_the_rows_by_hand(bidirectional, n_layers, make, ragged):
    encoder = make(bidirectional=bidirectional, n_layers=n_layers).double()
    ids, mask = ragged(LENGTHS, time=11)
    weights = torch.randn(len(LENGTHS), 11, HIDDEN, generator=torch.Generator().manual_seed(3)).double()
    (encoder(ids, mask).states * weights).sum().backward()
    ours = {name: parameter.grad.clone() for name, parameter in encoder.named_parameters()}
    encoder.zero_grad()
    for row, length in enumerate(LENGTHS):
        (by_hand(encoder, ids[row, :length]) * weights[row, :length]).sum().backward()
    for name, parameter in encoder.named_parameters():
        scale = float(parameter.grad.abs().max())
        torch.testing.assert_close(ours[name], parameter.grad, rtol=0, atol=1e-11 * max(1.0, scale), msg=name)
        assert scale > 0, name


@pytest.mark.parametrize(("bidirectional", "n_layers"), MODES)
def test_a_batch_equals_its_rows_one_by_one_in_any_order_with_any_padding(bidirectional, n_layers, make, ragged):
    encoder = make(bidirectional=bidirectional, n_layers=n_layers).eval()
    ids, mask = ragged(LENGTHS)
    whole = encoder(ids, mask).states
    order = torch.tensor([2, 0, 3, 1])
    close(encoder(ids[order], mask[order]).states, whole[order], 2e-6)
    wide = encoder(nn.functional.pad(ids, (0, 9), value=7), nn.functional.pad(mask, (0, 9))).states
    close(wide[:, : ids.shape[1]], whole, 2e-6)
    for row, length in enumerate(LENGTHS):
        close(encoder(ids[row : row + 1, :length], mask[row : row + 1, :length]).states[0], whole[row, :length], 2e-6)


@pytest.mark.parametrize("n_layers", [1, 3])
@pytest.mark.parametrize("sizes", [(5,), (1, 4), (4, 1), (2, 2, 1), (1, 1, 1, 1, 1), (3, 2)], ids=str)
def test_a_text_in_chunks_with_the_state_between_is_the_whole_text_beyond_the_window_too(n_layers, sizes, make, ragged):
    encoder = make(n_layers=n_layers).double()
    ids, mask = ragged((15, 15))
    whole = encoder(ids, mask, final_state=True)
    state, found = None, []
    for part in torch.split(torch.arange(15), [3 * size for size in sizes]):
        encoded = encoder(ids[:, part], mask[:, part], state, final_state=True)
        state = encoded.state
        found.append(encoded.states)
    close(torch.cat(found, 1), whole.states, 1e-12)
    for one, other in zip(state, whole.state, strict=True):
        assert one.seen.all() and one.keys.shape == (2, WINDOW, 4 * 2)  # no more is kept, however long the text
        for ours, expected in zip(one, other, strict=True):
            close(ours, expected, 1e-12)


def test_chunks_may_be_ragged(make, ragged):
    encoder = make(n_layers=2).double()
    cuts, rests = (4, 2, 6, 1), (3, 5, 1, 2)
    ids, mask = ragged([cut + rest for cut, rest in zip(cuts, rests, strict=True)])
    whole = encoder(ids, mask, final_state=True)
    first_ids, first_mask = ragged(cuts, time=8)
    rest_ids, rest_mask = ragged(rests, time=6)
    for row, (cut, rest) in enumerate(zip(cuts, rests, strict=True)):
        first_ids[row, :cut] = ids[row, :cut]
        rest_ids[row, :rest] = ids[row, cut : cut + rest]
    first = encoder(first_ids, first_mask, final_state=True)
    second = encoder(rest_ids, rest_mask, first.state, final_state=True)
    for row, (cut, rest) in enumerate(zip(cuts, rests, strict=True)):
        joined = torch.cat([first.states[row, :cut], second.states[row, :rest]])
        close(joined, whole.states[row, : cut + rest], 1e-12)
    for one, other in zip(second.state, whole.state, strict=True):
        close(one.h, other.h, 1e-12)
        assert torch.equal(one.seen, other.seen)
        close(one.keys[one.seen], other.keys[other.seen], 1e-12)


def test_no_token_knows_of_a_later_one_or_of_one_before_its_windows(make, ragged):
    encoder = make(n_layers=2).double()
    ids, mask = ragged((12,))
    changed = ids.clone()
    changed[0, 2] = (ids[0, 2] - 1) % (VOCAB - 2) + 2
    differs = (encoder(ids, mask).states - encoder(changed, mask).states).abs().amax(-1)[0] > 1e-12
    assert differs.nonzero().flatten().tolist() == list(range(2, 2 + 2 * WINDOW + 1))


def test_a_forgotten_row_begins_anew_and_another_goes_on(make, ragged):
    encoder = make(n_layers=2).double()
    ids, mask = ragged((8, 8))
    first = encoder(ids[:, :5], mask[:, :5], final_state=True)
    tensors = [part for state in first.state for part in state]
    state = unflatten_state(forget_rows(tensors, torch.tensor([True, False])), "transformer")
    after = encoder(ids[:, 5:], mask[:, 5:], state).states
    close(after[0], encoder(ids[:, 5:], mask[:, 5:], first.state).states[0], 1e-12)
    close(after[1], encoder(ids[:, 5:], mask[:, 5:]).states[1], 1e-12)


def test_turned_queries_and_keys_meet_as_their_distance_says():
    q, k = torch.randn(2, 1, 1, 3, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    at = {place: (turn(q, torch.tensor([place])), turn(k, torch.tensor([place]))) for place in (0, 3, 50_000, 50_003)}
    near, far = at[3][0] * at[0][1], at[50_003][0] * at[50_000][1]
    close(near.sum(-1), far.sum(-1), 1e-10)
    close(at[0][0], q, 0)
    assert not torch.allclose(near.sum(-1), (at[0][0] * at[0][1]).sum(-1), atol=1e-2)


def test_the_cost_of_reading_one_way_grows_with_the_length_not_with_its_square(make, ragged, monkeypatch):
    asked = []
    real = nn.functional.scaled_dot_product_attention

    def counted(q, k, v, mask):
        asked.append(q.shape[2] * k.shape[2])
        return real(q, k, v, mask)

    monkeypatch.setattr(nn.functional, "scaled_dot_product_attention", counted)
    encoder = make()
    products = []
    for time in (30, 60, 120):
        asked.clear()
        encoder(*ragged((time,)))
        products.append(sum(asked))
    assert products[1] <= 2.1 * products[0] and products[2] <= 2.1 * products[1]


def test_bfloat16_gives_nearly_the_same_states_and_a_state_that_can_go_back_in(make, ragged, autocast):
    encoder = make(n_layers=2)
    ids, mask = ragged(LENGTHS)
    with torch.no_grad():
        exact = encoder(ids, mask, encoder(ids, mask, final_state=True).state).states
        with autocast(True):
            state = encoder(ids, mask, final_state=True).state
            rounded = encoder(ids, mask, state).states
        later = encoder(ids, mask, state).states  # what was read in one precision can be gone on from in another
    assert float((rounded.float() - exact).abs().mean()) < 0.05
    assert float((later - exact).abs().mean()) < 0.05


@pytest.mark.parametrize("bidirectional", [False, True])
def test_dropout_acts_in_training_by_seed_on_what_is_added(bidirectional, make, ragged):
    encoder = make(bidirectional=bidirectional, n_layers=2, dropout=0.5)
    ids, mask = ragged([12] * 5)
    runs = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        runs.append(encoder.stack.layers[0](encoder.embedding(ids), mask.sum(1))[0])
    assert torch.equal(runs[0], runs[1]) and not torch.equal(runs[0], runs[2])
    encoder.eval()
    assert torch.equal(encoder(ids, mask).states, make(bidirectional=bidirectional, n_layers=2)(ids, mask).states)


def test_every_parameter_gets_a_finite_gradient_with_every_dropout(make, ragged):
    encoder = make(n_layers=3, bidirectional=True, dropout=0.5, embedding_dropout=0.4, word_dropout=0.3)
    torch.manual_seed(0)
    encoder(*ragged([20] * 30)).states.square().sum().backward()
    for name, parameter in encoder.named_parameters():
        assert bool(parameter.grad.isfinite().all()) and bool(parameter.grad.any()), name


@pytest.mark.parametrize(
    ("hidden", "heads", "head"), [(5, 4, 2), (128, 4, 32), (256, 4, 64), (200, 4, 50), (202, 4, 52), (512, 8, 64)]
)
def test_heads_are_four_or_one_for_64_channels_and_any_hidden_size_will_do(hidden, heads, head):
    block = TransformerBlock(hidden, hidden)
    assert (block.n_heads, block.head_size) == (heads, head)


def test_what_has_no_meaning_is_refused(make, ragged):
    ids, mask = ragged(LENGTHS)
    both_ways = make(bidirectional=True)
    with pytest.raises(ValueError, match="two-way Transformer has read nothing before"):
        both_ways(ids, mask, both_ways(ids, mask, final_state=True).state)
    for option in ({"weight_drop": 0.2}, {"layer_norm": True}):
        with pytest.raises(ValueError, match=f"{next(iter(option))} must be 0 for transformer"):
            make(**option)
    encoder = make()
    (state,) = encoder(ids, mask, final_state=True).state
    for wrong in (Window(*(part[:2] for part in state)), state._replace(keys=state.keys[..., :4])):
        with pytest.raises(ValueError, match="state keys, values and seen must be of shapes"):
            encoder(ids, mask, (wrong,))
    with pytest.raises(ValueError, match="1 layer states, not 2"):
        encoder(ids, mask, (state, state))
