"""Rates by depth and layers that thaw, against the written-out rules, on networks of every task's shape."""

from __future__ import annotations

from math import ceil
from typing import Any

import pytest
import torch
from torch import nn

from nlp_lstm.nn.classifier import TextClassifier
from nlp_lstm.nn.crf import Crf
from nlp_lstm.nn.encoder import Encoder
from nlp_lstm.nn.language_model import LanguageModel
from nlp_lstm.nn.spelling import SpellingFeatures
from nlp_lstm.nn.tagger import Tagger, tag_loss
from nlp_lstm.training.depth import Thaw, weights_by_depth
from nlp_lstm.training.loop import Trainer
from nlp_lstm.training.optimizer import build_optimizer

N_LAYERS = 3
DEPTH = {"encoder.stack.layers.2": 1, "encoder.stack.layers.1": 2, "encoder.stack.layers.0": 3, "encoder.embedding": 4}
DEPTH |= {"encoder.stack.norms.1": 2, "encoder.stack.norms.0": 3}
"""Depths as written out by hand: a norm is the layer's below it."""


def encoder(**settings: Any) -> Encoder:
    return Encoder(11, 4, 6, **{"n_layers": N_LAYERS, "layer_norm": True, **settings})


def allowed(*shape: int) -> torch.Tensor:
    return torch.ones(shape, dtype=torch.bool)


def tagger(cell: str = "lstm") -> Tagger:
    spelling = SpellingFeatures(9, 3, reader="cnn", embed_size=3, size=8)
    paths = Crf(3, start=allowed(3), move=allowed(3, 3), end=allowed(3))
    return Tagger(encoder(cell=cell, extra_size=spelling.output_size), spelling, paths, whole=False)


NETWORKS = {
    "classifier": lambda: TextClassifier(encoder(bidirectional=True), 3),
    "tagger": tagger,
    "language model": lambda: LanguageModel(encoder()),
    "tied language model": lambda: LanguageModel(encoder(), tied=True),
}


@pytest.fixture(params=NETWORKS)
def network(request) -> nn.Module:
    torch.manual_seed(1)
    return NETWORKS[request.param]()


def depth_of(name: str) -> int:
    return next((depth for prefix, depth in DEPTH.items() if name.startswith(f"{prefix}.")), 0)


def found_depths(model: nn.Module) -> dict[str, int]:
    depths = {id(weight): depth for depth, layer in enumerate(weights_by_depth(model)) for weight in layer}
    assert sum(map(len, weights_by_depth(model))) == len(list(model.parameters()))
    return {name: depths[id(weight)] for name, weight in model.named_parameters()}


def test_every_weight_has_the_depth_of_its_layer(network):
    assert found_depths(network) == {name: depth_of(name) for name, _ in network.named_parameters()}


def test_a_network_without_an_encoder_is_all_head(made):
    assert set(found_depths(made.Line()).values()) == {0}


def test_each_layer_learns_at_the_rate_of_the_one_above_times_the_decay(network, made):
    settings = made.settings(learning_rate=0.1, layer_decay=0.5, weight_decay=0.3)
    groups = build_optimizer(network, settings).param_groups
    rates = {id(weight): (group["lr"], group["weight_decay"]) for group in groups for weight in group["params"]}
    for name, weight in network.named_parameters():
        assert rates[id(weight)] == (pytest.approx(0.1 * 0.5 ** depth_of(name)), 0.3 if weight.dim() > 1 else 0.0)


def test_without_a_decay_there_is_one_rate(network, made):
    assert len(build_optimizer(network, made.settings()).param_groups) == 2


def test_the_first_step_moves_each_layer_as_far_as_its_rate_says(made):
    """Adam's first step is as long as the rate, whatever the gradient is."""
    model = NETWORKS["classifier"]()
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    optimizer = build_optimizer(model, made.settings(learning_rate=1e-2, layer_decay=0.5, weight_decay=0.0))
    for weight in model.parameters():
        weight.grad = torch.ones_like(weight)
    optimizer.step()
    for name, weight in model.named_parameters():
        step = torch.full_like(weight, -1e-2 * 0.5 ** depth_of(name))
        torch.testing.assert_close(weight.detach() - before[name], step, rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize(("unfreeze", "total_steps"), [(0.5, 100), (0.9, 7), (0.3, 1), (0.01, 40)])
def test_layers_thaw_from_the_top_as_the_rule_says(network, made, unfreeze, total_steps):
    thaw = Thaw(network, made.settings(unfreeze=unfreeze), total_steps)
    never = {name for name, _ in network.named_parameters() if name.startswith("paths.")}
    for step in range(total_steps):
        thaw.begin(step)
        for name, weight in network.named_parameters():
            first = ceil(round(depth_of(name) / 4 * unfreeze * total_steps, 9))
            assert weight.requires_grad is (step >= first and name not in never), (step, name)


def test_without_it_nothing_is_frozen(network, made):
    before = [weight.requires_grad for weight in network.parameters()]
    Thaw(network, made.settings(), 10).begin(0)
    assert [weight.requires_grad for weight in network.parameters()] == before


class Sentences:
    """Three batches of sentences, as the loop takes them."""

    def __init__(self) -> None:
        draw = torch.Generator().manual_seed(2)
        self.batches = [torch.randint(2, 11, (4, 5), generator=draw) for _ in range(3)]

    def __len__(self) -> int:
        return 3

    def epoch(self, number: int, *, start: int = 0):
        for ids in self.batches[start:]:
            yield Ids(ids)


class Ids:
    def __init__(self, ids: torch.Tensor) -> None:
        self.ids, self.n_tokens = ids, ids.numel()

    def to(self, device: torch.device) -> Ids:
        return self


def tagging_loss(model: nn.Module):
    def loss(batch: Ids):
        mask = torch.ones_like(batch.ids, dtype=torch.bool)
        spellings = batch.ids - 2
        characters = (torch.arange(9 * 5).view(9, 5) % 8) + 1
        scores = model(batch.ids, mask, spellings, characters, torch.arange(9) % 3)
        return tag_loss(scores.tags, batch.ids % 3, mask)

    return loss


def trainer(made, cell: str = "lstm", **settings: Any):
    torch.manual_seed(3)
    model = tagger(cell)
    return Trainer(
        model,
        tagging_loss(model),
        Sentences(),
        evaluate=lambda: 0.5,
        settings=made.settings(weight_decay=0.1, ema=0.9, learning_rate=0.01, **settings),
        total_steps=12,
        checkpoint=made.folder / "checkpoint.safetensors",
        keep_best=lambda: None,
    )


def snapshot(run) -> dict[str, tuple[bytes, bytes]]:
    names = [name for name, _ in run.model.named_parameters()]
    pairs = zip(run.model.parameters(), run.average.average, strict=True)
    return {
        name: (weight.detach().numpy().tobytes(), average.numpy().tobytes())
        for name, (weight, average) in zip(names, pairs, strict=True)
    }


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_a_frozen_layer_does_not_change_by_a_bit_before_its_time_and_does_after(made, cell):
    run = trainer(made, cell, unfreeze=2 / 3)  # of 12 steps: a layer begins each second step, the embedding at 8
    before = first = snapshot(run)
    for progress in run.run():
        after = snapshot(run)
        for name in after:
            frozen = name.startswith("paths.") or progress.step - 1 < 2 * depth_of(name)
            assert (after[name] == before[name]) is frozen, (progress.step, name)
            assert not frozen or after[name] == first[name]
        before = after


def test_a_run_with_both_that_was_stopped_goes_on_to_the_same_bytes(made):
    whole = trainer(made, unfreeze=0.6, layer_decay=0.7)
    for _ in whole.run():
        pass
    for stop in range(1, 12):
        begun = trainer(made, unfreeze=0.6, layer_decay=0.7)
        steps = begun.run()
        for _ in range(stop):
            next(steps)
        begun.save()
        later = trainer(made, unfreeze=0.6, layer_decay=0.7)
        later.resume()
        assert later.position.step == stop
        for _ in later.run():
            pass
        assert snapshot(later) == snapshot(whole)
