"""Two that do the same work, each in a process of its own, taking turns: for peers with an environment of their own."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path


def serve(work: Mapping[str, Callable[[], object]]) -> None:
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


def compare(ours: Worker, peer: Worker | None, what: str, *, rounds: int) -> dict[str, object]:
    """Return the median seconds of each, the median ratio of the rounds and the range of its middle half.

    They take turns, ABBA, after each has done the work once. Without a peer there are our seconds alone.
    """
    workers = [ours] if peer is None else [ours, peer]
    for worker in workers:
        worker.seconds(what)  # the first time prepares kernels
    taken: dict[Worker, list[float]] = {worker: [] for worker in workers}
    for turn in range(rounds):
        for worker in workers if turn % 2 else workers[::-1]:
            taken[worker].append(worker.seconds(what))
    found: dict[str, object] = {"ours_seconds": statistics.median(taken[ours])}
    if peer is None:
        return found
    ratios = [theirs / mine for mine, theirs in zip(taken[ours], taken[peer], strict=True)]
    low, _, high = statistics.quantiles(ratios, n=4)
    return found | {
        "peer_seconds": statistics.median(taken[peer]),
        "ratio": round(statistics.median(ratios), 2),
        "middle_half": [round(low, 2), round(high, 2)],
    }
