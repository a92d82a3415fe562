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


def test_two_folders_of_one_name_have_shelves_of_their_own_and_two_ways_to_one_share_it(tmp_path, monkeypatch):
    first, second = tmp_path / "a" / "run", tmp_path / "b" / "run"
    first.mkdir(parents=True)
    assert Shelf(first).folder != Shelf(second).folder
    assert Shelf(first).folder.name.startswith("run-")
    (tmp_path / "link").symlink_to(first)
    monkeypatch.chdir(tmp_path / "a")
    assert Shelf(tmp_path / "link").folder == Shelf(Path("run")).folder == Shelf(first).folder


def test_a_moment_that_cannot_be_written_leaves_the_old_one(tmp_path, writer):
    shelf = Shelf(tmp_path / "run")
    shelf.save("one", writer.read(writer.begin(), "old"), writer)

    class Failing(MadeWriter):
        def save_moment(self, moment: MadeMoment, path: Path) -> None:
            path.write_text("half")
            raise OSError(28, "No space left on device")

    with pytest.raises(NlpLstmError, match=r"one\.safetensors: No space"):
        shelf.save("one", writer.begin(), Failing(), replace=True)
    assert shelf.load("one", writer).text == "old" and shelf.names() == ["one"]
    assert [path.name for path in shelf.folder.iterdir()] == ["one.safetensors"]
