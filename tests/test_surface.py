"""What `import nlp_lstm` offers."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

import nlp_lstm
from nlp_lstm import errors

SOURCE = Path(nlp_lstm.__file__).read_text(encoding="utf-8")


def test_the_names_types_are_checked_by_are_those_found_at_run_time():
    imported = [node for node in ast.walk(ast.parse(SOURCE)) if isinstance(node, ast.ImportFrom)]
    typed = {
        alias.asname: f"{node.module}.{alias.name}" if alias.name == "stages" else node.module
        for node in imported
        for alias in node.names
        if alias.asname
    }
    assert typed == nlp_lstm._EXPORTS


@pytest.mark.parametrize("name", sorted(nlp_lstm._EXPORTS))
def test_every_exported_name_is_there(name):
    assert getattr(nlp_lstm, name) is not None
    assert name in dir(nlp_lstm)


def test_no_exported_name_is_hidden_by_a_module_of_that_name():
    # Importing a submodule sets it as an attribute of the package, over whatever was exported by that name.
    below = {path.stem for path in Path(nlp_lstm.__file__).parent.iterdir()}
    modules = {name for name, module in nlp_lstm._EXPORTS.items() if module == f"nlp_lstm.{name}"}
    assert set(nlp_lstm._EXPORTS) & below == modules


def test_an_exported_name_is_the_object_of_its_module():
    assert nlp_lstm.DataError is errors.DataError
    assert nlp_lstm.stages is importlib.import_module("nlp_lstm.stages")


def test_an_unknown_name_is_refused_as_python_does():
    with pytest.raises(AttributeError, match=r"module 'nlp_lstm' has no attribute 'lod'"):
        nlp_lstm.lod  # noqa: B018


def test_every_kind_of_error_is_exported():
    kinds = {name for name in vars(errors) if name.endswith("Error")}
    assert kinds <= set(nlp_lstm.__all__)


def test_what_forecasting_from_python_takes_is_there():
    series = nlp_lstm.Series.of({"sales": [1, 2, 3]}, times=["2024-01", "2024-02", "2024-03"])
    assert (series.columns, len(series)) == (("sales",), 3)
