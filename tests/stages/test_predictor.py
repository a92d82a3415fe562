"""N texts in, N predictions out, in order, whatever they hold and whoever their neighbours are."""

from __future__ import annotations

import json
import random
import tracemalloc
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_lstm.errors import DataError, UsageError
from nlp_lstm.records.examples import Example, TaggedSentence
from nlp_lstm.records.predictions import Prediction, Tagging
from nlp_lstm.stages import predictor as module
from nlp_lstm.stages.chunks import FIRST_CHUNK
from nlp_lstm.stages.loading import load
from nlp_lstm.stages.pipeline import Pipeline
from nlp_lstm.stages.predictor import Predictor
from nlp_lstm.stages.texts import Sentences
from nlp_lstm.tasks.writing_options import writing_options
from tests.stages.made_data import made_sentences

ODD = {
    "empty": "",
    "blank": " \t\n",
    "one character": "a",
    "unknown word": "zyzzyva",
    "50,000 tokens": "a fine film " * 16_667,
    "one very long word": "a" * 100_000,
    "emoji": "👩‍👩‍👧‍👦🏳️‍🌈",
    "control characters": "\x00\x01\x1b[31m\x7f\u200b\ufeff",
    "line ends": "one\rtwo\r\nthree\u2028four\x85",
    "right to left": "\u202eشريط",
    "half a surrogate pair": "\ud83d",
    "special tokens": "<pad> <unk>",
    "not a character": "\uffff\U0010ffff",
    "combining marks": "e" + "\u0301" * 500,
}


class Asked(NamedTuple):
    """A model, and what it says of the texts it has learned."""

    model: Predictor
    known: Mapping[str, str]


KNOWN = {
    "predictor": {"fine": "good", "dull": "bad", "fine end": "good"},
    "tagger": {"Ada": "[Ada](PER)", "Old York": "[Old York](LOC)", "film Ada end": "film [Ada](PER) end"},
}


@pytest.fixture(params=KNOWN, scope="session")
def asked(request) -> Asked:
    """Each kind of model in turn."""
    return Asked(request.getfixturevalue(request.param), KNOWN[request.param])


def probabilities(predictions) -> np.ndarray:
    """Return all probabilities of some predictions, one after the other."""
    rows = (each.scores.values() if isinstance(each, Prediction) else each.scores for each in predictions)
    return np.array([score for row in rows for score in row])


def said(predictions) -> list[Any]:
    return [each.label if isinstance(each, Prediction) else each.tags for each in predictions]


def assert_same(found: Sequence[Any], expected: Sequence[Any]) -> None:
    """See that predictions say the same, with the same probabilities up to 1e-5."""
    assert said(found) == said(expected)
    np.testing.assert_allclose(probabilities(found), probabilities(expected), atol=1e-5)


def test_a_model_knows_what_it_has_learned(asked):
    assert {text: asked.model(text).to_text() for text in asked.known} == asked.known


def test_the_model_has_learned_the_made_data(predictor):
    assert predictor("a fine story").label == "good"
    assert predictor("dull music").label == "bad"
    assert predictor.labels == ("bad", "good")


def test_a_string_gives_a_prediction_a_sequence_a_list_anything_else_a_stream(asked):
    model, texts = asked.model, [*asked.known]
    expected = [model(text) for text in texts]
    assert isinstance(expected[0], Prediction | Tagging)
    assert model(texts) == model(tuple(texts))
    assert [each.to_text() for each in model(texts)] == [each.to_text() for each in expected] == [*asked.known.values()]
    stream = model(text for text in texts)
    assert isinstance(stream, Iterator)
    assert list(stream) == model(texts)
    assert model([]) == [] and list(model(iter(()))) == []


@pytest.mark.parametrize("text", ODD.values(), ids=ODD.keys())
def test_every_text_has_its_answer_between_its_neighbours(asked, text):
    one, other, _ = asked.known
    found = asked.model([one, text, other, text, one])
    assert [found[i].to_text() for i in (0, 2, 4)] == [asked.known[one], asked.known[other], asked.known[one]]
    assert found[1] == found[3]
    assert_same([found[1]], [asked.model(text)])


@pytest.mark.parametrize("text", ODD.values(), ids=ODD.keys())
def test_words_are_where_they_stand_in_the_text_and_tags_are_sure_to_some_degree(tagger, text):
    found = tagger(text)
    assert found.text == text
    assert [text[start : start + len(word)] for word, start in zip(found.words, found.starts, strict=True)] == [
        *found.words
    ]
    assert len(found.words) == len(found.tags) == len(found.scores)
    assert all(0 <= score <= 1 for score in found.scores)


@pytest.mark.parametrize("text", ODD.values(), ids=ODD.keys())
def test_probabilities_sum_to_one_and_the_label_is_the_likeliest(predictor, text):
    found = predictor(text)
    assert sum(found.scores.values()) == pytest.approx(1, abs=1e-12)
    assert all(0 <= score <= 1 for score in found.scores.values())
    assert found.score == found.scores[found.label] == max(found.scores.values())
    assert tuple(found.scores) == predictor.labels


@settings(deadline=None)
@given(texts=st.lists(st.text(), max_size=40))
def test_as_many_answers_as_texts(asked, texts):
    assert len(asked.model(texts)) == len(texts)


def test_a_long_text_is_read_to_its_end(predictor):
    # Training cuts at training.max_tokens = 512; what decides stands behind that.
    padding = "film " * 2000
    assert predictor(padding + "fine").scores != predictor(padding + "dull").scores


def test_a_long_text_is_tagged_to_its_end(tagger):
    assert tagger("film " * 2000 + "Ada").to_text() == "film " * 2000 + "[Ada](PER)"


def mixed_texts(n: int) -> list[str]:
    draw = random.Random(9)
    words = ["fine", "dull", "film", "end", "unheard", ",", "👍", "Ada", "Old", "York"]
    return [" ".join(draw.choices(words, k=draw.choice([0, 1, 2, 5, 30, 200]))) for _ in range(n)]


def test_batch_size_order_and_neighbours_do_not_change_a_prediction(asked):
    model, texts = asked.model, mixed_texts(60)
    alone = [model(text) for text in texts]
    for batch_size in (1, 2, 7, 256):
        assert_same(model(texts, batch_size=batch_size), alone)
    assert_same(model(texts[::-1])[::-1], alone)
    assert_same(list(model(iter(texts))), alone)
    huge = "film " * 5000
    assert_same(model([huge, *texts])[1:], alone)


def test_the_same_texts_get_the_same_answers_again(asked):
    texts = mixed_texts(30)
    assert asked.model(texts) == asked.model(texts)


def test_predicting_leaves_the_network_in_its_place(asked):
    network = asked.model.model
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    asked.model(mixed_texts(30))
    assert not network.training
    assert all((before[name] == tensor).all() for name, tensor in network.state_dict().items())


class Counting:
    """Texts that know how many of them were taken."""

    def __init__(self, n: int, text: str = "fine") -> None:
        self.taken, self.n, self.text = 0, n, text

    def __iter__(self) -> Iterator[str]:
        for _ in range(self.n):
            self.taken += 1
            yield self.text


def test_a_stream_takes_little_before_its_first_answer_and_never_runs_far_ahead(asked):
    texts = Counting(400)
    stream = asked.model(iter(texts))
    assert texts.taken == 0
    next(stream)
    assert texts.taken == FIRST_CHUNK
    for answered, _ in enumerate(stream, start=2):
        assert texts.taken <= max(FIRST_CHUNK, 3 * answered)
    assert answered == texts.taken == 400


def test_an_endless_stream_can_be_left(predictor):
    texts = Counting(10**12)
    stream = predictor(iter(texts))
    assert [next(stream).label for _ in range(40)] == ["good"] * 40
    assert texts.taken < 100


def test_memory_does_not_grow_with_the_stream(predictor, monkeypatch):
    monkeypatch.setattr(module, "LAST_CHUNK", 64)

    def peak(n: int) -> int:
        tracemalloc.start()
        for _ in predictor(iter(Counting(n, "fine film"))):
            pass
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    # Both streams pass through chunks of the largest size; the longer one holds ten times as many texts.
    peak(200)
    short, long = peak(200), peak(2000)
    assert long < 1.3 * short


def test_what_comes_before_something_that_is_no_text_is_answered_first(predictor):
    stream = predictor(iter(["fine", "dull", None, "fine"]))
    assert [next(stream).label, next(stream).label] == ["good", "bad"]
    with pytest.raises(TypeError, match="text 3: expected a string, found NoneType"):
        next(stream)


@pytest.mark.parametrize("texts", [[3], ["fine", b"bytes"], {3}, [["fine"]]], ids=repr)
def test_what_is_no_text_is_refused(predictor, texts):
    with pytest.raises(TypeError, match="expected a string, found"):
        list(predictor(texts))


NO_TEXTS = (None, 3, b"text", {"text": "fine"}, object())


@pytest.mark.parametrize("inputs", NO_TEXTS, ids=lambda inputs: type(inputs).__name__)
def test_what_holds_no_texts_is_refused_by_what_it_is(predictor, tagger, generator, inputs):
    found = type(inputs).__name__
    for model in (predictor, tagger, generator):
        with pytest.raises(TypeError, match=f"^expected a text or several texts, found {found}$"):
            model(inputs)
        with pytest.raises(TypeError, match=f"^expected texts, found {found}$"):
            next(model.stream(inputs))
    with pytest.raises(TypeError, match=f"^expected texts, found {found}$"):
        next(Pipeline([Sentences()]).stream(inputs))


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([3], "text 1: expected a string or a list of words, found int"),
        (["fine", b"bytes"], "text 2: expected a string or a list of words, found bytes"),
        ([iter(["Ada"])], "text 1: expected a string or a list of words, found list_iterator"),
        ([["Ada"], ["Ada", 3]], "text 2: expected words, found 3 among them"),
        ([("Ada", "")], "text 1: expected words, found '' among them"),
        ([[["Ada"]]], r"text 1: expected words, found \['Ada'\] among them"),
    ],
    ids=["number", "bytes", "iterator", "word", "empty word", "nested"],
)
def test_what_is_neither_a_text_nor_words_is_refused(tagger, inputs, message):
    with pytest.raises(TypeError, match=f"^{message}$"):
        tagger(inputs)


def test_a_list_of_words_is_a_sentence_that_is_cut_already(tagger):
    found = tagger(["Old York", ["Old", "York"], ("Ada",), [], "Ada"])
    assert [each.to_text() for each in found] == ["[Old York](LOC)", "[Old York](LOC)", "[Ada](PER)", "", "[Ada](PER)"]
    assert_same([found[1], found[2]], [found[0], found[4]])
    assert tagger([["Old York"]])[0].words == ("Old York",)


def test_a_tagger_gives_the_likeliest_tag_sequences_when_asked(tagger, predictor):
    assert (tagger.options, predictor.options) == ({"n_best"}, frozenset())
    found = tagger("Ada end", n_best=3)
    assert found.alternatives[0][0] == found.tags == ("B-PER", "O")
    scores = [score for _, score in found.alternatives]
    assert len(scores) == 3 and scores == sorted(scores, reverse=True) and 0 < sum(scores) <= 1
    assert [each.alternatives for each in tagger(["Ada end"], n_best=3)] == [found.alternatives]
    assert tagger("Ada end").alternatives == ()
    with pytest.raises(TypeError, match="n_best"):
        predictor("fine", n_best=3)
    for wrong in (-1, 1001, "x", 2.5):
        with pytest.raises(UsageError, match=r"^a text cannot be tagged so: n_best: expected"):
            tagger("Ada end", n_best=wrong)


def test_a_generator_gives_a_continuation_for_each_text_and_the_pieces_of_one(generator, tiny_generate_run):
    options = {"max_new_tokens": 60, "top_p": 0.9, "seed": 3}
    pieces = list(generator.stream("so ", **options))
    assert len(pieces) > 3 and all(pieces)
    one, two, three = generator.predict(["so ", "", "so "], **options)
    assert generator("so ", **options) == one == three != two
    assert "".join(pieces) == one.continuation == one.text[3:]
    assert list(generator.stream(iter(["so ", ""]), batch_size=1, **options)) == [one, two]
    assert list(load(tiny_generate_run.folder).stream("so ", **options)) == pieces
    assert list(generator.stream("so ", **{**options, "seed": 4})) != pieces
    assert all(line.startswith("so ") for line in one.text.split("\n")[:-1])  # it has learned how lines begin


def test_a_generator_gives_a_writer_and_other_models_none(generator, predictor):
    writer = generator.writer()
    moment = writer.read(writer.begin(), "so")
    (choice,) = writer.choices(moment, writing_options(), n=1)
    assert choice.text == " " and choice.probability > 0.5
    with pytest.raises(UsageError, match=r"^the model does not write: its task is 'classify', not 'generate'$"):
        predictor.writer()
    with pytest.raises(TypeError, match="expected texts, found one string"):
        next(predictor.stream("so"))


@pytest.mark.parametrize(
    ("options", "message"),
    [({"top_p": 2.0}, "top_p: expected at most 1"), ({"warmth": 1}, "warmth: unknown setting")],
)
def test_options_a_text_cannot_be_written_with_are_refused(generator, options, message):
    for ask in (generator.predict, lambda text, **options: list(generator.stream(text, **options))):
        with pytest.raises(UsageError, match=message):
            ask("so", **options)


def test_evaluation_of_a_generator_is_that_of_its_training(generator, tiny_generate_run):
    source = tiny_generate_run.folder.parent / "tiny" / "dev.txt"
    found = generator.evaluate(generator.read(str(source))).to_dict()
    assert json.loads(json.dumps(found)) == tiny_generate_run.metrics["dev"]
    assert 1 < found["perplexity"] < 4 and found["bits_per_character"] == found["bits_per_byte"]


def test_evaluation_counts_what_is_right(predictor):
    examples = [Example("fine", "good"), Example("dull", "bad"), Example("fine end", "bad"), Example("dull", "bad")]
    report = predictor.evaluate(examples)
    assert (report.n, report.accuracy) == (4, 0.75)


def test_evaluation_of_a_tagger_counts_what_is_right(tagger):
    right = TaggedSentence.of_words(["Ada", "in", "Old", "York"], ["B-PER", "O", "B-LOC", "I-LOC"])
    wrong = TaggedSentence.of_words(["film"], ["B-PER"])
    report = tagger.evaluate([right, wrong, TaggedSentence.of_words([], [])])
    assert (report.n, report.n_gold, report.n_predicted, report.n_right) == (3, 3, 2, 2)


def test_labelled_examples_are_read_as_the_settings_say(predictor, tmp_path):
    path = tmp_path / "odd.txt"
    path.write_text("review\tstars\nfine\tgood\ndull\tgood\n")
    given = {"format": "tsv", "text_column": "review", "label_column": "stars"}
    found = predictor.read(str(path), **given)
    assert found == [Example("fine", "good", str(path), 2), Example("dull", "good", str(path), 3)]
    assert predictor.evaluate(found).accuracy == 0.5
    assert [record.given for record in predictor.records(str(path), **given)] == ["fine", "dull"]
    with pytest.raises(DataError, match="no column 'text'"):
        predictor.read(str(path), format="tsv")


def test_a_tagger_reads_words_and_tags_in_columns_and_texts_elsewhere(tagger, tmp_path):
    path, texts = tmp_path / "made.conll", tmp_path / "texts.csv"
    path.write_text(made_sentences(5, seed=9))
    texts.write_text("text,more\nAda met,1\n")
    examples = tagger.read(str(path))
    assert len(examples) == 5 and tagger.evaluate(examples).f1 == 1.0
    records = list(tagger.records(str(path)))
    assert [record.given for record in records] == [example.words for example in examples]
    assert said(tagger([record.given for record in records])) == [example.tags for example in examples]
    assert [record.given for record in tagger.records(str(texts))] == ["Ada met"]
    turned = tmp_path / "turned.conll"
    turned.write_text("B-PER Ada\nO met\n")
    (example,) = tagger.read(str(turned), columns=("tag", "word"))
    assert (example.words, example.tags) == (("Ada", "met"), ("B-PER", "O"))


def test_evaluation_on_an_unknown_label_names_its_line(predictor):
    examples = [Example("fine", "good"), Example("dull", "goood", source="test.csv", line=3)]
    with pytest.raises(DataError, match=r"line 3 of test\.csv: .*'goood'.*did you mean 'good'\?"):
        predictor.evaluate(examples)


def test_a_model_that_is_no_generator_has_no_writer(predictor):
    with pytest.raises(UsageError, match="the model does not write: its task is 'classify'"):
        predictor.writer()


WAYS = {
    "languages": {"source_lang": "en", "target_lang": "de"},
    "columns": {"source_column": "en", "target_column": "de"},
}


@pytest.fixture(scope="module", params=WAYS)
def directed(request, tiny_translate_run):
    """A translator whose folder says that it was trained from `en` to `de`, by languages or by columns."""
    trained = load(tiny_translate_run.folder)
    data = {**trained.description["data"], **WAYS[request.param]}
    return Predictor(trained.task, trained.model, {**trained.description, "data": data})


SWAPPED = {
    "both languages": {"source_lang": "de", "target_lang": "en"},
    "one language": {"source_lang": "de"},
    "both columns": {"source_column": "de", "target_column": "en"},
    "one column": {"target_column": "en"},
}


@pytest.mark.parametrize("given", SWAPPED.values(), ids=SWAPPED)
def test_sentence_pairs_the_wrong_way_round_are_refused(directed, given, tmp_path):
    names = {name.replace("lang", "language").replace("_", " "): value for name, value in given.items()}
    told = " and ".join(f"the {name} is given as '{value}'" for name, value in names.items())
    with pytest.raises(UsageError, match=f"^{told}, but the model translates from 'en' to 'de'$"):
        directed.read(str(tmp_path / "pairs.tsv"), **given)


def test_sentence_pairs_are_read_by_the_columns_and_languages_of_training(directed, tmp_path):
    (tmp_path / "pairs.csv").write_text("de,x,en\nDer Hund,3,the dog\n", encoding="utf-8")
    for name, text in {"en": "the dog\n", "de": "Der Hund\n"}.items():
        (tmp_path / f"test.{name}").write_text(text, encoding="utf-8")
    kept = directed.description["data"]
    by_columns = {"source_column": "en", "target_column": "de"} if kept["source_column"] == "source" else {}
    by_languages = {} if kept["source_lang"] else {"source_lang": "en", "target_lang": "de"}
    for source, names in (("pairs.csv", by_columns), ("test", by_languages)):
        (pair,) = directed.read(str(tmp_path / source), **names)
        assert (pair.source_text, pair.target_text) == ("the dog", "Der Hund")


def test_names_that_say_nothing_of_the_direction_are_taken_as_they_are(directed, tmp_path):
    (tmp_path / "pairs.csv").write_text("quelle,ziel\nthe dog,der Hund\n", encoding="utf-8")
    assert directed.read(str(tmp_path / "pairs.csv"), source_column="quelle", target_column="ziel")
    for name in ("eng", "deu"):
        (tmp_path / f"test.{name}").write_text("the dog\n", encoding="utf-8")
    assert directed.read(str(tmp_path / "test"), source_lang="eng", target_lang="deu")
