from __future__ import annotations

import pytest

from nlp_lstm.config import BUDGETS
from nlp_lstm.corpora.audits import AUDITS
from nlp_lstm.counting import counted
from nlp_lstm.tasks import TASKS, find_task

UNITS = {*BUDGETS, *(audit.unit for audit in AUDITS.values()), *(find_task(name).unit for name in TASKS)}


@pytest.mark.parametrize("unit", sorted(UNITS))
def test_every_unit_has_a_singular(unit):
    expected = {
        **{"minutes": "minute", "epochs": "epoch", "steps": "step", "texts": "text", "sentences": "sentence"},
        **{"pairs": "pair", "lines": "line", "rows": "row", "series": "series", "sequences": "sequence"},
        "examples": "example",
    }
    noun, blank, rest = unit.partition(" ")
    assert counted(1, unit) == f"1 {expected[noun]}{blank}{rest}"
    assert [counted(n, unit) for n in (0, 2, 1_000)] == [f"0 {unit}", f"2 {unit}", f"1,000 {unit}"]


def test_half_of_one_and_more_than_one_are_plural():
    assert [counted(n, "minutes") for n in (0.5, 1.0, 1.5)] == ["0.5 minutes", "1.0 minute", "1.5 minutes"]
