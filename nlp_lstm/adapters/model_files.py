"""A model that is carried as the content of its files: by a spaCy pipeline, by a pickled estimator."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from nlp_lstm.errors import ModelError
from nlp_lstm.stages.loading import load
from nlp_lstm.stages.predictor import Predictor
from nlp_lstm.store import ModelFiles


def load_files(files: ModelFiles, *, device: str | None = None) -> Predictor:
    """Return a model of its files, ready to predict.

    Raises:
        ModelError: the model is damaged or incompatible.
        UsageError: there is no such device.
    """
    with TemporaryDirectory(prefix="nlp-lstm-") as place:
        folder = Path(place) / "model"
        files.write(folder)
        return load(folder, device=device)


def see_task(predictor: Predictor, task: str, *, wanted_by: str) -> None:
    """See that a model is of the task that is asked of it.

    Raises:
        ModelError: it is of another one.
    """
    found = predictor.description["task"]
    if found != task:
        raise ModelError(f"{wanted_by} needs a model of the task {task!r}, this one is of {found!r}")
