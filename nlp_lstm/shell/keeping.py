"""The commands that keep a text, come back to one, and compare it with the training text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nlp_lstm.config import DataSettings
from nlp_lstm.corpora.text_blocks import PlainText, find_text, read_blocks, split_text
from nlp_lstm.errors import NlpLstmError, UsageError, refusal
from nlp_lstm.files import write_text
from nlp_lstm.shell.events import Break, Event, Meter, Note, Pause, Table
from nlp_lstm.shell.memory import Shared, search_blocks
from nlp_lstm.shell.writing import where
from nlp_lstm.stages.ledger import Ledger
from nlp_lstm.text.visible import quoted, tail

if TYPE_CHECKING:
    from nlp_lstm.shell.session import Session

REPLACE = "--replace"
"""Says that an older file or moment may go."""


def state(session: Session, typed: str) -> Iterator[Event]:
    """Do what is named first: `save`, `load`, `list` or `reset`."""
    verb, _, rest = typed.partition(" ")
    if verb not in _VERBS:
        raise UsageError(f"/state: expected save NAME, load NAME, list or reset, found {typed!r}")
    takes_name, act = _VERBS[verb]
    if bool(rest) != takes_name:
        raise UsageError(f"/state {verb}: expected {'a name' if takes_name else 'nothing behind it'}, found {rest!r}")
    yield from act(session, rest.strip())


def _save_state(session: Session, name: str) -> Iterator[Event]:
    name, replace = _replacing(name)
    draft = session.needs_draft()
    session.shelf.save(name, draft.place.moment, draft.writer, replace=replace)
    yield Note(f"saved as {name}")


def _load_state(session: Session, name: str) -> Iterator[Event]:
    draft = session.needs_draft()
    kept = session.shelf.load(name, draft.writer)
    if kept.moment is None:
        yield Note("another model's moment: its text is read from the beginning")
        for _ in draft.go_over_to(kept.text):
            yield Pause()
    else:
        draft.jump(kept.moment)
    yield Break()
    yield where(draft)


def _list_states(session: Session, _: str) -> Iterator[Event]:
    names = session.shelf.names()
    if names:
        yield Table(("name", "the text ends with"), tuple((name, _ending(session, name)) for name in names))
    else:
        yield Note("no moment is saved")


def _ending(session: Session, name: str) -> str:
    """Return how the text of a saved moment ends, or why it cannot be told."""
    try:
        return tail(session.shelf.load(name, session.needs_draft().writer).text)
    except NlpLstmError as error:
        return str(error)


def _reset_state(session: Session, _: str) -> Iterator[Event]:
    draft = session.needs_draft()
    draft.jump(draft.writer.begin())
    yield Break()
    yield Note("a new text; /undo goes back")


_VERBS: dict[str, tuple[bool, Callable[[Session, str], Iterator[Event]]]] = {
    "save": (True, _save_state),
    "load": (True, _load_state),
    "list": (False, _list_states),
    "reset": (False, _reset_state),
}
"""What `/state` can do: whether it takes a name, and the way to do it."""


def memory(session: Session, typed: str) -> Iterator[Event]:
    """Show the longest passage of what the model wrote that stands in a text, by default what it was trained on."""
    runs = [run for run in session.needs_draft().place.runs if run]
    if not runs:
        raise UsageError("nothing was written yet")
    training = _training_text(Ledger(session.folder).data, typed)
    found = Shared()
    for so_far in search_blocks(runs, read_blocks(training)):
        found = so_far
        yield Pause()
    length, written = len(found.text), sum(map(len, runs))
    if length:
        row = (quoted(found.text), f"{length:,}", f"{found.line:,}")
        yield Table(("shared passage", "characters", "line"), (row,))
    text = f"longest passage shared with {training.name}: {length:,} of {written:,} characters written"
    yield Meter(text, length / written)


def _training_text(data: DataSettings, typed: str) -> PlainText:
    """Return the file that was named, else what a model was trained on: not what was held out of it."""
    if typed:
        return find_text(str(_expand(typed)), text_column=data.text_column)
    if data.train is None:
        raise UsageError("this model does not say what it was trained on: /memory FILE")
    text = find_text(data.train, data_format=data.format, text_column=data.text_column)
    return text if data.dev is not None else split_text([text], data.dev_fraction)[0][0]


def save(session: Session, typed: str) -> Iterator[Event]:
    """Write the text to a file, whole or not at all."""
    name, replace = _replacing(typed)
    if not name:
        raise UsageError("/save: expected a file's name")
    path = _expand(name).resolve()  # a link stays one: what it points to is written
    if path.is_dir() or not path.parent.is_dir():
        raise UsageError(f"{path}: {'is a folder' if path.is_dir() else 'its folder is not there'}")
    if path.exists() and not (replace and path.is_file()):
        way = f"; /save {REPLACE} {name} puts the text in its place" if path.is_file() else " and is no plain file"
        raise UsageError(f"{path} is there already{way}")
    text = session.needs_draft().text
    try:
        write_text(path, text)
    except OSError as error:
        raise NlpLstmError(f"the text cannot be saved: {refusal(error)}") from error
    yield Note(f"{len(text):,} characters written to {path}")


def _replacing(typed: str) -> tuple[str, bool]:
    """Return what was typed without the flag that lets something older go, and whether it was there."""
    word, _, rest = typed.partition(" ")
    return (rest.strip(), True) if word == REPLACE else (typed, False)


def unquoted(typed: str) -> str:
    """Return what was typed without the quotes around it.

    >>> unquoted('"my runs/one"'), unquoted("it's")
    ('my runs/one', "it's")
    """
    return typed[1:-1] if len(typed) > 1 and typed[0] == typed[-1] and typed[0] in "\"'" else typed


def _expand(typed: str) -> Path:
    return Path(unquoted(typed)).expanduser()


def complete_state(session: Session, words: Sequence[str]) -> Sequence[str]:
    """Return what may stand behind `/state`."""
    if len(words) == 1:
        return list(_VERBS)
    try:
        return session.shelf.names() if len(words) == 2 and words[0] == "load" else ()
    except NlpLstmError:  # /state load says it
        return ()


def complete_path(_: Session, words: Sequence[str]) -> Sequence[str]:
    """Return the files and folders that the word being typed may become."""
    folder, slash, _begun = words[-1].rpartition("/")
    place = Path(folder + slash).expanduser()
    if not place.is_dir():
        return ()
    return sorted(f"{folder}{slash}{each.name}{'/' if each.is_dir() else ''}" for each in place.iterdir())
