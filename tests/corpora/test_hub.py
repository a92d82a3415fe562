from __future__ import annotations

import os
import subprocess
import sys

import pytest

from nlp_lstm.corpora.checking import check
from nlp_lstm.corpora.problems import Problem
from nlp_lstm.corpora.reading import Record, read_examples, read_records, scan
from nlp_lstm.errors import DataError
from nlp_lstm.records.examples import Example


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """The `datasets` library, offline, with an empty cache of its own."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    # Every read sets these; they are put back when the test ends.
    import huggingface_hub.constants

    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    return datasets


@pytest.fixture
def films(hub, tmp_path):
    """A folder that `datasets` loads as a data set of two splits."""
    label = hub.ClassLabel(names=["bad", "good"])
    features = hub.Features({"text": hub.Value("string"), "label": label, "stars": hub.Value("int64")})
    folder = tmp_path / "films"
    folder.mkdir()
    train = {"text": ["fine\n", "", "dull"], "label": [1, -1, 0], "stars": [5, 3, 1]}
    test = {"text": ["odd"], "label": [0], "stars": [2]}
    for split, columns in {"train": train, "test": test}.items():
        hub.Dataset.from_dict(columns, features=features).to_parquet(str(folder / f"{split}.parquet"))
    return f"hf:{folder}"


def test_class_numbers_become_their_names_and_minus_one_no_label(films):
    assert list(scan(films)) == [
        Example("fine\n", "good", films, 1),
        Example("", None, films, 2),
        Example("dull", "bad", films, 3),
    ]
    assert str(list(scan(films, labelled=True))[1]) == (f"line 2 of {films}: no label; expected one for every text")


def test_a_split_is_chosen_by_name_or_slice(films):
    assert read_examples(f"{films}:test") == [Example("odd", "bad", f"{films}:test", 1)]
    assert [example.text for example in read_examples(f"{films}:train[:1]")] == ["fine\n"]


def test_number_columns_are_labels_too(films):
    assert [example.label for example in read_examples(films, label_column="stars")] == ["5", "3", "1"]


def test_records_keep_every_column(films):
    assert list(read_records(f"{films}:test")) == [Record("odd", {"text": "odd", "label": "bad", "stars": 2})]


def test_a_missing_column_lists_those_there_are(films):
    [problem] = scan(films, text_column="txt")
    assert isinstance(problem, Problem)
    assert str(problem) == (f"{films}: no column 'txt'; the columns are 'text', 'label', 'stars'; did you mean 'text'?")


def test_a_text_column_of_numbers_is_a_problem_in_each_row(films):
    assert [problem.kind for problem in scan(films, text_column="stars")] == ["text"] * 3


def test_an_unknown_split_lists_those_there_are(films):
    with pytest.raises(DataError) as caught:
        read_examples(f"{films}:dev")
    assert str(caught.value) == (
        f"{films}:dev: cannot be loaded: Unknown split \"dev\". Should be one of ['train', 'test']."
    )


def test_data_sets_can_be_checked(films):
    report = check(films, others=[f"{films}:test"])
    assert [(problem.line, problem.kind) for problem in report.errors] == [(2, "label")]
    assert report.labels == {"bad": 1, "good": 1}


@pytest.mark.parametrize("name", ["hf:nobody/nothing", "hf:nobody/nothing:test", "hf:nothing"])
def test_a_data_set_that_is_not_cached_says_how_to_allow_the_network(hub, name):
    with pytest.raises(DataError) as caught:
        read_examples(name)
    assert str(caught.value) == (
        f"{name}: not cached, and the network is off; allow it with --online (online=True in Python)"
    )


def test_a_folder_without_data_is_one_line(hub, tmp_path):
    with pytest.raises(DataError, match="cannot be loaded: ") as caught:
        read_examples(f"hf:{tmp_path / 'nothing'}")
    assert "\n" not in str(caught.value)


def test_the_network_is_off_before_the_library_is_imported(tmp_path):
    code = (
        "import os, sys\n"
        "from nlp_lstm.corpora.reading import read_examples\n"
        "from nlp_lstm.errors import DataError\n"
        "assert 'datasets' not in sys.modules\n"
        "try:\n    read_examples('hf:nobody/nothing')\n"
        "except DataError as error:\n    print(error)\n"
        "import datasets, huggingface_hub\n"
        "print(os.environ['HF_HUB_OFFLINE'], datasets.config.HF_HUB_OFFLINE, huggingface_hub.is_offline_mode())"
    )
    environment = {**os.environ, "HF_HOME": str(tmp_path)}
    environment.pop("HF_HUB_OFFLINE", None)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    message, settings = done.stdout.splitlines()
    assert message.startswith("hf:nobody/nothing: not cached, and the network is off")
    assert settings == "1 True True"
    assert done.stderr == ""


def test_the_network_is_allowed_only_when_asked_for(hub, monkeypatch):
    import huggingface_hub

    seen = []

    def load_dataset(name, split):
        seen.append((name, split, hub.config.HF_HUB_OFFLINE, huggingface_hub.is_offline_mode()))
        raise ConnectionError("no route")

    monkeypatch.setattr(hub, "load_dataset", load_dataset)
    with pytest.raises(DataError) as caught:
        read_examples("hf:a/b:test", online=True)
    assert str(caught.value) == (
        "hf:a/b:test: the Hub cannot be reached; expected a network or a data set that is cached"
    )
    with pytest.raises(DataError):
        read_examples("hf:a/b")
    assert seen == [("a/b", "test", False, False), ("a/b", "train", True, True)]
