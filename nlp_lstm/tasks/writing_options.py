"""How a text is to be written: the options as keywords, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack

import numpy as np

from nlp_lstm.config import WritingOptions, parse_settings
from nlp_lstm.errors import UsageError

ONLY_DRAWN = ("temperature", "top_k", "top_p", "min_p", "seed")
"""What says how tokens are drawn; the penalties, which change the scores, are checked for what they are."""


class WritingChoices(TypedDict, total=False):
    """The fields of `WritingOptions` as keywords."""

    max_new_tokens: int
    temperature: float
    top_k: int
    top_p: float
    min_p: float
    repetition_penalty: float
    frequency_penalty: float
    presence_penalty: float
    beam: int
    penalty_window: int
    no_repeat_ngram: int
    logit_bias: Mapping[str, float]
    stop: Sequence[str]


def writing_options(**choices: Unpack[WritingChoices]) -> WritingOptions:
    """Return checked options.

    Raises:
        UsageError: one is out of its range or there is none of its name, and all such are named; or one has no meaning
            together with a beam.
    """
    options = parse_settings(WritingOptions, choices, title="a text cannot be written so")
    check_search(choices)
    return options


def check_search(given: Mapping[str, Any]) -> None:
    """See that nothing was given together with a beam that says how to draw.

    Raises:
        UsageError: something was.
    """
    useless = [name.replace("_", "-") for name in ONLY_DRAWN if name in given]
    if given.get("beam", 1) > 1 and useless:
        raise UsageError(f"beam: a search for the likeliest text draws nothing: it takes no {' and no '.join(useless)}")


def check_seed(seed: object) -> None:
    """See that draws can be decided by a seed.

    Raises:
        UsageError: it is no whole number from 0 on.
    """
    if not isinstance(seed, int | np.integer) or seed < 0:
        raise UsageError(f"seed: expected a whole number, 0 or more, found {seed!r}")


def changes_scores(options: WritingOptions) -> bool:
    """Return whether options change the scores of some tokens."""
    penalties = (options.repetition_penalty != 1.0, options.frequency_penalty, options.presence_penalty)
    return any(penalties) or bool(options.logit_bias)
