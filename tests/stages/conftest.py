"""Tiny recipes on made data, models trained by them, and processes to kill."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from nlp_lstm import train
from nlp_lstm.stages.loading import load
from nlp_lstm.stages.predictor import Predictor
from nlp_lstm.stages.run import TrainedRun
from tests.stages.made_data import (
    TINY_TRANSLATOR,
    write_generate_recipe,
    write_joint_recipe,
    write_pairs,
    write_recipe,
    write_tag_recipe,
)


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A recipe for a tiny network, in a folder of its own beside its data."""
    return write_recipe(tmp_path / "tiny")


@pytest.fixture
def tag_recipe(tmp_path: Path) -> Path:
    """The same for a tagger."""
    return write_tag_recipe(tmp_path / "tiny tagger")


@pytest.fixture
def generate_recipe(tmp_path: Path) -> Path:
    """The same for a generator."""
    return write_generate_recipe(tmp_path / "tiny generator")


@pytest.fixture
def joint_recipe(tmp_path: Path) -> Path:
    """The same for two parts."""
    return write_joint_recipe(tmp_path / "tiny joint")


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> TrainedRun:
    """A run that has learned the made data; nobody may write into its folder."""
    place = tmp_path_factory.mktemp("trained")
    settings = {"training.learning_rate": 0.02, "training.evaluations": 5}
    return train(str(write_recipe(place / "tiny")), out=place / "run", steps=60, settings=settings)


@pytest.fixture(scope="session")
def predictor(tiny_run: TrainedRun) -> Predictor:
    return load(tiny_run.folder)


@pytest.fixture(scope="session")
def tiny_tag_run(tmp_path_factory: pytest.TempPathFactory) -> TrainedRun:
    """A run that has learned the made tags; nobody may write into its folder."""
    place = tmp_path_factory.mktemp("tagged")
    settings = {"training.learning_rate": 0.02, "training.evaluations": 5, "training.ema": 0.9}
    return train(str(write_tag_recipe(place / "tiny")), out=place / "run", steps=120, settings=settings)


@pytest.fixture(scope="session")
def tiny_generate_run(tmp_path_factory: pytest.TempPathFactory) -> TrainedRun:
    """A run that has learned the made lines; nobody may write into its folder."""
    place = tmp_path_factory.mktemp("generator")
    settings = {"training.learning_rate": 0.03, "encoder.dropout": 0.0, "training.ema": 0.9}
    return train(str(write_generate_recipe(place / "tiny")), out=place / "run", steps=150, settings=settings)


@pytest.fixture(scope="session")
def tiny_joint_run(tmp_path_factory: pytest.TempPathFactory) -> TrainedRun:
    """A run of two parts that has learned both; nobody may write into its folder."""
    place = tmp_path_factory.mktemp("joined")
    settings = {"training.learning_rate": 0.02, "training.evaluations": 5, "training.ema": 0.9}
    return train(str(write_joint_recipe(place / "tiny")), out=place / "run", steps=200, settings=settings)


@pytest.fixture(scope="session")
def generator(tiny_generate_run: TrainedRun) -> Predictor:
    return load(tiny_generate_run.folder)


@pytest.fixture(scope="session")
def tagger(tiny_tag_run: TrainedRun) -> Predictor:
    return load(tiny_tag_run.folder)


@pytest.fixture(scope="session")
def tiny_translate_run(tmp_path_factory: pytest.TempPathFactory) -> TrainedRun:
    """A run that has hardly learned to turn two words round; nobody may write into its folder."""
    place = tmp_path_factory.mktemp("translated")
    pairs = write_pairs(place / "pairs.tsv")
    return train("translate", train=pairs, out=place / "run", steps=40, settings=TINY_TRANSLATOR)


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
