"""A run's folder remembers its settings, data and budget, and refuses what is another run."""

from __future__ import annotations

import json

import pytest

from nlp_lstm.errors import UsageError
from nlp_lstm.stages.ledger import Ledger
from nlp_lstm.stages.recipes import load_recipe


@pytest.fixture
def begun(recipe, tmp_path):
    """A run that has begun: its ledger, and the recipe it was begun with."""
    ledger = Ledger(tmp_path / "run")
    loaded = load_recipe(str(recipe))
    ledger.begin(loaded, fresh=False)
    ledger.keep_total_steps(12)
    ledger.checkpoint.write_bytes(b"a checkpoint")
    return ledger, loaded


def test_the_same_run_is_opened_again(begun):
    ledger, loaded = begun
    before = (ledger.folder / "run.json").read_bytes()
    Ledger(ledger.folder).begin(loaded, fresh=False)
    assert (ledger.folder / "run.json").read_bytes() == before
    assert Ledger(ledger.folder).total_steps == 12


def test_an_empty_folder_is_as_good_as_none(recipe, tmp_path):
    (tmp_path / "empty").mkdir()
    ledger = Ledger(tmp_path / "empty")
    ledger.begin(load_recipe(str(recipe)), fresh=False)
    assert ledger.total_steps is None and ledger.metrics is None


def test_changed_settings_are_refused_and_each_difference_is_shown(begun, recipe):
    ledger, _ = begun
    changed = load_recipe(str(recipe), {"encoder.hidden_size": 9, "training.seed": 2, "head.pooling": "max"})
    with pytest.raises(UsageError) as caught:
        ledger.begin(changed, fresh=False)
    title, *lines = str(caught.value).split("\n  ")
    assert str(ledger.folder) in title and "--fresh" in title and "--out" in title
    assert lines == [
        "encoder.hidden_size: was 8, now 9",
        "head.pooling: was 'concat', now 'max'",
        "training.seed: was 1, now 2",
    ]


def test_another_budget_is_another_run(begun, recipe):
    ledger, _ = begun
    with pytest.raises(UsageError) as caught:
        ledger.begin(load_recipe(str(recipe), {"training.epochs": 3}), fresh=False)
    assert "training.steps: was 12, now None" in str(caught.value)


@pytest.mark.parametrize("name", ["train.csv", "dev.csv"])
def test_changed_data_is_refused_by_name(begun, recipe, name):
    ledger, loaded = begun
    path = recipe.parent / name
    path.write_text(path.read_text().replace("fine", "five", 1))
    with pytest.raises(UsageError) as caught:
        ledger.begin(loaded, fresh=False)
    assert f"{path}: its content is not the same" in str(caught.value)


@pytest.mark.parametrize("source", ["", "/*.txt"], ids=["folder", "pattern"])
def test_the_files_of_a_folder_or_a_pattern_make_the_run(recipe, tmp_path, source):
    folder = tmp_path / "texts"
    folder.mkdir()
    for name in "ab":
        (folder / f"{name}.txt").write_text(name)
    ledger = Ledger(tmp_path / "run")
    loaded = load_recipe(str(recipe), {"data.train": f"{folder}{source}"})
    ledger.begin(loaded, fresh=False)
    ledger.keep_total_steps(12)
    ledger.begin(loaded, fresh=False)
    (folder / "a.txt").write_text("other")
    (folder / "b.txt").unlink()
    (folder / "c.txt").write_text("new")
    with pytest.raises(UsageError) as caught:
        ledger.begin(loaded, fresh=False)
    assert str(caught.value).split("\n  ")[1:] == [
        f"{folder / 'a.txt'}: its content is not the same",
        f"{folder / 'b.txt'}: is gone",
        f"{folder / 'c.txt'}: was not there",
    ]


def test_another_file_is_not_called_a_changed_one(begun, recipe):
    ledger, _ = begun
    path = recipe.parent / "other.csv"
    path.write_bytes((recipe.parent / "train.csv").read_bytes())
    with pytest.raises(UsageError) as caught:
        ledger.begin(load_recipe(str(recipe), {"data.train": str(path)}), fresh=False)
    assert "data.train: was" in str(caught.value)
    assert "its content is not the same" not in str(caught.value)


def test_data_touched_but_not_changed_is_the_same(begun, recipe):
    ledger, loaded = begun
    path = recipe.parent / "train.csv"
    path.write_bytes(path.read_bytes())
    ledger.begin(loaded, fresh=False)


@pytest.mark.parametrize("fresh", [False, True])
def test_a_foreign_folder_is_refused_and_left_alone(recipe, tmp_path, fresh):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "README.md").write_text("my notes")
    with pytest.raises(UsageError, match="mine holds something that is no run of ours: give another --out"):
        Ledger(tmp_path / "mine").begin(load_recipe(str(recipe)), fresh=fresh)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["README.md"]
    assert (tmp_path / "mine" / "README.md").read_text() == "my notes"


@pytest.mark.parametrize("fresh", [False, True])
def test_a_file_in_the_place_of_the_folder_is_refused(recipe, tmp_path, fresh):
    (tmp_path / "out").write_text("my notes")
    with pytest.raises(UsageError, match="out"):
        Ledger(tmp_path / "out").begin(load_recipe(str(recipe)), fresh=fresh)


@pytest.mark.parametrize("content", ["{", "[1, 2]", "3", '"text"', "\x00"])
def test_a_damaged_memory_is_refused_in_one_line(begun, content):
    ledger, loaded = begun
    (ledger.folder / "run.json").write_text(content)
    with pytest.raises(UsageError, match=r"^[^\n]*run\.json is damaged[^\n]*; --fresh starts over$"):
        ledger.begin(loaded, fresh=False)
    ledger.begin(loaded, fresh=True)


def test_afresh_forgets_the_run_but_keeps_what_is_not_of_it(begun, recipe):
    ledger, _ = begun
    ledger.append({"step": 1})
    ledger.keep_metrics({"n": 3})
    (ledger.folder / "notes.txt").write_text("mine")
    changed = load_recipe(str(recipe), {"training.seed": 2})
    ledger.begin(changed, fresh=True)
    assert ledger.total_steps is None and ledger.metrics is None
    assert sorted(path.name for path in ledger.folder.iterdir()) == ["notes.txt", "run.json"]
    assert json.loads((ledger.folder / "run.json").read_text())["settings"]["training"]["seed"] == 2


def test_the_settings_kept_are_the_recipe(begun):
    ledger, loaded = begun
    assert json.loads((ledger.folder / "run.json").read_text())["settings"] == loaded.model_dump(
        exclude={"description"}
    )


def log(ledger: Ledger) -> list[int]:
    return [json.loads(line)["step"] for line in ledger.log_file.read_text().split("\n") if line]


def test_the_log_grows_line_by_line(begun):
    ledger, _ = begun
    for step in (3, 6, 9):
        ledger.append({"step": step, "score": 0.5})
    assert log(ledger) == [3, 6, 9]


@pytest.mark.parametrize(("step", "kept"), [(0, []), (3, [3]), (5, [3]), (6, [3, 6]), (99, [3, 6, 9])])
def test_rewinding_drops_the_lines_of_later_steps(begun, step, kept):
    ledger, _ = begun
    for each in (3, 6, 9):
        ledger.append({"step": each})
    ledger.rewind(step)
    assert log(ledger) == kept


@pytest.mark.parametrize("part", ['{"st', '{"step": 9', '{"step": 9, "score": 0.', "{"])
def test_rewinding_drops_a_line_that_was_cut_short(begun, part):
    ledger, _ = begun
    ledger.append({"step": 3})
    with ledger.log_file.open("a") as file:
        file.write(part)
    ledger.rewind(99)
    ledger.append({"step": 6})
    assert log(ledger) == [3, 6]


def test_rewinding_a_log_that_is_not_there_makes_none(begun):
    ledger, _ = begun
    ledger.rewind(5)
    assert not ledger.log_file.exists()
