"""Classification: labels from examples, the loss of its settings, predictions as probabilities."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from nlp_lstm.batching.labelled import LabelledBatch
from nlp_lstm.config import EncoderSettings, TrainingSettings, VocabularySettings, problems_of
from nlp_lstm.errors import DataError, ModelError
from nlp_lstm.records.examples import Example
from nlp_lstm.records.predictions import Prediction
from nlp_lstm.tasks.classify import Classify, ClassifySettings
from nlp_lstm.text.regex_words import RegexWords
from nlp_lstm.text.subwords import train_subwords
from nlp_lstm.text.vocabulary import Vocabulary

WORDS = RegexWords(lowercase=True)
VOCABULARIES = {"tokens": Vocabulary(["<pad>", "<unk>", "fine", "dull", "film"])}


def examples(*labels: str | None) -> list[Example]:
    return [Example("text", label, "made.csv", line) for line, label in enumerate(labels, start=2)]


def task_of(*labels: str, **settings: object) -> Classify:
    return Classify(labels, ClassifySettings(**settings), WORDS, VOCABULARIES)


def task_from(*labels: str | None, **settings: object) -> Classify:
    return Classify.from_examples(examples(*labels), ClassifySettings(**settings), WORDS, VOCABULARIES)


class Fixed(nn.Module):
    """A network that gives each text the logits told for its first id."""

    def __init__(self, logits: list[list[float]]) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.tensor(logits))

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return self.logits[ids[:, 0]]


def batch(first_ids: list[int], targets: list[int]) -> LabelledBatch:
    ids = torch.tensor(first_ids).unsqueeze(1)
    return LabelledBatch(ids, torch.ones_like(ids, dtype=torch.bool), torch.tensor(targets))


def row(*ids: int) -> np.ndarray:
    return np.array(ids, dtype=np.int32)


def test_labels_stand_in_alphabetical_order_whatever_came_first():
    task = task_from("pos", "neg", "neutral", "neg")
    assert task.labels == ("neg", "neutral", "pos")
    assert task.targets(examples("pos", "neg", "neutral")).tolist() == [2, 0, 1]


@pytest.mark.parametrize(("labels", "found"), [(("a", "a"), "'a'"), ((None, None), "none")])
def test_fewer_than_two_labels_are_refused(labels, found):
    with pytest.raises(DataError, match=rf"^made\.csv: expected at least two different labels, found {found}$"):
        task_from(*labels)


def test_an_unknown_label_is_told_with_its_line_and_the_nearest():
    task = task_of("negative", "positive")
    expected = r"^line 3 of made\.csv: label 'postive' .*; did you mean 'positive'\?$"
    with pytest.raises(DataError, match=expected):
        task.targets(examples("positive", "postive"))


def test_a_missing_label_is_told_as_missing():
    task = task_of("negative", "positive")
    with pytest.raises(DataError, match=r"^line 2 of made\.csv: .*(no label|missing)"):
        task.targets(examples(None))


def test_the_loss_is_the_cross_entropy_summed_over_texts():
    task = task_of("a", "b")
    model = Fixed([[0.0, math.log(3)], [0.0, 0.0]])
    total, n_items, _ = task.loss(model, batch([0, 0, 1], [1, 0, 0]))
    # p(b | 0) = 3/4, p(a | 0) = 1/4, p(a | 1) = 1/2
    assert total.item() == pytest.approx(-math.log(3 / 4) - math.log(1 / 4) - math.log(1 / 2))
    assert n_items == 3


def test_balanced_weights_are_the_inverse_frequencies_and_reach_the_loss():
    task = task_from("a", "b", "a", "a", class_weights="balanced")
    model = Fixed([[0.0, math.log(3)]])
    total, n_items, _ = task.loss(model, batch([0, 0], [0, 1]))
    # 4 texts, 2 labels: a weighs 4 / (2 · 3), b weighs 4 / (2 · 1).
    assert total.item() == pytest.approx(2 / 3 * -math.log(1 / 4) + 2 * -math.log(3 / 4))
    assert n_items == pytest.approx(2 / 3 + 2)


@given(st.lists(st.sampled_from("abc"), min_size=2).filter(lambda labels: len(set(labels)) > 1))
def test_balanced_weights_give_each_label_an_equal_share_of_the_training_data(labels):
    task = task_from(*labels, class_weights="balanced")
    targets = task.targets(examples(*labels))
    _, n_items, _ = task.loss(Fixed([[0.0] * len(task.labels)]), batch([0] * len(labels), targets.tolist()))
    assert n_items == pytest.approx(len(labels), rel=1e-5)
    for number in range(len(task.labels)):
        own = [0] * int((targets == number).sum())
        _, share, _ = task.loss(Fixed([[0.0] * len(task.labels)]), batch(own, [number] * len(own)))
        assert share == pytest.approx(len(labels) / len(task.labels), rel=1e-5)


def test_label_smoothing_reaches_the_loss():
    task = task_of("a", "b", label_smoothing=0.2)
    total, n_items, _ = task.loss(Fixed([[0.0, math.log(3)]]), batch([0], [1]))
    # The target is 0.9 for b and 0.1 for a.
    assert total.item() == pytest.approx(-0.9 * math.log(3 / 4) - 0.1 * math.log(1 / 4))
    assert n_items == 1


class Twofold(nn.Module):
    """A network that reads a text in another way each time."""

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return torch.tensor([[0.0, math.log(3)], [0.0, 0.0]])[: len(ids)]


def test_two_readings_of_a_text_must_agree():
    task = task_of("a", "b", consistency=3.0)
    model = Twofold()
    total, n_items, _ = task.loss(model, batch([0], [1]))
    # p is (1/4, 3/4), then (1/2, 1/2): D = ½ · (¼ log 2 + ¼ log (3 / 2)) = ⅛ log 3.
    losses = (-math.log(3 / 4) - math.log(1 / 2)) / 2
    assert total.item() == pytest.approx(losses + 3 / 2 * math.log(3) / 8)
    assert n_items == 1
    assert task.loss(model.eval(), batch([0], [1])).total.item() == pytest.approx(math.log(4 / 3))


def test_without_dropout_two_readings_agree():
    model = Fixed([[0.3, -0.2], [1.0, 2.0]])
    texts = batch([0, 1, 1], [0, 1, 0])
    once, twice = (task_of("a", "b", consistency=weight).loss(model, texts) for weight in (0.0, 5.0))
    assert twice.total.item() == pytest.approx(once.total.item()) and twice.n_items == once.n_items


@pytest.mark.parametrize("settings", [{}, {"label_smoothing": 0.2}])
def test_balanced_weights_change_nothing_when_labels_are_balanced(settings):
    plain = task_from("a", "b", **settings)
    weighted = task_from("a", "b", class_weights="balanced", **settings)
    model, texts = Fixed([[0.3, -0.2], [1.0, 2.0]]), batch([0, 1, 1], [0, 1, 0])
    assert weighted.loss(model, texts).total.item() == pytest.approx(plain.loss(model, texts).total.item())


def test_probabilities_are_the_softmax_in_label_order_and_in_the_order_of_the_rows():
    task = task_of("a", "b")
    model = Fixed([[0.0, math.log(3)], [0.0, 0.0], [math.log(9), 0.0]])
    # The shortest, the longest and one between: batches are formed by length.
    rows = [row(2, 2, 2), row(0), row(1, 1, 1, 1, 1, 1), row(0, 0)]
    found = task.probabilities(model, rows, batch_size=2)
    np.testing.assert_allclose(found, [[0.9, 0.1], [0.25, 0.75], [0.5, 0.5], [0.25, 0.75]], atol=1e-7)


def test_the_prediction_is_the_likeliest_label_the_first_of_equals():
    task = task_of("a", "b")
    model = Fixed([[0.0, math.log(3)], [0.0, 0.0]])
    found = task.predict(model, [row(0), row(1)])
    assert [each.label for each in found] == ["b", "a"]
    assert found[0].score == pytest.approx(0.75) == found[0].scores["b"]
    assert list(found[0].scores) == ["a", "b"]


def test_extreme_scores_stay_probabilities():
    task = task_of("a", "b", "c")
    (found,) = task.probabilities(Fixed([[3e38, -3e38, 3e38]]), [row(0)])
    assert found.tolist() == [0.5, 0, 0.5]


def test_predicting_puts_the_network_in_eval_and_leaves_no_gradients():
    task = task_of("a", "b", dropout=0.9)
    torch.manual_seed(1)
    model = task.build(EncoderSettings(embed_size=3, hidden_size=4, dropout=0.9)).train()
    rows = [row(2, 3), row(4)]
    assert task.predict(model, rows) == task.predict(model, rows)
    assert not model.training
    assert all(weight.grad is None for weight in model.parameters())


@pytest.mark.parametrize("pooling", ["concat", "max", "attention"])
def test_the_network_has_the_pooling_and_dropout_of_the_settings(pooling):
    task = task_of("a", "b", "c", pooling=pooling, dropout=0.7)
    model = task.build(EncoderSettings(embed_size=3, hidden_size=4))
    assert model.output.in_features == {"concat": 24, "max": 8, "attention": 8}[pooling]
    assert model.output.out_features == 3
    assert model.dropout.p == 0.7


def test_batches_follow_the_settings():
    task = task_of("a", "b")
    rows = [row(*range(2, 9)), row(2), row(3), row(4)]
    settings = TrainingSettings(batch_size=3, max_tokens=5, seed=3)
    batches = task.batches(rows, examples("a", "b", "a", "b"), settings)
    assert (len(batches), batches.n_cut) == (2, 1)
    longest = max(int(each.mask.sum(1).max()) for each in batches.epoch(0))
    assert longest == 5
    again = task.batches(rows, examples("a", "b", "a", "b"), settings)
    for one, other in zip(batches.epoch(4), again.epoch(4), strict=True):
        assert torch.equal(one.ids, other.ids) and torch.equal(one.targets, other.targets)


def test_padding_is_the_vocabularys_in_training_and_in_prediction():
    specials = ("<unk>", "<bos>", "<pad>")
    task = Classify(
        ["a", "b"], ClassifySettings(), WORDS, {"tokens": Vocabulary([*specials, "fine"], specials=specials)}
    )
    rows = [row(3, 3, 3), row(3)]
    (batch,) = task.batches(rows, examples("a", "b"), TrainingSettings(batch_size=2)).epoch(0)
    assert set(batch.ids[~batch.mask].tolist()) == {2}

    class Watched(Fixed):
        def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            assert set(ids[~mask].tolist()) == {2}
            return super().forward(ids, mask)

    assert len(task.predict(Watched([[0.0, 0.0]] * 4), rows)) == 2


def test_texts_are_numbered_by_the_vocabulary_and_an_empty_one_is_an_unknown_word():
    texts = [Example("Fine film"), Example(""), Example("dull opera")]
    tokens = Classify.tokenize(texts, WORDS, cache=None)
    assert [each.tolist() for each in task_of("a", "b").encode(tokens)] == [[2, 4], [1], [3, 1]]


def test_the_vocabulary_is_of_the_commonest_tokens():
    tokens = Classify.tokenize([Example("so so fine fine film so")], WORDS, cache=None)
    found = Classify.build_vocabularies(tokens, WORDS, VocabularySettings(min_count=2, max_size=1))
    assert {name: each.tokens for name, each in found.items()} == {"tokens": ("<pad>", "<unk>", "so")}


def test_no_piece_that_spells_texts_is_left_out_for_being_rare():
    tokenizer = train_subwords(["so kind"], vocab_size=260)
    tokens = Classify.tokenize([Example("so kind")], tokenizer, cache=None)
    (found,) = Classify.build_vocabularies(tokens, tokenizer, VocabularySettings(min_count=3)).values()
    assert set(tokenizer.pieces) <= set(found.tokens)


def test_an_answer_is_the_prediction_for_the_texts_tokens():
    task = task_of("a", "b")
    model = Fixed([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [2.0, 0.0], [0.0, 2.0]])
    found = task.answer(model, ["film", "FINE", "", "opera", "dull film"])
    assert [each.label for each in found] == ["b", "b", "a", "a", "a"]
    assert found == task.predict(model, [row(4), row(2), row(1), row(1), row(3, 4)])


@pytest.mark.parametrize("labels", [{}, {"tags": ["a", "b"]}, {"labels": ["a", "b"], "tags": ["c"]}], ids=repr)
def test_labels_of_another_kind_of_model_are_refused(labels):
    with pytest.raises(ModelError, match=r"^labels: expected 'labels' alone, found "):
        Classify.from_labels(labels, ClassifySettings(), WORDS, VOCABULARIES)


def test_the_score_is_the_share_of_right_labels():
    task = task_of("a", "b")
    predictions = [Prediction(label, 1.0, {}) for label in "aabb"]
    assert task.score(examples("a", "b", "b", "b"), predictions) == 0.75
    report = task.report(examples("a", "b", "b", "b"), predictions)
    assert report.accuracy == 0.75
    assert [list(row) for row in report.confusion] == [[1, 0], [1, 2]]


@pytest.mark.parametrize(
    "values", [{"poolng": "max"}, {"pooling": "sum"}, {"dropout": 1.0}, {"label_smoothing": 1.1}, {"class_weights": 1}]
)
def test_wrong_settings_of_the_head_are_told_with_their_name(values):
    (found,) = problems_of(ClassifySettings, values, section="head")
    assert found.startswith(f"head.{next(iter(values))}: ")
