"""Tables of numbers for tiny forecasters."""

from __future__ import annotations

import numpy as np

TINY = [
    *("--set", "head.horizon=4", "--set", "head.lookback=12", "--set", "head.segment=4", "--set", "training.threads=1"),
    *("--set", "encoder.embed_size=8", "--set", "encoder.hidden_size=8", "--steps", "20"),
]
"""Flags of a network that is trained in a moment."""


def rows(n_rows: int, begin: int = 0) -> str:
    """Return a table, as CSV, of a row a day; it goes round in twelve days."""
    days = np.datetime64("2024-02-01") + np.arange(begin, begin + n_rows)
    lines = (f"{day},{10 + day.astype(int) % 3},{-5.5 * (day.astype(int) % 4)}\n" for day in days)
    return "date,a,b\n" + "".join(lines)
