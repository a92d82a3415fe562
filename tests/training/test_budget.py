"""From epochs, steps or minutes to a number of steps."""

from __future__ import annotations

import time

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nlp_lstm.config import TrainingSettings
from nlp_lstm.training.budget import SAMPLE, measure_pace, steps_in_budget


def never() -> tuple[float, float]:
    raise AssertionError("only a budget in minutes is measured")


def test_a_budget_in_steps_is_taken_as_it_is():
    assert steps_in_budget(TrainingSettings(steps=17), 5, never) == 17


@pytest.mark.parametrize(
    ("epochs", "accumulate", "n_batches", "steps"),
    [(3, 1, 7, 21), (3, 2, 7, 10), (0.5, 1, 9, 4), (0.01, 1, 7, 1), (1, 8, 4, 1)],
)
def test_a_budget_in_epochs_counts_the_steps_of_their_batches(epochs, accumulate, n_batches, steps):
    settings = TrainingSettings(epochs=epochs, accumulate=accumulate)
    assert steps_in_budget(settings, n_batches, never) == steps


def test_no_budget_means_ten_epochs():
    assert steps_in_budget(TrainingSettings(), 7, never) == 70


def test_a_budget_in_minutes_pays_for_the_evaluations_first():
    # 60 seconds less ten evaluations of 2 leave 40 for steps of half a second; taking the measure costs a moment.
    settings = TrainingSettings(minutes=1, evaluations=10)
    assert steps_in_budget(settings, 5, lambda: (0.5, 2.0)) in (79, 80)


def test_a_budget_in_minutes_pays_for_its_own_measuring():
    def slowly() -> tuple[float, float]:
        time.sleep(0.3)
        return 0.01, 0.0

    # Of 0.6 seconds half is left.
    assert 1 <= steps_in_budget(TrainingSettings(minutes=0.01), 5, slowly) <= 30


@given(st.floats(1e-4, 1e-2), st.floats(1e-3, 10), st.floats(0, 100))
def test_the_smallest_budget_still_pays_for_a_step(minutes, a_step, an_evaluation):
    assert steps_in_budget(TrainingSettings(minutes=minutes), 5, lambda: (a_step, an_evaluation)) >= 1


def test_measuring_leaves_the_model_and_the_random_state_untouched(made):
    torch.manual_seed(3)
    model = made.Line(dropout=0.5)
    weights = {name: weight.clone() for name, weight in model.state_dict().items()}
    state = torch.get_rng_state()
    measure_pace(model, made.objective, made.cut([4, 4, 3]), lambda: 0.5, made.settings(learning_rate=1.0))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(weights[name], weight) for name, weight in model.state_dict().items())
    assert all(weight.grad is None for weight in model.parameters())


def test_a_step_takes_as_long_as_the_batches_that_make_it_and_an_evaluation_as_long_as_it_takes(made):
    def slow_objective(model):
        inner = made.objective(model)

        def loss(batch):
            time.sleep(0.01)
            return inner(batch)

        return loss

    def slow_evaluate() -> float:
        time.sleep(0.05)
        return 0.5

    settings = made.settings(accumulate=3)
    a_step, an_evaluation = measure_pace(made.Line(), slow_objective, made.cut([4, 4, 3]), slow_evaluate, settings)
    assert a_step >= 0.03
    assert an_evaluation >= 0.05


@pytest.mark.parametrize(("minutes", "calls"), [(1.0, 1), (0.001, 2)])
def test_what_the_first_evaluation_prepares_is_not_counted_where_it_would_cost_much(made, minutes, calls):
    asked = []

    def evaluate() -> float:
        time.sleep(0.02 if asked else 0.2)
        asked.append(None)
        return 0.5

    settings = made.settings(minutes=minutes, evaluations=10)
    _, an_evaluation = measure_pace(made.Line(), made.objective, made.cut([4, 4, 3]), evaluate, settings)
    assert len(asked) == calls and (an_evaluation < 0.2) == (calls == 2)


def test_a_large_corpus_is_measured_on_a_sample(made):
    seen = []

    def noting(model):
        inner = made.objective(model)

        def loss(batch):
            seen.append(batch)
            return inner(batch)

        return loss

    measure_pace(made.Line(), noting, made.cut([1] * (3 * SAMPLE)), lambda: 0.5, made.settings())
    assert len(seen) == 2 * SAMPLE


def test_the_loss_measured_is_that_of_the_copy(made):
    model = made.Line()
    measured = []

    def noting(of):
        measured.append(of)
        return made.objective(of)

    measure_pace(model, noting, made.cut([4, 4]), lambda: 0.5, made.settings())
    assert measured and all(each is not model for each in measured)
