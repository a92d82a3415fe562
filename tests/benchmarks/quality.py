"""Train a recipe with several seeds and print the mean of its test scores, one JSON line a recipe.

    NLP_LSTM_DATA=FOLDER python tests/benchmarks/quality.py sst2 trec imdb --seeds 1 2 3 --jobs 2

Each run has one CPU thread, so `--jobs 2` keeps two cores busy. A run that was finished before in the same `--out`
is not trained again, and one that was stopped goes on.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="+")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("runs/quality"))
    options = parser.parse_args()
    with ThreadPoolExecutor(options.jobs) as pool:
        runs = {
            (recipe, seed): pool.submit(train, recipe, seed, options.out)
            for recipe in options.recipes
            for seed in options.seeds
        }
        for recipe in options.recipes:
            print(json.dumps(summary(recipe, [runs[recipe, seed].result() for seed in options.seeds])), flush=True)


def train(recipe: str, seed: int, out: Path) -> dict[str, Any]:
    """Train one seed in a process of its own; return its test score, minutes and peak memory."""
    folder = out / f"{recipe}-{seed}"
    memory = out / f"{recipe}-{seed}.memory"
    command = [sys.executable, "-m", "nlp_lstm", "train", recipe, "--seed", str(seed), "--out", str(folder)]
    out.mkdir(parents=True, exist_ok=True)
    with (out / f"{recipe}-{seed}.log").open("ab") as log:
        child = subprocess.Popen(
            [*command, "--set", "training.threads=1"], stderr=log, env={**os.environ, "OMP_NUM_THREADS": "1"}
        )
        _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{recipe} with seed {seed} ended with {child.returncode}: see {log.name}")
    peaks = [usage.ru_maxrss, *read_numbers(memory)]  # a finished run that is only looked at again uses less
    memory.write_text(f"{max(peaks)}\n")
    metrics = json.loads((folder / "metrics.json").read_text())
    return {
        "seed": seed,
        "score": metrics["test"][score_of(metrics["test"])],
        "name": score_of(metrics["test"]),
        "minutes": metrics["seconds"] / 60,
        "peak_memory_gb": max(peaks) / 2**20,
    }


def score_of(report: dict[str, Any]) -> str:
    """Return the name of the score that counts: BLEU in lower case, F1 of spans, accuracy, or the squared error."""
    return next(name for name in ("bleu_tok_lc", "f1", "accuracy", "mse") if name in report)


def read_numbers(path: Path) -> Iterator[int]:
    """Yield the numbers a file holds, none if it is not there."""
    if path.exists():
        yield from map(int, path.read_text().split())


def summary(recipe: str, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the mean over seeds and its spread."""
    scores = [run["score"] for run in runs]
    return {
        "recipe": recipe,
        "seeds": [run["seed"] for run in runs],
        "score": runs[0]["name"],
        "test_mean": round(statistics.mean(scores), 4),
        "test": [round(score, 4) for score in scores],
        "standard_deviation": round(statistics.stdev(scores), 4) if len(runs) > 1 else None,
        "training_minutes": [round(run["minutes"], 1) for run in runs],
        "peak_memory_gb": round(max(run["peak_memory_gb"] for run in runs), 2),
        "cores_per_run": 1,
    }


if __name__ == "__main__":
    main()
