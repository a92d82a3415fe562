"""The loop's steps equal the formulas, its evaluations keep the best weights, and it goes on where it stopped."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from nlp_lstm.batching.labelled import LabelledBatches
from nlp_lstm.config import TrainingSettings
from nlp_lstm.errors import Interrupted, ModelError
from nlp_lstm.nn.classifier import TextClassifier
from nlp_lstm.nn.encoder import Encoder
from nlp_lstm.nn.loss import SummedLoss, classification_loss
from nlp_lstm.training import loop
from nlp_lstm.training.loop import Trainer
from nlp_lstm.training.optimizer import accumulate_gradients, build_optimizer, clip_gradients

CPU = torch.device("cpu")


def weights_of(trainer: Trainer) -> list[list[float]]:
    return [weight.detach().flatten().tolist() for weight in trainer.model.parameters()]


def gradient(made, sizes) -> list[torch.Tensor]:
    """Return the gradients that a step over batches of these sizes leaves, all of the same points."""
    torch.manual_seed(2)
    model = made.Line()
    accumulate_gradients(model, made.objective(model), made.cut(sizes).batches, CPU, "float32")
    return [weight.grad for weight in model.parameters()]


@pytest.mark.parametrize("sizes", [[8, 8], [3, 13], [1] * 16, [5, 5, 6]])
def test_the_gradient_of_several_batches_is_that_of_all_their_items_together(made, sizes):
    for found, expected in zip(gradient(made, sizes), gradient(made, [16]), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)


def test_the_gradient_is_that_of_the_mean_loss(made):
    torch.manual_seed(2)
    model, batch = made.Line(), made.points(7)
    loss = nn.functional.cross_entropy(model(batch.inputs), batch.targets)
    expected = torch.autograd.grad(loss, list(model.parameters()))
    mean = accumulate_gradients(model, made.objective(model), [batch], CPU, "float32").loss
    assert mean == pytest.approx(float(loss.detach()))
    for weight, gradient in zip(model.parameters(), expected, strict=True):
        torch.testing.assert_close(weight.grad, gradient)


def test_two_batches_of_eight_train_like_one_of_sixteen(made):
    twice = made.trainer(sizes=[8] * 8, accumulate=2, learning_rate=0.1)
    once = made.trainer(sizes=[16] * 4, learning_rate=0.1)
    list(twice.run())
    list(once.run())
    assert twice.position.step == once.position.step == 12
    for found, expected in zip(weights_of(twice), weights_of(once), strict=True):
        assert found == pytest.approx(expected, abs=1e-9)


def test_a_step_goes_on_into_the_next_epoch(made):
    # Three batches, two to a step: the steps take batches 01 20 12 01.
    trainer = made.trainer(sizes=[4, 5, 6], accumulate=2, total_steps=4)
    sizes, inner = [], trainer.objective

    def noting(batch):
        sizes.append(len(batch.targets))
        return inner(batch)

    trainer.objective = noting
    epochs = [progress.epoch for progress in trainer.run()]
    assert sizes == [4, 5, 6, 4, 5, 6, 4, 5]
    assert epochs == pytest.approx([2 / 3, 4 / 3, 2, 8 / 3])


def test_steps_equal_adamw_written_out(made):
    settings = {"learning_rate": 0.05, "weight_decay": 0.1, "beta1": 0.8, "beta2": 0.95}
    trainer = made.trainer(sizes=[9], total_steps=6, **settings)
    weight, bias = (value.detach().clone() for value in trainer.model.parameters())
    list(trainer.run())

    batch = made.points(9)
    moments = [[torch.zeros_like(value)] * 2 for value in (weight, bias)]
    for step in range(1, 7):
        free = [value.clone().requires_grad_() for value in (weight, bias)]
        loss = nn.functional.cross_entropy(batch.inputs @ free[0].T + free[1], batch.targets)
        gradients = torch.autograd.grad(loss, free)
        updated = []
        for i, (value, g, decay) in enumerate(zip((weight, bias), gradients, (0.1, 0.0), strict=True)):
            m, v = moments[i]
            m, v = 0.8 * m + 0.2 * g, 0.95 * v + 0.05 * g**2
            moments[i] = [m, v]
            shrunk = value * (1 - 0.05 * decay)
            updated.append(shrunk - 0.05 * (m / (1 - 0.8**step)) / ((v / (1 - 0.95**step)).sqrt() + 1e-8))
        weight, bias = updated
    for found, expected in zip(trainer.model.parameters(), (weight, bias), strict=True):
        torch.testing.assert_close(found.detach(), expected, rtol=1e-9, atol=1e-12)


def test_only_matrices_decay():
    model = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4))
    nn.init.ones_(model[0].bias)
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    optimizer = build_optimizer(model, TrainingSettings(learning_rate=0.1, weight_decay=0.5))
    for weight in model.parameters():
        weight.grad = torch.zeros_like(weight)
    optimizer.step()
    for name, weight in model.named_parameters():
        torch.testing.assert_close(weight.detach(), before[name] * (0.95 if name == "0.weight" else 1.0))


def with_gradients(*values: float) -> nn.Module:
    model = nn.Linear(len(values), 1, bias=False)
    model.weight.grad = torch.tensor([values])
    return model


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=6), st.floats(1e-3, 1e3))
def test_no_gradient_is_longer_than_the_limit_after_clipping_and_its_direction_stays(values, limit):
    model = with_gradients(*values)
    before = model.weight.grad.clone()
    length = clip_gradients(model, TrainingSettings(clip_norm=limit))
    after = model.weight.grad
    assert length == pytest.approx(math.hypot(*values), rel=1e-5)
    assert float(after.norm()) <= limit * (1 + 1e-5)
    expected = before if length <= limit else before * (limit / length)
    torch.testing.assert_close(after, expected, rtol=2e-3, atol=1e-6)


def test_a_gradient_is_clipped_over_all_weights_together():
    model = nn.Linear(1, 1)
    model.weight.grad, model.bias.grad = torch.tensor([[3.0]]), torch.tensor([4.0])
    assert clip_gradients(model, TrainingSettings(clip_norm=1.0)) == pytest.approx(5)
    assert float(model.weight.grad) == pytest.approx(0.6, rel=1e-5)
    assert float(model.bias.grad) == pytest.approx(0.8, rel=1e-5)


def test_no_entry_of_a_gradient_is_larger_than_its_limit_after_clipping():
    model = with_gradients(0.05, -7.0, 0.3)
    clip_gradients(model, TrainingSettings(clip_norm=0.0, clip_value=0.2))
    torch.testing.assert_close(model.weight.grad, torch.tensor([[0.05, -0.2, 0.2]]))


def test_without_limits_a_gradient_stays_as_it_is():
    model = with_gradients(3e8, -4e8)
    assert clip_gradients(model, TrainingSettings(clip_norm=0.0)) == pytest.approx(5e8)
    assert model.weight.grad.tolist() == [[3e8, -4e8]]


def test_the_length_told_is_the_one_before_clipping_also_by_value():
    assert clip_gradients(with_gradients(3.0, 4.0), TrainingSettings(clip_value=0.1)) == pytest.approx(5)


def test_the_learning_rate_follows_the_schedule(made):
    trainer = made.trainer(total_steps=10, learning_rate=0.8, warmup=0.2, decay="linear")
    rates = [progress.learning_rate for progress in trainer.run()]
    assert rates == pytest.approx([0.4, 0.8, *(0.8 * (8 - gone) / 8 for gone in range(8))])


@given(total_steps=st.integers(1, 200), evaluations=st.integers(1, 30))
def test_the_dev_score_is_taken_at_equal_distances_and_at_the_end(total_steps, evaluations):
    every = Trainer(
        nn.Linear(1, 1),
        lambda batch: SummedLoss(torch.zeros(()), 1),
        LabelledBatches([], np.zeros(0, np.int64), batch_size=1, seed=1, pad_id=0, max_tokens=1),
        evaluate=lambda: 0.0,
        settings=TrainingSettings(evaluations=evaluations),
        total_steps=total_steps,
        checkpoint=Path("nowhere"),
        keep_best=lambda: None,
    ).evaluate_every
    taken = [step for step in range(1, total_steps + 1) if step % every == 0 or step == total_steps]
    assert len(taken) <= evaluations
    assert len(taken) >= min(evaluations, total_steps) / 2


class Scores:
    """A dev score told in advance; notes the weights that were judged and those that were kept."""

    def __init__(self, *scores: float) -> None:
        self.left = list(scores)
        self.judged: list[list[list[float]]] = []
        self.kept: list[list[list[float]]] = []
        self.trainer: Trainer

    def evaluate(self) -> float:
        assert not self.trainer.model.training
        self.judged.append(weights_of(self.trainer))
        return self.left.pop(0)

    def keep_best(self) -> None:
        self.kept.append(weights_of(self.trainer))

    def watch(self, made, **options) -> Trainer:
        options = {"evaluate": self.evaluate, "keep_best": self.keep_best, **options}
        self.trainer = made.trainer(**options)
        return self.trainer


def test_the_weights_kept_are_those_of_the_best_score_the_first_of_equals(made):
    scores = Scores(0.5, 0.7, 0.7, 0.6)
    trainer = scores.watch(made, total_steps=8, evaluations=4)
    seen = list(trainer.run())
    assert [progress.score for progress in seen] == [None, 0.5, None, 0.7, None, 0.7, None, 0.6]
    assert [progress.shown for progress in seen[:4]] == ["", "0.5000", "", "0.7000"]
    assert [progress.best_step for progress in seen] == [0, 2, 2, 4, 4, 4, 4, 4]
    assert scores.kept == [scores.judged[0], scores.judged[1]]
    assert (trainer.position.best_score, trainer.position.best_step) == (0.7, 4)


def test_what_is_judged_and_kept_is_the_average_of_the_weights(made):
    scores = Scores(0.1, 0.2, 0.3, 0.4)
    trainer = scores.watch(made, total_steps=4, evaluations=4, ema=0.5, learning_rate=0.3)
    average = [torch.tensor(weight, dtype=torch.float64) for weight in weights_of(trainer)]
    for step, _ in enumerate(trainer.run(), start=1):
        d = min(0.5, (1 + step) / (10 + step))
        now = [torch.tensor(weight, dtype=torch.float64) for weight in weights_of(trainer)]
        average = [d * old + (1 - d) * new for old, new in zip(average, now, strict=True)]
        for kept, expected in zip(scores.kept[-1], average, strict=True):
            assert kept == pytest.approx(expected.tolist(), abs=1e-12)
    assert scores.kept == scores.judged
    assert scores.kept[-1] != weights_of(trainer)


def test_a_first_score_of_zero_is_a_best_score(made):
    scores = Scores(0.0, 0.0)
    list(scores.watch(made, total_steps=2, evaluations=2).run())
    assert len(scores.kept) == 1


def test_training_stops_when_the_score_has_not_risen_for_as_long_as_patience_lasts(made):
    scores = Scores(0.5, 0.6, 0.6, 0.55, 0.9, 0.9)
    trainer = scores.watch(made, total_steps=6, evaluations=6, patience=2)
    assert [progress.step for progress in trainer.run()] == [1, 2, 3, 4]
    assert trainer.finished
    assert trainer.position.best_step == 2


def test_patience_starts_anew_with_each_better_score(made):
    scores = Scores(0.5, 0.4, 0.6, 0.5, 0.7, 0.1)
    assert len(list(scores.watch(made, total_steps=6, evaluations=6, patience=2).run())) == 6


def test_a_run_that_stopped_for_lack_of_progress_stays_stopped(made):
    trainer = Scores(0.5, 0.4, 0.4).watch(made, total_steps=6, evaluations=6, patience=2)
    list(trainer.run())
    again = Scores().watch(made, total_steps=6, evaluations=6, patience=2)
    again.resume()
    assert list(again.run()) == []


def test_training_stops_at_the_first_score_that_reaches_the_goal_and_stays_stopped(made):
    trainer = Scores(0.5, 0.89, 0.9, 0.95).watch(made, total_steps=6, evaluations=6, goal=0.9)
    assert [progress.step for progress in trainer.run()] == [1, 2, 3]
    assert (trainer.position.best_step, trainer.position.best_score) == (3, 0.9)
    again = Scores().watch(made, total_steps=6, evaluations=6, goal=0.9)
    again.resume()
    assert list(again.run()) == []


def test_items_are_counted_as_the_loss_counts_them_up_to_the_end_and_up_to_the_best(made):
    trainer = Scores(0.5, 0.9, 0.4).watch(made, total_steps=6, evaluations=3, sizes=(8, 5), accumulate=1)
    list(trainer.run())
    assert (trainer.position.items, trainer.position.best_items) == (3 * 13, 2 * 13)


def test_a_goal_that_is_not_reached_changes_nothing(made):
    trainer = Scores(0.5, 0.6, 0.7).watch(made, total_steps=3, evaluations=3, goal=0.71)
    assert [progress.step for progress in trainer.run()] == [1, 2, 3]


def test_a_run_within_its_patience_remembers_how_much_is_left(made):
    trainer = Scores(0.5, 0.4).watch(made, total_steps=6, evaluations=6, patience=2)
    steps = trainer.run()
    next(steps), next(steps)
    again = Scores(0.3, 0.9).watch(made, total_steps=6, evaluations=6, patience=2)
    again.resume()
    assert [progress.step for progress in again.run()] == [3]


@pytest.mark.parametrize("stop_after", [1, 3, 7])
@pytest.mark.parametrize("options", [{}, {"accumulate": 3}, {"ema": 0.9, "warmup": 0.3, "decay": "cosine"}])
def test_a_stopped_run_goes_on_to_the_same_weights(made, monkeypatch, options, stop_after):
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)

    def trainer(checkpoint: str) -> Trainer:
        torch.manual_seed(4)
        return made.trainer(model=made.Line(dropout=0.5), checkpoint=checkpoint, **options)

    whole = trainer("whole")
    list(whole.run())
    steps = trainer("parted").run()
    for _ in range(stop_after):
        next(steps)
    steps.close()
    torch.manual_seed(99)  # another process would not stand where this one does
    rest = trainer("parted")
    rest.resume()
    assert [progress.step for progress in rest.run()] == list(range(stop_after + 1, 13))
    assert weights_of(rest) == weights_of(whole)
    assert [average.tolist() for average in rest.average.average] == [a.tolist() for a in whole.average.average]


def test_an_interruption_is_raised_after_its_step_was_told_and_saved(made):
    trainer = made.trainer()
    told = []
    with pytest.raises(Interrupted, match="SIGTERM"):
        for progress in trainer.run(lambda: 15 if trainer.position.step == 5 else None):
            told.append(progress.step)
    assert told == [1, 2, 3, 4, 5]
    again = made.trainer()
    again.resume()
    assert again.position.step == 5


def test_an_interruption_at_the_last_step_is_an_end(made):
    trainer = made.trainer(total_steps=3)
    assert len(list(trainer.run(lambda: 15 if trainer.position.step == 3 else None))) == 3


def test_between_evaluations_a_checkpoint_is_written_when_it_is_due(made, monkeypatch):
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 3600.0)
    trainer = made.trainer(total_steps=9, evaluations=3)
    written = []
    for progress in trainer.run():
        there = trainer.checkpoint.exists()
        again = made.trainer(total_steps=9, evaluations=3)
        if there:
            again.resume()
        written.append((progress.step, again.position.step))
    assert written == [(1, 0), (2, 0), (3, 3), (4, 3), (5, 3), (6, 6), (7, 6), (8, 6), (9, 9)]


def test_a_checkpoint_of_another_network_is_refused_in_one_line(made):
    made.trainer().save()
    other = made.trainer(model=nn.Linear(3, 3, dtype=torch.float64))
    with pytest.raises(ModelError, match=r"belongs to another network.*--fresh starts over"):
        other.resume()


@pytest.mark.parametrize("lost", ["random", "average.1", "model.output.bias"])
def test_a_checkpoint_that_lacks_something_is_refused(made, lost):
    trainer = made.trainer(total_steps=2)
    list(trainer.run())
    tensors, values = loop.load_tensors(trainer.checkpoint)
    del tensors[lost]
    loop.save_tensors(trainer.checkpoint, tensors, values)
    with pytest.raises(ModelError, match="--fresh starts over"):
        made.trainer(total_steps=2).resume()


def test_the_time_told_counts_all_sittings_and_what_is_left(made):
    first = made.trainer(total_steps=4)
    steps = first.run(lambda: 15 if first.position.step == 2 else None)
    told = [next(steps), next(steps)]
    with pytest.raises(Interrupted):
        next(steps)
    again = made.trainer(total_steps=4)
    again.resume()
    told += again.run()
    seconds = [progress.seconds for progress in told]
    assert seconds == sorted(seconds) and seconds[0] > 0
    for progress in told:
        left = progress.seconds / progress.step * (4 - progress.step)
        assert progress.seconds_left == pytest.approx(left)


def test_progress_is_ready_for_json(made):
    for progress in made.trainer(total_steps=2).run():
        assert json.loads(json.dumps(loop.asdict(progress)))["total_steps"] == 2


def train_on(folder, label, *, n_texts=160, pooling="concat", steps=150) -> float:
    """Train a small classifier on random ids whose label is known, and return the share it gets right on new ones."""
    draw = np.random.default_rng(5)
    rows = [draw.integers(2, 12, size=draw.integers(1, 9)).astype(np.int32) for _ in range(n_texts)]
    targets = np.array([label(row) for row in rows], dtype=np.int64)
    half = n_texts // 2
    torch.manual_seed(1)
    model = TextClassifier(Encoder(12, 8, 16, bidirectional=True), 2, pooling=pooling)
    options = {"seed": 1, "pad_id": 0, "max_tokens": 99}
    train = LabelledBatches(rows[:half], targets[:half], batch_size=8, **options)
    dev = LabelledBatches(rows[half:], targets[half:], batch_size=half, **options)

    def accuracy() -> float:
        model.eval()
        batch = next(dev.epoch(0))
        with torch.no_grad():
            return float((model(batch.ids, batch.mask).argmax(-1) == batch.targets).float().mean())

    trainer = Trainer(
        model,
        lambda batch: classification_loss(model(batch.ids, batch.mask), batch.targets),
        train,
        evaluate=accuracy,
        settings=TrainingSettings(learning_rate=0.02, precision="float32", ema=0.9, evaluations=5),
        total_steps=steps,
        checkpoint=folder / "checkpoint",
        keep_best=lambda: None,
    )
    return [progress.best_score for progress in trainer.run()][-1]


@pytest.mark.parametrize("pooling", ["concat", "max", "attention"])
def test_a_small_network_learns_whether_a_token_occurs(tmp_path, pooling):
    # The seed is fixed: this passes or fails the same each time.
    assert train_on(tmp_path, lambda row: 7 in row, pooling=pooling) >= 0.98


def test_a_small_network_learns_what_the_first_token_says(tmp_path):
    assert train_on(tmp_path, lambda row: row[0] % 2, n_texts=400) >= 0.98
