from __future__ import annotations

from pathlib import Path

import pytest

from nlp_lstm.errors import NlpLstmError
from nlp_lstm.shell.shelf import Shelf, state_folder
from tests.shell.made_writer import MadeMoment, MadeWriter


def test_the_state_folder_is_that_of_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert state_folder() == tmp_path / "nlp-lstm"
    for unset in ("", "relative/path"):  # the standard says to ignore a relative one
        monkeypatch.setenv("XDG_STATE_HOME", unset)
        assert state_folder() == Path.home() / ".local" / "state" / "nlp-lstm"
    monkeypatch.delenv("XDG_STATE_HOME")
    assert state_folder() == Path.home() / ".local" / "state" / "nlp-lstm"


def test_a_moment_that_cannot_be_written_leaves_the_old_one(tmp_path, writer):
    shelf = Shelf()
    shelf.save("one", writer.read(writer.begin(), "old"), writer)

    class Failing(MadeWriter):
        def save_moment(self, moment: MadeMoment, path: Path) -> None:
            path.write_text("half")
            raise OSError(28, "No space left on device")

    with pytest.raises(NlpLstmError, match=r"one\.safetensors: No space"):
        shelf.save("one", writer.begin(), Failing(), replace=True)
    assert shelf.load("one", writer).text == "old" and shelf.names() == ["one"]
    assert [path.name for path in shelf.folder.iterdir()] == ["one.safetensors"]
