"""Encoder and decoder together: the loss, what padding must not change, and a made task that is learned."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from nlp_lstm.nn.attention import ATTENTIONS
from nlp_lstm.nn.decoder import Decoder
from nlp_lstm.nn.encoder import Encoder
from nlp_lstm.nn.translator import ROWS_AT_ONCE, Translator

PAD, BEGIN, END, VOCAB = 0, 2, 3, 9
SOURCE_LENGTHS, TARGET_LENGTHS = (4, 6, 1), (3, 2, 5)

feeding_or_not = pytest.mark.parametrize("input_feeding", [True, False])


@pytest.fixture
def make(randomised):
    """Return a function that makes a small translator with random parameters."""

    def build(*, cell: str = "lstm", encoder_layers: int = 1, **options) -> Translator:
        encoder = Encoder(13, 3, 5, cell=cell, n_layers=encoder_layers, bidirectional=True)
        return randomised(Translator(encoder, Decoder(VOCAB, 4, 6, encoder.output_size, **options))).eval()

    return build


@pytest.fixture
def batch(ragged) -> dict[str, Tensor]:
    """A ragged batch under the names of `loss`."""
    source_ids, source_mask = ragged(SOURCE_LENGTHS)
    targets, target_mask = ragged(TARGET_LENGTHS, vocab=VOCAB, seed=1)
    inputs = functional.pad(targets, (1, -1), value=BEGIN)
    return {
        "source_ids": source_ids,
        "source_mask": source_mask,
        "target_inputs": inputs,
        "targets": targets,
        "target_mask": target_mask,
    }


def gradients(model: Translator, loss: Tensor) -> dict[str, Tensor]:
    names, parameters = zip(*model.named_parameters(), strict=True)
    return dict(zip(names, torch.autograd.grad(loss, parameters), strict=True))


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@feeding_or_not
def test_loss_and_gradients_are_the_cross_entropy_of_all_logits_at_real_tokens(input_feeding, smoothing, make, batch):
    model = make(input_feeding=input_feeding, encoder_layers=2, n_layers=2).double()
    ours = model.loss(**batch, label_smoothing=smoothing)
    logits = model.decoder.logits(model(batch["source_ids"], batch["source_mask"], batch["target_inputs"]))
    log_probs = logits - logits.exp().sum(-1, keepdim=True).log()
    picked = log_probs.gather(-1, batch["targets"].unsqueeze(-1)).squeeze(-1)
    each = -(1 - smoothing) * picked - smoothing * log_probs.mean(-1)
    total = sum(each[row, :length].sum() for row, length in enumerate(TARGET_LENGTHS))
    assert ours.n_items == sum(TARGET_LENGTHS)
    torch.testing.assert_close(ours.total, total)
    expected = gradients(model, total)
    for name, gradient in gradients(model, ours.total).items():
        torch.testing.assert_close(gradient, expected[name], rtol=0, atol=1e-10, msg=name)
        assert bool(gradient.any()), name


@feeding_or_not
def test_a_pair_read_twice_in_training_is_to_be_scored_alike(input_feeding, make, batch):
    model = make(input_feeding=input_feeding, dropout=0.5).double()
    once = model.loss(**batch, label_smoothing=0.1)
    assert torch.equal(model.loss(**batch, label_smoothing=0.1, consistency=2.0).total, once.total)
    torch.manual_seed(0)
    ours = model.train().loss(**batch, label_smoothing=0.1, consistency=2.0)
    torch.manual_seed(0)
    twice = {name: part.repeat(2, 1) for name, part in batch.items()}
    logits = model.decoder.logits(model(twice["source_ids"], twice["source_mask"], twice["target_inputs"]))
    log_p, log_q = logits[twice["target_mask"]].log_softmax(-1).chunk(2)
    right = batch["targets"][batch["target_mask"]]
    each = [functional.cross_entropy(part, right, reduction="sum", label_smoothing=0.1) for part in (log_p, log_q)]
    divergence = functional.kl_div(log_q, log_p, reduction="sum", log_target=True)
    divergence = divergence + functional.kl_div(log_p, log_q, reduction="sum", log_target=True)
    total = sum(each) / 2 + 2.0 / 4 * divergence
    assert ours.n_items == sum(TARGET_LENGTHS)
    assert not torch.isclose(log_p, log_q).all()
    torch.testing.assert_close(ours.total, total)
    expected = gradients(model, total)
    for name, gradient in gradients(model, ours.total).items():
        torch.testing.assert_close(gradient, expected[name], rtol=0, atol=1e-10, msg=name)


def test_the_vocabulary_is_scored_at_real_tokens_in_few_shapes(make, batch, monkeypatch):
    model, scored = make(), []
    whole = model.decoder.logits
    monkeypatch.setattr(model.decoder, "logits", lambda features: scored.append(features.shape) or whole(features))
    model.loss(**batch)
    assert sum(TARGET_LENGTHS) <= ROWS_AT_ONCE
    assert scored == [(ROWS_AT_ONCE, 6)]


@feeding_or_not
def test_steps_from_what_was_encoded_once_are_teacher_forcing(input_feeding, make, batch):
    model = make(input_feeding=input_feeding)
    expected = model.decoder.logits(model(batch["source_ids"], batch["source_mask"], batch["target_inputs"]))
    memory, state = model.encode(batch["source_ids"], batch["source_mask"])
    for time, ids in enumerate(batch["target_inputs"].unbind(1)):
        logits, state, _ = model.decoder.step(ids, state, memory)
        torch.testing.assert_close(logits, expected[:, time], rtol=0, atol=1e-5)


@feeding_or_not
def test_padding_of_source_and_target_changes_nothing(input_feeding, make, batch):
    model = make(input_feeding=input_feeding, n_layers=2)
    wide = {name: functional.pad(tensor, (0, 3)) for name, tensor in batch.items()}
    for name, mask in (("source_ids", "source_mask"), ("targets", "target_mask"), ("target_inputs", "target_mask")):
        wide[name] = torch.where(wide[mask], wide[name], 7)  # some word where nothing may look
    ours, expected = model.loss(**wide), model.loss(**batch)
    torch.testing.assert_close(ours.total, expected.total)
    for one, other in zip(*(gradients(model, loss.total).items() for loss in (ours, expected)), strict=True):
        torch.testing.assert_close(one[1], other[1], rtol=1e-5, atol=1e-5, msg=one[0])


@feeding_or_not
def test_a_batch_has_the_loss_of_its_rows_one_by_one(input_feeding, make, batch):
    model = make(input_feeding=input_feeding).double()
    total = 0.0
    for row, (source, target) in enumerate(zip(SOURCE_LENGTHS, TARGET_LENGTHS, strict=True)):
        length = {"source_ids": source, "source_mask": source}
        alone = {name: tensor[row : row + 1, : length.get(name, target)] for name, tensor in batch.items()}
        total += float(model.loss(**alone).total.detach())
    assert float(model.loss(**batch).total.detach()) == pytest.approx(total, rel=1e-12)


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_any_cell_and_depth_of_encoder_goes_with_any_depth_of_decoder(cell, make, batch):
    for encoder_layers, n_layers in ((1, 2), (2, 1), (2, 2)):
        model = make(cell=cell, encoder_layers=encoder_layers, n_layers=n_layers)
        found = gradients(model, model.loss(**batch).total)
        assert all(bool(gradient.any()) for gradient in found.values()), [k for k, v in found.items() if not v.any()]


def test_an_encoder_of_another_width_is_refused():
    with pytest.raises(ValueError, match="encoder's 10, not 5"):
        Translator(Encoder(13, 3, 5, bidirectional=True), Decoder(VOCAB, 4, 6, 5))


@feeding_or_not
def test_bfloat16_trains_with_finite_gradients_near_those_of_float32(input_feeding, make, batch, autocast):
    model = make(input_feeding=input_feeding)
    exact = model.loss(**batch, label_smoothing=0.1)
    with autocast(True):
        rounded = model.loss(**batch, label_smoothing=0.1)
        ours = gradients(model, rounded.total)
    assert rounded.total.dtype == torch.float32
    assert float(rounded.total.detach()) == pytest.approx(float(exact.total.detach()), rel=0.02)
    for name, expected in gradients(model, exact.total).items():
        assert float((ours[name] - expected).norm()) <= 0.1 * float(expected.norm()) + 1e-3, name


# ---- a made task ----


def reversals(count: int, generator: torch.Generator) -> dict[str, Tensor]:
    """Return rows of one to six symbols out of five, whose translation is the row backwards."""
    lengths = torch.randint(1, 7, (count, 1), generator=generator)
    position = torch.arange(7)
    source_mask, target_mask = position[:6] < lengths, position < lengths + 1
    source = torch.randint(4, VOCAB, (count, 6), generator=generator).masked_fill(~source_mask, PAD)
    backwards = source.gather(1, (lengths - 1 - position[:6]).clamp(min=0)).masked_fill(~source_mask, PAD)
    targets = functional.pad(backwards, (0, 1)).scatter(1, lengths, END)
    return {
        "source_ids": source,
        "source_mask": source_mask,
        "target_inputs": functional.pad(targets, (1, -1), value=BEGIN),
        "targets": targets,
        "target_mask": target_mask,
    }


@torch.inference_mode()
def translate(model: Translator, source_ids: Tensor, source_mask: Tensor, steps: int) -> Tensor:
    """Return the likeliest token of each step, each read in turn, int64 (rows, steps)."""
    memory, state = model.encode(source_ids, source_mask)
    ids, tokens = torch.full((len(source_ids),), BEGIN), []
    for _ in range(steps):
        logits, state, _ = model.decoder.step(ids, state, memory)
        ids = logits.argmax(-1)
        tokens.append(ids)
    return torch.stack(tokens, 1)


@pytest.mark.parametrize("attention", ATTENTIONS)
@feeding_or_not
def test_rows_are_learned_to_be_turned_round(input_feeding, attention):
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    encoder = Encoder(VOCAB, 16, 24, bidirectional=True)
    decoder = Decoder(VOCAB, 16, 32, 48, input_feeding=input_feeding, attention=attention)
    model = Translator(encoder, decoder)
    optimizer = torch.optim.Adam(model.parameters())
    for step in range(160):
        optimizer.param_groups[0]["lr"] = 0.02 * (1 - step / 160)
        loss = model.loss(**reversals(32, generator))
        optimizer.zero_grad()
        (loss.total / loss.n_items).backward()
        optimizer.step()
    batch = reversals(200, generator)
    tokens = translate(model.eval(), batch["source_ids"], batch["source_mask"], 7)
    right = (tokens == batch["targets"]) | ~batch["target_mask"]
    assert float(right.all(1).double().mean()) > 0.95  # whole rows; few but those of one symbol are right by chance
