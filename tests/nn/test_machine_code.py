"""Translated functions: the same answers, kept from process to process where there is a place for them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest

from nlp_lstm.nn.machine_code import machine_code

MODULE = """
import sys
from nlp_lstm.nn.machine_code import machine_code

@machine_code()
def triple(number):
    return 3 * number

print(triple(14), sum(triple.stats.cache_hits.values()))
"""


def run_twice(module: Path, **variables: str) -> list[str]:
    """Return what a module prints in each of two processes, one after the other."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **variables}
    command = [sys.executable, "-P", str(module)]
    done = [subprocess.run(command, env=environment, capture_output=True, text=True, check=False) for _ in range(2)]
    assert [each.stderr for each in done] == ["", ""]
    return [each.stdout.strip() for each in done]


def test_the_second_process_finds_the_translation_beside_the_module(tmp_path):
    module = tmp_path / "loops.py"
    module.write_text(MODULE, encoding="utf-8")
    assert run_twice(module) == ["42 0", "42 1"]
    assert list((tmp_path / "__pycache__").glob("loops.triple*"))


def test_where_the_installation_cannot_be_written_to_it_stands_in_the_cache_folder(tmp_path):
    module = tmp_path / "loops.py"
    module.write_text(MODULE, encoding="utf-8")
    (tmp_path / "__pycache__").write_text("a file, so that no folder can be made here", encoding="utf-8")
    home = tmp_path / "home"
    assert run_twice(module, XDG_CACHE_HOME=str(home), HOME=str(home)) == ["42 0", "42 1"]
    assert list(home.rglob("loops.triple*"))


def test_where_nothing_can_be_written_each_process_translates(tmp_path):
    module = tmp_path / "loops.py"
    module.write_text(MODULE, encoding="utf-8")
    for name in ("__pycache__", "home"):
        (tmp_path / name).write_text("a file, so that no folder can be made here", encoding="utf-8")
    home = str(tmp_path / "home")
    assert run_twice(module, XDG_CACHE_HOME=home, HOME=home) == ["42 0", "42 0"]


def test_another_kind_of_error_is_not_taken_for_a_missing_folder(monkeypatch):
    monkeypatch.setattr(numba, "njit", lambda **options: lambda function: {}["no such option"])
    with pytest.raises(KeyError, match="no such option"):
        machine_code()(len)


@pytest.mark.parametrize("reorder", [False, True])
def test_sums_are_right_and_the_same_each_time_whether_reordered_or_not(reorder):
    def total(numbers):
        found = 0.0
        for number in numbers:
            found += number
        return found

    translated = machine_code(reorder=reorder)(total)
    numbers = np.random.default_rng(0).normal(size=1001)
    assert translated(numbers) == pytest.approx(total(numbers), abs=1e-12)
    assert translated(numbers) == translated(numbers.copy())
    assert translated(np.array([1.0, np.inf])) == np.inf
    assert np.isnan(translated(np.array([-np.inf, np.inf])))
