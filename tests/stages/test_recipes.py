"""Recipes are found, read with a person's settings over them, and checked whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from nlp_lstm.config import UNUSED, EncoderSettings
from nlp_lstm.corpora.pair_files import parallel_files
from nlp_lstm.corpora.row_ranges import split_range
from nlp_lstm.errors import UsageError
from nlp_lstm.stages import recipes
from nlp_lstm.stages.recipes import check_sources, find_recipe, list_recipes, load_recipe, parse_setting, recipe_folder
from nlp_lstm.tasks.classify import ClassifySettings


@pytest.fixture
def write(tmp_path):
    """Write a recipe and return its path as text."""

    def write_recipe(content: str, name: str = "mine.toml") -> str:
        (tmp_path / name).write_text(content, encoding="utf-8")
        return str(tmp_path / name)

    return write_recipe


def problems(call, *arguments) -> list[str]:
    """Return the lines of the UsageError that the call ends with, the title apart."""
    with pytest.raises(UsageError) as caught:
        call(*arguments)
    title, *lines = str(caught.value).split("\n  ")
    return lines or [title]


COMPOSED = {"reader"}
PACKAGED = sorted(
    path.relative_to(recipe_folder()).with_suffix("").as_posix()
    for path in recipe_folder().rglob("*.toml")
    if path.stem not in COMPOSED
)


@pytest.mark.parametrize("name", PACKAGED)
def test_a_written_recipe_is_read_as_the_same(name, tmp_path):
    loaded = load_recipe(name, {"encoder.cell": "gru", "training.learning_rate": 1e-5})
    recipes.write_recipe(tmp_path / "written.toml", loaded)
    assert load_recipe(str(tmp_path / "written.toml")) == loaded


def test_there_are_packaged_recipes():
    assert {"sentiment", "lags/reber"} <= set(PACKAGED)
    assert [line.name for line in list_recipes()] == PACKAGED


@pytest.mark.parametrize("name", PACKAGED)
def test_a_packaged_recipe_is_in_order(name):
    recipe = load_recipe(name)
    line = next(line for line in list_recipes() if line.name == name)
    assert (recipe.task, recipe.description) == (line.task, line.description)
    assert recipe.description


@pytest.mark.parametrize("name", PACKAGED)
def test_the_data_of_a_packaged_recipe_is_there_or_named_by_a_variable_or_on_the_hub(name):
    data = load_recipe(name).data
    languages = (data.source_lang or "", data.target_lang or "")
    for source in (data.train, data.dev, data.test):
        path = None if source is None else Path(split_range(source)[0])
        there = path is None or path.is_file() or parallel_files(source, languages)
        assert there or source.startswith(("$", "hf:", "made:"))


@pytest.mark.parametrize("name", COMPOSED)
def test_a_composed_pipeline_is_no_recipe_to_train(name):
    with pytest.raises(
        UsageError, match=f"{name}.toml is a composed pipeline, not a recipe to train: nlp-lstm predict"
    ):
        load_recipe(name)


def test_a_recipe_is_found_by_name_or_path(write):
    assert find_recipe("sentiment") == recipe_folder() / "sentiment.toml"
    path = write('task = "classify"')
    assert find_recipe(path) == Path(path)


def test_a_file_in_the_present_folder_is_found(write, tmp_path, monkeypatch):
    write('task = "classify"', "sentiment.toml")
    monkeypatch.chdir(tmp_path)
    assert find_recipe("sentiment.toml") == Path("sentiment.toml")
    assert find_recipe("sentiment") == recipe_folder() / "sentiment.toml"


def test_a_mistyped_name_is_met_with_the_nearest():
    with pytest.raises(UsageError, match=r"^no recipe 'sentimnet'; did you mean 'sentiment'\?$"):
        find_recipe("sentimnet")


def test_a_path_that_leads_nowhere_is_told(tmp_path):
    with pytest.raises(UsageError, match=r"no recipe at .*nowhere\.toml: there is no such file"):
        find_recipe(str(tmp_path / "nowhere.toml"))


@pytest.mark.parametrize("name", ["../sentiment", "", ".", "zzz"])
def test_a_name_outside_the_package_is_not_found(name):
    with pytest.raises(UsageError, match="no recipe"):
        find_recipe(name)


@pytest.mark.parametrize("content", ["task = ", "= 3", 'task = "a"\ntask = "b"\n'])
def test_a_file_that_is_no_toml_is_refused_in_one_line(write, content):
    with pytest.raises(UsageError, match=r"^recipe .*mine\.toml is not valid TOML: [^\n]*\(at (line \d+|end)[^\n]*$"):
        load_recipe(write(content))


def test_bytes_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "mine.toml").write_bytes(b"task = '\xff'")
    with pytest.raises(UsageError, match="is not valid TOML"):
        load_recipe(str(tmp_path / "mine.toml"))


WRONG = """
task = "classify"
modle = 1

[data]
trian = "x.csv"

[encoder]
hiden_size = 64
dropout = 1.5
cell = "lstn"

[head]
poolng = "max"
label_smoothing = 2

[training]
epochs = 3
steps = 4
batch_size = "many"
"""


def test_every_problem_of_a_recipe_is_told_at_once(write):
    found = problems(load_recipe, write(WRONG), {"encoder.n_layer": 2, "training.seed.x": 1})
    assert sorted(line.split(": ")[0] for line in found) == sorted(
        [
            "modle",
            "data.trian",
            "encoder.hiden_size",
            "encoder.dropout",
            "encoder.cell",
            "encoder.n_layer",
            "head.poolng",
            "head.label_smoothing",
            "training",
            "training.batch_size",
            "training.seed",
        ]
    )
    hints = {line.split(": ")[0]: line for line in found}
    for name, hint in (
        ("data.trian", "train"),
        ("encoder.hiden_size", "hidden_size"),
        ("encoder.n_layer", "n_layers"),
        ("head.poolng", "pooling"),
    ):
        assert hints[name].endswith(f"unknown setting; did you mean '{hint}'?")
    assert hints["training"] == "training: give one of epochs, steps, not 2"


def test_an_unknown_task_is_told_among_the_other_problems(write):
    found = problems(load_recipe, write('task = "clasify"\n[encoder]\ncel = "gru"'))
    assert found == [
        "encoder.cel: unknown setting; did you mean 'cell'?",
        "task: no task 'clasify'; did you mean 'classify'?",
    ]


def test_a_section_that_is_no_table_is_told(write):
    found = problems(load_recipe, write('task = "classify"\ntraining = 3\nhead = "x"\ndata = []'), {"training.seed": 1})
    assert sorted({line.split(": ")[0].split(".")[0] for line in found}) == ["data", "head", "training"]


def test_a_recipe_without_a_task_is_told(write):
    assert problems(load_recipe, write("")) == [f"recipe {write('')}: task: missing"]


def test_settings_are_laid_over_the_recipe(write):
    path = write('task = "classify"\n[encoder]\nhidden_size = 5\ncell = "gru"\n[head]\npooling = "max"')
    recipe = load_recipe(path, {"encoder.hidden_size": 7, "head.dropout": 0.5, "tokenizer.kind": "regex"})
    assert (recipe.encoder.hidden_size, recipe.encoder.cell) == (7, "gru")
    assert recipe.head == {**ClassifySettings().model_dump(), "pooling": "max", "dropout": 0.5}
    assert recipe.tokenizer.kind == "regex"


@pytest.mark.parametrize("unit", ["epochs", "steps", "minutes"])
@pytest.mark.parametrize("given", ["epochs", "steps", "minutes"])
def test_a_budget_given_takes_the_place_of_the_recipes(write, unit, given):
    recipe = load_recipe(write(f'task = "classify"\n[training]\n{unit} = 3\nseed = 5'), {f"training.{given}": 7})
    assert recipe.training.budget() == (given, 7)
    assert recipe.training.seed == 5


@pytest.mark.parametrize("cell", UNUSED)
@pytest.mark.parametrize("name", PACKAGED)
def test_every_packaged_recipe_can_be_tried_with_a_cell_that_has_no_use_for_some_of_its_settings(name, cell):
    encoder, plain = load_recipe(name, {"encoder.cell": cell}).encoder, load_recipe(name).encoder
    unused = dict.fromkeys(UNUSED[cell], 0)
    assert encoder.model_dump() == plain.model_dump() | {"cell": cell} | unused


def test_what_a_cell_has_no_use_for_is_refused_where_it_was_asked_for(write):
    path = write('task = "classify"\n[encoder]\nweight_drop = 0.2')
    assert load_recipe(path, {"encoder.cell": "minlstm"}).encoder.weight_drop == 0
    assert load_recipe(path, {"encoder.cell": "gru"}).encoder.weight_drop == 0.2
    asked = {"encoder.cell": "minlstm", "encoder.weight_drop": 0.3}
    (told,) = problems(load_recipe, path, asked)
    assert "encoder.weight_drop: expected 0.0 with cell 'minlstm', which has no hidden-to-hidden weights" in told
    together = write('task = "classify"\n[encoder]\ncell = "minlstm"\nweight_drop = 0.2', "other.toml")
    (told,) = problems(load_recipe, together)
    assert told.endswith("found 0.2")
    assert problems(load_recipe, path, {"encoder.cell": ["minlstm"]})


def test_two_budgets_given_are_one_too_many(write):
    found = problems(load_recipe, write('task = "classify"'), {"training.epochs": 7, "training.minutes": 1})
    assert "give one of minutes, epochs, not 2" in found[0]


def test_a_setting_without_a_section_is_unknown(write):
    found = problems(load_recipe, write('task = "classify"'), {"hidden_size": 7})
    assert "hidden_size: unknown setting" in found[0]


@pytest.mark.parametrize("name", ["encoder.cell.kind", "task.name"])
def test_a_setting_below_a_value_has_no_place(write, name):
    path = write('task = "classify"\n[encoder]\ncell = "gru"')
    assert f"{name}: has no place in the recipe" in problems(load_recipe, path, {name: 7})[0]


DATA = 'task = "classify"\n[data]\ntrain = "{}"\n[vocabulary]\nvectors = "{}"'


def test_paths_are_relative_to_the_recipe(write, tmp_path):
    recipe = load_recipe(write(DATA.format("sub/a.csv", "../glove.txt")))
    assert recipe.data.train == str(tmp_path / "sub" / "a.csv")
    assert recipe.vocabulary.vectors == str(tmp_path.parent / "glove.txt")


def test_an_absolute_path_and_a_name_on_the_hub_stay_as_they_are(write):
    recipe = load_recipe(write(DATA.format("hf:imdb:train", "/glove.txt")))
    assert recipe.data.train == "hf:imdb:train"
    assert recipe.vocabulary.vectors == "/glove.txt"


def test_paths_given_by_a_person_are_relative_to_where_they_are(write):
    recipe = load_recipe(write(DATA.format("a.csv", "b.txt")), {"data.train": "c.csv"})
    assert recipe.data.train == "c.csv"


@pytest.mark.parametrize("way", ["$SOME_FOLDER", "${SOME_FOLDER}"])
def test_a_variable_stands_for_a_folder(write, tmp_path, monkeypatch, way):
    monkeypatch.setenv("SOME_FOLDER", "/elsewhere")
    assert load_recipe(write(DATA.format(f"{way}/a.csv", "b"))).data.train == "/elsewhere/a.csv"
    monkeypatch.setenv("SOME_FOLDER", "sub")
    assert load_recipe(write(DATA.format(f"{way}/a.csv", "b"))).data.train == str(tmp_path / "sub" / "a.csv")


def test_a_recipe_whose_variable_is_not_set_can_be_looked_at(write, monkeypatch):
    monkeypatch.delenv("SOME_FOLDER", raising=False)
    assert load_recipe(write(DATA.format("$SOME_FOLDER/a.csv", "b"))).data.train == "$SOME_FOLDER/a.csv"


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("encoder.hidden_size=256", "encoder.hidden_size", 256),
        ("training.learning_rate=1e-3", "training.learning_rate", 1e-3),
        ("tokenizer.lowercase=false", "tokenizer.lowercase", False),
        ("tokenizer.kind=regex", "tokenizer.kind", "regex"),
        ('tokenizer.kind="regex"', "tokenizer.kind", "regex"),
        ("data.train=a=b.csv", "data.train", "a=b.csv"),
        ("data.train=C:\\new\\a.csv", "data.train", "C:\\new\\a.csv"),
        ("data.train = a b.csv ", "data.train", "a b.csv"),
        ("data.train=", "data.train", ""),
        ("a.b.c=[1, 2]", "a.b.c", [1, 2]),
    ],
)
def test_a_setting_is_read_as_toml_or_else_as_text(text, name, value):
    found = parse_setting(text)
    assert found == (name, value)
    assert type(found[1]) is type(value)


@pytest.mark.parametrize("text", ["", "=", "encoder.hidden_size", "hidden_size=3", ".a=3", "a.=3", "a b.c=3", "=3"])
def test_what_is_no_setting_is_refused(text):
    with pytest.raises(UsageError, match=r"expected SECTION\.NAME=VALUE, found"):
        parse_setting(text)


@pytest.mark.parametrize("value", [None, ""])
def test_a_variable_that_is_not_set_or_empty_is_left_for_the_reader_to_complain_of(write, monkeypatch, value):
    monkeypatch.setenv("PLACE", value) if value is not None else monkeypatch.delenv("PLACE", raising=False)
    recipe = load_recipe(write('task = "classify"\n[data]\ntrain = "$PLACE/train.csv"'))
    assert recipe.data.train == "$PLACE/train.csv"
    with pytest.raises(UsageError, match=r"data\.train is expected at \$PLACE/train\.csv: set PLACE"):
        check_sources(recipe)
    check_sources(recipe, {"train"})  # its examples are there


@pytest.mark.parametrize("task", ["forecast", "generate", "lags"])
def test_a_recipe_that_says_nothing_of_the_encoder_gets_one_the_task_can_use(tmp_path, task):
    (tmp_path / "own.toml").write_text(f'task = "{task}"\n')
    settled = load_recipe(str(tmp_path / "own.toml"))
    assert not settled.encoder.bidirectional and settled.encoder.hidden_size == EncoderSettings().hidden_size
    asked = load_recipe(str(tmp_path / "own.toml"), {"encoder.bidirectional": True})
    assert asked.encoder.bidirectional  # refused where the network is built, as before


def test_a_relative_recipe_has_absolute_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.toml").write_text('task = "classify"\n[data]\ntrain = "t.csv"\ndev = "../d.csv"\n')
    data = load_recipe("own.toml").data
    assert (data.train, data.dev) == (str(tmp_path / "t.csv"), str(tmp_path.parent / "d.csv"))


def test_training_data_from_standard_input_are_refused():
    recipe = load_recipe("classify", {"data.train": "/somewhere/-"})
    with pytest.raises(
        UsageError, match=r"data\.train: expected a file, found standard input, which cannot be read twice$"
    ):
        check_sources(recipe)
