"""spaCy components, on blank pipelines; what they find is compared with the model's own answers."""

from __future__ import annotations

import json
import os
import pickle
import re
import shutil
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
import spacy
from spacy.tokens import Doc, Span

from nlp_lstm import ModelError, UsageError, load
from nlp_lstm.adapters import spacy_components

ROOT = Path(__file__).resolve().parents[2]
TEXT = "Ada met a fine Old York plot York"


@pytest.fixture
def ner(tagger_folder):
    return with_pipes({"nlp_lstm_ner": tagger_folder})


@pytest.fixture
def both(tagger_folder, classifier_folder):
    return with_pipes({"nlp_lstm_ner": tagger_folder, "nlp_lstm_classify": classifier_folder})


def with_pipes(folders, **config):
    nlp = spacy.blank("en")
    for name, folder in folders.items():
        nlp.add_pipe(name, config={"model": str(folder), **config})
    return nlp


def found(doc):
    return [(ent.text, ent.label_, ent._.score) for ent in doc.ents]


def near(entities):
    return [(text, label, pytest.approx(score, abs=1e-5)) for text, label, score in entities]


def test_entities_are_set_with_the_probabilities_of_the_model(ner, tagger_folder):
    (answer,) = load(tagger_folder)([TEXT.split(" ")])
    assert len(answer.entities) == 3
    assert found(ner(TEXT)) == [(each.word, each.entity_group, each.score) for each in answer.entities]
    assert all(type(ent._.score) is float for ent in ner(TEXT).ents)


def test_the_words_are_those_of_spacy(ner):
    # The model's own tokenizer would cut this into four words.
    doc = Doc(ner.vocab, words=["Ada", "met", "Old-York", "York"], spaces=[True, False, True, True])
    ner.get_pipe("nlp_lstm_ner")(doc)
    assert [(ent.start, ent.end, ent.label_) for ent in doc.ents if ent.start != 2] == [(0, 1, "PER"), (3, 4, "LOC")]
    assert [token.text for token in doc] == ["Ada", "met", "Old-York", "York"]


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("", []),
        ("  ", []),
        ("\n\n Ada", [(1, 2)]),
        ("Ada \n", [(0, 1)]),
        ("met \n Ada \n met", [(2, 3)]),
        ("met Old  York", [(1, 4)]),  # the blank in the middle of an entity does not part it
    ],
)
def test_blank_tokens_are_never_first_or_last_in_an_entity(ner, text, spans):
    doc = ner(text)
    assert [(ent.start, ent.end) for ent in doc.ents] == spans
    assert not any(ent[0].is_space or ent[-1].is_space for ent in doc.ents)
    words = [token.text for token in doc if not token.is_space]
    assert [ent._.score for ent in doc.ents] == [ent._.score for ent in ner(" ".join(words)).ents]


def test_where_sentences_are_set_each_is_tagged_by_itself(ner, tagger_folder):
    parts = [["Ada", "plot"], ["York"], ["scene", "Old", "York"]]
    words = [word for part in parts for word in part]
    expected, whole = (
        [
            (each.word, each.entity_group, each.score)
            for answer in load(tagger_folder)(pieces)
            for each in answer.entities
        ]
        for pieces in (parts, [words])
    )
    assert len(expected) == len(whole) == 3 and expected != near(whole)
    doc = Doc(ner.vocab, words=words, sent_starts=[place in (0, 2, 3) for place in range(len(words))])
    assert found(ner(doc)) == near(expected)
    assert found(ner(Doc(ner.vocab, words=words))) == near(whole)


@pytest.mark.parametrize("overwrite", [False, True])
def test_entities_that_are_there_stay_unless_told_otherwise(tagger_folder, overwrite):
    nlp = with_pipes({"nlp_lstm_ner": tagger_folder}, overwrite_ents=overwrite)
    ruler = nlp.add_pipe("entity_ruler", first=True)
    ruler.add_patterns([{"label": "CITY", "pattern": "York"}, {"label": "THING", "pattern": "plot"}])
    seen = [(ent.text, ent.label_) for ent in nlp("Ada met a plot in Old York").ents]
    ours, theirs = [("Old York", "LOC")], [("York", "CITY")]
    assert seen == [("Ada", "PER"), ("plot", "THING"), *(ours if overwrite else theirs)]


def test_an_entity_of_another_component_has_no_score(ner):
    ner.add_pipe("entity_ruler", first=True).add_patterns([{"label": "THING", "pattern": "plot"}])
    scores = {ent.text: ent._.score for ent in ner("Ada plot").ents}
    assert scores["plot"] is None and scores["Ada"] > 0.5


def test_categories_are_the_probabilities_of_the_model(both, classifier_folder):
    predictor = load(classifier_folder)
    for text in (TEXT, "", "\n"):
        assert both(text).cats == predictor(text).scores


def test_categories_of_other_components_stay(classifier_folder):
    nlp = with_pipes({"nlp_lstm_classify": classifier_folder})
    doc = nlp.make_doc("fine")
    doc.cats = {"other": 0.5}
    assert set(nlp.get_pipe("nlp_lstm_classify")(doc).cats) == {"other", "good", "bad"}


def test_a_stream_of_documents_gives_what_each_gives_alone_in_order(both):
    texts = [TEXT, "", "dull", "Ada", " \n", "York " * 50] * 3
    docs = list(both.pipe(iter(texts), batch_size=4))
    assert [doc.text for doc in docs] == texts
    for doc, text in zip(docs, texts, strict=True):
        alone = both(text)
        assert found(doc) == near(found(alone))
        assert doc.cats == pytest.approx(alone.cats, abs=1e-5)


def test_documents_go_through_the_network_in_batches(ner, monkeypatch):
    sizes = []
    predictor = ner.get_pipe("nlp_lstm_ner").predictor
    answer = predictor.task.answer
    monkeypatch.setattr(
        predictor, "predict", lambda inputs: sizes.append(len(inputs)) or answer(predictor.model, inputs)
    )
    list(ner.pipe(["Ada"] * 10, batch_size=4))
    assert sizes == [4, 4, 2]


def test_the_labels_are_told(both):
    assert both.pipe_labels == {"nlp_lstm_ner": ["LOC", "PER"], "nlp_lstm_classify": ["bad", "good"]}


@pytest.fixture
def moved(tagger_folder, classifier_folder, tmp_path):
    """Models that are gone once a pipeline was made of them: a function removes them."""
    folders = {"nlp_lstm_ner": tmp_path / "ner", "nlp_lstm_classify": tmp_path / "classify"}
    for folder, source in zip(folders.values(), (tagger_folder, classifier_folder), strict=True):
        shutil.copytree(source, folder)
    nlp = with_pipes(folders)
    before = nlp(TEXT)

    def check(loaded):
        after = loaded(TEXT)
        assert found(after) == found(before) and len(found(after)) == 3
        assert after.cats == before.cats

    return nlp, check, lambda: [shutil.rmtree(folder) for folder in folders.values()]


def test_a_saved_pipeline_takes_its_models_along(moved, tmp_path):
    nlp, check, remove = moved
    nlp.to_disk(tmp_path / "saved")
    remove()
    loaded = spacy.load(tmp_path / "saved")
    check(loaded)
    loaded.to_disk(tmp_path / "saved again")
    shutil.rmtree(tmp_path / "saved")
    check(loaded)
    check(spacy.load(tmp_path / "saved again"))
    assert load(tmp_path / "saved again" / "nlp_lstm_ner")("Ada").entities


def test_a_saved_pipeline_does_not_mind_what_stands_where_its_model_was(moved, tmp_path):
    nlp, check, remove = moved
    nlp.to_disk(tmp_path / "saved")
    remove()
    shutil.copytree(tmp_path / "saved" / "nlp_lstm_classify", tmp_path / "ner")
    check(spacy.load(tmp_path / "saved"))


def test_a_pipeline_survives_as_bytes(moved):
    nlp, check, remove = moved
    content, config = nlp.to_bytes(), nlp.config
    remove()
    check(spacy.blank("en").from_config(config).from_bytes(content))


def test_a_component_survives_pickling(moved):
    nlp, _, remove = moved
    component = nlp.get_pipe("nlp_lstm_ner")
    content = pickle.dumps(component)
    remove()
    doc = pickle.loads(content)(nlp.make_doc(TEXT))
    assert found(doc) == found(nlp(TEXT))


def test_scores_stay_with_a_document_that_is_stored(ner):
    doc = ner(TEXT)
    assert found(Doc(ner.vocab).from_bytes(doc.to_bytes())) == found(doc)


def test_a_missing_model_is_named_when_it_is_needed(tmp_path):
    nlp = with_pipes({"nlp_lstm_ner": tmp_path / "nowhere"})
    for use in (lambda: nlp("Ada"), lambda: list(nlp.pipe(["Ada"])), lambda: nlp.to_bytes()):
        with pytest.raises(ModelError, match=r"nlp_lstm_ner: no model at .*nowhere"):
            use()


def test_a_model_that_does_not_fit_is_refused(tagger_folder, classifier_folder, word_tagger_folder):
    for name, folder, problem in [
        ("nlp_lstm_ner", classifier_folder, "of the task 'tag', this one is of 'classify'"),
        ("nlp_lstm_classify", tagger_folder, "of the task 'classify', this one is of 'tag'"),
        ("nlp_lstm_ner", word_tagger_folder, "the tags of this one are of single words"),
    ]:
        with pytest.raises(ModelError, match=f"{name}: .*{re.escape(problem)}"):
            with_pipes({name: folder})("Ada")


def test_a_damaged_copy_is_refused(moved, tmp_path):
    nlp, _, _ = moved
    nlp.to_disk(tmp_path / "saved")
    (tmp_path / "saved" / "nlp_lstm_ner" / "labels.json").write_text("{}")
    with pytest.raises(ModelError, match=r"labels\.json is damaged"):
        spacy.load(tmp_path / "saved")


def test_nothing_is_written_over_what_is_no_model(ner, tmp_path):
    (tmp_path / "saved" / "nlp_lstm_ner").mkdir(parents=True)
    (tmp_path / "saved" / "nlp_lstm_ner" / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"holds thesis\.txt"):
        ner.to_disk(tmp_path / "saved")


def entry_points():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["spacy_factories"]


def test_the_package_names_the_components_there_are():
    assert set(entry_points()) == {"nlp_lstm_ner", "nlp_lstm_classify"}
    for name, place in entry_points().items():
        module, function = place.split(":")
        assert callable(getattr(import_module(module), function))
        assert spacy.blank("en").get_factory_meta(name).factory == name


SCRIPT = """
import json, sys
import spacy, torch
nlp = spacy.blank("en")
nlp.add_pipe("nlp_lstm_ner", config={"model": sys.argv[1]})
nlp.add_pipe("nlp_lstm_classify", config={"model": sys.argv[2]})
torch.randn(3_000_000).exp().sum()  # starts the threads that a fork loses
texts = json.loads(sys.argv[3])
for n_process in (1, 2):
    docs = nlp.pipe(texts, n_process=n_process, batch_size=2)
    print(json.dumps([[[e.text, e.label_, e._.score] for e in doc.ents] + [doc.cats] for doc in docs]))
"""


def test_spacy_finds_the_components_by_itself_and_runs_them_in_two_processes(
    tmp_path, tagger_folder, classifier_folder
):
    metadata = tmp_path / "nlp_lstm_entry-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: nlp-lstm-entry\nVersion: 1\n")
    lines = [f"{name} = {place}\n" for name, place in entry_points().items()]
    (metadata / "entry_points.txt").write_text("[spacy_factories]\n" + "".join(lines))
    texts = [TEXT * 20, "", "dull Ada", " ", TEXT]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tagger_folder), str(classifier_folder), json.dumps(texts)],
        env={**os.environ, "OMP_NUM_THREADS": "2", "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])},
        capture_output=True,
        text=True,
        timeout=300,  # a lost thread hangs for ever
        check=False,
    )
    assert done.returncode == 0, done.stderr
    one, two = map(json.loads, done.stdout.strip().split("\n"))
    assert len(one) == len(texts) and len(one[0]) > 1
    for alone, shared in zip(one, two, strict=True):
        assert shared[:-1] == [[*each[:2], pytest.approx(each[2], abs=1e-5)] for each in alone[:-1]]
        assert shared[-1] == pytest.approx(alone[-1], abs=1e-5)


def test_the_score_of_a_span_is_registered_once():
    assert Span.has_extension(spacy_components.SCORE)
