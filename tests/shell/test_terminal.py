"""The real terminal, on pipes in this process and on a pseudo-terminal in one of its own."""

from __future__ import annotations

import io
import os
import pty
import re
import select
import signal
import sys
import termios
import time
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from nlp_lstm.shell.session import Session
from nlp_lstm.shell.terminal import SessionCompleter, run
from tests.shell.feeding import text

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 30.0  # to wait for what will come, on however busy a machine
BUSY = 4.0  # what a busy machine may add to a second
ASKED = r"\x1b\[\?2004h"  # prompt_toolkit is ready for pasted text: a prompt has come


@pytest.fixture
def script(session, monkeypatch, capsys) -> Callable[..., tuple[int, str, str]]:
    """Run lines as a script; return the exit code, standard output and standard error."""

    def call(content: str | bytes) -> tuple[int, str, str]:
        content = content if isinstance(content, bytes) else content.encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        capsys.readouterr()
        code = run(session)
        return code, *capsys.readouterr()

    return call


def fresh(session: Session) -> Session:
    return Session(session.folder, open_model=session._open_model)


def test_the_text_of_a_script_goes_to_standard_output_and_nothing_else_does(script, session):
    other = fresh(session)
    expected = text(other, "/max 12", "the ", "/more", "dog")
    code, out, err = script("the \n/temp 0.8\n/more\ndog\n")
    assert (code, out) == (0, f"{expected}\n") and err == "temperature 0.8\n"


def test_a_text_that_ends_its_line_gets_no_other_end(script):
    assert script('/max 0\n/set stop "x"\nso\n')[1] == "so\n"
    assert script("")[1] == ""


def test_what_is_not_joined_to_the_text_begins_a_line(script, session):
    other = fresh(session)
    first, second = text(other, "/max 12", "the "), text(other, "/retry")
    third = text(other, "/new", "dog")
    assert script("the \n/retry\n/new\ndog")[1] == f"{first}\n{second}\n{third}\n"


def test_results_of_a_script_are_lines_of_tabs(script):
    code, out, err = script("/max 3\n/set max\n/memory\n")
    assert out == "setting\tvalue\texpected\nmax_new_tokens\t3\ta whole number from 0 up\n"
    assert code == 2 and "error: line 3 of standard input: nothing was written yet" in err


def test_choices_of_a_script_are_no_results(script, session):
    other = fresh(session)
    expected = text(other, "/max 12", "the ", "/pick 3", "1", "2")
    code, out, err = script("the \n/pick 3\n1\n2\n\n")
    assert (code, out) == (0, f"{expected}\n") and "to be drawn" in err


def test_a_text_of_a_script_ends_picking_and_a_number_that_cannot_be_picked_does_not(script, session):
    other = fresh(session)
    expected = text(other, "/max 12", "the ", "/pick 3", "1", "", "dog", "/more")
    code, out, err = script("the \n/pick 3\n1\n9\ndog\n/more\n")
    assert (code, out) == (2, f"{expected}\n")
    notes = [line for line in err.split("\n") if line and "\t" not in line and not line.startswith('"')]
    assert notes == [
        "a number picks, an empty line ends",
        "error: line 4 of standard input: expected a number from 1 to 3, or an empty line to end; found '9'",
        "picking has ended",
    ]


def test_that_a_long_text_is_being_read_is_told_before_it_is(script, session):
    assert script("/max 0\n" + "the " * 6_000 + "\n")[2].endswith("reading 24,000 characters\n")
    assert "reading" not in script("/max 0\n" + "the " * 2_000 + "\n")[2]


def test_memory_of_a_script_tells_its_share(script, tmp_path):
    (tmp_path / "t.txt").write_text("#")
    out = script(f"the \n/memory {tmp_path}/t.txt\n")[1]
    assert out.endswith(f"\n0.0 %  longest passage shared with {tmp_path}/t.txt: 0 of 12 characters written\n")


def test_a_mistake_names_its_line_the_rest_is_run_and_the_first_code_is_the_exit_code(script, tmp_path):
    code, out, err = script(f"/tmep 1\n/max 0\n/model gone\n/memory {tmp_path}/gone\nso\n")
    assert code == 2 and out == "so\n"
    lines = err.strip().split("\n")
    assert lines[0] == "error: line 1 of standard input: no command '/tmep'; did you mean '/temp'?"
    assert lines[2] == "error: line 3 of standard input: no model at gone: there is no such folder"
    assert lines[3] == "error: line 4 of standard input: nothing was written yet" and len(lines) == 4
    assert script("/model gone\n/tmep\n")[0] == 4


def test_a_line_that_is_not_utf8_is_a_mistake_of_that_line(script):
    code, out, err = script(b"/max 0\na\xff\n\xef\xbb\xbfb\r\n")
    assert code == 3 and out == "\ufeffb\n" and "error: line 2 of standard input: byte 0xff is not UTF-8" in err


def test_nothing_is_read_behind_quit(script):
    assert script("/max 0\nso\n/quit\n/tmep\n")[:2] == (0, "so\n")


def test_a_model_that_writes_nothing_gives_a_line_for_each_line(script):
    assert script("/model measure\nfour\n\n//x\n")[:2] == (0, "4\n0\n2\n")


def test_completions_stand_in_the_place_of_the_last_word(session):
    offered = SessionCompleter(session).get_completions(Document("/set temp"), CompleteEvent())
    assert [(each.text, each.start_position) for each in offered] == [("temperature", -4)]


class Terminal:
    """A shell on a pseudo-terminal, and what it has shown."""

    def __init__(self, home: Path, *options: str, **environment: str) -> None:
        self.shown = ""
        self._seen, self._closed, self._decoder = 0, False, getincrementaldecoder("utf-8")()
        known = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "LINES")}
        known |= {"TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1", "XDG_STATE_HOME": str(home), "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "tests.shell.made_shell", *options]
        self.process, self._end = pty.fork()
        if self.process == 0:
            os.chdir(ROOT)
            os.execve(sys.executable, command, known | environment)

    def type(self, keys: str) -> None:
        os.write(self._end, keys.encode())

    def wait_for(self, pattern: str) -> str:
        """Read until what was shown since the last wait matches; return that."""
        until = time.monotonic() + SECONDS
        while not (found := re.search(pattern, self.shown[self._seen :], re.DOTALL)):
            assert time.monotonic() < until, f"no {pattern!r} in {self.shown[self._seen :]!r}"
            assert self._read(), f"ended without {pattern!r}: {self.shown[self._seen :]!r}"
        start, self._seen = self._seen, self._seen + found.end()
        return self.shown[start : self._seen]

    def modes(self) -> int:
        """Return the terminal's local modes."""
        return termios.tcgetattr(self._end)[3]

    def leave(self) -> int:
        """Read to the end and return the exit code."""
        while self._read():
            pass
        assert self._closed, f"still there after {self.shown[self._seen :]!r}"
        _, status = os.waitpid(self.process, 0)
        self.process = 0
        return os.waitstatus_to_exitcode(status)

    def _read(self) -> bool:
        if not select.select([self._end], [], [], SECONDS)[0]:
            return False
        try:
            content = os.read(self._end, 65536)
        except OSError:  # how Linux tells that the other side has closed
            content = b""
        self._closed = not content
        self.shown += self._decoder.decode(content)
        return not self._closed

    def close(self) -> None:
        if self.process:
            os.kill(self.process, signal.SIGKILL)
            os.waitpid(self.process, 0)
        os.close(self._end)


@pytest.fixture
def terminal(state) -> Iterator[Callable[..., Terminal]]:
    opened = []

    def call(*options: str, **environment: str) -> Terminal:
        opened.append(Terminal(state, *options, **environment))
        opened[-1].wait_for(f"Ctrl-D leaves.*{ASKED}")
        return opened[-1]

    yield call
    for each in opened:
        each.close()


def test_a_person_types_a_text_stops_it_goes_on_and_leaves(terminal, session):
    shell = terminal("--endless-after", "20")
    shell.type("the \r")
    shell.wait_for(r"\x1b\[1mthe \x1b\[0m(\r?[^\r\x1b]){20}")  # a terminal shows the end of a line as two signs
    shell.type("\x03")
    stopped = shell.wait_for(f"stopped.*{ASKED}")
    assert "Traceback" not in stopped
    shell.type("/max 4\r")
    shell.wait_for(f"max_new_tokens 4.*{ASKED}")
    shell.type("/more\r")
    shell.wait_for(ASKED)
    assert length(shell) >= 4 + 20 + 4
    shell.type("\x04")
    assert shell.leave() == 0


def test_ctrl_c_stops_the_reading_of_a_long_text_which_is_as_if_never_typed(terminal):
    shell = terminal("--endless-after", "0", "--seconds", "0.5")
    shell.type("so it ends. " * 60 + "\r")  # 36 seconds
    shell.wait_for(r"so it ends\. .*\x1b\[\?2004l")
    time.sleep(0.5)  # then the line is surely taken
    stop(shell)
    assert length(shell) == 0
    shell.type("\x04")
    assert shell.leave() == 0


def test_ctrl_c_stops_the_search_for_the_likeliest_text(terminal):
    shell = terminal("--endless-after", "0")
    shell.type("/set beam 3\r")
    shell.wait_for(f"beam 3.*{ASKED}")
    shell.type("the\r")
    shell.wait_for(r"\x1b\[1mthe\x1b\[0m")
    stop(shell)
    assert length(shell) == 3
    shell.type("\x04")
    assert shell.leave() == 0


def stop(shell: Terminal) -> None:
    """Stop what goes on, and see that it takes no longer than a second."""
    began = time.monotonic()
    shell.type("\x03")
    assert "Traceback" not in shell.wait_for(f"stopped.*{ASKED}")
    assert time.monotonic() - began < 1.0 + BUSY


def length(shell: Terminal) -> int:
    """Return how many characters of text the shell says there are."""
    shell.type("/show\r")
    whole = re.search(r"([\d,]+) characters of text", shell.wait_for(f"characters of text.*{ASKED}"))
    assert whole is not None
    return int(whole[1])


def test_ctrl_c_at_the_prompt_leaves_only_the_line(terminal):
    shell = terminal()
    shell.type("/quit")
    shell.type("\x03")
    shell.wait_for(ASKED)
    shell.type("/max 0\r")
    shell.wait_for(f"max_new_tokens 0.*{ASKED}")
    shell.type("\x04")
    assert shell.leave() == 0


def test_a_termination_signal_ends_a_text_and_the_shell(terminal):
    shell = terminal("--endless-after", "5")
    shell.type("the \r")
    shell.wait_for(r"the \x1b\[0m.{5}")
    os.kill(shell.process, signal.SIGTERM)
    assert shell.leave() == 128 + signal.SIGTERM


def test_a_termination_signal_at_the_prompt_leaves_the_terminal_as_it_was(terminal):
    shell = terminal()
    shell.type("x")
    shell.wait_for("x")
    assert not shell.modes() & termios.ECHO
    os.kill(shell.process, signal.SIGTERM)
    assert shell.leave() == 128 + signal.SIGTERM
    assert shell.modes() & termios.ECHO and shell.modes() & termios.ICANON


def test_history_is_kept_between_sessions_for_its_owner_alone(terminal, state):
    shell = terminal()
    shell.type("/max 7\r")
    shell.wait_for(f"max_new_tokens 7.*{ASKED}")
    shell.type("/quit\r")
    assert shell.leave() == 0
    shell = terminal()
    shell.type("\x1b[A\x1b[A")  # up twice: behind /quit stands /max 7
    shell.wait_for("max.*7")
    shell.type("\r")
    shell.wait_for(f"max_new_tokens 7.*{ASKED}")
    assert (state / "nlp-lstm" / "history").stat().st_mode & 0o077 == 0
    shell.type("\x04")
    assert shell.leave() == 0


def test_without_a_place_for_history_the_shell_works_and_says_so(terminal, state):
    state.write_text("a file where the folder should be")
    shell = terminal()
    assert "no history is kept" in shell.shown
    shell.type("/max 7\r")
    shell.wait_for(f"max_new_tokens 7.*{ASKED}")
    shell.type("\x04")
    assert shell.leave() == 0


def test_control_characters_of_a_model_do_not_reach_the_terminal(terminal):
    shell = terminal("--training", "\x1b]0;owned\x07\x9b2J\x1b")
    shell.type("/max 60\r")
    shell.wait_for(ASKED)
    shell.type("\x1b\r")  # Alt-Enter: a line end inside the text
    shell.type("]\r")
    shown = shell.wait_for(f"\n\x1b\\[1m]\x1b\\[0m(.*){ASKED}").partition("]\x1b[0m")[2]
    assert "0;owned␇\ufffd2J␛]" in shown
    assert not re.search(r"[\x07\x9b]|\x1b(?!\[\?)", shown)
    shell.type("/why\r")
    assert '"\\u001b"' in shell.wait_for(f"drawn from.*{ASKED}")
    shell.type("\x04")
    assert shell.leave() == 0


def test_no_color_means_plain_text(terminal):
    shell = terminal(NO_COLOR="1")
    shell.type("/max 5\r")
    shell.wait_for(f"max_new_tokens 5.*{ASKED}")
    shell.type("the \r")
    shell.wait_for(ASKED)
    shell.type("/nothing\r")
    shell.wait_for(f"error: no command.*{ASKED}")
    shell.type("/show\r")
    shell.wait_for(f"temperature.*{ASKED}")
    assert set(re.findall(r"\x1b\[([\d;]*)m", shell.shown)) <= {"0"}
    shell.type("\x04")
    assert shell.leave() == 0
