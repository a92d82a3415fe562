"""What an estimator in the manner of scikit-learn is here: parameters, a run of training, a model that goes along."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from inspect import signature
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, Self

from nlp_lstm.adapters.label_names import LabelNames
from nlp_lstm.adapters.model_files import load_files
from nlp_lstm.errors import Interrupted, UsageError, nearest
from nlp_lstm.stages.predictor import Predictor
from nlp_lstm.stages.recipes import load_recipe
from nlp_lstm.stages.run import train
from nlp_lstm.store import ModelFiles


class Estimator:
    """What both estimators share: parameters, the training of a recipe, and a model that is pickled along.

    Args:
        minutes: the budget as time; with `epochs` and `steps`, at most one of the three.
        epochs: the budget as passes over the training data.
        steps: the budget as steps of the optimizer.
        seed: decides every random choice.
        recipe: a path to a TOML file, or the name of a packaged recipe; its data are not read. None takes the plain
            settings of the task.
        settings: any other setting by its dotted name, such as `{"encoder.hidden_size": 256}`.
        out: the run's folder, in which a stopped `fit` goes on when it is called again; without one, `fit` works in a
            temporary folder.
        fresh: forget what an earlier run left in that folder.
        device: `cpu` (the default), `cuda`, ...

    Attributes:
        classes_: every label in order, after `fit`.
        metrics_: the scores and the number of steps, as in the `metrics.json` of a run.
    """

    _files: ModelFiles | None = None
    _predictor: Predictor | None = None
    _names: LabelNames
    _task: ClassVar[str]
    """The task of its recipes, and the name of the plain one."""
    _estimator_type: ClassVar[str | None] = None
    """By which scikit-learn decides, among others, whether folds are stratified."""

    def __init__(
        self,
        *,
        minutes: float | None = None,
        epochs: float | None = None,
        steps: int | None = None,
        seed: int | None = None,
        recipe: str | None = None,
        settings: Mapping[str, Any] | None = None,
        out: str | Path | None = None,
        fresh: bool = False,
        device: str | None = None,
    ) -> None:
        self.minutes, self.epochs, self.steps = minutes, epochs, steps
        self.seed, self.recipe, self.settings = seed, recipe, settings
        self.out, self.fresh, self.device = out, fresh, device

    @classmethod
    def _parameters(cls) -> list[str]:
        return list(signature(cls).parameters)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return what the constructor was given, by name."""
        return {name: getattr(self, name) for name in self._parameters()}

    def set_params(self, **params: Any) -> Self:
        """Change what the constructor was given; the next `fit` takes it up.

        Raises:
            ValueError: there is no such parameter.
        """
        known = self._parameters()
        for name in params:
            if name not in known:
                raise ValueError(f"no parameter {name!r}{nearest(name, known)}")
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        defaults = signature(type(self)).parameters
        given = {name: value for name, value in self.get_params().items() if value != defaults[name].default}
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in given.items())})"

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_predictor"}

    def __sklearn_is_fitted__(self) -> bool:
        return self._files is not None

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags  # only scikit-learn itself asks

        return Tags(
            estimator_type=self._estimator_type,
            target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags() if self._estimator_type == "classifier" else None,
            input_tags=InputTags(two_d_array=False, string=True),
        )

    @property
    def predictor_(self) -> Predictor:
        """The trained model.

        Raises:
            UsageError: there is none yet.
        """
        if self._predictor is None:
            self._predictor = load_files(self._fitted(), device=self.device)
        return self._predictor

    def save(self, folder: str | Path) -> Path:
        """Write the trained model into a folder, for the command line and `load`; return the folder.

        Labels are strings there.

        Raises:
            UsageError: there is no model yet, or the folder holds something else.
        """
        self._fitted().write(Path(folder))
        return Path(folder)

    def _fitted(self) -> ModelFiles:
        if self._files is None:
            raise UsageError(f"this {type(self).__name__} is not trained yet: call fit first")
        return self._files

    def _train(self, labels: LabelNames, data: Sequence[Any], dev: Sequence[Any] | None) -> None:
        """Train on records of the task, and keep the model."""
        recipe = self.recipe if self.recipe is not None else self._task
        task = load_recipe(recipe).task
        if task != self._task:
            raise UsageError(
                f"recipe {recipe!r} is for the task {task!r}, a {type(self).__name__} needs {self._task!r}"
            )
        with TemporaryDirectory(prefix="nlp-lstm-") as scratch:
            try:
                run = train(
                    recipe,
                    train=data,
                    dev=dev,
                    minutes=self.minutes,
                    epochs=self.epochs,
                    steps=self.steps,
                    seed=self.seed,
                    settings=self.settings,
                    out=self.out if self.out is not None else Path(scratch) / "run",
                    fresh=self.fresh,
                    device=self.device,
                )
            except Interrupted as error:
                if self.out is None:  # there is no run to go on with
                    raise KeyboardInterrupt from error
                raise
            self._files, self._predictor = ModelFiles.read(run.folder), None
        self._names, self.classes_ = labels, labels.classes
        self.metrics_ = dict(run.metrics)
