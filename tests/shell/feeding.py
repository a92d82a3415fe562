"""Feeding lines to a session."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from nlp_lstm.shell.events import Event, Piece, Problem
from nlp_lstm.shell.session import Session

E = TypeVar("E")


def text(session: Session, *lines: str) -> str:
    """Feed lines that must all be understood; return the text that came, what was typed included."""
    pieces = []
    for line in lines:
        for event in session.feed(line):
            assert not isinstance(event, Problem), event
            pieces.append(event.text if isinstance(event, Piece) else "")
    return "".join(pieces)


def problem(session: Session, line: str) -> str:
    """Feed a line that must be refused, and nothing else come of it; return why."""
    [found] = session.feed(line)
    assert isinstance(found, Problem), found
    return found.text


def only(kind: type[E], events: Iterable[Event]) -> E:
    """Return the one event of a kind."""
    [found] = [each for each in events if isinstance(each, kind)]
    return found
