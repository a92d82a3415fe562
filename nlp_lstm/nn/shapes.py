"""Networks without weights: only their names and shapes, to be compared with stored ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

_FILLS = frozenset({"normal_", "uniform_", "trunc_normal_", "kaiming_uniform_", "xavier_uniform_", "orthogonal_"})


class _NoFilling(TorchFunctionMode):
    """Leaves new tensors as they are: random numbers for weights without memory would load half a compiler."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        given = dict(kwargs or {})
        if getattr(func, "__name__", "") in _FILLS:
            return args[0] if args else given["tensor"]
        return func(*args, **given)


@contextmanager
def shapes_only() -> Iterator[None]:
    """Let the networks that are built in the block take no memory and no time; their weights hold nothing."""
    with torch.device("meta"), _NoFilling():
        yield
