"""From settings to a network and what a folder says of it, pretrained vectors into its rows, the device."""

from __future__ import annotations

import gzip
import json

import pytest
import torch

from nlp_lstm.config import EncoderSettings, Recipe
from nlp_lstm.errors import DataError, UsageError
from nlp_lstm.stages.network import choose_device, describe_model, put_vectors
from nlp_lstm.tasks.classify import Classify, ClassifySettings
from nlp_lstm.text.regex_words import RegexWords
from nlp_lstm.text.vocabulary import Vocabulary

VOCABULARY = Vocabulary(["<pad>", "<unk>", "fine", "dull", "film"])


@pytest.fixture
def model():
    torch.manual_seed(1)
    settings = EncoderSettings(embed_size=3, hidden_size=5, n_layers=2, cell="gru")
    return task().build(settings)


def task(**settings: object) -> Classify:
    return Classify(["a", "b"], ClassifySettings(**settings), RegexWords(), {"tokens": VOCABULARY})


def rows(model) -> list[list[float]]:
    return model.encoder.embedding.weight.tolist()


def test_the_network_has_the_sizes_of_the_settings(model):
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    assert shapes["encoder.embedding.weight"] == (5, 3)
    assert shapes["encoder.stack.layers.0.forwards.weight_ih"] == (15, 3)
    assert shapes["encoder.stack.layers.1.backwards.weight_ih"] == (15, 10)
    assert shapes["output.weight"] == (2, 30)


def test_padding_has_the_row_of_the_vocabularys_pad(model):
    assert model.encoder.embedding.padding_idx == VOCABULARY.pad_id
    assert model.encoder.unknown_id == VOCABULARY.unknown_id


def test_every_setting_of_the_encoder_reaches_it():
    settings = EncoderSettings(dropout=0.11, embedding_dropout=0.12, word_dropout=0.13, weight_drop=0.14)
    encoder = task(dropout=0.15).build(settings)
    assert encoder.encoder.stack.locked_dropout.probability == 0.11
    assert encoder.encoder.embedding_dropout == 0.12
    assert encoder.encoder.word_dropout == 0.13
    assert encoder.encoder.stack.layers[0].forwards.weight_drop == 0.14
    assert encoder.dropout.p == 0.15


def test_a_folder_says_what_the_network_is_built_of_with_all_that_the_data_decided():
    recipe = Recipe(task="classify", encoder=EncoderSettings(hidden_size=7), head={"dropout": 0.1})
    tokenizer = RegexWords(lowercase=True)
    found = json.loads(json.dumps(describe_model(recipe, tokenizer, task(dropout=0.2, pooling="max"))))
    assert (found["task"], found["tokenizer"]) == ("classify", tokenizer.to_dict())
    assert EncoderSettings(**found["encoder"]) == recipe.encoder
    assert ClassifySettings(**found["head"]) == ClassifySettings(
        dropout=0.2, pooling="max"
    )  # the task's, not the recipe's


def test_known_words_get_their_vectors_and_other_rows_stay(model, tmp_path):
    path = tmp_path / "glove.txt"
    path.write_text("film 1 2 3\nunheard 9 9 9\nfine -0.5 0.25 1e-3\n")
    before = rows(model)
    assert put_vectors(model, VOCABULARY, path) == 2
    after = rows(model)
    assert after[VOCABULARY["film"]] == [1, 2, 3]
    assert after[VOCABULARY["fine"]] == pytest.approx([-0.5, 0.25, 1e-3])
    for number in (VOCABULARY.pad_id, VOCABULARY.unknown_id, VOCABULARY["dull"]):
        assert after[number] == before[number]


def test_packed_vectors_are_read_too(model, tmp_path):
    path = tmp_path / "glove.txt.gz"
    path.write_bytes(gzip.compress(b"film 1 2 3\n"))
    assert put_vectors(model, VOCABULARY, path) == 1
    assert rows(model)[VOCABULARY["film"]] == [1, 2, 3]


@pytest.mark.parametrize("word", ["<pad>", "<unk>"])
def test_a_vector_of_a_special_name_is_text_and_changes_no_special_row(model, tmp_path, word):
    path = tmp_path / "glove.txt"
    path.write_text(f"{word} 7 7 7\nfilm 1 2 3\n")
    before = rows(model)
    assert put_vectors(model, VOCABULARY, path) == 1
    assert rows(model)[:2] == before[:2]


def test_no_known_word_is_no_error(model, tmp_path):
    path = tmp_path / "glove.txt"
    path.write_text("unheard 1 2 3\n")
    before = rows(model)
    assert put_vectors(model, VOCABULARY, path) == 0
    assert rows(model) == before


@pytest.mark.parametrize("word", ["film", "unheard"])
def test_vectors_of_another_width_are_refused(model, tmp_path, word):
    path = tmp_path / "glove.txt"
    path.write_text(f"{word} 1 2 3 4\n")
    before = rows(model)
    with pytest.raises(DataError, match=r"glove\.txt: its vectors have 4 values; encoder\.embed_size is 3"):
        put_vectors(model, VOCABULARY, path)
    assert rows(model) == before


def test_vectors_can_be_trained(model, tmp_path):
    path = tmp_path / "glove.txt"
    path.write_text("film 1 2 3\n")
    put_vectors(model, VOCABULARY, path)
    assert model.encoder.embedding.weight.requires_grad and model.encoder.embedding.weight.is_leaf


def test_the_device_is_the_cpu_unless_another_is_named():
    assert choose_device(None) == choose_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["cuda:99", "gpu", "cpu:x"])
def test_a_device_that_is_not_there_is_refused_in_one_line(name):
    with pytest.raises(UsageError, match=rf"^device '{name}' cannot be used here: [^\n]+$"):
        choose_device(name)
