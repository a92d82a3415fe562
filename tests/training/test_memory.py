"""The most memory a process has had is its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

from nlp_lstm.training.memory import peak_memory

MEGABYTE = 2**20


def test_memory_that_was_taken_and_given_back_counts():
    if peak_memory() is None:
        pytest.skip("this system does not tell")
    code = "from nlp_lstm.training.memory import peak_memory\n{}print(peak_memory())"
    takes = "block = bytearray(200 * 2**20)\ndel block\n"
    small, large = (
        int(
            subprocess.run([sys.executable, "-c", code.format(line)], capture_output=True, text=True, check=True).stdout
        )
        for line in ("", takes)
    )
    assert 5 * MEGABYTE < small < 200 * MEGABYTE
    assert 195 * MEGABYTE < large - small < 205 * MEGABYTE


def test_the_peak_of_a_process_is_not_that_of_the_one_that_started_it():
    if not sys.platform.startswith("linux"):
        pytest.skip("only Linux is known to keep them apart")
    block = bytearray(300 * MEGABYTE)  # in this process
    code = "from nlp_lstm.training.memory import peak_memory\nprint(peak_memory())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < len(block)
