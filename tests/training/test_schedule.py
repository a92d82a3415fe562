"""The learning rate rises, then falls to the end of the budget."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_lstm.training.schedule import rate_factor

DECAYS = ("cosine", "linear", "none")
BUDGETS = st.integers(1, 3000)
WARMUPS = st.floats(0, 1)


def factors(total_steps: int, warmup: float, decay: str) -> list[float]:
    return [rate_factor(step, total_steps, warmup=warmup, decay=decay) for step in range(total_steps)]


@given(BUDGETS, WARMUPS, st.sampled_from(DECAYS))
def test_the_factor_lies_above_zero_and_reaches_one_but_never_passes_it(total_steps, warmup, decay):
    found = factors(total_steps, warmup, decay)
    assert all(0 < factor <= 1 for factor in found)
    assert max(found) == 1


@given(BUDGETS, WARMUPS, st.sampled_from(DECAYS))
def test_the_factor_rises_to_the_end_of_the_warmup_and_never_after(total_steps, warmup, decay):
    found = factors(total_steps, warmup, decay)
    top = round(warmup * total_steps)
    assert all(before < after for before, after in pairwise(found[:top]))
    assert all(before >= after for before, after in pairwise(found[max(0, top - 1) :]))


@pytest.mark.parametrize("decay", ["cosine", "linear"])
@given(st.integers(100, 3000), st.floats(0, 0.5))
def test_a_falling_factor_ends_near_zero(decay, total_steps, warmup):
    # After the last step of n falling ones 1 / n of a line is left, and less of a cosine.
    n_falling = total_steps - round(warmup * total_steps)
    last = rate_factor(total_steps - 1, total_steps, warmup=warmup, decay=decay)
    assert last <= 1 / n_falling + 1e-12


def test_without_decay_the_factor_stays_at_one():
    assert factors(10, 0.3, "none") == pytest.approx([1 / 3, 2 / 3, 1, 1, 1, 1, 1, 1, 1, 1])


def test_a_cosine_is_half_way_down_half_way_through_its_fall():
    found = factors(120, 1 / 6, "cosine")
    assert found[:20] == pytest.approx([(step + 1) / 20 for step in range(20)])
    assert found[20] == 1
    assert found[70] == pytest.approx(0.5)
    assert found[45] == pytest.approx((1 + math.sqrt(0.5)) / 2)


def test_a_budget_of_one_step_takes_it_at_the_full_rate():
    assert [rate_factor(0, 1, warmup=warmup, decay="cosine") for warmup in (0.0, 0.05, 1.0)] == [1, 1, 1]
