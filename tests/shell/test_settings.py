from __future__ import annotations

import pytest

from nlp_lstm.config import WritingOptions
from nlp_lstm.errors import UsageError
from nlp_lstm.shell.events import Note, Table
from nlp_lstm.shell.session import Session
from nlp_lstm.shell.settings import LAST_SEED, SETTINGS, SHORT, SessionSettings, changed, expected, shown
from tests.shell.feeding import only, problem, text
from tests.shell.made_writer import MadeModel
from tests.tasks.made_writers import make_writer


def test_every_option_of_writing_and_the_seed_can_be_set():
    assert set(SETTINGS) == {"seed", *WritingOptions.model_fields} and set(SHORT.values()) <= set(SETTINGS)


@pytest.mark.parametrize("name", SETTINGS)
def test_what_is_shown_of_a_setting_can_be_typed(name):
    settings = SessionSettings(
        stop=("\n\n", 'say "no"', "a\\b", "é\x1b"), temperature=0.1, seed=2**62, logit_bias={"é\n'": -2.5, '"': 1}
    )
    kept = changed(settings, name, shown(getattr(settings, name)))
    assert kept == settings
    assert changed(settings, name, "default") == settings.model_copy(update={name: getattr(SessionSettings(), name)})


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("/set temperature 0.5", "temperature", 0.5),
        ("/temp .5", "temperature", 0.5),
        ("/set temp 1e-1", "temperature", 0.1),
        ("/top-k 5", "top_k", 5),
        ("/set top-k 5", "top_k", 5),
        ("/set top_p 0.9", "top_p", 0.9),
        ("/top-p 0.9", "top_p", 0.9),
        ("/min-p 0.1", "min_p", 0.1),
        ("/rep 1.2", "repetition_penalty", 1.2),
        ("/set frequency-penalty -0.5", "frequency_penalty", -0.5),
        ("/seed 9", "seed", 9),
        ("/max 0", "max_new_tokens", 0),
        ("/stop END", "stop", ("END",)),
        (r'/stop "\n\n" two "one more" \t', "stop", ("\n\n", "two", "one more", "\t")),
        ("/stop none", "stop", ()),
        ('/stop "none"', "stop", ("none",)),
    ],
)
def test_a_setting_is_changed_by_each_of_its_names(session, line, name, value):
    text(session, "/stop before")
    [note] = session.feed(line)
    assert getattr(session.settings, name) == value
    assert note == Note(f"{name} {shown(value)}")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("/temp -1", "temperature: expected a number from 0 up, found '-1'; it stays 0.8"),
        ("/temp hot", "temperature: expected a number from 0 up, found 'hot'; it stays 0.8"),
        ("/temp nan", "temperature: expected a number from 0 up, found 'nan'; it stays 0.8"),
        ("/top-p 0", "top_p: expected a number above 0 and at most 1, found '0'; it stays 1"),
        ("/top-p 1.5", "top_p: expected a number above 0 and at most 1, found '1.5'; it stays 1"),
        ("/min-p 2", "min_p: expected a number from 0 to 1, found '2'; it stays 0"),
        ("/top-k 2.5", "top_k: expected a whole number from 0 up, found '2.5'; it stays 0"),
        ("/rep 0", "repetition_penalty: expected a number from 1e-06 to 1000000, found '0'; it stays 1"),
        (
            "/set presence_penalty x",
            "presence_penalty: expected a number from -1000000 to 1000000, found 'x'; it stays 0",
        ),
        ("/max -3", "max_new_tokens: expected a whole number from 0 up, found '-3'; it stays 12"),
        ("/seed -1", f"seed: expected a whole number from 0 to {LAST_SEED}, found '-1'; it stays 1"),
        ('/stop "open', r"""stop: expected strings, such as "\n\n" END, found '"open'; it stays none"""),
        ('/stop ""', r"""stop: expected strings, such as "\n\n" END, found '""'; it stays none"""),
        (r"/stop \q", r"""stop: expected strings, such as "\n\n" END, found '\\q'; it stays none"""),
        ("/set temprature 1", "no setting 'temprature'; did you mean 'temperature'?"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_what_would_and_the_setting_stays(session, line, message):
    before = session.settings
    assert problem(session, line) == message
    assert session.settings == before


@pytest.mark.parametrize(
    ("before", "line", "message"),
    [
        ("/max 5", '/set logit_bias {"漢": 3}', "no bias for '漢': the model has no token for it"),
        ("/rep 1.2", "/set beam 3", "beam: a search for the likeliest text takes no penalties and no biases"),
        ("/set beam 3", "/rep 1.2", "beam: a search for the likeliest text takes no penalties and no biases"),
    ],
)
def test_what_the_model_cannot_write_under_is_refused_when_it_is_set(tmp_path, before, line, message):
    session = Session(tmp_path, open_model=lambda folder: MadeModel(make_writer()))
    text(session, before)
    stood = session.settings
    assert problem(session, line) == message
    assert session.settings == stood and text(session, "so")


def test_show_lists_every_setting_with_its_value_and_range(session):
    text(session, "/temp 0.5")
    table = only(Table, session.feed("/show"))
    assert [row[0] for row in table.rows] == list(SETTINGS)
    assert ("temperature", "0.5", "a number from 0 up") in table.rows
    assert list(session.feed("/set")) == list(session.feed("/show"))
    assert only(Table, session.feed("/temp")).rows == (("temperature", "0.5", "a number from 0 up"),)


def test_show_counts_the_text(session):
    text(session, "/max 3", "the ")
    assert only(Note, session.feed("/show")).text.endswith("made: a generate model of characters; 7 characters of text")


def test_the_options_are_the_settings_without_the_seed():
    settings = SessionSettings(temperature=0.3, stop=("a",), seed=5)
    assert settings.options() == WritingOptions(temperature=0.3, stop=("a",))
    assert type(settings.options()) is WritingOptions


def test_behind_the_last_seed_comes_the_first():
    assert SessionSettings(seed=4).moved_on().seed == 5
    assert SessionSettings(seed=LAST_SEED).moved_on().seed == 0


def test_an_unknown_setting_has_no_range():
    with pytest.raises(KeyError):
        expected("nothing")
    with pytest.raises(UsageError):
        changed(SessionSettings(), "temperature", "")
