"""Looking into a model of every task: what is found, what it costs, what is refused."""

from __future__ import annotations

import json
import math
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from nlp_lstm.config import EncoderSettings
from nlp_lstm.errors import DataError, UsageError
from nlp_lstm.inspection import Inspection, Layer
from nlp_lstm.nn.layers import CELLS
from nlp_lstm.nn.recurrent import Recurrence
from nlp_lstm.nn.tracing import readers, watch
from nlp_lstm.stages import inspecting
from nlp_lstm.stages.predictor import Predictor
from nlp_lstm.tasks.probing.probe import Probe
from nlp_lstm.tasks.probing.translations import TranslationProbe
from tests.stages.made_predictors import PARTS, of_every_case, predictor_of, with_its_text
from tests.tasks.made_texts import TEXTS
from tests.tasks.test_tasks import CASES, ENCODER, same


def states_of(predictor: Predictor, text: str) -> list[np.ndarray]:
    """Return what the kernels of all layers and directions make of a text, in the text's order."""
    stack, probe = predictor.model.encoder.stack, predictor.task.probe(predictor.model, text)
    with torch.no_grad(), watch(stack) as passes:
        inputs = probe.inputs()
        stack(inputs, torch.ones(inputs.shape[:2], dtype=torch.bool), probe.state())
    found = [(way, passes[half].states[0].numpy()) for _, way, _, half in readers(stack)]
    return [states[::-1] if way == "backward" else states for way, states in found]


def shared(found: Inspection) -> list[Layer]:
    """Return the layers of the shared encoder."""
    return [layer for layer in found.layers if not layer.network]


@with_its_text
@pytest.mark.parametrize("cell", sorted(CELLS))
def test_every_layer_and_direction_is_shown_as_its_kernel_computes_it(name, text, cell):
    predictor = predictor_of(name, cell=cell)
    found = predictor.inspect(text)
    both = predictor.model.encoder.stack.bidirectional
    ways = (["both ways"] if cell == "transformer" else ["forward", "backward"]) if both else ["forward"]
    assert [(each.number, each.direction) for each in shared(found)] == [(n, way) for n in (1, 2) for way in ways]
    for layer, states in zip(shared(found), states_of(predictor, text), strict=True):
        assert (layer.cell, layer.hidden_size) == (cell, 5)
        assert len(layer.attention) == (len(found.tokens) if cell == "transformer" else 0)
        assert [part.name for part in layer.parts] == PARTS[cell]
        hidden = layer.parts[-1]
        np.testing.assert_allclose(hidden.norm, np.linalg.norm(states, axis=1), atol=1e-5)
        np.testing.assert_allclose(hidden.mean, states.mean(1), atol=1e-5)
        for part in layer.parts:
            gate = part.name.endswith("_gate")
            assert (len(part.low) == len(part.high) == len(found.tokens)) is gate and bool(part.norm) is not gate


@with_its_text
def test_what_is_said_of_a_text_is_what_the_model_predicts(name, text):
    predictor = predictor_of(name)
    found = predictor.inspect(text)
    assert found.task == CASES[name].kind and found.text == text
    assert all(text[start:].startswith(token) for token, start in zip(found.tokens, found.starts, strict=True))
    if found.task == "joint":
        assert same(found.prediction, predictor(text)["mood"].to_dict())
    elif found.task != "generate":
        expected = predictor(text).to_dict()
        assert same({key: found.prediction[key] for key in expected}, expected)
    assert bool(found.decisions) is (found.task == "tag")
    assert bool(found.alignments) is (found.task == "translate" and bool(found.prediction["translation"]))
    assert len(found.attribution.values) == len(found.tokens)


@with_its_text
@pytest.mark.parametrize("method", ["ig", "leave-one-out"])
def test_a_record_is_ready_for_json(name, text, method):
    found = predictor_of(name).inspect(text, method=method)
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False, ensure_ascii=False)) == found.to_dict()
    assert found.attribution.method == method
    assert set(found.to_dict()) == set(Inspection.__slots__)


@with_its_text
def test_shares_add_up(name, text):
    attribution = predictor_of(name).inspect(text).attribution
    difference = attribution.score - attribution.baseline
    assert abs(sum(attribution.values) - difference) <= max(0.01 * abs(difference), 2e-4)
    assert attribution.error == pytest.approx(abs(sum(attribution.values) - difference) / abs(difference))


@with_its_text
def test_inspecting_leaves_the_model_as_it_was(name, text):
    predictor = predictor_of(name)
    weights = [weight.clone() for weight in predictor.model.parameters()]
    wanted = [weight.requires_grad for weight in predictor.model.parameters()]
    before = predictor.task.probe(predictor.model, text).prediction()
    predictor.inspect(text)
    predictor.gradients(text)
    assert predictor.task.probe(predictor.model, text).prediction() == before
    assert all(map(torch.equal, weights, predictor.model.parameters()))
    assert [weight.requires_grad for weight in predictor.model.parameters()] == wanted
    assert all(weight.grad is None for weight in predictor.model.parameters())
    stack = predictor.model.encoder.stack
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in stack.modules())


@with_its_text
def test_the_same_text_gives_the_same_record(name, text):
    predictor = predictor_of(name)
    assert predictor.inspect(text) == predictor.inspect(text)
    assert predictor.gradients(text) == predictor.gradients(text)


def test_one_layer_can_be_chosen():
    predictor = predictor_of("classify")
    every = predictor.inspect("so it is").layers
    assert predictor.inspect("so it is", layer=2).layers == tuple(each for each in every if each.number == 2)


@with_its_text
def test_one_token_is_a_text(name, text):
    found = predictor_of(name).inspect(text[0])
    assert found.tokens == (text[0],) and all(len(part.mean) == 1 for layer in found.layers for part in layer.parts)
    assert abs(found.attribution.values[0] - found.attribution.score + found.attribution.baseline) < 1e-2


@of_every_case
@pytest.mark.parametrize("empty", ["", "  "])
def test_a_text_without_tokens_is_refused(name, empty):
    if CASES[name].kind == "generate" and empty:
        pytest.skip("a blank is a character")
    with pytest.raises(DataError, match=r"^the text holds no token: there is nothing to inspect$"):
        predictor_of(name).inspect(empty)
    with pytest.raises(DataError, match="holds no token"):
        predictor_of(name).gradients(empty)


@of_every_case
def test_a_long_text_is_looked_at_in_windows_that_are_named(name, monkeypatch):
    for kind in (Probe, TranslationProbe):
        monkeypatch.setattr(kind, "longest", 4)
    predictor = predictor_of(name)
    text = {"generate": "abcdefghijk"}.get(CASES[name].kind, "so it is  so dull a dog")
    tokens = ["abcd", "efgh", "ijk"] if CASES[name].kind == "generate" else ["so it is  so", "dull a dog"]
    number = len(tokens) if CASES[name].kind == "generate" else 1
    found = predictor.inspect(text)
    assert found.text == tokens[number - 1]
    whole = predictor.inspect(tokens[number - 1])
    assert replace(found, notes=()) == replace(whole, notes=())
    count, last = (11, 11) if CASES[name].kind == "generate" else (7, 4)
    assert found.notes[0] == (
        f"the text's {count} tokens are too many to keep the gradients of: this is window {number} of {len(tokens)}, "
        f"tokens {1 if number == 1 else 9} to {last}, read as a text of its own"
    )
    assert predictor.inspect(text, window=2).text == tokens[1]
    assert predictor.gradients(text, window=2).text == tokens[1]
    with pytest.raises(UsageError, match=rf"^no window 9: the text's {count} tokens make {len(tokens)}$"):
        predictor.inspect(text, window=9)
    if CASES[name].kind == "tag":
        assert predictor.inspect(["so", "it", "is", "so", "dull"], window=2).tokens == ("dull",)


@pytest.mark.parametrize("what", ["inspect", "gradients"])
def test_what_cannot_be_shown_is_refused(what):
    predictor = predictor_of("classify")
    with pytest.raises(UsageError, match=r"^no layer 3: the model has 2$"):
        getattr(predictor, what)("so it is", layer=3)
    with pytest.raises(UsageError, match=r"^no label 'x'; known: bad, good, mixed$"):
        getattr(predictor, what)("so it is", target="x")


@pytest.mark.parametrize("cell", sorted(set(CELLS) - {"lstm"}))
def test_of_every_cell_shares_add_up_and_errors_are_measured(cell):
    predictor = predictor_of("classify", cell=cell)
    for method in ("ig", "leave-one-out"):
        found = predictor.inspect("so dull it is", method=method)
        assert found.attribution.method == method and any(found.attribution.values)
    attribution = predictor.inspect("so dull it is").attribution
    difference = attribution.score - attribution.baseline
    assert abs(sum(attribution.values) - difference) <= max(0.01 * abs(difference), 2e-4)
    if cell != "transformer":
        curves = predictor.gradients("so dull it is").curves
        assert curves[0].cell == cell and all(norm > 0 for norm in curves[0].norms)


def test_a_transformers_attention_is_told_up_to_a_number_of_tokens(monkeypatch):
    predictor = predictor_of("classify", cell="transformer")
    found = predictor.inspect("so dull it is")
    for layer in found.layers:
        grid = found.attended(layer)
        assert grid.source_tokens == grid.target_tokens == found.tokens
        np.testing.assert_allclose(grid.weights.sum(1), 1.0, atol=1e-3)
    monkeypatch.setattr(inspecting, "MOST_ATTENDED", 3)
    short, long = predictor.inspect("so dull it"), predictor.inspect("so dull it is")
    note = "attention is shown of 3 tokens at most"
    assert short.layers[0].attention and note not in short.notes
    assert not long.layers[0].attention and long.attended(long.layers[0]) is None and note in long.notes


@pytest.mark.parametrize("cell", ["lstm", "minlstm"])
def test_a_decoder_is_shown_at_every_token_that_it_writes(cell):
    predictor = predictor_of("translate", cell=cell)
    found = predictor.inspect(TEXTS["translate"])
    decoder = [layer for layer in found.layers if layer.network]
    assert [(each.network, each.number, each.cell, each.hidden_size) for each in decoder] == [
        *(("decoder", number, "lstm", 6) for number in (1, 2))
    ]
    written = [text for each in found.alignments for text in each.target_tokens]
    for layer in decoder:
        assert list(layer.steps) in (written, [*written, "(end)"]) and layer.title.startswith("decoder layer ")
        assert all(len(part.mean) == len(layer.steps) for part in layer.parts)
    assert {layer.number for layer in predictor.inspect(TEXTS["translate"], layer=2).layers} == {2}


def test_a_part_of_several_is_named_by_the_target():
    predictor = predictor_of("joint")
    mood, names = predictor.inspect(TEXTS["joint"], target="mood"), predictor.inspect(TEXTS["joint"], target="names")
    assert mood == predictor.inspect(TEXTS["joint"])
    assert mood.notes == ("this is the part 'mood' of mood, names; the target PART or PART.X names another",)
    assert "log-odds of the label" in mood.attribution.of and not mood.decisions
    assert names.attribution.of == "log-probability of all the tags" and len(names.decisions) == 4
    assert names.layers == mood.layers and names.tokens == mood.tokens
    answer = predictor(TEXTS["joint"])
    assert same(names.prediction, answer["names"].to_dict())
    bad, odds = predictor.inspect(TEXTS["joint"], target="mood.bad").attribution, answer["mood"].scores["bad"]
    assert bad.of == "log-odds of the label 'bad'"
    assert bad.score == pytest.approx(math.log(odds / (1 - odds)), abs=1e-5)
    assert "of word 3, 'Bob'" in predictor.inspect(TEXTS["joint"], target="names.3").attribution.of
    assert predictor.gradients(TEXTS["joint"], target="names").of == names.attribution.of
    for target, message in {
        "moood": r"^no part 'moood'; did you mean 'mood'\?$",
        "mood.bda": r"^no label 'bda'; did you mean 'bad'\?$",
        "names.9": r"^expected the number of a word, 1 to 4, found '9'$",
    }.items():
        with pytest.raises(UsageError, match=message):
            predictor.inspect(TEXTS["joint"], target=target)


def test_a_part_that_cannot_be_probed_is_refused(monkeypatch):
    predictor = predictor_of("joint")
    monkeypatch.setattr(predictor.task, "tasks", {"rank": object(), **predictor.task.tasks})
    with pytest.raises(UsageError, match=r"^the part 'rank' cannot be inspected$"):
        predictor.inspect(TEXTS["joint"])


def test_an_unknown_method_is_refused_with_the_nearest():
    with pytest.raises(UsageError, match=r"^no method 'leave_one_out'; did you mean 'leave-one-out'\?$"):
        predictor_of("classify").inspect("so", method="leave_one_out")


def test_a_task_that_cannot_be_probed_is_refused():
    predictor = predictor_of("classify")
    predictor.description["task"] = "rank"

    class Other:
        """A task of another package."""

    for broken in (
        Predictor(Other(), predictor.model, {"task": "rank"}),
        Predictor(predictor.task, torch.nn.Linear(2, 2), {"task": "rank"}),
    ):
        for ask in (broken.inspect, broken.gradients):
            with pytest.raises(UsageError, match=r"^models of the task 'rank' cannot be inspected$"):
                ask("so")


@pytest.mark.parametrize("name", ["classify", "tag chunks", "generate"])
def test_two_hundred_words_take_a_second_and_a_half_at_most(name):
    """Processor time, on the usual size of a network; what is imported and compiled at first use is left out."""
    case = CASES[name]
    both = case.encoder.bidirectional
    torch.manual_seed(1)
    encoder = EncoderSettings(embed_size=100, hidden_size=128, bidirectional=both)
    predictor = Predictor(case.task, case.task.build(encoder), {"task": case.kind})
    words = [("so", "Ada", "film", "met", "York")[n * n % 5] for n in range(200)]
    text = "".join(words)[:200] if case.kind == "generate" else " ".join(words)
    predictor.inspect(text[:9])
    start = time.process_time()
    found = predictor.inspect(text)
    assert time.process_time() - start < 1.5
    assert len(found.tokens) == 200
    missing = abs(sum(found.attribution.values) - found.attribution.score + found.attribution.baseline)
    assert found.attribution.error < 0.01 or missing < 1e-3


def test_the_cases_are_of_the_size_these_tests_think():
    assert (ENCODER.hidden_size, ENCODER.n_layers) == (5, 2)
    assert isinstance(predictor_of("classify").model.encoder.stack.layers[0].forwards, Recurrence)
