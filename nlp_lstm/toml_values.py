"""Values as TOML writes them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

_ESCAPED = {code: f"\\u{code:04x}" for code in (*range(0x20), 0x7F)} | {ord('"'): '\\"', ord("\\"): "\\\\"}


def toml_value(value: Any) -> str:
    r"""Return a string, number, truth, path, list or table as one line of TOML.

    Raises:
        ValueError: TOML has no such value: None, half of a surrogate pair, something of another kind.

    >>> print(toml_value({"stop": ["\n"], "top_p": 0.9, "greedy": False}))
    { "stop" = ["\u000a"], "top_p" = 0.9, "greedy" = false }
    """
    if isinstance(value, str | PurePath):
        return _string(str(value))
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        return repr(float(value)) if math.isfinite(value) else str(float(value))
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml_value, value))}]"
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        pairs = ", ".join(f"{_string(key)} = {toml_value(each)}" for key, each in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    raise ValueError(f"TOML cannot hold {value!r}")


def _string(text: str) -> str:
    if any("\ud800" <= sign <= "\udfff" for sign in text):
        raise ValueError(f"TOML cannot hold {text!r}")
    return f'"{text.translate(_ESCAPED)}"'
