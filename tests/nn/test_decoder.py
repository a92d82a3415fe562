"""The decoder in every mode against its formulas row by row, against its own steps, and what must change nothing."""

from __future__ import annotations

from itertools import product
from math import log

import pytest
import torch
from torch.nn import functional

from nlp_lstm.nn.attention import ATTENTIONS
from nlp_lstm.nn.cells import lstm_step
from nlp_lstm.nn.decoder import Decoder, DecoderState, Memory
from nlp_lstm.nn.recurrent import LayerState

VOCAB, EMBED, HIDDEN, MEMORY, SOURCE, TARGET = 11, 3, 5, 6, 7, 4
LENGTHS = (4, 7, 1)
ROWS = len(LENGTHS)
MASK = torch.arange(SOURCE) < torch.tensor(LENGTHS).unsqueeze(1)  # (3, 7)

MODES = [
    *product((True, False), (1, 2), ATTENTIONS, (True, False), (False, True)),
]
every_mode = pytest.mark.parametrize(("input_feeding", "n_layers", "attention", "tied", "layer_norm"), MODES)
feeding_or_not = pytest.mark.parametrize("input_feeding", [True, False])


@pytest.fixture
def make(randomised):
    """Return a function that makes a small decoder with random parameters."""

    def build(embed_size: int = EMBED, **options) -> Decoder:
        return randomised(Decoder(VOCAB, embed_size, HIDDEN, MEMORY, **options)).eval()

    return build


def draw(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


def draw_ids(time: int = TARGET, rows: int = ROWS) -> torch.Tensor:
    return torch.randint(VOCAB, (rows, time), generator=torch.Generator().manual_seed(7))


def draw_source(
    decoder: Decoder, *, n_layers: int = 1, dtype: torch.dtype = torch.float32
) -> tuple[Memory, DecoderState]:
    """Return a memory and a start, as a two-way encoder would give them."""
    states = draw(ROWS, SOURCE, MEMORY, seed=1, dtype=dtype).masked_fill(~MASK.unsqueeze(-1), 0.0)
    final = [LayerState(*draw(2, ROWS, MEMORY // 2, seed=2 + part, dtype=dtype)) for part in range(2 * n_layers)]
    return decoder.prepare(states, MASK), decoder.start(final)


def all_of(decoded) -> list[torch.Tensor]:
    """Return features or logits, each part of the state, and the weights."""
    return [decoded[0], *decoded.state, decoded.weights]


def assert_close(ours, expected, tolerance: float = 1e-5) -> None:
    for one, other in zip(ours, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=tolerance)


# ---- truth: the formulas by hand ----


def decode_by_hand(decoder: Decoder, ids, states, final) -> tuple[torch.Tensor, ...]:
    """Return logits (time, vocab), h, c (layers, hidden), feed (hidden,) and weights (time, source) of one row.

    `states` (source, memory) and the final states hold no padding; W_c is one matrix over [context; h].
    """
    h, c = [], []
    for depth, (bridge_h, bridge_c) in enumerate(zip(decoder.bridge_h, decoder.bridge_c, strict=True)):
        forwards, backwards = final[2 * depth : 2 * depth + 2]
        h.append(torch.tanh(bridge_h.weight @ torch.cat([forwards.h, backwards.h]) + bridge_h.bias).unsqueeze(0))
        c.append(torch.tanh(bridge_c.weight @ torch.cat([forwards.c, backwards.c]) + bridge_c.bias).unsqueeze(0))
    combine = torch.cat([decoder.read_memory.weight, decoder.read_state.weight], 1)
    keys = decoder.attention.prepare(states.unsqueeze(0))
    everything = torch.ones(1, len(states), dtype=torch.bool)
    feed, logits, shares = states.new_zeros(1, HIDDEN), [], []
    for token in ids:
        below = decoder.embedding.weight[token].unsqueeze(0)
        if decoder.input_feeding:
            below = torch.cat([below, feed], -1)
        for depth, layer in enumerate(decoder.layers):
            step = lstm_step(below, h[depth], c[depth], layer.weights())
            h[depth], c[depth], below = step.h, step.c, step.h
        context, weights = decoder.attention(below, states.unsqueeze(0), keys, everything)
        feed = torch.tanh(torch.cat([context, below], -1) @ combine.T)
        read = feed
        if decoder.norm is not None:
            centred = read - read.mean()
            spread = (centred.square().mean() + decoder.norm.eps).sqrt()
            read = centred / spread * decoder.norm.weight + decoder.norm.bias
        if decoder.project is not None:
            read = read @ decoder.project.weight.T
        logits.append(read @ (decoder.embedding if decoder.output is None else decoder.output).weight.T)
        shares.append(weights)
    return torch.cat(logits), torch.cat(h), torch.cat(c), feed[0], torch.cat(shares)


@every_mode
def test_every_mode_equals_the_formulas_row_by_row(input_feeding, n_layers, attention, tied, layer_norm, make):
    options = {"n_layers": n_layers, "attention": attention, "tied": tied, "layer_norm": layer_norm}
    decoder = make(input_feeding=input_feeding, **options).double()
    states = draw(ROWS, SOURCE, MEMORY, seed=1, dtype=torch.float64).masked_fill(~MASK.unsqueeze(-1), 0.0)
    final = [LayerState(*draw(2, ROWS, 3, seed=2 + part, dtype=torch.float64)) for part in range(2 * n_layers)]
    ids = draw_ids()
    with torch.no_grad():
        decoded = decoder(ids, decoder.start(final), decoder.prepare(states, MASK))
        logits = decoder.logits(decoded.features)
        for row, length in enumerate(LENGTHS):
            alone = [LayerState(part.h[row], part.c[row]) for part in final]
            expected = decode_by_hand(decoder, ids[row], states[row, :length], alone)
            ours = (logits[row], *(part[row] for part in decoded.state), decoded.weights[row, :, :length])
            assert_close(ours, expected, 1e-12)
            assert not decoded.weights[row, :, length:].any()


@every_mode
def test_steps_equal_teacher_forcing(input_feeding, n_layers, attention, tied, layer_norm, make):
    options = {"n_layers": n_layers, "attention": attention, "tied": tied, "layer_norm": layer_norm}
    decoder = make(input_feeding=input_feeding, dropout=0.5, weight_drop=0.5, word_dropout=0.5, **options)
    ids = draw_ids()
    memory, state = draw_source(decoder, n_layers=n_layers)
    whole = decoder(ids, state, memory)
    logits = decoder.logits(whole.features)
    for time in range(TARGET):
        step = decoder.step(ids[:, time], state, memory)
        assert_close((step.logits, step.weights), (logits[:, time], whole.weights[:, time]))
        state = step.state
    assert_close(state, whole.state)


def test_a_layer_starts_from_the_encoders_layer_of_the_same_number_or_from_its_last_one(make):
    decoder = make(n_layers=3)
    final = [LayerState(*draw(2, ROWS, MEMORY // 2, seed=part)) for part in range(4)]
    state = decoder.start(final)
    for depth, below in enumerate((0, 2, 2)):
        expected = decoder.bridge_h[depth](torch.cat([final[below].h, final[below + 1].h], -1)).tanh()
        torch.testing.assert_close(state.h[:, depth], expected)
        expected = decoder.bridge_c[depth](torch.cat([final[below].c, final[below + 1].c], -1)).tanh()
        torch.testing.assert_close(state.c[:, depth], expected)
    assert not state.feed.any()


def test_an_encoder_without_cell_states_gives_its_hidden_ones_for_both(make):
    decoder = make()
    h = draw(ROWS, MEMORY)
    assert_close(decoder.start([LayerState(h, None)]), decoder.start([LayerState(h, h)]), 0.0)


# ---- what must change nothing ----


@every_mode
def test_a_batch_equals_its_rows_one_by_one_with_less_padding(
    input_feeding, n_layers, attention, tied, layer_norm, make
):
    options = {"n_layers": n_layers, "attention": attention, "tied": tied, "layer_norm": layer_norm}
    decoder = make(input_feeding=input_feeding, **options)
    memory, state = draw_source(decoder, n_layers=n_layers)
    ids = draw_ids()
    whole = decoder(ids, state, memory)
    for row, length in enumerate(LENGTHS):
        only = torch.tensor([row])
        short = Memory(*(part[only, :length] for part in memory))
        alone = decoder(ids[only], state.select(only), short)
        expected = all_of(whole)
        expected[-1] = expected[-1][..., :length]
        assert_close(all_of(alone), [part[only] for part in expected])


@feeding_or_not
def test_what_stands_at_the_sources_padding_is_never_read(input_feeding, make):
    decoder = make(input_feeding=input_feeding, n_layers=2)
    memory, state = draw_source(decoder)
    padding = ~MASK.unsqueeze(-1)
    dirty = Memory(memory.keys.masked_fill(padding, 9.0), memory.values.masked_fill(padding, -9.0), MASK)
    assert_close(all_of(decoder(draw_ids(), state, dirty)), all_of(decoder(draw_ids(), state, memory)), 1e-6)


@feeding_or_not
def test_what_follows_in_the_target_changes_nothing_before_it(input_feeding, make):
    decoder = make(input_feeding=input_feeding, n_layers=2)
    memory, state = draw_source(decoder)
    ids = draw_ids()
    longer = torch.cat([ids, draw_ids(3).flip(1)], 1)
    ours, expected = decoder(longer, state, memory), decoder(ids, state, memory)
    assert_close((ours.features[:, :TARGET], ours.weights[:, :TARGET]), (expected.features, expected.weights), 1e-6)


@feeding_or_not
def test_two_chunks_with_the_state_between_equal_the_whole(input_feeding, make):
    decoder = make(input_feeding=input_feeding, n_layers=2)
    memory, state = draw_source(decoder)
    ids = draw_ids(5)
    whole, first = decoder(ids, state, memory), decoder(ids[:, :2], state, memory)
    second = decoder(ids[:, 2:], first.state, memory)
    assert_close(second.state, whole.state)
    assert_close((torch.cat([first.features, second.features], 1),), (whole.features,))


@feeding_or_not
def test_rows_of_state_and_memory_taken_in_another_order_give_the_results_in_that_order(input_feeding, make):
    decoder = make(input_feeding=input_feeding, n_layers=2)
    memory, state = draw_source(decoder)
    ids = draw_ids()
    before = decoder.step(ids[:, 0], state, memory)
    rows = torch.tensor([2, 0, 0, 1])  # a beam may keep a row twice
    ours = decoder.step(ids[rows, 1], before.state.select(rows), memory.select(rows))
    assert_close(all_of(ours), [part[rows] for part in all_of(decoder.step(ids[:, 1], before.state, memory))], 1e-6)


@feeding_or_not
def test_hypotheses_of_a_sentence_read_it_together_as_if_each_had_its_own(input_feeding, make):
    decoder = make(input_feeding=input_feeding, n_layers=2)
    memory, state = draw_source(decoder)
    ids = draw_ids()
    rows = torch.arange(ROWS).repeat_interleave(2)
    state = decoder(ids[:, :1], state, memory).state.select(rows)
    ids = torch.stack([ids[:, 1:], ids[:, 1:].flip(1)], 1).flatten(0, 1)  # of two hypotheses each
    ours = decoder(ids, state, memory)
    assert_close(all_of(ours), all_of(decoder(ids, state, memory.select(rows))), 1e-6)


# ---- training ----


@every_mode
def test_every_weight_gets_a_gradient(input_feeding, n_layers, attention, tied, layer_norm, make):
    options = {"n_layers": n_layers, "attention": attention, "tied": tied, "layer_norm": layer_norm}
    decoder = make(input_feeding=input_feeding, **options).train()
    memory, state = draw_source(decoder, n_layers=n_layers)
    decoder.logits(decoder(draw_ids(), state, memory).features).square().sum().backward()
    for name, parameter in decoder.named_parameters():
        assert parameter.grad is not None and bool(parameter.grad.any()), name
        assert bool(parameter.grad.isfinite().all()), name


def test_feeding_and_not_feeding_have_the_gradients_of_the_formulas(make):
    for input_feeding, attention in product((True, False), ATTENTIONS):
        decoder = make(input_feeding=input_feeding, n_layers=2, attention=attention, layer_norm=True).double()
        names, parameters = zip(*decoder.named_parameters(), strict=True)
        ids, states = draw_ids(), draw(ROWS, SOURCE, MEMORY, seed=1, dtype=torch.float64)
        final = [LayerState(*draw(2, ROWS, 3, seed=2 + part, dtype=torch.float64)) for part in range(4)]
        full = torch.ones(ROWS, SOURCE, dtype=torch.bool)
        decoded = decoder(ids, decoder.start(final), decoder.prepare(states, full))
        ours = torch.autograd.grad(decoder.logits(decoded.features).square().sum(), parameters)
        total = torch.zeros((), dtype=torch.float64)
        for row in range(ROWS):
            alone = [LayerState(part.h[row], part.c[row]) for part in final]
            total = total + decode_by_hand(decoder, ids[row], states[row], alone)[0].square().sum()
        for name, one, other in zip(names, ours, torch.autograd.grad(total, parameters), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9, msg=f"{name} with {attention}")


@pytest.mark.parametrize("attention", ATTENTIONS)
@feeding_or_not
def test_what_is_frozen_gets_no_gradient_and_the_rest_gets_the_same(input_feeding, attention, make):
    decoder = make(input_feeding=input_feeding, attention=attention).double()
    whole = dict(decoder.named_parameters())

    def gradients() -> dict[str, torch.Tensor | None]:
        decoder.zero_grad()
        memory, state = draw_source(decoder, dtype=torch.float64)
        decoder.logits(decoder(draw_ids(), state, memory).features).square().sum().backward()
        return {name: parameter.grad for name, parameter in whole.items()}

    expected = gradients()
    for frozen in whole:  # one at a time
        whole[frozen].requires_grad_(False)
        ours = gradients()
        assert ours.pop(frozen) is None
        assert_close(ours.values(), [expected[name] for name in ours], 1e-10)
        whole[frozen].requires_grad_(True)
    decoder.attention.requires_grad_(False)
    ours = gradients()
    assert {name for name, gradient in ours.items() if gradient is None} == {
        f"attention.{name}" for name, _ in decoder.attention.named_parameters()
    }


@pytest.mark.parametrize("embed_size", [EMBED, HIDDEN])
def test_tied_weights_are_one_tensor_and_untied_ones_are_two(embed_size, make):
    tied, untied = make(embed_size), make(embed_size, tied=False)
    assert [name for name, part in tied.named_parameters() if VOCAB in part.shape] == ["embedding.weight"]
    assert {name for name, part in untied.named_parameters() if VOCAB in part.shape} == {
        "embedding.weight",
        "output.weight",
    }
    assert (tied.project is None) == (embed_size == HIDDEN)
    assert len(tied.state_dict()) == len(list(tied.parameters()))
    features = draw(2, HIDDEN)
    with torch.no_grad():
        tied.embedding.weight[4] += 1.0
        before = untied.logits(features)
        untied.embedding.weight[4] += 1.0
    read = features if tied.project is None else tied.project(features)
    torch.testing.assert_close(tied.logits(features), read @ tied.embedding.weight.T)
    assert torch.equal(untied.logits(features), before)


@feeding_or_not
def test_dropouts_are_off_in_eval_and_on_in_training(input_feeding, make):
    for options in ({"dropout": 0.5}, {"weight_drop": 0.5}, {"word_dropout": 0.5}):
        decoder, plain = make(input_feeding=input_feeding, **options), make(input_feeding=input_feeding)
        memory, state = draw_source(decoder)
        expected = plain(draw_ids(), state, memory).features
        assert torch.equal(decoder(draw_ids(), state, memory).features, expected)
        torch.manual_seed(0)
        first, second = (decoder.train()(draw_ids(), state, memory).features for _ in range(2))
        assert not torch.allclose(first, second, atol=1e-3), options
        assert not torch.allclose(first, expected, atol=1e-3), options


@feeding_or_not
def test_a_channel_of_the_attentional_vector_is_dropped_at_every_step_or_at_none(input_feeding, make):
    decoder = make(input_feeding=input_feeding, dropout=0.5)
    torch.manual_seed(0)
    memory, state = draw_source(decoder)
    dropped = decoder.train()(draw_ids(), state, memory).features == 0  # (rows, time, hidden)
    assert torch.equal(dropped, dropped[:, :1].expand_as(dropped))
    assert bool(dropped.any())  # 15 fair draws, all one way: once in 16,000 seeds
    assert not bool(dropped.all())


def test_the_fed_vector_loses_the_channels_that_the_output_loses(make):
    decoder = make(dropout=0.5)
    with torch.no_grad():
        decoder.embedding.weight.zero_()  # nothing else is dropped
    memory, state = draw_source(decoder)
    torch.manual_seed(0)
    features = decoder.train()(draw_ids(), state, memory).features
    keep = torch.where(features[:, 0] == 0, 0.0, 2.0)  # (rows, hidden)
    decoder.eval()
    for time in range(TARGET):
        plain = decoder(draw_ids()[:, time : time + 1], state, memory)
        torch.testing.assert_close(features[:, time], plain.features[:, 0] * keep, rtol=0, atol=1e-5)
        state = plain.state._replace(feed=plain.state.feed * keep)


@feeding_or_not
def test_what_a_layer_hands_to_the_next_is_dropped_by_itself_and_at_every_step_alike(input_feeding, make):
    decoder = make(input_feeding=input_feeding, dropout=0.5, n_layers=2).train()
    memory, state = (part.select(torch.tensor([1])) for part in draw_source(decoder, n_layers=2))
    torch.manual_seed(0)
    between, read = [], []
    for _ in range(20):
        features = decoder(draw_ids(rows=1), state, memory).features
        (gradient,) = torch.autograd.grad(features.square().sum(), decoder.layers[1].weight_ih, retain_graph=True)
        between.append(tuple((gradient == 0).all(0).tolist()))  # a channel that no step has seen
        read.append(tuple((features == 0).all(1)[0].tolist()))
    share = torch.tensor(between).double().mean()
    assert float(share) == pytest.approx(0.5, abs=5 * (0.25 / 100) ** 0.5)
    assert len(set(between)) > 5  # of 32 patterns in 20 fair draws
    assert between != read


def test_word_dropout_makes_unknown_words_of_any_token_but_the_first(make):
    decoder = make(word_dropout=0.9, unknown_id=6, input_feeding=False).train()
    with torch.no_grad():
        decoder.embedding.weight.copy_(torch.arange(float(VOCAB)).unsqueeze(1).expand(VOCAB, EMBED))
    torch.manual_seed(0)
    seen = decoder._embed(torch.full((50, TARGET), 3))[..., 0]
    assert bool((seen[:, 0] == 3).all())
    assert set(seen[:, 1:].unique().tolist()) == {3.0, 6.0}
    assert float((seen[:, 1:] == 6).double().mean()) == pytest.approx(0.9, abs=5 * (0.9 * 0.1 / 150) ** 0.5)


def test_weight_drop_drops_recurrent_weights_only_and_the_same_ones_at_every_step(make):
    decoder = make(weight_drop=0.5)
    memory, state = draw_source(decoder)
    with torch.no_grad():
        for layer in decoder.layers:
            layer.weight_hh.zero_()
    expected = decoder(draw_ids(), state, memory).features
    assert torch.equal(decoder.train()(draw_ids(), state, memory).features, expected)


@pytest.mark.parametrize("attention", ATTENTIONS)
@feeding_or_not
def test_bfloat16_keeps_weights_state_and_stepped_logits_in_float32(input_feeding, attention, make, autocast):
    decoder = make(input_feeding=input_feeding, attention=attention, n_layers=2)
    ids = draw_ids()
    exact = decoder(ids, *reversed(draw_source(decoder)))
    with autocast(True):
        memory, state = draw_source(decoder)
        decoded = decoder(ids, state, memory)
        step = decoder.step(ids[:, 0], state, memory)
        decoded.features.square().sum().backward()
    for part in (*memory[:2], *all_of(decoded), *all_of(step)):
        assert part.dtype == torch.float32
    torch.testing.assert_close(decoded.weights.sum(-1), torch.ones(ROWS, TARGET), rtol=0, atol=1e-6)
    torch.testing.assert_close(decoded.features, exact.features, rtol=0, atol=0.05)
    torch.testing.assert_close(step.weights, decoded.weights[:, 0], rtol=0, atol=0.05)
    assert all(bool(part.grad.isfinite().all()) for part in decoder.parameters() if part.grad is not None)


def test_a_new_decoder_begins_near_even_odds_with_open_forget_gates_and_soft_embeddings():
    torch.manual_seed(0)
    decoder = Decoder(50, 32, 32, 16)
    memory = decoder.prepare(draw(4, SOURCE, 16), torch.ones(4, SOURCE, dtype=torch.bool))
    state = decoder.start([LayerState(draw(4, 8), draw(4, 8))] * 2)
    ids = torch.arange(20).view(4, 5)
    with torch.no_grad():
        logits = decoder.logits(decoder(ids, state, memory).features).flatten(0, 1)
    assert float(functional.cross_entropy(logits, ids.flatten())) == pytest.approx(log(50), abs=0.3)
    assert torch.equal(decoder.layers[0].bias_ih[32:64], torch.ones(32))
    assert float(decoder.embedding.weight.detach().std()) == pytest.approx(0.1, rel=0.1)


# ---- mistakes ----


def test_settings_and_tensors_that_do_not_fit_are_refused(make):
    with pytest.raises(ValueError, match="at least 1, not 0"):
        make(n_layers=0)
    with pytest.raises(ValueError, match="additive, multiplicative, not 'dot'"):
        make(attention="dot")
    decoder = make()
    memory, state = draw_source(decoder)
    with pytest.raises(ValueError, match="6 wide, not 5"):
        decoder.prepare(draw(ROWS, SOURCE, 5), MASK)
    for width, count in ((4, 2), (7, 1), (3, 3)):
        with pytest.raises(ValueError, match="together be 6 wide"):
            decoder.start([LayerState(draw(ROWS, width), draw(ROWS, width))] * count)
    with pytest.raises(ValueError, match="as many rows, a multiple of the memory's sentences, not 2, 3 and 3"):
        decoder(draw_ids(rows=2), state, memory)
    with pytest.raises(ValueError, match="sentences, not 3, 3 and 2"):
        decoder.step(draw_ids()[:, 0], state, memory.select(torch.tensor([0, 1])))


def test_the_parameters_of_the_first_layer_grow_by_the_fed_vector_only():
    fed, plain = (Decoder(VOCAB, EMBED, HIDDEN, MEMORY, input_feeding=feeding) for feeding in (True, False))
    assert fed.layers[0].weight_ih.shape == (4 * HIDDEN, EMBED + HIDDEN)
    assert plain.layers[0].weight_ih.shape == (4 * HIDDEN, EMBED)
