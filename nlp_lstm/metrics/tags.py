"""Scores of a tagger: those of the chunks its tags mark, or of the tags themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from nlp_lstm.metrics.classification import ClassificationReport, classification_report
from nlp_lstm.metrics.spans import SpanReport, span_report
from nlp_lstm.text.tag_schemes import Scheme, spans

Sequences: TypeAlias = Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class WordReport:
    """The scores of tags that stand for themselves.

    Attributes:
        n: sentences scored.
        words: the scores over their words.
    """

    n: int
    words: ClassificationReport

    def to_dict(self) -> dict[str, object]:
        """Return the report as plain values, ready for JSON."""
        scores = self.words.to_dict()
        return {"n": self.n, "n_tokens": scores.pop("n"), "interval_over": "words", **scores}


TagReport: TypeAlias = SpanReport | WordReport


def tag_report(
    gold: Sequences, predicted: Sequences, *, scheme: Scheme | None = None, labels: Sequence[str] = ()
) -> TagReport:
    """Return the scores of predicted against gold tags, sentence by sentence.

    Args:
        gold: the right tags of each sentence.
        predicted: the predicted ones.
        scheme: how both mark chunks; None where each tag stands for itself.
        labels: without a scheme, the tags there are, in the order to show them; those that are none of them follow,
            by name.

    Raises:
        ValueError: there is nothing to score, or the two differ in length.

    >>> tag_report([["NN", "VB"]], [["NN", "NN"]], labels=["NN", "VB"]).to_dict()["accuracy"]
    0.5
    """
    if scheme is not None:
        return span_report(gold, predicted, scheme=scheme)
    if [len(tags) for tags in gold] != [len(tags) for tags in predicted]:
        raise ValueError("one predicted tag for each gold tag expected")
    unknown = {tag for tags in (*gold, *predicted) for tag in tags} - set(labels)
    names = [*labels, *sorted(unknown)]
    numbers = {name: number for number, name in enumerate(names)}
    true, found = ([numbers[tag] for tags in sequences for tag in tags] for sequences in (gold, predicted))
    return WordReport(len(gold), classification_report(true, found, names))


def span_f1(gold: Sequences, predicted: Sequences) -> float:
    """Return the F1 of chunks, all in BIOES, in [0, 1]; 0 when neither has a chunk.

    >>> span_f1([["S-PER", "O"]], [["S-PER", "S-LOC"]])
    0.6666666666666666
    """
    right = total = 0
    for true, found in zip(gold, predicted, strict=True):
        wanted, got = set(spans(true, "bioes")), set(spans(found, "bioes"))
        right += len(wanted & got)
        total += len(wanted) + len(got)
    return 2 * right / total if total else 0.0
