"""The settings of a session: how a model writes, changed one by one by their names."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from nlp_lstm.config import WritingOptions, problems_of
from nlp_lstm.errors import UsageError, nearest
from nlp_lstm.text.visible import quoted

SHORT = {
    "temp": "temperature",
    "top-k": "top_k",
    "top-p": "top_p",
    "min-p": "min_p",
    "rep": "repetition_penalty",
    "stop": "stop",
    "seed": "seed",
    "max": "max_new_tokens",
}
"""Settings that are worth a command of their own, by that command's name."""

LAST_SEED = 2**63 - 1
_DEFAULT, _NONE = "default", "none"
_STRINGS = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s"]+')


class SessionSettings(WritingOptions):
    """The options of writing, and the seed that the next text is drawn with."""

    seed: Annotated[int, Field(ge=0, le=LAST_SEED)] = 1

    def options(self) -> WritingOptions:
        """Return the options of writing alone."""
        return WritingOptions(**self.model_dump(exclude={"seed"}))

    def moved_on(self) -> SessionSettings:
        """Return the settings with the next seed: two texts drawn with one seed would be alike."""
        return self.model_copy(update={"seed": 0 if self.seed == LAST_SEED else self.seed + 1})


SETTINGS = tuple(sorted(SessionSettings.model_fields))
"""The name of every setting."""


def find_setting(name: str) -> str:
    """Return the full name of a setting, which may be a short form or written with `-`.

    Raises:
        UsageError: there is none; the message names the nearest.
    """
    found = SHORT.get(name, name.replace("-", "_"))
    if found not in SETTINGS:
        raise UsageError(f"no setting {name!r}{nearest(name, {*SETTINGS, *SHORT})}")
    return found


def changed(settings: SessionSettings, name: str, value: str) -> SessionSettings:
    r"""Return the settings with one changed.

    Args:
        settings: what stands.
        name: the full name of the setting to change.
        value: what was typed for it; `default` for the value it began with. Strings stand in double quotes, or bare
            where they hold no blank, with JSON's escapes: `"\n\n" END`; `none` stands for no string.

    Raises:
        UsageError: the value does not fit; the message says what would.
    """
    try:
        given = default_of(name) if value == _DEFAULT else _parse(value, like=default_of(name))
    except ValueError as error:
        raise _refusal(settings, name, value) from error
    values = {**settings.model_dump(), name: given}
    if problems_of(SessionSettings, values):
        raise _refusal(settings, name, value)
    return SessionSettings(**values)


def default_of(name: str) -> Any:
    """Return the value that a setting begins with."""
    return SessionSettings.model_fields[name].get_default(call_default_factory=True)


def expected(name: str) -> str:
    """Return what a setting may be, in words.

    >>> expected("top_p"), expected("min_p"), expected("top_k")
    ('a number above 0 and at most 1', 'a number from 0 to 1', 'a whole number from 0 up')
    """
    default = default_of(name)
    if isinstance(default, tuple):
        return 'strings, such as "\\n\\n" END'
    if isinstance(default, Mapping):
        return "a JSON object"
    return f"a {'whole ' if isinstance(default, int) else ''}number{_range(name)}"


def shown(value: Any) -> str:
    r"""Return a setting's value as it can be typed.

    >>> shown(0.8), shown(200), shown(("\n", "END")), shown(()), shown({"é": -2.0})
    ('0.8', '200', '"\\n" "END"', 'none', '{"é": -2.0}')
    """
    if isinstance(value, tuple):
        return " ".join(map(quoted, value)) or _NONE
    if isinstance(value, Mapping):
        return json.dumps(dict(value), ensure_ascii=False)
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _range(name: str) -> str:
    """Return the words for a number's bounds, with a blank before them; "" if it has none."""
    bounds: dict[str, str] = {}
    for each in SessionSettings.model_fields[name].metadata:
        bounds |= {kind: shown(getattr(each, kind)) for kind in ("ge", "gt", "le") if hasattr(each, kind)}
    low, high = bounds.get("ge", bounds.get("gt")), bounds.get("le")
    if low is None:
        return "" if high is None else f" of at most {high}"
    if "ge" in bounds:
        return f" from {low} up" if high is None else f" from {low} to {high}"
    return f" above {low}" if high is None else f" above {low} and at most {high}"


def _refusal(settings: SessionSettings, name: str, value: str) -> UsageError:
    stays = shown(getattr(settings, name))
    return UsageError(f"{name}: expected {expected(name)}, found {value!r}; it stays {stays}")


def _parse(value: str, *, like: Any) -> Any:
    """Return a typed value in the form of a setting whose default is `like`; numbers are left to the check.

    Raises:
        ValueError: it has not that form.
    """
    if isinstance(like, tuple):
        words = [] if value == _NONE else _STRINGS.findall(value)
        if '"' in _STRINGS.sub("", value):
            raise ValueError("a quote is open")
        return tuple(json.loads(word if word.startswith('"') else f'"{word}"', strict=False) for word in words)
    return json.loads(value) if isinstance(like, Mapping) else value
