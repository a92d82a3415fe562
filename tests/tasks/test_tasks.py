"""The one table of tasks, and what every task in it must keep."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_lstm.config import DataSettings, EncoderSettings, Settings, TrainingSettings, VocabularySettings
from nlp_lstm.corpora.made_sequences import MadeSequences, find_problem, made_sequences
from nlp_lstm.corpora.series import Series
from nlp_lstm.corpora.text_blocks import PlainText
from nlp_lstm.errors import DataError, UsageError
from nlp_lstm.nn.encoder import Encoder
from nlp_lstm.nn.vectors import VectorEncoder
from nlp_lstm.records.examples import Example, PartExample, SentencePair, TaggedSentence
from nlp_lstm.records.predictions import Prediction
from nlp_lstm.tasks import TASKS, find_task
from nlp_lstm.tasks.numbers import ReadsNumbers
from nlp_lstm.tasks.task import Task, encoder_vocabulary, score_names, shown_score
from nlp_lstm.text.characters import Characters
from nlp_lstm.text.pair_tokenizer import PairTokenizer
from nlp_lstm.text.regex_words import RegexWords
from nlp_lstm.text.tag_schemes import convert
from nlp_lstm.text.vocabulary import Vocabulary
from nlp_lstm.training.depth import Thaw

TOKENIZER = RegexWords()
ENCODER = EncoderSettings(embed_size=3, hidden_size=5, n_layers=2)
ODD = ["", "a", " \t", "so it is", "Ada\nmet Bob", "👩‍👩‍👧 ÉTÉ", "\ud83d", "\x00\x1b[31m", "zyzzyva " * 70, "a" * 300]


@dataclass(frozen=True)
class Case:
    """A task with data that fit it.

    Attributes:
        kind: its name in the table.
        examples: of every label some, one of them without a word; in all 11.
        stranger: an example with a label that none of them has.
        told: a pattern of what `check` says of it; None where any example can be scored.
        right: returns the predictions that are right for some examples.
        n_items: how many items the loss counts in all examples together.
        file: the name and the text of a file with the examples; None where none holds all of them.
        n_batches: batches of four examples in an epoch.
        head: settings of the head.
        needs_words: whether there is nothing to learn in a text without words, so that files and batches have none.
        tokenizer: what cuts its texts.
        inputs: what `inputs.txt` holds where the file with the labels is none to predict on.
        best: the score worth a glance that right predictions have.
        encoder: the encoder its networks get.
        labelled: whether its examples say what is right; else what is right can't be handed in.
        options: what its answers are asked with.
        asked: what it is asked about.
        spread: what fresh weights are multiplied by, where the predictions would else be all alike.
    """

    kind: str
    examples: Sequence[Any]
    stranger: Any
    told: str | None
    right: Callable[[Sequence[Any]], list[Any]]
    n_items: int
    file: tuple[str, str] | None
    n_batches: int = 3
    head: Mapping[str, Any] = field(default_factory=dict)
    needs_words: bool = False
    tokenizer: Any = TOKENIZER
    inputs: str | None = None
    best: float = 1.0
    spread: float = 1.0
    encoder: EncoderSettings = ENCODER
    labelled: bool = True
    options: Mapping[str, Any] = field(default_factory=dict)
    asked: Sequence[Any] = tuple(ODD)

    @cached_property
    def task(self) -> Task:
        kind = find_task(self.kind)
        tokens = kind.tokenize(self.examples, self.tokenizer, cache=None)
        vocabularies = kind.build_vocabularies(tokens, self.tokenizer, VocabularySettings(min_count=1))
        return kind.from_examples(self.examples, kind.Settings(**self.head), self.tokenizer, vocabularies)

    def rows(self, examples: Sequence[Any] | None = None) -> Any:
        """Return the ids of some examples, else of all."""
        examples = self.examples if examples is None else examples
        return self.task.encode(self.task.tokenize(examples, self.tokenizer, cache=None))

    def model(self) -> Any:
        torch.manual_seed(1)
        model = self.task.build(self.encoder)
        with torch.no_grad():
            for weight in model.parameters():
                weight *= self.spread
        return model

    def answers(self, model: Any, inputs: Sequence[Any], **options: Any) -> list[Any]:
        """Return the answers to some inputs."""
        return self.task.answer(model, inputs, **self.options, **options)


TEXTS = ["fine film", "so dull", "", "a", "it is so fine", "film", "dull dull dull", "Film", "is it", "so so", "it"]
LABELLED = [(text, ("good", "bad", "mixed")[n % 3]) for n, text in enumerate(TEXTS)]

WORDS = [
    *(["Ada", "met", "Bob"], ["in", "Old", "York"], [], ["a"], ["Bob", "Bell", "wept"], ["York"], ["ADA"]),
    *(["met", "in", "Rome", "and", "York"], ["Ada", "Bell"], ["Rome"], ["so", "it", "is"]),
]
CHUNKS = [
    *(["B-PER", "O", "B-PER"], ["O", "B-LOC", "I-LOC"], [], ["O"], ["B-PER", "I-PER", "O"], ["B-LOC"], ["B-PER"]),
    *(["O", "O", "B-LOC", "O", "B-LOC"], ["B-PER", "I-PER"], ["B-LOC"], ["O", "O", "O"]),
]
KINDS = [["NAME" if word[0].isupper() else "WORD" for word in words] for words in WORDS]
LENGTHS = [["LONG" if len(word) > 3 else "SHORT" for word in words] for words in WORDS]


def of_words(words: Sequence[str], tags: Sequence[str], more: Sequence[str], line: int) -> TaggedSentence:
    return TaggedSentence.of_words(words, tags, auxiliary=more, source="made.conll", line=line)


def tagged(every_tag: Sequence[Sequence[str]]) -> list[TaggedSentence]:
    return [of_words(*parts, line) for line, parts in enumerate(zip(WORDS, every_tag, LENGTHS, strict=True), start=1)]


def columns(every_tag: Sequence[Sequence[str]]) -> str:
    parts = (zip(words, tags, strict=True) for words, tags in zip(WORDS, every_tag, strict=True) if words)
    return "".join("".join(f"{word} {tag}\n" for word, tag in part) + "\n" for part in parts)


PAIRS = [
    *(("a dog runs", "ein Hund läuft"), ("so it is", "so ist es"), ("the dog", "der Hund"), ("", "nichts")),
    *(("is it so", "ist es so"), ("a", "ein"), ("dog dog", "Hund Hund Hund"), ("it runs", "es läuft")),
    *(("the dog is so it is", "der Hund ist so wie er ist"), ("so", "so"), ("a dog is it", "ein Hund ist es")),
]


def series(n_rows: int = 9) -> Series:
    """Return rows of two columns, no two alike."""
    values = np.random.default_rng(n_rows).normal(size=(n_rows, 2)) * [1.0, 100.0] + [0.0, 50.0]
    return Series(values, ("a", "b"), source="made.csv")


def right_of_part(each: PartExample) -> Any:
    if each.part == "mood":
        return Prediction(each.example.label, 1.0, {})
    return tuple(convert(each.example.tags, "iob2", "bioes"))


FOLDER = TemporaryDirectory()


def plain_texts(n_lines: int = 60) -> list[PlainText]:
    """Return eleven texts of so many lines, about six characters each, no two alike."""
    random = Random(1)
    texts = []
    for number in range(11):
        path = Path(FOLDER.name) / f"{number} of {n_lines}.txt"
        lines = (f"{random.choice(['so it', 'a dog', 'is', 'dull'])} {number}\n" for _ in range(n_lines))
        path.write_text("".join(lines))
        texts.append(PlainText(str(path), (str(path),)))
    return texts


CASES = {
    "classify": Case(
        kind="classify",
        examples=[Example(*pair, "made.csv", line) for line, pair in enumerate(LABELLED, start=2)],
        stranger=Example("text", "goood", "dev.csv", 7),
        told=r"^line 7 of dev\.csv: label 'goood' .*; did you mean 'good'\?$",
        right=lambda examples: [Prediction(example.label, 1.0, {}) for example in examples],
        n_items=11,
        file=("made.csv", "text,label\n" + "".join(f"{text},{label}\n" for text, label in LABELLED)),
    ),
    "tag chunks": Case(
        kind="tag",
        examples=tagged(CHUNKS),
        stranger=of_words(["so", "Fiat"], ["O", "B-ORG"], ["SHORT", "LONG"], 7),
        told="never seen in training count as wrong: B-ORG ",
        right=lambda examples: [tuple(convert(example.tags, "iob2", "bioes")) for example in examples],
        n_items=sum(map(len, WORDS)),
        file=("made.conll", columns(CHUNKS)),
        needs_words=True,
    ),
    "tag words": Case(
        kind="tag",
        examples=tagged(KINDS),
        stranger=of_words(["7"], ["NUMBER"], ["SHORT"], 7),
        told="never seen in training count as wrong: NUMBER ",
        right=lambda examples: [example.tags for example in examples],
        n_items=sum(map(len, WORDS)),
        file=("made.conll", columns(KINDS)),
        head={"crf": False, "characters": "lstm", "character_size": 8, "auxiliary_weight": 0.5},
        needs_words=True,
    ),
    "translate": Case(
        kind="translate",
        examples=[SentencePair(*pair, "made.tsv", line) for line, pair in enumerate(PAIRS, start=1)],
        stranger=SentencePair("what", "was", "dev.tsv", 7),
        told=None,
        right=lambda examples: [pair.target_text for pair in examples],
        n_items=sum(len(target.split(" ")) + 1 for _, target in PAIRS),
        file=("made.tsv", "".join(f"{source}\t{target}\n" for source, target in PAIRS if source)),
        head={"embed_size": 4, "hidden_size": 6, "n_layers": 2, "tied": False},
        needs_words=True,
        tokenizer=PairTokenizer(TOKENIZER, RegexWords(lowercase=True)),
        inputs="".join(f"{source}\n" for source, _ in PAIRS if source),
        best=100.0,
        spread=4.0,
    ),
    "generate": Case(
        kind="generate",
        examples=plain_texts(),
        stranger=PlainText("other.txt", ("other.txt",)),
        told=None,
        right=lambda examples: [],
        n_items=0,
        file=("made.txt", ""),
        tokenizer=Characters(),
        best=math.inf,
        encoder=ENCODER.model_copy(update={"bidirectional": False}),
        labelled=False,
        options={"max_new_tokens": 6},
    ),
    "forecast": Case(
        kind="forecast",
        examples=[replace(series(), values=series(9 + number).values[-9:]) for number in range(11)],
        stranger=Series(np.ones((20, 1)), ("b",), source="dev.csv"),
        told=r"^dev\.csv: no column 'a'; known: b$",
        right=lambda examples: [],
        n_items=0,
        file=("made.csv", ""),
        head={"horizon": 3, "lookback": 6, "segment": 2},
        tokenizer=None,
        best=math.inf,
        encoder=ENCODER.model_copy(update={"bidirectional": False, "embedding_dropout": 0.0}),
        labelled=False,
        asked=[series(n_rows) for n_rows in (6, 7, 20, 300, 8, 9, 10, 11, 12)],
    ),
    "forecast of a target": Case(
        kind="forecast",
        examples=[replace(series(), values=series(9 + number).values[-9:]) for number in range(11)],
        stranger=Series(np.ones((20, 1)), ("a",), source="dev.csv"),
        told=r"^dev\.csv: no column 'b'; known: a$",
        right=lambda examples: [],
        n_items=0,
        file=("made.csv", ""),
        head={"horizon": 3, "lookback": 6, "segment": 2, "targets": ["a"], "quantiles": [0.1, 0.5, 0.9]},
        tokenizer=None,
        best=math.inf,
        encoder=ENCODER.model_copy(update={"bidirectional": False, "embedding_dropout": 0.0}),
        labelled=False,
        asked=[series(n_rows) for n_rows in (6, 7, 20, 300, 8, 9, 10, 11, 12)],
    ),
    "joint": Case(
        kind="joint",
        examples=[
            *(PartExample("mood", Example(*pair, "made.csv", line)) for line, pair in enumerate(LABELLED[:6], start=2)),
            *(PartExample("names", each) for each in tagged(CHUNKS)[3:8]),
        ],
        stranger=PartExample("names", of_words(["so", "Fiat"], ["O", "B-ORG"], ["SHORT", "LONG"], 7)),
        told="^names: tags never seen in training count as wrong: B-ORG ",
        right=lambda examples: [right_of_part(each) for each in examples],
        n_items=4,  # a batch is one
        n_batches=4,
        file=None,
        head={"parts": {"mood": {"task": "classify"}, "names": {"task": "tag"}}, "character_size": 8},
    ),
    "lags": Case(
        kind="lags",
        examples=MadeSequences(find_problem("adding-20"), "made:adding-20", "train", 11),
        stranger=made_sequences("made:reber/dev")[0],
        told=r"^made:reber/dev: expected sequences as those of adding-20$",
        right=lambda examples: [],
        n_items=0,
        file=("made.csv", ""),
        tokenizer=None,
        encoder=ENCODER.model_copy(update={"bidirectional": False, "embedding_dropout": 0.0}),
        labelled=False,
        asked=made_sequences("made:adding-30/test")[:9],
    ),
}

OTHER_CELLS = {
    "classify": ("layernorm_lstm", "transformer"),
    "tag chunks": ("peephole_lstm",),
    "translate": ("minlstm", "transformer"),
    "generate": ("transformer",),
    "forecast": ("gru", "minlstm", "transformer"),
}
"""Of each new kind of layer a task or two, so that every task has met one that is no plain recurrence."""

CASES |= {
    f"{name}, {cell}": replace(CASES[name], encoder=CASES[name].encoder.model_copy(update={"cell": cell}))
    for name, cells in OTHER_CELLS.items()
    for cell in cells
}
INSPECTED = [name for name, case in CASES.items() if case.kind not in ("forecast", "lags") and "," not in name]
"""The cases with a text for `inspect` to look at; tests/stages/test_inspecting_numbers.py has the others."""
CASES["generate, transformer"] = replace(CASES["generate, transformer"], examples=plain_texts(20))  # for speed


@pytest.fixture(params=CASES)
def case(request) -> Case:
    return CASES[request.param]


@pytest.fixture
def labelled(case) -> None:
    if not case.labelled:
        pytest.skip("its examples have no labels: tests/tasks/test_generate.py")


@pytest.fixture
def task(case) -> Task:
    return case.task


@pytest.fixture
def model(case):
    return case.model()


def plain(predictions: Sequence[Any]) -> list[Any]:
    """Return predictions as plain values."""
    return [each.to_dict() if hasattr(each, "to_dict") else each for each in predictions]


def same(found: Any, expected: Any) -> bool:
    """Tell whether plain values are the same, numbers up to 1e-5."""
    if isinstance(expected, float):
        return found == pytest.approx(expected, rel=1e-5, abs=1e-5)
    if isinstance(expected, Mapping):
        return list(found) == list(expected) and all(same(found[key], expected[key]) for key in expected)
    if isinstance(expected, list | tuple):
        return len(found) == len(expected) and all(map(same, found, expected))
    return bool(found == expected)


def headline(task: Task, report: Mapping[str, Any]) -> list[float]:
    """Return the scores of a report that are worth a glance; a task may name some that only its other reports have."""
    found = [report[name] for name in type(task).headline.values() if name in report]
    assert found
    return found


def test_every_task_of_the_table_is_tested_here():
    assert {case.kind for case in CASES.values()} == set(TASKS)


def test_an_unknown_task_is_met_with_the_nearest():
    with pytest.raises(UsageError, match=r"^no task 'clasify'; did you mean 'classify'\?$"):
        find_task("clasify")


def test_a_task_says_what_its_settings_its_examples_and_its_scores_are(case, task, model):
    kind = type(task)
    assert kind is find_task(case.kind)
    assert kind.__doc__
    assert issubclass(kind.Settings, Settings) and isinstance(task.settings, kind.Settings)
    assert kind.unit.isalpha()
    assert headline(task, task.report(case.examples, task.predict(model, case.rows())).to_dict())


def test_the_examples_of_a_file_are_read_with_their_lines_and_predicted_on_without_labels(
    labelled, case, task, tmp_path
):
    if case.file is None:
        pytest.skip("its parts have files of their own: tests/stages/test_joint.py")
    path = tmp_path / case.file[0]
    path.write_text(case.file[1], encoding="utf-8")
    found = task.read(str(path), DataSettings(), lambda: case.tokenizer)
    expected = [example for example in case.examples if example.text or not case.needs_words]
    assert [(each.text, each.label) for each in found] == [(each.text, each.label) for each in expected]
    assert same(plain(case.right(found)), plain(case.right(expected)))
    lines = case.file[1].split("\n")
    assert all(lines[each.line - 1].startswith(each.text.split(" ")[0]) for each in found)
    assert {each.source for each in found} == {str(path)}
    assert {type(each) for each in found} == {task.example_type}
    if case.inputs is not None:
        path = tmp_path / "inputs.txt"
        path.write_text(case.inputs, encoding="utf-8")
    assert [record.text for record in task.records(str(path), DataSettings())] == [each.text for each in found]


def test_a_task_comes_back_from_its_labels(case, task, model):
    labels = json.loads(json.dumps({name: list(those) for name, those in task.to_labels().items()}))
    head = json.loads(json.dumps(task.settings.model_dump()))
    vocabularies = {name: Vocabulary.from_dict(each.to_dict()) for name, each in task.vocabularies.items()}
    again = type(task).from_labels(labels, type(task).Settings(**head), case.tokenizer, vocabularies)
    assert again.to_labels() == task.to_labels() and again.settings == task.settings
    assert again.build(case.encoder).load_state_dict(model.state_dict())
    rows = again.encode(again.tokenize(case.examples, case.tokenizer, cache=None))
    assert again.predict(model, rows) == task.predict(model, case.rows())
    assert again.answer(model, case.asked, **case.options) == case.answers(model, case.asked)


def test_the_network_stands_on_the_shared_encoder(case, task, model):
    encoder = model.encoder
    if isinstance(task, ReadsNumbers):
        assert isinstance(encoder, VectorEncoder)
        width = encoder.input_size if encoder.projection is None else ENCODER.embed_size
        assert encoder.stack.input_size == width
    else:
        vocabulary = encoder_vocabulary(task)
        assert isinstance(encoder, Encoder)
        assert encoder.embedding.weight.shape == (len(vocabulary), ENCODER.embed_size)
        assert (encoder.embedding.padding_idx, encoder.unknown_id) == (vocabulary.pad_id, vocabulary.unknown_id)
    assert len(encoder.stack.layers) == ENCODER.n_layers
    two_way = case.encoder.bidirectional and case.encoder.cell != "transformer"
    assert encoder.output_size == (2 if two_way else 1) * ENCODER.hidden_size


def test_batches_cover_every_text_and_give_a_loss_that_can_be_learned_from(labelled, case, task, model):
    batches = task.batches(case.rows(), case.examples, TrainingSettings(batch_size=4))
    assert len(batches) == case.n_batches
    assert batches.n_cut == 0
    n_items = 0.0
    for batch in batches.epoch(0):
        loss = task.loss(model.train(), batch)
        assert loss.total.shape == () and torch.isfinite(loss.total)
        loss.total.backward()
        n_items += loss.n_items
    assert n_items == case.n_items
    weights = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    assert weights
    assert [name for name, weight in weights.items() if weight.grad is None or not weight.grad.isfinite().all()] == []


def test_the_loss_falls_along_its_gradient(case, task, model):
    batch = next(task.batches(case.rows(), case.examples, TrainingSettings(batch_size=11)).epoch(0))
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    before = task.loss(model.eval(), batch).total
    before.backward()
    length = torch.nn.utils.get_total_norm([weight.grad for weight in weights if weight.grad is not None])
    torch.optim.SGD(weights, lr=1e-3 / float(length)).step()
    assert task.loss(model, batch).total < before


def test_while_the_encoder_is_frozen_the_head_learns_alone(case, task, model):
    batch = next(task.batches(case.rows(), case.examples, TrainingSettings(batch_size=11)).epoch(0))
    Thaw(model, TrainingSettings(unfreeze=0.5), 100).begin(0)
    task.loss(model.train(), batch).total.backward()
    learning = {name for name, weight in model.named_parameters() if weight.grad is not None}
    assert learning and not any(name.startswith("encoder.") for name in learning)


def test_an_epoch_is_the_same_again_and_another_one_is_not(case, task, model):
    batches = task.batches(case.rows(), case.examples, TrainingSettings(batch_size=2, seed=3))
    again = task.batches(case.rows(), case.examples, TrainingSettings(batch_size=2, seed=3))

    def losses(of: Any, number: int, start: int = 0) -> list[float]:
        return [task.loss(model.eval(), batch).total.item() for batch in of.epoch(number, start=start)]

    assert len(losses(batches, 4)) == len(batches)
    assert losses(batches, 4) == losses(again, 4) != losses(batches, 5)
    assert losses(batches, 4, start=2) == losses(batches, 4)[2:]


def test_of_long_texts_an_epoch_reads_a_window_and_says_of_how_many(labelled, case, task, model):
    if case.kind == "translate":
        pytest.skip("of pairs it reads the beginning: tests/batching/test_pairs.py")
    lengths = [len(tokens) for tokens in TOKENIZER.keys([example.text for example in case.examples])]
    batches = task.batches(case.rows(), case.examples, TrainingSettings(batch_size=1, max_tokens=2))
    assert batches.n_cut == sum(length > 2 for length in lengths) > 0
    found = sorted(batch.n_tokens for batch in batches.epoch(0))
    empty = [] if case.needs_words else [1]  # it is read as one unknown word
    assert found == sorted([*(min(length, 2) for length in lengths if length), *empty])
    losses = [task.loss(model, batch).total for number in range(5) for batch in batches.epoch(number)]
    assert torch.stack(losses).isfinite().all()


def test_a_prediction_for_every_row_in_order_whatever_the_batches(case, task, model):
    examples = case.examples
    found = plain(task.predict(model, case.rows()))
    assert len(found) == len(examples)
    assert len({str(each) for each in found}) > 3  # else an order could not be seen
    assert task.predict(model, case.rows([])) == []
    for batch_size in (1, 2, 7):
        assert same(plain(task.predict(model, case.rows(), batch_size=batch_size)), found)
    assert same(plain(task.predict(model, case.rows(examples[::-1])))[::-1], found)
    alone = [task.predict(model, case.rows([example])) for example in examples]
    assert same([each for one in alone for each in plain(one)], found)


def test_an_answer_for_every_text_in_order_whatever_the_batches(case, model):
    found = plain(case.answers(model, case.asked))
    assert len(found) == len(case.asked)
    assert case.answers(model, []) == []
    for batch_size in (1, 2, 7):
        assert same(plain(case.answers(model, case.asked, batch_size=batch_size)), found)
    assert same(plain(case.answers(model, case.asked[::-1]))[::-1], found)
    alone = [plain(case.answers(model, [text])) for text in case.asked]
    assert same([each for one in alone for each in one], found)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.tokenizer is not None])
@settings(deadline=None, max_examples=25)
@given(texts=st.lists(st.text(), max_size=8))
def test_as_many_answers_as_texts(name, texts):
    found = CASES[name].answers(CASES[name].model(), texts)
    assert len(found) == len(texts)
    assert all("\n" not in each.to_text() for each in found)


def test_an_answer_is_ready_for_json_for_people_and_for_a_table(case, model):
    answers = case.answers(model, case.asked)
    json.dumps(plain(answers), allow_nan=False)
    assert all(isinstance(each.to_text(), str) and "\n" not in each.to_text() for each in answers)
    (width,) = {len(each.cells()) for each in answers}
    assert width and all(isinstance(cell, str) for each in answers for cell in each.cells())


def test_a_task_that_takes_words_answers_them_as_the_text_of_these_words(case, task, model):
    if not type(task).takes_words:
        pytest.skip("it takes texts only")
    texts = ["Ada met Bob", "", "so", "York"]
    words = [[], ["Ada", "met", "Bob"], ("so",), ["Ada met", "Bob"]]
    found = case.answers(model, ["Ada met Bob", *words, ""])
    assert [each.text for each in found] == ["Ada met Bob", "", "Ada met Bob", "so", "Ada met Bob", ""]
    assert same(plain(found[:4]), plain(case.answers(model, [texts[0], texts[1], texts[0], texts[2]])))
    assert found[4].words == ("Ada met", "Bob") and found[4].starts == (0, 8)


def test_predicting_puts_the_network_in_eval_and_leaves_no_gradients(case, task, model):
    model.train()
    first = task.predict(model, case.rows())
    assert not model.training
    model.train()
    assert plain(case.answers(model, case.asked)) == plain(case.answers(model, case.asked))
    assert not model.training
    assert task.predict(model, case.rows()) == first
    assert all(weight.grad is None for weight in model.parameters())


def test_scores_are_ready_for_json_and_lie_between_zero_and_one(case, task, model):
    found = task.predict(model, case.rows())
    assert 0 <= task.score(case.examples, found) <= 1
    report = task.report(case.examples, found).to_dict()
    assert report["n"] == len(case.examples)
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert all(0 <= score <= case.best for score in headline(task, report))


def test_the_names_of_all_scores_are_known_before_there_is_a_report(case, task, model):
    report = task.report(case.examples, task.predict(model, case.rows())).to_dict()
    for part, own in report.get("parts", {}).items():
        report |= {f"{part}.{name}": value for name, value in own.items()}
    known = score_names(task)
    if known is not None:  # else a task leaves it to its reports
        numbers = {name for name, value in report.items() if isinstance(value, float)}
        assert numbers <= known <= report.keys() and known <= numbers | {n for n in known if report[n] is None}
        assert type(task).costs <= known


WATCHED = {
    "accuracy": ["accuracy"],
    "F1": ["f1"],
    "chrF": ["chrf"],
    "nats a token": ["nats_per_token"],
    "MSE": ["mse"],
    "MSE + pinball loss": ["mse", "pinball"],
}
"""What a report calls the scores whose sum training watches, by their name for people."""


def test_what_training_watches_is_shown_with_its_name_as_the_report_has_it(case, task, model):
    found = task.predict(model, case.rows())
    shown = shown_score(task, task.score(case.examples, found))
    assert shown and "\n" not in shown
    if hasattr(task, "shown_score"):  # else a bare number
        scores = WATCHED[max((name for name in WATCHED if name in shown), key=len)]
        number = float(re.search(r"\d+\.\d+", shown)[0])
        report = task.report(case.examples, found).to_dict()
        assert number == pytest.approx(sum(report[score] for score in scores), abs=6e-3)
        assert ("lower is better" in shown) == (scores[0] in type(task).costs)


def test_a_task_that_says_nothing_of_its_scores_needs_not():
    class Bare:
        pass

    assert score_names(Bare()) is None and shown_score(Bare(), 0.12345) == "0.1235"


def test_what_is_right_scores_one(labelled, case, task):
    right = case.right(case.examples)
    assert task.score(case.examples, right) == 1
    report = task.report(case.examples, right).to_dict()
    assert headline(task, report) == pytest.approx([case.best] * len(headline(task, report)))


def test_what_is_right_for_another_text_scores_less(labelled, case, task):
    order = [1, 0, *range(2, 11)]  # the first two texts are of one length and have other labels
    moved = case.right([case.examples[place] for place in order])
    assert 0 < task.score(case.examples, moved) < 1
    report = task.report(case.examples, moved).to_dict()
    assert all(0 < score < case.best for score in headline(task, report))


def test_nothing_is_told_of_labels_that_training_has_seen(case, task):
    assert task.check(case.examples[:2]) == []


def test_what_was_never_seen_in_training_is_told_and_refused_or_counted_as_wrong(case, task, model):
    examples = [case.examples[0], case.stranger]
    if case.told is None:
        assert task.check(examples) == []
        return
    try:
        (told,) = task.check(examples)
    except DataError as error:
        told = str(error)
    else:
        found = [*case.right(examples[:1]), *task.predict(model, case.rows([case.stranger]))]
        assert task.score(examples, found) < 1
        report = task.report(examples, found).to_dict()
        assert all(score < 1 for score in headline(task, report))
    assert re.search(case.told, told)


def test_gradients_are_the_same_bytes_again_on_two_threads(case):
    """A sum whose order is left to chance, as that of a gradient through advanced indexing is, shows itself here."""
    examples = [each for each in case.examples if getattr(each, "text", True)] * 40
    rows = case.rows(examples)
    still = {"embed_size": 64, "hidden_size": 32, "n_layers": 1, "dropout": 0.0, "embedding_dropout": 0.0}
    model = case.task.build(case.encoder.model_copy(update=still))
    batch = next(case.task.batches(rows, examples, TrainingSettings(batch_size=len(examples))).epoch(0))

    def gradients() -> list[torch.Tensor]:
        model.zero_grad()
        torch.manual_seed(0)
        case.task.loss(model.train(), batch).total.backward()
        return [weight.grad.clone() for weight in model.parameters() if weight.grad is not None]

    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        first = gradients()
        assert all(all(map(torch.equal, first, gradients())) for _ in range(5))
    finally:
        torch.set_num_threads(threads)
