"""The forecasting task: the next rows of a table of numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import nn

from nlp_lstm.batching.series import ScaledSeries, WindowBatch, WindowBatches
from nlp_lstm.config import DataSettings, EncoderSettings, Positive, Probability, Settings, TrainingSettings
from nlp_lstm.corpora.opening import name_of
from nlp_lstm.corpora.reading import Record
from nlp_lstm.corpora.series import FutureRows, Series
from nlp_lstm.corpora.series_reading import read_series
from nlp_lstm.corpora.time_steps import study_times
from nlp_lstm.errors import DataError, ModelError, UsageError
from nlp_lstm.metrics.forecasts import Comparison, ForecastErrors, ForecastReport
from nlp_lstm.nn.forecaster import Forecaster, forecast_error
from nlp_lstm.nn.loss import SummedLoss
from nlp_lstm.nn.precision import mixed_precision
from nlp_lstm.tasks.numbers import ReadsNumbers
from nlp_lstm.tasks.probing.forecasts import ForecastProbe, LastRows
from nlp_lstm.tasks.task import Note, build_vector_encoder


class ForecastSettings(Settings):
    """The `[head]` section of a forecasting recipe; training fills in the last three."""

    horizon: Positive = 24
    """Rows to foresee."""
    lookback: Positive = 96
    """Rows to foresee them from; a multiple of `segment`."""
    segment: Positive = 12
    """Rows that the encoder reads in one step."""
    loss: Literal["mse", "l1"] = "mse"
    """What is made small: squared errors, or absolute ones."""
    dropout: Probability = 0.0
    """On what the output layer reads."""
    channel_embedding: bool = True
    """Tell the network which column it foresees; else all columns are one to it."""
    season: Annotated[int, Field(ge=0)] = 0
    """Rows in a season, for the forecast to compare with; 0 takes what is usual for the step in time."""
    means: tuple[float, ...] = ()
    """Of each column in the training data."""
    scales: tuple[float, ...] = ()
    """Standard deviation of each column in the training data; 1 where it is zero."""


class Forecast(ReadsNumbers):
    """Reads series, builds the network, says what its loss, its forecasts and their errors are.

    Inside, each column is less its mean and over its standard deviation in the training data.

    Args:
        columns: the columns to foresee, in order.
        settings: the head's settings, with means and scales.
    """

    Settings: ClassVar[type[Settings]] = ForecastSettings
    unit: ClassVar[str] = "series"
    headline: ClassVar[Mapping[str, str]] = {"MSE": "mse", "MAE": "mae"}
    costs: ClassVar[frozenset[str]] = frozenset(
        f"{error}{other}" for error in ("mse", "mae") for other in ("", "_repeat", "_season")
    )
    example_type: ClassVar[type] = Series

    def __init__(self, columns: Sequence[str], settings: ForecastSettings) -> None:
        self.columns, self.settings = tuple(columns), settings
        self._means = np.array(settings.means, dtype=np.float64)
        self._scales = np.array(settings.scales, dtype=np.float64)

    @classmethod
    def read(
        cls, source: str, data: DataSettings, tokenizer: Callable[[], Any], *, note: Note | None = None
    ) -> list[Series]:
        """Return the series of a table; `note` is told what is odd about it."""
        warnings: list[str] = []
        series = read_series(source, data, warnings=warnings)
        if note is not None:
            for line in warnings:
                note(line)
        return [series]

    @classmethod
    def records(cls, source: str, data: DataSettings) -> Iterator[Record]:
        """Yield the series of a table, whose end is to be gone on from."""
        yield Record("", {"file": name_of(source)}, numbers=read_series(source, data))

    @classmethod
    def hold_out(cls, examples: Sequence[Series], *, fraction: float, seed: int) -> tuple[list[Series], list[Series]]:
        """Return the beginning of each series for training and its end for development."""
        parts = [each.split(fraction) for each in examples]
        return [before for before, _ in parts], [after for _, after in parts]

    @classmethod
    def from_examples(
        cls, examples: Sequence[Series], settings: ForecastSettings, tokenizer: None, vocabularies: Mapping[str, Any]
    ) -> Forecast:
        """Return the task of the training series, with their means, scales and season.

        Raises:
            DataError: a series has too few rows, or not the columns of the first.
        """
        columns = examples[0].columns
        rows = np.concatenate([each.select(columns)[each.first :] for each in examples])
        scales = rows.std(0)
        scales[scales == 0.0] = 1.0
        known: dict[str, Any] = {"means": tuple(rows.mean(0).tolist()), "scales": tuple(scales.tolist())}
        if not settings.season:
            step = study_times(examples[0].times).step
            known["season"] = (step.season() if step else None) or 0
        task = cls(columns, settings.model_copy(update=known))
        task._check_lengths(examples)
        return task

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
        if set(labels) != {"columns"}:
            raise ModelError(f"expected 'columns', found {', '.join(map(repr, labels)) or 'nothing'}")
        sizes = {len(labels["columns"]), len(settings.means), len(settings.scales)}
        if len(sizes) > 1:
            raise ModelError(f"expected as many columns as means and scales, found {sizes}")
        return cls(labels["columns"], settings)

    def to_labels(self) -> dict[str, Sequence[str]]:
        """Return the columns, ready for a model folder."""
        return {"columns": self.columns}

    def check(self, examples: Sequence[Series]) -> list[str]:
        """Return nothing.

        Raises:
            DataError: a series lacks a column, or has too few rows for a single window.
        """
        for each in examples:
            each.select(self.columns)
        self._check_lengths(examples)
        return []

    def encode(self, tokens: Sequence[Series]) -> list[ScaledSeries]:
        """Return the series, scaled."""
        return [ScaledSeries(self._scaled(each.select(self.columns)), each.first) for each in tokens]

    def build(self, encoder: EncoderSettings) -> Forecaster:
        """Return a freshly initialised network.

        Raises:
            UsageError: the encoder reads both ways, or the look-back is no whole number of segments.
        """
        settings = self.settings
        if encoder.bidirectional:
            raise UsageError("encoder.bidirectional: expected false: a forecaster goes on from where it has read to")
        if settings.lookback % settings.segment:
            raise UsageError(
                f"head.lookback: expected a multiple of head.segment = {settings.segment}, found {settings.lookback}"
            )
        return Forecaster(
            build_vector_encoder(encoder, settings.segment),
            len(self.columns),
            segment=settings.segment,
            horizon=settings.horizon,
            dropout=settings.dropout,
            channel_embedding=settings.channel_embedding,
        )

    def batches(
        self, rows: Sequence[ScaledSeries], examples: Sequence[Series], settings: TrainingSettings
    ) -> WindowBatches:
        """Return the training batches: every window of the series."""
        return self._windows(rows, batch_size=settings.batch_size, seed=settings.seed)

    def loss(self, model: nn.Module, batch: WindowBatch) -> SummedLoss:
        """Return the error of a batch, summed over the numbers foreseen."""
        found = model(batch.past)
        return SummedLoss(forecast_error(found, batch.future, kind=self.settings.loss), batch.n_tokens)

    def predict(
        self,
        model: nn.Module,
        rows: Sequence[ScaledSeries],
        *,
        batch_size: int = 256,
        precision: str = "float32",
        quick: bool = False,
    ) -> list[Comparison]:
        """Return the errors on every window of each series: of the model and, unless `quick`, of simpler forecasts."""
        device = next(model.parameters()).device
        model.eval()
        found = []
        with torch.inference_mode(), mixed_precision(device, precision):
            for each in rows:
                batches = self._windows([each], batch_size=batch_size, seed=0).in_order()
                found.append(Comparison.joined([self._compare(model, batch, device, quick) for batch in batches]))
        return found

    def _compare(self, model: nn.Module, batch: WindowBatch, device: torch.device, quick: bool) -> Comparison:
        """Return the errors on the windows of a batch."""
        past, future = batch.past.numpy(), batch.future.numpy()
        forecast = model(batch.past.to(device)).float().cpu().numpy()
        simple = {} if quick else self._simple(past)
        return Comparison(
            ForecastErrors.of(forecast, future, self._scales),
            {name: ForecastErrors.of(values, future, self._scales) for name, values in simple.items()},
        )

    def score(self, examples: Sequence[Series], predictions: Sequence[Comparison]) -> float:
        """Return the number training watches: 1 / (1 + mean squared error), in [0, 1]."""
        return 1.0 / (1.0 + float(Comparison.joined(predictions).model.squared.mean()))

    def report(self, examples: Sequence[Series], predictions: Sequence[Comparison]) -> ForecastReport:
        """Return the scores of the forecasts."""
        return ForecastReport(self.columns, self.settings.horizon, Comparison.joined(predictions))

    def forecast(self, model: nn.Module, rows: Any, *, times: Sequence[object] = ()) -> FutureRows:
        """Return the rows that follow on some, which are a series or what `Series.of` takes.

        Raises:
            DataError: as `answer`.
            ValueError: the rows make no series.
        """
        series = rows if isinstance(rows, Series) else Series.of(rows, self.columns, times=times)
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
        device = next(model.parameters()).device
        found: list[FutureRows] = []
        model.eval()
        for begin in range(0, len(inputs), batch_size):
            chosen = inputs[begin : begin + batch_size]
            past = np.stack([self._last_rows(each) for each in chosen])
            with torch.inference_mode():
                scaled = model(torch.from_numpy(past).to(device)).double().cpu().numpy()
            for series, values in zip(chosen, scaled, strict=True):
                found.append(FutureRows.after(series, self.columns, values * self._scales + self._means))
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
        series = given if isinstance(given, Series) else Series.of(given, self.columns)
        self._last_rows(series)
        first = len(series) - self.settings.lookback
        times = series.times[first:] or tuple(str(number + 1) for number in range(first, len(series)))
        rows = LastRows(self.columns, times, series.select(self.columns)[first:], self._means, self._scales)
        return ForecastProbe(model, rows, lambda: self.answer(model, [series])[0].to_dict(), target=target)

    def _last_rows(self, series: Series) -> NDArray[np.float32]:
        values, lookback = series.select(self.columns), self.settings.lookback
        if len(values) < lookback:
            raise DataError(
                f"{series.source or 'the rows'}: {len(values):,} rows; the model looks back on {lookback:,}"
            )
        return self._scaled(values[-lookback:])

    def _scaled(self, values: NDArray[np.float64]) -> NDArray[np.float32]:
        return ((values - self._means) / self._scales).astype(np.float32)

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

    def _simple(self, past: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Return the forecasts that need no network: the last value, and that of a season before."""
        horizon, season = self.settings.horizon, self.settings.season
        simple = {"repeat": np.repeat(past[:, -1:], horizon, axis=1)}
        if 1 < season <= past.shape[1]:
            simple["season"] = past[:, -season:][:, np.arange(horizon) % season]
        return simple
