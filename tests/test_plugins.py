"""Tasks and stages of other packages are found by their entry points, and only when they are asked for."""

from __future__ import annotations

import importlib.metadata

import pytest

from nlp_lstm import plugins, stages
from nlp_lstm.errors import UsageError
from nlp_lstm.tasks import find_task
from tests.made_package import install

LOUD = """
class Loud:
    def __call__(self, documents):
        return documents

class Mean:
    Settings = dict
    def from_examples(self): pass
    from_labels = build = answer = from_examples

Tag = Odd = Loud
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Return a function that installs a package with a module and entry points."""
    return lambda name, **parts: install(tmp_path, monkeypatch, name, **parts)


def test_nothing_is_looked_for_while_a_name_is_our_own(monkeypatch):
    def fail(**_):
        raise AssertionError("entry points were looked at")

    monkeypatch.setattr(plugins, "entry_points", fail)
    assert find_task("tag").__name__ == "Tag"
    assert stages.find_stage("Tokenize") is stages.Tokenize
    with pytest.raises(AttributeError):
        _ = stages.__wrapped__


def test_a_task_and_a_stage_of_another_package_are_found(package):
    package("shouting", module=LOUD, tasks={"mean": "Mean"}, stages={"loud": "Loud"})
    import shouting

    assert find_task("mean") is shouting.Mean
    assert stages.find_stage("loud") is stages.loud is shouting.Loud
    assert stages.stage_name(shouting.Loud) == "loud"
    assert stages.stage_name(shouting.Mean) is None


def test_a_name_of_ours_is_never_taken_over(package):
    package("sly", module=LOUD, tasks={"tag": "Tag"}, stages={"tag": "Tag", "Tag": "Tag"})
    assert find_task("tag").__module__ == "nlp_lstm.tasks.tag"
    assert stages.find_stage("tag").__module__ == stages.Tag.__module__ == "nlp_lstm.stages.models"


def test_a_mistyped_name_is_met_with_the_nearest_also_of_other_packages(package):
    package("shouting", module=LOUD, tasks={"whisper": "Loud"}, stages={"shouter": "Loud"})
    with pytest.raises(UsageError, match=r"^no task 'whispr'; did you mean 'whisper'\?$"):
        find_task("whispr")
    with pytest.raises(UsageError, match=r"^no stage 'shuoter'; did you mean 'shouter'\?$"):
        stages.find_stage("shuoter")


def test_what_cannot_be_imported_is_told_with_its_package(package):
    package("broken", module="import nothing_of_this_name\n", tasks={"odd": "Odd"}, stages={"gone": "Gone"})
    message = r"^'odd' of broken cannot be used: ModuleNotFoundError: No module named 'nothing_of_this_name'$"
    with pytest.raises(UsageError, match=message):
        find_task("odd")


def test_two_packages_with_one_name_are_told(package):
    for name in ("first", "second"):
        package(name, module=LOUD, tasks={"odd": "Odd"})
    with pytest.raises(UsageError, match=r"^'odd' comes from several packages: first, second$"):
        find_task("odd")


def test_the_groups_are_those_that_are_written_about():
    assert (plugins.TASKS, plugins.STAGES) == ("nlp_lstm.tasks", "nlp_lstm.stages")
    assert not importlib.metadata.entry_points(group=plugins.TASKS)


@pytest.mark.parametrize(
    ("module", "task", "message"),
    [
        ("def odd(): pass", False, "expected a class, found function"),
        ("odd = 3", True, "expected a class, found int"),
        ("class odd: pass", False, "odd has no __call__"),
        (
            "class odd:\n    Settings = dict\n    def build(self): pass",
            True,
            "odd has no from_examples, from_labels, answer",
        ),
        ("import sys; sys.exit(3)", False, "SystemExit: 3"),
        ("raise MemoryError('small')", True, "MemoryError: small"),
    ],
)
def test_what_is_of_another_kind_is_told_in_a_line(package, module, task, message):
    package("strange", module=module + "\n", **{"tasks" if task else "stages": {"odd": "odd"}})
    with pytest.raises(UsageError) as caught:
        (find_task if task else stages.find_stage)("odd")
    assert str(caught.value) == f"'odd' of strange cannot be used: {message}"
