"""One encoder for several models: stages whose models have the same one compute it once for each batch."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from nlp_lstm.nn.stack import Encoded
from nlp_lstm.stages.predictor import Predictor

MOST = 8
"""Batches that are remembered, each of about 32,768 tokens at most: more than a pipeline's chunk of texts makes."""


class RememberedForward:
    """An encoder's `forward` that gives for a batch what it gave for the same one before, until it is told to forget.

    Args:
        forward: the encoder's own.
    """

    def __init__(self, forward: Callable[..., Encoded]) -> None:
        self._forward = forward
        self._known: OrderedDict[tuple[object, ...], Encoded] = OrderedDict()

    def __call__(self, ids: Tensor, mask: Tensor, *rest: Any, extra: Tensor | None = None, **options: Any) -> Encoded:
        """Return what `Encoder.forward` returns; its state, should one be given, is not looked up."""
        if torch.is_grad_enabled() or rest:
            return self._forward(ids, mask, *rest, extra=extra, **options)
        key = (*sorted(options.items()), *map(_content, (ids, mask, extra)))
        if key not in self._known:
            self._known[key] = self._forward(ids, mask, extra=extra, **options)
            if len(self._known) > MOST:
                self._known.popitem(last=False)
        return self._known[key]

    def forget(self) -> None:
        """Let go of all batches."""
        self._known.clear()


def share_encoders(predictors: Iterable[Predictor]) -> list[RememberedForward]:
    """Give models whose encoders are equal, setting by setting and weight by weight, one encoder that remembers.

    The models are changed: of equal encoders only the first stays in memory.

    Returns:
        What is to be told to forget, once for each encoder that several models share.
    """
    groups: list[list[Predictor]] = []
    for predictor in predictors:
        known = next((group for group in groups if _same_encoder(group[0], predictor)), None)
        groups.append([predictor]) if known is None else known.append(predictor)
    shared = []
    for first, *others in groups:
        if others:
            encoder = _encoder(first)
            for other in others:
                other.model.encoder = encoder
            if not isinstance(encoder.forward, RememberedForward):
                encoder.forward = RememberedForward(encoder.forward)
            shared.append(encoder.forward)
    return shared


def _encoder(predictor: Predictor) -> nn.Module:
    return predictor.model.get_submodule("encoder")


def _same_encoder(one: Predictor, other: Predictor) -> bool:
    if one.description.get("encoder") != other.description.get("encoder"):
        return False
    first, second = _encoder(one).state_dict(), _encoder(other).state_dict()
    return first.keys() == second.keys() and all(_same_tensor(first[name], second[name]) for name in first)


def _same_tensor(one: Tensor, other: Tensor) -> bool:
    return one.device == other.device and one.shape == other.shape and torch.equal(one, other)


def _content(tensor: Tensor | None) -> object:
    return None if tensor is None else (tensor.shape, tensor.dtype, tensor.cpu().numpy().tobytes())
