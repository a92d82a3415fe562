"""A stream of inputs, checked and cut into lists that go through a network together."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

FIRST_CHUNK, LAST_CHUNK = 16, 4096
"""Texts taken from a stream at once: few at first, so that the first answer comes soon, then ever more."""
CHUNK_CHARACTERS = 4_000_000
"""Characters taken from a stream at once, unless a single text is longer."""
LONGEST_WAIT = 1.0
"""Seconds that a text may wait for others to go through the network with."""


def check_text(given: Any, number: int) -> None:
    """See that an input is a text; `number` is its place, from 1.

    Raises:
        TypeError: it is none.
    """
    if not isinstance(given, str):
        raise TypeError(f"text {number}: expected a string, found {type(given).__name__}")


def check_text_or_words(given: Any, number: int) -> None:
    """See that an input is a text or a list of words; `number` is its place, from 1.

    Raises:
        TypeError: it is neither.
    """
    if isinstance(given, str):
        return
    if not isinstance(given, list | tuple):
        raise TypeError(f"text {number}: expected a string or a list of words, found {type(given).__name__}")
    for word in given:
        if not isinstance(word, str) or not word:
            raise TypeError(f"text {number}: expected words, found {word!r} among them")


def each_of(inputs: Any, expected: str = "texts") -> Iterator[Any]:
    """Return an iterator over several inputs, which messages call `expected`.

    Raises:
        TypeError: they are a single one, or something else that holds no inputs, such as a table of some by name.
    """
    if not isinstance(inputs, str | bytes | bytearray | Mapping):
        try:
            return iter(inputs)
        except TypeError:
            pass
    raise TypeError(f"expected {expected}, found {type(inputs).__name__}")


def grow_chunks(
    inputs: Iterable[Any],
    *,
    first: int = FIRST_CHUNK,
    last: int = LAST_CHUNK,
    characters: int | None = None,
    check: Callable[[Any, int], None] = check_text,
) -> Iterator[list[Any]]:
    """Yield the inputs in lists that grow from `first` to `last` of them.

    A list ends early when it holds so many characters, or rows of numbers, or when its first input has waited for a
    second, as happens when a person types. When the source raises, what came before is yielded first.

    Args:
        inputs: texts.
        first: how many the first list holds.
        last: how many a list holds at most.
        characters: how many end a list; None takes four million.
        check: sees that an input, whose place from 1 it gets too, is one that can be asked about.

    Raises:
        TypeError: something among the inputs is no text, or what else `check` raises.
    """
    size, source = first, iter(inputs)
    most = CHUNK_CHARACTERS if characters is None else characters
    chunk: list[Any] = []
    number = n_characters = 0
    started = time.monotonic()
    while True:
        try:
            number += 1
            given = _take(source, number)
            check(given, number)
        except StopIteration:
            break
        except Exception:
            if chunk:
                yield chunk
            raise
        chunk.append(given)
        n_characters += sum(map(len, given)) if isinstance(given, list | tuple) else len(given)
        waited = time.monotonic() - started > LONGEST_WAIT
        if len(chunk) == size or n_characters >= most or waited:
            yield chunk
            size, n_characters = min(2 * size, last), 0
            chunk = []
            started = time.monotonic()
    if chunk:
        yield chunk


def _take(source: Iterator[Any], number: int) -> Any:
    """Return the next of a stream; an error of its own gets a note that says at which text."""
    try:
        return next(source)
    except StopIteration:
        raise
    except Exception as error:
        error.add_note(f"when text {number} was asked for")
        raise
