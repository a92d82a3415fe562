"""Stages that make up pipelines, and the one table of them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

STAGES = {
    "Read": "nlp_lstm.stages.training",
    "Split": "nlp_lstm.stages.training",
    "TokenizeData": "nlp_lstm.stages.training",
    "BuildVocabulary": "nlp_lstm.stages.training",
    "Batch": "nlp_lstm.stages.training",
    "Fit": "nlp_lstm.stages.fitting",
    "Evaluate": "nlp_lstm.stages.training",
    "Save": "nlp_lstm.stages.saving",
}
"""Every stage by name: the module it stands in, imported on first use."""

__all__ = [*STAGES]


def __getattr__(name: str) -> Any:
    if name not in STAGES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(STAGES[name]), name)
