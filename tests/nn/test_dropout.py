"""The dropouts of recurrent networks: what is dropped together, how often, and when not.

Every count below may stray five standard deviations from its mean: with a fresh seed that fails once in
1.7 million runs; the seeds are fixed, so it fails never or always.
"""

from __future__ import annotations

import pytest
import torch

from nlp_lstm.nn.dropout import LockedDropout, replace_words, word_type_scale


def five_sigma(probability: float, draws: int) -> float:
    return 5 * (probability * (1 - probability) / draws) ** 0.5


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


def test_word_dropout_touches_only_real_tokens_and_only_with_the_unknown_word(ragged):
    ids, mask = ragged([40, 90, 100, 1], vocab=50)
    dropped = replace_words(ids, mask, 0.3, unknown_id=1)
    changed = dropped != ids
    assert bool((dropped[changed] == 1).all())
    assert not bool((changed & ~mask).any())
    assert float(changed[mask].double().mean()) == pytest.approx(0.3, abs=five_sigma(0.3, 231))


def test_word_dropout_leaves_its_argument_as_it_is(ragged):
    ids, mask = ragged([40, 90], vocab=50)
    before = ids.clone()
    assert not torch.equal(replace_words(ids, mask, 0.5, unknown_id=1), ids)
    assert torch.equal(ids, before)


def test_word_dropout_draws_for_each_occurrence_of_a_word():
    ids = torch.full((20, 30), 7)
    dropped = replace_words(ids, torch.ones_like(ids, dtype=torch.bool), 0.5, unknown_id=1)
    assert set(dropped.unique().tolist()) == {1, 7}
    assert all(len(row.unique()) == 2 for row in dropped)  # a row of one kind: p = 20 · 2⁻²⁹


def test_word_dropout_of_nothing_changes_nothing(ragged):
    ids, mask = ragged([5, 9])
    assert torch.equal(replace_words(ids, mask, 0.0, unknown_id=1), ids)


def test_a_word_type_is_dropped_everywhere_in_the_batch_or_nowhere():
    ids = torch.arange(400).repeat(2, 3)[:, torch.randperm(1200)]  # each of 400 types six times
    scale = word_type_scale(400, ids, 0.2)
    assert scale.shape == (2, 1200, 1)
    fates = [scale[ids == word].unique().tolist() for word in range(400)]
    assert all(len(fate) == 1 for fate in fates)
    values = torch.tensor(fates).flatten()
    assert set(values.tolist()) == {0.0, 1.25}
    assert float((values == 0).double().mean()) == pytest.approx(0.2, abs=five_sigma(0.2, 400))


def test_locked_dropout_is_one_mask_a_row_for_all_steps():
    layer = LockedDropout(0.3)
    states = torch.rand(6, 11, 200) + 1
    factors = layer(states) / states
    assert torch.allclose(factors, factors[:, :1].expand_as(factors), rtol=0, atol=1e-6)
    kept = factors[:, 0] > 0  # (6, 200)
    torch.testing.assert_close(factors[:, 0][kept], torch.full((int(kept.sum()),), 1 / 0.7))
    assert float(kept.double().mean()) == pytest.approx(0.7, abs=five_sigma(0.7, 1200))
    assert len({tuple(row.tolist()) for row in kept}) == 6  # two rows alike: p < 1e-40


def test_locked_dropout_keeps_the_mean():
    states = torch.ones(500, 2, 100)
    # 50,000 draws of 0 or 1/0.6
    assert float(LockedDropout(0.4)(states).mean()) == pytest.approx(1.0, abs=five_sigma(0.6, 50_000) / 0.6)


@pytest.mark.parametrize("probability", [0.1, 0.2, 0.3, 0.5])
def test_locked_dropout_keeps_the_mean_in_bfloat16_to_its_rounding(probability):
    out = LockedDropout(probability)(torch.ones(1, 1, 64, dtype=torch.bfloat16))
    assert out.dtype == torch.bfloat16
    assert float(out.max()) == pytest.approx(1 / (1 - probability), rel=2**-8)


def test_locked_dropout_draws_anew_each_call():
    layer, states = LockedDropout(0.5), torch.ones(2, 3, 100)
    assert not torch.equal(layer(states), layer(states))


def test_locked_dropout_does_nothing_in_eval_or_at_zero():
    states = torch.randn(2, 3, 5)
    assert torch.equal(LockedDropout(0.5).eval()(states), states)
    assert torch.equal(LockedDropout(0.0)(states), states)


def test_the_probability_shows_in_the_representation():
    assert repr(LockedDropout(0.25)) == "LockedDropout(probability=0.25)"
