"""Which column of a file of tagged words holds what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nlp_lstm.errors import UsageError, nearest

_NAMES = ("word", "tag", "auxiliary", "_")


@dataclass(frozen=True, slots=True)
class Roles:
    """Which column holds what, counted from 0; a negative place counts from the last column.

    Attributes:
        word: the column of the words.
        tag: the column of the tags; None reads no tags.
        auxiliary: the column of the second tags; None reads none.
        names: the columns a file must have, at least these, in order.
    """

    word: int
    tag: int | None
    auxiliary: int | None
    names: tuple[str, ...]

    @classmethod
    def of(cls, columns: Sequence[str], *, tagged: bool) -> Roles:
        """Return the roles of named columns; without names, the first is the word and the last the tag.

        Raises:
            UsageError: a name is unknown or stands twice, or one that is needed is missing.

        >>> Roles.of(["_", "word", "tag"], tagged=True).tag
        2
        >>> Roles.of([], tagged=True).tag
        -1
        """
        if not columns:
            return cls(0, -1 if tagged else None, None, ("word", "tag") if tagged else ("word",))
        _check_names(columns, tagged=tagged)
        place = {name: number for number, name in enumerate(columns)}
        if not tagged:
            return cls(place["word"], None, None, tuple(columns[: place["word"] + 1]))
        return cls(place["word"], place["tag"], place.get("auxiliary"), tuple(columns))


def _check_names(columns: Sequence[str], *, tagged: bool) -> None:
    for place, name in enumerate(columns):
        if name not in _NAMES:
            raise UsageError(f"no kind of column {name!r}{nearest(name, _NAMES)}")
        if name != "_" and name in columns[:place]:
            raise UsageError(f"the columns name {name!r} twice; expected it once")
    for name in ("word", "tag") if tagged else ("word",):
        if name not in columns:
            raise UsageError(f"the columns {', '.join(columns)} have no {name!r}; expected it once")
