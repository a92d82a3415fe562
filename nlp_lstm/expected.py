"""What a setting should have been, in plain words, for each way in which pydantic finds it wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

LONGEST = 80
"""Characters of a wrong value that a message shows."""

_KINDS = {
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float", "int_parsing_size"), "a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "a number"),
    "finite_number": "a finite number",
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    "string_type": "a string",
    "string_unicode": "text that can be written in UTF-8",
    "path_type": "a path",
    **dict.fromkeys(("list_type", "tuple_type"), "a list"),
    **dict.fromkeys(("dict_type", "mapping_type", "model_type"), "a table"),
    "callable_type": "a function",
}
_BOUNDS = {
    "greater_than_equal": "at least {ge}",
    "greater_than": "more than {gt}",
    "less_than_equal": "at most {le}",
    "less_than": "less than {lt}",
    "multiple_of": "a multiple of {multiple_of}",
    "literal_error": "{expected}",
    "too_short": "at least {min_length} entries",
    "string_too_short": "a string of {min_length} or more characters",
}


def expected(errors: Iterable[Mapping[str, Any]]) -> str:
    """Return what a value should have been, of pydantic's errors about it: one, or one for each kind it may be.

    >>> expected([{"type": "greater_than_equal", "ctx": {"ge": 1}}])
    'at least 1'
    >>> expected([{"type": "string_type"}, {"type": "path_type"}])
    'a string or a path'
    """
    return " or ".join(dict.fromkeys(map(_expected, errors)))


def found(value: object) -> str:
    """Return a wrong value as a message shows it.

    >>> found("maybe"), found("x" * 100)[-5:]
    ("'maybe'", 'xxxx…')
    """
    shown = repr(value)
    return shown if len(shown) <= LONGEST else shown[: LONGEST - 1] + "…"


def _expected(error: Mapping[str, Any]) -> str:
    name = error["type"]
    if name in _KINDS:
        return _KINDS[name]
    if name in _BOUNDS:
        return _BOUNDS[name].format(**{key: _plain(value) for key, value in error["ctx"].items()})
    return str(error["msg"]).removeprefix("Input should be ")


def _plain(value: object) -> object:
    """Return a bound as it is written: 0, not 0.0."""
    return f"{value:.12g}" if isinstance(value, float) else value
