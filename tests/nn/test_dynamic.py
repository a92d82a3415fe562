"""Dynamic evaluation, against its rule written out."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch

from nlp_lstm.nn.dynamic import EPSILON, SMOOTHING, read_dynamically
from nlp_lstm.nn.encoder import Encoder
from nlp_lstm.nn.language_model import LanguageModel

VOCAB, PART = 9, 5


@pytest.fixture
def model() -> LanguageModel:
    torch.manual_seed(0)
    return LanguageModel(Encoder(VOCAB, 6, 8), tied=True).double()


def parts_of(ids: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
    read, follow = ids[None, :-1], ids[None, 1:]
    return [(read[:, start : start + PART], follow[:, start : start + PART]) for start in range(0, read.shape[1], PART)]


def by_hand(model, parts, rate, pull):
    """The rule weight by weight, with numbers kept in dictionaries."""
    learner, found, state = deepcopy(model), [], ()
    trained = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    squares: dict[str, torch.Tensor] = {}
    for step, (ids, targets) in enumerate(parts, 1):
        loss = learner.loss(ids, targets, state)
        found.append(float(loss.total.detach()))
        state = loss.state
        learner.zero_grad()
        (loss.total / ids.numel()).backward()
        for name, weight in learner.named_parameters():
            before = squares.get(name, torch.zeros_like(weight))
            squares[name] = SMOOTHING * before + (1 - SMOOTHING) * weight.grad**2
            root = (squares[name] / (1 - SMOOTHING**step)).sqrt()
            moved = weight.data - rate * weight.grad / (root + EPSILON)
            weight.data = moved + pull * (trained[name] - moved)
    return found


def test_each_part_is_scored_by_weights_that_have_learned_from_all_parts_before_it(model):
    ids = torch.randint(2, VOCAB, (33,), generator=torch.Generator().manual_seed(1))
    found = [float(nats) for nats in read_dynamically(model, parts_of(ids), rate=0.01, pull=0.1)]
    assert found == pytest.approx(by_hand(model, parts_of(ids), 0.01, 0.1), rel=1e-6)


def test_without_steps_it_is_the_carried_state_alone_and_the_model_stays_as_it_is(model):
    ids = torch.randint(2, VOCAB, (31,), generator=torch.Generator().manual_seed(1))
    before = deepcopy(model.state_dict())
    whole = float(model.loss(ids[None, :-1], ids[None, 1:]).total.detach())
    assert sum(map(float, read_dynamically(model, parts_of(ids), rate=0.0))) == pytest.approx(whole, rel=1e-6)
    list(read_dynamically(model, parts_of(ids), rate=0.1))
    assert all(torch.equal(weight, before[name]) for name, weight in model.state_dict().items())


def test_a_text_that_repeats_itself_becomes_less_surprising(model):
    ids = torch.tensor([2, 5, 3, 7, 4, 8] * 60)
    plain = sum(map(float, read_dynamically(model, parts_of(ids), rate=0.0)))
    assert sum(map(float, read_dynamically(model, parts_of(ids), rate=0.05))) < 0.6 * plain
