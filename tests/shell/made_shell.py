"""The shell with a made writer, for a test that drives it on a pseudo-terminal."""

from __future__ import annotations

import argparse
import sys
import time
from itertools import count
from pathlib import Path

from nlp_lstm.shell.session import Session
from nlp_lstm.shell.terminal import run
from tests.shell.made_writer import TRAINING, MadeModel, MadeWriter

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--training", default=TRAINING)
    parser.add_argument("--endless-after", type=int, help="the first text never ends, and from here on it is slow")
    parser.add_argument("--seconds", type=float, default=0.05, help="what a slow step takes")
    options = parser.parse_args()
    steps = count()

    def wait() -> None:
        if options.endless_after is not None and next(steps) >= options.endless_after:
            time.sleep(options.seconds)

    writer = MadeWriter(options.training, before_step=wait)
    session = Session(Path("made"), open_model=lambda folder: MadeModel(writer))
    if options.endless_after is not None:
        list(session.feed("/max 1000000"))
    sys.exit(run(session))
