"""Compiled steps against the network, and their draws against the distribution of `nn.sampling`."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nlp_lstm.nn.encoder import Encoder
from nlp_lstm.nn.language_model import LanguageModel
from nlp_lstm.nn.layers import CELLS
from nlp_lstm.nn.sampling import choose, probabilities, transforms
from nlp_lstm.nn.stepping import CompiledSteps, Draw, _sigmoids

VOCAB, EMBED, HIDDEN = 13, 5, 19  # eight rows go through the loops at once: 19 leaves three


def build(*, tied: bool = False, scale: float = 0.4, cutoffs: tuple[int, ...] = (), **sizes) -> LanguageModel:
    torch.manual_seed(7)
    encoder = Encoder(VOCAB, **{"embed_size": EMBED, "hidden_size": HIDDEN, **sizes})
    model = LanguageModel(encoder, tied=tied, cutoffs=cutoffs).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(std=scale)
    return model


SHAPES = {
    "one layer": {},
    "two layers, tied": {"n_layers": 2, "tied": True},
    "three layers, tied at once": {"n_layers": 3, "tied": True, "embed_size": HIDDEN},
    "gates wide open or shut": {"scale": 4.0},
    "less than eight rows": {"hidden_size": 3},
}


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return build()


@pytest.fixture(scope="module")
def steps(model) -> CompiledSteps:
    return CompiledSteps(model)


def read(model: LanguageModel, ids: list[int], state=()):
    with torch.inference_mode():
        log_probs, state = model(torch.tensor([ids]), state)
    return log_probs[0, -1], state


@pytest.mark.parametrize("sizes", SHAPES.values(), ids=SHAPES)
def test_every_step_is_the_networks(sizes):
    model = build(**sizes)
    steps = CompiledSteps(model)
    log_probs, state = read(model, [3, 5, 8])
    uniforms = np.random.default_rng(0).random(12)
    known: list[int] = []
    for n in range(1, 13):
        ids, after, behind = steps.run(log_probs, state, uniforms[:n], Draw())
        assert ids[: n - 1] == known
        known = ids
        expected, reached = read(model, ids, state)
        assert torch.isfinite(expected).all()
        torch.testing.assert_close(after, expected, rtol=1e-5, atol=1e-5)
        for one, other in zip(behind, reached, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)
    assert len(set(known)) > 3


def test_a_run_in_pieces_is_the_whole_run_to_the_last_bit(model, steps):
    log_probs, state = read(model, [4])
    uniforms = np.random.default_rng(1).random(20)
    ids, last, behind = steps.run(log_probs, state, uniforms, Draw(temperature=0.9))
    pieces: list[int] = []
    for part in np.split(uniforms, [1, 3, 9]):
        found, log_probs, state = steps.run(log_probs, state, part, Draw(temperature=0.9))
        pieces += found
    assert pieces == ids
    assert torch.equal(log_probs, last) and all(map(torch.equal, state, behind))


def test_what_it_is_given_stays_as_it_was(model, steps):
    log_probs, state = read(model, [4])
    before = [part.clone() for part in (log_probs, *state)]
    steps.run(log_probs, state, np.array([0.3, 0.9, 0.5]), Draw())
    assert all(map(torch.equal, (log_probs, *state), before))


@pytest.mark.parametrize("sizes", [{}, {"n_layers": 2, "tied": True}], ids=["plain", "tied"])
def test_a_model_that_suits_is_an_lstm_with_a_plain_softmax(sizes):
    assert CompiledSteps.suits(build(**sizes))


@pytest.mark.parametrize(
    "sizes", [*({"cell": cell} for cell in CELLS if cell != "lstm"), {"n_layers": 2, "layer_norm": True}], ids=str
)
def test_other_networks_do_not_suit(sizes):
    assert not CompiledSteps.suits(build(**sizes))
    assert not CompiledSteps.suits(build(cutoffs=(4,)))


def test_sigmoids_are_exact_to_the_last_bits_wherever_they_are_taken():
    values = np.concatenate([np.linspace(-30, 30, 4001), [0.0, -0.0, 1e-30, 86.9, -86.9, 1e4, -1e4, 3e38, -3e38]])
    found = values.astype(np.float32)
    with np.errstate(over="ignore"):
        expected = 1 / (1 + np.exp(-found.astype(np.float64)))
    _sigmoids(found, np.empty_like(found), np.empty(len(found), np.int32))
    assert np.abs(found - expected).max() < 2e-7


# --- the draw ----------------------------------------------------------------------------------------------------

GRID = (np.arange(400) + 0.5) / 400
TIES = torch.tensor([9.0, 9.0, 1.0, 2.0, 2.0, 0.0, 2.0, -1.0, 1.0, 2.0, 0.5, 0.5, -3.0])

DRAWS = {
    "as it is": Draw(),
    "cold": Draw(temperature=0.3),
    "hot": Draw(temperature=4.0),
    "very cold": Draw(temperature=1e-300),
    "the likeliest": Draw(temperature=0.0),
    "three": Draw(top_k=3),
    "more than there are": Draw(top_k=99),
    "most": Draw(top_p=0.8),
    "few": Draw(top_p=0.01),
    "all but a little": Draw(top_p=0.9999),
    "near the best": Draw(min_p=0.2),
    "as good as the best": Draw(min_p=1.0),
    "all of it": Draw(temperature=1.5, top_k=6, top_p=0.7, min_p=0.1),
}


def drawn(model, steps, scores: torch.Tensor, uniforms, draw: Draw) -> list[int]:
    """Return the token for each uniform number."""
    _, state = read(model, [4])
    return [steps.run(scores, state, np.array([uniform]), draw)[0][0] for uniform in uniforms]


def expected_probs(scores: torch.Tensor, draw: Draw) -> torch.Tensor:
    rules = transforms(
        temperature=draw.temperature,
        top_k=draw.top_k,
        top_p=draw.top_p,
        min_p=draw.min_p,
        forbid=range(draw.n_excluded),
    )
    return probabilities(scores.unsqueeze(0), torch.empty(1, 0, dtype=torch.int64), rules)


@pytest.mark.parametrize("n_excluded", [0, 2])
@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
@pytest.mark.parametrize("made", ["ties", "random"])
def test_a_token_is_drawn_for_as_much_of_the_line_as_its_probability_says(model, steps, draw, n_excluded, made):
    scores = TIES if made == "ties" else torch.randn(VOCAB, generator=torch.Generator().manual_seed(3)) * 2
    draw = Draw(draw.temperature, draw.top_k, draw.top_p, draw.min_p, n_excluded)
    found = drawn(model, steps, scores, GRID, draw)
    probs = expected_probs(scores, draw)
    sums = probs.cumsum(-1)[0].numpy()
    clear = np.abs(GRID[:, None] - sums).min(1) > 1e-5  # a number on a bound may fall on either side
    assert clear.sum() > 300
    same = choose(probs.expand(len(GRID), -1), torch.from_numpy(GRID)).numpy()
    assert np.array_equal(np.array(found)[clear], same[clear])
    shares = np.bincount(found, minlength=VOCAB) / len(GRID)
    assert np.abs(shares - probs[0].numpy()).max() <= 1 / len(GRID) + 1e-9
    assert min(found) >= n_excluded


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_no_token_without_probability_is_drawn_at_the_ends_of_the_line(model, steps, draw):
    scores = torch.tensor([-1e30, 2.0, 1.0, 3.0, *[-1e30] * 9])
    first, last = drawn(model, steps, scores, [0.0, np.nextafter(1.0, 0.0)], draw)
    allowed = expected_probs(scores, draw)[0].nonzero().flatten().tolist()
    assert (first, last) == (allowed[0], allowed[-1])


def test_between_equals_the_lowest_token_that_may_come_is_the_likeliest(model, steps):
    for n_excluded, best in ((0, 0), (1, 1), (2, 3)):
        for draw in (Draw(temperature=0.0, n_excluded=n_excluded), Draw(top_k=1, n_excluded=n_excluded)):
            assert set(drawn(model, steps, TIES, [0.0, 0.5, 0.999], draw)) == {best}


def test_scores_are_known_up_to_a_constant(model, steps):
    draw = Draw(temperature=0.7, top_k=8, top_p=0.9, min_p=0.01)
    assert drawn(model, steps, TIES + 50, GRID[::9], draw) == drawn(model, steps, TIES, GRID[::9], draw)
