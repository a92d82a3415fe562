"""A forecast as a picture, drawn by matplotlib where it is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nlp_lstm.cli.curves import curves_of
from nlp_lstm.corpora.series import FutureRows, Series

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_forecast(series: Series, found: FutureRows) -> Figure:
    """Return a chart for each column: the last of what was seen, what is foreseen, and its band."""
    from matplotlib.figure import Figure  # optional: only when it is used

    curves = curves_of(series, found)
    figure = Figure(figsize=(9.0, 0.6 + 2.2 * len(curves)), layout="constrained")
    for axis, curve in zip(figure.subplots(len(curves), 1, squeeze=False)[:, 0], curves, strict=True):
        now, end = len(curve.seen) - 1, len(curve.seen) + len(curve.expected) - 1
        ahead = np.arange(now, end + 1)
        if curve.band is not None:
            low, high = (np.concatenate([curve.seen[-1:], edge]) for edge in curve.band)
            axis.fill_between(ahead, low, high, color="#174ea6", alpha=0.18, linewidth=0.0)
        axis.plot(np.arange(now + 1), curve.seen, color="0.35", linewidth=1.2)
        axis.plot(ahead, np.concatenate([curve.seen[-1:], curve.expected]), color="#174ea6", linewidth=1.8)
        axis.axvline(now, color="0.75", linewidth=0.8)
        axis.set_xticks([0, now, end], curve.ticks, parse_math=False)  # a name is no formula
        axis.set_title(curve.legend, fontsize="medium", parse_math=False)
    return figure
