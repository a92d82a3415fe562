"""The forecaster's network against its formula, written out channel by channel and segment by segment."""

from __future__ import annotations

import pytest
import torch

from nlp_lstm.nn.cells import gru_step, lstm_step
from nlp_lstm.nn.forecaster import Forecaster, forecast_error, pinball_error
from nlp_lstm.nn.simple_forecasts import SimpleForecasts
from nlp_lstm.nn.vectors import VectorEncoder


def network(*, cell: str = "lstm", n_layers: int = 1, horizon: int = 7, **options) -> Forecaster:
    torch.manual_seed(0)
    encoder = VectorEncoder(3 * (options.get("n_mixed") or 1), 5, embed_size=4, cell=cell, n_layers=n_layers)
    return Forecaster(encoder, 2, segment=3, horizon=horizon, **options).double().eval()


def written_out(model: Forecaster, past: torch.Tensor) -> torch.Tensor:
    """Return the forecast of one LSTM or GRU layer for a past (time, inputs), by the formula."""
    return torch.stack([each[:, 0] for each in written_out_parts(model, past, model.output)], 1)


def written_out_parts(model: Forecaster, past: torch.Tensor, output) -> list[torch.Tensor]:
    """Return what an output layer says of each channel, (horizon, numbers); of the forecast itself with its base."""
    (layer,) = model.encoder.stack.layers
    weights, projection = layer.forwards.weights(), model.encoder.projection
    columns = []
    for channel in range(2):
        x = past[:, channel]
        h = c = torch.zeros(1, 5, dtype=x.dtype)

        def step(vector, h, c):
            if layer.forwards.cell == "gru":
                return gru_step(vector, h, weights), c
            taken = lstm_step(vector, h, c, weights)
            return taken.h, taken.c

        for start in range(0, len(x), 3):
            segment = x[start : start + 3] - x[-1]
            if model.n_mixed:
                rows = past[start : start + 3].clone()
                rows[:, :2] -= past[-1, :2]
                segment = rows.flatten()
            h, c = step(projection(segment[None]).clamp(min=0), h, c)
        parts = []
        for place in model.places:
            query = torch.cat([place, model.channels[channel]])[None]
            parts.append(output(step(query, h, c)[0])[0].view(3, -1))
        found = torch.cat(parts)[: model.horizon]
        if output is model.output:
            season = model.season or 1
            found = found + torch.stack([x[len(x) - season + step % season] for step in range(model.horizon)])[:, None]
        columns.append(found)
    return columns


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("options", [{}, {"channel_embedding": False}, {"horizon": 3}])
def test_the_network_is_its_formula(cell, options):
    model = network(cell=cell, **options)
    past = torch.randn(4, 12, 2, dtype=torch.float64)
    expected = torch.stack([written_out(model, each) for each in past])
    torch.testing.assert_close(model(past), expected.float().double(), atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("options", [{"n_mixed": 2}, {"n_mixed": 5}, {"season": 4}, {"season": 4, "n_mixed": 3}])
def test_columns_read_together_and_seasons_follow_the_formula(cell, options):
    model = network(cell=cell, **options)
    past = torch.randn(4, 12, options.get("n_mixed", 2), dtype=torch.float64)
    expected = torch.stack([written_out(model, each) for each in past])
    torch.testing.assert_close(model(past), expected.float().double(), atol=1e-6, rtol=1e-6)


def test_quantiles_are_the_forecast_and_steps_that_only_rise():
    model = network(n_quantiles=3)
    past = torch.randn(4, 12, 2, dtype=torch.float64)
    found = model.foresee(past)
    assert found.quantiles.shape == (4, 7, 2, 3)
    for row, each in enumerate(past):
        for channel, steps in enumerate(written_out_parts(model, each, model.spread)):
            first = found.point[row, :, channel] + steps[:, 0]
            second = first + torch.log1p(steps[:, 1].exp())
            third = second + torch.log1p(steps[:, 2].exp())
            expected = torch.stack([first, second, third], -1)
            torch.testing.assert_close(found.quantiles[row, :, channel], expected, atol=1e-5, rtol=1e-5)


def test_quantiles_spread_in_units_of_a_simple_forecast():
    past = torch.randn(4, 12, 2, dtype=torch.float64)
    plain = network(n_quantiles=3)
    simple = SimpleForecasts(2, 2, lookback=12, horizon=7)
    simple.errors.copy_(torch.rand(7, 2))
    other = network(n_quantiles=3, simple=simple)
    apart = [each.quantiles - each.point.unsqueeze(-1) for each in (plain.foresee(past), other.foresee(past))]
    torch.testing.assert_close(
        apart[1], apart[0] * simple.errors.unsqueeze(-1), check_dtype=False, atol=1e-5, rtol=1e-5
    )


def test_quantiles_never_cross_whatever_the_weights():
    model = network(n_quantiles=4)
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(std=20.0)
    quantiles = model.foresee(100 * torch.randn(50, 12, 2, dtype=torch.float64)).quantiles
    assert (quantiles.diff(dim=-1) >= 0).all()


def test_without_quantiles_there_are_none_and_the_forecast_is_the_same():
    past = torch.randn(1, 6, 2, dtype=torch.float64)
    assert network().foresee(past).quantiles.shape == (1, 7, 2, 0)
    assert torch.equal(network()(past), network(n_quantiles=3)(past))  # drawn before the layer of the quantiles


def test_the_pinball_loss_is_its_formula():
    torch.manual_seed(1)
    quantiles, future, levels = torch.randn(3, 4, 2, 3), torch.randn(3, 4, 2), (0.1, 0.5, 0.8)
    expected = 0.0
    for place in [(i, j, k) for i in range(3) for j in range(4) for k in range(2)]:
        for number, level in enumerate(levels):
            wrong = float(future[place]) - float(quantiles[(*place, number)])
            expected += 2 * (level * wrong if wrong > 0 else (level - 1) * wrong)
    assert float(pinball_error(quantiles, future, levels)) == pytest.approx(expected, rel=1e-5)
    median = pinball_error(quantiles[..., :1], future, [0.5])
    torch.testing.assert_close(median, forecast_error(quantiles[..., 0], future, kind="l1"))


@pytest.mark.parametrize("n_layers", [1, 2])
def test_no_row_of_a_batch_changes_another(n_layers):
    model = network(n_layers=n_layers)
    past = torch.randn(4, 6, 2, dtype=torch.float64)
    torch.testing.assert_close(model(past), torch.cat([model(each[None]) for each in past]))


def test_a_series_that_is_moved_gives_a_forecast_that_is_moved():
    model = network()
    past, move = torch.randn(3, 6, 2, dtype=torch.float64), torch.tensor([100.0, -7.0])
    torch.testing.assert_close(model(past + move), model(past) + move, atol=1e-4, rtol=0)


def test_a_channel_is_foreseen_from_its_own_past():
    model = network()
    past = torch.randn(1, 6, 2, dtype=torch.float64)
    other = past.clone()
    other[..., 1] = torch.randn(6)
    assert torch.equal(model(past)[..., 0], model(other)[..., 0])
    assert not torch.equal(model(past)[..., 1], model(other)[..., 1])


def test_the_channel_is_told_unless_it_is_not_to_be():
    twice = torch.randn(1, 6, 1, dtype=torch.float64).expand(-1, -1, 2)
    told, untold = network()(twice), network(channel_embedding=False)(twice)
    assert not torch.equal(told[..., 0], told[..., 1])
    assert torch.equal(untold[..., 0], untold[..., 1])


def test_dropout_acts_in_training_only():
    model, past = network(dropout=0.5), torch.randn(2, 6, 2, dtype=torch.float64)
    assert torch.equal(model(past), model(past))
    assert not torch.equal(model.train()(past), model(past))


@pytest.mark.parametrize("shape", [(1, 5, 2), (1, 6, 3)])
def test_a_past_of_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r"past must be \(batch, a multiple of 3, 2\), not"):
        network()(torch.zeros(shape, dtype=torch.float64))


def test_errors_are_summed():
    found, future = torch.tensor([[1.0, 5.0]]), torch.tensor([[3.0, 4.0]])
    assert forecast_error(found, future, kind="mse") == 5.0
    assert forecast_error(found, future, kind="l1") == 3.0


def test_on_a_linear_forecast_the_network_adds_to_that_in_place_of_the_last_value():
    simple = SimpleForecasts(2, 2, lookback=9, horizon=7)
    model = network(simple=simple, on_linear=True)
    past = torch.randn(1, 9, 2, dtype=torch.float64)
    with torch.no_grad():
        model.simple.weights.normal_()
        torch.testing.assert_close(model(past), model.simple.linear(past))  # its own output begins at 0
        for weight in model.output.parameters():
            weight.normal_()
        expected = written_out(model, past[0]) - past[0, -1] + model.simple.linear(past)[0]
        torch.testing.assert_close(model(past)[0], expected)


def test_there_must_be_a_linear_forecast_to_add_to():
    with pytest.raises(ValueError, match="on_linear needs simple forecasts to add to"):
        network(on_linear=True)
