"""The kinds of failure a user can meet, each with the exit code the command line ends with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from signal import Signals


class NlpLstmError(Exception):
    """Something failed that is not a programming mistake; the message is one line a user can act on."""

    exit_code = 1


class UsageError(NlpLstmError):
    """A command, a keyword or a recipe asks for something that does not exist or does not fit."""

    exit_code = 2


class DataError(NlpLstmError):
    """A data file is missing, unreadable or malformed; the message names file and line."""

    exit_code = 3


class ModelError(NlpLstmError):
    """A model folder is missing, damaged or made for something else."""

    exit_code = 4


class StageError(NlpLstmError):
    """A stage of a pipeline failed on a text; the message says on which, and the cause is what the stage raised."""


class RequirementError(NlpLstmError):
    """A score asked for with `--require` was not reached."""

    exit_code = 5


class Interrupted(NlpLstmError):
    """Training was asked to stop by a signal and has written its checkpoint."""

    def __init__(self, number: int) -> None:
        super().__init__(
            f"stopped by {Signals(number).name}; the same line again goes on from here, but not with --fresh"
        )
        self.exit_code = 128 + number


def refusal(error: OSError) -> str:
    """Return what the system refuses, without the error's number.

    >>> refusal(OSError(28, "No space left on device", "a.txt")), refusal(OSError("timed out"))
    ('a.txt: No space left on device', 'timed out')
    """
    reason = error.strerror or str(error)
    return reason if error.filename is None else f"{error.filename}: {reason}"


def nearest(name: str, known: Iterable[str], *, otherwise: str | None = None) -> str:
    """Return `"; did you mean 'x'?"` for the known name closest to `name`; else `otherwise`, or the names there are.

    >>> nearest("hiden_size", ["hidden_size", "cell"])
    "; did you mean 'hidden_size'?"
    >>> nearest("zzz", ["b", "a"])
    '; known: a, b'
    """
    names = sorted(known)
    lower = {each.lower(): each for each in names}
    close = get_close_matches(name.lower(), lower, n=1, cutoff=0.6)
    if close:
        return f"; did you mean '{lower[close[0]]}'?"
    if otherwise is not None:
        return f"; {otherwise}"
    return f"; known: {', '.join(names)}" if names else ""


def listed(title: str, problems: Sequence[str]) -> str:
    """Return one problem as a line, several as a title and a line for each.

    >>> listed("recipe x.toml", ["a is missing"])
    'recipe x.toml: a is missing'
    >>> print(listed("recipe x.toml", ["a is missing", "b is odd"]))
    recipe x.toml: 2 problems
      a is missing
      b is odd
    """
    if len(problems) == 1:
        return f"{title}: {problems[0]}"
    return "\n  ".join([f"{title}: {len(problems)} problems", *problems])
