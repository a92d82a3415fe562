from __future__ import annotations

import pytest

from nlp_lstm.corpora.column_roles import Roles
from nlp_lstm.errors import UsageError


def test_without_names_the_first_column_is_the_word_and_the_last_the_tag():
    assert Roles.of((), tagged=True) == Roles(word=0, tag=-1, auxiliary=None, names=("word", "tag"))
    assert Roles.of((), tagged=False) == Roles(word=0, tag=None, auxiliary=None, names=("word",))


def test_names_tell_the_columns_in_order():
    names = ("_", "word", "auxiliary", "tag", "_")
    assert Roles.of(names, tagged=True) == Roles(word=1, tag=3, auxiliary=2, names=names)


def test_without_tags_nothing_behind_the_word_is_needed():
    assert Roles.of(("_", "word", "auxiliary", "tag"), tagged=False) == Roles(1, None, None, ("_", "word"))
    assert Roles.of(("tag", "word"), tagged=False) == Roles(1, None, None, ("tag", "word"))


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (("word", "tga"), "no kind of column 'tga'; did you mean 'tag'?"),
        (("word", ""), "no kind of column ''; known: _, auxiliary, tag, word"),
        (("word", "tag", "word"), "the columns name 'word' twice; expected it once"),
        (("word", "auxiliary", "tag", "auxiliary"), "the columns name 'auxiliary' twice; expected it once"),
        (("_", "tag"), "the columns _, tag have no 'word'; expected it once"),
        (("word", "auxiliary"), "the columns word, auxiliary have no 'tag'; expected it once"),
    ],
)
def test_names_that_make_no_sense_are_refused(columns, message):
    with pytest.raises(UsageError) as caught:
        Roles.of(columns, tagged=True)
    assert str(caught.value) == message


def test_a_tag_is_not_missed_where_none_are_read():
    assert Roles.of(("word", "_"), tagged=False).tag is None
