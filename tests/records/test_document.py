"""What a document says of itself: as values, as a line, as cells, and as spaCy's."""

from __future__ import annotations

import json
import pickle
from dataclasses import FrozenInstanceError

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_lstm.records.document import Document, Sentence, Token
from nlp_lstm.records.predictions import Entity, Prediction, Translation

TEXT = "Ada  left.\n\nShe saw <b>Old York</b>\t!"
WORDS = ["Ada", "left", ".", "She", "saw", "Old", "York", "!"]
TAGS = ["B-PER", "O", "O", "O", "O", "B-LOC", "I-LOC", "O"]


def at(word: str) -> int:
    return TEXT.index(word)


FULL = Document(
    TEXT,
    sentences=(Sentence("Ada  left.", 0), Sentence(TEXT[12:], 12)),
    tokens=tuple(Token(word, at(word), tag, 0.5) for word, tag in zip(WORDS, TAGS, strict=True)),
    entities=(Entity("PER", 0.9, "Ada", 0, 3), Entity("LOC", 0.75, "Old York", at("Old"), at("</b>"))),
    prediction=Prediction("calm", 0.75, {"calm": 0.75, "loud": 0.25}),
    translations=(Translation("Ada ging.", -1.0), Translation("Sie sah\tAlt-York!", -2.0)),
    extra={"topic": Prediction("travel", 1.0, {"travel": 1.0}), "n": 3},
)


def test_plain_values_hold_everything_and_are_ready_for_json():
    found = json.loads(json.dumps(FULL.to_dict(), allow_nan=False))
    assert found["text"] == TEXT
    assert found["sentences"][1] == {"text": TEXT[12:], "start": 12, "end": len(TEXT)}
    assert found["tokens"][0] == {"text": "Ada", "start": 0, "end": 3, "tag": "B-PER", "score": 0.5}
    assert found["entities"][1] == {
        **{"entity_group": "LOC", "score": 0.75, "word": "Old York"},
        **{"start": at("Old"), "end": at("</b>")},
    }
    assert (found["label"], found["score"], found["scores"]) == ("calm", 0.75, {"calm": 0.75, "loud": 0.25})
    assert found["translation"] == "Ada ging.\n\nSie sah\tAlt-York!"
    assert [each["score"] for each in found["translations"]] == [-1.0, -2.0]
    assert (found["topic"]["label"], found["n"]) == ("travel", 3)


def test_what_was_not_looked_for_is_not_there_and_what_was_not_found_is_empty():
    assert Document("so").to_dict() == {"text": "so"}
    empty = Document("", sentences=(), tokens=(), entities=(), translations=())
    assert empty.to_dict() == {
        **{"text": "", "sentences": [], "tokens": [], "entities": []},
        **{"translation": "", "translations": []},
    }
    assert Document("", tokens=(Token("a", 0),)).to_dict()["tokens"] == [{"text": "a", "start": 0, "end": 1}]


@pytest.mark.parametrize(
    ("document", "line"),
    [
        (Document("so\nit \tgoes"), "so it  goes"),
        (Document("so it", tokens=(Token("so", 0), Token("it", 3))), "so it"),
        (Document("so it", tokens=(Token("so", 0, "ADV", 1.0), Token("it", 3))), "so/ADV it"),
        (Document("So. It", sentences=(Sentence("So.", 0), Sentence("It", 4))), "So. | It"),
        (FULL, "[Ada](PER)  left.  She saw <b>[Old York](LOC)</b> !\tcalm\tAda ging.  Sie sah Alt-York!\ttravel\t3"),
    ],
)
def test_a_line_for_people_has_its_parts_between_tabs(document, line):
    assert document.to_text() == line


def test_documents_of_one_pipeline_have_as_many_cells():
    empty = Document(
        **{"text": "", "sentences": (), "tokens": (), "entities": (), "prediction": FULL.prediction},
        **{"translations": (), "extra": FULL.extra},
    )
    assert len(empty.cells()) == len(FULL.cells()) == 11
    assert FULL.cells()[:6] == ["0-10 12-37", " ".join(WORDS), " ".join(TAGS), "0-3:PER 23-31:LOC", "calm", "0.750000"]


def test_the_translation_of_several_pieces_keeps_what_stands_between_them():
    assert FULL.translation == Translation("Ada ging.\n\nSie sah\tAlt-York!", -1.5)
    one = Translation("ja", -3.0)
    assert Document("yes", translations=(one,)).translation is one
    glued = Document("他来了。她走了。", sentences=(Sentence("他来了。", 0), Sentence("她走了。", 4)))
    pair = (Translation("He came.", -1.0), Translation("She left.", -1.0))
    assert Document(glued.text, sentences=glued.sentences, translations=pair).translation.text == "He came. She left."
    assert Document("so").translation is None


def test_a_document_is_never_changed_and_travels_between_processes():
    with pytest.raises(FrozenInstanceError):
        FULL.text = "other"
    assert pickle.loads(pickle.dumps(FULL)) == FULL


def test_spacy_gets_words_sentences_entities_and_labels_at_their_places():
    doc = FULL.to_spacy()
    assert doc.text == TEXT
    assert [(token.text, token.idx) for token in doc if token.text in WORDS] == [(word, at(word)) for word in WORDS]
    assert [(ent.text, ent.label_, ent.start_char, ent._.score) for ent in doc.ents] == [
        ("Ada", "PER", 0, 0.9),
        ("Old York", "LOC", at("Old"), 0.75),
    ]
    assert [sent.text.strip() for sent in doc.sents] == ["Ada  left.", TEXT[12:]]
    assert doc.cats == {"calm": 0.75, "loud": 0.25}
    assert doc.user_data["translation"] == "Ada ging.\n\nSie sah\tAlt-York!"
    assert not any(token.tag_ for token in doc)


def test_spacy_cuts_what_has_no_words_by_the_rules_of_no_language():
    doc = Document("So it goes.", entities=(Entity("X", 0.5, "goe", 6, 9),)).to_spacy()
    assert [token.text for token in doc] == ["So", "it", "goes", "."]
    assert [ent.text for ent in doc.ents] == ["goes"] and not doc.has_annotation("SENT_START")


def test_tags_that_mark_no_entities_become_spacys_tags():
    doc = Document("so it", tokens=(Token("so", 0, "ADV", 1.0), Token("it", 3))).to_spacy()
    assert [token.tag_ for token in doc] == ["ADV", ""]


def test_spacy_can_be_given_a_vocabulary():
    vocab = spacy.blank("de").vocab
    assert FULL.to_spacy(vocab).vocab is vocab
    assert Document("ja").to_spacy(vocab).vocab is vocab


@pytest.mark.parametrize("text", ["", " ", "\n\n", " a", "\ud83d b", "👩‍👩‍👧‍👦"])
def test_odd_texts_become_spacys(text):
    for document in (Document(text), Document(text, tokens=(), sentences=(), entities=(), translations=())):
        assert document.to_spacy().text == text.replace("\ud83d", "\ufffd")


def test_entities_over_one_another_are_thinned_to_what_spacy_can_hold():
    both = (Entity("A", 0.5, "so it", 0, 5), Entity("B", 0.5, "it", 3, 5))
    doc = Document("so it", tokens=(Token("so", 0), Token("it", 3)), entities=both).to_spacy()
    assert [ent.label_ for ent in doc.ents] == ["A"]


@settings(deadline=None)
@given(st.text(st.sampled_from(" \n\tab<é")), st.data())
def test_any_words_of_a_text_are_tokens_of_spacys_whole_text(text, data):
    ends = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=8)))
    spans = [
        span for span in zip(ends[::2], ends[1::2], strict=False) if text[slice(*span)].strip() == text[slice(*span)]
    ]
    doc = Document(text, tokens=tuple(Token(text[start:end], start) for start, end in spans)).to_spacy()
    assert doc.text == text
    places = {(token.idx, token.idx + len(token)) for token in doc}
    assert set(spans) <= places
