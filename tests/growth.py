"""How time grows with the amount of work."""

from __future__ import annotations

from collections.abc import Callable


def growth(seconds: Callable[[int], float], amount: int) -> float:
    """Return how many times as long eight times `amount` takes: 8 when time is linear in it, 64 when quadratic.

    The quickest of three counts, since a pause for other work, or to collect garbage, only ever adds.
    """
    seconds(amount // 8)
    few, many = (min(seconds(each) for _ in range(3)) for each in (amount, 8 * amount))
    return many / few
