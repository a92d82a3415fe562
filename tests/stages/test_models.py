"""What a model says of a document is what it says of its pieces, at their places in the text."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from nlp_lstm import Pipeline, load, stages
from nlp_lstm.errors import ModelError, StageError, UsageError
from nlp_lstm.records.document import Document, Token

TEXT = "  A fine film. Ada saw Old  York!\n\nNo <b>York</b>\nAda"
PIECES = [(2, 14), (15, 33), (35, 53)]


@pytest.fixture(scope="module")
def folders(tiny_run, tiny_tag_run, tiny_translate_run):
    return {"classify": tiny_run.folder, "tag": tiny_tag_run.folder, "translate": tiny_translate_run.folder}


@pytest.fixture(scope="module")
def classify(folders):
    return stages.Classify(folders["classify"])


@pytest.fixture(scope="module")
def tag(folders):
    return stages.Tag(folders["tag"])


@pytest.fixture(scope="module")
def translate(folders):
    return stages.Translate(folders["translate"], attention=True)


def joined(text: str) -> str:
    """Return a text without its white space."""
    return "".join(text.split())


def test_a_label_is_that_of_the_whole_text(classify, folders):
    doc = Pipeline([stages.Sentences(), classify])(TEXT)
    expected = load(folders["classify"])(TEXT)
    assert doc.label == expected.label
    assert dict(doc.scores) == pytest.approx(dict(expected.scores), abs=1e-6) and doc.score == max(doc.scores.values())


def test_without_sentences_or_words_a_text_is_tagged_as_the_model_does(tag, folders):
    doc, expected = Pipeline([tag])(TEXT), load(folders["tag"])(TEXT)
    assert [(token.text, token.start, token.tag) for token in doc.tokens] == [
        *zip(expected.words, expected.starts, expected.tags, strict=True)
    ]
    assert [token.score for token in doc.tokens] == pytest.approx(expected.scores, abs=1e-6)
    assert [(e.entity_group, e.word, e.start, e.end) for e in doc.entities] == [
        (e.entity_group, e.word, e.start, e.end) for e in expected.entities
    ]
    assert doc.entities and doc.sentences is None


def test_with_sentences_each_is_tagged_by_itself_and_offsets_point_into_the_text(tag, folders):
    doc, alone = Pipeline([stages.Sentences(), tag])(TEXT), load(folders["tag"])
    assert [(each.start, each.end) for each in doc.sentences] == PIECES
    expected = [
        (token.start + each.start, tagging, score)
        for each in doc.sentences
        for found in [alone(each.text)]
        for token, tagging, score in zip(
            [Token(w, s) for w, s in zip(found.words, found.starts, strict=True)], found.tags, found.scores, strict=True
        )
    ]
    assert [(token.start, token.tag) for token in doc.tokens] == [each[:2] for each in expected]
    assert [token.score for token in doc.tokens] == pytest.approx([each[2] for each in expected], abs=1e-6)
    assert [TEXT[e.start : e.end] for e in doc.entities] == [e.word for e in doc.entities]
    assert "Old  York" in {e.word for e in doc.entities}


@pytest.mark.parametrize("before", [[stages.Sentences()], []], ids=["sentences", "whole"])
@pytest.mark.parametrize("kind", ["blanks", "regex"])
def test_words_that_are_there_are_what_is_tagged(tag, folders, before, kind):
    doc, alone = Pipeline([*before, stages.Tokenize(kind=kind), tag])(TEXT), load(folders["tag"])
    plain = Pipeline([*before, stages.Tokenize(kind=kind)])(TEXT)
    assert [(t.text, t.start) for t in doc.tokens] == [(t.text, t.start) for t in plain.tokens]
    for piece in doc.pieces:
        inside = [token for token in doc.tokens if piece.start <= token.start < piece.end]
        found = alone([[token.text for token in inside]])[0]
        assert [token.tag for token in inside] == list(found.tags)
        inner = [entity for entity in doc.entities if piece.start <= entity.start < piece.end]
        assert [(joined(TEXT[e.start : e.end]), e.entity_group) for e in inner] == [
            (joined(e.word), e.entity_group) for e in found.entities
        ]
    assert any(token.tag.startswith("I-") for token in doc.tokens)


def test_the_models_read_what_was_normalized(tag, folders):
    doc = Pipeline([stages.Normalize(), tag])("<i>Ada</i> saw")
    found = load(folders["tag"])("   Ada     saw")
    assert [(t.text, t.start, t.tag) for t in doc.tokens] == [("Ada", 3, found.tags[0]), ("saw", 11, found.tags[1])]
    words = Pipeline([stages.Normalize(lowercase=True), stages.Tokenize(), tag])("Ada saw")
    assert [t.text for t in words.tokens] == ["Ada", "saw"]
    assert [t.tag for t in words.tokens] == list(load(folders["tag"])([["ada", "saw"]])[0].tags)


def test_words_outside_of_every_sentence_stay_without_a_tag(tag):
    doc = Document("Ada met York", tokens=tuple(Token(w, s) for w, s in (("Ada", 0), ("met", 4), ("York", 8))))
    doc = replace(doc, sentences=Pipeline([stages.Sentences()])("Ada").sentences)
    (found,) = tag([doc])
    assert [token.tag is None for token in found.tokens] == [False, True, True]
    assert [token.text for token in found.tokens] == ["Ada", "met", "York"]


def test_each_sentence_is_translated_by_itself_and_the_gaps_between_them_stay(translate, folders):
    doc, alone = Pipeline([stages.Sentences(), translate])("Fine film. Dull plot?\n\nEnd"), load(folders["translate"])
    expected = [alone(each.text, attention=True) for each in doc.sentences]
    assert [each.text for each in doc.translations] == [each.text for each in expected]
    assert doc.translation.text == f"{expected[0].text} {expected[1].text}\n\n{expected[2].text}"
    assert doc.translation.score == pytest.approx(sum(each.score for each in expected) / 3, abs=1e-5)
    assert all(each.attention for each in doc.translations)
    whole = Pipeline([translate])("Fine film. Dull plot?\n\nEnd")
    assert whole.translation is whole.translations[0] and whole.translation.text == alone(whole.text).text


def test_two_stages_of_a_kind_need_a_name(tag, classify, folders):
    with pytest.raises(
        UsageError, match="classify provides label, which another classify has provided already; into=NAME keeps both"
    ):
        Pipeline([classify, classify])
    second = stages.Classify(folders["classify"], into="tone")
    third = stages.Tag(folders["tag"], into="names")
    fourth = stages.Translate(folders["translate"], into="german")
    doc = Pipeline([classify, second, stages.Sentences(), tag, third, fourth])(TEXT)
    assert doc.extra["tone"] == doc.prediction
    assert doc.extra["names"].entities == doc.entities and doc.extra["names"].text == TEXT
    assert doc.extra["names"].starts == tuple(token.start for token in doc.tokens)
    assert doc.extra["german"].text and doc.translations is None
    assert {"tone", "names", "german"} < doc.to_dict().keys()


@pytest.mark.parametrize("into", ["label", "text", "id", "extra", "two words", "", 5])
def test_a_name_that_a_document_has_already_is_refused(folders, into):
    with pytest.raises(UsageError, match="into: expected a name that documents do not have yet"):
        stages.Classify(folders["classify"], into=into)


@pytest.mark.parametrize(("stage", "folder"), [("Tag", "classify"), ("Classify", "tag"), ("Translate", "tag")])
def test_a_model_of_another_task_is_refused(folders, stage, folder):
    needs = stage.lower()
    with pytest.raises(ModelError, match=f"holds a model of the task '{folder}'; {needs} needs one of '{needs}'"):
        getattr(stages, stage)(folders[folder])


def test_a_missing_model_and_a_beam_of_none_are_refused(folders, tmp_path):
    with pytest.raises(ModelError, match="no model at"):
        stages.Tag(tmp_path / "none")
    for wrong, message in {0: "at least 1, found 0", 1001: "at most 1000, found 1001", "x": "a whole number"}.items():
        with pytest.raises(UsageError, match=f"^a text cannot be translated so: beam: expected {message}"):
            stages.Translate(folders["translate"], beam=wrong)
    with pytest.raises(UsageError, match="device 'abacus' cannot be used here"):
        stages.Tag(folders["tag"], device="abacus")


def test_a_tagger_of_kinds_of_words_gives_tags_and_no_entities(tmp_path):
    from nlp_lstm import train

    (tmp_path / "kinds.conll").write_text("Ada NOUN\nwept VERB\n\nBirds NOUN\nsing VERB\n\n" * 4)
    settings = {"tokenizer.kind": "regex", "encoder.embed_size": 8, "encoder.hidden_size": 8}
    run = train("tag", train=tmp_path / "kinds.conll", out=tmp_path / "run", steps=2, settings=settings)
    stage = stages.Tag(run.folder)
    assert stage.provides == ("tokens", "tags")
    doc = Pipeline([stage])("Ada wept")
    assert doc.entities is None and {token.tag for token in doc.tokens} <= {"NOUN", "VERB"}
    with pytest.raises(UsageError, match="requires entities"):
        Pipeline([stage, stages.Map(lambda doc: doc, requires=["entities"])])


def test_running_needs_no_gradients_and_leaves_the_random_state_alone(classify):
    state = torch.get_rng_state()
    Pipeline([classify])("fine")
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: stages.Tag(None), "model: expected a string or a path, found None"),
        (lambda: stages.Sentences(5), "tokenizer language: expected a string, found 5"),
        (lambda: stages.Tokenize(["en"]), r"tokenizer language: expected a string, found \['en'\]"),
        (lambda: stages.Tokenize(kind=5), "tokenizer kind: expected a string, found 5"),
        (lambda: stages.Generate("none", options=[1]), r"options: expected a table, found \[1\]"),
        (lambda: stages.Generate("none", options={3: 1}), "a text cannot be written so: 3: unknown setting"),
        (lambda: stages.Generate("none", seed=-1), "seed: expected a whole number, 0 or more, found -1"),
        (lambda: stages.Generate("none", seed="1"), "seed: expected a whole number, 0 or more, found '1'"),
        (lambda: stages.Map(len, requires="entities"), "Map: requires: expected a list of names, found 'entities'"),
        (lambda: stages.Map(len, provides=5), "Map: provides: expected a list of names, found 5"),
    ],
)
def test_an_argument_of_a_wrong_kind_is_told_when_the_stage_is_made(make, message):
    with pytest.raises(UsageError, match=f"^{message}"):
        make()


def test_a_function_cannot_take_what_is_a_documents_own():
    nlp = Pipeline([stages.Map(lambda doc: replace(doc, extra={"mood": 1, "label": "x"}), name="sly")])
    with pytest.raises(StageError, match=r"^text 1: sly: ValueError: extra: a document has a 'label' of its own"):
        nlp("text")
