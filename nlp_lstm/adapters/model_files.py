"""A model as the content of its files, for what carries models elsewhere: a spaCy pipeline, a pickled estimator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from nlp_lstm.errors import ModelError, UsageError
from nlp_lstm.files import write_whole
from nlp_lstm.stages.loading import load
from nlp_lstm.stages.predictor import Predictor
from nlp_lstm.store import CARD, CONFIG, LABELS, VOCABULARY, WEIGHTS

NAMES = (VOCABULARY, LABELS, CONFIG, WEIGHTS, CARD)


@dataclass(frozen=True)
class ModelFiles:
    """The files of a model folder.

    Attributes:
        contents: what each file holds, by its name.
    """

    contents: Mapping[str, bytes]

    @classmethod
    def read(cls, folder: Path) -> ModelFiles:
        """Return the files of a model folder; what else lies there, such as the log of a run, is left out.

        Raises:
            ModelError: there is no such folder, or it holds no model.
        """
        if not folder.is_dir():
            raise ModelError(f"no model at {folder}: there is no such folder")
        found = {name: path.read_bytes() for name in NAMES if (path := folder / name).is_file()}
        for name in NAMES:
            if name not in found and name != CARD:
                raise ModelError(f"{folder / name}: there is no such file; {folder} is no complete model folder")
        return cls(found)

    def write(self, folder: Path) -> None:
        """Write the files into a folder, in place of a model that is there.

        Raises:
            UsageError: the folder holds something else than a model, or is a file.
        """
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"{folder} is a file: give a folder")
        strangers = sorted({path.name for path in folder.iterdir()} - set(NAMES)) if folder.is_dir() else []
        if strangers:
            raise UsageError(f"{folder} holds {strangers[0]}, which is no part of a model: give another folder")
        for name in NAMES:
            if name in self.contents:
                write_whole(folder / name, partial(Path.write_bytes, data=self.contents[name]))
            else:
                (folder / name).unlink(missing_ok=True)

    def load(self, *, device: str | None = None) -> Predictor:
        """Return the model, ready to predict.

        Raises:
            ModelError: the model is damaged or incompatible.
            UsageError: there is no such device.
        """
        with TemporaryDirectory(prefix="nlp-lstm-") as place:
            folder = Path(place) / "model"
            self.write(folder)
            return load(folder, device=device)


def see_task(predictor: Predictor, task: str, *, wanted_by: str) -> None:
    """See that a model is of the task that is asked of it.

    Raises:
        ModelError: it is of another one.
    """
    found = predictor.description["task"]
    if found != task:
        raise ModelError(f"{wanted_by} needs a model of the task {task!r}, this one is of {found!r}")
