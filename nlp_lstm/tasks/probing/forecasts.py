"""The last rows of a series on their way through a forecaster."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nlp_lstm.errors import UsageError, nearest
from nlp_lstm.nn.forecaster import Forecaster
from nlp_lstm.tasks.probing.lines import in_a_line
from nlp_lstm.tasks.probing.probe import Aim, Probe
from nlp_lstm.tasks.scaling import Scaling


@dataclass(frozen=True)
class LastRows:
    """The rows that a forecaster looks back on.

    Attributes:
        columns: the names of the columns that are foreseen.
        times: when each row was taken, or its number.
        values: float64 (rows, inputs), in the columns' own units; the columns that are foreseen come first.
        scaling: makes of them what the network reads.
    """

    columns: tuple[str, ...]
    times: tuple[str, ...]
    values: NDArray[np.float64]
    scaling: Scaling


class ForecastProbe(Probe):
    """The last rows of a series; what is explained is one number of the forecast.

    Shares are of the rows, and say what each row's own value makes of the forecast: with the column's mean in every
    row the network forecasts the baseline. Gates are those of the target's column, a step for each segment of rows.

    Args:
        model: the forecaster.
        rows: what it looks back on.
        predict: gives the forecast as plain values.
        target: `COLUMN`, `COLUMN+STEPS` or `+STEPS`; None takes the next value of the first column.

    Raises:
        UsageError: there is no such column, or the forecast does not reach so far.
    """

    longest = sys.maxsize  # a forecaster reads so many rows and no others

    def __init__(
        self,
        model: Forecaster,
        rows: LastRows,
        predict: Callable[[], dict[str, Any]],
        *,
        target: str | None = None,
    ) -> None:
        self.column, self.step = _parse(target, rows.columns, model.horizon)
        shown = [f"{value + 0.0:.6g}" for value in rows.values[:, self.column]]
        super().__init__(model.encoder.stack, *in_a_line(shown), target=target)
        self.model, self.rows, self._predict = model, rows, predict
        self._past = torch.from_numpy(rows.scaling.scale(rows.values)).to(model.output.weight.device).unsqueeze(0)

    @property
    def entry(self) -> nn.Module:
        """The forecaster itself: rows go in."""
        return self.model

    @property
    def row(self) -> int:
        """The layers read each column as a row of its own; mixed, all columns as one."""
        return 0 if self.model.n_mixed else self.column

    def inputs(self) -> Tensor:
        """Return the rows as the network reads them, (1, time, columns)."""
        return self._past

    def prediction(self) -> dict[str, Any]:
        """Return the forecast of all columns."""
        return self._predict()

    def aim(self) -> Aim:
        """Return the number to explain."""

        def score(rows: int) -> Tensor:
            found: Tensor = self.model(self._past.expand(rows, -1, -1))[:, self.step, self.column]
            return found

        ahead, scaling = f"{self.step + 1} row{'s' if self.step else ''} ahead", self.rows.scaling
        return Aim(
            f"{'logarithm of the ' if scaling.log else ''}forecast of {self.rows.columns[self.column]!r}, {ahead}",
            score,
            unit="",
            scale=float(scaling.units[self.column]),
            offset=float(scaling.means[self.column]),
            without="with the training data's mean in every row",
        )

    def run(self) -> None:
        """Let the network forecast."""
        self.model(self._past)

    def steps(self) -> tuple[str, ...]:
        """Return the rows of each segment: the first and the last."""
        size, times = self.model.segment, self.rows.times
        if size == 1:
            return ()
        return tuple(f"{times[first]} … {times[first + size - 1]}" for first in range(0, len(times), size))

    def times(self) -> tuple[str, ...]:
        """Return when each row was taken."""
        return self.rows.times

    def notes(self) -> tuple[str, ...]:
        """Return what share the other columns have, where there are some."""
        if self.rows.values.shape[1] == 1:
            return ()
        if self.model.n_mixed:
            return ("a row's share is that of all its columns",)
        return ("a column is foreseen from its own past: the other columns have no share in it",)


def _parse(target: str | None, columns: Sequence[str], horizon: int) -> tuple[int, int]:
    """Return the place of a column, and how many rows after the next one."""
    if target in columns:
        return columns.index(target), 0
    found = re.fullmatch(r"(.*)\+(\d+)", target or "+1", re.DOTALL)
    name, ahead = (found[1], int(found[2])) if found else (str(target), 1)
    if name and name not in columns:
        raise UsageError(
            f"expected COLUMN or COLUMN+ROWS, found {target!r}: no column {name!r}{nearest(name, columns)}"
        )
    if not 1 <= ahead <= horizon:
        raise UsageError(f"expected 1 to {horizon} rows ahead, found {target!r}")
    return columns.index(name) if name else 0, ahead - 1
