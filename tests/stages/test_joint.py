"""Two tasks on one encoder: a recipe with two heads, one folder that answers both, and every way to get it wrong."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest
import torch

from nlp_lstm import DataError, ModelError, UsageError, load, train
from nlp_lstm.batching.spelled import pad_spelled
from nlp_lstm.corpora.token_table import TokenTable
from nlp_lstm.records.examples import Example, PartExample, TaggedSentence
from nlp_lstm.records.predictions import JointPrediction
from nlp_lstm.stages.ledger import Ledger
from nlp_lstm.stages.recipes import load_recipe
from nlp_lstm.stages.record import Observer
from nlp_lstm.stages.run import settle
from tests.stages.made_data import made_sentences, made_texts

TEXTS = [
    "Ada saw a fine film",
    "",
    "so dull",
    "the plot, the actor and Old York " * 30,
    "York",
    "👩‍👩‍👧",
    "a fine end Ada",
]


@pytest.fixture(scope="module")
def joint(tiny_joint_run):
    return load(tiny_joint_run.folder)


@pytest.fixture
def calls(joint):
    """The shapes of what the encoder is asked about while a test runs."""
    seen: list[tuple[int, ...]] = []
    hook = joint.model.encoder.register_forward_hook(lambda module, given, out: seen.append(tuple(given[0].shape)))
    yield seen
    hook.remove()


def test_both_parts_learn_and_are_scored_each(tiny_joint_run):
    dev = tiny_joint_run.metrics["dev"]
    assert dev["n"] == 80 and (dev["parts"]["mood"]["n"], dev["parts"]["names"]["n"]) == (20, 60)
    assert dev["parts"]["mood"]["accuracy"] >= 0.9 and dev["parts"]["names"]["f1"] >= 0.9
    mean = (dev["parts"]["mood"]["accuracy"] + dev["parts"]["names"]["f1"]) / 2
    assert dev["score"] == pytest.approx(mean)
    assert set(tiny_joint_run.metrics["test"]["parts"]) == {"names"}  # only this part has test data


def test_a_text_gets_an_answer_of_every_part(joint):
    found = joint("Ada saw a dull film in Old York")
    assert isinstance(found, JointPrediction)
    assert found["mood"].label == "bad" and sum(found["mood"].scores.values()) == pytest.approx(1)
    assert [(entity.word, entity.entity_group) for entity in found["names"].entities] == [
        ("Ada", "PER"),
        ("Old York", "LOC"),
    ]
    assert found.to_dict() == {"mood": found["mood"].to_dict(), "names": found["names"].to_dict()}
    assert found.to_text() == "mood: bad | names: [Ada](PER) saw a dull film in [Old York](LOC)"
    assert found.cells() == [*found["mood"].cells(), *found["names"].cells()]


def test_a_batch_goes_through_the_encoder_once_for_all_parts(joint, calls):
    joint(TEXTS, batch_size=256)
    assert sum(shape[0] for shape in calls) == len(TEXTS)
    calls.clear()
    joint("Ada saw a fine film")
    assert len(calls) == 1


def test_one_pass_gives_what_the_heads_give_apart(joint):
    """Each text by itself, without padding: features, encoder and one head after the other, written out."""
    task, model = joint.task, joint.model
    for text, found in zip(TEXTS, joint(TEXTS), strict=True):
        words = task.tokenizer(text).texts or ("",)
        rows = task._reader.encode(TokenTable.from_keys([words]))
        ids, mask, spellings, characters, casings = pad_spelled(rows, [0])
        with torch.inference_mode():
            features = model.spelling(characters, casings)[spellings]
            states = model.encoder(ids, mask, extra=features).states
            mood, names = model.parts["mood"], model.parts["names"]
            logits = mood.output(mood.pooling(states, mask))[0]
            path = names.paths.decode(names.output(states), mask)[0]
        expected = dict(zip(task.tasks["mood"].labels, logits.softmax(-1).tolist(), strict=True))
        assert found["mood"].scores == pytest.approx(expected, abs=1e-5)
        if text:
            tags = [task.tasks["names"].tags[number] for number in path]
            as_iob2 = [{"S": "B", "E": "I"}.get(tag[0], tag[0]) + tag[1:] for tag in tags]
            assert list(found["names"].tags) == as_iob2
        else:
            assert found["names"].tags == ()


def test_the_folder_holds_the_encoder_once_and_no_path(joint, tiny_joint_run):
    names = joint.model.state_dict()
    assert sum(name.endswith("encoder.embedding.weight") for name in names) == 1
    assert not any("encoder" in name for name in names if name.startswith("parts."))
    recipe_folder = str(tiny_joint_run.folder.parent)
    for name in ("config.json", "README.md", "labels.json", "vocab.json"):
        assert recipe_folder not in (tiny_joint_run.folder / name).read_text()
    card = (tiny_joint_run.folder / "README.md").read_text()
    assert "| train | train.csv, train.conll | 170 |" in card
    assert "| split | examples | mean score | mood accuracy | mood macro F1 | names F1 | names accuracy |" in card


def test_the_vocabulary_is_of_the_texts_of_all_parts(joint):
    assert {"fine", "dull", "ada", "york"} <= set(joint.vocabulary.tokens)


def test_a_file_of_each_part_is_scored_as_in_training(joint, joint_recipe, tiny_joint_run):
    sources = [f"mood={joint_recipe.parent}/dev.csv", f"names={joint_recipe.parent}/dev.conll"]
    examples = [example for source in sources for example in joint.read(source)]
    assert joint.evaluate(examples).to_dict() == tiny_joint_run.metrics["dev"]
    only = joint.evaluate(joint.read(sources[1])).to_dict()
    assert only["parts"] == {"names": tiny_joint_run.metrics["dev"]["parts"]["names"]}


def test_a_part_reads_later_files_as_it_read_its_training_data(joint_recipe, tmp_path):
    for split in ("train", "dev"):
        path = joint_recipe.parent / f"{split}.csv"
        path.write_text(path.read_text().replace("text,label", "review,verdict", 1))
    columns = {f"head.parts.mood.data.{kind}_column": name for kind, name in (("text", "review"), ("label", "verdict"))}
    run = train(str(joint_recipe), out=tmp_path / "run", steps=2, settings=columns)
    predictor = load(run.folder)
    source = f"mood={joint_recipe.parent / 'dev.csv'}"
    assert len(predictor.read(source, text_column="text", label_column="label")) == 20  # what the command line says
    with pytest.raises(DataError, match="'other'"):
        predictor.read(source, text_column="other")


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("dev.csv", "; parts: mood, names"),
        ("moood=dev.csv", "; did you mean 'mood'?"),
        ("=dev.csv", "; known: mood, names"),
    ],
)
def test_a_source_of_no_part_is_refused(joint, source, hint):
    with pytest.raises(UsageError) as caught:
        joint.read(source)
    assert str(caught.value) == f"{source}: expected NAME=FILE with the name of a part{hint}"


def test_without_dev_files_some_of_each_part_is_held_out(joint_recipe, tmp_path):
    text = joint_recipe.read_text()
    joint_recipe.write_text("\n".join(line for line in text.split("\n") if not line.startswith(("dev =", "test ="))))
    run = train(str(joint_recipe), out=tmp_path / "run", steps=2)
    parts = run.metrics["dev"]["parts"]
    assert 3 <= parts["mood"]["n"] <= 6 and 8 <= parts["names"]["n"] <= 13


def test_examples_in_memory_take_the_place_of_all_files(joint_recipe, tmp_path):
    notes: list[str] = []
    moods = [PartExample("mood", Example(text, label)) for text, label in made_texts(30, seed=1)]
    names = [
        PartExample("names", TaggedSentence.of_words(*zip(*(line.split() for line in part.split("\n")), strict=True)))
        for part in made_sentences(30, seed=1).strip("\n").split("\n\n")
    ]
    run = train(
        str(joint_recipe), train=[*moods, *names], out=tmp_path / "run", steps=2, observer=Observer(note=notes.append)
    )
    assert notes[0] == "read train 60 examples" and 4 <= run.metrics["dev"]["n"] <= 8
    with pytest.raises(DataError, match=r"^there are no training examples of the part 'names'$"):
        train(str(joint_recipe), train=moods, out=tmp_path / "other", steps=2)
    with pytest.raises(TypeError, match=r"^train, example 1: expected PartExample, found Example$"):
        train(str(joint_recipe), train=[Example("so", "x")], out=tmp_path / "other", steps=2)


def test_changed_data_of_a_part_make_another_run(joint_recipe, tmp_path):
    ledger = Ledger(tmp_path / "run")
    loaded = load_recipe(str(joint_recipe))
    ledger.begin(loaded, fresh=False)
    ledger.keep_total_steps(12)
    ledger.begin(loaded, fresh=False)
    path = joint_recipe.parent / "dev.conll"
    path.write_text(path.read_text() + "\nso O\n")
    with pytest.raises(UsageError, match=r"dev\.conll: its content is not the same"):
        ledger.begin(loaded, fresh=False)
    with pytest.raises(UsageError, match=r"head\.parts\.names\.weight: was 1\.0, now 2\.0"):
        ledger.begin(load_recipe(str(joint_recipe), {"head.parts.names.weight": 2.0}), fresh=False)


def test_its_encoder_moves_to_other_tasks_and_from_them(
    tiny_joint_run, tiny_tag_run, joint_recipe, tag_recipe, tmp_path
):
    notes: list[str] = []
    told = Observer(note=notes.append)
    sizes = {"encoder.embed_size": 16, "encoder.hidden_size": 16}
    for number, (recipe, folder) in enumerate(
        ((joint_recipe, tiny_tag_run.folder), (tag_recipe, tiny_joint_run.folder))
    ):
        out = tmp_path / str(number)
        train(str(recipe), out=out, steps=1, init_from=folder, settings=sizes, observer=told)
    moved = [note for note in notes if note.startswith("taken over")]
    assert len(moved) == 2 and all(note.endswith("layers: 0.forwards, 0.backwards") for note in moved)


# --- recipes that are wrong -------------------------------------------------------------------------------------------


@pytest.fixture
def write(tmp_path):
    def put(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return put


def problems(path: Path, **settings: object) -> list[str]:
    with pytest.raises(UsageError) as caught:
        load_recipe(str(path), settings)
    title, *lines = str(caught.value).split("\n  ")
    return lines or [title.removeprefix(f"recipe {path}: ")]


def test_every_problem_of_the_parts_is_told_at_once(write):
    path = write(
        "joint.toml",
        """
task = "joint"
[data]
train = "all.csv"
text_column = "body"
[head]
charcters = "cnn"
[head.parts.mood]
task = "clasify"
wieght = 2
[head.parts.story]
task = "generate"
data.train = "story.txt"
[head.parts."my names"]
task = "tag"
data.trian = "a.conll"
head.crff = true
head.characters = "lstm"
[head.parts.other]
task = "classify"
data.train = "a.csv"
data.dev = "b.csv"
data.dev_fraction = 0.3
[training]
unfreeze = 0.5
""",
    )
    expected = [
        "training.unfreeze: nothing was trained before: it goes with training.init_from",
        "head.charcters: unknown setting; did you mean 'characters'?",
        "head.parts.mood.wieght: unknown setting; did you mean 'weight'?",
        "head.parts.my names.data.trian: unknown setting; did you mean 'train'?",
        "data.train: a joint recipe reads the data of its parts: head.parts.NAME.data.train",
        "data.text_column: a joint recipe reads the data of its parts: head.parts.NAME.data.text_column",
        "head.parts.mood.data.train: missing",
        "head.parts.mood.task: no task 'clasify'; did you mean 'classify'?",
        "head.parts.story.task: 'generate' cannot be a part; expected one of classify, tag",
        "head.parts.my names: expected a name of letters, digits, _ and -, and not id",
        "head.parts.my names.data.train: missing",
        "head.parts.my names.head.crff: unknown setting; did you mean 'crf'?",
        "head.parts.my names.head.characters: unknown setting; known: auxiliary_weight, crf, scheme",
        "head.parts.other.data.dev_fraction: it is one for all parts: data.dev_fraction",
        "head.parts: some have dev data, mood, my names, story none: expected all or none to have some",
    ]
    assert sorted(problems(path)) == sorted(expected)


def test_two_parts_of_one_name_are_refused(write):
    part = '[head.parts.mood]\ntask = "classify"\n'
    path = write("joint.toml", f'task = "joint"\n{part}{part}')
    assert problems(path) and "mood" in problems(path)[0] and "not valid TOML" in problems(path)[0]


@pytest.mark.parametrize(
    ("head", "problem"),
    [
        ("", "head.parts: missing"),
        ("parts = 3", "head.parts: expected a table, found 3"),
        ("parts.mood = 3", "head.parts.mood: "),
        (
            'parts.mood.task = "classify"\nparts.mood.data.train = "a.csv"',
            "head.parts: expected at least 2 entries",
        ),
        ("parts.mood.head = 3", "head.parts.mood.task: missing"),
    ],
)
def test_a_head_without_two_parts_is_told(write, head, problem):
    assert any(line.startswith(problem) for line in problems(write("joint.toml", f'task = "joint"\n[head]\n{head}\n')))


def test_a_file_given_for_all_parts_is_refused(joint_recipe):
    with pytest.raises(UsageError, match=r"data\.train: a joint recipe reads the data of its parts"):
        settle(str(joint_recipe), train="other.csv")


def test_a_variable_in_the_path_of_a_part_is_told_before_training(joint_recipe, tmp_path, monkeypatch):
    monkeypatch.delenv("TINY_PLACE", raising=False)
    joint_recipe.write_text(joint_recipe.read_text().replace('"dev.csv"', '"$TINY_PLACE/dev.csv"'))
    with pytest.raises(UsageError, match=r"head\.parts\.mood\.data\.dev is expected at \$TINY_PLACE/dev\.csv: set"):
        train(str(joint_recipe), out=tmp_path / "run", steps=2)
    monkeypatch.setenv("TINY_PLACE", str(joint_recipe.parent))
    train(str(joint_recipe), out=tmp_path / "run", steps=2)


def test_a_missing_file_of_a_part_is_bad_data(joint_recipe, tmp_path):
    (joint_recipe.parent / "train.conll").unlink()
    with pytest.raises(DataError, match=r"train\.conll: no such file"):
        train(str(joint_recipe), out=tmp_path / "run", steps=2)


def test_a_tokenizer_that_cuts_no_words_is_refused(joint_recipe, tmp_path):
    with pytest.raises(UsageError, match=r"^tokenizer\.kind: a tagger needs words"):
        train(str(joint_recipe), out=tmp_path / "run", steps=2, settings={"tokenizer.kind": "subwords"})


def damaged(folder: Path, tmp_path: Path, name: str, change) -> Path:
    """Return a copy of a model one of whose files was changed, with a checksum that fits."""
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    content = json.loads((copy / name).read_text())
    change(content)
    (copy / name).write_text(json.dumps(content))
    config = json.loads((copy / "config.json").read_text())
    for checked in config["checksums"]:
        config["checksums"][checked] = hashlib.blake2b((copy / checked).read_bytes(), digest_size=16).hexdigest()
    (copy / "config.json").write_text(json.dumps(config))
    return copy


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("labels.json", lambda labels: labels.update({"moood.labels": ["a"]}), r"moood\.labels: there is no part"),
        ("labels.json", lambda labels: labels.pop("mood.labels"), r"labels\.json: "),
        ("vocab.json", lambda vocabularies: vocabularies.pop("characters"), "'words' and 'characters'"),
        ("config.json", lambda config: config["head"]["parts"]["mood"].update(task="generate"), "cannot be a part"),
        ("config.json", lambda config: config["head"].pop("parts"), r"head\.parts: missing"),
    ],
)
def test_a_damaged_folder_is_refused_in_one_line(tiny_joint_run, tmp_path, name, change, message):
    with pytest.raises(ModelError, match=rf"^[^\n]*{message}[^\n]*$"):
        load(damaged(tiny_joint_run.folder, tmp_path, name, change))
