"""The command `nlp-lstm`: finds the sub-command, runs it, turns our errors into one line and an exit code."""

from __future__ import annotations

import io
import logging
import os
import sys
from importlib import import_module

import click

from nlp_lstm import __version__
from nlp_lstm.errors import NlpLstmError, nearest, refusal

COMMANDS = {
    "train": "Train a recipe on the CPU; the same line again goes on where it stopped.",
    "predict": "Predict for texts, line for line.",
    "generate": "Let a generator write on.",
    "shell": "Write with a model, turn by turn; other tasks answer line by line.",
    "evaluate": "Score a model on labelled data.",
    "inspect": "Look into a model: gates, what a prediction rests on, how far errors reach back.",
    "compare": "Train a recipe with several cells, all at the same number of weights.",
    "data": "Look into data files.",
    "recipes": "List the recipes that come along.",
    "info": "Describe a model.",
}
"""Every sub-command and its short help. Each stands in a module of its own name, imported when it is used: a help
page must not wait for torch."""


class LazyGroup(click.Group):
    """A group that imports a sub-command when it is called, and lists the others without importing them."""

    def list_commands(self, context: click.Context) -> list[str]:
        """Return the names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Return one sub-command, or None if there is none of that name."""
        if name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"nlp_lstm.cli.{name}"), name)
        return command

    def resolve_command(
        self, context: click.Context, arguments: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the sub-command that the arguments name; for a mistyped one, offer the nearest."""
        if arguments and not arguments[0].startswith("-") and arguments[0] not in COMMANDS:
            raise click.UsageError(f"no command {arguments[0]!r}{nearest(arguments[0], COMMANDS)}", context)
        return super().resolve_command(context, arguments)

    def invoke(self, context: click.Context) -> object:
        """Run the sub-command; that the reader of a pipe has seen enough, as `head` does, is no failure."""
        try:
            return super().invoke(context)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the table."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, "-V", "--version", prog_name="nlp-lstm")
def command_line() -> None:
    """Small LSTM language tools, trained on your own text, on a laptop CPU, in minutes.

    \b
    Exit codes: 0 ok, 1 failed, 2 usage, 3 bad data, 4 model missing or damaged,
    5 --require not met, 130 and 143 after Ctrl-C and SIGTERM.
    """


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    # A thread that waits for the other ones soon gives its processor away. Measured on two cores, a step of a small
    # network: as fast as by default when idle (9 ms), and 0.14 s instead of 1.9 s where others kept both busy.
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    # Products in one order of sums wherever their numbers lie in memory: on some processors a GRU that went on from a
    # checkpoint did not end with the same bytes without it.
    os.environ.setdefault("MKL_CBWR", "AUTO")
    _mend_streams()
    _show_log()
    try:
        code = command_line.main(arguments, prog_name="nlp-lstm", standalone_mode=False)
        return int(code or 0)
    except (click.exceptions.Abort, KeyboardInterrupt):
        return 130
    except NlpLstmError as error:
        return complain(str(error), error.exit_code)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except MemoryError:
        return complain("out of memory; a smaller batch size or model may do", 1)
    except OSError as error:
        return complain(refusal(error), 1)


def _mend_streams() -> None:
    """Give a process that was started with closed streams empty ones, and no letter a way to fail an old terminal."""
    sys.stdin = sys.stdin or open(os.devnull)  # noqa: PTH123, SIM115
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


class _Lines(logging.Handler):
    """Writes what the library logs to standard error, a line each."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one."""
        click.echo(record.getMessage(), err=True)


def _show_log() -> None:
    log = logging.getLogger("nlp_lstm")
    log.setLevel(logging.INFO)
    if not any(isinstance(each, _Lines) for each in log.handlers):
        log.addHandler(_Lines())


def complain(message: str, code: int) -> int:
    """Say what went wrong on standard error; return the exit code."""
    click.echo(f"error: {message}", err=True)
    return code
