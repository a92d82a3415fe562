"""Labels of any hashable kind, and the strings that stand for them in a model."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class LabelNames:
    """Labels and their names.

    Attributes:
        labels: every label once, sorted if they have an order.
        names: what each is called in the model: what it prints as or, where two print alike, its `repr`.
    """

    labels: tuple[Hashable, ...]
    names: tuple[str, ...]

    @classmethod
    def of(cls, labels: Iterable[Any]) -> LabelNames:
        """Return the names of the labels there are.

        Raises:
            TypeError: one cannot be hashed.
            ValueError: one is not equal to itself (NaN), or two have the same `repr`.

        >>> LabelNames.of([10, 9, 10]).names
        ('9', '10')
        >>> LabelNames.of([1, "1"]).names
        ("'1'", '1')
        """
        distinct = dict.fromkeys(_checked(labels))
        try:
            ordered = tuple(sorted(distinct))  # type: ignore[type-var]
        except TypeError:  # of kinds that cannot be compared
            ordered = tuple(sorted(distinct, key=repr))
        for write in (str, repr):
            names = tuple(str(write(label)) for label in ordered)
            if len(set(names)) == len(names):
                return cls(ordered, names)
        twin = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"two labels cannot be told apart: both read {twin}")

    @cached_property
    def classes(self) -> NDArray[Any]:
        """The labels as an array: of numbers or strings if all are, else of objects."""
        kinds = {type(label) for label in self.labels}
        if len(kinds) == 1 and issubclass(next(iter(kinds)), str | bool | int | float | np.generic):
            return np.array(self.labels)
        return np.fromiter(self.labels, dtype=object, count=len(self.labels))

    @cached_property
    def _name_of(self) -> dict[Hashable, str]:
        return dict(zip(self.labels, self.names, strict=True))

    @cached_property
    def _place_of(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.names)}

    def name(self, label: Hashable) -> str:
        """Return the name of a label; of one that is not among them, one that none of them has."""
        if label in self._name_of:
            return self._name_of[label]
        text = str(label)
        return f"{label!r} of {type(label).__name__}" if text in self._place_of else text

    def place(self, name: str) -> int:
        """Return where the label of a name stands among the labels."""
        return self._place_of[name]

    def label(self, name: str) -> Any:
        """Return the label of a name; the name itself if none has it, as of a tag that BIOES adds."""
        return self.labels[self._place_of[name]] if name in self._place_of else name


def _checked(labels: Iterable[Any]) -> Sequence[Hashable]:
    found = list(labels)
    for number, label in enumerate(found, 1):
        if not isinstance(label, Hashable):
            raise TypeError(f"label {number}: expected something hashable, found {type(label).__name__}")
        if label != label:
            raise ValueError(f"label {number} is not a number (NaN): expected a label for every example")
    return found
