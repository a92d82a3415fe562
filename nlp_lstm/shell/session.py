"""A session: lines in, events out. It knows no terminal, so that whatever can call it can run it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

from nlp_lstm.config import LONG_PROMPT
from nlp_lstm.counting import counted
from nlp_lstm.errors import NlpLstmError, UsageError, refusal
from nlp_lstm.shell import commands
from nlp_lstm.shell.draft import Draft
from nlp_lstm.shell.events import Answer, Event, Note, Pause, Piece, Problem, Table
from nlp_lstm.shell.models import Model, Writer
from nlp_lstm.shell.settings import SessionSettings
from nlp_lstm.shell.shelf import Shelf
from nlp_lstm.text.utf8 import check_utf8
from nlp_lstm.text.visible import quoted, tail

PROMPT = "> "


class Session:
    """A model in use, line by line.

    A line that begins with `/` is a command, `//` stands for a text that begins with a slash, and anything else is a
    text: a generator reads it on and writes, a model of another task answers it.

    Args:
        folder: the model's folder.
        open_model: loads one.

    Attributes:
        folder: the folder of the present model.
        model: the present model.
        draft: the text it writes; None for a model of a task that writes none.
        shelf: its saved moments.
        settings: how it writes.
        offered: how many next tokens there are to pick from; 0 when none is to be picked.
        answered: what was last said of a line; None for a generator.
        done: whether the session is to end.

    Raises:
        ModelError: the model cannot be loaded.
    """

    def __init__(self, folder: Path, *, open_model: Callable[[Path], Model]) -> None:
        self._open_model = open_model
        self._left: dict[Path, tuple[Model, Draft]] = {}
        self.settings = SessionSettings()
        self.shelf = Shelf()
        self.done = False
        self._take(folder, *self._load(folder))

    def open(self, folder: Path) -> Iterator[Event]:
        """Take another model; the settings stay, and the text stays with the model that is left.

        A model that was left is found again with its text; the present one is loaded again and reads its text anew.

        Raises:
            ModelError: it cannot be loaded; the present one stays.
        """
        here, there = self.folder, folder.resolve()
        left = (self.model, self.draft) if self.draft and self.draft.text else None
        model, draft = self._left.pop(there) if there in self._left else self._load(folder)
        if left and there == here.resolve() and draft:
            for _ in draft.go_over_to(left[1].text):
                yield Pause()
        self._take(folder, model, draft)
        if left and there != here.resolve():
            self._left[here.resolve()] = left
            kept = counted(len(left[1].text), "characters of text")
            yield Note(f"{kept} stay with {here}: /model {here} goes back there")

    def _load(self, folder: Path) -> tuple[Model, Draft | None]:
        model = self._open_model(folder)
        writer = _writer_of(model)
        return model, None if writer is None else Draft(writer)

    def _take(self, folder: Path, model: Model, draft: Draft | None) -> None:
        self.folder, self.model, self.draft = folder, model, draft
        self.offered = 0
        self.answered: Any = None

    @property
    def kind(self) -> str:
        """What the model is, in a few words."""
        unit = f" of {self.draft.writer.unit}" if self.draft else ""
        return f"{self.folder}: a {self.model.description.get('task', 'foreign')} model{unit}"

    @property
    def prompt(self) -> str:
        """What a line is asked for with."""
        return f"pick 1-{self.offered}{PROMPT}" if self.offered else PROMPT

    def feed(self, line: str, *, scripted: bool = False) -> Generator[Event]:
        """Take a line and yield what comes of it; a mistake of the person is a `Problem` and changes nothing.

        Closing the generator stops a text in the making; what was written so far stands.

        Args:
            line: what was typed.
            scripted: whether the line was written before anyone could see what it answers: while picking, one that is
                no number is a text then, and ends that.
        """
        try:
            check_utf8(line, "the line")
            if scripted and self.offered and not _is_command(line) and not _may_pick(line):
                yield from self._feed("")
            yield from self._feed(line)
        except NlpLstmError as error:
            yield Problem(str(error), error.exit_code)
        except OSError as error:
            yield Problem(refusal(error), 1)

    def complete(self, line: str) -> list[str]:
        """Return what the last word of a line that is being typed may become."""
        return commands.complete(self, line[1:]) if _is_command(line) else []

    def _feed(self, line: str) -> Iterator[Event]:
        if _is_command(line):
            yield from commands.run(self, line[1:])
            yield from self._offer()
            return
        text = line[1:] if line.startswith("/") else line
        if self.draft is None:
            self.answered = self.model.predict(text)
            yield Answer(self.answered.to_text())
        elif self.offered:
            yield from self._pick(text.strip())
        elif text:
            yield from self.write(text)

    def needs_draft(self) -> Draft:
        """Return the text in the making.

        Raises:
            UsageError: the model writes none.
        """
        if self.draft is None:
            raise UsageError(f"this is for models that write; {self.kind} answers line by line")
        return self.draft

    def write(self, prompt: str = "", *, instead: bool = False) -> Iterator[Event]:
        """Read what was typed, if anything, and write on, also `instead` of the last turn; the seed moves on."""
        draft, settings = self.needs_draft(), self.settings
        draft.writer.check(settings.options())  # before anything is read
        if len(prompt) > LONG_PROMPT:
            yield Note(f"reading {len(prompt):,} characters")
        if note := draft.writer.note_on(prompt):
            yield Note(note)
        for _ in draft.read(prompt, seed=settings.seed, instead=instead):
            yield Pause()
        self.settings = settings.moved_on()
        if prompt:
            yield Piece(draft.text[len(draft.turns[-1].before.moment.text) :], given=True)
        for piece in draft.write(settings.options()):
            yield Piece(piece) if piece else Pause()

    def _pick(self, answer: str) -> Iterator[Event]:
        """Write the token of a number, or end picking at an empty line."""
        if not answer:
            self.offered = 0
            yield Note("picking has ended")
            return
        draft, options = self.needs_draft(), self.settings.options()
        choices = draft.choices(options, n=self.offered)
        if not answer.isdecimal() or not 1 <= int(answer) <= len(choices):
            raise UsageError(f"expected a number from 1 to {len(choices)}, or an empty line to end; found {answer!r}")
        piece = draft.take(choices[int(answer) - 1], options)
        if piece:
            yield Piece(piece)
        yield from self._offer()

    def _offer(self) -> Iterator[Event]:
        """Show what there is to pick from, when picking."""
        if not self.offered or self.done:
            return
        draft, options = self.needs_draft(), self.settings.options()
        columns: tuple[str, ...] = ("", draft.writer.unit, "to be drawn", "model")
        rows: list[tuple[str, ...]] = [
            (str(number), quoted(choice.text), percent(choice.probability), percent(choice.model_probability))
            for number, choice in enumerate(draft.choices(options, n=self.offered), 1)
        ]
        if options.beam > 1:  # nothing is drawn
            columns, rows = (*columns[:2], columns[3]), [(*row[:2], row[3]) for row in rows]
        yield Table(columns, tuple(rows), title=tail(draft.text), aside=True)


def percent(share: float) -> str:
    """Return a share in [0, 1] in percent.

    >>> percent(0.12345)
    '12.3 %'
    """
    return f"{100 * share:.1f} %"


def _may_pick(line: str) -> bool:
    """Return whether a line answers what is to be picked: a number does, of whatever kind, and an empty one."""
    return not line.strip() or line.strip().lstrip("+-").isdecimal()


def _is_command(line: str) -> bool:
    return line.startswith("/") and not line.startswith("//")


def _writer_of(model: Model) -> Writer | None:
    try:
        return model.writer()
    except UsageError:
        return None
