"""A model folder becomes a predictor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from nlp_lstm.config import EncoderSettings, Settings, problems_of
from nlp_lstm.errors import ModelError, UsageError, listed
from nlp_lstm.nn.shapes import shapes_only
from nlp_lstm.stages.composed import is_composed
from nlp_lstm.stages.network import choose_device
from nlp_lstm.stages.predictor import Predictor
from nlp_lstm.store import CONFIG, LABELS, VOCABULARY, ModelFolder, load_weights, read_model
from nlp_lstm.tasks import find_task
from nlp_lstm.tasks.numbers import ReadsNumbers
from nlp_lstm.tasks.task import Task, Vocabularies
from nlp_lstm.text.vocabulary import Vocabulary


def load(folder: str | Path, *, device: str | None = None) -> Predictor:
    """Return the model of a folder, ready to predict; nothing is unpickled, fetched or run.

    Args:
        folder: a model folder, as `train` leaves it.
        device: `cpu` (the default), `cuda`, ...

    Raises:
        ModelError: the folder is missing, damaged or incompatible.
        UsageError: there is no such device, or it is the folder of a composed pipeline.
    """
    if is_composed(Path(folder)):
        raise UsageError(f"{folder} is a composed pipeline, not a model: Pipeline.load and nlp-lstm predict run it")
    stored = read_model(Path(folder))
    task, encoder = _parts(stored)
    try:
        with shapes_only():  # no memory yet: only the shapes are compared
            model = task.build(encoder)
    except (RuntimeError, OverflowError) as error:
        reason = str(error).partition("\n")[0]
        raise ModelError(f"{stored.folder / CONFIG}: the network cannot be built ({reason})") from error
    load_weights(model, stored)
    return Predictor(task, model.to(choose_device(device)), dict(stored.config))


def holds(folder: Path, predictor: Predictor) -> bool:
    """Return whether a folder holds a model, setting by setting and weight by weight."""
    try:
        stored = read_model(folder)
    except ModelError:
        return False
    weights = predictor.model.state_dict()
    return (
        stored.config == predictor.description
        and stored.weights.keys() == weights.keys()
        and all(torch.equal(tensor, weights[name].cpu()) for name, tensor in stored.weights.items())
    )


def _parts(stored: ModelFolder) -> tuple[Task, EncoderSettings]:
    """Return task and encoder settings of a folder; every problem names its file."""
    config, place = stored.config, stored.folder / CONFIG
    name = config.get("task")
    try:
        kind = find_task(str(name))
    except UsageError as error:
        raise ModelError(f"{place}: {error}") from error
    sections: dict[str, type[Settings]] = {"head": kind.Settings, "encoder": EncoderSettings}
    problems = [
        problem
        for name, settings in sections.items()
        for problem in (
            problems_of(settings, config[name], section=name)
            if isinstance(config.get(name), dict)
            else [f"{name}: expected an object, found {config.get(name)!r}"]
        )
    ]
    text = not issubclass(kind, ReadsNumbers)
    if text and not isinstance(config.get("tokenizer"), dict):
        problems.append(f"tokenizer: expected an object, found {config.get('tokenizer')!r}")
    if problems:
        raise ModelError(listed(str(place), problems))
    try:
        tokenizer = kind.tokenizer_from_dict(config["tokenizer"]) if text else None
    except (ModelError, UsageError) as error:
        raise ModelError(f"{place}: {error}") from error
    labels, vocabularies = _labels(stored), _vocabularies(stored) if text else {}
    try:
        task = kind.from_labels(labels, kind.Settings(**config["head"]), tokenizer, vocabularies)
    except ModelError as error:
        raise ModelError(f"{stored.folder / LABELS}: {error}") from error
    return task, EncoderSettings(**config["encoder"])


def _labels(stored: ModelFolder) -> Mapping[str, Sequence[str]]:
    for name, those in stored.labels.items():
        if not isinstance(those, list) or not all(isinstance(each, str) for each in those):
            raise ModelError(f"{stored.folder / LABELS}: {name}: expected a list of strings")
    return stored.labels


def _vocabularies(stored: ModelFolder) -> Vocabularies:
    found = {}
    for name, record in stored.vocabularies.items():
        try:
            found[name] = Vocabulary.from_dict(record if isinstance(record, dict) else {})
        except ModelError as error:
            raise ModelError(f"{stored.folder / VOCABULARY}: {name}: {error}") from error
    if not found:
        raise ModelError(f"{stored.folder / VOCABULARY}: holds no vocabulary")
    return found
