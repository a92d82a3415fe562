"""The moving average of the weights equals its formula."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nlp_lstm.training.average import WeightAverage


def walk(decay: float, n_steps: int) -> tuple[WeightAverage, list[torch.Tensor]]:
    """Return an average over random weights, and those weights, the first ones before any step."""
    torch.manual_seed(5)
    model = nn.Linear(2, 3, dtype=torch.float64)
    average = WeightAverage(model, decay)
    seen = [model.weight.detach().clone()]
    for step in range(1, n_steps + 1):
        with torch.no_grad():
            model.weight.normal_()
        average.update(step)
        seen.append(model.weight.detach().clone())
    return average, seen


@pytest.mark.parametrize("decay", [0.3, 0.9, 0.999, 1.0])
def test_the_average_equals_the_recursion_written_out(decay):
    average, seen = walk(decay, 40)
    expected = seen[0]
    for step, weights in enumerate(seen[1:], start=1):
        d = min(decay, (1 + step) / (10 + step))
        expected = d * expected + (1 - d) * weights
    torch.testing.assert_close(average.average[0], expected, rtol=1e-12, atol=1e-12)


def test_without_decay_the_average_is_the_weights_themselves():
    average, seen = walk(0.0, 3)
    assert torch.equal(average.average[0], seen[-1])


def test_the_first_steps_weigh_more_than_the_start():
    # d_1 = 2 / 11: nine elevenths of the first average are the first step's weights.
    average, seen = walk(0.999, 1)
    torch.testing.assert_close(average.average[0], 2 / 11 * seen[0] + 9 / 11 * seen[1])


def test_the_average_stands_in_for_the_weights_only_while_it_is_applied():
    average, seen = walk(0.9, 4)
    weight = average.weights[0]
    with average.applied():
        assert torch.equal(weight, average.average[0])
        assert not torch.equal(weight, seen[-1])
    assert torch.equal(weight, seen[-1])


def test_the_weights_come_back_also_after_an_error():
    average, seen = walk(0.9, 4)
    with pytest.raises(ZeroDivisionError), average.applied():
        _ = 1 / 0
    assert torch.equal(average.weights[0], seen[-1])


def test_what_is_done_to_the_weights_while_it_is_applied_leaves_the_average_alone():
    average, _ = walk(0.9, 4)
    before = average.average[0].clone()
    with average.applied(), torch.no_grad():
        average.weights[0].zero_()
    assert torch.equal(average.average[0], before)
