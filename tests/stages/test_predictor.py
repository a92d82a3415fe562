"""N texts in, N predictions out, in order, whatever they hold and whoever their neighbours are."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_lstm.document import Example, Prediction
from nlp_lstm.errors import DataError
from nlp_lstm.stages import predictor as module
from nlp_lstm.stages.predictor import FIRST_CHUNK, LAST_CHUNK, grow_chunks

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


def probabilities(predictions) -> np.ndarray:
    return np.array([list(each.scores.values()) for each in predictions])


def test_the_model_has_learned_the_made_data(predictor):
    assert predictor("a fine story").label == "good"
    assert predictor("dull music").label == "bad"
    assert predictor.labels == ("bad", "good")


def test_a_string_gives_a_prediction_a_sequence_a_list_anything_else_a_stream(predictor):
    texts = ["fine", "dull", "fine end"]
    expected = [predictor(text) for text in texts]
    assert isinstance(expected[0], Prediction)
    assert predictor(texts) == predictor(tuple(texts))
    assert [each.label for each in predictor(texts)] == [each.label for each in expected] == ["good", "bad", "good"]
    stream = predictor(text for text in texts)
    assert isinstance(stream, Iterator)
    assert list(stream) == predictor(texts)
    assert predictor([]) == [] and list(predictor(iter(()))) == []


@pytest.mark.parametrize("text", ODD.values(), ids=ODD.keys())
def test_every_text_has_its_answer_between_its_neighbours(predictor, text):
    found = predictor(["fine", text, "dull", text, "fine"])
    assert [found[i].label for i in (0, 2, 4)] == ["good", "bad", "good"]
    assert found[1] == found[3]
    np.testing.assert_allclose(probabilities([found[1]]), probabilities([predictor(text)]), atol=1e-5)


@pytest.mark.parametrize("text", ODD.values(), ids=ODD.keys())
def test_probabilities_sum_to_one_and_the_label_is_the_likeliest(predictor, text):
    found = predictor(text)
    assert sum(found.scores.values()) == pytest.approx(1, abs=1e-12)
    assert all(0 <= score <= 1 for score in found.scores.values())
    assert found.score == found.scores[found.label] == max(found.scores.values())
    assert tuple(found.scores) == predictor.labels


@given(st.lists(st.text(), max_size=40))
def test_as_many_answers_as_texts(predictor, texts):
    assert len(predictor(texts)) == len(texts)


def test_a_long_text_is_read_to_its_end(predictor):
    # Training cuts at training.max_tokens = 512; what decides stands behind that.
    padding = "film " * 2000
    assert predictor(padding + "fine").scores != predictor(padding + "dull").scores


def mixed_texts(n: int) -> list[str]:
    draw = random.Random(9)
    words = ["fine", "dull", "film", "end", "unheard", ",", "👍"]
    return [" ".join(draw.choices(words, k=draw.choice([0, 1, 2, 5, 30, 200]))) for _ in range(n)]


def test_batch_size_order_and_neighbours_do_not_change_a_prediction(predictor):
    texts = mixed_texts(60)
    alone = probabilities(predictor(text) for text in texts)
    for batch_size in (1, 2, 7, 256):
        np.testing.assert_allclose(probabilities(predictor(texts, batch_size=batch_size)), alone, atol=1e-5)
    np.testing.assert_allclose(probabilities(predictor(texts[::-1]))[::-1], alone, atol=1e-5)
    np.testing.assert_allclose(probabilities(predictor(iter(texts))), alone, atol=1e-5)
    huge = "film " * 5000
    np.testing.assert_allclose(probabilities(predictor([huge, *texts]))[1:], alone, atol=1e-5)


def test_the_same_texts_get_the_same_answers_again(predictor):
    texts = mixed_texts(30)
    assert predictor(texts) == predictor(texts)


def test_predicting_leaves_the_network_in_its_place(predictor):
    before = {name: tensor.clone() for name, tensor in predictor.model.state_dict().items()}
    predictor(mixed_texts(30))
    assert not predictor.model.training
    assert all((before[name] == tensor).all() for name, tensor in predictor.model.state_dict().items())


class Counting:
    """Texts that know how many of them were taken."""

    def __init__(self, n: int, text: str = "fine") -> None:
        self.taken, self.n, self.text = 0, n, text

    def __iter__(self) -> Iterator[str]:
        for _ in range(self.n):
            self.taken += 1
            yield self.text


def test_a_stream_takes_little_before_its_first_answer_and_never_runs_far_ahead(predictor):
    texts = Counting(400)
    stream = predictor(iter(texts))
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


def test_the_chunks_of_a_stream_grow_to_an_end():
    sizes = [len(chunk) for chunk in grow_chunks("a" for _ in range(30_000))]
    assert sizes[:9] == [16, 32, 64, 128, 256, 512, 1024, 2048, 4096]
    assert set(sizes[8:-1]) == {LAST_CHUNK}
    assert sum(sizes) == 30_000


def test_long_texts_make_small_chunks(monkeypatch):
    monkeypatch.setattr(module, "CHUNK_CHARACTERS", 100)
    assert [len(chunk) for chunk in grow_chunks(["a" * 60] * 5)] == [2, 2, 1]
    assert [len(chunk) for chunk in grow_chunks(["a" * 900, "b", "c"])] == [1, 2]


@given(st.lists(st.text(max_size=5), max_size=200))
def test_no_text_is_lost_or_moved_between_chunks(texts):
    chunks = list(grow_chunks(texts))
    assert [text for chunk in chunks for text in chunk] == texts
    assert all(chunks)


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


@pytest.mark.parametrize("texts", [[3], ["fine", b"bytes"], b"bytes", {"fine": 1, 2: 2}, [["fine"]]], ids=repr)
def test_what_is_no_text_is_refused(predictor, texts):
    with pytest.raises(TypeError, match="expected a string, found"):
        list(predictor(texts))


def test_evaluation_counts_what_is_right(predictor):
    examples = [Example("fine", "good"), Example("dull", "bad"), Example("fine end", "bad"), Example("dull", "bad")]
    report = predictor.evaluate(examples)
    assert (report.n, report.accuracy) == (4, 0.75)


def test_evaluation_on_an_unknown_label_names_its_line(predictor):
    examples = [Example("fine", "good"), Example("dull", "goood", source="test.csv", line=3)]
    with pytest.raises(DataError, match=r"line 3 of test\.csv: .*'goood'.*did you mean 'good'\?"):
        predictor.evaluate(examples)
