"""Translated functions: the same answers, kept from process to process where there is a place for them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import numba
import numpy as np
import pytest

from nlp_lstm.nn import machine_code as module
from nlp_lstm.nn.machine_code import Notice, machine_code

LINE = "translating loops to machine code for this machine, which takes some seconds"
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


class Waiting:
    """A timer that waits until a test lets it come."""

    made: ClassVar[list[Waiting]] = []

    def __init__(self, seconds, come):
        self.seconds, self.come, self.state = seconds, come, "made"
        self.made.append(self)

    def start(self):
        self.state = "started"

    def cancel(self):
        self.state = "cancelled"


def test_that_it_takes_a_second_together_is_logged_once(caplog, monkeypatch):
    caplog.set_level("INFO", "nlp_lstm")
    clock = [5.0]
    monkeypatch.setattr(module, "Timer", Waiting)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    notice = Notice()
    for left in (1.0, 0.6, 0.2):
        notice.on_start(None)
        notice.on_start(None)  # of a function that the first one calls
        notice.on_end(None)
        assert (Waiting.made[-1].seconds, Waiting.made[-1].state) == (pytest.approx(left), "started")
        clock[0] += 0.4
        if left > 0.4:
            notice.on_end(None)
            assert Waiting.made[-1].state == "cancelled" and caplog.messages == []
        clock[0] += 100  # what passes in between is not waited for
    Waiting.made[-1].come()
    assert caplog.messages == [LINE]
    notice.on_end(None)
    notice.on_start(None)
    assert len(Waiting.made) == 3


def test_a_real_translation_is_told_of_and_one_that_is_found_is_not(tmp_path):
    module = tmp_path / "loops.py"
    beginning = "import logging\nfrom nlp_lstm.nn import machine_code as code\ncode.PATIENCE = 0.0\n"
    logs = 'logging.basicConfig(level="INFO", format="%(message)s")\n'
    module.write_text(beginning + logs + MODULE, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = [
        subprocess.run([sys.executable, "-P", str(module)], env=environment, capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    assert [each.stderr for each in done] == [f"{LINE}\n", ""]
