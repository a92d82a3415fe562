"""Weights that move from a trained model into a new network, of another task too."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from shutil import copytree, rmtree

import pytest
import torch

from nlp_lstm import UsageError, load, train
from nlp_lstm.config import EncoderSettings
from nlp_lstm.errors import Interrupted, ModelError
from nlp_lstm.nn.encoder import Encoder
from nlp_lstm.records.examples import Example
from nlp_lstm.stages.moving import take_over
from nlp_lstm.stages.record import Observer
from nlp_lstm.store import write_weights
from nlp_lstm.tasks.task import build_encoder
from nlp_lstm.text.vocabulary import Vocabulary
from tests.stages.made_data import made_sentences, made_texts, write_pairs

SIZES = {"encoder.embed_size": 6, "encoder.hidden_size": 5, "training.precision": "float32"}
WORDS = SIZES | {"tokenizer.kind": "regex", "tokenizer.lowercase": True, "vocabulary.min_count": 1}


class Network(torch.nn.Module):
    """A network of nothing but an encoder."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder


def network(vocabulary: Vocabulary, *, extra_size: int = 0, **settings: object) -> Network:
    torch.manual_seed(5)
    chosen = EncoderSettings(**{"embed_size": 6, "hidden_size": 5, **settings})
    return Network(build_encoder(chosen, vocabulary, extra_size=extra_size))


@pytest.fixture(scope="module")
def writer_folder(tmp_path_factory) -> Path:
    """A language model over the words of the made texts: one layer, one way."""
    place = tmp_path_factory.mktemp("moving")
    (place / "text.txt").write_text("".join(f"{text}\n" for text, _ in made_texts(60, seed=3)), encoding="utf-8")
    return train("generate", train=place / "text.txt", out=place / "run", steps=20, settings=WORDS).folder


@pytest.fixture(scope="module")
def trained(writer_folder):
    return load(writer_folder)


def tagged(place: Path) -> Path:
    path = place / "made.conll"
    path.write_text(made_sentences(20, seed=4), encoding="utf-8")
    return path


def weights(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def test_rows_are_matched_by_token_and_others_get_the_mean(writer_folder, trained):
    source, known = trained.model.encoder.embedding.weight, trained.vocabulary
    vocabulary = Vocabulary([*known.specials, "zebra", *reversed(known.tokens[len(known.specials) :])])
    model = network(vocabulary, bidirectional=False)
    told = take_over(model, vocabulary, writer_folder)
    n = len(known) - len(known.specials)
    assert told == f"taken over from {writer_folder}: {n} of {n + 3} rows of the embedding; layers: 0.forwards"
    rows = model.encoder.embedding.weight
    for token in known.tokens[len(known.specials) :]:
        assert torch.equal(rows[vocabulary[token]], source[known[token]])
    torch.testing.assert_close(rows[vocabulary["zebra"]], source[len(known.specials) :].mean(0))
    assert torch.equal(rows[vocabulary.unknown_id], source[known.unknown_id])
    assert not rows[vocabulary.pad_id].any()


def test_a_one_way_encoder_gives_a_two_way_one_its_forward_half(writer_folder, trained):
    model = network(trained.vocabulary, bidirectional=True)
    before = weights(model)
    told = take_over(model, trained.vocabulary, writer_folder)
    assert told.endswith("layers: 0.forwards; new: 0.backwards")
    after, source = weights(model), trained.model.state_dict()
    for name in after:
        if ".backwards." in name:
            assert torch.equal(after[name], before[name])
        else:
            assert torch.equal(after[name], source[name])


def test_what_a_layer_reads_beside_the_embedding_stays_new(writer_folder, trained):
    model = network(trained.vocabulary, extra_size=3)
    before = weights(model)
    take_over(model, trained.vocabulary, writer_folder)
    name = "encoder.stack.layers.0.forwards.weight_ih"
    after = weights(model)[name]
    assert torch.equal(after[:, :6], trained.model.state_dict()[name])
    assert torch.equal(after[:, 6:], before[name][:, 6:])


@pytest.mark.parametrize("extra_size", [0, 3])
def test_a_model_that_reads_more_gives_what_reads_the_embedding(extra_size, tmp_path):
    folder = train("tag", train=tagged(tmp_path), out=tmp_path / "run", steps=2, settings=WORDS).folder
    tagger = load(folder)
    model = network(tagger.vocabulary, extra_size=extra_size)
    before = weights(model)
    assert take_over(model, tagger.vocabulary, folder).endswith("layers: 0.forwards, 0.backwards")
    after, source = weights(model), tagger.model.state_dict()
    assert source["encoder.stack.layers.0.forwards.weight_ih"].shape[1] > 6 + extra_size
    for name in after:
        if name.endswith("weight_ih"):
            assert torch.equal(after[name][:, :6], source[name][:, :6])
            assert torch.equal(after[name][:, 6:], before[name][:, 6:])
        else:
            assert torch.equal(after[name], source[name])


def test_the_spelling_network_of_another_tagger_and_what_reads_it_stay_new(tmp_path):
    examples = tagged(tmp_path)
    settings = WORDS | {"training.learning_rate": 1e-12, "training.ema": 0.0}
    first = train("tag", train=examples, dev=examples, out=tmp_path / "first", steps=2, settings=WORDS)
    runs = {
        name: train(
            "tag", train=examples, dev=examples, out=tmp_path / name, steps=1, settings=settings, init_from=given
        )
        for name, given in (("new", None), ("moved", first.folder))
    }
    source, new, moved = (run.load().model.state_dict() for run in (first, runs["new"], runs["moved"]))
    name = "encoder.stack.layers.0.backwards.weight_ih"
    torch.testing.assert_close(moved[name][:, :6], source[name][:, :6], atol=1e-6, rtol=0)
    torch.testing.assert_close(moved[name][:, 6:], new[name][:, 6:], atol=1e-6, rtol=0)
    for name in new:
        if name.startswith("spelling."):
            torch.testing.assert_close(moved[name], new[name], atol=1e-6, rtol=0)


def test_a_wider_embedding_keeps_the_layers_only_where_they_fit(writer_folder, trained):
    model = network(trained.vocabulary, embed_size=7, bidirectional=False, n_layers=2)
    told = take_over(model, trained.vocabulary, writer_folder)
    assert ": no row of the embedding; layers: 0.forwards; new: 1.forwards" in told


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"embed_size": 7, "hidden_size": 9},
            r"nothing of the encoder of .* fits: embed_size 6 and hidden_size 5 there, embed_size 7 and hidden_size 9",
        ),
        ({"cell": "gru"}, r"nothing of .* fits: its encoder\.cell is 'lstm', here it is 'gru'"),
    ],
)
def test_an_encoder_that_does_not_fit_is_refused_with_both_sizes(writer_folder, trained, settings, message):
    with pytest.raises(UsageError, match=message):
        take_over(network(trained.vocabulary, **settings), trained.vocabulary, writer_folder)


@pytest.mark.parametrize("cell", ["layernorm_lstm", "minlstm", "transformer"])
def test_layers_of_every_kind_move_between_equal_cells_of_one_width(cell, tmp_path):
    examples = [Example(*pair) for pair in made_texts(20, seed=4)]
    settings = WORDS | {"encoder.cell": cell, "encoder.n_layers": 2}
    folder = train("classify", train=examples, dev=examples, out=tmp_path / "run", steps=2, settings=settings).folder
    source = load(folder)
    model = network(source.vocabulary, cell=cell, n_layers=2)
    told = take_over(model, source.vocabulary, folder)
    assert told.endswith(
        "layers: 0, 1" if cell == "transformer" else "0.forwards, 0.backwards, 1.forwards, 1.backwards"
    )
    moved, expected = weights(model), source.model.state_dict()
    assert all(torch.equal(moved[name], expected[name]) for name in moved)
    with pytest.raises(UsageError, match="embed_size 6 and hidden_size 5 there, embed_size 7 and hidden_size 6 here"):
        take_over(network(source.vocabulary, cell=cell, embed_size=7, hidden_size=6), source.vocabulary, folder)


def test_a_folder_that_is_no_model_is_refused(tmp_path, trained):
    with pytest.raises(ModelError, match="no model at"):
        take_over(network(trained.vocabulary), trained.vocabulary, tmp_path / "none")


def test_a_run_begins_with_a_model_of_another_task_and_says_what_it_kept(writer_folder, trained, tmp_path):
    told: list[str] = []
    examples = [Example(*pair) for pair in made_texts(20, seed=4)]
    options = {"settings": WORDS | {"training.learning_rate": 1e-12, "training.ema": 0.0}, "steps": 1}
    data = {"train": examples, "dev": examples}
    done = train(
        "classify",
        **data,
        out=tmp_path / "run",
        init_from=writer_folder,
        observer=Observer(note=told.append),
        **options,
    )
    (line,) = [line for line in told if line.startswith("taken over")]
    assert "layers: 0.forwards; new: 0.backwards" in line
    found, source = done.load(), trained
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        key = f"encoder.stack.layers.0.forwards.{name}"
        torch.testing.assert_close(found.model.state_dict()[key], source.model.state_dict()[key], atol=1e-6, rtol=0)
    row = found.model.encoder.embedding.weight[found.vocabulary["fine"]]
    expected = source.model.encoder.embedding.weight[source.vocabulary["fine"]]
    torch.testing.assert_close(row, expected, atol=1e-6, rtol=0)
    assert "init_from" not in (tmp_path / "run" / "config.json").read_text()


def test_a_model_to_begin_with_that_was_trained_again_makes_another_run(trained, writer_folder, tmp_path):
    source = Path(copytree(writer_folder, tmp_path / "source"))
    examples = [Example(*pair) for pair in made_texts(20, seed=4)]
    options = {"train": examples, "dev": examples, "settings": WORDS, "steps": 2, "init_from": source}
    folder = train("classify", out=tmp_path / "run", **options).folder
    train("classify", out=folder, **options)  # the same run
    before = (folder / "model.safetensors").read_bytes()
    with torch.no_grad():
        changed = copy.deepcopy(trained.model)
        changed.encoder.embedding.weight.add_(1)
    write_weights(source, changed)
    with pytest.raises(UsageError) as caught:
        train("classify", out=folder, **options)
    assert f"{folder} holds a run that differs" in str(caught.value) and "--fresh starts over" in str(caught.value)
    assert str(caught.value).endswith(f"): {source / 'model.safetensors'}: its content is not the same")
    assert (folder / "model.safetensors").read_bytes() == before
    train("classify", out=folder, fresh=True, **options)
    assert (folder / "model.safetensors").read_bytes() != before


def test_a_run_that_noted_no_model_goes_on(writer_folder, tmp_path):
    examples = [Example(*pair) for pair in made_texts(20, seed=4)]
    options = {"train": examples, "dev": examples, "settings": WORDS, "steps": 2, "init_from": writer_folder}
    run = train("classify", out=tmp_path / "run", **options)
    noted = json.loads((run.folder / "run.json").read_text())
    assert set(noted.pop("models")) == {str(writer_folder / name) for name in ("model.safetensors", "vocab.json")}
    (run.folder / "run.json").write_text(json.dumps(noted))
    assert train("classify", out=run.folder, **options).metrics == run.metrics


@pytest.mark.parametrize("task", ["tag", "translate"])
def test_a_tagger_and_a_translator_begin_with_a_language_model(task, writer_folder, trained, tmp_path):
    told: list[str] = []
    data, settings = tagged(tmp_path), WORDS | {"training.learning_rate": 1e-12, "training.ema": 0.0}
    if task == "translate":
        data = write_pairs(tmp_path / "made.tsv")
    run = train(
        task,
        train=data,
        dev=data,
        out=tmp_path / "run",
        steps=1,
        settings=settings,
        init_from=writer_folder,
        observer=Observer(note=told.append),
    )
    (line,) = [line for line in told if line.startswith("taken over")]
    assert line.endswith("layers: 0.forwards; new: 0.backwards") and "no row" not in line
    found, source = run.load().model.state_dict(), trained.model.state_dict()
    for name in ("weight_hh", "bias_ih", "bias_hh"):
        key = f"encoder.stack.layers.0.forwards.{name}"
        torch.testing.assert_close(found[key], source[key], atol=1e-6, rtol=0)
    read = "encoder.stack.layers.0.forwards.weight_ih"
    torch.testing.assert_close(found[read][:, :6], source[read][:, :6], atol=1e-6, rtol=0)


def test_a_run_that_goes_on_does_not_need_the_model_again(writer_folder, tmp_path):
    source = Path(copytree(writer_folder, tmp_path / "source"))
    examples = [Example(*pair) for pair in made_texts(20, seed=4)]
    options = {"train": examples, "dev": examples, "settings": WORDS, "steps": 6, "init_from": source}
    whole = train("classify", out=tmp_path / "whole", **options).load()

    class Stop:
        def __init__(self) -> None:
            self.asked = 0

        def __enter__(self):
            return self

        def __exit__(self, *error: object) -> None:
            return None

        def __call__(self) -> int | None:
            self.asked += 1
            return 15 if self.asked == 3 else None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nlp_lstm.stages.fitting.catch_signals", Stop)
        with pytest.raises(Interrupted):
            train("classify", out=tmp_path / "parts", **options)
    rmtree(source)
    parts = train("classify", out=tmp_path / "parts", **options).load()
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(tensor, parts.model.state_dict()[name]), name
