"""Functions of plain loops over arrays, translated to machine code: for steps that wait for each other."""

from __future__ import annotations

from collections.abc import Callable, Set
from typing import Any, TypeVar

import numba

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
