"""What a model folder says of its network, vectors put into it, and where it computes."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import nn

from nlp_lstm.config import Recipe
from nlp_lstm.errors import DataError, UsageError
from nlp_lstm.nn.precision import mixed_precision
from nlp_lstm.tasks.task import Task
from nlp_lstm.text.vectors import read_vectors
from nlp_lstm.text.vocabulary import Vocabulary

REMEMBERED = ("columns", "time_column", "gaps", "source_lang", "target_lang", "source_column", "target_column")
"""Settings of `[data]` by which a model reads later files as it read its training data, unless it is told otherwise."""


def describe_model(recipe: Recipe, tokenizer: Any, task: Task) -> dict[str, Any]:
    """Return what a model folder must say so that `load` can build the network again."""
    return {
        "task": recipe.task,
        "version": version("nlp-lstm"),
        "data": {name: getattr(recipe.data, name) for name in REMEMBERED},
        "tokenizer": None if tokenizer is None else tokenizer.to_dict(),
        "encoder": recipe.encoder.model_dump(),
        "head": task.settings.model_dump(),
        "training": recipe.training.model_dump(exclude={"init_from"}),  # a path says nothing elsewhere
    }


def put_vectors(model: nn.Module, vocabulary: Vocabulary, path: Path, *, lowercase: bool = False) -> int:
    """Copy pretrained vectors into the rows of the words that have one; return how many did.

    Args:
        model: a network with a shared encoder.
        vocabulary: of that.
        path: a file of vectors.
        lowercase: whether words are looked up in lower case.

    Raises:
        DataError: the file is malformed, or its vectors are not as wide as the embedding.
    """
    embedding = model.get_submodule("encoder.embedding")
    assert isinstance(embedding, nn.Embedding)
    vectors = read_vectors(path, wanted=vocabulary, lowercase=lowercase)
    if vectors.size != embedding.embedding_dim:
        raise DataError(
            f"{path}: its vectors have {vectors.size} values; encoder.embed_size is {embedding.embedding_dim}: "
            f"--set encoder.embed_size={vectors.size} takes them"
        )
    rows = torch.tensor([vocabulary[token] for token in vectors.tokens], dtype=torch.int64)
    with torch.no_grad():
        embedding.weight[rows] = torch.from_numpy(vectors.matrix)
    return len(rows)


def check_precision(device: torch.device, precision: str) -> None:
    """See that a device can compute in a precision.

    Raises:
        UsageError: it cannot.
    """
    try:
        mixed_precision(device, precision)
    except ValueError as error:
        raise UsageError(f"training.precision: {error}") from error


def choose_device(name: str | None) -> torch.device:
    """Return the device of a name, the CPU for None.

    Raises:
        UsageError: there is no such device on this machine.
    """
    try:
        device = torch.device(name or "cpu")
    except RuntimeError as error:  # which lists two dozen kinds
        raise UsageError(f"device {name!r} cannot be used here: expected cpu, cuda, cuda:1, ...") from error
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f"device {name!r} cannot be used here: {str(error).partition(chr(10))[0]}") from error
    return device
