"""The language model against its formulas, written out cell by cell and in double precision."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from nlp_lstm.nn.encoder import Encoder
from nlp_lstm.nn.language_model import LanguageModel
from nlp_lstm.nn.precision import cpu_has_bfloat16, mixed_precision
from tests.nn.written_out import WITH_CELL_STATE, WITHOUT

VOCAB, EMBED, HIDDEN = 11, 5, 7
BATCH, TIME = 2, 6

OUTPUTS = {
    "full": {},
    "tied through a projection": {"tied": True},
    "tied at once": {"tied": True, "embed_size": HIDDEN},
    "adaptive in two": {"cutoffs": [4]},
    "adaptive in three": {"cutoffs": [3, 7], "hidden_size": 16},
}
DEPTHS = {
    "lstm": {},
    "three layers": {"n_layers": 3},
    "layer norm": {"n_layers": 2, "layer_norm": True},
    "gru": {"cell": "gru", "n_layers": 2},
    "rnn": {"cell": "rnn"},
    "peephole": {"cell": "peephole_lstm", "n_layers": 2},
    "layer norm inside": {"cell": "layernorm_lstm", "n_layers": 2},
    "minlstm": {"cell": "minlstm", "n_layers": 2},
}
NO_CELL = {"transformer": {"cell": "transformer", "n_layers": 2}}

EVERY = {**DEPTHS, **NO_CELL, **OUTPUTS}


def build(*, tied: bool = False, cutoffs: tuple[int, ...] = (), **sizes) -> LanguageModel:
    """Return a model in double precision with weights that are large enough to matter."""
    torch.manual_seed(5)
    encoder = Encoder(VOCAB, **{"embed_size": EMBED, "hidden_size": HIDDEN, **sizes})
    model = LanguageModel(encoder, tied=tied, cutoffs=cutoffs).double().eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(std=0.5)
    return model


@pytest.fixture
def ids() -> Tensor:
    draw = torch.Generator().manual_seed(1)
    return torch.randint(2, VOCAB, (BATCH, TIME + 1), generator=draw)


def written_out(model: LanguageModel, ids: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Return what the output layer reads at each token (batch, time, width), and h and c of each layer at the end."""
    encoder, hidden = model.encoder, model.encoder.output_size
    layers = [layer.forwards.weights() for layer in encoder.stack.layers]
    hs = [torch.zeros(len(ids), hidden, dtype=torch.float64) for _ in layers]
    cs = [torch.zeros(len(ids), hidden, dtype=torch.float64) for _ in layers]
    read = []
    for token in ids.T:
        x = encoder.embedding.weight[token]  # (batch, embed)
        for depth, weights in enumerate(layers):
            if encoder.stack.cell in WITH_CELL_STATE:
                step = WITH_CELL_STATE[encoder.stack.cell](x, hs[depth], cs[depth], weights)
                hs[depth], cs[depth] = step.h, step.c
            else:
                hs[depth] = WITHOUT[encoder.stack.cell](x, hs[depth], weights)
            x = hs[depth] if depth >= len(encoder.stack.norms) else encoder.stack.norms[depth](hs[depth])
        read.append(x)
    both = [each for pair in zip(hs, cs, strict=True) for each in pair]
    return torch.stack(read, 1), both if encoder.stack.cell in WITH_CELL_STATE else hs


def softmax_of(model: LanguageModel, features: Tensor) -> Tensor:
    """Return the probabilities (..., vocab) by the formula of the model's output layer."""
    if model.adaptive is not None:
        first = (features @ model.adaptive.head.weight.T).softmax(-1)  # the commonest tokens, then the parts
        n_first = first.shape[-1] - len(model.adaptive.tail)
        parts = [first[..., :n_first]]
        for place, (narrow, output) in enumerate(model.adaptive.tail):
            inside = (features @ narrow.weight.T @ output.weight.T).softmax(-1)
            parts.append(first[..., n_first + place : n_first + place + 1] * inside)
        return torch.cat(parts, -1)
    if model.output is not None:
        scores = features @ model.output.weight.T
    else:
        narrow = features if model.project is None else features @ model.project.weight.T
        scores = narrow @ model.encoder.embedding.weight.T
    powers = (scores + model.bias).exp()
    return powers / powers.sum(-1, keepdim=True)


@pytest.mark.parametrize("sizes", [*DEPTHS.values(), *OUTPUTS.values()], ids=[*DEPTHS, *OUTPUTS])
def test_probabilities_loss_and_state_are_those_of_the_cells_written_out(sizes, ids):
    model = build(**sizes)
    features, parts = written_out(model, ids[:, :-1])
    expected = softmax_of(model, features)
    assert torch.allclose(expected.sum(-1), torch.ones(BATCH, TIME, dtype=torch.float64), atol=1e-12)

    found, state = model(ids[:, :-1])
    assert found.shape == (BATCH, TIME, VOCAB) and found.dtype == torch.float32
    torch.testing.assert_close(found.double(), expected.log(), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(found.exp().sum(-1), torch.ones(BATCH, TIME), rtol=0, atol=1e-6)
    assert len(state) == len(parts)
    for one, other in zip(state, parts, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)

    loss = model.loss(ids[:, :-1], ids[:, 1:])
    nats = -expected.gather(2, ids[:, 1:, None]).log().sum()
    assert loss.total.item() == pytest.approx(nats.item(), rel=1e-6)
    assert loss.n_items == BATCH * TIME
    assert all(torch.equal(*both) for both in zip(loss.state, state, strict=True))


@pytest.mark.parametrize("sizes", EVERY.values(), ids=EVERY)
@pytest.mark.parametrize("place", [1, 4])
def test_a_text_in_two_pieces_is_the_whole_text(sizes, place, ids):
    model = build(**sizes)
    whole, last = model(ids)
    first, state = model(ids[:, :place])
    second, after = model(ids[:, place:], state)
    torch.testing.assert_close(torch.cat([first, second], 1), whole, rtol=1e-6, atol=1e-6)
    assert all(torch.allclose(one.double(), other.double()) for one, other in zip(after, last, strict=True))
    cold, _ = model(ids[:, place:])
    assert not torch.allclose(cold, second, atol=1e-3)


@pytest.mark.parametrize("sizes", EVERY.values(), ids=EVERY)
def test_no_token_is_foreseen_from_what_stands_behind_it(sizes, ids):
    model = build(**sizes)
    changed = ids.clone()
    changed[:, 3] = (ids[:, 3] - 1) % (VOCAB - 2) + 2
    before, after = model(ids)[0], model(changed)[0]
    assert torch.equal(before[:, :3], after[:, :3])
    assert not torch.allclose(before[:, 3:], after[:, 3:], atol=1e-3)


@pytest.mark.parametrize("sizes", OUTPUTS.values(), ids=OUTPUTS)
def test_every_weight_gets_the_gradient_that_differences_give(sizes, ids):
    model = build(**sizes)
    loss = model.loss(ids[:, :-1], ids[:, 1:])
    loss.total.backward()
    draw = torch.Generator().manual_seed(3)
    for name, weight in model.named_parameters():
        way = torch.randn(weight.shape, generator=draw, dtype=torch.float64)
        if name == "encoder.embedding.weight":
            way[0] = 0.0  # padding is not trained
        slope = float((weight.grad * way).sum())
        totals = []
        with torch.no_grad():
            for sign in (1, -2, 1):
                weight += sign * 1e-3 * way
                totals.append(float(model.loss(ids[:, :-1], ids[:, 1:]).total))
        assert slope == pytest.approx((totals[0] - totals[1]) / 2e-3, rel=2e-2, abs=2e-2), name


@pytest.mark.skipif(not cpu_has_bfloat16(), reason="this processor has no bfloat16 instructions")
@pytest.mark.parametrize("sizes", OUTPUTS.values(), ids=OUTPUTS)
def test_in_bfloat16_loss_and_gradients_are_about_the_same(sizes, ids):
    found = []
    for precision in ("float32", "bfloat16"):
        model = build(**sizes).float().train()
        with mixed_precision(torch.device("cpu"), precision):
            first = model.loss(ids[:, :4], ids[:, 1:5])
            loss = model.loss(ids[:, 4:-1], ids[:, 5:], first.state)  # from the state that this precision gave
        (first.total + loss.total).backward()
        slopes = torch.cat([weight.grad.flatten() for weight in model.parameters()])
        found.append((loss.total.item(), slopes))
    assert loss.total.dtype == torch.float32
    assert found[1][0] == pytest.approx(found[0][0], rel=0.02)
    assert torch.nn.functional.cosine_similarity(found[0][1], found[1][1], dim=0) > 0.99


def test_a_text_read_twice_in_training_is_to_be_foreseen_alike_and_both_states_go_on(ids):
    model = build(dropout=0.5)
    inputs, targets = ids[:, :-1], ids[:, 1:]
    assert torch.equal(model.loss(inputs, targets, consistency=2.0).total, model.loss(inputs, targets).total)
    model.train()
    state: tuple[Tensor, ...] = ()
    for seed in range(2):  # the second goes on from the first
        torch.manual_seed(seed)
        ours = model.loss(inputs, targets, state, consistency=2.0)
        torch.manual_seed(seed)
        log_probs, after = model(inputs.repeat(2, 1), state)
        log_p, log_q = log_probs.double().chunk(2)
        nats = -log_probs.double().gather(-1, targets.repeat(2, 1).unsqueeze(-1)).sum()
        divergence = ((log_p.exp() - log_q.exp()) * (log_p - log_q)).sum()
        torch.testing.assert_close(ours.total, nats / 2 + 2.0 / 4 * divergence, rtol=1e-6, atol=0)
        assert ours.n_items == targets.numel()
        state = ours.state
        for part, expected in zip(state, after, strict=True):
            torch.testing.assert_close(part, expected)
            assert len(part) == 2 * BATCH


def test_the_state_handed_on_carries_no_gradient(ids):
    model = build()
    loss = model.loss(ids[:, :-1], ids[:, 1:])
    assert loss.total.requires_grad
    assert not any(part.requires_grad for part in loss.state)


@pytest.mark.parametrize("name", ["full", "tied through a projection", "tied at once"])
def test_the_softmax_as_one_matrix_gives_the_same_scores(name, ids):
    model = build(**OUTPUTS[name])
    weight, bias = model.output_weights()
    assert (weight.shape, bias.shape) == ((VOCAB, HIDDEN), (VOCAB,))
    features, _ = model.read(ids)
    torch.testing.assert_close((features @ weight.T + bias).log_softmax(-1).float(), model.log_probs(features))


def test_a_tied_softmax_has_no_matrix_of_its_own():
    sizes = {name: sum(weight.numel() for weight in build(**OUTPUTS[name]).parameters()) for name in OUTPUTS}
    assert sizes["full"] - sizes["tied through a projection"] == VOCAB * HIDDEN - HIDDEN * EMBED
    assert sizes["full"] - sizes["tied at once"] == VOCAB * HIDDEN - 2 * VOCAB - 4 * HIDDEN * 2


def test_what_makes_no_language_model_is_refused():
    with pytest.raises(ValueError, match="the encoder must be one-way"):
        LanguageModel(Encoder(VOCAB, EMBED, HIDDEN, bidirectional=True))
    with pytest.raises(ValueError, match="tied or adaptive, not both"):
        build(tied=True, cutoffs=(4,))
    with pytest.raises(ValueError, match="no one matrix"):
        build(cutoffs=(4,)).output_weights()
