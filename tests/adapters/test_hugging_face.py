"""Hugging Face's shapes: each answer is compared with the model's own, and its shape is written out."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from nlp_lstm import ModelError, UsageError, load, pipeline
from nlp_lstm.adapters.hugging_face import PIPELINES

TEXTS = ["a fine plot", "dull", "", "Ada met Old York"]
NEEDS = {name: kind.needs for name, kind in PIPELINES.items()}


@pytest.fixture(scope="session")
def folders(classifier_folder, tagger_folder, translator_folder, generator_folder):
    return {
        **{"classify": classifier_folder, "tag": tagger_folder},
        **{"translate": translator_folder, "generate": generator_folder},
    }


@pytest.fixture(scope="session")
def classify(classifier_folder):
    return pipeline("sentiment-analysis", model=classifier_folder)


@pytest.fixture(scope="session")
def ner(tagger_folder):
    return pipeline("ner", model=tagger_folder)


@pytest.fixture(scope="session")
def write(generator_folder):
    return pipeline("text-generation", model=generator_folder)


@pytest.fixture(scope="session")
def translate(translator_folder):
    return pipeline("translation", model=translator_folder)


def near(found):
    """Return what is found with numbers that also equal others that batching has moved by a rounding."""
    if isinstance(found, list):
        return [near(each) for each in found]
    if isinstance(found, dict):
        return {name: near(value) for name, value in found.items()}
    return pytest.approx(found, abs=1e-5) if isinstance(found, float) else found


def label_and_score(answer):
    return {"label": answer.label, "score": answer.score}


def test_a_classified_string_is_a_list_with_one_record(classify, classifier_folder):
    assert classify("a fine plot") == [label_and_score(load(classifier_folder)("a fine plot"))]


def test_classified_texts_are_a_list_of_records(classify, classifier_folder):
    assert classify(TEXTS) == [label_and_score(answer) for answer in load(classifier_folder)(TEXTS)]
    assert classify(tuple(TEXTS)) == classify(TEXTS)
    assert classify([]) == []
    assert [list(record) for record in classify(TEXTS)] == [["label", "score"]] * len(TEXTS)


@pytest.mark.parametrize("top_k", [None, 1, 2, 9])
def test_with_top_k_each_text_has_a_list_the_likeliest_first(classify, classifier_folder, top_k):
    scores = load(classifier_folder)("dull").scores
    ranked = sorted(({"label": name, "score": scores[name]} for name in scores), key=lambda each: -each["score"])
    assert len(ranked) == 2
    assert classify("dull", top_k=top_k) == ranked[:top_k]
    assert classify(["dull", "dull"], top_k=top_k) == near([ranked[:top_k]] * 2)


def test_top_k_given_when_the_pipeline_is_made_leaves_the_list_around_a_string(classifier_folder, classify):
    every = pipeline("text-classification", model=classifier_folder, top_k=None)
    assert every("dull") == [classify("dull", top_k=None)]
    assert every(["dull"]) == [classify("dull", top_k=None)]


def test_tagged_words_are_records_with_their_place(ner, tagger_folder):
    answer = load(tagger_folder)("Ada met Old York")
    assert answer.tags == ("B-PER", "O", "B-LOC", "I-LOC")
    assert ner("Ada met Old York") == [
        {"entity": "B-PER", "score": answer.scores[0], "index": 1, "word": "Ada", "start": 0, "end": 3},
        {"entity": "B-LOC", "score": answer.scores[2], "index": 3, "word": "Old", "start": 8, "end": 11},
        {"entity": "I-LOC", "score": answer.scores[3], "index": 4, "word": "York", "start": 12, "end": 16},
    ]
    assert list(ner("Ada")[0]) == ["entity", "score", "index", "word", "start", "end"]


def test_tagged_texts_are_a_list_of_lists(ner):
    assert ner(TEXTS) == near([ner(text) for text in TEXTS])
    assert ner([""]) == [[]]
    assert ner("") == []


@pytest.mark.parametrize("strategy", ["simple", "first", "average", "max"])
def test_every_other_strategy_gives_whole_entities(ner, tagger_folder, strategy):
    entities = load(tagger_folder)("Ada met  Old York").entities
    assert len(entities) == 2
    assert ner("Ada met  Old York", aggregation_strategy=strategy) == [
        {"entity_group": "PER", "score": entities[0].score, "word": "Ada", "start": 0, "end": 3},
        {"entity_group": "LOC", "score": entities[1].score, "word": "Old York", "start": 9, "end": 17},
    ]
    grouped = pipeline("token-classification", model=tagger_folder, aggregation_strategy=strategy)
    assert grouped(TEXTS) == ner(TEXTS, aggregation_strategy=strategy)


def test_tags_to_ignore_are_those_that_are_named(ner):
    assert [word["entity"] for word in ner("Ada met York", ignore_labels=[])] == ["B-PER", "O", "B-LOC"]
    assert [word["entity"] for word in ner("Ada met York", ignore_labels=["O", "B-PER"])] == ["B-LOC"]
    groups = ner("Ada met York", ignore_labels=["LOC"], aggregation_strategy="simple")
    assert [group["entity_group"] for group in groups] == ["PER"]


def test_a_sentence_may_come_as_words(ner):
    words = ["Ada", "met", "Old", "York"]
    assert ner(words, is_split_into_words=True) == ner("Ada met Old York")
    assert ner([words, ["plot"]], is_split_into_words=True) == near([ner("Ada met Old York"), []])


def test_tags_of_single_words_are_grouped_in_runs_with_their_mean_score(word_tagger_folder):
    tag = pipeline("token-classification", model=word_tagger_folder)
    words = tag("Ada Old plot")
    assert [word["entity"] for word in words] == ["NAME", "NAME", "WORD"]
    mean = (words[0]["score"] + words[1]["score"]) / 2
    assert tag("Ada Old plot", aggregation_strategy="simple") == [
        {"entity_group": "NAME", "score": mean, "word": "Ada Old", "start": 0, "end": 7},
        {"entity_group": "WORD", "score": words[2]["score"], "word": "plot", "start": 8, "end": 12},
    ]


def test_a_translated_string_is_a_list_with_one_record(translate, translator_folder):
    text = load(translator_folder)("a fine day").text
    assert text
    assert translate("a fine day") == [{"translation_text": text}]


def test_translated_texts_are_a_list_of_records(translate):
    assert translate(["a fine day", ""]) == [*translate("a fine day"), {"translation_text": ""}]


def test_several_translations_are_a_list_for_each_text(translate, translator_folder):
    best = [each.text for each in load(translator_folder)("a fine day", n_best=3, beam=4).alternatives]
    assert len(best) == 3
    several = [{"translation_text": text} for text in best]
    options = {"num_return_sequences": 3, "num_beams": 4}
    assert translate("a fine day", **options) == several
    assert translate(["a fine day", ""], **options) == [several, [{"translation_text": ""}]]


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [({"num_beams": 1}, {"beam": 1}), ({"no_repeat_ngram_size": 1}, {"block_ngrams": 1})],
)
def test_options_of_the_search_are_those_of_the_translator(translate, translator_folder, theirs, ours):
    predictor = load(translator_folder)
    assert translate("a fine day", **theirs) == [{"translation_text": predictor("a fine day", **ours).text}]
    assert translate("a fine day", **theirs) != translate("a fine day")


def test_languages_are_those_of_the_model(translator_folder):
    for name, options in [
        ("translation_en_to_de", {}),
        ("translation_EN_to_DE", {}),
        ("translation", {"src_lang": "en", "tgt_lang": "de"}),
    ]:
        assert pipeline(name, model=translator_folder, **options)("a")[0].keys() == {"translation_text"}
    for name, options in [("translation_de_to_en", {}), ("translation", {"tgt_lang": "fr"})]:
        with pytest.raises(ModelError, match=r"the model translates en to de, asked for is"):
            pipeline(name, model=translator_folder, **options)


def test_a_model_that_does_not_know_its_languages_is_believed(translator_folder):
    predictor = load(translator_folder)
    predictor.description["data"] = {"source_lang": None, "target_lang": None}
    assert pipeline("translation_fr_to_en", model=predictor)("a")


@pytest.mark.parametrize("name", sorted(PIPELINES))
def test_a_stream_is_answered_one_by_one(folders, name):
    asked: list[str] = []

    def texts() -> Iterator[str]:
        for text in TEXTS * 30:
            asked.append(text)
            yield text

    pipe = pipeline(name, model=folders[NEEDS[name]])
    answers = pipe(texts())
    first = next(answers)
    assert len(asked) < len(TEXTS) * 30
    one = pipe(TEXTS[0])
    assert first == near(one[0] if NEEDS[name] == "classify" else one)
    assert len(list(answers)) == len(TEXTS) * 30 - 1


@pytest.mark.parametrize("name", sorted(PIPELINES))
def test_answers_are_plain_values_ready_for_json(folders, name):
    options = {"top_k": None} if NEEDS[name] == "classify" else {}
    found = pipeline(name, model=folders[NEEDS[name]])(TEXTS, **options)
    assert json.loads(json.dumps(found)) == found
    records = [record for each in found for record in (each if isinstance(each, list) else [each])]
    assert {type(value) for record in records for value in record.values()} <= {str, float, int}


@pytest.mark.parametrize("name", sorted(PIPELINES))
def test_the_size_of_a_batch_changes_nothing(folders, name):
    pipe = pipeline(name, model=load(folders[NEEDS[name]]), batch_size=1)
    assert pipe(TEXTS) == near(pipe(TEXTS, batch_size=3))


@pytest.mark.parametrize("name", sorted(PIPELINES))
def test_a_model_of_another_task_is_refused(folders, name):
    for task, folder in folders.items():
        if task != NEEDS[name]:
            with pytest.raises(
                ModelError, match=rf"'{name}' needs a model of the task '{NEEDS[name]}', .* of '{task}'"
            ):
                pipeline(name, model=folder)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"no model at .*nowhere"):
        pipeline("ner", model=tmp_path / "nowhere")


def test_without_a_model_nothing_is_downloaded():
    with pytest.raises(UsageError, match=r"give model=FOLDER"):
        pipeline("ner")


def test_an_unknown_pipeline_is_refused_with_the_nearest(classifier_folder):
    with pytest.raises(UsageError, match=r"no pipeline 'sentiment-anlysis'; did you mean 'sentiment-analysis'\?"):
        pipeline("sentiment-anlysis", model=classifier_folder)


def test_a_prompt_is_a_list_of_texts_with_the_prompt_before_them(write, generator_folder):
    model = load(generator_folder)
    one = model("so", max_new_tokens=5)
    assert write("so", max_new_tokens=5) == [{"generated_text": "so" + one.continuation}]
    assert write("so", max_new_tokens=5, return_full_text=False) == [{"generated_text": one.continuation}]
    both = [{"generated_text": model("so", max_new_tokens=5, seed=seed).text} for seed in (3, 4)]
    assert write("so", max_new_tokens=5, num_return_sequences=2, seed=3) == both
    assert write(["so", "it"], max_new_tokens=5, seed=3)[0] == both[:1]
    assert [len(each) for each in write(TEXTS, max_new_tokens=2, num_return_sequences=3)] == [3] * len(TEXTS)
    assert write([]) == []


def test_without_drawing_the_likeliest_is_taken(write, generator_folder):
    expected = load(generator_folder)("so it", max_new_tokens=9, temperature=0.0).text
    for seed in (1, 2):
        assert write("so it", max_new_tokens=9, do_sample=False, seed=seed) == [{"generated_text": expected}]


@pytest.mark.parametrize("greedy", [{"do_sample": False}, {"temperature": 0.0}], ids=str)
def test_where_nothing_is_drawn_there_is_one_text_for_each_prompt(write, generator_folder, greedy):
    why = "do_sample is false" if "do_sample" in greedy else "temperature is 0"
    message = f"^pipeline 'text-generation': num_return_sequences: expected 1 where {why}, found 3$"
    with pytest.raises(UsageError, match=message):
        write("so", num_return_sequences=3, **greedy)
    with pytest.raises(UsageError, match=message):
        pipeline("text-generation", generator_folder, num_return_sequences=3, **greedy)
    assert len(write("so", num_return_sequences=1, max_new_tokens=2, **greedy)) == 1


def test_what_is_written_heeds_its_options(write, generator_folder):
    ours = {"top_k": 3, "top_p": 0.9, "min_p": 0.01, "repetition_penalty": 1.3, "temperature": 1.4}
    expected = load(generator_folder)("so", max_new_tokens=40, no_repeat_ngram=3, stop=("q",), **ours).text
    found = write("so", max_new_tokens=40, no_repeat_ngram_size=3, stop_strings=("q",), **ours)
    assert found == [{"generated_text": expected}]


def test_an_unknown_option_is_refused_when_made_and_when_called(classify, classifier_folder):
    for ask in (lambda: classify("a", top_j=1), lambda: pipeline("text-classification", classifier_folder, top_j=1)):
        with pytest.raises(UsageError, match=r"top_j: unknown setting; did you mean 'top_k'\?"):
            ask()


def test_wrong_values_are_refused_all_at_once(ner):
    with pytest.raises(UsageError) as caught:
        ner("Ada", aggregation_strategy="sum", batch_size=0)
    assert "aggregation_strategy: expected 'none', 'simple'" in str(caught.value)
    assert "batch_size: " in str(caught.value)


@pytest.mark.parametrize("wrong", [{"text": "a", "text_pair": "b"}, 3, None, b"a"], ids=str)
def test_what_is_no_text_is_refused(classify, ner, write, translate, wrong):
    for ask in (classify, ner, write, translate):
        with pytest.raises(TypeError, match=f"^expected a text or several texts, found {type(wrong).__name__}$"):
            ask(wrong)
        with pytest.raises(TypeError, match=r"^text 2: expected a string"):
            ask(["a", wrong])


def test_a_device_may_be_a_number(classifier_folder, classify):
    assert pipeline("text-classification", classifier_folder, device=-1)("a") == classify("a")
    with pytest.raises(UsageError, match=r"device 'cuda:99'"):
        pipeline("text-classification", classifier_folder, device=99)
