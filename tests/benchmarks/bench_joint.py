"""One pass with two heads beside two models: sentiment and named entities on the samples that come with the package.

    python tests/benchmarks/bench_joint.py --seeds 1 2 3

The recipe `joint` is trained, and a classifier and a tagger by themselves with its settings, for as many passes over
their data. Prints one JSON line: the test scores of each seed, the weights, and the seconds in which the texts of both
tests get both answers; pair and joint take turns, ABBA, and the median ratio has its 95 % bootstrap interval.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from nlp_lstm import load, train
from nlp_lstm.stages.predictor import Predictor
from nlp_lstm.stages.run import settle

ROUNDS = 10
REPEATS = 3
"""How often the texts are read in a block."""


def settings_of(epochs: float) -> dict[str, Any]:
    """Return the joint recipe's encoder and training, for so many passes."""
    recipe = settle("joint")
    chosen = {f"encoder.{name}": value for name, value in recipe.encoder.model_dump().items()}
    chosen |= {f"training.{name}": getattr(recipe.training, name) for name in ("batch_size", "learning_rate")}
    return chosen | {"training.evaluations": recipe.training.evaluations, "training.epochs": epochs}


def train_all(seed: int, out: Path) -> dict[str, Predictor]:
    """Return the three models of a seed; runs that are there are not trained again."""
    joint = settle("joint")
    passes = {name: part["weight"] * (joint.training.epochs or 0.0) for name, part in joint.head["parts"].items()}
    runs = {
        "joint": train("joint", seed=seed, out=out / f"joint-{seed}"),
        **{
            part: train(recipe, seed=seed, out=out / f"{recipe}-{seed}", settings=settings_of(passes[part]))
            for part, recipe in (("sentiment", "sentiment"), ("entities", "ner"))
        },
    }
    return {name: load(run.folder) for name, run in runs.items()}


def scores(out: Path, seed: int) -> dict[str, float]:
    """Return the test scores of a seed, joint and apart."""
    found = {
        name: json.loads((out / f"{name}-{seed}" / "metrics.json").read_text())
        for name in ("joint", "sentiment", "ner")
    }
    parts = found["joint"]["test"]["parts"]
    return {
        "joint_accuracy": parts["sentiment"]["accuracy"],
        "accuracy": found["sentiment"]["test"]["accuracy"],
        "joint_f1": parts["entities"]["f1"],
        "f1": found["ner"]["test"]["f1"],
    }


def seconds(models: list[Predictor], texts: list[str]) -> float:
    """Return how long all models need for all texts, measured over a block."""
    started = time.perf_counter()
    for _ in range(REPEATS):
        for model in models:
            model(texts)
    return (time.perf_counter() - started) / REPEATS


def compare(models: dict[str, Predictor]) -> dict[str, Any]:
    """Return the figures of speed."""
    data = settle("sentiment").data, settle("ner").data
    texts = [record.text for record in models["sentiment"].records(str(data[0].test))]
    texts += [record.text for record in models["entities"].records(str(data[1].test))]
    one, two = [models["joint"]], [models["sentiment"], models["entities"]]
    assert [found.parts.keys() for found in models["joint"](texts)] == [{"sentiment": 0, "entities": 0}.keys()] * len(
        texts
    )
    seconds(one, texts), seconds(two, texts)
    pairs = []
    for _ in range(ROUNDS):
        a, b, c, d = (seconds(each, texts) for each in (two, one, one, two))
        pairs.append(((a + d) / 2, (b + c) / 2))
    ratios = np.array([apart / joint for apart, joint in pairs])
    low, high = np.percentile(np.median(np.random.default_rng(0).choice(ratios, (2000, ROUNDS)), axis=1), [2.5, 97.5])
    apart, joint = zip(*pairs, strict=True)
    return {
        "texts": len(texts),
        "two_models_ms": round(statistics.median(apart) * 1e3, 1),
        "joint_ms": round(statistics.median(joint) * 1e3, 1),
        "ratio": round(float(np.median(ratios)), 2),
        "interval": [round(float(low), 2), round(float(high), 2)],
        "threads": torch.get_num_threads(),
    }


def n_weights(models: list[Predictor]) -> int:
    return sum(weight.numel() for model in models for weight in model.model.parameters())


def main() -> None:
    """Train, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--out", type=Path, help="where the runs are kept; by default nowhere")
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        out = options.out or Path(folder)
        models = [train_all(seed, out) for seed in options.seeds]
        of_seeds = [scores(out, seed) for seed in options.seeds]
    figures = {
        "name": "one pass with two heads against two models",
        "seeds": options.seeds,
        **{name: [round(each[name], 4) for each in of_seeds] for name in of_seeds[0]},
        "joint_weights": n_weights([models[0]["joint"]]),
        "weights": n_weights([models[0]["sentiment"], models[0]["entities"]]),
        **compare(models[0]),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
