"""How a text is to be written: the options as keywords, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict, Unpack

import numpy as np

from nlp_lstm.config import WritingOptions, parse_settings
from nlp_lstm.errors import UsageError


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
        UsageError: one is out of its range or there is none of its name; all such are named.
    """
    return parse_settings(WritingOptions, choices, title="a text cannot be written so")


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
