"""Holding out a part of the examples for development."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Protocol, TypeVar

from nlp_lstm.errors import DataError, UsageError

_Group = list[int]
"""The places of the examples that share one text; they stay together."""


class Splittable(Protocol):
    """What an example must tell to be put in one part or the other."""

    @property
    def text(self) -> str:
        """Its text; equal ones stay together."""
        ...

    @property
    def label(self) -> str | None:
        """What both parts get an equal share of, or None."""
        ...

    @property
    def source(self) -> str:
        """Where it came from, for messages."""
        ...


E = TypeVar("E", bound=Splittable)


def hold_out(examples: Sequence[E], *, fraction: float, seed: int) -> tuple[list[E], list[E]]:
    """Split examples in two parts, label by label: the rest, and the part held out.

    Both parts keep the order of the examples, and neither is empty. Examples with the same text (but for
    blanks around it) are never parted, and a label of several texts keeps at least one in the rest, so that
    the part may come out smaller than asked for. Blank texts, of which nothing can be told, all stay in the
    rest. The same arguments give the same parts on every machine.

    Args:
        examples: what to split.
        fraction: how much to hold out, between 0 and 1.
        seed: which of the possible splits to take.

    Raises:
        DataError: there are fewer than two different texts, or no label has two.
        UsageError: `fraction` is not between 0 and 1.

    >>> from nlp_lstm.records.examples import Example
    >>> films = [Example(f"film {number}", "good" if number % 2 else "bad") for number in range(8)]
    >>> rest, held_out = hold_out(films, fraction=0.25, seed=1)
    >>> len(rest), sorted(example.label for example in held_out)
    (6, ['bad', 'good'])
    """
    if not 0 < fraction < 1:
        raise UsageError(f"fraction to hold out: expected a number between 0 and 1, got {fraction}")
    by_label = _groups_by_label(examples)
    if sum(map(len, by_label.values())) < 2:
        raise DataError(f"{_name(examples)}: too few examples to hold some out; expected at least two different texts")
    generator = random.Random(seed)
    for label in sorted(by_label):
        generator.shuffle(by_label[label])
    quotas = _quotas(by_label, fraction)
    held = {place for label, groups in by_label.items() for place in _take(groups, quotas[label])}
    held = held or set(_smallest(by_label, name=_name(examples)))
    rest = [example for place, example in enumerate(examples) if place not in held]
    return rest, [example for place, example in enumerate(examples) if place in held]


def _groups_by_label(examples: Sequence[Splittable]) -> dict[str, list[_Group]]:
    """Return the groups of equal texts by the label of their first example; blank texts are in none."""
    groups: dict[str, _Group] = {}
    for place, example in enumerate(examples):
        if text := example.text.strip():
            groups.setdefault(text, []).append(place)
    by_label: dict[str, list[_Group]] = {}
    for group in groups.values():
        by_label.setdefault(examples[group[0]].label or "", []).append(group)
    return by_label


def _quotas(by_label: dict[str, list[_Group]], fraction: float) -> dict[str, int]:
    """Return how many examples of each label to hold out: its share rounded so that the sum is right too.

    Shares are rounded down first; what is missing to the rounded total goes to the largest remainders,
    between equal ones to the commoner label, then by name. A label with a single text has none to give.
    """
    counts = {label: sum(map(len, groups)) for label, groups in by_label.items()}
    shares = {label: count * fraction for label, count in counts.items()}
    quotas = {label: int(share) for label, share in shares.items()}
    missing = max(1, round(sum(counts.values()) * fraction)) - sum(quotas.values())
    givers = [label for label, groups in by_label.items() if len(groups) > 1]
    givers.sort(key=lambda label: (quotas[label] - shares[label], -counts[label], label))
    for label in givers[:missing]:
        quotas[label] += 1
    return quotas


def _take(groups: Sequence[_Group], quota: int) -> list[int]:
    """Return the places of the first groups that fit in the quota, all groups but one at most."""
    taken: list[int] = []
    n_left = len(groups)
    for group in groups:
        if n_left > 1 and len(taken) + len(group) <= quota:
            taken += group
            n_left -= 1
    return taken


def _smallest(by_label: dict[str, list[_Group]], *, name: str) -> _Group:
    """Return the group to hold out when none fitted: of the label with most texts, one of the smallest."""
    label = min(by_label, key=lambda label: (-len(by_label[label]), label))
    if len(by_label) > 1 and len(by_label[label]) == 1:
        raise DataError(f"{name}: every label has one text only, so none can be held out; give development data")
    return min(by_label[label], key=len)


def _name(examples: Sequence[Splittable]) -> str:
    return (examples[0].source if examples else "") or "the examples"
