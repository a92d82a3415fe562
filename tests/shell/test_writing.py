from __future__ import annotations

import json
import math

import pytest

from nlp_lstm.config import WritingOptions
from nlp_lstm.shell.events import Break, Note, Piece, Table
from nlp_lstm.shell.session import Session
from nlp_lstm.shell.writing import entropy
from tests.shell.feeding import only, problem, text
from tests.shell.made_writer import MadeModel
from tests.tasks.made_writers import make_writer


def test_more_before_any_text_begins_one(session):
    found = text(session, "/more")
    assert len(found) == 12 and session.draft.text == found


def test_retry_writes_from_the_same_prompt_with_the_next_seed(session, writer):
    first = text(session, "the ")
    events = list(session.feed("/retry"))
    assert events[:3] == [Break(), Note("seed 2"), Piece("the ", given=True)]
    second = "".join(each.text for each in events if isinstance(each, Piece))
    options = session.settings.options()
    expected = writer.write(writer.read(writer.begin(), "the "), options, seed=2)
    assert second == "the " + "".join(step.piece for step in expected) and second != first
    assert session.draft.text == second and len(session.draft.turns) == 1


def test_retry_of_a_seed_that_is_set_again_gives_the_same_text(session):
    first = text(session, "/seed 7", "the ")
    assert text(session, "/retry") != first
    assert text(session, "/seed 7", "/retry") == first


def test_retry_without_a_writing_is_refused(session):
    message = "nothing was written last: type a text, or /more"
    assert problem(session, "/retry") == message
    text(session, "the ", "/pick", "1", "")
    before = session.draft.text
    assert problem(session, "/retry") == message and session.draft.text == before


def test_undo_takes_each_turn_back_in_order(session):
    stood = [""]
    for line in ("the ", "/more", "dog", "/retry", "/new", "it"):
        text(session, line)
        stood.append(session.draft.text)
    del stood[3]  # /retry took the turn of "dog" back itself
    while stood[1:]:
        assert session.draft.text == stood.pop()
        text(session, "/undo")
    assert session.draft.text == "" and problem(session, "/undo") == "nothing is left to take back"


def test_undo_says_how_the_text_ends_now(session):
    first = text(session, "the ")
    text(session, "/more")
    assert list(session.feed("/undo")) == [Break(), Note(f"the text ends with {json.dumps(first)}")]
    assert list(session.feed("/undo")) == [Break(), Note("the text is empty")]


def test_pick_offers_the_likeliest_tokens_and_writes_the_one_of_a_number(session, writer):
    text(session, "/max 0", "the c", "/temp 1")
    table = only(Table, session.feed("/pick 2"))
    options = session.settings.options()
    likeliest = writer.choices(writer.read(writer.begin(), "the c"), options, n=2)
    assert [row[1] for row in table.rows] == [json.dumps(each.text) for each in likeliest]
    assert [row[0] for row in table.rows] == ["1", "2"] and table.title == '"the c"' and table.aside
    assert table.rows[0][2] == f"{100 * likeliest[0].probability:.1f} %"
    piece, table = session.feed(" 1 ")
    assert piece == Piece(likeliest[0].text) and table.title == f'"the c{likeliest[0].text}"'
    assert session.draft.place.runs == ("", likeliest[0].text)


def test_picking_asks_until_an_empty_line(session):
    text(session, "the ", "/pick 3")
    assert session.prompt == "pick 1-3> "
    before = session.draft.text
    for line in ("0", "4", "-1", "x", "²"):
        assert problem(session, line) == f"expected a number from 1 to 3, or an empty line to end; found {line!r}"
    assert session.draft.text == before
    assert list(session.feed("")) == [Note("picking has ended")] and session.prompt == "> "
    assert text(session, "2").startswith("2")


def test_picked_tokens_are_taken_back_one_by_one_while_picking(session):
    before = text(session, "the ", "/pick", "1", "1")
    picked = session.draft.text
    events = list(session.feed("/undo"))
    assert session.draft.text == picked[:-1] and session.offered == 5
    assert isinstance(events[-1], Table)
    text(session, "/undo")
    assert session.draft.text == picked[:-2] and before.startswith("the ")


def test_more_choices_than_tokens_offer_them_all(session, writer):
    table = only(Table, session.feed("/pick 100"))
    assert len(table.rows) == len(writer.symbols)
    assert problem(session, "100").startswith(f"expected a number from 1 to {len(writer.symbols)}")


@pytest.mark.parametrize("line", ["/pick 0", "/pick 101", "/pick many", "/why 0", "/why 1.5"])
def test_a_number_out_of_range_is_refused_with_the_range(session, line):
    text(session, "the ")
    name, value = line.split()
    assert problem(session, line) == f"{name}: expected a whole number from 1 to 100, found {value!r}"


def test_why_shows_the_distribution_behind_the_last_token(session, writer):
    whole = text(session, "/temp 0.5", "/top-k 3", "the ")
    drawn_under = session.settings.options()
    text(session, "/temp 2", "/top-k default")  # a later change does not touch what was drawn before
    table = only(Table, session.feed("/why 4"))
    moment = writer.read(writer.begin(), whole[:-1])
    choices = writer.choices(moment, drawn_under, n=99)
    assert len(choices) == len(writer.symbols)
    first = choices[0]
    assert table.rows[0] == (json.dumps(first.text), f"{first.model_probability:.4f}", f"{first.probability:.4f}")
    assert len(table.rows) == 4 and table.columns == ("characters", "model", "drawn from")
    own = -sum(p * math.log(p) for p in writer.probabilities(moment))
    left = -sum(each.probability * math.log(each.probability) for each in choices[:3])
    assert f"came {json.dumps(whole[-1])}" in table.title
    assert f"entropy of the model {own:.3f} nats, of what was drawn from {left:.3f} nats" in table.title


def test_why_explains_a_picked_token_too_and_what_undo_leaves(session):
    text(session, "/max 3", "the ")
    explained = list(session.feed("/why"))
    text(session, "/pick", "2", "")
    assert list(session.feed("/why")) != explained
    text(session, "/undo")
    assert list(session.feed("/why")) == explained


def test_what_a_search_has_found_was_not_drawn_and_is_not_searched_again(tmp_path):
    writer = make_writer()
    session = Session(tmp_path, open_model=lambda folder: MadeModel(writer))
    text(session, "/set beam 3", "/max 5")
    found = text(session, "so")
    table = only(Table, session.feed("/why 2"))
    likeliest = writer.choices(writer.read(writer.begin(), found[:-1]), WritingOptions(), n=99)
    expected = sorted(likeliest, key=lambda each: -each.model_probability)[:2]
    assert table.columns == ("characters", "model")
    assert table.rows == tuple((json.dumps(each.text), f"{each.model_probability:.4f}") for each in expected)
    assert f"after {json.dumps(found[:-1])} came {json.dumps(found[-1])};" in table.title
    assert "nothing is drawn with a beam" in table.title
    assert problem(session, "/retry") == "/retry: a search with a beam finds one text, whatever the seed"
    assert session.draft.text == found and session.settings.seed == 2
    table = only(Table, session.feed("/pick 3"))
    assert table.columns == ("", "characters", "model")
    text(session, "1", "")
    text(session, "/undo", "/set beam 4", "/retry", "/set beam 1", "/retry", "/retry")  # other options, another text


def test_why_before_any_writing_is_refused(session):
    assert problem(session, "/why") == "nothing was written here yet"
    text(session, "the ", "/new")
    assert problem(session, "/why") == "nothing was written here yet"


def test_entropy_is_that_of_a_worked_example():
    assert entropy([0.25] * 4) == pytest.approx(math.log(4))
    assert entropy([0.5, 0.25, 0.25, 0.0]) == pytest.approx(1.5 * math.log(2))
    assert entropy([1.0]) == 0
