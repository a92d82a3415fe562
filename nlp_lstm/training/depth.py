"""How deep in the network each weight lies: the deeper, the slower it may learn, and the later it may begin to."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import nn

from nlp_lstm.config import TrainingSettings


@runtime_checkable
class Layered(Protocol):
    """A network, or a part of one, that knows its layers."""

    def weights_by_depth(self) -> list[list[nn.Parameter]]:
        """Return the weights of each layer, from the top down."""
        ...


def weights_by_depth(model: nn.Module) -> list[list[nn.Parameter]]:
    """Return the weights of the head, then those of each layer of the network's `encoder`, from the top down.

    The head is all that is not of the encoder. A softmax that is tied to the embedding goes with the embedding.
    """
    encoder = getattr(model, "encoder", None)
    layers = encoder.weights_by_depth() if isinstance(encoder, Layered) else []
    below = {id(weight) for layer in layers for weight in layer}
    return [[weight for weight in model.parameters() if id(weight) not in below], *layers]


class Thaw:
    """Lets the layers of the encoder begin to learn one after the other, from the top down.

        the layer at depth d of D learns from step s on, where s = ⌈d / D · unfreeze · total_steps⌉

    d: 0 for the head, 1 for the top layer, D for the embedding; steps are counted from 0. A frozen layer is not
    changed by a bit. Source: Howard & Ruder 2018, section 3.3; unlike there, the steps are parts of one budget.

    Args:
        model: the network; its weights are frozen and thawed.
        settings: hold `unfreeze`.
        total_steps: the budget.
    """

    def __init__(self, model: nn.Module, settings: TrainingSettings, total_steps: int) -> None:
        layers = weights_by_depth(model) if settings.unfreeze else []
        # Some weights never learn, such as those of moves between tags that are not to be weighed.
        self._layers = [[weight for weight in layer if weight.requires_grad] for layer in layers]
        self._length = settings.unfreeze * total_steps

    def begin(self, step: int) -> None:
        """Freeze and thaw the layers as they are to be in optimizer step `step`, counted from 0."""
        deepest = len(self._layers) - 1
        for depth, layer in enumerate(self._layers):
            for weight in layer:
                weight.requires_grad_(step * deepest >= depth * self._length)
