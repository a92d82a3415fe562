"""A server that trains in forked processes which die at a chosen moment; run by the `sitting` fixture.

Each line on stdin is a JSON object: the keywords of `train`, and when this sitting ends:

- `kill_at`: a moment such as `["step", 3]`, `["half", NAME, 2]`, `["before", NAME, 1]`, `["after", NAME, 1]`,
  `["gone", NAME, 1]`: at that progress report; in the middle of the second write of the file NAME; before or after
  NAME gets its content; after NAME was deleted.
  `["moment", 17]`: at the seventeenth moment of any of these kinds.
- `kill_after`: seconds until the process is killed from outside.
- `signal_at`: the step and the number of a signal that the process sends itself.
- `checkpoint_seconds`: how much work a crash may cost; 0, a checkpoint after each step, unless given.

All deaths are SIGKILL. The answer on stdout is how the process ended: its exit code, or minus a signal's number.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any


class Fate:
    """Kills its process at one moment of the run."""

    def __init__(self, moment: list[Any] | None) -> None:
        self.moment = moment
        self.met: Counter[tuple[str, ...]] = Counter()

    def come(self, *kind: str) -> None:
        """Die if this is the moment."""
        self.met[kind] += 1
        self.met[("moment",)] += 1
        for each in (kind, ("moment",)):
            if self.moment == [*each, self.met[each]]:
                os.kill(os.getpid(), signal.SIGKILL)


def instrument(fate: Fate) -> None:
    """Let `fate` hear of each file that is half written, about to be there, there, or gone."""
    replace, unlink, write_bytes, write_text = Path.replace, Path.unlink, Path.write_bytes, Path.write_text

    def final_name(place: Path) -> str:
        return place.name.removeprefix(".").removesuffix(".tmp").rpartition(".")[0] or place.name

    def half_then_all(place: Path, data: bytes) -> int:
        write_bytes(place, data[: len(data) // 2])
        fate.come("half", final_name(place))
        return write_bytes(place, data)

    def half_text(place: Path, text: str, **options: Any) -> int:
        write_text(place, text[: len(text) // 2], **options)
        fate.come("half", final_name(place))
        return write_text(place, text, **options)

    def watched_replace(place: Path, target: Path) -> Path:
        fate.come("before", Path(target).name)
        moved = replace(place, target)
        fate.come("after", Path(target).name)
        return moved

    def watched_unlink(place: Path, *, missing_ok: bool = False) -> None:
        was_there = place.exists()
        unlink(place, missing_ok=missing_ok)
        if was_there:
            fate.come("gone", place.name)

    Path.replace, Path.unlink = watched_replace, watched_unlink  # type: ignore[method-assign, assignment]
    Path.write_bytes, Path.write_text = half_then_all, half_text  # type: ignore[method-assign, assignment]


def sit(given: dict[str, Any]) -> int:
    """Train once and return the exit code."""
    from nlp_lstm import NlpLstmError, train
    from nlp_lstm.stages.record import Observer
    from nlp_lstm.training import loop

    fate = Fate(given.pop("kill_at", None))
    signal_at, number = given.pop("signal_at", (0, 0))
    loop.CHECKPOINT_SECONDS = given.pop("checkpoint_seconds", 0.0)
    instrument(fate)

    def progress(at: loop.Progress) -> None:
        fate.come("step")
        if at.step == signal_at:
            os.kill(os.getpid(), number)

    try:
        train(given.pop("recipe"), observer=Observer(progress=progress), **given)
    except NlpLstmError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def serve() -> None:
    """Answer each line with the way its sitting ended."""
    # Imported before the forks, which then start at once; the optimizer would import torch._dynamo.
    import torch._dynamo  # noqa: F401
    import torchtext.vocab  # noqa: F401

    import nlp_lstm.stages.run  # noqa: F401

    # What a killed process gave to the kernel is not lost: syncing only matters when the power fails.
    os.fsync = lambda handle: None  # type: ignore[assignment]
    for line in sys.stdin:
        given = json.loads(line)
        kill_after = given.pop("kill_after", None)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                code = sit(given)
            except BaseException:
                traceback.print_exc()
            os._exit(code)
        if kill_after is not None:
            time.sleep(kill_after)
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    serve()
