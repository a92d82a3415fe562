"""Ending a text at a stop string while it is still being written."""

from __future__ import annotations

from collections.abc import Iterable

from nlp_lstm.errors import UsageError


class StopStrings:
    r"""Lets a text through, piece by piece, up to the first stop string.

    The text stops where the first stop string is complete, and is shown up to where that one begins; of several that
    are complete at the same place, the longest counts. How the text is cut into pieces makes no difference. What could
    be the beginning of a stop string is held back until it is known not to be one, and nothing else is.

    Args:
        stops: the strings to stop at; without any, everything passes at once.

    Attributes:
        found: the stop string that was met; None before.

    Raises:
        UsageError: a stop string is empty.
        TypeError: `stops` is one string, which would be read as its characters.

    >>> until = StopStrings(["\n\n", "END"])
    >>> [until.feed(piece) for piece in ("so it E", "NE", "ND", " on")]
    ['so it ', 'EN', '', '']
    >>> until.stopped, until.found, until.flush()
    (True, 'END', '')
    """

    found: str | None

    def __init__(self, stops: Iterable[str]) -> None:
        if isinstance(stops, str):
            raise TypeError(f"expected several stop strings, got one string: {stops!r}")
        self.stops = tuple(dict.fromkeys(stops))
        if "" in self.stops:
            raise UsageError("expected stop strings of at least one character, got an empty one")
        self.found = None
        self._held = ""

    @property
    def stopped(self) -> bool:
        """Whether a stop string was met; nothing more is shown then."""
        return self.found is not None

    @property
    def n_hidden(self) -> int:
        """Characters at the end of what was fed that are not shown: from a stop string on, or what may become one."""
        return len(self._held)

    def feed(self, piece: str) -> str:
        """Return what can be shown now that `piece` has been written; "" after the stop."""
        if self.stopped:
            self._held += piece
            return ""
        text = self._held + piece
        ends = [(start + len(stop), start, stop) for stop in self.stops if (start := text.find(stop)) >= 0]
        if ends:
            _, shown, self.found = min(ends)
        else:
            shown = self._first_doubt(text)
        self._held = text[shown:]
        return text[:shown]

    def flush(self) -> str:
        """Return what is held back still: the text has ended, so it is no stop string; "" after the stop."""
        if self.stopped:
            return ""
        held, self._held = self._held, ""
        return held

    def _first_doubt(self, text: str) -> int:
        """Return from where on `text` could be the beginning of a stop string; its length if it could not."""
        longest = max(map(len, self.stops), default=1)
        for start in range(max(0, len(text) - longest + 1), len(text)):
            if any(stop.startswith(text[start:]) for stop in self.stops):
                return start
        return len(text)
