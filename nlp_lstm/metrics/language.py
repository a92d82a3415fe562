"""Scores of language models: how surprised a model is by a text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WINDOW = 256
"""Tokens of a window that is read from a zero state, as nanoGPT does on Tiny Shakespeare."""


@dataclass(frozen=True, slots=True)
class Surprise:
    """How surprised a model was by one text.

    Attributes:
        blocks: negative log-likelihood, in nats, summed over each of some runs of tokens, in order.
        sizes: the tokens predicted in each.
        n_characters: of the text.
        n_bytes: of the text in UTF-8.
        n_unknown: tokens among the predicted ones that the vocabulary lacks.
        windowed: mean in nats a token over random windows of `WINDOW` tokens, each read from a zero state; None where
            the text is shorter, or it was not asked for.
        dynamic: mean in nats a token of a copy of the model that learns from the text as it goes (dynamic evaluation);
            None where it was not asked for.
    """

    blocks: tuple[float, ...]
    sizes: tuple[int, ...]
    n_characters: int
    n_bytes: int
    n_unknown: int = 0
    windowed: float | None = None
    dynamic: float | None = None


@dataclass(frozen=True, slots=True)
class LanguageReport:
    """The scores of a language model on some texts; every token but the first of each text is predicted.

    Attributes:
        n: texts.
        n_tokens: predicted tokens.
        n_characters: of the texts.
        nats_per_token: negative log-likelihood with the state carried over the whole text.
        nats_per_token_interval: its 95 % interval, from the spread between runs of tokens; None with a single run.
        perplexity: e to the power of the nats a token.
        bits_per_character: the same likelihood, for a character of the text.
        bits_per_byte: and for a byte of it in UTF-8.
        unknown: share of the predicted tokens that the vocabulary lacks; all of them count as one token.
        windowed_nats_per_token: over random windows of 256 tokens, each read from a zero state; None where no text is
            that long.
        dynamic_nats_per_token: of a copy of the model that goes on learning from the text it is scored on, each token
            scored before it is learned from; None where it was not asked for.
    """

    n: int
    n_tokens: int
    n_characters: int
    nats_per_token: float
    nats_per_token_interval: tuple[float, float] | None
    perplexity: float
    bits_per_character: float
    bits_per_byte: float
    unknown: float
    windowed_nats_per_token: float | None
    dynamic_nats_per_token: float | None = None

    def to_dict(self) -> dict[str, object]:
        """Return the report as plain values, ready for JSON."""
        found: dict[str, object] = {name: getattr(self, name) for name in self.__slots__}
        between = self.nats_per_token_interval
        return found | {
            "nats_per_token_interval": None if between is None else list(between),
            "interval_over": "runs of tokens",
            "undefined": None
            if self.windowed_nats_per_token is not None
            else f"no text is longer than {WINDOW} tokens",
        }


def language_report(surprises: Sequence[Surprise]) -> LanguageReport:
    """Return the scores of a model on several texts.

    The interval takes runs of tokens as independent; it is the one of a ratio of means (Cochran 1977, section 2.11):
    with s_b nats and n_b tokens in run b of B, and r = Σs / Σn, its variance is B / (B − 1) · Σ (s_b − r n_b)² / (Σn)².

    Raises:
        ValueError: nothing was predicted.

    >>> even = Surprise((math.log(2) * 4,), (4,), 5, 5)
    >>> found = language_report([even])
    >>> found.perplexity, found.bits_per_character
    (2.0, 0.8)
    """
    blocks = np.array([nats for each in surprises for nats in each.blocks])
    sizes = np.array([size for each in surprises for size in each.sizes], dtype=np.int64)
    n_tokens, total = int(sizes.sum()), float(blocks.sum())
    if not n_tokens:
        raise ValueError("no token was predicted")
    nats = total / n_tokens
    n_characters = sum(each.n_characters for each in surprises)
    return LanguageReport(
        n=len(surprises),
        n_tokens=n_tokens,
        n_characters=n_characters,
        nats_per_token=nats,
        nats_per_token_interval=_interval(blocks, sizes, nats),
        perplexity=math.exp(min(nats, 700.0)),
        bits_per_character=total / math.log(2) / n_characters,
        bits_per_byte=total / math.log(2) / sum(each.n_bytes for each in surprises),
        unknown=sum(each.n_unknown for each in surprises) / n_tokens,
        windowed_nats_per_token=_mean([(each.windowed, sum(each.sizes)) for each in surprises]),
        dynamic_nats_per_token=_mean([(each.dynamic, sum(each.sizes)) for each in surprises]),
    )


def _mean(values: Sequence[tuple[float | None, int]]) -> float | None:
    """Return the mean of weighted values, of those that there are."""
    there = [(value, weight) for value, weight in values if value is not None]
    return sum(value * weight for value, weight in there) / sum(weight for _, weight in there) if there else None


def _interval(blocks: NDArray[np.float64], sizes: NDArray[np.int64], mean: float) -> tuple[float, float] | None:
    count = len(blocks)
    if count < 2:
        return None
    spread = float(((blocks - mean * sizes) ** 2).sum())
    half = 1.96 * math.sqrt(count / (count - 1) * spread) / float(sizes.sum())
    return mean - half, mean + half
