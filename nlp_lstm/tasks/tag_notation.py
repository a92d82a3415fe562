"""How tags are written: by the person in a scheme, by the network as numbers of tags of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nlp_lstm.batching.spelled import Edges
from nlp_lstm.errors import DataError
from nlp_lstm.records.examples import TaggedSentence
from nlp_lstm.text.tag_schemes import (
    Allowed,
    Scheme,
    allowed,
    convert,
    decide_chunk_scheme,
    decide_scheme,
    spans,
    stray_fault,
    strays_from,
)


class Unseen(NamedTuple):
    """A tag that training never saw, as its file has it, and where it stands first."""

    tag: str
    where: str


class TagNotation:
    """The tags a network tells apart: what a person's are among them, and what they are in the person's scheme.

    The network's tags of chunks are always those of BIOES: there a chunk's own tags say where it ends, so that their
    probability is the chunk's.

    Args:
        tags: every tag, in the network's order.
        scheme: what the person's tags are written in; None where each tag stands for itself.
    """

    def __init__(self, tags: Sequence[str], scheme: Scheme | None) -> None:
        self.tags, self.scheme = tuple(tags), scheme
        self._numbers = {tag: number for number, tag in enumerate(self.tags)}
        self._shown = [_in_iob2(tag) if scheme == "iob2" else tag for tag in self.tags]
        chunks = scheme is not None
        self._opens = np.array([chunks and tag[:1] in ("B", "S") for tag in self.tags], dtype=bool)
        self._closes = np.array([chunks and tag[:1] in ("E", "S") for tag in self.tags], dtype=bool)

    def gold(self, examples: Sequence[TaggedSentence]) -> list[Sequence[str]]:
        """Return the tags of sentences as the network writes them, in whatever scheme theirs are.

        Raises:
            DataError: one marks no chunk, though the network's do.
        """
        sequences = [example.tags or () for example in examples]
        if self.scheme is None:
            return list(sequences)
        decided = decide_chunk_scheme(sequences)
        scheme = decided.scheme or self.scheme
        _refuse_strays(examples, decided.strays, stray_fault(scheme))
        return [convert(tags, scheme, "bioes") for tags in sequences]

    def unseen(self, examples: Sequence[TaggedSentence]) -> list[Unseen]:
        """Return the tags of sentences that the network has none for, in the order in which they first stand there.

        Raises:
            DataError: one marks no chunk, though the network's do.
        """
        found: dict[str, Unseen] = {}
        for example, gold in zip(examples, self.gold(examples), strict=True):
            for place, (tag, name) in enumerate(zip(example.tags or (), gold, strict=True)):
                if name not in self._numbers and tag not in found:
                    found[tag] = Unseen(tag, example.where(place))
        return list(found.values())

    def numbered(self, tags: Sequence[str]) -> NDArray[np.int32]:
        """Return the numbers of tags of the network, int32 (tags,)."""
        return np.array([self._numbers[tag] for tag in tags], dtype=np.int32)

    def named(self, path: NDArray[np.int64]) -> tuple[str, ...]:
        """Return the tags of the network that have these numbers."""
        return tuple(self.tags[number] for number in path.tolist())

    def written(self, path: NDArray[np.int64]) -> tuple[str, ...]:
        """Return the tags that have these numbers, in the person's scheme."""
        if self.scheme == "iob1":  # the only one in which a tag hangs on its neighbours
            return tuple(convert(self.named(path), "bioes", "iob1"))
        return tuple([self._shown[number] for number in path.tolist()])

    def chunks(self, path: NDArray[np.int64]) -> list[tuple[int, int]]:
        """Return the first and the last place of each chunk of a legal sequence of tag numbers."""
        firsts, lasts = np.flatnonzero(self._opens[path]).tolist(), np.flatnonzero(self._closes[path]).tolist()
        return list(zip(firsts, lasts, strict=True))  # no path leaves a chunk open

    def legal(self) -> Allowed:
        """Return which tags of the network may begin a sentence, follow each other and end it."""
        return allowed(self.tags, "bioes" if self.scheme else None)

    def edges(self) -> Edges | None:
        """Return the tags that make a whole chunk of what a window keeps of one; None if tags mark none."""
        if self.scheme is None:
            return None
        return Edges(first=self._relettered({"I": "B", "E": "S"}), last=self._relettered({"I": "E", "B": "S"}))

    def _relettered(self, letters: Mapping[str, str]) -> NDArray[np.int32]:
        """Return what each tag becomes where letters are replaced by others, int32 (tags,)."""
        return self.numbered([letters.get(tag[0], tag[0]) + tag[1:] for tag in self.tags])


def scheme_of(examples: Sequence[TaggedSentence]) -> Scheme | None:
    """Return what the tags of training sentences are written in; None where they mark no chunks.

    Raises:
        DataError: one marks no chunk though most do.
    """
    decided = decide_scheme([example.tags or () for example in examples])
    if decided.scheme is not None:
        _refuse_strays(examples, decided.strays, stray_fault(decided.scheme))
    return decided.scheme


def check_scheme(examples: Sequence[TaggedSentence], scheme: Scheme) -> None:
    """See that the tags of training sentences can be read in the scheme that the settings name.

    Raises:
        DataError: one marks no chunk in it.
    """
    strays = strays_from((tag for example in examples for tag in example.tags or ()), scheme)
    _refuse_strays(examples, strays, f"{stray_fault(scheme)}, as head.scheme is {scheme!r}")


def network_tags(examples: Sequence[TaggedSentence], scheme: Scheme | None) -> list[str]:
    """Return the tags the network tells apart: as they are or, of chunks, all that BIOES has for their labels.

    Raises:
        DataError: the sentences have fewer than two tags.
    """
    sequences = [example.tags or () for example in examples]
    distinct = {tag for sequence in sequences for tag in sequence}
    if len(distinct) < 2:
        raise DataError(f"{examples[0].source}: expected at least two different tags, found {len(distinct)}")
    if scheme is None:
        return sorted(distinct)
    labels = sorted({span.label for sequence in sequences for span in spans(sequence, scheme)})
    return ["O", *(f"{letter}-{label}" for label in labels for letter in "BIES")]


def _refuse_strays(examples: Sequence[TaggedSentence], strays: AbstractSet[str], fault: str) -> None:
    """See that no sentence has one of some tags, which mark no chunk; `fault` is what messages say of them.

    Raises:
        DataError: one has; the message names the line and the tag.
    """
    if not strays:
        return
    sentence = next(example for example in examples if not strays.isdisjoint(example.tags or ()))
    place, tag = next((place, tag) for place, tag in enumerate(sentence.tags or ()) if tag in strays)
    raise DataError(
        f"{sentence.where(place)}: the tag {tag!r} of {sentence.words[place]!r} {fault} "
        "(head.scheme=none takes every tag as it is)"
    )


def _in_iob2(tag: str) -> str:
    """Return a tag of BIOES as IOB2 has it.

    >>> [_in_iob2(tag) for tag in ("O", "B-X", "S-X", "E-X")]
    ['O', 'B-X', 'B-X', 'I-X']
    """
    return {"S": "B", "E": "I"}.get(tag[0], tag[0]) + tag[1:]
