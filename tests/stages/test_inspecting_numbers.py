"""Looking into models that read numbers: a forecaster's rows, and the sequences of the long-lag task."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from nlp_lstm.corpora.made_sequences import made_sequences
from nlp_lstm.corpora.series import Series
from nlp_lstm.errors import DataError, UsageError
from nlp_lstm.nn.layers import CELLS
from nlp_lstm.nn.opening import OPENED
from nlp_lstm.nn.vectors import VectorEncoder
from nlp_lstm.stages.predictor import Predictor
from nlp_lstm.tasks import find_task
from tests.stages.made_predictors import PARTS
from tests.tasks.test_tasks import CASES, same, series

ROWS = series(20)


def predictor_of(name: str, cell: str = "lstm", *, spread: float = 2.0) -> Predictor:
    case = CASES[name]
    torch.manual_seed(1)
    network = drawn(case.task.build(case.encoder.model_copy(update={"cell": cell})))
    with torch.no_grad():
        for weight in network.parameters():
            weight *= spread
    return Predictor(case.task, network, {"task": case.kind})


def drawn(network: nn.Module) -> nn.Module:
    """Return a network none of whose weights begin at 0."""
    for weight in network.parameters():
        if not weight.any():
            nn.init.normal_(weight, std=0.3)
    return network


def forecast_of(predictor: Predictor, rows: Series) -> np.ndarray:
    return predictor.forecast(rows).values  # (horizon, columns)


@pytest.mark.parametrize("cell", sorted(CELLS))
def test_a_forecast_is_shared_among_the_rows_that_are_looked_back_on(cell):
    predictor = predictor_of("forecast", cell)
    found = predictor.inspect(ROWS, target="b+2")
    attribution = found.attribution
    assert attribution.of == "forecast of 'b', 2 rows ahead" and attribution.unit == ""
    assert attribution.score == pytest.approx(forecast_of(predictor, ROWS)[1, 1], rel=1e-5)
    means = np.array(predictor.task.settings.means)
    flat = forecast_of(predictor, Series(np.tile(means, (6, 1)), ("a", "b")))
    assert attribution.baseline == pytest.approx(flat[1, 1], rel=1e-5)
    difference = attribution.score - attribution.baseline
    assert sum(attribution.values) == pytest.approx(difference, rel=0.01) and attribution.error < 0.01
    assert same(found.prediction, predictor.task.answer(predictor.model, [ROWS])[0].to_dict())
    assert found.tokens == tuple(f"{value + 0.0:.6g}" for value in ROWS.values[-6:, 1])
    assert found.times == ("15", "16", "17", "18", "19", "20") and found.text == " ".join(found.tokens)
    assert all(found.text[start:].startswith(each) for each, start in zip(found.tokens, found.starts, strict=True))


def test_a_column_that_never_changed_is_explained_in_its_own_units():
    """0.1 in training and 0.7 since: the forecast is 0.7, and what makes it so is the last row."""
    values = ROWS.values.copy()
    values[:, 1] = 0.1
    task = find_task("forecast").from_examples(
        [replace(ROWS, values=values)], CASES["forecast"].task.settings.model_copy(update={"means": ()}), None, {}
    )
    torch.manual_seed(1)
    predictor = Predictor(task, task.build(CASES["forecast"].encoder), {"task": "forecast"})
    later = np.stack([values[:, 0], np.full(len(values), 0.7)], 1)
    found = predictor.inspect(replace(ROWS, values=later), target="b").attribution
    assert (found.score, found.baseline) == pytest.approx((0.7, 0.1), rel=1e-4)
    assert sum(found.values) == pytest.approx(0.6, rel=0.01)


@pytest.mark.parametrize("cell", sorted(CELLS))
def test_a_forecasters_layers_are_shown_at_each_segment_of_the_column(cell):
    predictor = predictor_of("forecast", cell)
    found = predictor.inspect(ROWS, target="b")
    scaled = (ROWS.values[-6:, 1] - predictor.task.settings.means[1]) / predictor.task.settings.scales[1]
    segments = torch.tensor(scaled - scaled[-1], dtype=torch.float32).view(1, 3, 2)
    with torch.inference_mode():
        expected = predictor.model.encoder(segments, keep_layers=True).layers
    for layer, states in zip(found.layers, expected, strict=True):
        assert layer.steps == ("15 … 16", "17 … 18", "19 … 20") and layer.cell == cell
        assert [part.name for part in layer.parts] == PARTS[cell]
        if cell != "transformer" or layer.number == 2:  # no norm stands behind a block but the last
            np.testing.assert_allclose(layer.parts[-1].norm, states[0].norm(dim=-1), atol=1e-5)
        assert len(layer.attention) == (3 if cell == "transformer" else 0)
    assert found.layers != predictor.inspect(ROWS, target="a").layers


def test_leaving_out_a_row_puts_the_mean_in_its_place():
    predictor = predictor_of("forecast")
    found = predictor.inspect(ROWS, target="a+3", method="leave-one-out")
    there = forecast_of(predictor, ROWS)[2, 0]
    for place, value in enumerate(found.attribution.values):
        without = ROWS.values[-6:].copy()
        without[place] = predictor.task.settings.means
        assert value == pytest.approx(there - forecast_of(predictor, Series(without, ("a", "b")))[2, 0], abs=1e-5)


def test_another_column_has_no_share():
    predictor = predictor_of("forecast")
    values = ROWS.values.copy()
    values[:, 0] = 7.0
    one, other = (predictor.inspect(rows, target="b") for rows in (ROWS, Series(values, ("a", "b"))))
    assert one.attribution == other.attribution and one.layers == other.layers
    assert one.notes == ("a column is foreseen from its own past: the other columns have no share in it",)


def test_mixed_columns_have_a_share_and_logarithms_are_told():
    case = CASES["forecast"]
    rows = Series(np.exp(series(40).values / 100.0), ("a", "b"), source="made.csv")
    settings = case.task.settings.model_copy(update={"targets": ("b",), "log": True})
    torch.manual_seed(1)
    task = type(case.task).from_examples([rows], settings, None, {})
    predictor = Predictor(task, task.build(case.encoder), {"task": "forecast"})
    found = predictor.inspect(rows, target="+2")
    assert found.attribution.of == "logarithm of the forecast of 'b', 2 rows ahead"
    assert found.attribution.score == pytest.approx(np.log(forecast_of(predictor, rows)[1, 0]), rel=1e-5)
    assert found.attribution.error < 0.01 and found.notes == ("a row's share is that of all its columns",)
    assert found.tokens == tuple(f"{value:.6g}" for value in rows.values[-6:, 1])
    values = rows.values.copy()
    values[:, 0] *= 2.0
    assert predictor.inspect(replace(rows, values=values), target="+2").attribution != found.attribution


def test_rows_may_be_plain_numbers_and_have_times():
    predictor = predictor_of("forecast")
    days = tuple(f"2024-02-{day:02}" for day in range(1, 21))
    assert predictor.inspect(ROWS.values.tolist()) == predictor.inspect(ROWS)
    found = predictor.inspect(replace(ROWS, times=days))
    assert found.times == days[-6:] and found.layers[0].steps[0] == "2024-02-15 … 2024-02-16"
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False)) == found.to_dict()


def test_a_segment_of_one_row_is_read_row_by_row():
    case = CASES["forecast"]
    kind, settings = type(case.task), case.task.settings.model_copy(update={"segment": 1})
    task = kind(case.task.columns, settings)
    found = Predictor(task, task.build(case.encoder), {"task": "forecast"}).inspect(ROWS)
    assert all(layer.steps == () and len(layer.parts[0].mean) == 6 for layer in found.layers)
    assert found.steps_of(found.layers[0]) == found.times


@pytest.mark.parametrize(
    ("given", "target", "kind", "message"),
    [
        (ROWS, "c", UsageError, r"^expected COLUMN or COLUMN\+ROWS, found 'c': no column 'c'; known: a, b$"),
        (ROWS, "c+1", UsageError, r"^expected COLUMN or COLUMN\+ROWS, found 'c\+1': no column 'c'; known: a, b$"),
        (ROWS, "a+4", UsageError, r"^expected 1 to 3 rows ahead, found 'a\+4'$"),
        (ROWS, "+0", UsageError, r"^expected 1 to 3 rows ahead, found '\+0'$"),
        (series(5), None, DataError, r"^made\.csv: 5 rows; the model looks back on 6$"),
        ("1,2", None, UsageError, r"^input 1: expected numbers, found a text: a model of this kind reads none$"),
        ([[1.0, 2.0, 3.0]] * 9, None, ValueError, r"^values must be \(rows, 2\), not \(9, 3\)$"),
    ],
)
@pytest.mark.parametrize("ask", ["inspect", "gradients"])
def test_what_cannot_be_looked_at_is_refused(ask, given, target, kind, message):
    with pytest.raises(kind, match=message):
        getattr(predictor_of("forecast"), ask)(given, target=target)


def test_a_target_without_a_column_is_of_the_first():
    predictor = predictor_of("forecast")
    assert predictor.inspect(ROWS, target="+2") == predictor.inspect(ROWS, target="a+2")
    assert predictor.inspect(ROWS) == predictor.inspect(ROWS, target="a") == predictor.inspect(ROWS, target="a+1")


@pytest.mark.parametrize("cell", sorted(OPENED))
def test_the_error_of_a_forecast_goes_back_over_the_segments(cell):
    """Against the gradient of a forecast by states that the encoder's step hands from segment to segment."""
    predictor = predictor_of("forecast", cell)
    report = predictor.gradients(ROWS, target="b+2", layer=1)
    assert report.of == "forecast of 'b', 2 rows ahead" and report.layer == 1
    for curve in report.curves:
        assert len(curve.norms) == 3 and all(np.isfinite(curve.norms)) and curve.norms[0] > 0
    case = CASES["forecast"]
    one = case.encoder.model_copy(update={"cell": cell, "n_layers": 1})
    torch.manual_seed(2)
    predictor = Predictor(case.task, drawn(case.task.build(one)), {"task": "forecast"})
    found = predictor.gradients(ROWS, target="b+2").curves[0]
    np.testing.assert_allclose(found.norms, _norms_by_steps(predictor, column=1, ahead=1), rtol=1e-4)


def _norms_by_steps(predictor: Predictor, *, column: int, ahead: int) -> list[float]:
    """Return ‖∂forecast/∂h‖ at each segment, the last first, of one layer that is run segment by segment."""
    model, settings = predictor.model, predictor.task.settings
    assert isinstance(model.encoder, VectorEncoder)
    scaled = torch.tensor((ROWS.values[-6:] - settings.means) / settings.scales, dtype=torch.float32)
    segments = (scaled - scaled[-1])[:, column].view(1, 3, 2)
    state, states = None, []
    for segment in segments.split(1, 1):
        state = model.encoder(segment, state=state, final_state=True).state
        h = state[0].h.clone().requires_grad_() if state[0].h.grad_fn is None else state[0].h.clone()
        state = (state[0]._replace(h=h),)
        states.append(h)
    place = torch.cat([model.places[ahead // model.segment], model.channels[column]]).view(1, 1, -1)
    answer = model.output(model.encoder.stack(place, torch.ones(1, 1, dtype=torch.bool), state).states[0, 0])
    gradients = torch.autograd.grad(answer[ahead % model.segment], states)
    return [float(gradient.norm()) for gradient in gradients[::-1]]


def test_no_rows_are_made_up_and_none_are_streamed():
    predictor = predictor_of("forecast")
    with pytest.raises(UsageError, match=r"^the model reads no text, and no rows are made up: name a source of some$"):
        predictor.gradients()
    with pytest.raises(UsageError, match=r"^a text is read piece by piece, and the model reads none$"):
        predictor.stream_state()


@pytest.mark.parametrize("cell", sorted(CELLS))
def test_the_answer_to_a_made_sequence_is_shared_among_its_steps(cell):
    predictor = predictor_of("lags", cell, spread=1.0)
    sequence = made_sequences("made:adding-20/test")[0]
    found = predictor.inspect(sequence)
    (answer,) = predictor.task.answer(predictor.model, [sequence])
    assert found.attribution.score == pytest.approx(answer.answer, abs=1e-5)
    assert found.prediction == answer.to_dict() and len(found.tokens) == len(sequence)
    assert found.tokens[0].endswith(",-1") and found.tokens[0].startswith(f"{sequence.inputs[0, 0]:.3g}")
    difference = found.attribution.score - found.attribution.baseline
    assert sum(found.attribution.values) == pytest.approx(difference, abs=max(0.01 * abs(difference), 2e-4))
    assert all(len(layer.parts[0].mean) == len(sequence) for layer in found.layers)
    if cell in OPENED:
        assert len(predictor.gradients(sequence, steps=5).curves[0].norms) == 6
        made = predictor.gradients(seed=3)
        assert made == replace(predictor.gradients(predictor.task.made_input(3), seed=3), notes=made.notes)
    with pytest.raises(UsageError, match=r"^the answer is one number: there is no target 'x'$"):
        predictor.inspect(sequence, target="x")


def test_a_symbol_to_come_is_explained():
    kind = find_task("lags")
    task = kind(kind.Settings(problem="reber"))
    predictor = Predictor(task, task.build(CASES["lags"].encoder), {"task": "lags"})
    sequence = made_sequences("made:reber/test")[0]
    found = predictor.inspect(sequence)
    assert found.tokens == tuple(task.problem.symbols[number] for number in sequence.inputs)
    likeliest = found.prediction["answer"].split(" ")[-1]
    assert found.attribution.of == f"log-probability of {likeliest!r} as the last answer"
    scores = [predictor.inspect(sequence, target=symbol).attribution.score for symbol in task.problem.symbols]
    assert np.exp(scores).sum() == pytest.approx(1.0, abs=1e-5)
    assert max(scores) == pytest.approx(found.attribution.score)
    with pytest.raises(UsageError, match="no symbol 'Q'"):
        predictor.inspect(sequence, target="Q")
    with pytest.raises(DataError, match="expected sequences as those of reber"):
        predictor.inspect(made_sequences("made:adding-20/test")[0])
