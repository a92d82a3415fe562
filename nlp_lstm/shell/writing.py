"""The commands that write, take back and explain."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from nlp_lstm.errors import UsageError
from nlp_lstm.shell.draft import Draft, Drawn
from nlp_lstm.shell.events import Break, Event, Note, Table
from nlp_lstm.text.visible import quoted, tail, visible

if TYPE_CHECKING:
    from nlp_lstm.shell.session import Session

MOST_SHOWN = 100
"""Next tokens that fit on a screen, more or less."""
ALL = 1 << 30
"""More next tokens than any vocabulary holds."""


def more(session: Session, _: str) -> Iterator[Event]:
    """Write on."""
    yield from session.write()


def retry(session: Session, _: str) -> Iterator[Event]:
    """Take the last text back and write another: the seed has moved on."""
    draft = session.needs_draft()
    last = draft.turns[-1] if draft.turns else None
    if last is None or last.seed is None:
        raise UsageError("nothing was written last: type a text, or /more")
    drawn, options = draft.place.drawn, session.settings.options()
    if options.beam > 1 and drawn and drawn is not last.before.drawn and drawn.options == options:
        raise UsageError("/retry: a search with a beam finds one text, whatever the seed")
    draft.writer.check(options)
    yield Break()
    yield Note(f"seed {session.settings.seed}")
    yield from session.write(last.prompt, instead=True)


def undo(session: Session, _: str) -> Iterator[Event]:
    """Take the last turn back."""
    draft = session.needs_draft()
    if draft.undo() is None:
        raise UsageError("nothing is left to take back")
    yield Break()
    yield where(draft)


def where(draft: Draft) -> Note:
    """Return a note of where a text stands."""
    return Note(f"the text ends with {tail(draft.text)}" if draft.text else "the text is empty")


def pick(session: Session, typed: str) -> Iterator[Event]:
    """Let the next lines choose the next tokens."""
    offered = _number(typed, default=5, name="/pick")
    session.needs_draft().writer.check(session.settings.options())
    session.offered = offered
    yield Note("a number picks, an empty line ends")


def why(session: Session, typed: str) -> Iterator[Event]:
    """Show what the last token was drawn from, or all that was said of the last line."""
    n = _number(typed, default=10, name="/why")
    if session.draft is None:
        if session.answered is None:
            raise UsageError("nothing was answered yet")
        found = session.answered.to_dict()
        yield Table(("", "value"), tuple((name, _brief(value)) for name, value in found.items()))
        return
    drawn = session.draft.place.drawn
    if drawn is None:
        raise UsageError("nothing was written here yet")
    yield _explained(session.draft, drawn, n)


def _explained(draft: Draft, drawn: Drawn, n: int) -> Table:
    """Return the `n` likeliest tokens that a drawn one was chosen from."""
    choices = draft.writer.choices(drawn.moment, drawn.options, n=ALL)
    title = f"after {tail(drawn.moment.text)} came {quoted(drawn.piece)}; entropy of the model "
    title += f"{entropy(each.model_probability for each in choices):.3f} nats, "
    if drawn.options.beam > 1:
        rows = tuple((quoted(each.text), f"{each.model_probability:.4f}") for each in choices[:n])
        return Table((draft.writer.unit, "model"), rows, title=f"{title}nothing is drawn with a beam")
    title += f"of what was drawn from {entropy(each.probability for each in choices):.3f} nats"
    return Table(
        (draft.writer.unit, "model", "drawn from"),
        tuple((quoted(each.text), f"{each.model_probability:.4f}", f"{each.probability:.4f}") for each in choices[:n]),
        title=title,
    )


def entropy(probabilities: Iterable[float]) -> float:
    """Return −Σ p log p in nats; what is never drawn adds nothing.

    >>> entropy([0.5, 0.5, 0.0]) == math.log(2)
    True
    """
    return math.fsum(-p * math.log(p) for p in probabilities if p > 0) + 0.0  # no −0


def _number(typed: str, *, default: int, name: str) -> int:
    """Return how many next tokens are to be shown."""
    number = int(typed) if typed.isdecimal() else 0
    if typed and not 1 <= number <= MOST_SHOWN:
        raise UsageError(f"{name}: expected a whole number from 1 to {MOST_SHOWN}, found {typed!r}")
    return number if typed else default


def _brief(value: Any) -> str:
    """Return a plain value as a line."""
    if isinstance(value, Mapping):
        return ", ".join(f"{visible(str(name))} {_brief(each)}" for name, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_brief, value))
    return f"{value:.4f}" if isinstance(value, float) else visible(str(value))
