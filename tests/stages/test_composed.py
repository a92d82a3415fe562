"""Composed pipelines come from files and go into folders; whatever is wrong with a file is told at once."""

from __future__ import annotations

import shutil
import tomllib

import pytest

from nlp_lstm import ModelError, Pipeline, UsageError, load, stages
from nlp_lstm.stages.recipes import recipe_folder
from tests.made_package import install

TEXT = "A <b>fine</b> film. Ada saw York.\n\nThe end"


@pytest.fixture(scope="module")
def models(tmp_path_factory, tiny_run, tiny_tag_run, tiny_translate_run):
    """A folder `runs` with a model for each stage of the packaged pipeline."""
    place = tmp_path_factory.mktemp("composed")
    for name, run in {"sentiment": tiny_run, "ner": tiny_tag_run, "translate-en-de": tiny_translate_run}.items():
        shutil.copytree(run.folder, place / "runs" / name)
    (place / "pipelines").mkdir()
    shutil.copy(recipe_folder() / "reader.toml", place / "pipelines")
    return place


@pytest.fixture
def write(models, tmp_path):
    """Write a pipeline's file beside a link to the models and return its path."""
    (tmp_path / "runs").symlink_to(models / "runs")

    def write_file(content: str, name: str = "mine.toml"):
        (tmp_path / name).write_text(content, encoding="utf-8")
        return tmp_path / name

    return write_file


def problems(kind, path) -> list[str]:
    """Return the lines of the error that loading a file ends with, the title apart."""
    with pytest.raises(kind) as caught:
        Pipeline.load(path)
    title, *lines = str(caught.value).split("\n  ")
    return lines or [title.removeprefix(f"pipeline {path}: ")]


def table(stage: str, **values: object) -> str:
    lines = [
        f"{key} = {str(value).lower() if isinstance(value, bool) else repr(value)}" for key, value in values.items()
    ]
    return "\n".join(["[[stages]]", f'stage = "{stage}"', *lines, ""])


def test_the_packaged_pipeline_runs_on_models_beside_it(models, monkeypatch):
    monkeypatch.chdir(models / "pipelines")
    nlp = Pipeline.load("reader.toml")
    assert [stage.name for stage in nlp.stages] == ["sentences", "tag", "classify", "translate"]
    doc = nlp(TEXT)
    assert len(doc.sentences) == len(doc.translations) == 3 and doc.entities is not None
    assert doc.label == load(models / "runs" / "sentiment")(TEXT).label


def test_a_file_gives_the_pipeline_its_stages_would_give(models, write):
    path = write(
        table("normalize", strip_markup=True)
        + table("tokenize", kind="regex")
        + table("tag", model="runs/ner")
        + table("tag", model="runs/ner", into="again")
        + table("translate", model="runs/translate-en-de", beam=3, attention=True)
    )
    runs = models / "runs"
    same = Pipeline(
        [
            stages.Normalize(),
            stages.Tokenize(kind="regex"),
            stages.Tag(runs / "ner"),
            stages.Tag(runs / "ner", into="again"),
            stages.Translate(runs / "translate-en-de", beam=3, attention=True),
        ]
    )
    assert Pipeline.load(path)(TEXT) == same(TEXT)


def test_a_file_can_name_another_one(write):
    write(table("sentences") + table("tokenize", language="en"), "cut.toml")
    nlp = Pipeline.load(write(table("pipeline", file="cut.toml") + table("tag", model="runs/ner")))
    assert [stage.name for stage in nlp.stages] == ["sentences", "tokenize", "tag"]


def test_everything_that_is_wrong_is_told_at_once(write):
    path = write(
        table("tag", model="runs/nre", modle=3)
        + table("sentencs")
        + table("sentences", language="eng")
        + table("tag", model="runs/none")
        + table("classify")
        + table("classify", model="runs/ner", into="text")
        + table("translate", model="runs/ner", beam="many")
        + table("pipeline", file="gone.toml")
        + table("pipeline", fil="gone.toml")
        + table("map", function="print")
        + "[[stages]]\nmodel = 3\n"
    )
    found = problems(UsageError, path)
    assert found == [
        "stages.1.modle: unknown setting; did you mean 'model'?",
        f"stages.1 (tag): no model at {path.parent}/runs/nre: there is no such folder",
        "stages.2: no stage 'sentencs'; did you mean 'sentences'?",
        "stages.3 (sentences): tokenizer language 'eng' is not one of spaCy's; did you mean 'en'?",
        f"stages.4 (tag): no model at {path.parent}/runs/none: there is no such folder",
        "stages.5.model: missing",
        "stages.6 (classify): into: expected a name that documents do not have yet, found 'text'",
        "stages.7.beam: expected a whole number, found 'many'",
        f"stages.7 (translate): {path.parent}/runs/ner holds a model of the task 'tag'; "
        "translate needs one of 'translate'",
        f"stages.8 (gone.toml): no pipeline at {path.parent}/gone.toml: there is no such file",
        "stages.9.file: missing",
        "stages.9.fil: unknown setting; did you mean 'file'?",
        "stages.10.function: expected a function, found 'print'",
        "stages.11.stage: missing",
        "tag uses sentences, which sentences provides only later",
        "tag provides entities, which another tag has provided already",
        "tag provides tags, which another tag has provided already",
    ]


def test_missing_models_alone_are_errors_of_models(write):
    path = write(table("tag", model="runs/none") + table("classify", model="runs/ner"))
    place = path.parent
    assert problems(ModelError, path) == [
        f"stages.1 (tag): no model at {place}/runs/none: there is no such folder",
        f"stages.2 (classify): {place}/runs/ner holds a model of the task 'tag'; classify needs one of 'classify'",
    ]


def test_a_file_that_cannot_be_read_is_named_once_and_stages_are_counted_from_1(write):
    path = write("stages = [3, {}, {stage = 4}]\n", "odd.toml")
    assert problems(UsageError, path) == [
        "stages.1: expected a table, found 3",
        "stages.2.stage: missing",
        "stages.3.stage: expected a string, found 4",
    ]
    broken = write("stages = [", "broken.toml")
    with pytest.raises(UsageError) as caught:
        Pipeline.load(broken)
    assert str(caught.value).startswith(f"pipeline {broken} is not valid TOML: ")
    assert str(caught.value).count("broken.toml") == 1
    outer = write(table("pipeline", file="odd.toml") + table("pipeline", file="broken.toml"), "outer.toml")
    *first, last = problems(UsageError, outer)
    assert first == [f"stages.1 (odd.toml): {line}" for line in problems(UsageError, path)]
    assert last.startswith(f"stages.2 (broken.toml): pipeline {broken} is not valid TOML: ")


def test_of_two_stages_that_do_the_same_only_that_is_told(write):
    path = write(table("tag", model="runs/ner") * 2)
    assert problems(UsageError, path) == [
        "tag provides entities, which another tag has provided already; into=NAME keeps both",
        "tag provides tags, which another tag has provided already; into=NAME keeps both",
    ]


def test_a_value_of_a_wrong_kind_is_told_in_plain_words(write):
    path = write(table("translate", model=3, attention="maybe") + table("tokenize", kind="runes"))
    assert problems(UsageError, path) == [
        "stages.1.model: expected a string or a path, found 3",
        "stages.1.attention: expected true or false, found 'maybe'",
        "stages.2.kind: expected 'spacy', 'regex' or 'blanks', found 'runes'",
    ]


def test_a_wrong_order_is_told_also_of_a_stage_that_cannot_be_built(write):
    path = write(table("tag", model="runs/none") + table("tokenize"))
    assert problems(UsageError, path) == [
        f"stages.1 (tag): no model at {path.parent}/runs/none: there is no such folder",
        "tag uses tokens, which tokenize provides only later",
    ]


def test_a_pipeline_that_is_a_part_of_itself_is_told(write):
    write(table("pipeline", file="c.toml") + table("sentencs"), "b.toml")
    write(table("pipeline", file="./b.toml"), "c.toml")
    path = write(table("pipeline", file="b.toml") + table("tokenise"), "a.toml")
    assert problems(UsageError, path) == [
        "stages.1 (b.toml): stages.1 (c.toml): stages.1: the pipeline is a part of itself: b.toml → c.toml → b.toml",
        "stages.1 (b.toml): stages.2: no stage 'sentencs'; did you mean 'sentences'?",
        "stages.2: no stage 'tokenise'; did you mean 'tokenize'?",
    ]
    path = write(table("pipeline", file="self.toml"), "self.toml")
    assert problems(UsageError, path) == ["stages.1: the pipeline is a part of itself: self.toml → self.toml"]


def test_a_saved_folder_can_be_named_as_a_file_can(models, write, tmp_path):
    Pipeline([stages.Sentences("de"), stages.Tag(models / "runs" / "ner")]).save(tmp_path / "saved" / "reader")
    path = write(table("pipeline", file="saved/reader") + table("classify", model="runs/sentiment"))
    nlp = Pipeline.load(path)
    assert [stage.name for stage in nlp.stages] == ["sentences", "tag", "classify"]
    assert nlp(TEXT).entities == Pipeline.load(tmp_path / "saved" / "reader")(TEXT).entities
    (tmp_path / "saved" / "reader" / "pipeline.toml").write_text(table("pipeline", file="."))
    assert problems(UsageError, path) == [
        "stages.1 (saved/reader): stages.1: the pipeline is a part of itself: reader → reader"
    ]


def test_how_a_generator_writes_is_checked_when_it_is_made(write):
    path = write(table("generate", model="runs/none", seed=-1) + table("generate", model="runs/none", into=3, seed=1))
    assert problems(UsageError, path) == [
        "stages.1 (generate): seed: expected a whole number, 0 or more, found -1",
        "stages.2.into: expected a string, found 3",
        f"stages.2 (generate): no model at {path.parent}/runs/none: there is no such folder",
    ]


STRANGE = """
class Broken:
    name, requires, provides = "broken", (), ()
    def __init__(self):
        raise RuntimeError("no luck")
    def __call__(self, documents): ...

class Half:
    name = "half"
    def __call__(self, documents): ...

class Five(Half):
    requires, provides = 5, ()
"""


def test_what_is_wrong_with_stages_of_another_package_is_told_with_the_rest(write, tmp_path, monkeypatch):
    names = {"broken": "Broken", "half": "Half", "five": "Five"}
    install(tmp_path, monkeypatch, "strange", module=STRANGE, stages=names)
    assert problems(UsageError, write("".join(map(table, names)) + table("sentencs"))) == [
        "stages.1 (broken): RuntimeError: no luck",
        "stages.2 (half): Half is no stage: it has no requires, provides",
        "stages.3 (five): Five.requires: expected a tuple of names, found 5",
        "stages.4: no stage 'sentencs'; did you mean 'sentences'?",
    ]


def test_the_same_file_twice_side_by_side_is_no_cycle(write):
    write(table("tokenize"), "cut.toml")
    path = write(table("pipeline", file="cut.toml") * 2)
    assert problems(UsageError, path) == ["tokenize provides tokens, which another tokenize has provided already"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("stages = 3", "stages: expected a list, found 3"),
        ("", "stages: missing"),
        ("stages = []", "stages: expected at least one"),
        ("stage = []\nstages = []", "stage: unknown setting; did you mean 'stages'?"),
        ("[[stages]", "is not valid TOML"),
        ('task = "classify"', "is a recipe to train, no composed pipeline: nlp-lstm train"),
    ],
)
def test_a_file_of_another_kind_is_refused(write, content, message):
    (found,) = problems(UsageError, write(content))
    assert message in found


def test_a_missing_file_is_a_missing_model(tmp_path):
    with pytest.raises(ModelError, match=r"^no pipeline at [^ ]*none\.toml: there is no such file$"):
        Pipeline.load(tmp_path / "none.toml")
    with pytest.raises(ModelError, match=r"no pipeline at .*pipeline\.toml"):
        Pipeline.load(tmp_path)


def test_a_device_for_all_is_that_of_stages_that_name_none(write):
    path = write(table("sentences") + table("tag", model="runs/ner"))
    with pytest.raises(UsageError, match="device 'abacus' cannot be used here"):
        Pipeline.load(path, device="abacus")
    own = write(table("tag", model="runs/ner", device="cpu"), "own.toml")
    assert Pipeline.load(own, device="abacus").stages[0].device == "cpu"


def test_what_was_saved_says_the_same_wherever_it_is_moved(models, tmp_path):
    runs = models / "runs"
    nlp = Pipeline(
        [
            stages.Normalize(lowercase=True),
            stages.Sentences("de"),
            stages.Tag(runs / "ner", device="cpu"),
            stages.Tag(str(runs / "ner"), into="second"),
            stages.Classify(runs / "sentiment"),
            stages.Translate(runs / "translate-en-de", beam=1),
        ]
    )
    nlp.save(tmp_path / "deep" / "saved")
    (tmp_path / "deep" / "saved").rename(tmp_path / "moved")
    again = Pipeline.load(tmp_path / "moved")
    assert again(TEXT) == nlp(TEXT)
    content = tomllib.loads((tmp_path / "moved" / "pipeline.toml").read_text(encoding="utf-8"))
    assert content["stages"][:3] == [
        {"stage": "normalize", "lowercase": True},
        {"stage": "sentences", "language": "de"},
        {"stage": "tag", "model": "models/3-tag-model"},
    ]
    assert sorted(path.name for path in (tmp_path / "moved" / "models" / "3-tag-model").iterdir()) == [
        "README.md",
        "config.json",
        "labels.json",
        "model.safetensors",
        "vocab.json",
    ]
    assert list((tmp_path / "deep").iterdir()) == []
    again.save(tmp_path / "saved again")
    assert Pipeline.load(tmp_path / "saved again")(TEXT) == nlp(TEXT)


def test_what_no_file_can_hold_is_told_and_nothing_is_written(tmp_path):
    class Own:
        name, requires, provides = "own", (), ()

        def __call__(self, documents):
            return documents

    nlp = Pipeline([stages.Map(lambda doc: doc, name="shout"), stages.Map(len), Own()])
    with pytest.raises(UsageError) as caught:
        nlp.save(tmp_path / "saved")
    assert str(caught.value).split("\n  ") == [
        "the pipeline cannot be saved: 3 problems",
        "shout: its function cannot be written to a file",
        "len: its function cannot be written to a file",
        "own: Own is in no table of stages",
    ]
    assert list(tmp_path.iterdir()) == []


def test_what_stands_in_a_folder_is_never_written_over(tmp_path):
    (tmp_path / "kept.txt").write_text("mine")
    for place in (tmp_path, tmp_path / "kept.txt"):
        with pytest.raises(UsageError, match="holds something already: give a new folder"):
            Pipeline([stages.Sentences()]).save(place)
    assert (tmp_path / "kept.txt").read_text() == "mine"
    (tmp_path / "empty").mkdir()
    Pipeline([stages.Sentences()]).save(tmp_path / "empty")
    assert Pipeline.load(tmp_path / "empty")("a").text == "a"


def test_a_single_model_and_a_pipeline_are_not_taken_for_one_another(models, write):
    path = write(table("sentences"))
    with pytest.raises(UsageError, match=r"is a composed pipeline, not a model: Pipeline\.load"):
        load(path)
