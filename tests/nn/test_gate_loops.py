"""The compiled loops, values and derivatives, against the written-out steps left to autograd."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch

from nlp_lstm.nn.cells import layernorm_gates, peephole_gates
from nlp_lstm.nn.gate_loops import run_layernorm, run_peephole
from nlp_lstm.nn.unfused import step_by_step

TIME, ROWS = 7, 3
WEIGHTS = {
    "peephole": lambda hidden: ((4 * hidden, hidden), (3 * hidden,)),
    "layernorm": lambda hidden: ((4 * hidden, hidden), (4 * hidden,), (hidden,), (hidden,)),
}


class Case:
    """A loop over random tensors."""

    def __init__(
        self, kind: str, hidden: int = 5, *, time: int = TIME, dtype: torch.dtype = torch.float64, scale: float = 0.7
    ) -> None:
        self.generator, self.dtype, self.scale = torch.Generator().manual_seed(0), dtype, scale
        self.run = {"peephole": run_peephole, "layernorm": run_layernorm}[kind]
        self.gates, self.h, self.c = self.draw(time, ROWS, 4 * hidden), self.draw(ROWS, hidden), self.draw(ROWS, hidden)
        self.weights = [self.draw(*shape) for shape in WEIGHTS[kind](hidden)]
        self.step = {"peephole": peephole_gates, "layernorm": layernorm_gates}[kind]

    def draw(self, *shape: int) -> torch.Tensor:
        return (torch.randn(shape, generator=self.generator) * self.scale).to(self.dtype).requires_grad_()

    @property
    def leaves(self) -> list[torch.Tensor]:
        return [self.gates, self.h, self.c, *self.weights]

    def compiled(self) -> tuple[torch.Tensor, torch.Tensor]:
        return self.run(*self.leaves)

    def by_hand(self) -> tuple[torch.Tensor, torch.Tensor]:
        return step_by_step(lambda gates, h, c: self.step(gates, h, c, *self.weights), self.gates, self.h, self.c)

    def gradients(self, states: tuple[torch.Tensor, torch.Tensor]) -> tuple[torch.Tensor, ...]:
        """Return the gradients of all leaves, for a random slope of each number."""
        generator = torch.Generator().manual_seed(1)
        slopes = [torch.randn(part.shape, generator=generator).to(part.dtype) for part in states]
        return torch.autograd.grad(states, self.leaves, slopes, retain_graph=True)


def assert_close(ours, expected, tolerance: float) -> None:
    """Compare tensors up to a fraction of the largest number in each, or of 1."""
    for one, other in zip(ours, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=tolerance * max(1.0, float(other.detach().abs().max())))


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-6), (torch.float64, 1e-13)])
@pytest.mark.parametrize("hidden", [4, 5, 33])
@pytest.mark.parametrize("kind", WEIGHTS)
def test_values_and_all_gradients_are_those_of_the_steps_left_to_autograd(kind, hidden, dtype, tolerance):
    case = Case(kind, hidden, dtype=dtype)
    ours, expected = case.compiled(), case.by_hand()
    assert_close(ours, expected, tolerance)
    assert_close(case.gradients(ours), case.gradients(expected), tolerance)


@pytest.mark.parametrize("kind", WEIGHTS)
def test_the_derivative_is_what_differences_give(kind):
    case = Case(kind, 3, time=4)
    assert torch.autograd.gradcheck(case.run, tuple(case.leaves))


@pytest.mark.parametrize("kind", WEIGHTS)
def test_gates_wide_open_or_shut_keep_their_numbers(kind):
    case = Case(kind, dtype=torch.float32, scale=30.0)
    ours = case.compiled()
    assert_close(ours, case.by_hand(), 2e-6)
    assert all(bool(gradient.isfinite().all()) for gradient in case.gradients(ours))


@pytest.mark.parametrize("kind", WEIGHTS)
def test_a_second_pass_back_gives_the_same_gradients(kind):
    case = Case(kind)
    states = case.compiled()
    assert_close(case.gradients(states), case.gradients(states), 0.0)


@pytest.mark.parametrize("kind", WEIGHTS)
def test_two_runs_with_the_state_between_are_one_run_in_values_and_gradients(kind):
    case = Case(kind)
    whole = case.compiled()
    hs, cs = case.run(case.gates[:2], case.h, case.c, *case.weights)
    then = case.run(case.gates[2:], hs[-1], cs[-1], *case.weights)
    joined = (torch.cat([hs, then[0]]), torch.cat([cs, then[1]]))
    assert_close(joined, whole, 1e-13)
    assert_close(case.gradients(joined), case.gradients(whole), 1e-12)


@pytest.mark.parametrize("kind", WEIGHTS)
def test_bfloat16_keeps_states_in_float32_and_is_off_by_rounding_only(kind, autocast):
    case = Case(kind, 16, dtype=torch.float32, scale=0.3)
    exact = case.compiled()
    with autocast(True):
        rounded = case.compiled()
        gradients = case.gradients(rounded)  # going back under autocast must not change the types either
    assert {part.dtype for part in (*rounded, *gradients)} == {torch.float32}
    assert_close(rounded, exact, 0.05)
    assert not torch.equal(rounded[0], exact[0])
    for ours, expected in zip(gradients, case.gradients(exact), strict=True):
        assert float((ours - expected).norm()) <= 0.05 * float(expected.norm()) + 1e-6


@pytest.mark.parametrize("kind", WEIGHTS)
def test_without_gradients_the_values_are_the_same(kind):
    case = Case(kind)
    expected = case.compiled()
    with torch.inference_mode():
        assert_close(case.compiled(), expected, 0.0)


@pytest.mark.parametrize("kind", WEIGHTS)
def test_what_is_given_need_not_lie_in_one_piece(kind):
    case = Case(kind)
    expected = case.compiled()
    spread = [part.detach().repeat_interleave(2, -1)[..., ::2] for part in case.leaves]
    assert not any(part.is_contiguous() for part in spread)
    assert_close(case.run(*spread), expected, 1e-14)


@pytest.mark.parametrize("kind", WEIGHTS)
def test_what_the_loop_keeps_goes_with_its_result(kind):
    case = Case(kind)
    gc.disable()
    try:
        states = case.compiled()
        kept = weakref.ref(states[0].grad_fn.run)
        assert kept() is not None
        del states
        assert kept() is None  # no ring of references that waits for the collector
    finally:
        gc.enable()
