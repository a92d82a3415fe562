"""A file is the old one or the new one, never a part of either."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_lstm.files import write_json, write_text, write_whole


def test_a_file_and_its_folders_are_made(tmp_path):
    path = tmp_path / "a" / "b" / "file"
    write_whole(path, lambda place: place.write_bytes(b"new"))
    assert path.read_bytes() == b"new"
    assert list(path.parent.iterdir()) == [path]


def fail_half_way(place: Path) -> None:
    place.write_bytes(b"ha")
    raise RuntimeError("half way")


def test_a_write_that_fails_leaves_the_old_content_and_nothing_else(tmp_path):
    path = tmp_path / "file"
    write_text(path, "old")
    with pytest.raises(RuntimeError, match="half way"):
        write_whole(path, fail_half_way)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_leaves_no_file_where_there_was_none(tmp_path):
    with pytest.raises(RuntimeError, match="half way"):
        write_whole(tmp_path / "file", fail_half_way)
    assert list(tmp_path.iterdir()) == []


def test_a_rename_that_fails_leaves_the_old_content_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_text(path, "old")

    def refuse(place: Path, target: Path) -> Path:
        raise PermissionError("refused")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(PermissionError, match="refused"):
        write_text(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_content_is_synced_before_the_rename_and_the_folder_after(tmp_path, monkeypatch):
    path = tmp_path / "file"
    done = []
    fsync, replace = os.fsync, Path.replace

    def noting_sync(handle: int) -> None:
        done.append(Path(f"/proc/self/fd/{handle}").resolve().parent)
        fsync(handle)

    def noting_replace(place: Path, target: Path) -> Path:
        done.append("rename")
        return replace(place, target)

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("no way to see which file a handle is of")
    monkeypatch.setattr(os, "fsync", noting_sync)
    monkeypatch.setattr(Path, "replace", noting_replace)
    write_text(path, "new")
    assert done == [tmp_path.resolve(), "rename", tmp_path.resolve().parent]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a process is killed in a fork")
def test_a_process_killed_half_way_leaves_the_old_content(tmp_path):
    path = tmp_path / "file"
    write_text(path, "old")

    def die_half_way(place: Path) -> None:
        place.write_bytes(b"ha")
        os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if child == 0:
        try:
            write_whole(path, die_half_way)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL
    assert path.read_text() == "old"
    write_text(path, "new")
    assert path.read_text() == "new"


# Line ends of every kind, and a character beyond 16 bits.
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_text_comes_back_byte_for_byte(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("text") / "file"
    write_text(path, text)
    assert path.read_bytes() == text.encode()


def test_line_ends_are_left_alone(tmp_path):
    write_text(tmp_path / "file", "a\r\nb\rc\n\u2028😀")
    assert (tmp_path / "file").read_bytes() == "a\r\nb\rc\n\u2028😀".encode()


@pytest.mark.parametrize("value", [{"a": [1, 2.5, None]}, ["ä", "😀", "\x00", "\u2028"]], ids=repr)
def test_json_comes_back_as_it_was(tmp_path, value):
    write_json(tmp_path / "file", value)
    assert json.loads((tmp_path / "file").read_bytes()) == value


def test_json_is_readable_text(tmp_path):
    write_json(tmp_path / "file", {"name": "Zoë"})
    assert (tmp_path / "file").read_text(encoding="utf-8") == '{\n "name": "Zoë"\n}\n'
