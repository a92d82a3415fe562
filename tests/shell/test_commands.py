from __future__ import annotations

import pytest

from nlp_lstm.shell.commands import COMMANDS
from nlp_lstm.shell.events import Note, Table
from nlp_lstm.shell.settings import SETTINGS, SHORT
from tests.shell.feeding import only, problem, text

ALL = [(name, short) for name, command in COMMANDS.items() for short in (name, *command.short)]


def test_no_two_commands_have_a_name_in_common():
    assert len({short for _, short in ALL}) == len(ALL)


def test_the_commands_that_were_promised_are_there():
    promised = (
        "help set temp top-k top-p min-p rep stop seed max show more retry undo pick why state memory save model quit"
    )
    assert set(promised.split()) <= {short for _, short in ALL}


def test_help_lists_every_command_with_its_short_forms_and_what_it_does(session):
    table = only(Table, session.feed("/help"))
    assert [row[0].split()[0] for row in table.rows] == [f"/{name}" for name in COMMANDS]
    shown = {word.lstrip("/") for row in table.rows for word in [row[0].split()[0], *row[1].split()]}
    assert shown == {short for _, short in ALL}
    assert all(row[2] for row in table.rows)
    assert list(session.feed("/?")) == list(session.feed("/help"))


def test_help_of_a_model_that_writes_nothing_lists_what_it_can_do(session):
    text(session, "/model measure")
    table = only(Table, session.feed("/help"))
    assert [row[0].split()[0] for row in table.rows] == ["/help", "/why", "/model", "/quit"]
    assert only(Note, session.feed("/help")).text.startswith("Anything else is answered;")


@pytest.mark.parametrize("named", ["temp", "/set", "set"])
def test_help_explains_one_command_by_any_of_its_names(session, named):
    [table] = session.feed(f"/help {named}")
    [row] = table.rows
    assert row == ("/set NAME [VALUE]", " ".join(f"/{short}" for short in SHORT), COMMANDS["set"].help)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("/hepl", "no command '/hepl'; did you mean '/help'?"),
        ("/tmp 1", "no command '/tmp'; did you mean '/temp'?"),
        ("/max-new-tokens 3", "no command '/max-new-tokens'; did you mean '/max'?"),
        ("/temperature 3", "no command '/temperature'; did you mean '/temp'?"),
        ("/penalty-window", "no command '/penalty-window'; did you mean '/set penalty_window'?"),
        ("/help logit_bias", "no command '/logit_bias'; did you mean '/set logit_bias'?"),
        ("/help memry", "no command '/memry'; did you mean '/memory'?"),
        ("/Undo", "no command '/Undo'; did you mean '/undo'?"),
    ],
)
def test_an_unknown_command_offers_the_nearest(session, line, message):
    assert problem(session, line) == message


def test_an_unknown_command_without_a_near_one_points_to_the_help(session):
    assert problem(session, "/zzzzz") == "no command '/zzzzz'; /help lists them"
    assert problem(session, "/") == problem(session, "/  ") == "expected a command behind '/': /help lists them"


@pytest.mark.parametrize("line", ["/show x", "/more 3", "/retry now", "/undo 2", "/quit it", "/exit it", "/q it"])
def test_a_command_that_takes_nothing_refuses_what_stands_behind_it(session, line):
    name, typed = line.split()
    assert problem(session, line) == f"{name} takes nothing behind it, found {typed!r}"
    assert not session.done


def test_blanks_around_a_command_do_not_matter(session):
    text(session, "/temp    0.5  ", "/set  top-k   3 ")
    assert session.settings.temperature == 0.5 and session.settings.top_k == 3


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("/s", ["/save", "/seed", "/set", "/show", "/state", "/stop"]),
        ("/undo", ["/undo"]),
        ("/zz", []),
        ("the /s", []),
        ("//s", []),
        ("", []),
        ("/set to", ["top_k", "top_p"]),
        ("/set temperature 0", []),
        ("/temp t", []),
        ("/state ", ["save", "load", "list", "reset"]),
        ("/state l", ["load", "list"]),
        ("/state load ", ["a", "b2"]),
        ("/state save ", []),
        ("/new ", []),
        ("/help mo", ["model", "more"]),
        ("/zz a", []),
    ],
)
def test_completion_comes_from_the_table(session, line, found):
    text(session, "/state save a", "/state save b2")
    assert session.complete(line) == found


def test_completion_of_settings_offers_every_one(session):
    assert session.complete("/set ") == list(SETTINGS)


def test_files_and_folders_are_completed(session, tmp_path, monkeypatch):
    (tmp_path / "story.txt").touch()
    (tmp_path / "stories").mkdir()
    (tmp_path / "stories" / "one").touch()
    for name in ("save", "memory", "model"):
        assert session.complete(f"/{name} {tmp_path}/sto") == [f"{tmp_path}/stories/", f"{tmp_path}/story.txt"]
    assert session.complete(f"/save --replace {tmp_path}/stories/") == [f"{tmp_path}/stories/one"]
    monkeypatch.chdir(tmp_path)
    assert session.complete("/save sto") == ["stories/", "story.txt"]
    assert session.complete("/save gone/x") == []
