from __future__ import annotations

import pytest

from nlp_lstm.config import WritingOptions
from nlp_lstm.errors import ModelError
from nlp_lstm.shell.events import Answer, Note, Pause, Piece, Problem, Table
from nlp_lstm.shell.session import Session
from tests.shell.feeding import only, problem, text
from tests.shell.made_writer import MadeModel, MadeWriter


def written(writer, before: str, *, seed: int, **options) -> str:
    """What the writer itself writes after a text."""
    options = WritingOptions(**{"max_new_tokens": 12, **options})
    moment = writer.read(writer.begin(), before)
    return "".join(step.piece for step in writer.write(moment, options, seed=seed))


def test_a_text_is_shown_and_written_on_as_the_writer_does(session, writer):
    first, *rest = session.feed("the ")
    assert first == Piece("the ", given=True)
    pieces = [each for each in rest if each != Pause()]
    assert all(isinstance(each, Piece) and not each.given and each.text for each in pieces)
    assert "".join(each.text for each in pieces) == written(writer, "the ", seed=1)


def test_the_next_text_is_read_on_where_the_last_one_ended_and_drawn_with_the_next_seed(session, writer):
    first = text(session, "the ")
    second = text(session, "dog")
    assert second == "dog" + written(writer, first + "dog", seed=2)
    assert session.draft.text == first + second


def test_a_texts_blanks_and_line_ends_are_read_as_they_are(session):
    assert text(session, "  a\nb ").startswith("  a\nb ")


def test_two_slashes_stand_for_a_text_that_begins_with_one(session):
    assert text(session, "//set") == session.draft.text and session.draft.text.startswith("/set")


def test_what_is_to_be_told_of_a_text_is_told_before_it_is_read(session):
    assert list(session.feed("☃"))[:2] == [Note("what is this?"), Piece("☃", given=True)]


def test_an_empty_line_does_nothing(session):
    assert list(session.feed("")) == [] and session.draft.text == "" and session.settings.seed == 1


def test_the_same_lines_give_the_same_events(session, tmp_path):
    lines = ["the ", "/temp 1.5", "/more", "/retry", "/why", "/pick 2", "1", "", "/undo", "/show"]
    other = Session(tmp_path / "made", open_model=lambda folder: MadeModel(MadeWriter()))
    text(other, "/max 12")
    assert [list(session.feed(line)) for line in lines] == [list(other.feed(line)) for line in lines]


def test_a_text_that_is_stopped_keeps_what_was_shown_and_more_goes_on_from_there(session, writer):
    events = session.feed("the ")
    shown = "".join(next(events).text for _ in range(5))
    events.close()
    assert len(shown) == 8 and session.draft.text == shown
    assert text(session, "/more") == written(writer, shown, seed=2)
    assert session.draft.place.runs[-1] == session.draft.text[4:]


@pytest.mark.parametrize("line", ["so it ends. " * 30, "/retry"])
def test_a_text_whose_reading_is_stopped_changes_nothing(session, line):
    text(session, "the cat sat on the mat")
    before = session.draft.place, list(session.draft.turns), session.settings
    events = session.feed(line)
    while next(events) != Pause():
        pass
    events.close()
    assert (session.draft.place, session.draft.turns, session.settings) == before


def test_a_search_that_is_stopped_leaves_the_text_that_was_typed(session, writer):
    text(session, "/set beam 3")
    events = session.feed("the ")
    assert [next(events) for _ in range(3)] == [Piece("the ", given=True), Pause(), Pause()]
    events.close()
    assert session.draft.text == "the "
    text(session, "/undo")
    assert session.draft.text == ""


def test_an_interrupt_inside_the_network_keeps_what_was_written(tmp_path):
    steps = []

    def interrupt():
        steps.append(1)
        if len(steps) == 4:
            raise KeyboardInterrupt

    session = Session(tmp_path / "made", open_model=lambda folder: MadeModel(MadeWriter(before_step=interrupt)))
    shown = []
    with pytest.raises(KeyboardInterrupt):
        shown.extend(event.text for event in session.feed("the "))
    assert len(session.draft.text) == len("the ") + 3
    assert text(session, "/undo") == "" and session.draft.text == ""


def test_a_stop_string_ends_the_text_and_is_not_shown(session, writer):
    text(session, '/stop "at" END', "/max 500")
    shown = text(session, "the ")
    assert shown == "the " + written(writer, "the ", seed=1, stop=("at",), max_new_tokens=500)
    assert "at" not in shown and len(shown) < 500


def test_what_the_writer_cannot_read_is_said_and_changes_nothing(session):
    before = text(session, "the ")
    assert problem(session, "¿que?") == "this model cannot read '¿'"
    assert session.draft.text == before and len(session.draft.turns) == 1 and session.settings.seed == 2


@pytest.mark.parametrize("line", ["¿", "the ", "/more", "/retry", "/pick 3"])
def test_options_that_another_model_cannot_write_under_are_refused_before_anything_is_read(session, line):
    text(session, '/set logit_bias {"t": 3}', "the ", "/model other")
    session.draft.write, before = None, session.draft.place
    assert problem(session, line) in ("no bias for that", "nothing was written last: type a text, or /more")
    assert (session.draft.place, session.draft.turns, session.settings.seed) == (before, [], 2)
    assert session.offered == 0


def test_an_error_of_the_system_is_a_problem_with_code_1(tmp_path):
    def full():
        raise OSError(28, "No space left on device")

    session = Session(tmp_path / "made", open_model=lambda folder: MadeModel(MadeWriter(before_step=full)))
    assert list(session.feed("a"))[-1] == Problem("No space left on device", 1)


def test_a_model_that_writes_nothing_answers_line_by_line_also_an_empty_one(session):
    text(session, "/model measure")
    assert list(session.feed("four")) == [Answer("4")]
    assert list(session.feed("")) == [Answer("0")] and list(session.feed("//x")) == [Answer("2")]


def test_a_model_that_writes_nothing_refuses_what_is_for_writers(session):
    text(session, "/model measure")
    for line in ("/more", "/retry", "/temp 1", "/new", "/memory", "/save x", "/show"):
        assert problem(session, line) == "this is for models that write; measure: a measure model answers line by line"


def test_why_shows_all_that_was_said_of_the_last_line(session):
    text(session, "/model measure")
    assert problem(session, "/why") == "nothing was answered yet"
    text(session, "four")
    rows = (("length", "4"), ("scores", "long 0.2500, short 0.7500"), ("words", "a, b"))
    assert only(Table, session.feed("/why")).rows == rows


def test_another_model_begins_a_text_of_its_own_under_the_same_settings(session):
    before = text(session, "/temp 0.5", "the ")
    here = session.folder
    notes = [event.text for event in session.feed("/model other") if isinstance(event, Note)]
    stays = f"{len(before)} characters of text stay with {here}: /model {here} goes back there"
    assert notes == [stays, "other: a generate model of characters"]
    assert session.draft.text == "" and session.settings.temperature == 0.5
    other = text(session, "/more")
    assert set(other) <= set("ab.\n ")
    text(session, f"/model {here}")
    assert session.draft.text == before
    text(session, "/model other", "/undo")
    assert session.draft.text == ""
    text(session, f"/model {here}", "/undo")
    assert session.draft.text == ""


def test_the_present_model_loaded_again_reads_its_text_anew(session):
    before = text(session, "the ")
    assert only(Note, session.feed(f"/model {session.folder}")).text.startswith(str(session.folder))
    assert session.draft.text == before and len(session.draft.turns) == 1


def test_a_line_that_is_no_utf8_is_refused_and_nothing_is_lost(session, tmp_path):
    before = text(session, "the ")
    assert problem(session, "caf\udcff e") == "the line: expected text in UTF-8, found 'caf\\udcff e'"
    text(session, f"/save {tmp_path / 'story'}")
    assert (tmp_path / "story").read_text() == before == session.draft.text


def test_a_model_that_cannot_be_loaded_leaves_the_present_one(session):
    before = text(session, "the ")
    assert problem(session, "/model gone") == "no model at gone: there is no such folder"
    assert problem(session, "/model") == "/model: expected a model's folder"
    assert session.draft.text == before and session.folder.name == "made"


def test_a_session_with_a_missing_model_does_not_begin(tmp_path):
    def refuse(folder):
        raise ModelError("no model")

    with pytest.raises(ModelError, match="no model"):
        Session(tmp_path, open_model=refuse)


def test_quit_ends_the_session(session):
    assert not session.done and list(session.feed("/quit")) == [] and session.done
