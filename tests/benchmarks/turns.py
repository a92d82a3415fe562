"""Two that do the same work, each in a process of its own, taking turns: for peers with an environment of their own."""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

Work = Mapping[str, Callable[[], object]]
"""What is done in a round, by name."""


def sides(script: str, description: str, peer: str, work: Callable[[str], Work]) -> tuple[Worker, Worker | None] | None:
    """Return our worker and the peer's of a benchmark that was called; None where there is nothing to compare.

    A process that was called with `--serve` is one of the two: it does its work until nobody asks for more.

    Args:
        script: the benchmark.
        description: what its `--help` says.
        peer: what it is compared with, if its interpreter is given by `--PEER-python`.
        work: returns that of `ours` or of the peer; it needs `NLP_LSTM_DATA`.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(f"--{peer}-python", dest="python", help=f"the interpreter of an environment with {peer}")
    parser.add_argument("--serve", choices=[peer, "ours"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not os.environ.get("NLP_LSTM_DATA"):
        print("this is timed on real sentences: set NLP_LSTM_DATA", file=sys.stderr)
        return None
    if options.serve:
        sys.stdout = sys.stderr  # libraries talk there
        serve(work(options.serve))
        return None
    return Worker(sys.executable, script, "ours"), Worker(options.python, script, peer) if options.python else None


def serve(work: Work) -> None:
    """Do the work whose name comes on standard input; answer with the seconds it took."""
    for line in sys.stdin:
        started = time.perf_counter()
        work[line.strip()]()
        sys.__stdout__.write(f"{time.perf_counter() - started}\n")  # type: ignore[union-attr]
        sys.__stdout__.flush()  # type: ignore[union-attr]


class Worker:
    """One of the two: a script that is run with `--serve WHO` and then calls `serve`.

    Args:
        python: the interpreter of its environment.
        script: the benchmark.
        who: whose work it is to do.
    """

    def __init__(self, python: str, script: str, who: str) -> None:
        root = str(Path(__file__).parents[2])
        self.process = subprocess.Popen(
            [python, script, "--serve", who],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "PYTHONPATH": root, "GOMP_SPINCOUNT": "10000"},  # the one that waits leaves the cores
        )

    def seconds(self, what: str) -> float:
        """Return how long the work of one name takes."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(f"{what}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())


def compare(ours: Worker, peer: Worker | None, what: str, *, rounds: int, **counts: int) -> dict[str, object]:
    """Return the median seconds of each, the median ratio of the rounds and the range of its middle half.

    Of `counts`, what a round has of each unit, the rates a second stand beside them. They take turns, ABBA, after each
    has done the work once. Without a peer there are our figures alone.
    """
    workers = [ours] if peer is None else [ours, peer]
    for worker in workers:
        worker.seconds(what)  # the first time prepares kernels
    taken: dict[Worker, list[float]] = {worker: [] for worker in workers}
    for turn in range(rounds):
        for worker in workers if turn % 2 else workers[::-1]:
            taken[worker].append(worker.seconds(what))
    found: dict[str, object] = {}
    for who, worker in zip(("ours", "peer"), workers, strict=False):
        found[f"{who}_seconds"] = seconds = statistics.median(taken[worker])
        found |= {f"{who}_{unit}_per_second": round(count / seconds, 1) for unit, count in counts.items()}
    if peer is None:
        return found
    ratios = [theirs / mine for mine, theirs in zip(taken[ours], taken[peer], strict=True)]
    low, _, high = statistics.quantiles(ratios, n=4)
    return found | {
        "ratio": round(statistics.median(ratios), 2),
        "middle_half": [round(low, 2), round(high, 2)],
    }
