"""The table of views, and where they may use colours."""

from __future__ import annotations

import io
import sys

import pytest

from nlp_lstm.cli.views import PLAIN_WIDTH, VIEWS, find_view, view_console
from nlp_lstm.tasks import TASKS, find_task
from nlp_lstm.tasks.task import Task


class Terminal(io.StringIO):
    """Says that it is one."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_is_of_a_task_and_asks_it_for_what_it_can_give(name):
    view = find_view(name)
    assert name in TASKS
    options = find_task(name).answer.__annotations__.keys() - Task.answer.__annotations__.keys()
    assert view.options.keys() <= options
    assert "url(" not in view.style and "@import" not in view.style


def test_a_task_without_a_view_has_none():
    assert find_view("classify") is None


def printed(*, terminal: bool) -> str:
    console = view_console(terminal=terminal)
    with console.capture() as captured:
        console.print("[b]so[/b] " + "x" * 300, style="bold red")
    return captured.get()


def test_colours_are_for_terminals_that_have_some_unless_someone_wants_none(monkeypatch):
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured = printed(terminal=True)
    assert "\x1b[1;31m" in coloured and "[b]so[/b]" in coloured
    monkeypatch.setenv("NO_COLOR", "1")
    plain = printed(terminal=True)
    assert "\x1b" not in plain and max(map(len, plain.split("\n"))) == 40
    monkeypatch.delenv("NO_COLOR")
    assert "\x1b" not in printed(terminal=False)  # what goes to a file, though standard output is a terminal
    assert max(map(len, printed(terminal=False).split("\n"))) == PLAIN_WIDTH
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b" not in printed(terminal=True)
