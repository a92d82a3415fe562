"""The shell on a terminal, and on pipes: asks for lines, shows what comes of them. Nothing else in `shell` prints."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import closing
from types import FrameType

from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from nlp_lstm.corpora.opening import STANDARD_INPUT, name_of, open_lines
from nlp_lstm.shell import events
from nlp_lstm.shell.session import Session, percent
from nlp_lstm.shell.shelf import make_private, state_folder
from nlp_lstm.text.visible import visible
from nlp_lstm.training.interrupts import catch_signals

METER = 24
"""How many signs a full meter has."""


def run(session: Session) -> int:
    """Run a session to its end and return the exit code.

    A person at a terminal is asked line by line. Otherwise standard input is a script: results go to standard output,
    all else to standard error, a mistake names its line, and the first mistake's code is the exit code.
    """
    if sys.stdin.isatty() and sys.stdout.isatty():
        return _ask(session)
    return _read_script(session)


def _read_script(session: Session) -> int:
    screen, code = Screen(), 0
    with open_lines(STANDARD_INPUT) as lines:
        for line in lines:
            where = f"line {line.number} of {name_of(STANDARD_INPUT)}"
            if line.problem is not None:
                screen.show(events.Problem(str(line.problem), 3))
                code = code or 3
                continue
            for event in session.feed(line.text, scripted=True):
                if isinstance(event, events.Problem):
                    code = code or event.code
                    event = events.Problem(f"{where}: {event.text}", event.code)
                screen.show(event)
            if session.done:
                break
    screen.end_line()
    return code


def _ask(session: Session) -> int:
    screen = Screen()
    prompts = _prompts(session, screen)
    screen.show(events.Note(f"{session.kind}. /help lists the commands, Ctrl-C stops a text, Ctrl-D leaves."))
    before = signal.signal(signal.SIGTERM, _leave)  # else it would leave the terminal as it is while a line is typed
    try:
        while not session.done:
            try:
                _answer(session, prompts.prompt(session.prompt), screen)
                screen.end_line()
            except KeyboardInterrupt:
                continue
            except EOFError:
                break
    finally:
        signal.signal(signal.SIGTERM, before)
    return 0


def _answer(session: Session, line: str, screen: Screen) -> None:
    """Show what comes of a line until it ends or a signal stops it.

    Ctrl-C acts between two events, so that what was shown is what was written; a second one acts at once.
    """
    with catch_signals() as received:
        try:
            with closing(session.feed(line)) as found:
                for event in found:
                    screen.show(event)
                    if received():
                        break
        except KeyboardInterrupt:
            pass
        number = received()
    if number == signal.SIGTERM:
        _leave(number)
    if number is not None:
        screen.show(events.Note("stopped"))


def _leave(number: int, _: FrameType | None = None) -> None:
    raise SystemExit(128 + number)


class Screen:
    """Shows events: results on standard output, all else on standard error."""

    def __init__(self) -> None:
        self._live = sys.stdout.isatty()
        self._results, self._asides = _console(), _console(stderr=True)
        self._within_line = False

    def show(self, event: events.Event) -> None:
        """Show one event."""
        match event:
            case events.Piece(text, given):
                self._write(text, style="bold" if given else "")
            case events.Break():
                self.end_line()
            case events.Pause():
                pass
            case events.Answer(text):
                self._write(f"{text}\n")
            case events.Table():
                self._show_table(event)
            case events.Meter(text, share):
                self.end_line()
                full = round(METER * share)
                bar = f"[{'#' * full}{'.' * (METER - full)}] " if self._live else ""
                self._results.print(f"{bar}{percent(share)}  {visible(text)}", soft_wrap=True)
            case events.Note(text):
                self._say(text, style="dim")
            case events.Problem(text):
                self._say(f"error: {text}", style="red")

    def end_line(self) -> None:
        """Let what follows on standard output begin a line."""
        if self._within_line:
            self._write("\n")

    def _write(self, text: str, *, style: str = "") -> None:
        """Write text as it is; a terminal gets no control characters."""
        shown = visible(text) if self._live else text
        if style and self._live:
            self._results.print(Text(shown, style), end="", soft_wrap=True)
        else:
            sys.stdout.write(shown)
        sys.stdout.flush()
        self._within_line = not text.endswith("\n")

    def _say(self, text: str, *, style: str) -> None:
        """Write a line to standard error, not into a line that a person sees being written."""
        if self._live:
            self.end_line()
        self._asides.print(Text(visible(text), style), soft_wrap=True)

    def _show_table(self, table: events.Table) -> None:
        """Show a table; what is no terminal gets a line a row, its cells parted by tabs."""
        console = self._asides if table.aside else self._results
        if self._live or not table.aside:
            self.end_line()
        if not console.is_terminal:
            lines = [*filter(None, [table.title]), *map("\t".join, (table.columns, *table.rows))]
            console.file.write("".join(f"{visible(line)}\n" for line in lines))
            console.file.flush()
            return
        if table.title:
            console.print(Text(visible(table.title)), soft_wrap=True)
        shown = RichTable(box=box.SIMPLE_HEAD)
        for column in table.columns:
            shown.add_column(Text(column))
        for row in table.rows:
            shown.add_row(*(Text(visible(cell)) for cell in row))
        console.print(shown)


def _console(*, stderr: bool = False) -> Console:
    """Return a console that prints brackets as they are; where `NO_COLOR` is set, without any styles."""
    plain = bool(os.environ.get("NO_COLOR"))
    return Console(stderr=stderr, highlight=False, markup=False, emoji=False, color_system=None if plain else "auto")


class SessionCompleter(Completer):
    """Offers what a session's commands can be completed to."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        """Yield what the word before the cursor may become."""
        line = document.text_before_cursor
        word = line.rpartition(" ")[2]
        for found in self._session.complete(line):
            yield Completion(found, start_position=-len(word))


def _prompts(session: Session, screen: Screen) -> PromptSession[str]:
    """Return what asks for lines: with history, completion, and Alt-Enter for a line end inside a text."""
    keys = KeyBindings()

    @keys.add("escape", "enter")
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return PromptSession(
        history=_history(screen),
        completer=SessionCompleter(session),
        auto_suggest=AutoSuggestFromHistory(),
        key_bindings=keys,
        reserve_space_for_menu=4,
    )


def _history(screen: Screen) -> History:
    """Return the lines of earlier sessions; where they cannot be kept, those of this one."""
    try:
        path = make_private(state_folder()) / "history"
        path.touch(mode=0o600)
        with path.open("rb+"):
            pass
    except OSError as error:
        screen.show(events.Note(f"no history is kept: {error}"))
        return InMemoryHistory()
    return FileHistory(str(path))
