"""A run in a process of its own ends as one here would, and never without a checkpoint when it is asked to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from nlp_lstm.errors import UsageError
from nlp_lstm.stages.apart import RunError, train_apart
from nlp_lstm.stages.ledger import Ledger

PATIENCE = 60.0


def free(folder) -> bool:
    """Return whether nobody trains in a folder."""
    try:
        with Ledger(folder).locked():
            return True
    except UsageError:
        return False


def wait_for(condition) -> None:
    """Wait until something is so; a busy machine may take a while."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.05)


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_a_run_ends_with_a_checkpoint_when_the_process_that_started_it_is_asked_to_or_killed(
    recipe, tmp_path, capfd, number, code
):
    long = recipe.read_text().replace("steps = 12", "steps = 1_000_000").replace("ations = 4", "ations = 50_000")
    recipe.write_text(long)
    script = (
        "import sys, pathlib\nfrom nlp_lstm.errors import Interrupted\nfrom nlp_lstm.stages.apart import train_apart\n"
        "try:\n    train_apart(pathlib.Path(sys.argv[1]), out=pathlib.Path(sys.argv[2]))\n"
        "except Interrupted as error:\n    sys.exit(error.exit_code)\n"
    )
    out = tmp_path / "run"
    parent = subprocess.Popen([sys.executable, "-c", script, str(recipe), str(out)])
    wait_for(lambda: next(Ledger(out).log(), None))  # a dev score: training is on its way
    parent.send_signal(number)
    assert parent.wait(PATIENCE) == code
    wait_for(lambda: free(out))
    assert Ledger(out).checkpoint.exists() and Ledger(out).metrics is None
    assert "stopped by" not in capfd.readouterr().err  # that is for the one to say who started it


def test_a_run_that_fails_ends_with_the_exit_code_of_its_process(recipe, tmp_path, capfd):
    (recipe.parent / "train.csv").write_text("text\nno label\n")
    with pytest.raises(RunError, match="ended with code 3; what went wrong stands above") as caught:
        train_apart(recipe, out=tmp_path / "run")
    assert caught.value.exit_code == 3
    assert "train.csv" in capfd.readouterr().err
