"""The forecasting task: the next rows of a table of numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nlp_lstm.batching.series import ScaledSeries, WindowBatch, WindowBatches
from nlp_lstm.config import DataSettings, EncoderSettings, Settings, TrainingSettings
from nlp_lstm.corpora.opening import name_of
from nlp_lstm.corpora.reading import Record
from nlp_lstm.corpora.series import FutureRows, Series
from nlp_lstm.corpora.series_reading import read_series
from nlp_lstm.corpora.time_steps import study_times
from nlp_lstm.errors import DataError, ModelError, UsageError
from nlp_lstm.metrics.forecasts import SCORES, ComparedErrors, ForecastErrors, ForecastReport
from nlp_lstm.metrics.quantiles import QuantileErrors
from nlp_lstm.nn.forecaster import Forecaster, forecast_error, pinball_error
from nlp_lstm.nn.loss import SummedLoss
from nlp_lstm.nn.precision import mixed_precision
from nlp_lstm.nn.simple_forecasts import Foreseen, SimpleForecasts
from nlp_lstm.tasks.forecast_settings import ForecastSettings
from nlp_lstm.tasks.numbers import ReadsNumbers
from nlp_lstm.tasks.probing.forecasts import ForecastProbe, LastRows
from nlp_lstm.tasks.scaling import Scaling, spread
from nlp_lstm.tasks.task import Note, build_vector_encoder

MOST_WINDOWS = 20_000
"""Windows, times columns, that simple forecasts and quantiles are fitted to; of more some at equal distances."""


class Forecast(ReadsNumbers):
    """Reads series, builds the network, says what its loss, its forecasts and their errors are.

    Inside, each column is less its mean and over its standard deviation in the training data.

    Args:
        columns: the columns to foresee, in order.
        features: the columns that are only looked at.
        settings: the head's settings, with all that the training data decided.
        windows: of the training data, for the forecasts to compare with; None where these are fitted already.
    """

    Settings: ClassVar[type[Settings]] = ForecastSettings
    unit: ClassVar[str] = "series"
    headline: ClassVar[Mapping[str, str]] = {"MSE": "mse", "MAE": "mae", "MASE": "mase", "pinball loss": "pinball"}
    costs: ClassVar[frozenset[str]] = frozenset(SCORES)
    example_type: ClassVar[type] = Series

    def __init__(
        self,
        columns: Sequence[str],
        settings: ForecastSettings,
        *,
        features: Sequence[str] = (),
        windows: WindowBatch | None = None,
    ) -> None:
        self.columns, self.features, self.settings = tuple(columns), tuple(features), settings
        self._windows_of_training = windows
        means, scales = (np.array(each, dtype=np.float64) for each in (settings.means, settings.scales))
        self._scaling = Scaling(means, scales, settings.log)
        self._deviations = np.array(settings.deviations, dtype=np.float64)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The columns that are read: those to foresee, then the others."""
        return (*self.columns, *self.features)

    @classmethod
    def read(
        cls, source: str, data: DataSettings, tokenizer: Callable[[], Any], *, note: Note | None = None
    ) -> list[Series]:
        """Return the series of a table; `note` is told what is odd about it."""
        series = read_series(source, data)
        if note is not None:
            for line in series.notes:
                note(line)
        return [series]

    @classmethod
    def records(cls, source: str, data: DataSettings) -> Iterator[Record]:
        """Yield the series of a table, whose end is to be gone on from."""
        series = read_series(source, data)
        yield Record("", {"file": name_of(source)}, numbers=series, notes=series.notes)

    @classmethod
    def hold_out(cls, examples: Sequence[Series], *, fraction: float, seed: int) -> tuple[list[Series], list[Series]]:
        """Return the beginning of each series for training and its end for development."""
        parts = [each.split(fraction) for each in examples]
        return [before for before, _ in parts], [after for _, after in parts]

    @classmethod
    def from_examples(
        cls, examples: Sequence[Series], settings: ForecastSettings, tokenizer: None, vocabularies: Mapping[str, Any]
    ) -> Forecast:
        """Return the task of the training series, with all that is to be known of them.

        Raises:
            DataError: a series has too few rows, not the columns of the first, or numbers without a logarithm.
        """
        columns = settings.targets or examples[0].columns
        features = tuple(name for name in examples[0].columns if name not in columns)
        inputs = (*columns, *features)
        season = settings.season or _usual_season(examples[0])
        known: dict[str, Any] = {"season": season, "mix": settings.mix or bool(features)}
        task = cls(columns, settings.model_copy(update=known), features=features)
        for each in examples:
            task._check_numbers(each)
        task._check_lengths(examples)
        scaling = Scaling.of(np.concatenate([each.select(inputs)[each.first :] for each in examples]), log=settings.log)
        own = [each.select(columns)[each.first :] for each in examples]
        known |= {"means": tuple(scaling.means.tolist()), "scales": tuple(scaling.scales.tolist())}
        known |= {"deviations": tuple(spread(np.concatenate(own)).tolist()), "changes": _changes(own, season or 1)}
        scaled = [ScaledSeries(scaling.scale(each.select(inputs)), each.first) for each in examples]
        windows = task._windows(scaled, batch_size=1, seed=0).sample(max(1, MOST_WINDOWS // len(columns)))
        return cls(columns, settings.model_copy(update=known), features=features, windows=windows)

    @classmethod
    def from_labels(
        cls,
        labels: Mapping[str, Sequence[str]],
        settings: ForecastSettings,
        tokenizer: None,
        vocabularies: Mapping[str, Any],
    ) -> Forecast:
        """Return the task of a model folder.

        Raises:
            ModelError: the labels are no columns, or not as many as there are means and scales.
        """
        if "columns" not in labels or not set(labels) <= {"columns", "features"}:
            raise ModelError(f"expected 'columns', found {', '.join(map(repr, labels)) or 'nothing'}")
        columns, features = labels["columns"], labels.get("features", ())
        sizes = {len(columns) + len(features), len(settings.means), len(settings.scales)}
        sizes |= {len(each) + len(features) for each in (settings.deviations, settings.changes)}
        if len(sizes) > 1:
            raise ModelError(f"expected as many columns as means and scales, found {sizes}")
        return cls(columns, settings, features=features)

    def to_labels(self) -> dict[str, Sequence[str]]:
        """Return the columns, ready for a model folder."""
        return {"columns": self.columns, **({"features": self.features} if self.features else {})}

    def check(self, examples: Sequence[Series]) -> list[str]:
        """Return nothing.

        Raises:
            DataError: a series lacks a column, has numbers without a logarithm, or too few rows for a single window.
        """
        for each in examples:
            self._check_numbers(each)
        self._check_lengths(examples)
        return []

    def encode(self, tokens: Sequence[Series]) -> list[ScaledSeries]:
        """Return the series, scaled."""
        return [ScaledSeries(self._scaling.scale(each.select(self.inputs)), each.first) for each in tokens]

    def build(self, encoder: EncoderSettings) -> Forecaster:
        """Return a freshly initialised network, with the forecasts to compare it with.

        Raises:
            UsageError: the encoder reads both ways, or the settings do not fit together.
        """
        settings = self.settings
        self._check_sizes(encoder)
        n_inputs = len(self.inputs)
        return Forecaster(
            build_vector_encoder(encoder, settings.segment * (n_inputs if settings.mix else 1)),
            len(self.columns),
            segment=settings.segment,
            horizon=settings.horizon,
            dropout=settings.dropout,
            channel_embedding=settings.channel_embedding,
            n_quantiles=len(settings.quantiles),
            n_mixed=n_inputs if settings.mix else 0,
            season=settings.season if settings.add_to == "season" else 0,
            simple=self._build_simple(),
            on_linear=settings.add_to == "linear",
            still=[place for place, scale in enumerate(settings.scales[: len(self.columns)]) if scale == 0.0],
        )

    def _build_simple(self) -> SimpleForecasts:
        """Return the forecasts to compare with, fitted where the training data are at hand."""
        settings, windows = self.settings, self._windows_of_training
        simple = SimpleForecasts(
            len(self.columns),
            len(self.inputs),
            lookback=settings.lookback,
            horizon=settings.horizon,
            levels=settings.quantiles,
            season=settings.season,
            mixed=settings.mix,
            from_season=settings.add_to == "season",
        )
        if windows is not None and not simple.weights.is_meta:  # a network of shapes only holds no numbers
            simple.fit(windows.past, windows.future[..., : len(self.columns)], settings.quantiles)
        return simple

    def batches(
        self, rows: Sequence[ScaledSeries], examples: Sequence[Series], settings: TrainingSettings
    ) -> WindowBatches:
        """Return the training batches: every window of the series."""
        return self._windows(rows, batch_size=settings.batch_size, seed=settings.seed)

    def loss(self, model: nn.Module, batch: WindowBatch) -> SummedLoss:
        """Return the error of a batch, summed over the numbers foreseen."""
        assert isinstance(model, Forecaster)
        found, future = model.foresee(batch.past), batch.future[..., : len(self.columns)]
        error = forecast_error(found.point, future, kind=self.settings.loss)
        if self.settings.quantiles:
            error = error + pinball_error(found.quantiles, future, self.settings.quantiles)
        return SummedLoss(error, future.numel())

    def predict(
        self,
        model: nn.Module,
        rows: Sequence[ScaledSeries],
        *,
        batch_size: int = 256,
        precision: str = "float32",
        quick: bool = False,
    ) -> list[ComparedErrors]:
        """Return the errors on every window of each series: of the model and, unless `quick`, of simpler forecasts."""
        device = next(model.parameters()).device
        model.eval()
        found = []
        with torch.inference_mode(), mixed_precision(device, precision):
            for each in rows:
                batches = self._windows([each], batch_size=batch_size, seed=0).in_order()
                found.append(ComparedErrors.joined([self._compare(model, batch, device, quick) for batch in batches]))
        return found

    def _compare(self, model: nn.Module, batch: WindowBatch, device: torch.device, quick: bool) -> ComparedErrors:
        """Return the errors on the windows of a batch."""
        assert isinstance(model, Forecaster)
        past, future = batch.past.to(device), self._measured(batch.future[..., : len(self.columns)])
        simple = {} if quick or model.simple is None else model.simple(past)
        return ComparedErrors(
            self._errors(model.foresee(past), future),
            {name: self._errors(found, future) for name, found in simple.items()},
        )

    def _errors(self, found: Foreseen, future: NDArray[Any]) -> ForecastErrors:
        """Return the errors of forecasts; `future` is measured in standard deviations."""
        levels, quantiles = self.settings.quantiles, None
        if levels:
            measured = np.stack([self._measured(each) for each in found.quantiles.unbind(-1)], -1)
            quantiles = QuantileErrors.of(measured, future, levels)
        return ForecastErrors.of(self._measured(found.point), future, self._deviations, quantiles=quantiles)

    def _measured(self, scaled: Tensor) -> NDArray[Any]:
        """Return scaled numbers in standard deviations of the training data; a common distance does not matter."""
        numbers = scaled.float().cpu().numpy()
        return self._restored(numbers) / self._deviations if self.settings.log else numbers

    def _restored(self, scaled: NDArray[Any]) -> NDArray[np.float64]:
        return self._scaling.restore(scaled, slice(len(self.columns)))

    def calibrate(self, model: nn.Module, rows: Sequence[ScaledSeries]) -> None:
        """Move the quantiles of a trained network to where the development data say that they are."""
        assert isinstance(model, Forecaster)
        levels, n_columns = self.settings.quantiles, len(self.columns)
        if not levels:
            return
        device = next(model.parameters()).device
        model.eval()
        chosen = self._windows(rows, batch_size=1, seed=0).sample(max(1, MOST_WINDOWS // n_columns))
        pairs = zip(chosen.past.split(256), chosen.future[..., :n_columns].split(256), strict=True)
        model.move_quantiles(((past.to(device), future.to(device)) for past, future in pairs), levels)

    def score(self, examples: Sequence[Series], predictions: Sequence[ComparedErrors]) -> float:
        """Return the number training watches: 1 / (1 + mean squared error + pinball loss, if any), in [0, 1]."""
        errors = ComparedErrors.joined(predictions).model
        pinball = 0.0 if errors.quantiles is None else float(errors.quantiles.pinball.mean())
        return 1.0 / (1.0 + float(errors.squared.mean()) + pinball)

    def shown_score(self, score: float) -> str:
        """Return what training watches as people read it: the squared error, with what quantiles add to it."""
        name = f"MSE{' + pinball loss' if self.settings.quantiles else ''}"
        return f"{name} {1.0 / score - 1.0:.4f} (lower is better)"

    def report(self, examples: Sequence[Series], predictions: Sequence[ComparedErrors]) -> ForecastReport:
        """Return the scores of the forecasts."""
        settings = self.settings
        errors = ComparedErrors.joined(predictions)
        return ForecastReport(self.columns, settings.horizon, errors, settings.changes, settings.quantiles)

    def forecast(self, model: nn.Module, rows: Any, *, times: Sequence[object] = ()) -> FutureRows:
        """Return the rows that follow on some, which are a series or what `Series.of` takes.

        Raises:
            DataError: as `answer`.
            ValueError: the rows make no series.
        """
        series = rows if isinstance(rows, Series) else Series.of(rows, self.inputs, times=times)
        return self.answer(model, [series])[0]

    def check_input(self, given: Any, number: int) -> None:
        """See that something is a series that can be gone on from; `number` is its place, from 1.

        Raises:
            DataError: it lacks a column, or has fewer rows than the model looks back on.
            TypeError: it is no series.
            UsageError: it is a text.
        """
        super().check_input(given, number)
        if not isinstance(given, Series):
            raise TypeError(
                f"input {number}: expected a Series, found {type(given).__name__}; forecast takes plain rows"
            )
        self._last_rows(given)

    def answer(self, model: nn.Module, inputs: Sequence[Series], *, batch_size: int = 256) -> list[FutureRows]:
        """Return the rows that follow on each series.

        Raises:
            DataError: one lacks a column, or has fewer rows than the model looks back on.
        """
        assert isinstance(model, Forecaster)
        device = next(model.parameters()).device
        found: list[FutureRows] = []
        model.eval()
        for begin in range(0, len(inputs), batch_size):
            chosen = inputs[begin : begin + batch_size]
            past = np.stack([self._last_rows(each) for each in chosen])
            with torch.inference_mode():
                foreseen = model.foresee(torch.from_numpy(past).to(device))
            points = self._restored(foreseen.point.double().cpu().numpy())
            quantiles = [self._restored(each.double().cpu().numpy()) for each in foreseen.quantiles.unbind(-1)]
            for place, series in enumerate(chosen):
                levels = dict(zip(self.settings.quantiles, (each[place] for each in quantiles), strict=True))
                found.append(FutureRows.after(series, self.columns, points[place], quantiles=levels))
        return found

    def probe(self, model: nn.Module, given: Any, target: str | None = None) -> ForecastProbe:
        """Return the last rows of a series, or of what `Series.of` takes, on their way through the network.

        Raises:
            DataError: as `answer`.
            UsageError: it is a text, or there is no such target.
            ValueError: the rows make no series.
        """
        assert isinstance(model, Forecaster)
        super().check_input(given, 1)
        series = given if isinstance(given, Series) else Series.of(given, self.inputs)
        self._last_rows(series)
        first = len(series) - self.settings.lookback
        times = series.times[first:] or tuple(str(number + 1) for number in range(first, len(series)))
        rows = LastRows(self.columns, times, series.select(self.inputs)[first:], self._scaling)
        return ForecastProbe(model, rows, lambda: self.answer(model, [series])[0].to_dict(), target=target)

    def _last_rows(self, series: Series) -> NDArray[np.float32]:
        values, lookback = series.select(self.inputs), self.settings.lookback
        if len(values) < lookback:
            raise DataError(
                f"{series.source or 'the rows'}: {len(values):,} rows; the model looks back on {lookback:,}"
            )
        self._check_numbers(series, begin=len(values) - lookback)
        return self._scaling.scale(values[-lookback:])

    def _check_numbers(self, series: Series, *, begin: int = 0) -> None:
        """See that a series has all columns and, from row `begin` on, what can be worked on.

        Raises:
            DataError: it lacks a column, or has numbers without a logarithm.
        """
        values = series.select(self.inputs)[begin:]
        if self.settings.log and (values <= 0.0).any():
            row, place = (int(each) for each in np.argwhere(values <= 0.0)[0])
            name, when = self.inputs[place], f" ({series.times[begin + row]})" if series.times else ""
            raise DataError(
                f"{series.source or 'the rows'}: column {name!r} holds {values[row, place]:g} in row "
                f"{begin + row + 1:,}{when}; head.log needs numbers above 0"
            )

    def _check_sizes(self, encoder: EncoderSettings) -> None:
        """See that the settings fit together.

        Raises:
            UsageError: they do not.
        """
        settings = self.settings
        if encoder.bidirectional:
            raise UsageError("encoder.bidirectional: expected false: a forecaster goes on from where it has read to")
        if settings.lookback % settings.segment:
            raise UsageError(
                f"head.lookback: expected a multiple of head.segment = {settings.segment}, found {settings.lookback}"
            )
        if settings.add_to == "season" and not 1 < settings.season <= settings.lookback:
            raise UsageError(
                f"head.add_to: 'season' needs a season of 2 to head.lookback = {settings.lookback} rows, "
                f"found {settings.season or 'none'}: give head.season"
            )

    def _windows(self, rows: Sequence[ScaledSeries], *, batch_size: int, seed: int) -> WindowBatches:
        settings = self.settings
        return WindowBatches(
            rows, lookback=settings.lookback, horizon=settings.horizon, batch_size=batch_size, seed=seed
        )

    def _check_lengths(self, examples: Sequence[Series]) -> None:
        """See that each series has a window.

        Raises:
            DataError: one has too few rows.
        """
        horizon, lookback = self.settings.horizon, self.settings.lookback
        for each in examples:
            to_foresee, before = len(each) - each.first, f"head.lookback = {lookback:,} before them"
            if to_foresee < horizon:
                raise DataError(
                    f"{each.source}: {to_foresee:,} rows to foresee; head.horizon = {horizon:,} needs as many"
                )
            if len(each) < lookback + horizon:
                raise DataError(f"{each.source}: {len(each):,} rows; expected head.horizon = {horizon:,}, and {before}")


def _usual_season(series: Series) -> int:
    """Return the rows of what is usually a season where times have the step of a series; 0 where nothing is usual."""
    step = study_times(series.times).step
    return (step.season() if step else None) or 0


def _changes(parts: Sequence[NDArray[np.float64]], season: int) -> tuple[float, ...]:
    """Return the mean absolute change of each column over so many rows; 0 where all parts are shorter."""
    steps = np.concatenate([np.abs(each[season:] - each[:-season]) for each in parts])
    means: list[float] = steps.mean(0).tolist() if len(steps) else [0.0] * parts[0].shape[1]
    return tuple(means)
