"""The commands of the shell: one table, from which help and completion come too."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from nlp_lstm.errors import UsageError, nearest
from nlp_lstm.shell import keeping, writing
from nlp_lstm.shell.events import Break, Event, Note, Table
from nlp_lstm.shell.settings import SETTINGS, SHORT, changed, expected, find_setting, shown

if TYPE_CHECKING:
    from nlp_lstm.shell.session import Session


@dataclass(frozen=True)
class Command:
    """One command.

    Attributes:
        help: what it does.
        run: does it; gets what was typed behind the command's name, without blanks around it.
        arguments: what may be typed behind the name, for people; "" for nothing.
        short: other names, each with what it puts before what is typed behind it.
        writes: whether it is only for models that write.
        complete: gets the words behind the name, the last of which is being typed, and returns what that may become.
    """

    help: str
    run: Callable[[Session, str], Iterator[Event]]
    arguments: str = ""
    short: Mapping[str, str] = field(default_factory=dict)
    writes: bool = True
    complete: Callable[[Session, Sequence[str]], Sequence[str]] = lambda session, words: ()


def run(session: Session, line: str) -> Iterator[Event]:
    """Run a command, written without its slash.

    Raises:
        UsageError: there is no such command (the message names the nearest), or it does not fit here.
    """
    if not line.strip():
        raise UsageError("expected a command behind '/': /help lists them")
    name, *rest = line.split(maxsplit=1)
    command, before = find(session, name)
    typed = " ".join([before, *rest]).strip()
    if typed and not command.arguments:
        raise UsageError(f"/{name} takes nothing behind it, found {typed!r}")
    if command.writes:
        session.needs_draft()
    yield from command.run(session, typed)


def find(session: Session, name: str) -> tuple[Command, str]:
    """Return the command of a name or short form, and what the short form puts before what is typed.

    Raises:
        UsageError: there is none.
    """
    if name in COMMANDS:
        return COMMANDS[name], ""
    for command in COMMANDS.values():
        if name in command.short:
            return command, command.short[name]
    setting = name.replace("-", "_")
    if setting in SETTINGS and session.draft:
        by_setting = {full: short for short, full in SHORT.items()}
        raise UsageError(f"no command '/{name}'; did you mean '/{by_setting.get(setting, f'set {setting}')}'?")
    known = [f"/{each}" for each in names(session)]
    raise UsageError(f"no command '/{name}'{nearest(f'/{name}', known, otherwise='/help lists them')}")


def names(session: Session) -> list[str]:
    """Return the names and short forms of the commands that a session's model can follow."""
    return sorted(each for name, command in fitting(session).items() for each in (name, *command.short))


def fitting(session: Session) -> dict[str, Command]:
    """Return the commands that a session's model can follow."""
    return {name: each for name, each in COMMANDS.items() if session.draft or not each.writes}


def complete(session: Session, line: str) -> list[str]:
    """Return what the last word of a line, written without its slash, may become."""
    name, *words = line.split(" ")
    if not words:
        return [f"/{each}" for each in names(session) if each.startswith(name)]
    try:
        command, before = find(session, name)
    except UsageError:
        return []
    may_become = command.complete(session, [*before.split(), *filter(None, words[:-1]), words[-1]])
    return [each for each in may_become if each.startswith(words[-1])]


def _help(session: Session, name: str) -> Iterator[Event]:
    listed = fitting(session)
    if name:
        found, _ = find(session, name.removeprefix("/"))
        listed = {each: command for each, command in COMMANDS.items() if command is found}
    rows = [
        (f"/{each} {command.arguments}".strip(), " ".join(f"/{short}" for short in command.short), command.help)
        for each, command in listed.items()
    ]
    yield Table(("command", "short forms", "what it does"), tuple(rows))
    if not name:
        does = "read on, and the model writes" if session.draft else "answered"
        yield Note(f"Anything else is {does}; //text is a text that begins with a slash.")


def _set(session: Session, typed: str) -> Iterator[Event]:
    if not typed:
        yield from _show(session, "")
        return
    name, *value = typed.split(maxsplit=1)
    name = find_setting(name)
    if value:
        settings = changed(session.settings, name, value[0])
        session.needs_draft().writer.check(settings.options())
        session.settings = settings
        yield Note(f"{name} {shown(getattr(session.settings, name))}")
    else:
        yield _settings(session, name)


def _show(session: Session, _: str) -> Iterator[Event]:
    yield _settings(session, *SETTINGS)
    yield Note(f"{session.kind}; {len(session.needs_draft().text):,} characters of text")


def _settings(session: Session, *names: str) -> Table:
    rows = tuple((name, shown(getattr(session.settings, name)), expected(name)) for name in names)
    return Table(("setting", "value", "expected"), rows)


def _model(session: Session, typed: str) -> Iterator[Event]:
    if not typed:
        raise UsageError("/model: expected a model's folder")
    yield from session.open(Path(keeping.unquoted(typed)).expanduser())
    yield Break()
    yield Note(session.kind)


def _quit(session: Session, _: str) -> Iterator[Event]:
    session.done = True
    yield from ()


def _setting_names(_: Session, words: Sequence[str]) -> Sequence[str]:
    return SETTINGS if len(words) == 1 else ()


def _command_names(session: Session, words: Sequence[str]) -> Sequence[str]:
    return names(session) if len(words) == 1 else ()


COMMANDS = {
    "help": Command(
        "list the commands, or explain one",
        _help,
        "[COMMAND]",
        short={"?": ""},
        writes=False,
        complete=_command_names,
    ),
    "set": Command(
        "change how the model writes; 'default' takes a change back",
        _set,
        "NAME [VALUE]",
        short=SHORT,
        complete=_setting_names,
    ),
    "show": Command("show every setting", _show),
    "more": Command("write on", writing.more),
    "retry": Command("take the last text back and write another, with the next seed", writing.retry),
    "undo": Command("take the last turn back", writing.undo),
    "pick": Command("choose each next token from the N likeliest (5)", writing.pick, "[N]"),
    "why": Command("show what the last answer was chosen from", writing.why, "[N]", writes=False),
    "state": Command(
        "keep where the text stands, come back to it, or begin a new text",
        keeping.state,
        "save NAME | load NAME | list | reset",
        short={"new": "reset"},
        complete=keeping.complete_state,
    ),
    "memory": Command(
        "show the longest passage shared with the training text",
        keeping.memory,
        "[FILE]",
        complete=keeping.complete_path,
    ),
    "save": Command(
        "write the text to a file; --replace in front of its name, over an older one",
        keeping.save,
        "FILE",
        complete=keeping.complete_path,
    ),
    "model": Command("go on with another model", _model, "DIR", writes=False, complete=keeping.complete_path),
    "quit": Command("leave", _quit, short={"exit": "", "q": ""}, writes=False),
}
"""Every command by its name, in the order of the help."""
