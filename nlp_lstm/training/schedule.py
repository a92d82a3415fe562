"""The learning rate over the budget: a rise, then a fall to zero at the last step."""

from __future__ import annotations

import math


def rate_factor(step: int, total_steps: int, *, warmup: float, decay: str) -> float:
    """Return the factor on the learning rate for `step`, counted from 0, in (0, 1].

    Args:
        step: the optimizer step about to be taken.
        total_steps: the whole budget.
        warmup: part of the budget over which the factor rises linearly to 1.
        decay: `cosine`, `linear` or `none`.

    >>> [round(rate_factor(step, 10, warmup=0.2, decay="linear"), 3) for step in (0, 1, 2, 6, 9)]
    [0.5, 1.0, 1.0, 0.5, 0.125]
    """
    rising = round(warmup * total_steps)
    if step < rising:
        return (step + 1) / rising
    gone = (step - rising) / max(1, total_steps - rising)
    if decay == "linear":
        return 1.0 - gone
    if decay == "cosine":
        return 0.5 * (1.0 + math.cos(math.pi * gone))
    return 1.0
