"""A pipeline runs its stages in order, and is refused when it is built if they do not fit."""

from __future__ import annotations

import tracemalloc
from dataclasses import dataclass
from itertools import repeat

import pytest

from nlp_lstm import Document, Pipeline, stages
from nlp_lstm.errors import StageError, UsageError
from nlp_lstm.stages import chunks
from nlp_lstm.stages.training import TRAINING


@dataclass(frozen=True)
class Step:
    """A stage that notes its name on a record, a list of names."""

    name: str
    requires: tuple[str, ...] = ()
    provides: tuple[str, ...] = ()

    def __call__(self, record: list[str]) -> list[str]:
        return [*record, self.name]


def test_stages_run_in_order_each_on_what_the_one_before_gave():
    chain = Pipeline([Step("a", (), ("x",)), Step("b", ("x",), ("y",)), Step("c", ("x", "y"))])
    assert chain([]) == ["a", "b", "c"]
    assert chain(["before"]) == ["before", "a", "b", "c"]


def test_no_stages_are_no_pipeline():
    with pytest.raises(UsageError, match=r"^the stages do not fit: expected at least one stage$"):
        Pipeline([])


@pytest.mark.parametrize("odd", [None, 3, "sentences", stages.Sentences()])
def test_what_holds_no_stages_is_refused(odd):
    with pytest.raises(TypeError, match=f"^expected a list of stages, found {type(odd).__name__}$"):
        Pipeline(odd)


def test_stages_of_training_and_of_running_make_no_pipeline_and_all_else_that_is_wrong_is_told_with_it():
    class Own(stages.Normalize):
        """A running stage too."""

    with pytest.raises(UsageError) as caught:
        Pipeline([stages.Read(), stages.Split(), Step("odd", ("z",)), stages.Sentences(), Own()])
    assert str(caught.value).split("\n  ") == [
        "the stages do not fit: 3 problems",
        "stages of training (read, split) and of running (sentences, normalize) make no pipeline together",
        "odd requires z, which no stage provides",
        "sentences uses normal, which normalize provides only later",
    ]
    assert Pipeline([Step("own"), stages.Sentences()]) and Pipeline([stages.Read(), Step("own")])


@pytest.mark.parametrize("record", [None, 3, ["a", "b"], b"text", {"text": "a"}, [None]])
def test_a_running_pipeline_takes_a_text_and_says_so(record):
    found = type(record).__name__
    with pytest.raises(TypeError, match=f"^expected a text, found {found}; stream takes several texts$"):
        Pipeline([Step("own"), stages.Sentences()])(record)


@pytest.mark.parametrize("record", [None, "text", ["a"]])
def test_a_training_pipeline_takes_a_record_and_says_so(record):
    with pytest.raises(TypeError, match=f"^expected a TrainingRecord, found {type(record).__name__}$"):
        Pipeline([stages.Read()])(record)


def test_documents_go_through_a_running_pipeline_as_through_a_stage():
    cut = Pipeline([stages.Sentences()])
    assert cut([Document("A. B."), Document("")]) == [cut("A. B."), cut("")]
    assert cut([]) == []


def test_documents_go_through_models_as_their_texts_do(reader):
    given = [Document(text) for text in TEXTS * 3]
    found = reader(given)
    assert isinstance(found, list) and reader([]) == []
    assert close([doc.to_dict() for doc in found], [doc.to_dict() for doc in reader.stream(TEXTS * 3)])
    single = Pipeline([reader.stages[2]])
    assert [doc.label for doc in single(tuple(given))] == [doc.label for doc in found]
    first, second = reader.stages[1:3]
    chained = list(second(first(each for each in given)))
    assert [doc.label for doc in chained] == [doc.label for doc in found] and all(
        doc.tokens is not None for doc in chained
    )


def test_a_document_on_which_a_stage_fails_is_told_by_its_place():
    def picky(doc):
        if not doc.text:
            raise ZeroDivisionError("by nothing")
        return doc

    nlp = Pipeline([stages.Map(picky)])
    with pytest.raises(StageError, match=r"^document 301: picky: ZeroDivisionError: by nothing$"):
        nlp([*[Document("a")] * 300, Document("")])


def test_every_unmet_requirement_is_told_at_once():
    with pytest.raises(UsageError) as caught:
        Pipeline([Step("first", ("z", "late")), Step("second", ("x",), ("late",)), Step("third", ("late", "x"))])
    assert str(caught.value).split("\n") == [
        "the stages do not fit: 4 problems",
        "  first requires late, which second provides only later",
        "  first requires z, which no stage provides",
        "  second requires x, which no stage provides",
        "  third requires x, which no stage provides",
    ]


def test_a_stage_does_not_provide_for_itself():
    with pytest.raises(UsageError, match="alone requires x"):
        Pipeline([Step("alone", ("x",), ("x",))])


def test_what_is_given_need_not_be_provided():
    assert Pipeline([Step("a", ("x",))], given=["x"])([]) == ["a"]


def test_an_error_of_a_stage_passes_through():
    class Failing(Step):
        def __call__(self, record):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Pipeline([Step("a"), Failing("b")])([])


def test_the_training_stages_fit_and_no_two_can_change_places():
    Pipeline(TRAINING)
    for i in range(len(TRAINING) - 1):
        swapped = list(TRAINING)
        swapped[i], swapped[i + 1] = swapped[i + 1], swapped[i]
        with pytest.raises(UsageError, match="provides only later"):
            Pipeline(swapped)


def test_without_one_of_the_training_stages_the_rest_do_not_fit():
    for left_out in TRAINING[:-1]:
        with pytest.raises(UsageError, match="which no stage provides"):
            Pipeline([stage for stage in TRAINING if stage is not left_out])


def test_a_forgotten_stage_is_told_in_full():
    with pytest.raises(UsageError, match=r"^the stages do not fit: split requires splits, which no stage provides$"):
        Pipeline([stages.Split()])


TEXTS = ["", "A fine film.", " \n", "Ada saw York. A dull plot!", "👩‍👩‍👧‍👦", "\ud83d", "film " * 40, "x"]


@pytest.fixture(scope="module")
def reader(tiny_run, tiny_tag_run, tiny_translate_run):
    return Pipeline(
        [
            stages.Sentences(),
            stages.Tag(tiny_tag_run.folder),
            stages.Classify(tiny_run.folder),
            stages.Translate(tiny_translate_run.folder),
        ]
    )


def close(found, expected) -> bool:
    """Tell whether plain values are the same, numbers up to 1e-5."""
    if isinstance(expected, float):
        return found == pytest.approx(expected, abs=1e-5)
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(close(found[key], expected[key]) for key in expected)
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(close, found, expected))
    return found == expected


@pytest.mark.parametrize("batch_size", [1, 3, 256])
def test_a_document_for_each_text_in_order_whatever_the_batches(reader, batch_size):
    found = list(reader.stream(iter(TEXTS * 3), batch_size=batch_size))
    assert [doc.text for doc in found] == TEXTS * 3
    alone = [reader(text).to_dict() for text in TEXTS]
    assert close([doc.to_dict() for doc in found], alone * 3)
    assert list(reader.stream([])) == []


def test_a_pipeline_within_a_pipeline_stands_for_its_stages(reader):
    first, second = Pipeline(reader.stages[:2]), Pipeline(reader.stages[2:])
    assert Pipeline([first, second]).stages == reader.stages
    with pytest.raises(UsageError, match="tag uses sentences, which sentences provides only later"):
        Pipeline([reader.stages[1], Pipeline([reader.stages[0]])])


class Counting:
    """Texts that know how many of them were taken."""

    def __init__(self, n: int) -> None:
        self.taken, self.n = 0, n

    def __iter__(self):
        for _ in range(self.n):
            self.taken += 1
            yield "A fine film. Ada"


def test_a_stream_takes_little_before_its_first_answer_and_never_runs_far_ahead():
    nlp, texts = Pipeline([stages.Tokenize(kind="regex")]), Counting(3000)
    stream = nlp.stream(texts)
    assert texts.taken == 0
    for answered, _ in enumerate(stream, start=1):
        assert texts.taken <= max(16, 3 * answered, answered + 256)
    assert answered == 3000
    one = Counting(9)
    for answered, _ in enumerate(nlp.stream(one, batch_size=1), start=1):
        assert one.taken == answered


def test_memory_does_not_grow_with_the_stream(tiny_run, tiny_tag_run, monkeypatch):
    monkeypatch.setattr(chunks, "LONGEST_WAIT", 1e9)  # else a busy machine makes smaller chunks
    nlp = Pipeline([stages.Tag(tiny_tag_run.folder), stages.Classify(tiny_run.folder)])

    def peak(n: int) -> int:
        tracemalloc.start()
        for _ in nlp.stream(Counting(n), batch_size=32):
            pass
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    peak(1000)
    assert peak(3000) - peak(1000) < 2000 * 50  # bytes; a document that is kept takes a thousand and more


@pytest.mark.parametrize("batch_size", [1, 2, 256])
def test_when_the_texts_end_in_an_error_what_came_before_is_given_and_the_error_says_where(batch_size):
    def texts():
        yield from ["one", "two"]
        raise LookupError("the line is dead")

    stream = Pipeline([stages.Tokenize(kind="regex")]).stream(texts(), batch_size=batch_size)
    assert [next(stream).text, next(stream).text] == ["one", "two"]
    with pytest.raises(LookupError, match="the line is dead\nwhen text 3 was asked for"):
        next(stream)


@pytest.mark.parametrize("batch_size", [1, 2, 256])
@pytest.mark.parametrize("bad", [1, 2, 30, 40])
def test_when_a_function_fails_what_came_before_is_given_and_the_error_says_on_which(bad, batch_size):
    called = []

    def picky(doc):
        called.append(doc.text)
        if doc.text == f"text {bad}":
            raise ZeroDivisionError("by nothing")
        return doc

    nlp = Pipeline([stages.Tokenize(kind="regex"), stages.Map(picky), stages.Map(lambda doc: doc, name="after")])
    stream = nlp.stream((f"text {number}" for number in range(1, 60)), batch_size=batch_size)
    for number in range(1, bad):
        doc = next(stream)
        assert doc.text == f"text {number}" and len(doc.tokens) == 2
    with pytest.raises(StageError, match=f"^text {bad}: picky: ZeroDivisionError: by nothing$") as caught:
        next(stream)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert called[: bad - 1] == [f"text {number}" for number in range(1, bad)]


def test_of_two_failures_the_earlier_text_is_told():
    def fail(text):
        def function(doc):
            if doc.text == text:
                raise ValueError(text)
            return doc

        return function

    nlp = Pipeline([stages.Map(fail("d"), name="first"), stages.Map(fail("b"), name="second")])
    stream = nlp.stream("abcde"[i] for i in range(5))
    assert next(stream).text == "a"
    with pytest.raises(StageError, match=r"^text 2: second: ValueError: b$"):
        next(stream)


class Whole(Step):
    """A stage that looks at all its documents before it gives one."""

    def __call__(self, record):
        if any(document.text == "bad" for document in record):
            raise RuntimeError("too bad")
        return list(record)


def test_a_stage_that_fails_on_a_whole_batch_is_asked_again_one_by_one():
    stream = Pipeline([Whole("whole")]).stream(["a", "b", "bad", "c"])
    assert [next(stream).text, next(stream).text] == ["a", "b"]
    with pytest.raises(StageError, match=r"^text 3: whole: RuntimeError: too bad$"):
        next(stream)


class Greedy(Step):
    """A stage that is shy of batches of more than two."""

    def __call__(self, record):
        if len(record) > 2:
            raise RuntimeError("out of memory")
        return list(record)


def test_a_batch_that_only_fails_together_is_answered_one_by_one():
    assert [doc.text for doc in Pipeline([Greedy("greedy")]).stream("abcde"[i] for i in range(5))] == list("abcde")


@pytest.mark.parametrize(
    ("gives", "message"),
    [
        (lambda docs: list(docs)[:-1], "gave no document for a text"),
        (lambda docs: [*docs, *docs], "gave more than one document for a text"),
        (lambda docs: ["text" for _ in docs], "gave no document but str"),
        (lambda docs: repeat(docs[0]), "gave more than one document for a text"),
        (lambda docs: None, "'NoneType' object is not iterable"),
        (lambda docs: [Document("else")], "gave a document of another text, or documents in another order"),
    ],
)
def test_a_stage_that_gives_something_else_is_told(gives, message):
    class Odd(Step):
        def __call__(self, record):
            return gives(record)

    with pytest.raises(StageError, match=f"text 1: odd: .*{message}"):
        Pipeline([Odd("odd")])("text")


def test_a_stage_that_changes_the_order_of_a_batch_cannot_mix_the_documents_up():
    class Turned(Step):
        def __call__(self, record):
            return list(reversed(record))

    assert [doc.text for doc in Pipeline([Turned("turned")]).stream(["a", "b", "c"])] == ["a", "b", "c"]


def test_what_is_no_text_is_refused():
    nlp = Pipeline([stages.Tokenize(kind="regex")])
    with pytest.raises(TypeError, match="found one string; a call takes a single text"):
        next(nlp.stream("text"))
    with pytest.raises(TypeError, match="text 2: expected a string, found int"):
        list(nlp.stream(["a", 3]))
    with pytest.raises(ValueError, match="at least one text, not 0"):
        next(nlp.stream(["a"], batch_size=0))
