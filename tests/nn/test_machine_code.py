"""Loops in machine code give what they give in Python, also where no folder keeps the translation."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import pytest

from nlp_lstm.nn.machine_code import machine_code


def shares(values: np.ndarray, total: float) -> np.ndarray:
    found = np.empty_like(values)
    for place in range(len(values)):
        found[place] = values[place] / total
    return found


@pytest.mark.parametrize("reorder", [False, True])
def test_a_translated_function_gives_what_it_gives_in_python(reorder):
    values = np.linspace(0, 3, 7)
    assert np.array_equal(machine_code(reorder=reorder)(shares)(values, 3.0), shares(values, 3.0))


def test_a_division_by_zero_is_that_of_arrays():
    found = machine_code()(shares)(np.array([1.0, -1.0, 0.0]), 0.0)
    assert found[:2].tolist() == [np.inf, -np.inf] and np.isnan(found[2])


def test_where_nothing_can_be_kept_a_function_is_translated_all_the_same(monkeypatch):
    kept, translate = [], numba.njit

    def without_a_folder(**options: Any) -> Any:
        kept.append(options.get("cache", False))
        if kept[-1]:
            raise RuntimeError("cannot cache function: no locator available")
        return translate(**options)

    monkeypatch.setattr(numba, "njit", without_a_folder)
    assert machine_code()(shares)(np.array([1.0, 3.0]), 4.0).tolist() == [0.25, 0.75]
    assert kept == [True, False]
