"""Sessions with a made writer, in a state folder of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from nlp_lstm.errors import ModelError
from nlp_lstm.shell.session import Session
from tests.shell.feeding import text
from tests.shell.made_writer import MadeModel, MadeWriter, Measurer

SHORT_TRAINING = "abab abba."


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch) -> Path:
    """Return the folder that stands for the user's state."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def writer() -> MadeWriter:
    return MadeWriter()


@pytest.fixture
def session(tmp_path, writer) -> Session:
    """A session with `writer`; `other` and `measure` are models beside it."""
    models = {
        "made": MadeModel(writer),
        "other": MadeModel(MadeWriter(SHORT_TRAINING)),
        "measure": Measurer(),
    }

    def open_model(folder: Path) -> MadeModel | Measurer:
        if folder.name not in models:
            raise ModelError(f"no model at {folder}: there is no such folder")
        return models[folder.name]

    session = Session(tmp_path / "made", open_model=open_model)
    text(session, "/max 12")
    return session
