"""Memory of `predict` while a million short sentences stream through it; prints one JSON line.

    python tests/benchmarks/streaming.py [MODEL] [--sentences 1000000]

The sentences come on standard input, none of them twice, with words that no vocabulary holds; the tags go nowhere.
Without a tagger of your own one is trained on the sample for a few steps. The figures are the most memory the process
had held after a tenth of the answers, after a half, and before the last one, in megabytes, and sentences a second of
its processor time. Linux only: they are read from /proc.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "nlp_lstm"]
NAMES = ["Ada", "Paris", "Acme", "Nile", "Tuesday", "Lovelace", "river", "bank", "met", "in", "the", "at", "and", "old"]


def sentences(count: int) -> Iterator[str]:
    """Yield sentences of 3 to 12 words, some of which are new each time."""
    draw = random.Random(0)
    for number in range(count):
        words = draw.choices(NAMES, k=draw.randint(2, 11))
        yield " ".join([*words, f"{draw.choice(NAMES)}{number}"])


def feed(pipe: IO[str], count: int) -> None:
    """Write the sentences, one a line."""
    with pipe:
        for sentence in sentences(count):
            pipe.write(f"{sentence}\n")


def megabytes(process: int) -> int:
    """Return the most memory a process has held so far."""
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


def processor_seconds(process: int) -> float:
    """Return the processor time a process has used so far."""
    user, system = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def stream(model: Path, count: int) -> dict[str, object]:
    """Return the figures of one run."""
    marks = {count // 10: "at_10_percent", count // 2: "at_50_percent", count - 1: "at_end"}
    found: dict[str, object] = {"name": f"predict on {count} sentences"}
    command = [*COMMAND, "predict", str(model), "-"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        threading.Thread(target=feed, args=(process.stdin, count), daemon=True).start()
        number, begun = 0, 0.0
        for number, _ in enumerate(process.stdout, start=1):
            if number == 1:
                begun = processor_seconds(process.pid)  # without the start
            if number in marks:
                found[f"megabytes_{marks[number]}"] = megabytes(process.pid)
                found["sentences_per_second"] = round(number / max(0.01, processor_seconds(process.pid) - begun))
    if number != count or process.returncode:
        raise SystemExit(f"{count} sentences gave {number} lines and exit code {process.returncode}")
    return found


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, nargs="?")
    parser.add_argument("--sentences", type=int, default=1_000_000)
    options = parser.parse_args()
    if options.model is not None:
        print(json.dumps(stream(options.model.resolve(), options.sentences)))
        return
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        training = [*COMMAND, "train", "ner", "--out", str(model), "--steps", "20"]
        subprocess.run(training, cwd=ROOT, check=True, capture_output=True)
        print(json.dumps(stream(model, options.sentences)))


if __name__ == "__main__":
    main()
