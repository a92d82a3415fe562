"""Stages that make up pipelines, and the one table of them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from nlp_lstm import plugins
from nlp_lstm.errors import UsageError

TRAINING_STAGES = {
    "Read": "nlp_lstm.stages.training",
    "Split": "nlp_lstm.stages.training",
    "TokenizeData": "nlp_lstm.stages.training",
    "BuildVocabulary": "nlp_lstm.stages.training",
    "Batch": "nlp_lstm.stages.training",
    "Fit": "nlp_lstm.stages.fitting",
    "Evaluate": "nlp_lstm.stages.training",
    "Save": "nlp_lstm.stages.saving",
}
"""The stages of training, in their order: from a `TrainingRecord` to a fuller one."""

RUNNING_STAGES = {
    "Normalize": "nlp_lstm.stages.texts",
    "Sentences": "nlp_lstm.stages.texts",
    "Tokenize": "nlp_lstm.stages.texts",
    "Tag": "nlp_lstm.stages.models",
    "Classify": "nlp_lstm.stages.models",
    "Translate": "nlp_lstm.stages.models",
    "Generate": "nlp_lstm.stages.models",
    "Map": "nlp_lstm.stages.texts",
}
"""The stages of running: from some `Document`s to as many fuller ones. A composed pipeline's file calls them by these
names in small letters. Another package adds one by an entry point of the group `nlp_lstm.stages`."""

STAGES = {**TRAINING_STAGES, **RUNNING_STAGES}
"""Every stage of ours by name: the module it stands in, imported on first use."""

__all__ = [*STAGES]


def find_stage(name: str) -> type[Any]:
    """Return the class of a running stage, by the name it has in a composed pipeline's file.

    Raises:
        UsageError: there is no such stage, or another package's cannot be imported.
    """
    own = {stage.lower(): stage for stage in RUNNING_STAGES}
    if name.lower() in own:
        stage = own[name.lower()]
        found: type[Any] = getattr(import_module(STAGES[stage]), stage)
        return found
    outside: type[Any] | None = plugins.find_outside(plugins.STAGES, name)
    if outside is None:
        raise UsageError(f"no stage {name!r}{plugins.nearest_of(plugins.STAGES, name, list(own))}")
    return outside


def stage_name(kind: type) -> str | None:
    """Return the name by which `find_stage` finds a class, or None if it does not."""
    if STAGES.get(kind.__name__) == kind.__module__:
        return kind.__name__.lower() if kind.__name__ in RUNNING_STAGES else None
    return plugins.name_outside(plugins.STAGES, kind)


def is_training(kind: type) -> bool | None:
    """Return whether a class is a stage of training (True) or of running (False); None of one that is not ours."""
    for ours in kind.__mro__:
        if STAGES.get(ours.__name__) == ours.__module__:
            return ours.__name__ in TRAINING_STAGES
    return None


def __getattr__(name: str) -> Any:
    if name in STAGES:
        return getattr(import_module(STAGES[name]), name)
    outside = None if name.startswith("_") else plugins.find_outside(plugins.STAGES, name)
    if outside is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return outside
