"""A trained model in use: texts in, predictions out, one for one and in order."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from nlp_lstm.config import EncoderSettings, problems_of
from nlp_lstm.document import Example, Prediction
from nlp_lstm.errors import ModelError, UsageError, listed, nearest
from nlp_lstm.stages.network import build_network, choose_device
from nlp_lstm.store import CONFIG, VOCABULARY, ModelFolder, load_weights, read_model
from nlp_lstm.tasks import TASKS, find_task
from nlp_lstm.text.tokenizers import Tokenizer, tokenizer_from_dict
from nlp_lstm.text.vocabulary import Vocabulary

FIRST_CHUNK, LAST_CHUNK = 16, 4096
"""Texts taken from a stream at once: few at first, so that the first answer comes soon, then ever more."""
CHUNK_CHARACTERS = 4_000_000
"""Characters taken from a stream at once, unless a single text is longer."""
LONGEST_WAIT = 1.0
"""Seconds that a text may wait for others to go through the network with."""


class Predictor:
    """A model loaded from its folder.

    Args:
        task: the task, with its labels.
        model: the network, with its weights.
        tokenizer: cuts texts as in training.
        vocabulary: gives tokens their ids.
        description: the folder's `config.json`.
    """

    def __init__(
        self,
        task: Any,
        model: nn.Module,
        tokenizer: Tokenizer,
        vocabulary: Vocabulary,
        description: dict[str, Any],
    ) -> None:
        self.task, self.model = task, model.eval()
        self.tokenizer, self.vocabulary = tokenizer, vocabulary
        self.description = description

    @property
    def labels(self) -> tuple[str, ...]:
        """Every label, in class order."""
        return tuple(self.task.labels)

    @overload
    def predict(self, texts: str, *, batch_size: int = 256) -> Prediction: ...  # type: ignore[overload-overlap]
    @overload
    def predict(self, texts: Sequence[str], *, batch_size: int = 256) -> list[Prediction]: ...  # type: ignore[overload-overlap]
    @overload
    def predict(self, texts: Iterable[str], *, batch_size: int = 256) -> Iterator[Prediction]: ...

    def predict(
        self, texts: str | Iterable[str], *, batch_size: int = 256
    ) -> Prediction | list[Prediction] | Iterator[Prediction]:
        """Predict one text, a list of them, or a stream.

        Args:
            texts: a string gives a prediction, a list or tuple a list, any other iterable an iterator.
            batch_size: texts that go through the network together; it does not change what comes out. With 1,
                a stream is answered text by text; otherwise it is read ahead.

        Raises:
            TypeError: `texts` cannot be iterated over, or something among them is no string.
        """
        if isinstance(texts, str):
            return next(self.stream([texts], batch_size=batch_size))
        stream = self.stream(iter(texts), batch_size=batch_size)
        return list(stream) if isinstance(texts, Sequence) else stream

    __call__ = predict

    def stream(self, texts: Iterable[str], *, batch_size: int = 256) -> Iterator[Prediction]:
        """Yield a prediction for each text, in order; memory does not grow with their number.

        A text is read whole, however long: one of 50,000 tokens takes some 200 MB at hidden size 128.

        Raises:
            TypeError: something among the texts is no string; what came before it is yielded first.
            ValueError: `batch_size` is less than 1.
        """
        first, last = (FIRST_CHUNK, LAST_CHUNK) if batch_size > 1 else (1, 1)
        for chunk in grow_chunks(texts, first=first, last=last):
            rows = [self.row(keys) for keys in self.tokenizer.keys(chunk)]
            yield from self.task.predict(self.model, rows, pad_id=self.vocabulary.pad_id, batch_size=batch_size)

    def row(self, keys: Sequence[str]) -> NDArray[np.int32]:
        """Return the token ids of one tokenized text."""
        return np.array(self.vocabulary.ids(keys), dtype=np.int32)

    def evaluate(self, examples: Sequence[Example], *, batch_size: int = 256) -> Any:
        """Return the scores on labelled examples.

        Raises:
            DataError: a label was never seen in training.
        """
        self.task.targets(examples)
        predictions = self.predict([example.text for example in examples], batch_size=batch_size)
        return self.task.report(examples, predictions)


def grow_chunks(texts: Iterable[str], *, first: int = FIRST_CHUNK, last: int = LAST_CHUNK) -> Iterator[list[str]]:
    """Yield the texts in lists that grow from `first` to `last` texts.

    A list ends early when it holds about four million characters, or when its first text has waited for a second,
    as happens when a person types. When the source raises, what came before is yielded first.

    Raises:
        TypeError: something among the texts is no string.
    """
    size, source = first, iter(texts)
    chunk: list[str] = []
    number = n_characters = 0
    started = time.monotonic()
    while True:
        try:
            text = next(source)
            number += 1
            if not isinstance(text, str):
                raise TypeError(f"text {number}: expected a string, found {type(text).__name__}")
        except StopIteration:
            break
        except Exception:
            yield chunk
            raise
        chunk.append(text)
        n_characters += len(text)
        waited = time.monotonic() - started > LONGEST_WAIT
        if len(chunk) == size or n_characters >= CHUNK_CHARACTERS or waited:
            yield chunk
            size, n_characters = min(2 * size, last), 0
            chunk = []
            started = time.monotonic()
    if chunk:
        yield chunk


def load(folder: str | Path, *, device: str | None = None) -> Predictor:
    """Return the model of a folder, ready to predict; nothing is unpickled, fetched or run.

    Args:
        folder: a model folder, as `train` leaves it.
        device: `cpu` (the default), `cuda`, ...

    Raises:
        ModelError: the folder is missing, damaged or incompatible.
        UsageError: there is no such device.
    """
    stored = read_model(Path(folder))
    task, encoder, tokenizer, vocabulary = _parts(stored)
    try:
        with torch.device("meta"):  # no memory yet: only the shapes are compared
            model = build_network(task, encoder, vocabulary)
    except (RuntimeError, OverflowError) as error:
        reason = str(error).partition("\n")[0]
        raise ModelError(f"{stored.folder / CONFIG}: the network cannot be built ({reason})") from error
    load_weights(model, stored)
    return Predictor(task, model.to(choose_device(device)), tokenizer, vocabulary, dict(stored.config))


def _parts(stored: ModelFolder) -> tuple[Any, EncoderSettings, Tokenizer, Vocabulary]:
    """Return task, encoder settings, tokenizer and vocabulary of a folder; every problem names its file."""
    config, place = stored.config, stored.folder / CONFIG
    name = config.get("task")
    if not isinstance(name, str) or name not in TASKS:
        raise ModelError(f"{place}: unknown task {name!r}{nearest(str(name), TASKS)}")
    kind = find_task(name)
    sections = {"head": kind.Settings, "encoder": EncoderSettings}
    problems = [
        problem
        for name, settings in sections.items()
        for problem in (
            problems_of(settings, config[name], section=name)
            if isinstance(config.get(name), dict)
            else [f"{name}: expected an object, found {config.get(name)!r}"]
        )
    ]
    if not isinstance(config.get("tokenizer"), dict):
        problems.append(f"tokenizer: expected an object, found {config.get('tokenizer')!r}")
    if problems:
        raise ModelError(listed(str(place), problems))
    try:
        tokenizer = tokenizer_from_dict(config["tokenizer"])
    except (ModelError, UsageError) as error:
        raise ModelError(f"{place}: {error}") from error
    try:
        vocabulary = Vocabulary.from_list(stored.tokens)
    except ModelError as error:
        raise ModelError(f"{stored.folder / VOCABULARY}: {error}") from error
    return (
        kind(stored.labels, kind.Settings(**config["head"])),
        EncoderSettings(**config["encoder"]),
        tokenizer,
        vocabulary,
    )
