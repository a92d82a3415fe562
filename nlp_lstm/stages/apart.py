"""Training in a process of its own, so that the memory it needs is its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from nlp_lstm.errors import Interrupted, NlpLstmError
from nlp_lstm.training.interrupts import catch_signals

POLL_SECONDS = 0.1


class RunError(NlpLstmError):
    """A run in a process of its own failed; it has said why on standard error.

    Args:
        folder: the run's folder.
        code: the exit code of its process.
    """

    def __init__(self, folder: Path, code: int) -> None:
        super().__init__(f"the run in {folder} ended with code {code}; what went wrong stands above")
        self.exit_code = code if 0 < code < 128 else 1


def train_apart(recipe: Path, *, out: Path, device: str | None = None, fresh: bool = False) -> None:
    """Train a recipe as `nlp-lstm train` does, and wait for it; its progress goes to standard error.

    When this process is asked to stop, or ends in whatever way, the run ends with a checkpoint.

    Args:
        recipe: the recipe's file.
        out: the run's folder.
        device: where it computes; `cpu` by default.
        fresh: forget what an earlier run left in the folder.

    Raises:
        Interrupted: Ctrl-C or SIGTERM; the same call goes on from there.
        RunError: the run failed.
    """
    command = [sys.executable, "-m", "nlp_lstm", "train", str(recipe), "--out", str(out), "--until-eof"]
    command += ["--device", device] if device else []
    command += ["--fresh"] if fresh else []
    package = str(Path(__file__).parents[2])  # this very package, wherever it was found
    path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    with (
        catch_signals() as stopped,
        # In a session of its own, so that a Ctrl-C comes to it in one way only: the end of its standard input.
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,
        ) as child,
    ):
        number = _wait(child, stopped)
    if number is not None:
        raise Interrupted(number)
    if child.returncode:
        raise RunError(out, child.returncode)


def _wait(child: subprocess.Popen[bytes], stopped: Callable[[], int | None]) -> int | None:
    """Wait for a process; once a signal asks for an end, close its input. Return the signal's number, or None."""
    while True:
        try:
            child.wait(POLL_SECONDS)
            return stopped()
        except subprocess.TimeoutExpired:
            if stopped() is not None and child.stdin is not None:
                child.stdin.close()
