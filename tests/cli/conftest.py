"""Small models trained through the command line itself, once for all tests of this folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from nlp_lstm.cli.main import main
from tests.cli.made_reviews import SMALL, write_reviews
from tests.cli.made_tables import TINY, rows


class Ran(NamedTuple):
    """What a command answered."""

    code: int
    out: str
    err: str


@pytest.fixture
def run(capsysbinary: pytest.CaptureFixture[bytes]) -> Callable[..., Ran]:
    """Run a command line in this process."""

    def call(*arguments: object) -> Ran:
        capsysbinary.readouterr()
        code = main([str(argument) for argument in arguments])
        out, err = capsysbinary.readouterr()
        return Ran(code, out.decode(), err.decode())

    return call


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a model that knows the words of `write_reviews`."""
    folder = tmp_path_factory.mktemp("trained")
    data = [write_reviews(folder / f"{split}.csv", 120, seed=seed) for seed, split in enumerate(("train", "dev"))]
    line = ["train", "classify", "--train", data[0], "--dev", data[1], "--out", folder / "run", "--epochs=15", *SMALL]
    code = main([str(word) for word in line])
    assert code == 0
    return folder / "run"


@pytest.fixture(scope="session")
def forecaster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a model that foresees four rows of tables such as `rows` makes."""
    folder = tmp_path_factory.mktemp("forecaster")
    (folder / "train.csv").write_text(rows(200))
    line = ["train", "forecast", "--train", folder / "train.csv", "--out", folder / "run", *TINY]
    assert main([str(word) for word in line]) == 0
    return folder / "run"


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go to a folder with the table `t.csv`, and return its path."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_text(rows(27))
    return tmp_path / "t.csv"
