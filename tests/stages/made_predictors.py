"""Predictors of fresh networks to look into, one for each case of a task with a text, and a text for each."""

from __future__ import annotations

import pytest
import torch

from nlp_lstm.stages.predictor import Predictor
from tests.tasks.made_texts import TEXTS
from tests.tasks.test_tasks import CASES, INSPECTED

LSTM = ["input_gate", "forget_gate", "output_gate", "candidate", "cell", "hidden"]
PARTS = {
    "lstm": LSTM,
    "gru": ["reset_gate", "update_gate", "new", "hidden"],
    "rnn": ["hidden"],
    "peephole_lstm": LSTM,
    "layernorm_lstm": LSTM,
    "minlstm": ["forget_gate", "input_gate", "candidate", "hidden"],
    "transformer": ["attended", "fed", "hidden"],
}
"""What is seen inside each kind of cell."""

of_every_case = pytest.mark.parametrize("name", INSPECTED)
"""Runs a test for each case, by `name`."""

with_its_text = pytest.mark.parametrize(
    ("name", "text"), [(name, TEXTS[CASES[name].kind]) for name in INSPECTED], ids=INSPECTED
)
"""The same, with the `text` of each."""


def predictor_of(name: str, *, cell: str = "lstm", **encoder: object) -> Predictor:
    """Return a predictor of a case, with another encoder if told so."""
    case = CASES[name]
    torch.manual_seed(1)
    network = case.task.build(case.encoder.model_copy(update={"cell": cell, **encoder}))
    return Predictor(case.task, network, {"task": case.kind, "training": {"clip_norm": 0.5}})
