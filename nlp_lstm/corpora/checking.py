"""Finding every problem of a data file and of the splits given along with it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nlp_lstm.corpora.opening import name_of
from nlp_lstm.corpora.problems import Kind, Problem, quoted
from nlp_lstm.corpora.reading import scan
from nlp_lstm.errors import nearest
from nlp_lstm.records.examples import Example

WARNINGS: frozenset[Kind] = frozenset(
    {
        *("unseen-tag", "tag", "empty-text", "too-long", "length-ratio", "same-sides", "header"),
        *("constant", "times", "left-out", "missing"),
        *("duplicate", "two-labels", "shared", "single-example", "control"),
    }
)
"""The kinds of problem that training puts up with; it refuses every other."""


@dataclass(frozen=True, slots=True)
class Lengths:
    """How long the texts are, in tokens parted by white space."""

    min: int
    median: float
    max: int


@dataclass(frozen=True, slots=True)
class Report:
    """What a data file holds and what is wrong with it.

    Attributes:
        source: the file or data set.
        n_examples: how many good rows it has.
        labels: how many examples each label has, the commonest first.
        lengths: how long its texts are; None when there are none.
        errors: what training refuses, in the order of the files and lines.
        warnings: what training puts up with.
    """

    source: str
    n_examples: int
    labels: Mapping[str, int]
    lengths: Lengths | None
    errors: tuple[Problem, ...]
    warnings: tuple[Problem, ...]

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Every problem, errors first."""
        return self.errors + self.warnings


@dataclass(slots=True)
class Split:
    """What is counted of a file that has been read, and found wrong with it.

    Attributes:
        source: the file or data set.
        labels: how often each label stands there.
        label_lines: the first line of each.
        lengths: how many texts have each length, in tokens.
        problems: what is wrong, in any order.
    """

    source: str
    labels: Counter[str] = field(default_factory=Counter)
    label_lines: dict[str, int] = field(default_factory=dict)
    lengths: Counter[int] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)


@dataclass(slots=True)
class _Split(Split):
    """Of each text the digest, line and label besides."""

    first: dict[bytes, tuple[int, str | None]] = field(default_factory=dict)


def check(
    source: str | Path,
    *,
    others: Sequence[str | Path] = (),
    data_format: str | None = None,
    text_column: str = "text",
    label_column: str = "label",
    known_labels: Collection[str] | None = None,
    online: bool = False,
) -> Report:
    """Read a labelled file, or plain text, and report every problem in it.

    Args:
        source: what to check: a path or `hf:NAME[:SPLIT]`.
        others: its other splits. Their problems are reported too, with the texts they share with `source` or
            with each other, and the labels that `source` never has.
        data_format: a name of `FORMATS`, for all files; None tells for each.
        text_column: the column or key of the texts.
        label_column: the column or key of the labels.
        known_labels: the labels there may be, of a trained model for example; None allows any in `source`.
        online: whether `hf:` may use the network.

    Raises:
        DataError: a file is missing, empty or cannot be read (on).
        UsageError: there is no such format.
    """
    splits: list[_Split] = []
    for each in (source, *others):
        items = scan(
            each,
            data_format=data_format,
            text_column=text_column,
            label_column=label_column,
            labelled=True,
            online=online,
        )
        # The first file's labels bind the others, if it has any.
        allowed = known_labels if known_labels is not None or not splits else splits[0].labels.keys() or None
        splits.append(_read_split(name_of(each), items, splits, allowed))
    return report_on(splits)


def report_on(splits: Sequence[Split], *, noun: str = "label") -> Report:
    """Return the report of the first split, with the problems of all; `noun` is what messages call a label."""
    splits[0].problems += _label_problems(splits[0], noun)
    problems = [found for split in splits for found in sorted(split.problems, key=lambda found: found.line)]
    return Report(
        source=splits[0].source,
        n_examples=splits[0].lengths.total(),
        labels=dict(sorted(splits[0].labels.items(), key=lambda item: (-item[1], item[0]))),
        lengths=_lengths(splits[0].lengths),
        errors=tuple(found for found in problems if found.kind not in WARNINGS),
        warnings=tuple(found for found in problems if found.kind in WARNINGS),
    )


def _read_split(
    source: str,
    items: Iterator[Example | Problem],
    earlier: Sequence[_Split],
    allowed: Collection[str] | None,
) -> _Split:
    split = _Split(source)
    for item in items:
        if isinstance(item, Problem):
            split.problems.append(item)
            continue
        split.lengths[len(item.text.split())] += 1
        if item.label is not None:
            split.labels[item.label] += 1
            split.label_lines.setdefault(item.label, item.line)
            if allowed is not None and item.label not in allowed:
                message = f"unknown label {quoted(item.label)}{nearest(item.label, allowed)}"
                split.problems.append(Problem(source, item.line, "unknown-label", message))
        split.problems += _text_problems(item, split, earlier)
    if not split.lengths and not split.problems:
        split.problems.append(Problem(source, 0, "no-examples", "no examples; expected at least one"))
    return split


def _text_problems(example: Example, split: _Split, earlier: Sequence[_Split]) -> Iterator[Problem]:
    """Yield what is wrong with a text by itself and beside those read before; take it down as read."""
    text = example.text.strip()
    if not text:
        yield Problem(split.source, example.line, "empty-text", "the text is empty")
        return
    digest = hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16).digest()
    line, label = split.first.setdefault(digest, (example.line, example.label))
    if line != example.line:
        kind: Kind = "duplicate" if label == example.label else "two-labels"
        message = _same_as(f"line {line}", label, example)
        yield Problem(split.source, example.line, kind, message)
    for other in earlier:
        if digest in other.first:
            line, label = other.first[digest]
            message = _same_as(f"line {line} of {other.source}", label, example)
            yield Problem(split.source, example.line, "shared", message)


def _same_as(where: str, label: str | None, example: Example) -> str:
    other = "" if label == example.label else f", but the label is {example.label!r} here and {label!r} there"
    return f"the same text as {where}{other}"


def _label_problems(split: Split, noun: str) -> Iterator[Problem]:
    for label, count in split.labels.items():
        if count == 1:
            message = f"{noun} {quoted(label)} has this one example only"
            yield Problem(split.source, split.label_lines[label], "single-example", message)
    if len(split.labels) == 1:
        message = f"every {noun} is {quoted(*split.labels)}; expected at least two {noun}s to tell apart"
        yield Problem(split.source, 0, "one-label", message)


def _lengths(counts: Counter[int]) -> Lengths | None:
    """Return the statistics of lengths given how often each one occurs."""
    total = counts.total()
    if not total:
        return None
    ordered = sorted(counts)
    lower, upper = _nth(counts, (total - 1) // 2), _nth(counts, total // 2)
    return Lengths(ordered[0], (lower + upper) / 2, ordered[-1])


def _nth(counts: Counter[int], n: int) -> int:
    """Return the value at place `n`, from 0, of all the values in order."""
    for value in sorted(counts):
        n -= counts[value]
        if n < 0:
            return value
    raise IndexError("n is not less than the number of values")
