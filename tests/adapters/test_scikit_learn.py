"""The estimators, first without scikit-learn, by its rules written out; then in its own hands where it is installed."""

from __future__ import annotations

import copy
import json
import pickle

import numpy as np
import pytest

from nlp_lstm import DataError, Interrupted, SequenceTagger, TextClassifier, UsageError, load, train
from nlp_lstm.adapters import estimator
from nlp_lstm.records.examples import TaggedSentence
from tests.adapters.conftest import QUICK, QUICK_TAGGER, made_words
from tests.stages.made_data import made_texts

TEXTS, GOODNESS = (list(part) for part in zip(*made_texts(50, seed=3), strict=True))
STARS = [10 if label == "good" else 9 for label in GOODNESS]
WORDS, TAGS = made_words(120, seed=3)
BYTES = ("model.safetensors", "config.json", "vocab.json", "labels.json")


@pytest.fixture(scope="session")
def classifier():
    return TextClassifier(steps=40, settings=QUICK).fit(TEXTS, STARS)


@pytest.fixture(scope="session")
def tagger():
    return SequenceTagger(steps=120, settings=QUICK_TAGGER).fit(WORDS, TAGS)


def clone(of):
    """Return an untrained estimator as `sklearn.base.clone` makes one, with the check it makes."""
    given = {name: copy.deepcopy(value) for name, value in of.get_params(deep=False).items()}
    made = type(of)(**given)
    for name, value in made.get_params(deep=False).items():
        assert value is given[name], f"the constructor changed {name}"
    return made


def test_the_made_labels_are_learned_and_come_back_as_they_were(classifier):
    assert classifier.classes_.tolist() == [9, 10]
    found = classifier.predict(["a fine plot", "dull"])
    assert found.tolist() == [10, 9] and found.dtype == classifier.classes_.dtype
    assert classifier.score(TEXTS, STARS) == np.mean(classifier.predict(TEXTS) == np.array(STARS)) >= 0.9


def test_columns_of_probabilities_stand_in_the_order_of_the_classes(classifier):
    # As numbers 9 comes before 10; the model's own labels are strings, where it comes after.
    assert classifier.predictor_.labels == ("10", "9")
    answers = classifier.predictor_(TEXTS)
    assert classifier.predict_proba(TEXTS).tolist() == [[a.scores["9"], a.scores["10"]] for a in answers]
    best = classifier.classes_[classifier.predict_proba(TEXTS).argmax(1)]
    assert best.tolist() == classifier.predict(TEXTS).tolist()


def test_no_texts_have_no_labels(classifier):
    assert classifier.predict([]).shape == (0,)
    assert classifier.predict_proba([]).shape == (0, 2)


@pytest.mark.parametrize("kind", [tuple, np.array, iter])
def test_texts_and_labels_may_come_in_any_row(classifier, kind):
    again = clone(classifier).fit(kind(TEXTS), kind(STARS))
    assert again.predict_proba(kind(TEXTS)).tolist() == classifier.predict_proba(TEXTS).tolist()


@pytest.mark.parametrize(
    ("good", "bad"), [("good", "bad"), (True, False), (("a", 1), ("a", 0)), (None, "x"), ("", "x")]
)
def test_labels_may_be_of_any_kind(classifier, good, bad):
    labels = [good if label == "good" else bad for label in GOODNESS]
    trained = clone(classifier).fit(TEXTS, labels)
    found = trained.predict(TEXTS).tolist()
    assert set(found) == {good, bad} and {type(label) for label in found} == {type(good), type(bad)}
    assert trained.score(TEXTS, labels) >= 0.9


def test_the_model_is_that_of_the_command_line(tmp_path, classifier):
    lines = "".join(f"{text},{star}\n" for text, star in zip(TEXTS, STARS, strict=True))
    (tmp_path / "data.csv").write_text("text,label\n" + lines)
    run = train("classify", train=tmp_path / "data.csv", out=tmp_path / "run", steps=40, settings=QUICK)
    classifier.save(tmp_path / "saved")
    for name in BYTES:
        assert (tmp_path / "saved" / name).read_bytes() == (run.folder / name).read_bytes()
    assert classifier.metrics_["dev"] == run.metrics["dev"]


def test_a_saved_model_is_one_for_load(tmp_path, classifier):
    assert classifier.save(tmp_path / "saved") == tmp_path / "saved"
    assert load(tmp_path / "saved")(TEXTS) == classifier.predictor_(TEXTS)


def test_budget_seed_recipe_and_settings_are_those_of_training(tmp_path):
    recipe = tmp_path / "mine.toml"
    recipe.write_text('task = "classify"\n[data]\ntrain = "gone.csv"\ndev = "gone.csv"\n[encoder]\nhidden_size = 5\n')
    settings = {**QUICK, "encoder.hidden_size": 6}
    for given, size, seed in [({}, 5, 1), ({"settings": settings, "seed": 7}, 6, 7)]:
        trained = TextClassifier(recipe=str(recipe), steps=2, **given).fit(TEXTS, STARS)
        description = trained.predictor_.description
        assert description["encoder"]["hidden_size"] == size
        assert description["training"]["seed"] == seed
        assert trained.metrics_["steps"] == 2
    epochs = TextClassifier(epochs=2, settings=QUICK).fit(TEXTS, STARS)
    assert epochs.metrics_["steps"] == 2 * 6  # 45 texts in batches of 8
    with pytest.raises(UsageError, match=r"give one of minutes, epochs"):
        TextClassifier(epochs=1, minutes=1).fit(TEXTS, STARS)


def test_a_recipe_of_another_task_is_refused(classifier, tagger):
    with pytest.raises(UsageError, match=r"recipe 'ner' is for the task 'tag', a TextClassifier needs 'classify'"):
        clone(classifier).set_params(recipe="ner").fit(TEXTS, STARS)
    with pytest.raises(UsageError, match=r"recipe 'sentiment' is for the task 'classify'"):
        clone(tagger).set_params(recipe="sentiment").fit(WORDS, TAGS)
    with pytest.raises(UsageError, match=r"no recipe 'nar'"):
        clone(tagger).set_params(recipe="nar").fit(WORDS, TAGS)


def test_the_same_seed_gives_the_same_model_and_another_one_another(classifier):
    first, same = (clone(classifier).set_params(steps=3).fit(TEXTS, STARS) for _ in range(2))
    other = clone(first).set_params(seed=2).fit(TEXTS, STARS)
    assert first.predict_proba(TEXTS).tolist() == same.predict_proba(TEXTS).tolist()
    assert first.predict_proba(TEXTS).tolist() != other.predict_proba(TEXTS).tolist()


def test_development_data_of_ones_own_are_all_that_is_watched(classifier):
    trained = clone(classifier).set_params(steps=2).fit(TEXTS, STARS, dev=(["fine", "dull", "dull"], [10, 9, 9]))
    assert trained.metrics_["dev"]["n"] == 3
    with pytest.raises(DataError, match=r"line 2 of dev \(in memory\): label '3' is not one of the training data's"):
        clone(classifier).fit(TEXTS, STARS, dev=(["fine", "dull"], [10, 3]))


def test_nothing_is_left_behind_unless_a_folder_is_named(classifier, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    again = clone(classifier).set_params(steps=2).fit(TEXTS, STARS)
    assert again.predict(["fine"]).shape == (1,)
    assert list(tmp_path.iterdir()) == []
    clone(again).set_params(out="run").fit(TEXTS, STARS)
    assert (tmp_path / "run" / "metrics.json").is_file()


def test_a_run_in_a_named_folder_goes_on_with_the_same_data_alone(classifier, tmp_path):
    named = clone(classifier).set_params(steps=2, out=tmp_path / "run")
    first = named.fit(TEXTS, STARS).predict_proba(TEXTS).tolist()
    stamp = (tmp_path / "run" / "model.safetensors").stat().st_mtime_ns
    assert clone(named).fit(TEXTS, STARS).predict_proba(TEXTS).tolist() == first
    assert (tmp_path / "run" / "model.safetensors").stat().st_mtime_ns == stamp
    with pytest.raises(UsageError, match=r"train \(in memory\): its content is not the same"):
        clone(named).fit(TEXTS, STARS[::-1])
    clone(named).set_params(fresh=True).fit(TEXTS, STARS[::-1])


def test_ctrl_c_is_one_where_there_is_no_run_to_go_on_with(classifier, tmp_path, monkeypatch):
    def stop(*args, **options):
        raise Interrupted(2)

    monkeypatch.setattr(estimator, "train", stop)
    with pytest.raises(KeyboardInterrupt):
        clone(classifier).fit(TEXTS, STARS)
    with pytest.raises(Interrupted, match="goes on from here"):
        clone(classifier).set_params(out=tmp_path / "run").fit(TEXTS, STARS)


def test_parameters_are_stored_as_they_were_given():
    given = {"minutes": 2, "settings": {"encoder.hidden_size": 8}, "out": "runs/x", "seed": 3}
    for kind in (TextClassifier, SequenceTagger):
        made = kind(**given)
        assert all(getattr(made, name) is value for name, value in given.items())
        assert {
            name: value for name, value in made.get_params().items() if value is not None and value is not False
        } == given
        assert clone(made).get_params() == made.get_params()
        assert made.set_params(minutes=None, steps=7) is made and made.get_params()["steps"] == 7


def test_unknown_parameters_are_refused():
    with pytest.raises(ValueError, match=r"no parameter 'minuts'; did you mean 'minutes'\?"):
        TextClassifier().set_params(seed=2, minuts=3)
    with pytest.raises(TypeError, match="minuts"):
        TextClassifier(minuts=3)


def test_an_estimator_prints_what_it_was_given():
    assert repr(TextClassifier(minutes=2, seed=1)) == "TextClassifier(minutes=2, seed=1)"
    assert repr(SequenceTagger()) == "SequenceTagger()"


def test_a_trained_estimator_survives_pickling_and_copying(classifier, tagger):
    for trained, inputs in ((classifier, TEXTS), (tagger, WORDS)):
        trained.predict(inputs)
        expected = [np.asarray(each).tolist() for each in trained.predict(inputs)]
        for other in (pickle.loads(pickle.dumps(trained)), copy.deepcopy(trained)):
            assert [np.asarray(each).tolist() for each in other.predict(inputs)] == expected
            assert other.classes_.tolist() == trained.classes_.tolist()
            assert other.get_params() == trained.get_params()


def test_without_training_the_way_out_is_told(tmp_path):
    for ask in (lambda: TextClassifier().predict(["a"]), lambda: SequenceTagger().save(tmp_path / "x")):
        with pytest.raises(UsageError, match="is not trained yet: call fit first"):
            ask()


@pytest.mark.parametrize(
    ("texts", "labels", "kind", "problem"),
    [
        ("fine", ["a"], TypeError, "expected texts, found one string"),
        (None, ["a"], TypeError, "expected texts, found NoneType"),
        ({"text": "fine"}, ["a"], TypeError, "expected texts, found dict"),
        (["fine"], None, TypeError, "expected labels, found NoneType"),
        (["fine", 3], ["a", "b"], TypeError, "text 2: expected a string, found int"),
        (["fine", None], ["a", "b"], TypeError, "text 2: expected a string, found NoneType"),
        (["fine", "dull"], ["a"], ValueError, "found 2 inputs and 1 labels"),
        (["fine", "dull"], ["a", ["b"]], TypeError, "label 2: expected something hashable"),
        (["fine", "dull"], [1.0, float("nan")], ValueError, "label 2 is not a number"),
        (["fine", "dull"], ["a", "a"], DataError, "at least two different labels, found 'a'"),
        ([], [], DataError, "no examples; expected at least one"),
    ],
)
def test_bad_texts_and_labels_are_refused(classifier, texts, labels, kind, problem):
    with pytest.raises(kind, match=problem):
        clone(classifier).fit(texts, labels)


def test_a_failed_fit_leaves_an_older_model_in_use(classifier):
    kept = copy.deepcopy(classifier)
    with pytest.raises(DataError):
        kept.fit(["fine", "dull"], [1, 1])
    assert kept.predict(["fine", "dull"]).tolist() == [10, 9]


def test_bad_texts_to_score_are_refused(classifier):
    with pytest.raises(ValueError, match="no texts to score"):
        classifier.score([], [])
    with pytest.raises(ValueError, match="found 1 inputs and 2 labels"):
        classifier.score(["fine"], [1, 2])
    assert classifier.score(["fine", "fine"], [10, "10"]) == 0.5


def test_the_made_tags_are_learned_and_written_as_they_were(tagger):
    assert tagger.classes_.tolist() == ["B-LOC", "B-PER", "I-LOC", "O"]
    assert tagger.predict([["Ada", "plot", "Old", "York"], []]) == [["B-PER", "O", "B-LOC", "I-LOC"], []]
    examples = [TaggedSentence.of_words(*pair) for pair in zip(WORDS, TAGS, strict=True)]
    assert tagger.score(WORDS, TAGS) == tagger.predictor_.evaluate(examples).to_dict()["f1"] >= 0.9


def test_tags_that_mark_no_entities_are_scored_by_words(tagger):
    tags = [[len(word) for word in words] for words in WORDS]
    trained = clone(tagger).set_params(steps=60).fit(WORDS, tags)
    found = trained.predict(WORDS)
    assert {type(tag) for each in found for tag in each} == {int}
    pairs = [pair for each, right in zip(found, tags, strict=True) for pair in zip(each, right, strict=True)]
    assert trained.score(WORDS, tags) == pytest.approx(sum(a == b for a, b in pairs) / len(pairs))


def test_a_tag_that_training_lacks_counts_as_wrong(tagger):
    assert tagger.score([["Ada"], ["York"]], [["B-PER"], ["B-NEW"]]) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("words", "tags", "kind", "problem"),
    [
        (3, [["O"]], TypeError, "expected sentences, found int"),
        ([None], [["O"]], TypeError, "expected words in sentence 1, found NoneType"),
        ([["Ada"]], [None], TypeError, "expected tags, found NoneType"),
        ([["Ada"]], ["O"], TypeError, "expected tags, found str"),
        (["Ada met"], [["O"]], TypeError, "sentence 1: expected a list of words, found one string"),
        ([["Ada"], ["met", 3]], [["O"], ["O", "X"]], TypeError, "sentence 2: expected words, found 3"),
        ([["Ada", ""]], [["O", "X"]], TypeError, "sentence 1: expected words, found ''"),
        ([["Ada", "met"]], [["O"]], ValueError, "sentence 1: 2 words but 1 tags"),
        ([["Ada"], ["met"]], [["O"]], ValueError, "found 2 inputs and 1 labels"),
        ([["Ada"], ["met"]], [["O"], ["O"]], DataError, "at least two different tags"),
    ],
)
def test_bad_words_and_tags_are_refused(tagger, words, tags, kind, problem):
    with pytest.raises(kind, match=problem):
        clone(tagger).fit(words, tags)


def test_the_card_of_a_saved_model_says_where_its_data_were(tmp_path, classifier):
    classifier.save(tmp_path / "saved")
    assert "| train | train (in memory) | 45 |" in (tmp_path / "saved" / "README.md").read_text()
    assert json.loads((tmp_path / "saved" / "labels.json").read_text()) == {"labels": ["10", "9"]}


@pytest.fixture
def sklearn():
    return pytest.importorskip("sklearn")


def test_scikit_learn_clones_searches_and_cross_validates(sklearn):
    from sklearn.base import clone, is_classifier
    from sklearn.model_selection import GridSearchCV, StratifiedKFold, check_cv, cross_val_predict, cross_val_score

    made = TextClassifier(steps=20, settings=QUICK)
    assert clone(made).get_params() == made.get_params()
    assert is_classifier(made)
    assert isinstance(check_cv(3, STARS, classifier=is_classifier(made)), StratifiedKFold)
    scores = cross_val_score(made, TEXTS, STARS, cv=2)
    assert scores.shape == (2,) and (scores > 0.5).all()
    assert cross_val_predict(made, TEXTS, STARS, cv=2, method="predict_proba").shape == (50, 2)
    search = GridSearchCV(made, {"steps": [1, 30]}, cv=2, scoring="roc_auc", error_score="raise").fit(TEXTS, STARS)
    assert search.best_params_ == {"steps": 30}
    assert search.classes_.tolist() == [9, 10] and search.predict(["fine"]).tolist() == [10]


def test_scikit_learn_takes_the_tagger_and_a_chain_of_its_own(sklearn):
    from sklearn.base import is_classifier
    from sklearn.exceptions import NotFittedError
    from sklearn.model_selection import cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer
    from sklearn.utils.validation import check_is_fitted

    made = SequenceTagger(steps=20, settings=QUICK_TAGGER)
    assert not is_classifier(made)
    assert cross_val_score(made, WORDS, TAGS, cv=2, error_score="raise").shape == (2,)
    chain = make_pipeline(FunctionTransformer(lambda texts: [text.lower() for text in texts]), TextClassifier(steps=2))
    assert chain.fit(TEXTS, STARS).predict(TEXTS).shape == (50,)
    with pytest.raises(NotFittedError):
        check_is_fitted(TextClassifier())
    check_is_fitted(chain[-1])
