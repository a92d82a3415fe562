"""Hidden sizes at which networks of different cells have equally many weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from nlp_lstm.config import EncoderSettings
from nlp_lstm.errors import UsageError, listed
from nlp_lstm.nn.shapes import shapes_only
from nlp_lstm.tasks.task import Task

TOLERANCE = 0.02
"""By how much of the wanted number of weights a network may differ from it."""
LARGEST = 2**16
"""No layer is made wider."""
STRIDE = 64
"""A cell that is not there at a size, say one that is to be divided among heads, is at one of so many after it."""


@dataclass(frozen=True)
class Sized:
    """An encoder, and the number of weights that the whole network around it has."""

    encoder: EncoderSettings
    n_weights: int


def count_weights(task: Task, encoder: EncoderSettings) -> int:
    """Return how many weights a task's network has; none is made.

    Raises:
        UsageError: the task cannot use such an encoder.
    """
    try:
        with shapes_only():
            model = task.build(encoder)
    except (ValueError, RuntimeError, OverflowError) as error:
        reason = str(error).partition("\n")[0]
        raise UsageError(f"the network cannot be built ({reason})") from error
    return sum(weight.numel() for weight in model.parameters())


def match_sizes(task: Task, n_weights: int, encoders: Mapping[str, EncoderSettings]) -> dict[str, Sized]:
    """Return each encoder at the hidden size at which the network has nearest to `n_weights` weights.

    One that has exactly so many as it is stays so.

    Args:
        task: builds the networks.
        n_weights: what each is to have.
        encoders: by a name for messages.

    Raises:
        UsageError: a task cannot use one of them, or one comes no nearer than 2 %; all such are named.
    """
    found, problems = {}, []
    for name, encoder in encoders.items():
        try:
            found[name] = _match(task, n_weights, encoder)
        except UsageError as error:
            problems.append(f"{name}: {error}")
    if problems:
        raise UsageError(listed("the cells cannot be compared", problems))
    return found


def _match(task: Task, n_weights: int, encoder: EncoderSettings) -> Sized:
    def of_size(size: int) -> Sized:
        sized = encoder.model_copy(update={"hidden_size": size})
        return Sized(sized, count_weights(task, sized))

    with suppress(UsageError):  # what is wrong, if it is not the size, is wrong of the others too
        if (own := of_size(encoder.hidden_size)).n_weights == n_weights:
            return own
    nearest = sorted(_around(of_size, n_weights), key=lambda each: abs(each.n_weights - n_weights))
    if abs(nearest[0].n_weights - n_weights) <= TOLERANCE * n_weights:
        return nearest[0]
    sizes = " and ".join(
        f"{each.encoder.hidden_size} with {each.n_weights:,} ({each.n_weights / n_weights - 1:+.1%})"
        for each in sorted(nearest, key=lambda each: each.encoder.hidden_size)
    )
    raise UsageError(
        f"no encoder.hidden_size gives {n_weights:,} weights within {100 * TOLERANCE:.0f} %; the nearest: {sizes}"
    )


def _around(of_size: Callable[[int], Sized], n_weights: int) -> Iterator[Sized]:
    """Yield the largest network of fewer weights and the smallest of as many or more, where there are such.

    A larger size has more weights, so the size from which on there are enough is found by bisection. With a Transformer
    that is so but for the rounding of its widths to heads, by far less than the tolerance.
    """
    short, enough = 0, 1
    while _from(of_size, enough).n_weights < n_weights and enough < LARGEST:
        short, enough = enough, 2 * enough
    while enough - short > 1:
        middle = (short + enough) // 2
        short, enough = (short, middle) if _from(of_size, middle).n_weights >= n_weights else (middle, enough)
    above = _from(of_size, enough)
    yield from _before(of_size, above.encoder.hidden_size)
    yield above


def _from(of_size: Callable[[int], Sized], size: int) -> Sized:
    """Return the network at `size`, or at the first size after it at which there is one."""
    for each in range(size, size + STRIDE - 1):
        try:
            return of_size(each)
        except UsageError:
            continue
    return of_size(size + STRIDE - 1)


def _before(of_size: Callable[[int], Sized], size: int) -> Iterator[Sized]:
    """Yield the network at the last size before `size` at which there is one, if there is."""
    for each in range(size - 1, max(0, size - STRIDE), -1):
        try:
            yield of_size(each)
        except UsageError:
            continue
        return
