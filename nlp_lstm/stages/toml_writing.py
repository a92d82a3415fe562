"""Settings as TOML."""

from __future__ import annotations

import json
import re
from typing import Any


def assignment(name: str, value: Any) -> str:
    """Return a line of TOML that gives a name its value.

    >>> assignment("parts", {"mood": {"task": "classify", "weight": 2.0, "dev": None}})
    'parts = {mood = {task = "classify", weight = 2.0}}'
    """
    return f"{_key(name)} = {toml_value(value)}"


def toml_value(value: Any) -> str:
    """Return strings, numbers, truths, lists and tables of them as TOML; a table loses what is None in it.

    Raises:
        TypeError: it is something else, or holds something else.
    """
    if isinstance(value, dict):
        return "{" + ", ".join(assignment(name, each) for name, each in value.items() if each is not None) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    if isinstance(value, float):
        return repr(value)  # also `inf` and `nan`, which JSON writes otherwise
    if isinstance(value, str | bool | int):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    raise TypeError(f"{type(value).__name__} cannot be written as TOML")


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else toml_value(name)
