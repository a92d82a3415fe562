"""Scores of a classifier: accuracy with its interval, precision, recall, F1 and the confusion matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Z_95 = 1.959963984540054  # the standard normal's 97.5 % quantile: 95 % lie within ±Z_95


@dataclass(frozen=True, slots=True)
class ClassScores:
    """How well one class was found; what cannot be computed is None and `undefined` says why.

    Attributes:
        precision: share of the examples predicted as this class that are of it; None if there are none.
        recall: share of the examples of this class that were predicted as it; None if there are none.
        f1: 2·TP / (support + predicted), the harmonic mean of the two; None if recall is. A class with gold
            examples that is never predicted has F1 0.
        support: examples of this class in the gold labels.
        predicted: examples predicted as this class.
        undefined: why a score is None; empty when all three are numbers.
    """

    precision: float | None
    recall: float | None
    f1: float | None
    support: int
    predicted: int
    undefined: str = ""


@dataclass(frozen=True, slots=True)
class ClassificationReport:
    """The scores of one classifier on one set of examples.

    Attributes:
        n: examples scored.
        accuracy: share predicted right, in [0, 1].
        accuracy_interval: its 95 % Wilson interval, low and high.
        macro_f1: the plain mean of F1 over the classes that have gold examples; a class without any has no F1
            and is left out, as its `undefined` says.
        per_class: the scores of each class, in label order.
        confusion: how many examples of gold class (row) were predicted as class (column), in label order.
        labels: the classes' names.
    """

    n: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    macro_f1: float
    per_class: Mapping[str, ClassScores]
    confusion: tuple[tuple[int, ...], ...]
    labels: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """Return the report as plain values, ready for JSON."""
        return {
            "n": self.n,
            "accuracy": self.accuracy,
            "accuracy_interval": list(self.accuracy_interval),
            "macro_f1": self.macro_f1,
            "per_class": {label: asdict(scores) for label, scores in self.per_class.items()},
            "confusion": {
                label: dict(zip(self.labels, row, strict=True))
                for label, row in zip(self.labels, self.confusion, strict=True)
            },
            "labels": list(self.labels),
        }


def classification_report(gold: ArrayLike, predicted: ArrayLike, labels: Sequence[str]) -> ClassificationReport:
    """Return the scores of predicted against gold label indices.

    Gold labels that the model does not know are the caller's to settle, because only the caller can say so:
    either drop those examples, or append their names to `labels`; such a class is then never predicted and
    each of its examples counts as wrong.

    Args:
        gold: the right classes as indices into `labels`, integer (n,).
        predicted: the predicted classes, integer (n,).
        labels: the classes' names.

    Returns:
        The scores, with classes in the order of `labels`.

    Raises:
        ValueError: there is nothing to score, the two differ in length, a value is not an index into
            `labels`, or a label stands there twice.

    >>> report = classification_report([0, 0, 1, 1], [0, 1, 1, 1], ["bad", "good"])
    >>> report.accuracy
    0.75
    >>> report.confusion
    ((1, 1), (0, 2))
    >>> report.per_class["good"].f1
    0.8
    """
    names = tuple(labels)
    if len(set(names)) != len(names):
        raise ValueError(f"each label may stand in labels once, got {', '.join(names)}")
    rows, columns = _indices("gold", gold, len(names)), _indices("predicted", predicted, len(names))
    if len(rows) != len(columns):
        raise ValueError(f"one prediction for each gold label expected, got {len(columns)} for {len(rows)}")
    if not len(rows):
        raise ValueError("no examples to score")

    confusion = np.zeros((len(names), len(names)), dtype=np.int64)  # (gold, predicted)
    np.add.at(confusion, (rows, columns), 1)
    per_class = {name: _class_scores(confusion, index) for index, name in enumerate(names)}
    f1s = [scores.f1 for scores in per_class.values() if scores.f1 is not None]
    n, correct = len(rows), int(np.trace(confusion))
    return ClassificationReport(
        n=n,
        accuracy=correct / n,
        accuracy_interval=wilson_interval(correct, n),
        macro_f1=sum(f1s) / len(f1s),
        per_class=per_class,
        confusion=tuple(tuple(row) for row in confusion.tolist()),
        labels=names,
    )


def wilson_interval(successes: int, n: int, *, z: float = Z_95) -> tuple[float, float]:
    """Return the Wilson score interval of a proportion, low and high in [0, 1].

    (p + z²/2n ± z·√(p(1−p)/n + z²/4n²)) / (1 + z²/n), with p = successes/n and z the normal quantile.
    Source: Wilson 1927; Newcombe 1998, "Two-sided confidence intervals for the single proportion", method 3.

    Args:
        successes: how many of the n were right.
        n: how many there were.
        z: how many standard deviations to each side; the default gives 95 %.

    Raises:
        ValueError: n is not positive, or successes is not within 0 to n.

    >>> low, high = wilson_interval(81, 263)
    >>> round(low, 4), round(high, 4)
    (0.2553, 0.3662)
    """
    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"expected 0 to n successes of n > 0, got {successes} of {n}")
    p = successes / n
    centre = p + z * z / (2 * n)
    half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    # At 0 and n successes the bound is 0 or 1 exactly; rounding must not carry it past, nor past p.
    return min(p, max(0.0, (centre - half) / scale)), max(p, min(1.0, (centre + half) / scale))


def _indices(name: str, values: ArrayLike, n_labels: int) -> NDArray[np.int64]:
    """Return `values` as an int64 (n,) array whose every entry is an index into the labels."""
    array: NDArray[Any] = np.asarray(values)
    if array.ndim != 1:
        raise ValueError(f"{name} must be one row of label indices, got shape {array.shape}")
    if array.size and not np.issubdtype(array.dtype, np.integer):
        raise ValueError(f"{name} must hold integers, got {array.dtype}")
    outside = array[(array < 0) | (array >= n_labels)]
    if outside.size:
        raise ValueError(f"{name} holds {outside[0]}, which is no index into {n_labels} labels")
    return array.astype(np.int64)


def _class_scores(confusion: NDArray[np.int64], index: int) -> ClassScores:
    """Return the scores of class `index` from the (gold, predicted) counts."""
    hits = int(confusion[index, index])
    support = int(confusion[index].sum())
    predicted = int(confusion[:, index].sum())
    reasons = []
    if not support:
        reasons.append("no gold examples: no recall, no F1, left out of macro F1")
    if not predicted:
        reasons.append("never predicted: no precision")
    return ClassScores(
        precision=hits / predicted if predicted else None,
        recall=hits / support if support else None,
        f1=2 * hits / (support + predicted) if support else None,
        support=support,
        predicted=predicted,
        undefined="; ".join(reasons),
    )
