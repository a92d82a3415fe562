"""Times of a table's rows: how they are written, whether their steps are equal, and how they go on."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias

NAMES = ("date", "time", "datetime", "timestamp", "ds", "day", "week", "month", "quarter", "year")
"""What a column of times is called; the first of these that a table has is taken."""

Moment: TypeAlias = Any
"""A `datetime` or a whole number."""


class Style(NamedTuple):
    """A way to write times."""

    parse: Callable[[str], Moment]
    write: Callable[[Moment], str]


def _pattern(pattern: str) -> Style:
    return Style(lambda text: datetime.strptime(text, pattern), lambda time: f"{time:{pattern}}")


def _iso(timespec: str, separator: str) -> Style:
    write = partial(datetime.isoformat, sep=separator, timespec=timespec)
    return Style(datetime.fromisoformat, write)


STYLES = (
    Style(int, str),
    *(_iso(timespec, separator) for separator in " T" for timespec in ("minutes", "seconds", "milliseconds", "auto")),
    *map(
        _pattern, ("%Y-%m-%d", "%Y-%m", "%Y/%m/%d", "%Y/%m/%d %H:%M", "%Y/%m/%d %H:%M:%S", "%d.%m.%Y", "%d.%m.%Y %H:%M")
    ),
)
"""Every way that is known: whole numbers (years, seconds, days), and dates in which no one can take days for months."""


@dataclass(frozen=True)
class Step:
    """From one row to the next: so much time, a whole number, or so many months.

    Attributes:
        size: the step; months are counted where `months` says so.
        months: whether the size is in months.
        ends: whether every time is the last day of its month.
    """

    size: timedelta | int
    months: bool = False
    ends: bool = False

    def after(self, moment: Moment, count: int) -> Moment:
        """Return the moment `count` steps after another."""
        if not self.months:
            return moment + count * self.size
        assert isinstance(moment, datetime) and isinstance(self.size, int)
        year, month = divmod(moment.year * 12 + moment.month - 1 + count * self.size, 12)
        last = monthrange(year, month + 1)[1]
        return moment.replace(year=year, month=month + 1, day=last if self.ends else min(moment.day, last))

    def season(self) -> int | None:
        """Return the steps in the day, the week or the year that such steps divide; None where nothing is usual.

        >>> Step(timedelta(hours=1)).season(), Step(timedelta(days=1)).season(), Step(3, months=True).season()
        (24, 7, 4)
        """
        if self.months:
            assert isinstance(self.size, int)
            return 12 // self.size if self.size < 12 and not 12 % self.size else None
        if not isinstance(self.size, timedelta):
            return None
        for cycle, longest in ((timedelta(days=1), timedelta(hours=12)), (timedelta(weeks=1), timedelta(days=1))):
            if timedelta(0) < self.size <= longest and not cycle % self.size:
                return cycle // self.size
        return None


class Uneven(NamedTuple):
    """Where steps differ: the first row that comes too early or too late, and how many steps are not the first one."""

    row: int
    n_steps: int


class Times(NamedTuple):
    """What is known of the times of a table's rows.

    Attributes:
        style: how they are written; None where that is not known.
        step: from one to the next; None where the steps differ, or there is none.
        uneven: where they differ, if they do.
        back: the rows whose time is before that of the row above.
    """

    style: Style | None = None
    step: Step | None = None
    uneven: Uneven | None = None
    back: tuple[int, ...] = ()


def study_times(texts: Sequence[str]) -> Times:
    """Return what is known of times, in the order of the rows."""
    style, moments = _read(texts)
    if style is None or len(moments) < 2:
        return Times(style)
    step = _months(moments) or Step(moments[1] - moments[0])
    first = moments[0]
    back = tuple(row for row, (one, other) in enumerate(pairwise(moments), 1) if other < one)
    if step.months:
        late = [row for row, each in enumerate(moments) if each != step.after(first, row)]
    else:
        late = [row for row, (one, other) in enumerate(pairwise(moments), 1) if other - one != step.size]
    if late or not step.size:
        return Times(style, None, Uneven(late[0] if late else 1, len(late) or len(moments) - 1), back)
    return Times(style, step, back=back)


def go_on(texts: Sequence[str], count: int) -> list[str]:
    """Return the times of the next rows; where the steps are not equal or not known, `+1`, `+2` and so on.

    >>> go_on(["2024-01-31", "2024-02-29"], 2), go_on(["2024-02-28 22:00", "2024-02-28 23:00"], 1)
    (['2024-03-31', '2024-04-30'], ['2024-02-29 00:00'])
    >>> go_on([], 2)
    ['+1', '+2']
    """
    found = study_times(texts)
    if found.style is None or found.step is None:
        return [f"+{number}" for number in range(1, count + 1)]
    first = found.style.parse(texts[0])  # not the last: a month may have been too short for its day
    return [found.style.write(found.step.after(first, number)) for number in range(len(texts), len(texts) + count)]


def _read(texts: Sequence[str]) -> tuple[Style | None, list[Moment]]:
    """Return the first style in which every time is written, and the times."""
    for style in STYLES:
        try:
            if texts and style.write(style.parse(texts[0])) == texts[0]:
                return style, [style.parse(text) for text in texts]
        except (ValueError, TypeError):
            continue
    return None, []


def _months(moments: Sequence[Moment]) -> Step | None:
    """Return the step of the first two times if these are whole months apart, and more than days are."""
    one, other = moments[:2]
    if not isinstance(one, datetime) or not isinstance(other, datetime):
        return None
    months = (other.year - one.year) * 12 + other.month - one.month
    ends = all(_ends_month(each) for each in (one, other))
    same = one.time() == other.time() and (ends or one.day == other.day)
    return Step(months, months=True, ends=ends and one.day != other.day) if same and months > 0 else None


def _ends_month(moment: datetime) -> bool:
    return moment.day == monthrange(moment.year, moment.month)[1]
