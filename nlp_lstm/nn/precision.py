"""Which number format the processor is fast in, and running in it."""

from __future__ import annotations

from functools import cache

import torch


@cache
def cpu_has_bfloat16() -> bool:
    """Return whether this CPU has bfloat16 instructions; without them bfloat16 is slower than float32.

    The recurrent kernel is tried as well, because on some machines it refuses although the processor could.
    """
    if not torch.backends.mkldnn.is_available():
        return False
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported() or not torch.cpu._is_avx512_bf16_supported():
        return False
    states, weights = torch.zeros(1, 1, 1), [torch.zeros(4, 1), torch.zeros(4, 1), torch.zeros(4), torch.zeros(4)]
    try:
        with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
            torch.lstm(states, (states, states), weights, True, 1, 0.0, False, False, True)
    except RuntimeError:
        return False
    return True


def mixed_precision(device: torch.device, precision: str) -> torch.autocast:
    """Return the context in which matrix products and recurrent layers run in the format asked for.

    Args:
        device: where the tensors are.
        precision: `float32`, `bfloat16`, or `auto` for bfloat16 where the device is faster in it.

    Raises:
        ValueError: there is no such precision, or the device does not have it.
    """
    if precision not in ("auto", "float32", "bfloat16"):
        raise ValueError(f"precision must be auto, float32 or bfloat16, not {precision!r}")
    able = cpu_has_bfloat16() if device.type == "cpu" else device.type == "cuda" and torch.cuda.is_bf16_supported()
    if precision == "bfloat16" and not able:
        raise ValueError("this processor has no bfloat16 instructions; precision must be auto or float32")
    fast = able and precision != "float32"
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=fast)
