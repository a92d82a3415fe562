"""Weights that move: a new network begins with the encoder of a trained model, of whatever task."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from nlp_lstm.config import Recipe
from nlp_lstm.errors import UsageError
from nlp_lstm.store import ModelFolder, read_model
from nlp_lstm.text.vocabulary import Vocabulary

_EMBEDDING = "encoder.embedding.weight"
_LAYERS = "encoder.stack.layers."
_DIRECTIONS = ("forwards", "backwards")
_READERS = (".weight_ih", ".enter.weight")
"""Endings of the weights that read what comes into a layer."""


def take_over(model: nn.Module, vocabulary: Vocabulary | None, folder: Path) -> str:
    """Put what fits of a trained model's encoder into a new network.

    Rows of the embedding are matched by their token; a token that the trained model lacks gets the mean of its rows.
    Layers are matched by place and direction, so that a one-way encoder gives a two-way one its forward half. What the
    first layer reads beside the embedding, as a tagger's does, is each model's own: its weights for that stay new.

    Args:
        model: the network; its encoder is changed.
        vocabulary: numbers the tokens that its encoder reads; None where it reads no text, and only layers fit.
        folder: the trained model's folder.

    Returns:
        What was kept and what stays new, as a line for people.

    Raises:
        ModelError: the folder is missing, damaged or foreign.
        UsageError: nothing fits, or the cells are of another kind.
    """
    stored = read_model(folder)
    _check_cell(model, stored)
    new = model.state_dict()
    with torch.no_grad():
        n_rows = 0 if vocabulary is None else _move_rows(new, vocabulary, stored)
        names = [name for name in new if name.startswith(_LAYERS)]
        wide = _width(model) == _encoder(stored).get("hidden_size")
        both = _embedded(new, stored.weights)
        kept = [name for name in names if wide and _move_weight(name, new[name], stored.weights.get(name), both)]
    if not n_rows and not kept:
        there, here = _sizes(stored.weights, _encoder(stored).get("hidden_size")), _sizes(new, _width(model))
        raise UsageError(f"nothing of the encoder of {folder} fits: {there} there, {here} here")
    rows = f"{n_rows:,} of {len(vocabulary):,} rows of the embedding" if vocabulary and n_rows else ""
    parts = [_places(kept) or "none", _places(sorted({*names} - {*kept}))]
    taken = f"{rows or 'no row of the embedding'}; layers: {parts[0]}"
    return f"taken over from {folder}: {taken}{f'; new: {parts[1]}' if parts[1] else ''}"


def check_source_model(recipe: Recipe) -> None:
    """See that the model a recipe begins with is there and whole, and that its cells are the recipe's.

    Raises:
        ModelError: the folder is missing, damaged or foreign.
        UsageError: the cells are of another kind.
    """
    source = recipe.training.init_from
    if source is not None:
        _check_same_cell(read_model(Path(source)), recipe.encoder.cell)


def _check_cell(model: nn.Module, stored: ModelFolder) -> None:
    _check_same_cell(stored, getattr(model.get_submodule("encoder.stack"), "cell", None))


def _check_same_cell(stored: ModelFolder, here: Any) -> None:
    there = _encoder(stored).get("cell")
    if there != here:
        raise UsageError(f"nothing of {stored.folder} fits: its encoder.cell is {there!r}, here it is {here!r}")


def _encoder(stored: ModelFolder) -> Mapping[str, Any]:
    """Return the settings of a trained model's encoder."""
    described = stored.config.get("encoder")
    return described if isinstance(described, dict) else {}


def _width(model: nn.Module) -> Any:
    """Return the hidden size of a network's encoder."""
    return getattr(model.get_submodule("encoder.stack"), "hidden_size", None)


def _move_rows(new: Mapping[str, Tensor], vocabulary: Vocabulary, stored: ModelFolder) -> int:
    """Copy the rows of the tokens that both know, and the mean of all into the others; return how many were copied."""
    target, source = new[_EMBEDDING], stored.weights.get(_EMBEDDING)
    if source is None or source.shape[1] != target.shape[1]:
        return 0
    known = Vocabulary.from_dict(next(iter(stored.vocabularies.values()), {}))
    first = len(known.specials)
    pairs = [(vocabulary[token], known[token]) for token in vocabulary.tokens[len(vocabulary.specials) :]]
    pairs = [(here, there) for here, there in pairs if there >= first]
    if not pairs:
        return 0
    target[len(vocabulary.specials) :] = source[first:].mean(0)
    target[vocabulary.unknown_id] = source[known.unknown_id]
    here, there = map(list, zip(*pairs, strict=True))
    target[here] = source[there]
    return len(pairs)


def _embedded(*models: Mapping[str, Tensor]) -> int | None:
    """Return how wide the embeddings of models are, the narrowest if they differ; None where one has none."""
    found = [weights.get(_EMBEDDING) for weights in models]
    return min(each.shape[1] for each in found if each is not None) if all(each is not None for each in found) else None


def _move_weight(name: str, target: Tensor, source: Tensor | None, embedded: int | None) -> bool:
    """Copy a weight where it fits; of one that reads, the columns that mean the same in both; return whether it did.

    Args:
        name: its name.
        target: where to.
        source: where from, if it is there.
        embedded: columns of the first layer that read the embedding; None where there is none.
    """
    if source is None or source.shape[0] != target.shape[0] or source.dim() != target.dim():
        return False
    if name.endswith(_READERS):
        first = name.startswith(f"{_LAYERS}0.") and embedded is not None
        columns = embedded if first else min(source.shape[1], target.shape[1])
        target[:, :columns] = source[:, :columns]
        return True
    if source.shape == target.shape:
        target.copy_(source)
    return source.shape == target.shape


def _places(names: list[str]) -> str:
    """Return the layers and directions that some weights belong to, such as `0.forwards, 0.backwards`."""
    places = (name.removeprefix(_LAYERS).split(".")[:2] for name in names)
    return ", ".join(dict.fromkeys(".".join(place if place[1] in _DIRECTIONS else place[:1]) for place in places))


def _sizes(weights: Mapping[str, Tensor], hidden_size: Any) -> str:
    embedding = weights.get(_EMBEDDING)
    sizes = {"embed_size": None if embedding is None else embedding.shape[1], "hidden_size": hidden_size}
    return " and ".join(f"{name} {size}" for name, size in sizes.items() if size is not None) or "no encoder"
