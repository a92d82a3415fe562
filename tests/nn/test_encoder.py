"""The encoder in every mode against the cells stepped by hand, torch's packed layers, and rows on their own."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from nlp_lstm.nn.encoder import Encoder
from nlp_lstm.nn.layers import CELLS, reorder, reversal
from nlp_lstm.nn.recurrent import LayerState
from nlp_lstm.nn.stack import check_mask
from tests.nn.written_out import WITH_CELL_STATE

VOCAB, EMBED, HIDDEN = 13, 3, 5
LENGTHS = (4, 7, 1, 6)
RECURRENT = [cell for cell in CELLS if cell != "transformer"]  # that one: tests/nn/test_self_attention.py
MODES = [*product(RECURRENT, (False, True), (1, 3), (False, True))]
MODE_NAMES = ("cell", "bidirectional", "n_layers", "layer_norm")
TOLERANCE = {torch.float32: 1e-6, torch.float64: 1e-12}


@pytest.fixture
def make(randomised):
    """Return a function that makes a small encoder with random parameters, biases and gains included."""

    def build(**options) -> Encoder:
        return randomised(Encoder(VOCAB, EMBED, HIDDEN, **options))

    return build


def close(ours: torch.Tensor, expected: torch.Tensor, tolerance: float) -> None:
    torch.testing.assert_close(ours, expected, rtol=0, atol=tolerance)


def row_of(state, row: int, *, keep: bool = False):
    """Return one row of each layer's state; with `keep` it stays a batch of one."""
    at = slice(row, row + 1) if keep else row
    return tuple(LayerState(s.h[at], None if s.c is None else s.c[at]) for s in state)


def all_tensors(state) -> list[torch.Tensor]:
    return [tensor for layer in state for tensor in layer if tensor is not None]


# ---- truth: the cells by hand ----


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(MODE_NAMES, MODES)
def test_every_mode_equals_the_cells_stepped_by_hand(
    cell, bidirectional, n_layers, layer_norm, training, dtype, make, ragged, random_state, encode_by_hand
):
    encoder = make(cell=cell, bidirectional=bidirectional, n_layers=n_layers, layer_norm=layer_norm)
    encoder.to(dtype).train(training)
    ids, mask = ragged(LENGTHS, time=8)
    for state in (None, random_state(encoder, len(LENGTHS))):
        encoded = encoder(ids, mask, state, final_state=True)
        assert len(encoded.state) == n_layers * (2 if bidirectional else 1)
        for row, length in enumerate(LENGTHS):
            before = None if state is None else row_of(state, row)
            expected, after = encode_by_hand(encoder, ids[row, :length], before)
            tolerance = TOLERANCE[dtype] * max(1.0, float(expected.detach().abs().max()))  # a minLSTM has no bounds
            close(encoded.states[row, :length], expected, tolerance)
            assert not encoded.states[row, length:].any()
            for ours, theirs in zip(row_of(encoded.state, row), after, strict=True):
                close(ours.h, theirs.h, tolerance)
                assert (ours.c is None) == (theirs.c is None) == (cell not in WITH_CELL_STATE)
                if theirs.c is not None:
                    close(ours.c, theirs.c, tolerance)
        without = encoder(ids, mask, state)
        assert without.state is None
        close(without.states, encoded.states, tolerance)


@pytest.mark.parametrize(("bidirectional", "n_layers"), list(product((False, True), (1, 3))))
def test_equals_torchs_lstm_over_a_packed_sequence(bidirectional, n_layers, make, ragged):
    encoder = make(bidirectional=bidirectional, n_layers=n_layers)
    peer = nn.LSTM(EMBED, HIDDEN, n_layers, batch_first=True, bidirectional=bidirectional)
    for depth, layer in enumerate(encoder.stack.layers):
        for suffix, recurrence in (("", layer.forwards), ("_reverse", layer.backwards)):
            for name, parameter in [] if recurrence is None else recurrence.named_parameters():
                getattr(peer, f"{name}_l{depth}{suffix}").data.copy_(parameter.data)
    ids, mask = ragged(LENGTHS)
    encoded = encoder(ids, mask, final_state=True)
    embedded = encoder.embedding(ids)
    packed, (h, c) = peer(pack_padded_sequence(embedded, mask.sum(1), batch_first=True, enforce_sorted=False))
    expected, _ = pad_packed_sequence(packed, batch_first=True)
    close(encoded.states, expected, 1e-6)
    close(torch.stack([state.h for state in encoded.state]), h, 1e-6)
    close(torch.stack([state.c for state in encoded.state]), c, 1e-6)


# ---- what a batch must not change ----


@pytest.mark.parametrize(MODE_NAMES, MODES)
def test_a_batch_equals_its_rows_one_by_one_in_any_order_with_any_padding(
    cell, bidirectional, n_layers, layer_norm, make, ragged, random_state
):
    encoder = make(cell=cell, bidirectional=bidirectional, n_layers=n_layers, layer_norm=layer_norm).eval()
    ids, mask = ragged(LENGTHS)
    state = random_state(encoder, len(LENGTHS))
    whole = encoder(ids, mask, state, final_state=True)

    order = torch.tensor([2, 0, 3, 1])
    shuffled_state = tuple(LayerState(s.h[order], None if s.c is None else s.c[order]) for s in state)
    shuffled = encoder(ids[order], mask[order], shuffled_state, final_state=True)
    close(shuffled.states, whole.states[order], 1e-6)

    wide_ids, wide_mask = nn.functional.pad(ids, (0, 9)), nn.functional.pad(mask, (0, 9))
    wide = encoder(wide_ids, wide_mask, state, final_state=True)
    close(wide.states[:, : ids.shape[1]], whole.states, 1e-6)
    assert not wide.states[:, ids.shape[1] :].any()

    for ours, theirs, moved in zip(*map(all_tensors, (wide.state, whole.state, shuffled.state)), strict=True):
        close(ours, theirs, 1e-6)
        close(moved, theirs[order], 1e-6)
    for row, length in enumerate(LENGTHS):
        only = slice(row, row + 1)
        alone = encoder(ids[only, :length], mask[only, :length], row_of(state, row, keep=True), final_state=True)
        close(alone.states[0], whole.states[row, :length], 1e-6)
        for ours, theirs in zip(all_tensors(alone.state), all_tensors(row_of(whole.state, row)), strict=True):
            close(ours[0], theirs, 1e-6)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_what_stands_at_padding_is_never_read(bidirectional, make, ragged):
    encoder = make(bidirectional=bidirectional, n_layers=2, layer_norm=True)
    ids, mask = ragged(LENGTHS)
    clean = encoder(ids, mask, final_state=True)
    dirty = encoder(torch.where(mask, ids, 12), mask, final_state=True)
    close(dirty.states, clean.states, 1e-6)
    for ours, theirs in zip(all_tensors(dirty.state), all_tensors(clean.state), strict=True):
        close(ours, theirs, 1e-6)


@pytest.mark.parametrize("cell", RECURRENT)
@pytest.mark.parametrize("layer_norm", [False, True])
def test_two_chunks_with_the_state_between_equal_the_whole_even_when_ragged(cell, layer_norm, make, ragged):
    encoder = make(cell=cell, n_layers=3, layer_norm=layer_norm)
    cuts, rests = (4, 2, 6, 1), (3, 5, 1, 2)
    lengths = [cut + rest for cut, rest in zip(cuts, rests, strict=True)]
    ids, mask = ragged(lengths)
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
        close(joined, whole.states[row, : cut + rest], 1e-6)
    for ours, theirs in zip(all_tensors(second.state), all_tensors(whole.state), strict=True):
        close(ours, theirs, 1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("cell", "bidirectional"), list(product(RECURRENT, (False, True))))
def test_gradients_of_a_padded_batch_equal_those_of_the_cells_by_hand(
    cell, bidirectional, dtype, make, ragged, encode_by_hand
):
    encoder = make(cell=cell, bidirectional=bidirectional, n_layers=2, layer_norm=True).to(dtype)
    ids, mask = ragged(LENGTHS, time=11)
    generator = torch.Generator().manual_seed(3)

    def loss_of(states: torch.Tensor, after) -> torch.Tensor:
        """Weigh every number of a row differently, so that no gradient is a plain sum."""
        draws = [torch.randn(t.shape, generator=generator).to(dtype) for t in (states, *all_tensors(after))]
        return sum((t * w).sum() for t, w in zip((states, *all_tensors(after)), draws, strict=True))

    encoded = encoder(ids, mask, final_state=True)
    rows = range(len(LENGTHS))
    sum(loss_of(encoded.states[row, : LENGTHS[row]], row_of(encoded.state, row)) for row in rows).backward()
    ours = {name: parameter.grad.clone() for name, parameter in encoder.named_parameters()}
    encoder.zero_grad()
    generator.manual_seed(3)
    sum(loss_of(*encode_by_hand(encoder, ids[row, : LENGTHS[row]])) for row in rows).backward()
    for name, parameter in encoder.named_parameters():
        scale = float(parameter.grad.abs().max())
        assert scale > 0, name
        tolerance = (1e-5 if dtype == torch.float32 else 1e-12) * max(1.0, scale)
        torch.testing.assert_close(ours[name], parameter.grad, rtol=0, atol=tolerance, msg=name)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_gradients_in_eval_are_those_of_training_without_dropout(bidirectional, make, ragged):
    encoder = make(bidirectional=bidirectional, n_layers=2)
    ids, mask = ragged(LENGTHS)
    gradients = []
    for training in (True, False):
        encoder.train(training).zero_grad()
        encoder(ids, mask, final_state=True).states.square().sum().backward()
        gradients.append([parameter.grad.clone() for parameter in encoder.parameters()])
    for ours, theirs in zip(*gradients, strict=True):
        close(ours, theirs, 1e-6)


def test_the_padding_row_of_the_embedding_starts_at_zero_and_is_not_trained(ragged):
    encoder = Encoder(VOCAB, EMBED, HIDDEN, pad_id=0)
    assert not encoder.embedding.weight[0].any()
    ids, mask = ragged(LENGTHS)
    encoder(ids, mask, final_state=True).states.sum().backward()
    assert not encoder.embedding.weight.grad[0].any()
    assert encoder.embedding.weight.grad[ids[0, 0]].any()


@pytest.mark.parametrize(("cell", "bidirectional"), list(product(RECURRENT, (False, True))))
def test_bfloat16_gives_nearly_the_same_states_and_a_state_that_can_go_back_in(
    cell, bidirectional, make, ragged, autocast
):
    encoder = make(cell=cell, bidirectional=bidirectional, n_layers=2, layer_norm=True)
    ids, mask = ragged(LENGTHS)
    exact = encoder(ids, mask, encoder(ids, mask, final_state=True).state)
    with autocast(True):
        rounded = encoder(ids, mask, encoder(ids, mask, final_state=True).state)
    close(rounded.states.float(), exact.states, 0.1)  # eight bits of mantissa through two layers and two passes


# ---- what is known of a token besides its id ----

EXTRA = 2


def with_rows_for_tokens(encoder: Encoder, ids: torch.Tensor, extra: torch.Tensor) -> tuple[Encoder, torch.Tensor]:
    """Return an encoder whose table holds, for each token, its embedding and its extra side by side; and its ids."""
    table = torch.cat([encoder.embedding(ids), extra], -1).flatten(0, 1).detach()
    plain = Encoder(
        len(table), EMBED + EXTRA, HIDDEN, n_layers=len(encoder.stack.layers), bidirectional=encoder.stack.bidirectional
    )
    plain.stack.layers.load_state_dict(encoder.stack.layers.state_dict())
    plain.embedding.weight.data.copy_(table)
    return plain, torch.arange(len(table)).view_as(ids)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_extra_is_read_beside_the_embedding(bidirectional, make, ragged):
    encoder = make(bidirectional=bidirectional, n_layers=2, extra_size=EXTRA)
    ids, mask = ragged(LENGTHS)
    extra = torch.randn(*ids.shape, EXTRA, generator=torch.Generator().manual_seed(0))
    plain, numbers = with_rows_for_tokens(encoder, ids, extra)
    close(encoder(ids, mask, extra=extra).states, plain(numbers, mask).states, 1e-6)
    dirty = torch.where(mask.unsqueeze(-1), extra, torch.full_like(extra, 1e3))  # at padding it is never read
    close(encoder(ids, mask, extra=dirty).states, plain(numbers, mask).states, 1e-6)


def test_gradients_reach_extra_at_real_tokens_only(make, ragged):
    encoder = make(bidirectional=True, extra_size=EXTRA)
    ids, mask = ragged(LENGTHS)
    extra = torch.randn(*ids.shape, EXTRA, generator=torch.Generator().manual_seed(0)).requires_grad_()
    encoder(ids, mask, extra=extra).states.square().sum().backward()
    assert bool(extra.grad[mask].all())
    assert not extra.grad[~mask].any()


def read_by_the_first_layer(encoder, ids, mask, extra=None):
    """Return what reaches the first layer, (batch, time, embed + extra)."""
    read = []
    encoder.stack.layers[0].register_forward_pre_hook(lambda _, arguments: read.append(arguments[0]))
    encoder(ids, mask, extra=extra)
    return read[0]


def test_locked_dropout_drops_whole_channels_of_extra_too(make, ragged):
    encoder = make(dropout=0.5, extra_size=EXTRA)
    ids, mask = ragged([9] * 40)
    torch.manual_seed(0)
    dropped = read_by_the_first_layer(encoder, ids, mask, torch.ones(*ids.shape, EXTRA))[..., EMBED:]  # (40, 9, extra)
    assert torch.equal(dropped, dropped[:, :1].expand_as(dropped))
    assert set(dropped.unique().tolist()) == {0.0, 2.0}  # all of 80 alike: p = 2⁻⁷⁹


@pytest.mark.parametrize("cell", RECURRENT)
@pytest.mark.parametrize("width", [None, 1, 3])
def test_extra_of_another_width_is_refused(cell, width, make, ragged):
    # The fused LSTM kernel checks nothing here either.
    encoder, (ids, mask) = make(cell=cell, extra_size=EXTRA), ragged(LENGTHS)
    with pytest.raises(ValueError, match=f"width {EXTRA}, not {width or 0}"):
        encoder(ids, mask, extra=None if width is None else torch.zeros(*ids.shape, width))


def test_extra_is_refused_where_none_is_expected(make, ragged):
    ids, mask = ragged(LENGTHS)
    with pytest.raises(ValueError, match="width 0, not 2"):
        make()(ids, mask, extra=torch.zeros(*ids.shape, EXTRA))


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("layer_norm", [False, True])
def test_each_layer_hands_on_what_an_encoder_of_so_many_layers_says(bidirectional, layer_norm, make, ragged):
    encoder = make(bidirectional=bidirectional, n_layers=3, layer_norm=layer_norm)
    ids, mask = ragged(LENGTHS, time=8)
    encoded = encoder(ids, mask, keep_layers=True)
    assert len(encoded.layers) == 3 and encoder(ids, mask).layers == ()
    for depth, states in enumerate(encoded.layers):
        lower = Encoder(VOCAB, EMBED, HIDDEN, bidirectional=bidirectional, n_layers=depth + 1, layer_norm=layer_norm)
        lower.load_state_dict(encoder.state_dict(), strict=False)
        expected = lower(ids, mask).states
        if layer_norm and depth < 2:  # between layers, not after the last
            norm = encoder.stack.norms[depth]
            expected = nn.functional.layer_norm(expected, expected.shape[-1:], norm.weight, norm.bias)
        close(states[mask], expected[mask], 1e-6)
    close(encoded.layers[-1][mask], encoded.states[mask], 0)


# ---- reversal ----


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=5), st.integers(0, 4))
def test_reversal_reverses_each_row_inside_its_length_and_undoes_itself(lengths, extra):
    time = max(lengths) + extra
    index = reversal(torch.tensor(lengths), time)
    for row, length in zip(index.tolist(), lengths, strict=True):
        assert row == [*reversed(range(length)), *range(length, time)]
    states = torch.arange(len(lengths) * time * 2.0).view(len(lengths), time, 2)
    flipped = reorder(states, index)
    for before, after, length in zip(states.tolist(), flipped.tolist(), lengths, strict=True):
        assert after == before[:length][::-1] + before[length:]
    assert torch.equal(reorder(flipped, index), states)


def test_reorder_takes_time_steps_that_do_not_lie_next_to_each_other_in_memory():
    states = torch.randn(5, 2, 3).transpose(0, 1)
    index = torch.tensor([[4, 0, 2, 2, 1], [0, 1, 2, 3, 4]])
    expected = torch.stack([torch.stack([row[i] for i in order]) for row, order in zip(states, index, strict=True)])
    assert torch.equal(reorder(states, index), expected)


# ---- what is refused ----


def test_a_full_mask_is_a_batch_without_padding(make, ragged, encode_by_hand):
    encoder = make(bidirectional=True, n_layers=3)
    ids, mask = ragged((6, 6))
    assert bool(mask.all())
    states = encoder(ids, mask).states
    for row in range(2):
        close(states[row], encode_by_hand(encoder, ids[row])[0], 1e-6)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[1, 1, 0], [0, 0, 0]], "row 1 of the mask has no real step"),
        ([[1, 0, 1], [1, 1, 1]], "hole"),
        ([[1, 1, 1], [0, 1, 1]], "padding may stand on the right only"),
        ([[0, 0, 1], [1, 1, 0]], "padding may stand on the right only"),
    ],
    ids=["empty row", "hole", "left padding", "much left padding"],
)
def test_a_mask_that_is_not_right_padding_is_refused(rows, message, make):
    mask = torch.tensor(rows, dtype=torch.bool)
    with pytest.raises(ValueError, match=message):
        make()(torch.full(mask.shape, 2), mask)


@pytest.mark.parametrize(("ids", "mask"), [((2, 3), (2, 4)), ((2, 3), (3, 2)), ((3,), (3,)), ((2, 3, 1), (2, 3, 1))])
def test_ids_and_mask_of_other_shapes_are_refused(ids, mask, make):
    with pytest.raises(ValueError, match=r"\(batch, time\)"):
        make()(torch.full(ids, 2), torch.ones(mask, dtype=torch.bool))


def test_check_mask_counts_the_real_tokens(ragged):
    assert check_mask(*ragged(LENGTHS, time=9)).tolist() == list(LENGTHS)


@pytest.mark.parametrize(("bidirectional", "depth"), [(False, 1), (False, 3), (True, 2), (True, 6), (False, 0)])
def test_a_state_of_another_depth_is_refused(bidirectional, depth, make, ragged):
    encoder = make(bidirectional=bidirectional, n_layers=2)
    wanted = 4 if bidirectional else 2
    state = (LayerState(torch.zeros(4, HIDDEN), torch.zeros(4, HIDDEN)),) * depth
    with pytest.raises(ValueError, match=f"{wanted} layer states, not {depth}"):
        encoder(*ragged(LENGTHS), state)


@pytest.mark.parametrize("cell", RECURRENT)
def test_a_state_of_another_batch_or_width_is_refused(cell, make, ragged):
    encoder = make(cell=cell)
    # The fused LSTM kernel checks nothing: with too small a state it reads and writes memory that is not its own
    # and ends the process. The shapes it survives come first, so that this test fails before one that kills it.
    for batch, hidden in ((9, HIDDEN), (4, HIDDEN - 1), (4, HIDDEN + 1), (1, HIDDEN)):
        h = torch.zeros(batch, hidden)
        with pytest.raises(ValueError, match="state"):
            encoder(*ragged(LENGTHS), (LayerState(h, h.clone() if cell in WITH_CELL_STATE else None),))


@pytest.mark.parametrize("cell", WITH_CELL_STATE)
def test_an_lstm_refuses_a_state_without_its_cell_state(cell, make, ragged):
    with pytest.raises(ValueError, match="state"):
        make(cell=cell)(*ragged(LENGTHS), (LayerState(torch.zeros(4, HIDDEN), None),))


def test_an_encoder_without_layers_is_refused():
    with pytest.raises(ValueError, match="at least 1, not 0"):
        Encoder(VOCAB, EMBED, HIDDEN, n_layers=0)


# ---- dropouts inside the encoder ----

DROPOUTS = {"dropout": 0.5, "embedding_dropout": 0.4, "word_dropout": 0.3, "weight_drop": 0.5}


@pytest.mark.parametrize("bidirectional", [False, True])
def test_every_dropout_is_off_in_eval(bidirectional, make, ragged):
    ids, mask = ragged(LENGTHS)
    options = {"n_layers": 2, "bidirectional": bidirectional, "layer_norm": True}
    plain, dropping = make(**options).eval(), make(**options, **DROPOUTS).eval()
    assert torch.equal(dropping(ids, mask).states, plain(ids, mask).states)


@pytest.mark.parametrize("name", DROPOUTS)
def test_each_dropout_acts_in_training_by_seed(name, make, ragged):
    encoder = make(n_layers=2, **{name: 0.5})
    ids, mask = ragged([30] * 20)
    runs = []
    for seed in (0, 0, 1):  # 600 tokens, or 5 channels of 20 rows, or 2 · 100 weights, or 11 word types drawn alike:
        torch.manual_seed(seed)  # the likeliest of these, the word types, with 2⁻¹¹ for a free choice of seeds
        runs.append(encoder(ids, mask).states)
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])


def test_embedding_dropout_drops_a_word_type_in_the_whole_batch(make):
    encoder = make(embedding_dropout=0.5)
    ids = torch.arange(2, VOCAB).repeat(4, 3)  # each of 11 types twelve times
    torch.manual_seed(0)
    embedded = encoder.embed(ids, torch.ones_like(ids, dtype=torch.bool))
    table = encoder.embedding.weight
    fates = []
    for word in range(2, VOCAB):
        occurrences = embedded[ids == word]  # (12, embed)
        fates.append(bool(occurrences.any()))
        close(occurrences, (2.0 * table[word] * fates[-1]).expand_as(occurrences), 1e-6)
    assert 0 < sum(fates) < len(fates)  # all alike: p = 2⁻¹⁰


def test_word_dropout_embeds_the_unknown_word_in_place_of_real_tokens_only(make, ragged):
    encoder = make(word_dropout=0.5, unknown_id=3)
    ids, mask = ragged([30, 50, 10])
    torch.manual_seed(0)
    embedded = encoder.embed(ids, mask)
    table = encoder.embedding.weight
    replaced = (embedded == table[3]).all(-1)
    kept = (embedded == table[ids]).all(-1)
    assert bool((replaced | kept).all())
    assert bool(kept[~mask].all())
    assert 0.2 < float(replaced[mask & (ids != 3)].double().mean()) < 0.8  # 80 draws or so: 5 standard deviations


def test_locked_dropout_drops_whole_channels_of_the_embedding_and_of_the_top_layer(make, ragged):
    encoder = make(dropout=0.5)
    ids, mask = ragged([9] * 40)
    torch.manual_seed(0)
    for states in (read_by_the_first_layer(encoder, ids, mask), encoder(ids, mask).states):
        zero = states == 0  # (40, 9, channels): no other way to a zero
        assert torch.equal(zero, zero[:, :1].expand_as(zero))
        assert 0 < int(zero[:, 0].sum()) < zero[:, 0].numel()  # all alike: p < 2⁻¹¹⁸


def test_training_with_every_dropout_reaches_every_parameter_with_a_finite_gradient(make, ragged):
    encoder = make(n_layers=3, bidirectional=True, layer_norm=True, **DROPOUTS)
    torch.manual_seed(0)
    encoded = encoder(*ragged([20] * 30), final_state=True)
    (encoded.states.square().sum() + sum(t.square().sum() for t in all_tensors(encoded.state))).backward()
    for name, parameter in encoder.named_parameters():
        assert bool(parameter.grad.isfinite().all()) and bool(parameter.grad.any()), name
