"""The stages without a model: offsets stay those of the text that was given."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_lstm import Pipeline, stages
from nlp_lstm.errors import UsageError
from nlp_lstm.records.document import Document, Token

MIXED = st.text(st.one_of(st.characters(), st.sampled_from("aB.? \n<b>/İ")))


def test_normalizing_moves_nothing_and_leaves_the_text_as_it_was():
    (found,) = stages.Normalize(lowercase=True)([Document("<b>So</b> İ \ud83d")])
    assert found == Document("<b>So</b> İ \ud83d", normal="   so     i \ufffd")
    assert found.readable == found.normal
    assert stages.Normalize(strip_markup=False)([Document("<b>")])[0].normal == "<b>"


def test_words_and_sentences_are_cut_from_what_was_normalized_and_stand_in_what_was_given():
    nlp = Pipeline([stages.Normalize(), stages.Sentences(), stages.Tokenize()])
    doc = nlp("He <i>left</i>. <b>She stayed.</b>")
    assert [each.text for each in doc.sentences] == ["He <i>left</i>.", "She stayed."]
    assert [each.text for each in doc.tokens] == ["He", "left", ".", "She", "stayed", "."]


@settings(deadline=None)
@given(MIXED)
@pytest.mark.parametrize("kind", ["spacy", "regex", "blanks"])
def test_every_word_is_where_it_says_and_crosses_no_end_of_a_sentence(kind, text):
    nlp = Pipeline([stages.Normalize(), stages.Sentences(language="xx"), stages.Tokenize("en", kind=kind)])
    doc = nlp(text)
    assert doc.text == text
    for each in (*doc.sentences, *doc.tokens):
        assert text[each.start : each.end] == each.text
    for token in doc.tokens:
        assert sum(each.start <= token.start and token.end <= each.end for each in doc.sentences) == 1


def test_an_unknown_language_is_refused_when_the_stage_is_made():
    for stage in (stages.Sentences, stages.Tokenize):
        with pytest.raises(UsageError, match="'xy' is not one of spaCy's"):
            stage("xy")


def test_a_function_of_ones_own_runs_on_each_document_and_is_called_by_its_name():
    def shout(doc):
        return replace(doc, extra={**doc.extra, "loud": doc.text.upper()})

    nlp = Pipeline([stages.Map(shout), stages.Map(lambda doc: replace(doc, tokens=(Token("x", 0),)), name="cut")])
    assert [stage.name for stage in nlp.stages] == ["shout", "cut"]
    assert nlp("so") == Document("so", tokens=(Token("x", 0),), extra={"loud": "SO"})


def test_a_function_may_require_and_provide():
    def count(doc):
        return replace(doc, extra={"n": len(doc.tokens)})

    with pytest.raises(UsageError, match="count requires tokens, which no stage provides"):
        Pipeline([stages.Map(count, requires=["tokens"])])
    nlp = Pipeline([stages.Tokenize(), stages.Map(count, requires=["tokens"], provides=["n"])])
    assert nlp("so it goes").extra == {"n": 3}


def test_what_is_no_function_is_refused():
    with pytest.raises(UsageError, match="Map takes a function, found str"):
        stages.Map("shout")
