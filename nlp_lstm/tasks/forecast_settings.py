"""The settings of a forecaster."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from nlp_lstm.config import Names, Positive, Probability, Settings

Level = Annotated[float, Field(gt=0.0, lt=1.0)]


class ForecastSettings(Settings):
    """The `[head]` section of a forecasting recipe; training fills in the last five."""

    horizon: Positive = 24
    """Rows to foresee."""
    lookback: Positive = 96
    """Rows to foresee them from; a multiple of `segment`."""
    segment: Positive = 12
    """Rows that the encoder reads in one step."""
    targets: Names = ()
    """The columns to foresee, where others are only looked at; empty for all."""
    mix: bool = False
    """Foresee each column from the past of all; else from its own alone. With `targets` it is always so."""
    quantiles: tuple[Level, ...] = ()
    """Levels to foresee besides, rising, such as `[0.1, 0.5, 0.9]`; they never cross."""
    loss: Literal["mse", "l1"] = "mse"
    """What is made small: squared errors, or absolute ones; with quantiles, and their pinball loss. The best weights
    are always those of the smallest squared error on dev."""
    log: bool = False
    """Work on logarithms: for numbers above 0 whose swings grow with them."""
    add_to: Literal["linear", "last", "season"] = "linear"
    """What the network's output is added to: a linear forecast, the last value, or the values of the last season."""
    dropout: Probability = 0.0
    """On what the output layer reads."""
    channel_embedding: bool = True
    """Tell the network which column it foresees; else all columns are one to it."""
    season: Annotated[int, Field(ge=0)] = 0
    """Rows in a season, for the forecast to compare with; 0 takes what is usual for the step in time."""
    means: tuple[float, ...] = ()
    """Of each column in the training data, or of its logarithms."""
    scales: tuple[float, ...] = ()
    """Standard deviation of each column in the training data, or of its logarithms; one with 0 is only moved."""
    deviations: tuple[float, ...] = ()
    """Standard deviation of each column to foresee, in its own units: what errors are measured in; 1 where it is 0."""
    changes: tuple[float, ...] = ()
    """Mean absolute change of each column to foresee over a season, or a row where there is none, in its own units."""

    @field_validator("targets", "quantiles", mode="before")
    @classmethod
    def _apart(cls, value: Any) -> Any:
        """Take a list as people write it on a command line: `a,b`."""
        return value.split(",") if isinstance(value, str) else value

    @field_validator("quantiles")
    @classmethod
    def _rise(cls, levels: tuple[float, ...]) -> tuple[float, ...]:
        """Refuse levels that do not rise."""
        if any(one >= other for one, other in pairwise(levels)):
            raise PydanticCustomError("order", "levels that rise")
        return levels
