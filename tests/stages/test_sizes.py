"""Networks of different cells get equally many weights."""

from __future__ import annotations

import re

import pytest
from torch import nn

from nlp_lstm.config import EncoderSettings, VocabularySettings
from nlp_lstm.errors import UsageError
from nlp_lstm.records.examples import Example
from nlp_lstm.stages.sizes import count_weights, match_sizes
from nlp_lstm.tasks import find_task
from nlp_lstm.text.regex_words import RegexWords

ENCODER = EncoderSettings(embed_size=7, hidden_size=37, n_layers=2, bidirectional=True)


@pytest.fixture(scope="module")
def task():
    kind = find_task("classify")
    examples = [Example("fine film", "good", "made.csv", 2), Example("so dull", "bad", "made.csv", 3)]
    tokens = kind.tokenize(examples, RegexWords(), cache=None)
    vocabularies = kind.build_vocabularies(tokens, RegexWords(), VocabularySettings(min_count=1))
    return kind.from_examples(examples, kind.Settings(), RegexWords(), vocabularies)


class Halves:
    """A task whose network has one weight for each of its hidden size, which must be even."""

    def __init__(self, refused: str = "") -> None:
        self.refused = refused

    def build(self, encoder: EncoderSettings) -> nn.Module:
        if encoder.cell == self.refused:
            raise UsageError(f"{encoder.cell} is of no use here")
        if encoder.hidden_size % 2:
            raise ValueError("hidden_size must be even")
        return nn.Linear(encoder.hidden_size, 1, bias=False)


def test_the_weights_counted_are_those_of_the_real_network(task):
    assert count_weights(task, ENCODER) == sum(weight.numel() for weight in task.build(ENCODER).parameters())


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_no_other_size_comes_nearer(task, cell):
    wanted = count_weights(task, ENCODER)
    encoder = ENCODER.model_copy(update={"cell": cell, "hidden_size": 5})
    (found,) = match_sizes(task, wanted, {cell: encoder}).values()
    counts = {size: count_weights(task, encoder.model_copy(update={"hidden_size": size})) for size in range(1, 120)}
    best = min(counts, key=lambda size: abs(counts[size] - wanted))
    assert (found.encoder.hidden_size, found.n_weights) == (best, counts[best])
    assert abs(found.n_weights - wanted) <= 0.02 * wanted


def test_an_encoder_that_has_the_weights_already_stays_as_it_is(task):
    found = match_sizes(task, count_weights(task, ENCODER), {"own": ENCODER})
    assert found["own"].encoder == ENCODER


def test_a_transformer_stays_as_it_is_though_a_larger_one_may_have_fewer_weights(task):
    encoder = EncoderSettings(cell="transformer", embed_size=64, hidden_size=384, bidirectional=True)
    counts = [count_weights(task, encoder.model_copy(update={"hidden_size": size})) for size in (383, 384)]
    assert counts[0] >= counts[1]  # else this shows nothing
    assert match_sizes(task, counts[1], {"own": encoder})["own"].encoder == encoder


def test_sizes_at_which_there_is_no_network_are_passed_over():
    found = match_sizes(Halves(), 101, {"lstm": ENCODER})
    assert found["lstm"].encoder.hidden_size in (100, 102)


def test_sizes_too_far_apart_are_refused_with_the_nearest_ones():
    with pytest.raises(UsageError) as caught:
        match_sizes(Halves(), 13, {"gru": ENCODER})
    nearest = (
        "no encoder.hidden_size gives 13 weights within 2 %; the nearest: 12 with 12 (-7.7%) and 14 with 14 (+7.7%)"
    )
    assert str(caught.value) == f"the cells cannot be compared: gru: {nearest}"


def test_a_smallest_network_that_is_too_large_is_the_only_one_named(task):
    with pytest.raises(UsageError, match=re.escape("within 2 %; the nearest: 1 with ")):
        match_sizes(task, 3, {"gru": ENCODER})


def test_every_cell_that_a_task_cannot_use_is_named_at_once():
    encoders = {cell: EncoderSettings(cell=cell) for cell in ("rnn", "gru", "lstm")}
    with pytest.raises(UsageError) as caught:
        match_sizes(Halves(refused="gru"), 13, encoders)
    lines = str(caught.value).split("\n  ")
    assert len(lines) == 4 and "gru: gru is of no use here" in lines
