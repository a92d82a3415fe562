"""Scores of a chunk tagger: precision, recall and F1 over spans, with an interval, by type and as a confusion."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from nlp_lstm.text.tag_schemes import Scheme, Span, normalise, spans

NO_TYPE = "(none)"  # stands in the confusion for the side that has no span there
N_RESAMPLES = 1_000


@dataclass(frozen=True, slots=True)
class SpanScores:
    """How well the spans of one type were found; what cannot be computed is None and `undefined` says why.

    Attributes:
        precision: share of the predicted spans that are right, in extent and type; None if there are none.
        recall: share of the gold spans that were predicted so; None if there are none.
        f1: 2·TP / (support + predicted), the harmonic mean of the two; None if recall is. With gold spans but none
            predicted, F1 is 0.
        support: spans of this type in the gold tags.
        predicted: spans predicted as this type.
        undefined: why a score is None; empty when all three are numbers.
    """

    precision: float | None
    recall: float | None
    f1: float | None
    support: int
    predicted: int
    undefined: str = ""


@dataclass(frozen=True, slots=True)
class SpanReport:
    """The scores of one tagger on one set of sentences.

    Attributes:
        n: sentences scored.
        n_tokens: tokens in them.
        n_gold: spans in the gold tags.
        n_predicted: spans in the predicted tags.
        n_right: spans in both, with the same start, end and type.
        precision: n_right / n_predicted; None if nothing was predicted.
        recall: n_right / n_gold; None if there are no gold spans.
        f1: 2·n_right / (n_gold + n_predicted); None if recall is.
        f1_interval: its 95 % bootstrap interval over sentences, low and high; None if F1 is.
        accuracy: share of the tokens with the right tag, in [0, 1].
        per_type: the scores of each type, in the order of their names.
        confusion: how many spans of gold type (outer key) were predicted as type (inner key) with exactly the same
            extent. Gold spans without a predicted one of their extent are counted under the inner key "(none)",
            predicted spans without a gold one under the outer key "(none)". Every pair of keys is there.
        undefined: why an overall score is None; empty when all are numbers.
    """

    n: int
    n_tokens: int
    n_gold: int
    n_predicted: int
    n_right: int
    precision: float | None
    recall: float | None
    f1: float | None
    f1_interval: tuple[float, float] | None
    accuracy: float
    per_type: Mapping[str, SpanScores]
    confusion: Mapping[str, Mapping[str, int]]
    undefined: str = ""

    def to_dict(self) -> dict[str, object]:
        """Return the report as plain values, ready for JSON."""
        return {
            "n": self.n,
            "n_tokens": self.n_tokens,
            "f1": self.f1,
            "precision": self.precision,
            "recall": self.recall,
            "f1_interval": None if self.f1_interval is None else list(self.f1_interval),
            "accuracy": self.accuracy,
            "per_type": {name: asdict(scores) for name, scores in self.per_type.items()},
            "confusion": {name: dict(row) for name, row in self.confusion.items()},
            "undefined": self.undefined,
        }


def span_report(
    gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]], *, scheme: Scheme, seed: int = 0
) -> SpanReport:
    """Return the scores of predicted against gold chunk tags; they equal those of the CoNLL script `conlleval`.

    Args:
        gold: the right tags of each sentence.
        predicted: the predicted tags of each sentence, one for each gold tag.
        scheme: what both are written in; illegal tags are read as `nlp_lstm.text.tag_schemes.spans` reads them.
        seed: of the resampling behind `f1_interval`.

    Returns:
        The scores.

    Raises:
        ValueError: there is nothing to score, or the two differ in length.
        DataError: a tag is no chunk tag.

    >>> report = span_report([["B-PER", "I-PER", "O", "B-LOC"]], [["B-PER", "I-PER", "O", "B-ORG"]], scheme="iob2")
    >>> report.f1
    0.5
    >>> report.accuracy
    0.75
    >>> report.confusion["LOC"]["ORG"]
    1
    """
    _check(gold, predicted)
    pairs = [(spans(right, scheme), spans(guess, scheme)) for right, guess in zip(gold, predicted, strict=True)]
    counts = np.array([_counts(right, guess) for right, guess in pairs])  # (sentences, 3): right, gold, predicted
    n_right, n_gold, n_predicted = counts.sum(axis=0).tolist()
    overall = _scores(n_right, n_gold, n_predicted)
    confusion = _confusion(pairs)
    n_tokens = sum(map(len, gold))
    return SpanReport(
        n=len(gold),
        n_tokens=n_tokens,
        n_gold=n_gold,
        n_predicted=n_predicted,
        n_right=n_right,
        precision=overall.precision,
        recall=overall.recall,
        f1=overall.f1,
        f1_interval=None if overall.f1 is None else _f1_interval(counts, seed),
        accuracy=_n_equal(gold, predicted) / n_tokens,
        per_type=_per_type(confusion),
        confusion=confusion,
        undefined=overall.undefined,
    )


def _check(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> None:
    """Raise unless there is one predicted tag for each gold tag, and at least one."""
    if len(gold) != len(predicted):
        raise ValueError(f"one prediction for each gold sentence expected, got {len(predicted)} for {len(gold)}")
    for number, (right, guess) in enumerate(zip(gold, predicted, strict=True), start=1):
        if len(right) != len(guess):
            raise ValueError(
                f"sentence {number}: one predicted tag for each gold tag expected, got {len(guess)} for {len(right)}"
            )
    if not any(map(len, gold)):
        raise ValueError("no tokens to score")


def _n_equal(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> int:
    """Return how many tokens have the right tag, in whichever letters it is written."""
    return sum(
        right == guess
        for sentence, guesses in zip(gold, predicted, strict=True)
        for right, guess in zip(normalise(sentence), normalise(guesses), strict=True)
    )


def _counts(gold: Sequence[Span], predicted: Sequence[Span]) -> tuple[int, int, int]:
    """Return how many spans of one sentence are right, gold and predicted."""
    return len(set(gold).intersection(predicted)), len(gold), len(predicted)


def _scores(n_right: int, n_gold: int, n_predicted: int) -> SpanScores:
    """Return precision, recall and F1 of these counts."""
    reasons = []
    if not n_gold:
        reasons.append("no gold spans: no recall, no F1")
    if not n_predicted:
        reasons.append("no predicted spans: no precision")
    return SpanScores(
        precision=n_right / n_predicted if n_predicted else None,
        recall=n_right / n_gold if n_gold else None,
        f1=2 * n_right / (n_gold + n_predicted) if n_gold else None,
        support=n_gold,
        predicted=n_predicted,
        undefined="; ".join(reasons),
    )


def _confusion(pairs: Sequence[tuple[Sequence[Span], Sequence[Span]]]) -> dict[str, dict[str, int]]:
    """Return the counts of gold type and predicted type for each extent, types by name and "(none)" last."""
    counts: Counter[tuple[str, str]] = Counter()
    for gold, predicted in pairs:
        right = {(span.start, span.end): span.label for span in gold}
        guess = {(span.start, span.end): span.label for span in predicted}
        extents = [*right, *(extent for extent in guess if extent not in right)]
        counts.update((right.get(extent, NO_TYPE), guess.get(extent, NO_TYPE)) for extent in extents)
    names = [*sorted({name for pair in counts for name in pair} - {NO_TYPE}), NO_TYPE]
    return {row: {column: counts[row, column] for column in names} for row in names}


def _per_type(confusion: Mapping[str, Mapping[str, int]]) -> dict[str, SpanScores]:
    """Return the scores of each type: each gold span stands once in its row, each predicted one in its column."""
    return {
        name: _scores(row[name], sum(row.values()), sum(other[name] for other in confusion.values()))
        for name, row in confusion.items()
        if name != NO_TYPE
    }


def _f1_interval(counts: NDArray[np.int64], seed: int) -> tuple[float, float]:
    """Return the 95 % percentile interval of F1 over resamples of as many sentences, drawn with replacement.

    Resamples without a gold span have no F1 and are left out. Source: Efron and Tibshirani 1993, "An Introduction to
    the Bootstrap", chapter 13. Sentences with the same counts are alike, so instead of sentences we draw how often
    each kind of them comes, which has the same distribution and needs no (resamples, sentences) array.

    Args:
        counts: right, gold and predicted spans of each sentence, int64 (sentences, 3), with a gold span somewhere.
        seed: of the draws.
    """
    n = len(counts)
    kinds, times = np.unique(counts, axis=0, return_counts=True)  # (kinds, 3), (kinds,)
    drawn = np.random.default_rng(seed).multinomial(n, times / n, size=N_RESAMPLES)  # (resamples, kinds)
    totals = drawn @ kinds  # (resamples, 3)
    right, gold, predicted = totals[totals[:, 1] > 0].T
    low, high = np.quantile(2 * right / (gold + predicted), (0.025, 0.975))
    return float(low), float(high)
