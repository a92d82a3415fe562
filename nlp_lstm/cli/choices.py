"""The flags of how a model answers: one for each field of a task's options, checked by these, named as flags."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from nlp_lstm.errors import UsageError, listed

if TYPE_CHECKING:
    from nlp_lstm.config import Settings

F = TypeVar("F", bound=Callable[..., Any])

SEARCHING: Mapping[str, Mapping[str, Any]] = {
    "--beam": {"type": int, "metavar": "K", "help": "Hypotheses followed side by side."},
    "--length-penalty": {
        "type": float,
        "metavar": "X",
        "help": "Exponent of the length a log-probability is divided by; 0 compares plain sums.",
    },
    "--coverage-penalty": {
        "type": float,
        "metavar": "X",
        "help": "How much to prefer what attends to all of the source.",
    },
    "--block-ngrams": {"type": int, "metavar": "N", "help": "No run of N tokens comes twice in a translation."},
}
"""Flags of a translator's search, for whatever searches."""

TRANSLATING: Mapping[str, Mapping[str, Any]] = {
    **SEARCHING,
    "--attention": {
        "is_flag": True,
        "default": None,
        "help": "Also what each token attended to. text: a table below each line; jsonl: tokens and weights.",
    },
}
"""Flags for translators."""


def _biases(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> dict[str, float] | None:
    biases = dict(map(_bias, given))
    if len(biases) < len(given):
        raise UsageError(f"--logit-bias: expected each text once, found {' '.join(given)}")
    return biases or None


def _bias(given: str) -> tuple[str, float]:
    text, _, bias = given.rpartition("=")
    try:
        nats = float(bias)
    except ValueError:
        nats = math.nan
    if not text or not math.isfinite(nats):
        raise UsageError(f"--logit-bias: expected TEXT=NUMBER, found {given!r}")
    return text, nats


WRITING: Mapping[str, Mapping[str, Any]] = {
    "--max-new-tokens": {"type": int, "metavar": "N", "help": "How much to write.  [200]"},
    "--temperature": {"type": float, "metavar": "T", "help": "0: always the likeliest.  [0.8]"},
    "--top-k": {"type": int, "metavar": "K", "help": "Draw from the K likeliest tokens only."},
    "--top-p": {"type": float, "metavar": "P", "help": "Draw from the likeliest that make up P together."},
    "--min-p": {"type": float, "metavar": "P", "help": "Draw from those P times as likely as the likeliest."},
    "--repetition-penalty": {"type": float, "metavar": "X", "help": "Above 1: less of what was written."},
    "--frequency-penalty": {"type": float, "metavar": "X", "help": "Nats off for each time it was written."},
    "--presence-penalty": {"type": float, "metavar": "X", "help": "Nats off for what was written at all."},
    "--beam": {"type": int, "metavar": "K", "help": "Above 1: draw nothing, search the likeliest text."},
    "--penalty-window": {"type": int, "metavar": "N", "help": "Penalties: the last N tokens only."},
    "--no-repeat-ngram": {"type": int, "metavar": "N", "help": "Never write N tokens in a row twice."},
    "--logit-bias": {
        "multiple": True,
        "callback": _biases,
        "metavar": "T=X",
        "help": "Add X nats to each token of T; with letters, to each letter. Repeatable.",
    },
    "--stop": {
        "multiple": True,
        "callback": lambda _context, _option, given: given or None,
        "metavar": "T",
        "help": "Stop before this text; can be given again.",
    },
    "--seed": {"type": click.IntRange(min=0), "metavar": "S", "help": "Decides every draw.  [1]"},
}
"""Flags for generators."""


def flags(those: Mapping[str, Mapping[str, Any]], *, of: str = "", besides: Collection[str] = ()) -> Callable[[F], F]:
    """Return a decorator that adds flags to a command.

    Args:
        those: what click is told of each, by its name; the value of one that is not given is None.
        of: the models they are for, where the command takes others too.
        besides: names that the command has already, of other models.
    """

    def add(command: F) -> F:
        for name, parts in reversed([each for each in those.items() if each[0] not in besides]):
            text = parts["help"]
            shown = f"{of}: {text[0].lower()}{text[1:]}" if of else text
            command = click.option(name, **{**parts, "help": shown})(command)
        return command

    return add


def given(chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Return the flags a person gave."""
    return {name: value for name, value in chosen.items() if value is not None}


def check(chosen: Mapping[str, Any], *kinds: type[Settings], title: str) -> None:
    """See that flags have values that some kinds of options can have; one that is of none of them is left alone.

    Raises:
        UsageError: some are out of their range; all are named as flags.
    """
    from nlp_lstm.config import problems_of  # heavy: only when it is used

    single = {name for name, value in chosen.items() if isinstance(value, tuple) and len(value) == 1}

    def flag(place: re.Match[str]) -> str:
        """Return where a problem stands as a flag; the one value of a flag given once has no number."""
        name = place["name"] or place["other"]
        return f"--{name.replace('_', '-')}{'' if name in single else place['number'] or ''}"

    problems = [
        re.sub(r"^(?P<name>\w+)(?P<number>\.\d+)?(?=[:. ])|(?<= needs )(?P<other>\w+)", flag, problem)
        for kind in kinds
        for problem in problems_of(kind, {name: value for name, value in chosen.items() if name in kind.model_fields})
    ]
    if problems:  # a flag may be of several kinds
        raise UsageError(listed(title, list(dict.fromkeys(problems))))
