from __future__ import annotations

import gzip
import json
import os
import tracemalloc
from pathlib import Path

import pytest

from nlp_lstm.shell.events import Break, Meter, Note, Pause, Piece, Problem, Table
from nlp_lstm.shell.session import Session
from tests.shell.feeding import only, problem, text
from tests.shell.made_writer import TRAINING, MadeModel, MadeWriter
from tests.tasks.made_writers import TOKENIZERS, make_writer


def again(session, writer=None, **description) -> Session:
    """A later session with the same folder."""
    model = MadeModel(writer or MadeWriter(), **description)
    return Session(session.folder, open_model=lambda folder: model)


def test_a_saved_moment_is_there_in_a_later_session_and_writes_on_alike(session):
    before = text(session, "the ")
    text(session, "/state save one", "/new", "it ")
    later = again(session)
    text(later, "/max 12")
    assert Break() in list(later.feed("/state load one"))
    assert later.draft.text == before
    assert text(later, "/seed 5", "/more") == text(session, "/state load one", "/seed 5", "/more")


def test_going_to_a_moment_can_be_taken_back(session):
    text(session, "the ", "/state save one", "/more")
    before = session.draft.text
    text(session, "/state load one", "/undo")
    assert session.draft.text == before


def test_reset_begins_a_new_text_and_undo_brings_the_old_one_back(session):
    before = text(session, "the ")
    assert list(session.feed("/state reset")) == [Break(), Note("a new text; /undo goes back")]
    assert session.draft.text == ""
    text(session, "/undo")
    assert session.draft.text == before


def test_moments_are_listed_with_how_their_text_ends(session, state):
    assert list(session.feed("/state list")) == [Note("no moment is saved")]
    text(session, "/max 0", "x" * 70 + "\n", "/state save long", "/new", "/state save at-first")
    [table] = session.feed("/state list")
    assert table.rows == (("at-first", '""'), ("long", "…" + '"' + "x" * 59 + '\\n"'))
    [damaged] = state.rglob("long.safetensors")
    damaged.write_text("{")
    [table] = session.feed("/state list")
    assert "damaged" in table.rows[1][1] and table.rows[0] == ("at-first", '""')


def test_a_moment_of_another_model_or_of_one_trained_anew_is_its_text_read_from_the_beginning(session):
    before = text(session, "the ")
    text(session, "/state save one")
    later = again(session, MadeWriter("quite another text."))
    text(later, "so")
    note = Note("another model's moment: its text is read from the beginning")
    events = list(later.feed("/state load one"))
    assert events[0] == note
    assert later.draft.text == before
    text(later, "/undo")
    assert later.draft.text.startswith("so")


def test_leaving_while_a_moments_text_is_read_changes_nothing(session):
    text(session, "the " * 40, "/state save one")
    later = again(session, MadeWriter("quite another text."))
    before = text(later, "so")
    events = later.feed("/state load one")
    assert isinstance(next(events), Note) and next(events) == Pause()
    events.close()
    assert later.draft.text == before


def test_an_older_moment_is_replaced_only_when_told(session):
    first = text(session, "the ", "/state save one")
    text(session, "/more")
    message = "a moment 'one' is there already; /state save --replace one puts this in its place"
    assert problem(session, "/state save one") == message
    assert text(session, "/state load one") == "" and session.draft.text == first
    text(session, "/undo", "/state save --replace one", "/new", "/state load one")
    assert len(session.draft.text) == len(first) + 12


@pytest.mark.parametrize("name", ["../one", "a/b", ".hidden", "-x", "a b", "x" * 49, "one\0", "..", "*"])
def test_a_name_that_is_no_plain_name_is_refused(session, state, name):
    for verb in ("save", "load"):
        assert "is no name: expected up to 48 letters" in problem(session, f"/state {verb} {name}")
    assert not state.exists()


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("", "/state: expected save NAME, load NAME, list or reset, found ''"),
        ("drop one", "/state: expected save NAME, load NAME, list or reset, found 'drop one'"),
        ("save", "/state save: expected a name, found ''"),
        ("load", "/state load: expected a name, found ''"),
        ("list all", "/state list: expected nothing behind it, found 'all'"),
        ("reset all", "/state reset: expected nothing behind it, found 'all'"),
        ("load own", "no moment 'own'; did you mean 'one'?"),
    ],
)
def test_a_state_command_that_does_not_fit_is_refused(session, typed, message):
    before = text(session, "the ", "/state save one")
    assert problem(session, f"/state {typed}") == message
    assert session.draft.text == before


def test_nobody_else_may_look_into_the_state(session, state):
    text(session, "the ", "/state save one")
    assert (state / "nlp-lstm").stat().st_mode & 0o077 == 0


def test_the_text_is_saved_as_it_stands(session, tmp_path):
    text(session, "/max 40", "the é\n")
    text(session, f"/save {tmp_path}/my story.txt")
    assert (tmp_path / "my story.txt").read_bytes() == session.draft.text.encode()


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_what_is_kept_of_a_text_that_met_a_stop_string_is_what_was_shown(tmp_path, kind):
    session = Session(tmp_path / "made", open_model=lambda folder: MadeModel(make_writer(kind)))
    text(session, "/temp 1.5", '/stop "o" "s i"', "/max 60")
    shown = text(session, "so it")
    for name, line in (("one", "/more"), ("two", "so"), ("three", "/more")):
        text(session, f"/save {tmp_path}/{name}", f"/state save {name}")
        assert (tmp_path / name).read_bytes().decode() == session.draft.text == shown
        assert only(Note, session.feed("/show")).text.endswith(f"; {len(shown):,} characters of text")
        hidden = session.draft.place.moment.hidden
        new = text(session, line)
        assert new.startswith(hidden)
        assert "o" not in (new[len(hidden) :].lstrip().removeprefix("so") if line == "so" else new[len(hidden) :])
        shown += new
    assert kind in ("bytes", "subwords") or len(session.draft.place.moment.ids) < 4 * 60  # it was met
    text(session, "/state load one")
    assert session.draft.text == (tmp_path / "one").read_bytes().decode()


def test_a_text_that_is_stopped_while_something_is_held_back_is_kept_as_it_was_shown(tmp_path):
    session = Session(tmp_path / "made", open_model=lambda folder: MadeModel(make_writer()))
    first = text(session, "/max 20", "so")[2:]
    text(session, "/undo", "/seed 1", f"/stop {json.dumps(first[4:7] + '#')}")
    events = session.feed("so")
    shown = "".join(event.text for event, _ in zip(events, range(6), strict=False) if isinstance(event, Piece))
    events.close()
    assert session.draft.text == shown and session.draft.place.moment.ids.shape[0] > len(shown)


def test_an_older_file_is_replaced_only_when_told(session, tmp_path):
    file = tmp_path / "story.txt"
    file.write_text("old")
    whole = text(session, "the ")
    message = f"{file} is there already; /save --replace {file} puts the text in its place"
    assert problem(session, f"/save {file}") == message and file.read_text() == "old"
    assert list(session.feed(f'/save --replace "{file}"')) == [Note(f"16 characters written to {file}")]
    assert file.read_text() == whole


def test_a_link_stays_one_when_what_it_points_to_is_replaced(session, tmp_path):
    target, link = tmp_path / "target.txt", tmp_path / "link.txt"
    target.write_text("old")
    link.symlink_to(target)
    whole = text(session, "the ")
    assert "is there already" in problem(session, f"/save {link}")
    text(session, f"/save --replace {link}")
    assert link.is_symlink() and target.read_text() == whole


def test_what_is_no_plain_file_is_left_alone(session, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    text(session, "the ")
    assert problem(session, f"/save --replace {pipe}") == f"{pipe} is there already and is no plain file"
    assert pipe.is_fifo()
    assert problem(session, f"/save {tmp_path}") == f"{tmp_path}: is a folder"
    assert problem(session, f"/save {tmp_path}/gone/x") == f"{tmp_path}/gone/x: its folder is not there"
    assert problem(session, "/save") == problem(session, "/save --replace") == "/save: expected a file's name"


def test_a_file_that_cannot_be_written_is_named_with_the_reason(session, monkeypatch, tmp_path):
    text(session, "the ")

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied", "a temporary name")

    monkeypatch.setattr(Path, "write_text", refuse)
    message = f"{tmp_path}/x.txt: Permission denied"
    assert list(session.feed(f"/save {tmp_path}/x.txt")) == [Problem(f"the text cannot be saved: {message}", 1)]
    [found] = session.feed("/state save one")
    assert found.text.startswith("the moment cannot be saved: ") and found.text.endswith("Permission denied")
    assert "one.safetensors: " in found.text and "tmp:" not in found.text
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("place", [".", "nlp-lstm", "nlp-lstm/moments"])
def test_a_file_in_the_place_of_the_state_is_named_whatever_is_done_with_moments(session, state, place):
    path = state / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("a file")
    text(session, "the ")
    for verb in ("save one", "save --replace one", "load one", "list"):
        message = f"no moments can be kept: {path} is a file; expected a folder"
        assert list(session.feed(f"/state {verb}")) == [Problem(message, 1)]
    assert session.complete("/state load o") == []


def test_memory_compares_what_the_model_wrote_with_a_file(session, tmp_path):
    file = tmp_path / "training.txt"
    file.write_text(f"{'-' * 50}\n{TRAINING}")
    text(session, "/max 80", "the cat sat on the mat")
    run = session.draft.place.runs[-1]
    *_, table, meter = session.feed(f"/memory {file}")
    passage = max(
        (run[i:j] for i in range(len(run)) for j in range(i + 1, len(run) + 1) if run[i:j] in file.read_text()), key=len
    )
    line = file.read_text().index(passage)
    expected = (
        '"' + passage.replace("\n", "\\n") + '"',
        str(len(passage)),
        str(file.read_text()[:line].count("\n") + 1),
    )
    assert table.rows == (expected,)
    assert meter.share == len(passage) / 80
    assert meter.text == f"longest passage shared with {file}: {len(passage)} of 80 characters written"


def test_memory_looks_into_every_run_and_never_across_what_was_typed(session, tmp_path):
    file = tmp_path / "training.txt"
    text(session, "/max 6", "the ", "dog")
    first, second = (run for run in session.draft.place.runs if run)
    file.write_text(f"{first[:2]}dog{second}")
    assert only(Meter, session.feed(f"/memory {file}")).share == len(second) / 12
    file.write_text("#")
    meter = Meter(f"longest passage shared with {file}: 0 of 12 characters written", 0.0)
    assert list(session.feed(f"/memory {file}")) == [Pause(), meter]


def test_memory_takes_the_training_text_that_the_model_names(session, tmp_path):
    file = tmp_path / "training.txt.gz"
    file.write_bytes(gzip.compress(TRAINING.encode()))
    session.folder.mkdir(exist_ok=True)
    data = {"train": str(file), "dev": "dev.txt"}
    (session.folder / "run.json").write_text(json.dumps({"settings": {"data": data}}))
    text(session, "the ")
    assert list(session.feed("/memory")) == list(session.feed(f"/memory {file}"))
    assert only(Table, session.feed("/memory"))


def test_memory_leaves_out_what_was_held_out_of_the_training_text(session, tmp_path):
    text(session, "/max 20", "the ")
    run = session.draft.place.runs[-1]
    file = tmp_path / "training.txt"
    file.write_text("#" * 80 + run[:5] + "#" * 25 + run)  # the last 20 of 130 characters
    session.folder.mkdir(exist_ok=True)
    for fraction, expected in ((20 / 130, 5), (10 / 130, 10)):
        data = {"train": str(file), "dev_fraction": fraction}
        (session.folder / "run.json").write_text(json.dumps({"settings": {"data": data}}))
        meter = only(Meter, session.feed("/memory"))
        assert meter.share == expected / 20
        assert meter.text == f"longest passage shared with a part of {file}: {expected} of 20 characters written"


def test_memory_holds_no_more_than_a_block_of_the_training_text(session, tmp_path):
    text(session, "the ")
    file = tmp_path / "training.txt"
    file.write_text((f"{'so it goes on and on ' * 50}\n") * 12_000)  # 12 blocks
    tracemalloc.start()
    assert only(Meter, session.feed(f"/memory {file}")).share > 0
    assert tracemalloc.get_traced_memory()[1] < 6_000_000
    tracemalloc.stop()


def test_memory_without_a_text_or_a_file_says_what_is_missing(session, tmp_path):
    assert problem(session, f"/memory {tmp_path}") == "nothing was written yet"
    text(session, "the ")
    assert problem(session, "/memory") == "this model does not say what it was trained on: /memory FILE"
    assert problem(session, f"/memory {tmp_path}/gone.txt").startswith(f"{tmp_path}/gone.txt: no such file")
    (tmp_path / "odd.txt").write_bytes(b"a\n\xff\n")
    assert problem(session, f"/memory {tmp_path}/odd.txt").startswith(f"line 2 of {tmp_path}/odd.txt: byte 0xff is not")


def test_memory_reads_the_column_that_the_model_was_trained_on(session, tmp_path):
    file = tmp_path / "training.csv"
    file.write_text('number,body\n1,"so it goes"\n2,the sea\n')
    session.folder.mkdir(exist_ok=True)
    text(session, "/max 8", "the ")
    data = {"train": str(file), "text_column": "body"}
    (session.folder / "run.json").write_text(json.dumps({"settings": {"data": data}}))
    *_, meter = session.feed("/memory")
    assert isinstance(meter, Meter) and meter.text.startswith(f"longest passage shared with a part of {file}: ")
    data["text_column"] = "boddy"
    (session.folder / "run.json").write_text(json.dumps({"settings": {"data": data}}))
    assert "boddy" in problem(session, "/memory")
