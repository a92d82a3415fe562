"""Made data whose labels follow from one word, a tiny recipe on it, a model trained by it, and processes to kill."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from nlp_lstm import train
from nlp_lstm.stages.predictor import Predictor, load
from nlp_lstm.stages.run import TrainedRun

WORDS = ("plot", "actor", "scene", "film", "music", "light", "story", "end")
TELLING = {"good": "fine", "bad": "dull"}

RECIPE = """
task = "classify"

[data]
train = "train.csv"
dev = "dev.csv"

[tokenizer]
kind = "regex"

[encoder]
embed_size = 8
hidden_size = 8

[training]
steps = 12
batch_size = 8
evaluations = 4
"""


def made_texts(n: int, seed: int) -> list[tuple[str, str]]:
    """Return texts and labels, as many of each: a text with "fine" is good, one with "dull" bad."""
    draw = random.Random(seed)
    made = []
    for number in range(n):
        label = ("good", "bad")[number % 2]
        words = draw.choices(WORDS, k=draw.randint(1, 9))
        words.insert(draw.randrange(len(words) + 1), TELLING[label])
        made.append((" ".join(words), label))
    draw.shuffle(made)
    return made


def write_csv(path: Path, rows: list[tuple[str, str]]) -> Path:
    path.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in rows), encoding="utf-8")
    return path


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A recipe for a tiny network, in a folder of its own beside its data."""
    return write_recipe(tmp_path / "tiny")


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> TrainedRun:
    """A run that has learned the made data; nobody may write into its folder."""
    place = tmp_path_factory.mktemp("trained")
    settings = {"training.learning_rate": 0.02, "training.evaluations": 5}
    return train(str(write_recipe(place / "tiny")), out=place / "run", steps=60, settings=settings)


@pytest.fixture(scope="session")
def predictor(tiny_run: TrainedRun) -> Predictor:
    return load(tiny_run.folder)


def write_recipe(folder: Path) -> Path:
    folder.mkdir()
    write_csv(folder / "train.csv", made_texts(50, seed=3))
    write_csv(folder / "dev.csv", made_texts(20, seed=4))
    path = folder / "tiny.toml"
    path.write_text(RECIPE, encoding="utf-8")
    return path


Sitting = Callable[..., int]


@pytest.fixture(scope="session")
def sitting() -> Iterator[Sitting]:
    """Return a function that trains in a process of its own and returns how it ended.

    Its arguments are `recipe`, the keywords of `train` and, each optional, when to die or be interrupted; see
    `sittings.py`. A process that a signal killed gives minus the signal's number, as in `subprocess`.
    """
    script = Path(__file__).with_name("sittings.py")
    with subprocess.Popen(
        [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
    ) as server:
        assert server.stdin is not None and server.stdout is not None

        def sit(recipe: Path, *, settings: Mapping[str, Any] | None = None, **options: Any) -> int:
            given = {"recipe": str(recipe), "settings": dict(settings or {})}
            given |= {name: str(value) if isinstance(value, Path) else value for name, value in options.items()}
            server.stdin.write(json.dumps(given) + "\n")
            server.stdin.flush()
            answer = server.stdout.readline()
            assert answer, "the server of sittings died"
            return int(answer)

        yield sit
        server.stdin.close()
