"""Training from Python: one call, one folder, the same as the chain of stages."""

from __future__ import annotations

import json

import pytest
import torch

from nlp_lstm import DataError, NlpLstmError, Pipeline, UsageError, load, stages, train
from nlp_lstm.config import problems_of
from nlp_lstm.records.examples import Example
from nlp_lstm.stages.ledger import Ledger
from nlp_lstm.stages.recipes import load_recipe
from nlp_lstm.stages.record import Observer, TrainingRecord

FAST = {"training.learning_rate": 0.02}
BYTES = ("model.safetensors", "config.json", "vocab.json", "labels.json")


def test_a_run_leaves_a_model_its_scores_and_its_log(recipe, tmp_path):
    run = train(str(recipe), out=tmp_path / "run")
    assert run.folder == tmp_path / "run"
    assert sorted(path.name for path in run.folder.iterdir()) == [
        "README.md",
        "config.json",
        "labels.json",
        "log.jsonl",
        "metrics.json",
        "model.safetensors",
        "run.json",
        "vocab.json",
    ]
    assert run.metrics == json.loads((run.folder / "metrics.json").read_text())
    log = [json.loads(line) for line in (run.folder / "log.jsonl").read_text().split("\n") if line]
    assert [line["step"] for line in log] == [3, 6, 9, 12]
    assert max(line["score"] for line in log) == run.metrics["best_dev_score"]


def test_a_made_task_is_learned_completely(recipe, tmp_path):
    # One word decides; the seed is fixed, so this passes or fails the same each time.
    settings = {**FAST, "training.evaluations": 10, "encoder.hidden_size": 16}
    run = train(str(recipe), out=tmp_path / "run", steps=150, settings=settings)
    assert run.metrics["dev"]["accuracy"] >= 0.95
    assert [each.label for each in run.load()(["a fine unheard thing", "dull"])] == ["good", "bad"]


def test_the_scores_told_are_those_of_the_model_that_is_kept(tiny_run, predictor):
    lines = (tiny_run.folder.parent / "tiny" / "dev.csv").read_text().split("\n")[1:-1]
    pairs = [line.split(",") for line in lines]
    right = sum(predictor(text).label == label for text, label in pairs)
    assert tiny_run.metrics["dev"]["accuracy"] == right / len(pairs)
    assert tiny_run.metrics["dev"]["n"] == len(pairs)


def test_the_chain_of_stages_gives_the_same_model_as_the_call(recipe, tmp_path):
    train(str(recipe), out=tmp_path / "called", seed=3)
    loaded = load_recipe(str(recipe), {"training.seed": 3})
    Ledger(tmp_path / "chained").begin(loaded, fresh=False)
    chain = [
        stages.Read(),
        stages.Split(),
        stages.TokenizeData(),
        stages.BuildVocabulary(),
        stages.Batch(),
        stages.Fit(),
    ]
    record = TrainingRecord(loaded, tmp_path / "chained", torch.device("cpu"))
    record = Pipeline([*chain, stages.Evaluate(), stages.Save()])(record)
    for name in BYTES:
        assert (tmp_path / "chained" / name).read_bytes() == (tmp_path / "called" / name).read_bytes()
    assert record.reports["dev"].to_dict() == json.loads((tmp_path / "called" / "metrics.json").read_text())["dev"]


def test_the_chain_of_stages_runs_in_a_folder_that_nobody_opened(recipe, tmp_path):
    record = TrainingRecord(load_recipe(str(recipe)), tmp_path / "run", torch.device("cpu"))
    Pipeline(stages_of_training())(record)
    assert load(tmp_path / "run")("fine").label in ("good", "bad")


def stages_of_training():
    return [getattr(stages, name)() for name in stages.TRAINING_STAGES]


def test_keywords_are_the_settings_they_stand_for(recipe, tmp_path):
    by_keyword = train(str(recipe), out=tmp_path / "a", steps=3, seed=4)
    by_setting = train(str(recipe), out=tmp_path / "b", settings={"training.steps": 3, "training.seed": 4})
    assert (by_keyword.folder / "model.safetensors").read_bytes() == (
        by_setting.folder / "model.safetensors"
    ).read_bytes()
    kept = [json.loads((run.folder / "run.json").read_text()) for run in (by_keyword, by_setting)]
    assert kept[0] == kept[1]


def test_own_data_takes_the_place_of_the_recipes(recipe, tmp_path, monkeypatch):
    (tmp_path / "mine.csv").write_text("text,label\n" + "up,plus\ndown,minus\n" * 10)
    (tmp_path / "other.csv").write_text("text,label\nup,plus\n")
    monkeypatch.chdir(tmp_path)
    run = train(str(recipe), train="mine.csv", dev="other.csv", out="run", steps=2)
    assert run.load().labels == ("minus", "plus")
    assert run.metrics["dev"]["n"] == 1


def test_the_recipes_dev_data_does_not_judge_own_training_data(recipe, tmp_path):
    (tmp_path / "mine.csv").write_text("text,label\n" + "".join(f"up {n},plus\ndown {n},minus\n" for n in range(10)))
    run = train(str(recipe), train=tmp_path / "mine.csv", out=tmp_path / "run", steps=2)
    assert run.metrics["dev"]["n"] == 2
    assert "| dev | mine.csv | 2 |" in (run.folder / "README.md").read_text()


def test_own_data_is_found_again_from_another_folder(recipe, tmp_path, monkeypatch):
    (tmp_path / "mine.csv").write_text("text,label\n" + "up,plus\ndown,minus\n" * 10)
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path)
    train(str(recipe), train="mine.csv", dev="mine.csv", out="run", steps=2)
    monkeypatch.chdir(tmp_path / "below")
    train(str(recipe), train="../mine.csv", dev="../mine.csv", out="../run", steps=2)


def test_without_a_folder_the_run_stands_under_the_recipes_name(recipe, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert str(train(str(recipe), steps=1).folder) == "runs/tiny"


class Told:
    """Notes all that an observer hears."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.steps: list[int] = []
        self.observer = Observer(self.notes.append, lambda progress: self.steps.append(progress.step))


def test_an_observer_hears_of_every_step(recipe, tmp_path):
    told = Told()
    train(str(recipe), out=tmp_path / "run", observer=told.observer)
    assert told.steps == list(range(1, 13))
    assert told.notes[0] == "read train 50, dev 20 texts"
    assert any(line.startswith("vocabulary of 12 tokens covering 100.0% of ") for line in told.notes)
    assert "a budget of 12 steps: 12 steps, 1.7 epochs" in told.notes


def test_a_finished_run_is_not_trained_again(recipe, tmp_path):
    first = train(str(recipe), out=tmp_path / "run")
    before = {path.name: path.read_bytes() for path in first.folder.iterdir()}
    told = Told()
    again = train(str(recipe), out=tmp_path / "run", observer=told.observer)
    assert again == first
    assert told.steps == []
    assert "finished" in told.notes[0] and "--fresh" in told.notes[0]
    assert {path.name: path.read_bytes() for path in first.folder.iterdir()} == before


def test_afresh_trains_again_to_the_same_model(recipe, tmp_path):
    first = train(str(recipe), out=tmp_path / "run")
    before = (first.folder / "model.safetensors").read_bytes()
    told = Told()
    train(str(recipe), out=tmp_path / "run", fresh=True, observer=told.observer)
    assert told.steps == list(range(1, 13))
    assert (first.folder / "model.safetensors").read_bytes() == before


def test_afresh_takes_other_settings(recipe, tmp_path):
    train(str(recipe), out=tmp_path / "run")
    with pytest.raises(UsageError, match=r"encoder\.hidden_size: was 8, now 9"):
        train(str(recipe), out=tmp_path / "run", settings={"encoder.hidden_size": 9})
    run = train(str(recipe), out=tmp_path / "run", settings={"encoder.hidden_size": 9}, fresh=True)
    assert run.load().description["encoder"]["hidden_size"] == 9


def test_afresh_trains_a_run_beside_which_a_person_keeps_notes(recipe, tmp_path):
    run = train(str(recipe), out=tmp_path / "run")
    (run.folder / "notes.txt").write_text("mine")
    train(str(recipe), out=tmp_path / "run", fresh=True, seed=9)
    assert (run.folder / "notes.txt").read_text() == "mine"


def test_a_wrong_setting_leaves_no_folder(recipe, tmp_path):
    with pytest.raises(UsageError, match=r"encoder\.hiden_size"):
        train(str(recipe), out=tmp_path / "run", settings={"encoder.hiden_size": 9})
    with pytest.raises(UsageError, match="device"):
        train(str(recipe), out=tmp_path / "run", device="cuda:99")
    assert not (tmp_path / "run").exists()


def test_two_budgets_are_one_too_many(recipe, tmp_path):
    with pytest.raises(UsageError, match=r"give one of minutes, epochs"):
        train(str(recipe), out=tmp_path / "run", epochs=1, minutes=1)


def test_bad_data_that_was_mended_is_trained_in_the_same_folder(recipe, tmp_path):
    # Nothing was trained yet that the mended file could not fit.
    path = recipe.parent / "train.csv"
    good = path.read_text()
    path.write_text(good + 'an open quote,"good\n')
    with pytest.raises(DataError, match=r"line 52 of .*train\.csv"):
        train(str(recipe), out=tmp_path / "run")
    path.write_text(good)
    train(str(recipe), out=tmp_path / "run")


def test_a_mistyped_file_that_was_corrected_is_trained_in_the_same_folder(recipe, tmp_path):
    with pytest.raises(DataError, match=r"trian\.csv"):
        train(str(recipe), train=recipe.parent / "trian.csv", dev=recipe.parent / "dev.csv", out=tmp_path / "run")
    train(str(recipe), train=recipe.parent / "train.csv", dev=recipe.parent / "dev.csv", out=tmp_path / "run")


def test_pretrained_vectors_reach_the_network(recipe, tmp_path):
    (recipe.parent / "glove.txt").write_text("\n".join(["fine" + " 1" * 8, "dull" + " -1" * 8, "unheard" + " 0" * 8]))
    told = Told()
    settings = {"vocabulary.vectors": str(recipe.parent / "glove.txt"), "training.learning_rate": 1e-9}
    run = train(str(recipe), out=tmp_path / "run", steps=1, settings=settings, observer=told.observer)
    assert "vectors for 3 of 13 words" in told.notes  # also for the one that no training text has
    loaded = run.load()
    weight = loaded.model.encoder.embedding.weight
    torch.testing.assert_close(weight[loaded.vocabulary["fine"]], torch.ones(8))
    torch.testing.assert_close(weight[loaded.vocabulary["dull"]], -torch.ones(8))
    torch.testing.assert_close(weight[loaded.vocabulary["unheard"]], torch.zeros(8))
    few = train(str(recipe), out=tmp_path / "few", steps=1, settings={**settings, "vocabulary.vector_words": 2})
    assert "unheard" not in few.load().vocabulary and "dull" in few.load().vocabulary


def test_vectors_of_another_width_are_told_before_a_step_is_taken(recipe, tmp_path):
    (recipe.parent / "glove.txt").write_text("fine 1 1\n")
    told = Told()
    settings = {"vocabulary.vectors": str(recipe.parent / "glove.txt")}
    with pytest.raises(DataError, match=r"its vectors have 2 values; encoder\.embed_size is 8"):
        train(str(recipe), out=tmp_path / "run", settings=settings, observer=told.observer)
    assert told.steps == []


def test_a_variable_that_is_not_set_is_named_for_vectors_too(recipe, tmp_path):
    recipe.write_text(recipe.read_text() + '[vocabulary]\nvectors = "$NO_SUCH_FOLDER/glove.txt"\n')
    with pytest.raises(UsageError, match="NO_SUCH_FOLDER"):
        train(str(recipe), out=tmp_path / "run")


def test_vectors_that_changed_are_other_data(recipe, tmp_path):
    path = recipe.parent / "glove.txt"
    path.write_text("fine 1 1 1 1 1 1 1 1\n")
    settings = {"vocabulary.vectors": str(path)}
    train(str(recipe), out=tmp_path / "run", steps=1, settings=settings)
    path.write_text("fine 2 1 1 1 1 1 1 1\n")
    with pytest.raises(UsageError, match=r"glove\.txt: its content is not the same"):
        train(str(recipe), out=tmp_path / "run", steps=1, settings=settings)


def test_texts_of_any_characters_are_trained_on(recipe, tmp_path):
    odd = ["", "\x00", "film \x1b[31m", "👩‍👩‍👧", "\u202e", "a\nb", " "]
    rows = [{"text": text, "label": label} for text in odd for label in ("good", "bad")] * 2
    (tmp_path / "odd.jsonl").write_text("\n".join(map(json.dumps, rows)))
    for kind in ("regex", "characters"):
        settings = {"tokenizer.kind": kind}
        run = train(str(recipe), train=tmp_path / "odd.jsonl", out=tmp_path / kind, steps=2, settings=settings)
        assert len(run.load()(odd)) == len(odd)


def test_training_that_diverged_is_a_failure_and_not_a_model(recipe, tmp_path):
    # Otherwise the model answers with probabilities that are no numbers.
    with pytest.raises(NlpLstmError, match="learning_rate"):
        train(str(recipe), out=tmp_path / "run", settings={"training.learning_rate": 1e30})


def test_the_random_state_of_the_caller_is_its_own(recipe, tmp_path):
    torch.manual_seed(1)
    expected = torch.rand(3).tolist()
    torch.manual_seed(1)
    train(str(recipe), out=tmp_path / "run", steps=2)
    assert torch.rand(3).tolist() == expected


def test_the_same_seed_gives_the_same_model_whatever_was_drawn_before(recipe, tmp_path):
    train(str(recipe), out=tmp_path / "a", steps=4)
    torch.rand(17)
    train(str(recipe), out=tmp_path / "b", steps=4)
    for name in BYTES:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize("setting", ["class_weights", "label_smoothing"])
def test_settings_of_the_head_change_what_is_learned(recipe, tmp_path, setting):
    (tmp_path / "mine.csv").write_text("text,label\n" + "fine,good\n" * 9 + "dull,bad\n" * 3)
    value = {"class_weights": "balanced", "label_smoothing": 0.3}[setting]
    options = {"train": tmp_path / "mine.csv", "dev": tmp_path / "mine.csv", "steps": 3}
    plain = train(str(recipe), out=tmp_path / "plain", **options)
    other = train(str(recipe), out=tmp_path / "other", settings={f"head.{setting}": value}, **options)
    assert (plain.folder / "model.safetensors").read_bytes() != (other.folder / "model.safetensors").read_bytes()
    assert other.load().description["head"][setting] == value
    assert problems_of(type(other.load().task).Settings, other.load().description["head"]) == []


def examples_of(path):
    rows = [line.split(",") for line in path.read_text().split("\n")[1:-1]]
    return [Example(*row) for row in rows]


def test_examples_in_memory_give_the_model_that_their_file_gives(recipe, tmp_path):
    by_file = train(str(recipe), out=tmp_path / "file")
    lists = {split: examples_of(recipe.parent / f"{split}.csv") for split in ("train", "dev")}
    in_memory = train(str(recipe), **lists, out=tmp_path / "memory")
    for name in BYTES:
        assert (in_memory.folder / name).read_bytes() == (by_file.folder / name).read_bytes()
    assert in_memory.metrics["dev"] == by_file.metrics["dev"]
    assert "| dev | dev (in memory) | 20 |" in (in_memory.folder / "README.md").read_text()


def test_one_split_may_be_in_memory_and_another_a_file(recipe, tmp_path):
    dev = recipe.parent / "dev.csv"
    run = train(str(recipe), train=tuple(examples_of(dev)), test=dev, out=tmp_path / "run", steps=2)
    assert run.metrics["test"]["n"] == 20
    assert run.metrics["dev"]["n"] == 2  # held out of the list, not the recipe's


def test_a_run_on_examples_in_memory_goes_on_with_the_same_alone(recipe, tmp_path):
    examples = examples_of(recipe.parent / "train.csv")
    first = train(str(recipe), train=examples, out=tmp_path / "run")
    assert train(str(recipe), train=list(examples), out=tmp_path / "run") == first
    with pytest.raises(UsageError, match=r"differs .*: train \(in memory\): its content is not the same"):
        train(str(recipe), train=[*examples[1:], Example("dull", "good")], out=tmp_path / "run")
    with pytest.raises(UsageError, match=r"data\.dev: was None, now '\(in memory\)'"):
        train(str(recipe), train=examples, dev=examples, out=tmp_path / "run")
    with pytest.raises(UsageError, match=r"data\.train: was '\(in memory\)', now '.*train\.csv'"):
        train(str(recipe), out=tmp_path / "run")


def test_an_example_in_memory_is_named_by_its_place_unless_it_knows_its_own(recipe, tmp_path):
    good = examples_of(recipe.parent / "train.csv")
    for odd, place in [
        (Example("dull", "baad"), r"line 2 of dev \(in memory\)"),
        (Example("dull", "baad", "mine.csv", 9), r"line 9 of mine\.csv"),
    ]:
        with pytest.raises(DataError, match=rf"{place}: label 'baad'"):
            train(str(recipe), train=good, dev=[good[0], odd], out=tmp_path / "run")


def test_lists_of_something_else_are_refused(recipe, tag_recipe, tmp_path):
    for path, examples, kind, problem in [
        (recipe, [Example("a", "b"), ("a", "b")], TypeError, "train, example 2: expected Example, found tuple"),
        (recipe, [], DataError, r"train \(in memory\): no examples"),
        (tag_recipe, [Example("a", "b")], TypeError, "train, example 1: expected TaggedSentence, found Example"),
    ]:
        with pytest.raises(kind, match=problem):
            train(str(path), train=examples, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
