"""The stages before the network sees anything: read, split, tokenize, vocabulary, batch."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from nlp_lstm.errors import DataError, UsageError
from nlp_lstm.records.examples import Example
from nlp_lstm.stages import Batch, BuildVocabulary, Evaluate, Read, Split, TokenizeData
from nlp_lstm.stages.pipeline import Pipeline
from nlp_lstm.stages.recipes import load_recipe
from nlp_lstm.stages.record import Observer, TrainingRecord


@pytest.fixture
def begin(recipe, tmp_path):
    """Return a function that gives the record a run with some settings starts from; its notes are in `begin.notes`."""

    def record(path=recipe, **settings) -> TrainingRecord:
        given = {name.replace("__", "."): value for name, value in settings.items()}
        loaded = load_recipe(str(path), given)
        return TrainingRecord(loaded, tmp_path / "run", torch.device("cpu"), Observer(note=record.notes.append))

    record.notes = []
    return record


def prepared(record: TrainingRecord) -> TrainingRecord:
    return Pipeline([Read(), Split(), TokenizeData(), BuildVocabulary(), Batch()])(record)


def test_reading_gives_the_examples_of_every_file_with_their_lines(begin, recipe):
    splits = Read()(begin()).splits
    assert list(splits) == ["train", "dev"]
    lines = (recipe.parent / "dev.csv").read_text().split("\n")[1:-1]
    assert [f"{each.text},{each.label}" for each in splits["dev"]] == lines
    assert [each.line for each in splits["dev"]] == list(range(2, 22))
    assert splits["dev"][0].source.endswith("dev.csv")
    assert begin.notes == ["read train 50, dev 20 texts"]


def test_columns_and_format_are_those_of_the_recipe(begin, tmp_path):
    path = tmp_path / "odd.txt"
    path.write_text("id,review,stars\n1,a fine film,5\n")
    names = {"data__format": "csv", "data__text_column": "review", "data__label_column": "stars"}
    (found,) = Read()(begin(data__train=str(path), data__dev=None, **names)).splits["train"]
    assert (found.text, found.label, found.line) == ("a fine film", "5", 2)


def test_a_recipe_without_training_data_asks_for_some(begin):
    with pytest.raises(UsageError, match=r"the recipe names no training data: give --train FILE"):
        Read()(begin(data__train=None))


def test_a_missing_file_is_named(begin):
    with pytest.raises(DataError, match=r"nowhere\.csv"):
        Read()(begin(data__train="nowhere.csv"))


@pytest.mark.parametrize("place", ["$NO_SUCH_FOLDER/a.csv", "$NO_SUCH_FOLDER", "${NO_SUCH_FOLDER}/a.csv"])
@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_a_variable_that_is_not_set_is_named(begin, place, split):
    expected = rf"data.{split} is expected at .*: set NO_SUCH_FOLDER, or give --{split} FILE"
    with pytest.raises(UsageError, match=expected):
        Read()(begin(**{f"data__{split}": place}))


def test_examples_that_are_there_are_not_read(begin, recipe):
    given = [Example("fine", "good"), Example("dull", "bad")]
    record = replace(begin(data__train=None), splits={"train": given})
    splits = Read()(record).splits
    assert list(splits) == ["train", "dev"]
    assert splits["train"] is given
    assert len(splits["dev"]) == 20
    (recipe.parent / "dev.csv").unlink()
    assert Read()(replace(record, splits={"train": given, "dev": given})).splits["dev"] is given


def test_a_dev_file_is_used_as_it_is(begin):
    record = Read()(begin())
    assert Split()(record).splits == record.splits


def test_without_a_dev_file_part_of_the_training_data_is_held_out(begin):
    record = Read()(begin(data__dev=None, data__dev_fraction=0.2))
    splits = Split()(record).splits
    assert len(splits["dev"]) == 10
    assert sorted(each.line for split in splits.values() for each in split) == list(range(2, 52))
    assert not {each.text for each in splits["train"]} & {each.text for each in splits["dev"]}
    assert sorted(each.label for each in splits["dev"]) == ["bad"] * 5 + ["good"] * 5


def test_the_seed_decides_what_is_held_out(begin):
    def held_out(seed: int) -> list[int]:
        record = Read()(begin(data__dev=None, training__seed=seed))
        return [each.line for each in Split()(record).splits["dev"]]

    assert held_out(1) == held_out(1)
    assert held_out(1) != held_out(2)


def test_every_text_becomes_a_row_of_ids_that_read_back_as_its_words(begin):
    record = prepared(begin())
    vocabulary = record.vocabularies["tokens"]
    for split, examples in record.splits.items():
        rows = record.rows[split]
        assert len(rows) == len(examples)
        for row, example in zip(rows, examples, strict=True):
            known = [word if word in vocabulary else "<unk>" for word in example.text.split(" ")]
            assert [vocabulary.token(number) for number in row] == known


def test_the_vocabulary_is_of_the_training_texts_alone(begin, recipe):
    (recipe.parent / "dev.csv").write_text("text,label\nunheard,good\n")
    record = prepared(begin())
    vocabulary = record.vocabularies["tokens"]
    assert "unheard" not in vocabulary and "fine" in vocabulary
    assert list(record.rows["dev"][0]) == [vocabulary.unknown_id]


def test_the_size_of_the_vocabulary_is_that_of_the_recipe(begin):
    assert len(prepared(begin(vocabulary__max_size=4)).vocabularies["tokens"]) == 6
    commonest = prepared(begin(vocabulary__min_count=26)).vocabularies["tokens"]
    counts = prepared(begin()).tokens["train"].counts()
    assert set(commonest.tokens[2:]) == {word for word, count in counts.items() if count >= 26}


def test_what_the_vocabulary_covers_is_told(begin):
    record = prepared(begin(vocabulary__max_size=4))
    words = [word for example in record.splits["train"] for word in example.text.split(" ")]
    known = sum(word in record.vocabularies["tokens"] for word in words)
    assert 0 < known < len(words) < 1000
    assert f"vocabulary of 6 tokens covering {known / len(words):.1%} of {len(words)}" in begin.notes


def test_a_taggers_words_and_characters_are_of_the_training_sentences_alone(begin, tag_recipe):
    (tag_recipe.parent / "train.conll").write_text("ADA B-PER\nmet O\n\nAda B-PER\nada B-PER\n\nBob B-PER\n")
    (tag_recipe.parent / "dev.conll").write_text("Unheard O\nADA B-PER\n")
    record = prepared(begin(tag_recipe))
    words, characters = record.vocabularies.values()
    assert list(record.vocabularies) == ["words", "characters"]
    assert words.tokens == ("<pad>", "<unk>", "ada")
    assert set(characters.tokens[len(characters.specials) :]) == set("ADAmetAdaadaBob")
    assert begin.notes[-1] == f"vocabulary of 3 words covering 60.0% of 5, {len(characters)} characters"
    rows = record.rows["dev"]
    assert [[int(rows.words[spelling]) for spelling in row] for row in rows.rows] == [[1, 2]]


def test_tags_the_training_data_lack_are_told_before_training(begin, tag_recipe):
    (tag_recipe.parent / "dev.conll").write_text("Fiat B-ORG\n")
    prepared(begin(tag_recipe))
    told = "dev: tags never seen in training count as wrong: B-ORG (first at line 1 of "
    assert begin.notes[-1].startswith(told) and begin.notes[-1].endswith("dev.conll)")


def test_the_training_batches_hold_every_text_once_an_epoch_with_its_label(begin):
    record = prepared(begin())
    seen = sorted(
        (tuple(ids[mask].tolist()), record.task.labels[target])
        for batch in record.batches.epoch(0)
        for ids, mask, target in zip(*batch, strict=True)
    )
    rows = zip(record.rows["train"], record.splits["train"], strict=True)
    assert seen == sorted((tuple(row.tolist()), example.label) for row, example in rows)
    assert {len(batch.targets) for batch in record.batches.epoch(0)} == {8, 2}


def test_cut_texts_are_told(begin):
    record = prepared(begin(training__max_tokens=3))
    n_cut = sum(len(row) > 3 for row in record.rows["train"])
    assert n_cut > 0
    assert begin.notes[-1].startswith(f"{n_cut} texts of training longer than training.max_tokens = 3: each epoch")
    assert max(int(batch.mask.sum(1).max()) for batch in record.batches.epoch(0)) == 3
    assert max(len(row) for row in record.rows["dev"]) > 3


@pytest.mark.parametrize("split", ["dev", "test"])
def test_a_label_the_training_data_lacks_is_told_with_its_line_before_training(begin, tmp_path, split):
    path = tmp_path / "odd.csv"
    path.write_text("text,label\nfine,good\ndull,baad\n")
    with pytest.raises(DataError, match=r"line 3 of .*odd\.csv: label 'baad' .*; did you mean 'bad'\?"):
        prepared(begin(**{f"data__{split}": str(path)}))


def test_a_missing_label_is_told_with_its_line(begin, tmp_path):
    path = tmp_path / "odd.jsonl"
    path.write_text('{"text": "fine", "label": "good"}\n{"text": "dull"}\n{"text": "dull", "label": "bad"}\n')
    with pytest.raises(DataError, match=r"line 2 of .*odd\.jsonl"):
        prepared(begin(data__train=str(path)))


def test_a_single_label_is_too_few(begin, tmp_path):
    path = tmp_path / "odd.csv"
    path.write_text("text,label\nfine,good\nfine film,good\n")
    with pytest.raises(DataError, match=r"odd\.csv: expected at least two different labels, found 'good'"):
        prepared(begin(data__train=str(path), data__dev=None))


class Told:
    """A task that predicts and reports what it is asked on."""

    def predict(self, model, rows):
        return [len(row) for row in rows]

    def report(self, examples, predictions):
        return json.dumps([len(examples), predictions])


def test_every_split_but_the_training_data_is_scored(begin, recipe):
    (recipe.parent / "test.csv").write_text("text,label\nfine film,good\ndull,bad\n")
    record = prepared(begin(data__test=str(recipe.parent / "test.csv")))
    reports = Evaluate()(replace(record, task=Told(), model=torch.nn.Identity())).reports
    assert list(reports) == ["dev", "test"]
    assert reports["test"] == "[2, [2, 1]]"


def peak_of_training(data: Path, dev: Path, out: Path) -> int:
    """Return the most memory, in bytes, of a process that trains a generator on a text for two steps."""
    settings = {"encoder.hidden_size": 8, "encoder.embed_size": 8, "training.precision": "float32"}
    code = (
        "import resource, sys, nlp_lstm\n"
        f"places = {[str(data), str(dev), str(out)]}\n"
        f"nlp_lstm.train('generate', **dict(zip(['train', 'dev', 'out'], places)), steps=2, settings={settings})\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return int(ran.stdout)


@pytest.mark.slow
def test_a_text_that_is_larger_takes_no_more_memory(tmp_path):
    line = "so it goes, naively or not, and once more from the beginning\n"
    peaks = []
    (tmp_path / "dev.txt").write_text(line * 200)
    for megabytes in (1, 100):
        data = tmp_path / f"{megabytes}.txt"
        with data.open("w") as file:
            for _ in range(megabytes):
                file.write(line * (1_000_000 // len(line)))
        peaks.append(peak_of_training(data, tmp_path / "dev.txt", tmp_path / f"run{megabytes}"))
    assert peaks[1] - peaks[0] < 30_000_000, peaks
