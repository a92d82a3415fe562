"""How far an error reaches back: written-out derivatives, other implementations, finite differences."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from nlp_lstm.nn.cells import lstm_step
from nlp_lstm.nn.opening import OPENED
from nlp_lstm.nn.reaching import error_norms, measure, replaced
from nlp_lstm.nn.recurrent import LayerState, Recurrence
from nlp_lstm.nn.stack import Stack
from nlp_lstm.nn.tracing import Pass, Reader, readers

INPUT, HIDDEN, TIME = 3, 5, 8


def seen(layer: Recurrence, inputs: Tensor) -> Pass:
    with torch.no_grad():
        states, _ = layer(inputs, torch.tensor([inputs.shape[1]]))
    return Pass(inputs, None, states)


def reader(layer: Recurrence) -> Reader:
    return Reader(0, "forward", layer.cell, layer)


def of_h(error: Tensor) -> LayerState:
    return LayerState(error.unsqueeze(0))


def scalar(weight: float, bias: float) -> Recurrence:
    layer = Recurrence(1, 1, cell="rnn").double()
    with torch.no_grad():
        layer.weight_hh.fill_(weight)
        layer.weight_ih.fill_(1.0)
        layer.bias_ih.fill_(bias)
    return layer


@pytest.mark.parametrize("weight", [0.5, 1.0, 1.5])
def test_of_a_linear_scalar_rnn_the_error_is_a_power_of_its_weight(weight):
    layer = scalar(weight, 0.0)  # on zeros the state stays 0, where tanh is its own tangent
    found = error_norms(
        reader(layer),
        seen(layer, torch.zeros(1, 60, 1, dtype=torch.float64)),
        of_h(torch.tensor([2.0]).double()),
        most=50,
    )
    expected = 2.0 * weight ** torch.arange(51, dtype=torch.float64)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)


def test_of_a_scalar_rnn_each_step_back_is_one_factor_more():
    layer, inputs = scalar(1.3, 0.2), torch.randn(1, TIME, 1, dtype=torch.float64)
    passed = seen(layer, inputs)
    found = error_norms(reader(layer), passed, of_h(torch.tensor([1.0]).double()), most=99)
    expected, norm = [], 1.0
    for h in passed.states[0, :, 0].flip(0):
        expected.append(norm)
        norm *= 1.3 * (1.0 - float(h) ** 2)
    torch.testing.assert_close(found, torch.tensor(expected).double())


def test_more_steps_than_there_are_end_at_the_first_token(randomised):
    layer = randomised(Recurrence(INPUT, HIDDEN))
    passed = seen(layer, torch.randn(1, TIME, INPUT))
    error = torch.randn(HIDDEN)
    whole = error_norms(reader(layer), passed, of_h(error), most=99)
    assert len(whole) == TIME and float(whole[0]) == pytest.approx(float(error.norm()), abs=1e-6)
    torch.testing.assert_close(error_norms(reader(layer), passed, of_h(error), most=3), whole[:4])


@pytest.mark.parametrize(("cell", "other"), [("lstm", nn.LSTMCell), ("gru", nn.GRUCell), ("rnn", nn.RNNCell)])
def test_it_is_what_autograd_finds_in_torchs_own_cells(cell, other, randomised):
    layer = randomised(Recurrence(INPUT, HIDDEN, cell=cell)).double()
    theirs = other(INPUT, HIDDEN).double()
    theirs.load_state_dict(dict(layer.named_parameters()))
    inputs, error = torch.randn(1, TIME, INPUT).double(), torch.randn(HIDDEN).double()
    states: list[Tensor] = []
    h = c = torch.zeros(1, HIDDEN).double()
    for x in inputs.unbind(1):
        h, c = theirs(x, (h, c)) if cell == "lstm" else (theirs(x, h), c)
        states.append(h)
    gradients = torch.autograd.grad((h[0] * error).sum(), states)
    expected = torch.stack([gradient.norm() for gradient in gradients[::-1]])
    torch.testing.assert_close(error_norms(reader(layer), seen(layer, inputs), of_h(error), most=99), expected)


def test_an_lstms_error_is_that_of_finite_differences(randomised):
    layer = randomised(Recurrence(INPUT, HIDDEN)).double()
    inputs, error, back = torch.randn(1, TIME, INPUT).double(), torch.randn(HIDDEN).double(), 4

    def last(moved: Tensor) -> Tensor:
        state = LayerState(torch.zeros(1, HIDDEN).double(), torch.zeros(1, HIDDEN).double())
        for place, x in enumerate(inputs.unbind(1)):
            step = lstm_step(x, state.h, state.c, layer.weights())
            state = LayerState(step.h + moved if place == TIME - 1 - back else step.h, step.c)
        return (state.h[0] * error).sum()

    with torch.no_grad():
        eyes = 1e-6 * torch.eye(HIDDEN).double()
        slopes = torch.stack([(last(eye) - last(-eye)) / 2e-6 for eye in eyes])
    found = error_norms(reader(layer), seen(layer, inputs), of_h(error), most=99)
    assert float(found[back]) == pytest.approx(float(slopes.norm()), rel=1e-6)


@pytest.mark.parametrize("cell", ["peephole_lstm", "layernorm_lstm", "minlstm"])
def test_of_cells_without_a_kernel_it_is_that_of_finite_differences(cell, randomised):
    stack = randomised(Stack(INPUT, HIDDEN, cell=cell)).double()
    (each,) = readers(stack)
    inputs, error, back = torch.randn(1, TIME, INPUT).double(), torch.randn(HIDDEN).double(), 4

    def last(moved: Tensor) -> Tensor:
        opening, weights = OPENED[cell], each.layer.weights()
        zeros = torch.zeros(1, HIDDEN).double()
        state = LayerState(zeros, zeros if opening.cell_state else None)
        for place, x in enumerate(inputs.unbind(1)):
            state = opening.step(x, state, weights).state
            state = state._replace(h=state.h + moved) if place == TIME - 1 - back else state
        return (state.h[0] * error).sum()

    with torch.no_grad():
        eyes = 1e-6 * torch.eye(HIDDEN).double()
        slopes = torch.stack([(last(eye) - last(-eye)) / 2e-6 for eye in eyes])
        states, _ = each.layer(inputs, torch.tensor([TIME]))
    found = error_norms(each, Pass(inputs, None, states), of_h(error), most=99)
    assert float(found[back]) == pytest.approx(float(slopes.norm()), rel=1e-5)


def test_where_the_loss_reads_the_last_cell_state_its_error_is_handed_back_too(randomised):
    stack = randomised(Stack(INPUT, HIDDEN)).eval()
    inputs, mask = torch.randn(1, TIME, INPUT), torch.ones(1, TIME, dtype=torch.bool)

    def loss() -> Tensor:
        (state,) = stack(inputs, mask, final_state=True).state
        return (state.h * 0.1).sum() + state.c.square().sum()

    found = measure(stack, loss, number=0, most=99)
    states, h, c = [], torch.zeros(1, HIDDEN), torch.zeros(1, HIDDEN)
    for x in inputs.unbind(1):
        step = lstm_step(x, h, c, stack.layers[0].forwards.weights())
        h, c = step.h, step.c
        states.append(h)
    total = (h * 0.1).sum() + c.square().sum()
    expected = [float(gradient.norm()) for gradient in torch.autograd.grad(total, states)[::-1]]
    assert found.norms.tolist() == pytest.approx(expected, rel=1e-4)


def test_a_row_is_measured_as_if_it_stood_alone(randomised):
    stack = randomised(Stack(INPUT, HIDDEN)).eval()
    inputs, mask = torch.randn(3, TIME, INPUT), torch.ones(3, TIME, dtype=torch.bool)
    many = measure(stack, lambda: stack(inputs, mask).states[1, -1].sum().exp(), number=0, most=99, row=1)
    one = measure(stack, lambda: stack(inputs[1:2], mask[1:2]).states[0, -1].sum().exp(), number=0, most=99)
    torch.testing.assert_close(many.norms, one.norms)
    assert many.weight_norm == pytest.approx(one.weight_norm, rel=1e-4)


@pytest.mark.parametrize("number", [0, 1])
def test_measuring_takes_the_error_of_the_last_step_and_the_norm_of_all_weights_gradient(number, randomised):
    stack = randomised(Stack(INPUT, HIDDEN, n_layers=2)).eval()
    inputs = torch.randn(1, TIME, INPUT)
    mask = torch.ones(1, TIME, dtype=torch.bool)

    def loss() -> Tensor:
        return stack(inputs, mask).states[0, -1].square().sum()

    found = measure(stack, loss, number=number, most=99)
    loss().backward()
    squares = sum(weight.grad.double().square().sum() for weight in stack.parameters())
    assert found.weight_norm == pytest.approx(float(squares.sqrt()), rel=1e-5)
    if number == 1:
        last = stack(inputs, mask).states[0, -1].detach()
        assert float(found.norms[0]) == pytest.approx(float(2 * last.norm()), rel=1e-5)
    assert len(found.norms) == TIME


def test_where_the_loss_does_not_read_the_last_state_the_error_has_length_one(randomised):
    stack = randomised(Stack(INPUT, HIDDEN)).eval()
    inputs, mask = torch.randn(1, TIME, INPUT), torch.ones(1, TIME, dtype=torch.bool)
    found = measure(stack, lambda: stack(inputs, mask).states[0, 2].sum(), number=0, most=99)
    assert float(found.norms[0]) == pytest.approx(1.0)


def test_small_recurrent_weights_let_the_error_vanish_and_large_ones_let_it_explode():
    norms = {}
    for scale in (0.5, 1.0, 3.0):
        torch.manual_seed(1)
        layer = Recurrence(INPUT, 64, cell="rnn")
        with torch.no_grad():
            layer.weight_hh.mul_(scale)
        passed = seen(layer, 0.1 * torch.randn(1, 101, INPUT, generator=torch.Generator().manual_seed(2)))
        norms[scale] = error_norms(reader(layer), passed, of_h(torch.full((64,), 0.125)), most=100)
    assert float(norms[0.5][100]) < 1e-20 < 1e-6 < float(norms[1.0][100]) <= 1.0
    assert float(norms[3.0][100]) > 1e6


def test_another_stack_runs_in_ones_place_only_in_the_block(randomised):
    stack, other = randomised(Stack(INPUT, HIDDEN)), randomised(Stack(INPUT, HIDDEN, cell="gru"), seed=7)
    inputs, mask = torch.randn(1, TIME, INPUT), torch.ones(1, TIME, dtype=torch.bool)
    state = (LayerState(torch.ones(1, HIDDEN), torch.ones(1, HIDDEN)),)
    expected = other(inputs, mask).states
    with replaced(stack, other):
        first = stack(inputs, mask, state, final_state=True)
        assert torch.equal(first.states, expected)
        assert torch.equal(stack(inputs, mask).states, expected)
        assert torch.equal(stack(inputs, mask, first.state).states, other(inputs, mask, first.state).states)
    assert not torch.equal(stack(inputs, mask).states, expected)
