"""Ctrl-C and SIGTERM as a wish to stop after the present step, not in the middle of it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def catch_signals() -> Iterator[Callable[[], int | None]]:
    """Yield a function that returns the number of the first SIGINT or SIGTERM received, or None.

    A second one acts at once, as it would without this. Outside the main thread, where Python can't set
    handlers, the function always returns None.
    """
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    watched = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in watched}

    def note(number: int, _: FrameType | None) -> None:
        received.append(number)
        for each in watched:
            signal.signal(each, before[each])

    for number in watched:
        signal.signal(number, note)
    try:
        yield lambda: received[0] if received else None
    finally:
        for number in watched:
            signal.signal(number, before[number])
