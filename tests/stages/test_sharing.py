"""Models with one encoder compute it once, and say what they would say by themselves."""

from __future__ import annotations

import shutil

import pytest
import torch

from nlp_lstm import Document, Pipeline, stages
from nlp_lstm.stages import sharing
from nlp_lstm.store import WEIGHTS
from nlp_lstm.tensor_file import load_tensors, save_tensors

TEXTS = ["a fine film", "", "dull", "film " * 90, "a fine film"] * 9


@pytest.fixture(scope="module")
def folders(tmp_path_factory, tiny_run):
    """The tiny classifier, one with the same encoder and another head, and one with another encoder."""
    place = tmp_path_factory.mktemp("shared")
    for name, changed in (
        ("first", ()),
        ("head", ("output.weight", "output.bias")),
        ("encoder", ("encoder.embedding.weight",)),
    ):
        shutil.copytree(tiny_run.folder, place / name)
        weights, _ = load_tensors(place / name / WEIGHTS)
        for key in changed:
            weights[key] = weights[key] * -0.5
        save_tensors(place / name / WEIGHTS, dict(weights))
    return {name: place / name for name in ("first", "head", "encoder")}


class Calls:
    """How often the first recurrent layer of some stages' encoders ran."""

    def __init__(self, *used) -> None:
        self.n = 0
        layers = {id(each): each for each in (stage.predictor.model.encoder.stack.layers[0] for stage in used)}
        for layer in layers.values():
            layer.register_forward_hook(self.count)

    def count(self, *_) -> None:
        self.n += 1


def alone(folder) -> list[str]:
    return [doc.prediction for doc in Pipeline([stages.Classify(folder)]).stream(TEXTS)]


def test_one_encoder_runs_once_for_both_heads_and_each_says_what_it_says_alone(folders):
    single = stages.Classify(folders["first"])
    calls = Calls(single)
    list(Pipeline([single]).stream(TEXTS))
    once = calls.n

    first, second = stages.Classify(folders["first"]), stages.Classify(folders["head"], into="second")
    nlp = Pipeline([first, second])
    assert first.predictor.model.encoder is second.predictor.model.encoder
    calls = Calls(first, second)
    found = list(nlp.stream(TEXTS))
    assert calls.n == once > 1
    assert [doc.prediction for doc in found] == alone(folders["first"])
    assert [doc.extra["second"] for doc in found] == alone(folders["head"])
    assert alone(folders["first"]) != alone(folders["head"])


def test_what_differs_in_one_weight_or_in_kind_is_not_shared(folders, tiny_tag_run):
    used = [
        stages.Classify(folders["first"]),
        stages.Classify(folders["encoder"], into="b"),
        stages.Tag(tiny_tag_run.folder),
    ]
    Pipeline(used)
    assert len({id(stage.predictor.model.encoder) for stage in used}) == 3
    assert not any(isinstance(s.predictor.model.encoder.forward, sharing.RememberedForward) for s in used)


def test_nothing_is_remembered_after_a_stream_and_little_without_one(folders):
    first, second = stages.Classify(folders["first"]), stages.Classify(folders["head"], into="second")
    nlp = Pipeline([first, second])
    kept = first.predictor.model.encoder.forward._known
    list(nlp.stream(TEXTS))
    assert len(kept) == 0
    nlp([Document(text) for text in TEXTS])
    assert len(kept) == 0
    for number in range(3 * sharing.MOST):
        first.predictor("film " * (number + 1))
    assert len(kept) == sharing.MOST


def test_stages_that_share_already_can_stand_in_another_pipeline(folders):
    first, second = stages.Classify(folders["first"]), stages.Classify(folders["head"], into="second")
    Pipeline([first, second])
    forward = first.predictor.model.encoder.forward
    nlp = Pipeline([first, second])
    assert first.predictor.model.encoder.forward is forward
    assert [doc.prediction for doc in nlp.stream(TEXTS)] == alone(folders["first"])


def test_what_is_learned_from_is_not_remembered(folders):
    first, second = stages.Classify(folders["first"]), stages.Classify(folders["head"], into="second")
    Pipeline([first, second])
    encoder = first.predictor.model.encoder
    ids, mask = torch.ones(1, 3, dtype=torch.int64), torch.ones(1, 3, dtype=torch.bool)
    encoder(ids, mask).states.sum().backward()
    assert encoder.embedding.weight.grad is not None and len(encoder.forward._known) == 0
