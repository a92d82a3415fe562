"""Functions of plain loops over arrays, translated to machine code: for steps that wait for each other."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Set
from threading import Timer
from typing import Any, TypeVar

import numba
import torch
from numba.core import event
from torch import Tensor

logger = logging.getLogger(__name__)

PATIENCE = 1.0
"""Seconds of translating after which it is logged."""

Loops = TypeVar("Loops", bound=Callable[..., Any])


def machine_code(*, reorder: bool = False) -> Callable[[Loops], Loops]:
    """Return a decorator; what it decorates is translated at its first call, once for each kind of arguments.

    The translation is kept beside the module, or in the person's cache folder where the installation can't be written
    to. Where neither can be, each process translates again, which takes some seconds. A translated function lets other
    threads run, and divides by zero as arrays do.

    Args:
        reorder: let sums of several terms be taken in another order, always the same, that the processor is faster in.
    """
    freedom: Set[str] = {"reassoc", "contract"} if reorder else set()
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": freedom}

    def translate(function: Loops) -> Loops:
        try:
            return numba.njit(cache=True, **options)(function)
        except RuntimeError:  # no folder for it
            return numba.njit(**options)(function)

    return translate


def in_loops(tensor: Tensor) -> bool:
    """Return whether translated loops can take the numbers of a tensor: float32 and float64 ones on the CPU."""
    return tensor.device.type == "cpu" and tensor.dtype in (torch.float32, torch.float64)


class Notice(event.Listener):
    """Logs that functions are being translated as soon as that has taken `PATIENCE`: one line in a process.

    What is found translated does not count, as numba tells of no such thing.
    """

    def __init__(self) -> None:
        self._depth, self._seconds, self._started = 0, 0.0, 0.0
        self._timer: Timer | None = None
        self._said = False

    def on_start(self, event: object) -> None:
        """Begin to wait; a function that another one calls is translated inside of it."""
        self._depth += 1
        if self._depth == 1 and not self._said:
            self._started = time.monotonic()
            self._timer = Timer(max(0.0, PATIENCE - self._seconds), self._say)
            self._timer.daemon = True
            self._timer.start()

    def on_end(self, event: object) -> None:
        """Add what it took to what the functions before took."""
        self._depth -= 1
        if self._depth == 0 and self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._seconds += time.monotonic() - self._started

    def _say(self) -> None:
        self._said = True
        logger.info("translating loops to machine code for this machine, which takes some seconds")


event.register("numba:compile", Notice())  # type: ignore[no-untyped-call]
