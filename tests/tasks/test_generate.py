"""The generation task: what is read and held out, evaluation against loops, training that carries the state."""

from __future__ import annotations

import csv
import gzip
import json
import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from nlp_lstm.batching.streams import StreamBatch, StreamBatches
from nlp_lstm.config import DataSettings, EncoderSettings, TokenizerSettings, TrainingSettings, VocabularySettings
from nlp_lstm.corpora.text_blocks import PlainText
from nlp_lstm.corpora.text_ids import TextIds
from nlp_lstm.errors import DataError, ModelError, UsageError
from nlp_lstm.metrics.language import WINDOW
from nlp_lstm.nn.language_model import LanguageModel
from nlp_lstm.tasks import generate
from nlp_lstm.tasks.generate import Generate, GenerateSettings
from nlp_lstm.text.blank_words import BlankWords
from nlp_lstm.text.byte_symbols import ByteSymbols
from nlp_lstm.text.characters import Characters
from nlp_lstm.text.regex_words import RegexWords
from nlp_lstm.text.vocabulary import Vocabulary
from nlp_lstm.training.budget import measure_pace
from nlp_lstm.training.loop import Trainer
from nlp_lstm.training.optimizer import build_optimizer

PLAIN = EncoderSettings(embed_size=4, hidden_size=6, bidirectional=False, dropout=0.0, embedding_dropout=0.0)
STEADY = {"warmup": 0.0, "decay": "none", "ema": 0.0, "precision": "float32", "clip_norm": 0.0}


def text_of(n: int, seed: int = 1) -> str:
    random = np.random.default_rng(seed)
    return "".join(random.choice(["so it goes. ", "é ü ", "on and on\n", "ja "]) for _ in range(n // 4))[:n]


def made_task(text: str, folder: Path, tokenizer=None, **settings) -> tuple[Generate, PlainText]:
    """Return a task that knows every token of a text, and the text in a file."""
    path = folder / "made.txt"
    path.write_text(text, encoding="utf-8", newline="")
    tokenizer = tokenizer or Characters()
    (plain,) = Generate.read(str(path), DataSettings(), lambda: tokenizer)
    tokens = Generate.tokenize([plain], tokenizer, cache=None)
    vocabularies = Generate.build_vocabularies(tokens, tokenizer, VocabularySettings(min_count=1))
    return Generate.from_examples([plain], GenerateSettings(**settings), tokenizer, vocabularies), plain


def rows_of(task: Generate, texts: Sequence[PlainText]) -> list[TextIds]:
    return task.encode(Generate.tokenize(texts, task.tokenizer, cache=None))


def network(task: Generate, encoder: EncoderSettings = PLAIN, seed: int = 2) -> LanguageModel:
    torch.manual_seed(seed)
    model = task.build(encoder).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(std=0.5)
    return model


def nats_of(model: LanguageModel, ids: Sequence[int]) -> float:
    """Return the negative log-likelihood of all but the first token, read one by one from a zero state."""
    total, state = 0.0, ()
    with torch.inference_mode():
        for token, target in pairwise(ids):
            log_probs, state = model(torch.tensor([[token]]), state)
            total -= float(log_probs[0, 0, target])
    return total


# --- reading and holding out -----------------------------------------------------------------------------------------


def test_the_last_tenth_is_held_out_by_position(tmp_path):
    text = text_of(1003)
    task, plain = made_task(text, tmp_path)
    (before,), (behind,) = Generate.hold_out([plain], fraction=0.1, seed=99)
    assert (before.text, behind.text) == (text[:902], text[902:])
    ids = task.vocabularies["tokens"].ids(list(text))
    rows = rows_of(task, [before, behind])
    assert [row.ids.tolist() for row in rows] == [ids[:902], ids[902:]]
    assert [(row.n_characters, row.n_bytes) for row in rows] == [
        (902, len(text[:902].encode())),
        (101, len(text[902:].encode())),
    ]


def test_a_folder_and_a_pattern_are_one_text_in_the_order_of_their_names(tmp_path):
    (tmp_path / "b.txt").write_text("two ")
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress("öne ".encode()))
    (tmp_path / "c.md").write_text("three ")
    read = lambda source: [each.text for each in Generate.read(source, DataSettings(), Characters)]  # noqa: E731
    assert read(str(tmp_path)) == ["öne two "]
    assert read(f"{tmp_path}/*") == ["öne two three "]
    assert read(f"{tmp_path}/[bc].*") == ["two three "]
    for source in ("-", "hf:imdb", str(tmp_path / "d.txt"), f"{tmp_path}/*.tex"):
        with pytest.raises(DataError, match=r"^[^\n]+$"):
            read(source)


TEXTS = ["so, it goes", 'he said "no"', "two\nlines", "", "<b>bold</b> é"]


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("a.csv", lambda file: csv.writer(file).writerows([("label", "body"), *(("x", text) for text in TEXTS)])),
        ("a.jsonl", lambda file: file.writelines(json.dumps({"body": text}) + "\n" for text in TEXTS)),
        ("a.json", lambda file: file.writelines(json.dumps({"body": text}) + "\n" for text in TEXTS)),
        ("a.csv.gz", lambda file: csv.writer(file).writerows([("body", "label"), *((text, "x") for text in TEXTS)])),
    ],
)
def test_of_a_file_with_columns_the_texts_of_its_rows_are_read_with_a_line_end_behind_each(tmp_path, name, write):
    path = tmp_path / name
    with gzip.open(path, "wt", newline="") if name.endswith(".gz") else path.open("w", newline="") as file:
        write(file)
    column = DataSettings(text_column="body")
    (plain,) = Generate.read(str(path), column, Characters)
    assert plain.text == "".join(f"{text}\n" for text in TEXTS)
    assert [record.text for record in Generate.records(str(path), column)] == TEXTS
    if not name.endswith(".gz"):
        (as_it_stands,) = Generate.read(str(path), DataSettings(format="text"), Characters)
        assert as_it_stands.text == path.read_bytes().decode()


def test_tags_in_the_texts_of_a_column_are_read_as_a_classifier_reads_them(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text("label\ttext\ngood\tso <b>it</b> goes<br />on\nbad\ta < b\n")
    task, plain = made_task("so it goes on a < b\n", tmp_path, RegexWords(strip_markup=True))
    (plain,) = Generate.read(str(path), DataSettings(), Characters)
    (row,) = rows_of(task, [plain])
    names = task.vocabularies["tokens"].tokens
    assert [names[token] for token in row.ids] == ["so", "it", "goes", "on", "\n", "a", "<", "b", "\n"]


def test_a_column_that_is_not_there_and_a_format_that_is_none_are_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,label\nso,x\n")
    with pytest.raises(DataError, match=r"^line 1 of .*a\.csv: .*'body'"):
        (plain,) = Generate.read(str(path), DataSettings(text_column="body"), Characters)
        _ = plain.text
    with pytest.raises(UsageError, match=r"^data\.format: no data format 'jsonll'; did you mean 'jsonl'\?$"):
        Generate.read(str(path), DataSettings(format="jsonll"), Characters)


@pytest.mark.parametrize("tokenizer", [Characters(), ByteSymbols()], ids=["characters", "bytes"])
def test_a_text_without_a_second_token_is_refused_before_training(tokenizer, tmp_path):
    task, plain = made_task("so it goes", tmp_path, tokenizer)
    for text, complaint in (("s", "holds one token; expected two or more"), ("", "holds no token; expected some text")):
        short = tmp_path / "short.txt"
        short.write_text(text)
        with pytest.raises(DataError, match=rf"^{short}: {complaint}"):
            rows_of(task, [PlainText(str(short), (str(short),))])
    _, behind = Generate.hold_out([plain], fraction=0.1, seed=1)
    with pytest.raises(DataError, match=r"made\.txt: the part held out of it holds one token"):
        rows_of(task, behind)


def test_words_have_their_line_ends(tmp_path):
    task, plain = made_task("so it\ngoes\n\non and on\n", tmp_path, BlankWords())
    (row,) = rows_of(task, [plain])
    vocabulary = task.vocabularies["tokens"]
    words = [vocabulary.token(token) for token in row.ids.tolist()]
    assert words == ["so", "it", "\n", "goes", "\n", "\n", "on", "and", "on", "\n"]


def test_subwords_are_learned_from_all_of_the_text_and_spell_it(tmp_path):
    _, plain = made_task(text_of(3000), tmp_path)
    learned = Generate.make_tokenizer(TokenizerSettings(kind="subwords", vocab_size=270, lowercase=False), [plain])
    task, _ = made_task(plain.text, tmp_path, learned)
    (row,) = rows_of(task, [plain])
    assert len(row) < 2000
    keys = [task.vocabularies["tokens"].token(token) for token in row.ids.tolist()]
    assert learned.decode(keys) == plain.text


def test_a_tokenizer_that_learns_nothing_does_not_read_the_text(tmp_path):
    missing = PlainText("gone.txt", (str(tmp_path / "gone.txt"),))
    assert Generate.make_tokenizer(TokenizerSettings(kind="characters"), [missing]).kind == "characters"


def test_rare_tokens_are_unknown_and_the_report_says_how_many(tmp_path):
    text = "ab" * 300 + "c" + "ab" * 10 + "cd"
    task, plain = made_task(text, tmp_path)
    tokens = Generate.tokenize([plain], task.tokenizer, cache=None)
    vocabularies = Generate.build_vocabularies(tokens, task.tokenizer, VocabularySettings(min_count=2))
    assert vocabularies["tokens"].tokens[2:] == ("a", "b", "c")
    rare = Generate.from_examples([plain], GenerateSettings(), task.tokenizer, vocabularies)
    report = rare.report([plain], rare.predict(network(rare), rows_of(rare, [plain])))
    assert report.unknown == pytest.approx(1 / (len(text) - 1))
    empty = Generate.build_vocabularies(tokens, task.tokenizer, VocabularySettings(min_count=9999))
    with pytest.raises(DataError, match=r"made\.txt: holds no token that comes vocabulary\.min_count times"):
        Generate.from_examples([plain], GenerateSettings(), task.tokenizer, empty)


def test_what_is_no_generator_is_refused(tmp_path):
    task, _ = made_task("so it goes", tmp_path)
    with pytest.raises(ModelError, match="labels: expected none, found 'labels'"):
        Generate.from_labels({"labels": ["a"]}, GenerateSettings(), task.tokenizer, task.vocabularies)
    with pytest.raises(UsageError, match=r"^encoder\.bidirectional: expected false"):
        task.build(PLAIN.model_copy(update={"bidirectional": True}))


@pytest.mark.parametrize(
    ("cutoffs", "used"),
    [((4,), [4]), ((3, 6), [3, 6]), ((4, 9999), [4]), ((7, 3), None), ((3, 3), None), ((9999,), None)],
)
def test_an_adaptive_softmax_is_parted_at_rising_places_inside_the_vocabulary(cutoffs, used, tmp_path):
    task, _ = made_task("abcdefghij", tmp_path, softmax="adaptive", cutoffs=cutoffs)
    encoder = PLAIN.model_copy(update={"hidden_size": 16})
    if used is None:
        with pytest.raises(UsageError, match=r"^head\.cutoffs: expected rising places below the 12 tokens"):
            task.build(encoder)
        return
    model = task.build(encoder)
    assert model.adaptive.cutoffs == [*used, 12]
    with pytest.raises(UsageError, match=r"^head\.cutoffs: .* want an encoder\.hidden_size of "):
        task.build(encoder.model_copy(update={"hidden_size": 3}))


def test_an_adaptive_softmax_and_two_readings_are_refused_together(tmp_path):
    task, _ = made_task("abcdefghij", tmp_path, softmax="adaptive", cutoffs=(4,), consistency=1.0)
    with pytest.raises(UsageError, match=r"^head\.consistency: expected 0 where head\.softmax is 'adaptive'"):
        task.build(PLAIN)


def test_two_readings_without_any_dropout_between_them_are_refused(tmp_path):
    task, _ = made_task("abcdefghij", tmp_path, consistency=1.0)
    with pytest.raises(UsageError, match=r"^head\.consistency: expected 0 where neither encoder\.dropout nor"):
        task.build(PLAIN)
    for kind in ("dropout", "word_dropout"):
        task.build(PLAIN.model_copy(update={kind: 0.1}))


def test_the_loss_of_two_readings_is_the_networks_with_the_weight_of_the_settings(tmp_path):
    task, _ = made_task("abcdefghij", tmp_path, consistency=7.0)
    model = network(task, PLAIN.model_copy(update={"dropout": 0.5})).train()
    ids = torch.tensor([[2, 3, 4, 5], [4, 4, 2, 3]])
    losses = []
    for own in (True, False):
        torch.manual_seed(3)
        given = StreamBatch(ids, ids.flip(1), True)
        losses.append(task.loss(model, given) if own else model.loss(ids, ids.flip(1), consistency=7.0))
    assert losses[0].total == losses[1].total and losses[0].n_items == 8
    torch.manual_seed(3)
    assert model.loss(ids, ids.flip(1), consistency=1.0).total < losses[0].total


@pytest.mark.parametrize("softmax", ["full", "tied"])
def test_the_output_layer_is_the_one_of_the_settings(softmax, tmp_path):
    task, _ = made_task("abcdefghij", tmp_path, softmax=softmax)
    model = task.build(PLAIN)
    assert (model.output is None) == (softmax == "tied") == (model.project is not None)


# --- evaluation ------------------------------------------------------------------------------------------------------


@pytest.fixture
def judged(tmp_path):
    """A task, its network, and a text of 1,500 characters."""
    task, plain = made_task(text_of(1500), tmp_path)
    return task, network(task, PLAIN.model_copy(update={"n_layers": 2})), plain


def test_the_likelihood_is_that_of_a_loop_over_the_whole_text(judged):
    task, model, plain = judged
    (row,) = rows_of(task, [plain])
    (found,) = task.predict(model, [row])
    assert (sum(found.sizes), found.n_characters, found.n_bytes) == (1499, 1500, len(plain.text.encode()))
    assert list(found.sizes) == [512, 512, 475]
    assert sum(found.blocks) == pytest.approx(nats_of(model, row.ids.tolist()), rel=1e-5)
    report = task.report([plain], [found])
    assert report.nats_per_token == pytest.approx(nats_of(model, row.ids.tolist()) / 1499, rel=1e-5)
    assert task.score([plain], [found]) == pytest.approx(math.exp(-report.nats_per_token))


@pytest.mark.parametrize(("most", "count"), [(2_000, 24), (4, 4)])  # 24 windows of 256 cover 1,500 characters 4 times
def test_the_windowed_likelihood_is_that_of_a_loop_over_the_same_windows(judged, monkeypatch, most, count):
    monkeypatch.setattr(generate, "N_WINDOWS", most)
    task, model, plain = judged
    (row,) = rows_of(task, [plain])
    (found,) = task.predict(model, [row])
    starts = np.random.default_rng(0).integers(1500 - WINDOW, size=count)
    ids = row.ids.tolist()
    expected = sum(nats_of(model, ids[start : start + WINDOW + 1]) for start in starts) / (count * WINDOW)
    assert found.windowed == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("length", [WINDOW, WINDOW + 1])
def test_a_text_that_is_no_longer_than_a_window_has_no_windowed_likelihood(length, tmp_path):
    task, plain = made_task(text_of(length), tmp_path)
    (found,) = task.predict(network(task), rows_of(task, [plain]))
    assert (found.windowed is None) == (length == WINDOW)
    assert sum(found.sizes) == length - 1


def test_a_quick_look_comes_close(tmp_path):
    task, plain = made_task(text_of(30_000), tmp_path)
    model, rows = network(task), rows_of(task, [plain])
    (whole,), (quick,) = task.predict(model, rows), task.predict(model, rows, quick=True)
    assert quick.windowed is None
    assert sum(quick.sizes) == 30_000 // 64 * 64
    near = sum(whole.blocks) / sum(whole.sizes), sum(quick.blocks) / sum(quick.sizes)
    assert near[1] == pytest.approx(near[0], rel=0.01) and near[0] != near[1]


def test_the_bits_of_a_text_are_of_all_its_characters_whatever_its_tokens(tmp_path):
    text = "so it goes\nso it goes é\n"
    task, plain = made_task(text, tmp_path, BlankWords())
    model, rows = network(task), rows_of(task, [plain])
    report = task.report([plain], task.predict(model, rows))
    nats = nats_of(model, rows[0].ids.tolist())
    assert report.n_tokens == 8 and report.n_characters == len(text)
    assert report.bits_per_character == pytest.approx(nats / math.log(2) / len(text), rel=1e-5)
    assert report.bits_per_byte == pytest.approx(nats / math.log(2) / len(text.encode()), rel=1e-5)


def test_evaluation_leaves_no_state_behind(judged):
    task, model, plain = judged
    rows = rows_of(task, [plain, plain])
    first, second = task.predict(model, rows)
    assert first == second == task.predict(model, rows[:1])[0]


# --- training that carries the state ---------------------------------------------------------------------------------


def trainer_of(task: Generate, model: LanguageModel, batches, folder: Path, *, steps: int, **settings) -> Trainer:
    return Trainer(
        model,
        lambda batch: task.loss(model, batch),
        batches,
        evaluate=lambda: 0.5,
        settings=TrainingSettings(**{**STEADY, "evaluations": 1, "learning_rate": 0.01, **settings}),
        total_steps=steps,
        checkpoint=folder / "checkpoint.safetensors",
        keep_best=lambda: None,
    )


def losses_by_hand(task: Generate, model: LanguageModel, batches, *, steps: int, accumulate: int) -> list[float]:
    """Return the losses of a plain loop: the state goes from batch to batch, the gradient does not."""
    settings = TrainingSettings(**{**STEADY, "learning_rate": 0.01})
    optimizer = build_optimizer(model.train(), settings)
    losses: list[float] = []
    state: tuple[torch.Tensor, ...] = ()
    group: list[tuple[float, int]] = []
    for epoch in range(99):
        for number, batch in enumerate(batches.epoch(epoch)):
            if number == 0:
                state = ()
            log_probs, after = model(batch.inputs, state)
            loss = -log_probs.gather(2, batch.targets.unsqueeze(2)).sum()
            loss.backward()
            state = tuple(part.detach().clone() for part in after)
            group.append((loss.item(), batch.targets.numel()))
            if len(group) == accumulate:
                total, count = map(sum, zip(*group, strict=True))
                for weight in model.parameters():
                    weight.grad /= count
                optimizer.step()
                optimizer.zero_grad()
                losses.append(total / count)
                group = []
            if len(losses) == steps:
                return losses
    raise AssertionError("not so many steps in 99 epochs")


@pytest.fixture
def streams(tmp_path):
    task, plain = made_task(text_of(700), tmp_path)
    settings = TrainingSettings(batch_size=3, max_tokens=40, seed=5)
    return task, task.batches(rows_of(task, [plain]), [plain], settings)


@pytest.mark.parametrize("accumulate", [1, 2, 4])
def test_losses_are_those_of_a_loop_that_carries_the_state(streams, tmp_path, accumulate):
    task, batches = streams
    assert len(batches) in (5, 6, 7)  # so that steps of several batches reach into the next epoch
    steps = 3 * len(batches) // accumulate
    expected = losses_by_hand(task, network(task), batches, steps=steps, accumulate=accumulate)
    model, found = network(task), []
    trainer = trainer_of(task, model, batches, tmp_path, steps=steps, accumulate=accumulate)
    losses: list[float] = []

    def noting(batch):
        loss = task.loss(model, batch)
        losses.append((loss.total.item(), loss.n_items))
        return loss

    trainer.objective = noting
    list(trainer.run())
    for start in range(0, steps * accumulate, accumulate):
        total, count = map(sum, zip(*losses[start : start + accumulate], strict=True))
        found.append(total / count)
    assert found == pytest.approx(expected, rel=1e-5)


def test_the_state_makes_a_difference_and_a_new_epoch_begins_without_it(streams):
    task, batches = streams
    model = network(task)
    first, second, *_ = batches.epoch(0)
    state = task.loss(model, first).state
    cold, warm = task.loss(model, second), task.loss(model, second.after(state))
    assert abs(cold.total.item() - warm.total.item()) > 1e-2
    begin = next(iter(batches.epoch(1)))
    assert torch.equal(task.loss(model, begin).total, task.loss(model, begin.after(state)).total)


@pytest.mark.parametrize("stop", [1, 4, 7, 9])
@pytest.mark.parametrize("encoder", [{}, {"cell": "gru", "n_layers": 2}], ids=["lstm", "two grus"])
def test_a_run_that_goes_on_in_the_middle_of_an_epoch_ends_with_the_same_weights(streams, tmp_path, stop, encoder):
    task, batches = streams
    shape = PLAIN.model_copy(update={"dropout": 0.3, "weight_drop": 0.2, **encoder})

    def trainer(name: str) -> Trainer:
        (tmp_path / name).mkdir(exist_ok=True)
        return trainer_of(task, network(task, shape), batches, tmp_path / name, steps=11, accumulate=2, ema=0.9)

    torch.manual_seed(8)
    unbroken = trainer("unbroken")
    list(unbroken.run())
    torch.manual_seed(8)
    begun = trainer("broken")
    for progress in begun.run():
        if progress.step == stop:
            begun.save()
            break
    torch.manual_seed(1234)
    again = trainer("broken")
    again.resume()
    assert len(again.state) == len(begun.state) > 0 and all(map(torch.equal, again.state, begun.state))
    list(again.run())
    for one, other in zip(unbroken.model.parameters(), again.model.parameters(), strict=True):
        assert torch.equal(one, other)


def test_measuring_the_pace_leaves_model_and_random_state_as_they_were(streams):
    task, batches = streams
    model = network(task, PLAIN.model_copy(update={"dropout": 0.3}))
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    random = torch.get_rng_state()
    settings = TrainingSettings(**STEADY, learning_rate=1.0, minutes=1)
    a_step, an_evaluation = measure_pace(
        model, lambda of: lambda batch: task.loss(of, batch), batches, lambda: 0.5, settings
    )
    assert a_step > 0 and an_evaluation >= 0
    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(before[name], weight) for name, weight in model.state_dict().items())
    assert all(weight.grad is None for weight in model.parameters())


def test_batches_are_streams_of_the_text_as_the_settings_have_it(tmp_path):
    task, plain = made_task(text_of(700), tmp_path)
    rows = rows_of(task, [plain])
    batches = task.batches(rows, [plain], TrainingSettings(batch_size=7, max_tokens=24, seed=3))
    assert isinstance(batches, StreamBatches)
    assert (batches.n_streams, batches.window, batches.seed, batches.n_cut) == (7, 24, 3, 0)
    two = task.batches([rows[0], rows[0]], [plain], TrainingSettings(batch_size=7, max_tokens=24, seed=3))
    assert len(two.ids) == 1400
    with pytest.raises(
        DataError,
        match=r"made\.txt: its 700 tokens are too few for training\.batch_size = 351; .* 702, or --set .*_size=350$",
    ):
        task.batches(rows, [plain], TrainingSettings(batch_size=351))


def test_a_made_text_is_learned(tmp_path):
    """Consonant, vowel and the same consonant again: the third letter of each three is certain for who remembers."""
    random = np.random.default_rng(0)
    text = "".join(c + random.choice(list("aeiou")) + c for c in random.choice(list("bdfgklmn"), size=3000))
    task, plain = made_task(text, tmp_path)
    batches = task.batches(rows_of(task, [plain]), [plain], TrainingSettings(batch_size=16, max_tokens=32))
    torch.manual_seed(0)
    model = task.build(PLAIN.model_copy(update={"embed_size": 16, "hidden_size": 32}))
    trainer = trainer_of(task, model, batches, tmp_path, steps=150, learning_rate=0.02)
    list(trainer.run())
    (found,) = task.predict(model, rows_of(task, [plain]))
    entropy = (math.log(8) + math.log(5)) / 3  # of a consonant, a vowel, and the consonant again
    assert entropy - 0.02 < task.report([plain], [found]).nats_per_token < entropy + 0.1


def test_the_same_text_is_continued_in_the_same_way_wherever_it_stands(tmp_path):
    task, _ = made_task(text_of(500), tmp_path)
    model = network(task)
    found = task.answer(model, ["so", "on", "so"], max_new_tokens=12, seed=7)
    assert found[0] == found[2] != found[1]
    assert found[0].text == "so" + found[0].continuation and len(found[0].continuation) == 12
    assert task.answer(model, ["so"], max_new_tokens=12, seed=8) != found[:1]
    with pytest.raises(UsageError, match="top_p: expected at most 1"):
        task.answer(model, ["so"], top_p=1.5)


@pytest.mark.parametrize("consistency", [0.0, 1.0])
@pytest.mark.parametrize(("forget", "expected"), [(0.0, "carried"), (1 - 1e-9, "zero")])
def test_cold_starts_forget_the_state_before_a_window_of_training_only(forget, expected, consistency):
    vocabulary = Vocabulary.build({"a": 3, "b": 2, "c": 1})
    settings = GenerateSettings(cold_starts=forget, consistency=consistency)
    task = Generate(settings, Characters(), {"tokens": vocabulary})
    still = {
        "dropout": 1e-12 if consistency else 0.0,
        "embedding_dropout": 0.0,
        "bidirectional": False,
        "embed_size": 4,
        "hidden_size": 5,
    }
    torch.manual_seed(0)
    model = task.build(EncoderSettings(**still))
    ids = torch.tensor([[2, 3, 4], [4, 4, 2]])
    state = (torch.rand(2, 5), torch.rand(2, 5))
    batch = StreamBatch(ids, ids.flip(1), False).after(state)
    losses = {
        "carried": model.loss(ids, ids.flip(1), state).total,
        "zero": model.loss(ids, ids.flip(1)).total,
    }
    assert not torch.isclose(losses["carried"], losses["zero"])
    torch.testing.assert_close(task.loss(model.eval(), batch).total, losses["carried"])
    if consistency:
        batch = batch.after(tuple(part.repeat(2, 1) for part in state))  # of both readings
    torch.testing.assert_close(task.loss(model.train(), batch).total, losses[expected])
