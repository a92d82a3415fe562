"""The forecaster's network against its formula, written out channel by channel and segment by segment."""

from __future__ import annotations

import pytest
import torch

from nlp_lstm.nn.cells import gru_step, lstm_step
from nlp_lstm.nn.forecaster import Forecaster, forecast_error
from nlp_lstm.nn.vectors import VectorEncoder


def network(*, cell: str = "lstm", n_layers: int = 1, horizon: int = 7, **options) -> Forecaster:
    torch.manual_seed(0)
    encoder = VectorEncoder(3, 5, embed_size=4, cell=cell, n_layers=n_layers)
    return Forecaster(encoder, 2, segment=3, horizon=horizon, **options).double().eval()


def written_out(model: Forecaster, past: torch.Tensor) -> torch.Tensor:
    """Return the forecast of one LSTM or GRU layer for a past (time, channels), by the formula."""
    (layer,) = model.encoder.stack.layers
    weights, projection = layer.forwards.weights(), model.encoder.projection
    columns = []
    for channel in range(past.shape[1]):
        x = past[:, channel]
        h = c = torch.zeros(1, 5, dtype=x.dtype)

        def step(vector, h, c):
            if layer.forwards.cell == "gru":
                return gru_step(vector, h, weights), c
            taken = lstm_step(vector, h, c, weights)
            return taken.h, taken.c

        for start in range(0, len(x), 3):
            h, c = step(projection((x[start : start + 3] - x[-1])[None]).clamp(min=0), h, c)
        parts = []
        for place in model.places:
            query = torch.cat([place, model.channels[channel]])[None]
            parts.append(model.output(step(query, h, c)[0])[0] + x[-1])
        columns.append(torch.cat(parts)[: model.horizon])
    return torch.stack(columns, 1)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("options", [{}, {"channel_embedding": False}, {"horizon": 3}])
def test_the_network_is_its_formula(cell, options):
    model = network(cell=cell, **options)
    past = torch.randn(4, 12, 2, dtype=torch.float64)
    expected = torch.stack([written_out(model, each) for each in past])
    torch.testing.assert_close(model(past), expected.float().double(), atol=1e-6, rtol=1e-6)


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
