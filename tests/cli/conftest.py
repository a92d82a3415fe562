"""A small model trained through the command line itself, once for all tests of this folder."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest

from nlp_lstm.cli.main import main
from tests.cli.made_reviews import SMALL


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
        line = [
            "train",
            "classify",
            "--train",
            data[0],
            "--dev",
            data[1],
            "--out",
            folder / "run",
            "--epochs=15",
            *SMALL,
        ]

    code = main([str(word) for word in line])
    assert code == 0
    return folder / "run"
