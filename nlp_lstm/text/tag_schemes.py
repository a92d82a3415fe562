"""Chunk tags and the spans they stand for: telling schemes apart, reading, writing, converting, and what is legal.

A chunk tag is `O`, outside every chunk, or a letter, a hyphen and a label. The label begins after the first hyphen
and may hold others. With X as label:

    iob1   I-X in a chunk; B-X only at the start of one that directly follows another of the same label
    iob2   B-X at the start of every chunk, I-X in the rest of it
    bioes  B-X at the start, I-X inside, E-X at the end; S-X is a chunk of one token
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nlp_lstm.errors import DataError

Scheme = Literal["iob1", "iob2", "bioes"]

# BILOU says last and unit, BMEWO says middle and whole.
_ALIASES = {"L": "E", "U": "S", "M": "I", "W": "S"}
# In the IOB schemes: the letter that may stand anywhere. The other one needs a chunk of its label before it.
_FREE = {"iob1": "I", "iob2": "B"}


@dataclass(frozen=True, slots=True)
class Span:
    """A chunk: the tokens `start` to `end`, the latter exclusive, and its label."""

    start: int
    end: int
    label: str


class Allowed(NamedTuple):
    """Which tags may begin a sentence, follow each other and end it.

    Attributes:
        start: True where a sentence may begin with the tag, bool (tags,).
        move: True where the column's tag may follow the row's, bool (tags, tags), from and to.
        end: True where a sentence may end with the tag, bool (tags,).
    """

    start: NDArray[np.bool_]
    move: NDArray[np.bool_]
    end: NDArray[np.bool_]


class _Tag(NamedTuple):
    letter: str
    label: str


_OUTSIDE = _Tag("O", "")  # also what stands before the first token and after the last


def normalise(tags: Iterable[str]) -> list[str]:
    """Return the tags with the letters of BILOU and BMEWO replaced by those of BIOES; others stay as they are.

    >>> normalise(["B-PER", "L-PER", "O", "W-LOC", "NN"])
    ['B-PER', 'E-PER', 'O', 'S-LOC', 'NN']
    """
    return [_ALIASES.get(tag[0], tag[0]) + tag[1:] if tag[1:2] == "-" else tag for tag in tags]


def detect_scheme(sequences: Iterable[Sequence[str]]) -> Scheme | None:
    """Return the scheme that most chunks are written in, so that a few illegal tags change nothing.

    Chunks are found as `spans` finds them, and each has a vote:

    - bioes, if more chunks end in E or S than in another letter; BILOU and BMEWO count as bioes.
    - Otherwise iob1, if more chunks begin with I than with a B that iob1 would not write there, that is one without
      a chunk of the same label directly before it.
    - Otherwise iob2, also where the tags fit several schemes, as when all are O.

    Args:
        sequences: the tags of each sentence.

    Returns:
        The scheme; None when a tag is neither O nor one of the known letters with a label, as parts of speech are,
        and when there are no tags at all.

    >>> detect_scheme([["B-PER", "I-PER", "O"], ["B-LOC"]])
    'iob2'
    >>> detect_scheme([["I-PER", "I-PER", "O"], ["I-LOC", "B-LOC"]])
    'iob1'
    >>> detect_scheme([["DT", "NN"]]) is None
    True
    """
    votes: Counter[str] = Counter()
    for sequence in sequences:
        tags = [_split(tag) for tag in normalise(sequence)]
        known = [tag for tag in tags if tag is not None]
        if len(known) < len(tags):
            return None
        votes["tags"] += len(known)
        _vote(known, votes)
    if not votes["tags"]:
        return None
    if votes["closed"] > votes["open"]:
        return "bioes"
    return "iob1" if votes["begun by I"] > votes["begun by B"] else "iob2"


class Decided(NamedTuple):
    """What tags are written in.

    Attributes:
        scheme: the scheme, or None where each tag stands for itself.
        strays: tags that mark no chunk in it although most do, such as one with a letter of BILOU among those of IOB.
    """

    scheme: Scheme | None
    strays: frozenset[str]


def decide_scheme(sequences: Sequence[Sequence[str]]) -> Decided:
    """Return the scheme of tags even if a few are mistyped: those that mark no chunk, where more than half do.

    >>> decide_scheme([["B-PER", "O", "LOC"], ["B-LOC", "O"]]).strays
    frozenset({'LOC'})
    >>> decide_scheme([["NN", "O"]])
    Decided(scheme=None, strays=frozenset())
    """
    counts = Counter(tag for sequence in sequences for tag in sequence)
    others = strays_from(counts, "bioes")
    is_chunked = not others or ("O" in counts and len(counts) > len(others) + 1)
    if not is_chunked or 0 < counts.total() <= 2 * sum(counts[tag] for tag in others):
        return Decided(None, frozenset())
    return decide_chunk_scheme(sequences)


def decide_chunk_scheme(sequences: Sequence[Sequence[str]]) -> Decided:
    """Return the scheme of tags that should mark chunks, however few of them do; without any that does it is none.

    >>> decide_chunk_scheme([["B-PER", "O", "U-LOC"], ["B-LOC", "I-LOC"], ["NN", "NN"]]).scheme
    'iob2'
    """
    tags = {tag for sequence in sequences for tag in sequence}
    others = strays_from(tags, "bioes")
    kept = ([tag for tag in each if tag not in others] for each in sequences) if others else sequences
    scheme = detect_scheme(kept)
    return Decided(scheme, strays_from(tags, scheme or "bioes"))


def strays_from(tags: Iterable[str], scheme: Scheme) -> frozenset[str]:
    """Return the tags that mark no chunk in a scheme: those that `spans` refuses.

    >>> sorted(strays_from(["O", "B-PER", "U-PER", "NN"], "iob2")), sorted(strays_from(["U-PER", "NN"], "bioes"))
    (['NN', 'U-PER'], ['NN'])
    """
    named = [*dict.fromkeys(tags)]
    return frozenset(tag for tag, read in zip(named, _spelt(named, scheme), strict=True) if _split(read) is None)


def stray_fault(scheme: Scheme) -> str:
    """Return, for a message, what is wrong with a tag that marks no chunk in a scheme.

    >>> stray_fault("iob2")
    'marks no chunk in IOB2; expected O, or B or I, a hyphen and a label'
    """
    letters = "B, I, E or S" if scheme == "bioes" else "B or I"
    return f"marks no chunk in {scheme.upper()}; expected O, or {letters}, a hyphen and a label"


def spans(tags: Sequence[str], scheme: Scheme) -> list[Span]:
    """Return the chunks of one sentence, in order, as the script `conlleval` of the CoNLL shared tasks finds them.

    A chunk begins at B and at S; at I and at E, if O, E, S, another label or nothing stands before them. It ends before
    O, before the next chunk and with the sentence. So illegal tags are read, not refused, and the rules are one for all
    schemes: a letter of another scheme means what it means there.

    Args:
        tags: the tags of one sentence.
        scheme: what they are written in; with bioes the letters of BILOU and BMEWO are read too.

    Raises:
        DataError: a tag is neither O nor one of the letters with a label.

    >>> spans(["B-PER", "I-PER", "O", "I-LOC"], "iob2")
    [Span(start=0, end=2, label='PER'), Span(start=3, end=4, label='LOC')]
    """
    found = []
    start = 0
    for position, (before, tag) in enumerate(pairwise([_OUTSIDE, *_read(tags, scheme), _OUTSIDE])):
        if _ends(before, tag):
            found.append(Span(start, position, before.label))
        if _begins(before, tag):
            start = position
    return found


def tags_of(found: Iterable[Span], n_tokens: int, scheme: Scheme) -> list[str]:
    """Return the tags that say these spans, always legal ones.

    Args:
        found: the chunks of one sentence, in any order.
        n_tokens: the sentence's length in tokens.
        scheme: what to write.

    Raises:
        ValueError: a span is empty or without a label, or reaches into another or out of the sentence.

    >>> tags_of([Span(0, 2, "PER"), Span(3, 4, "LOC")], 5, "bioes")
    ['B-PER', 'E-PER', 'O', 'S-LOC', 'O']
    """
    tags = ["O"] * n_tokens
    before = Span(0, 0, "")
    for span in sorted(found, key=lambda each: each.start):
        if not (before.end <= span.start < span.end <= n_tokens and span.label):
            raise ValueError(
                f"expected labelled spans side by side within {n_tokens} tokens, got {span} after {before}"
            )
        follows = before.end == span.start and before.label == span.label
        letters = _letters(span.end - span.start, scheme, follows=follows)
        tags[span.start : span.end] = [f"{letter}-{span.label}" for letter in letters]
        before = span
    return tags


def convert(tags: Sequence[str], source: Scheme, target: Scheme) -> list[str]:
    """Return the tags that say in `target` what `tags` say in `source`; from a scheme to itself, this repairs.

    Raises:
        DataError: a tag is neither O nor one of the letters with a label.

    >>> convert(["I-PER", "I-PER", "B-PER", "O"], "iob1", "bioes")
    ['B-PER', 'E-PER', 'S-PER', 'O']
    """
    return tags_of(spans(tags, source), len(tags), target)


def illegal(tags: Sequence[str], scheme: Scheme) -> list[int]:
    """Return where one sentence breaks the rules of its scheme, ascending.

    Args:
        tags: the tags of one sentence.
        scheme: what they should be written in; with bioes the letters of BILOU and BMEWO are legal too.

    Returns:
        The positions of the tags that may not follow the one before them, or not begin the sentence; then `len(tags)`,
        if the sentence may not end with its last tag. Without any, the tags are what `tags_of` writes.

    Raises:
        DataError: a tag is neither O nor one of the letters with a label.

    >>> illegal(["I-PER", "O", "B-PER", "I-LOC"], "iob2")
    [0, 3]
    >>> illegal(["O", "B-PER"], "bioes")
    [2]
    """
    steps = pairwise([_OUTSIDE, *_read(tags, scheme), _OUTSIDE])
    return [position for position, (before, tag) in enumerate(steps) if not _may_follow(before, tag, scheme)]


def allowed(tag_names: Sequence[str], scheme: Scheme | None) -> Allowed:
    """Return which tags may begin a sentence, follow each other and end it; everything without a scheme.

    A sequence of these tags is allowed step by step exactly if `illegal` finds nothing in it.

    Args:
        tag_names: the name of each tag, in the order of the result's axes.
        scheme: what the tags are written in; None when they are no chunk tags.

    Raises:
        DataError: there is a scheme, and a tag is neither O nor one of the letters with a label.

    >>> rules = allowed(["O", "B-PER", "I-PER"], "iob2")
    >>> rules.start.tolist()
    [True, True, False]
    >>> rules.move.tolist()
    [[True, True, False], [True, True, True], [True, True, True]]
    """
    n_tags = len(tag_names)
    if scheme is None:
        return Allowed(np.ones(n_tags, dtype=bool), np.ones((n_tags, n_tags), dtype=bool), np.ones(n_tags, dtype=bool))
    tags = [_OUTSIDE, *_read(tag_names, scheme)]
    steps = np.array([[_may_follow(before, tag, scheme) for tag in tags] for before in tags])  # (1 + tags, 1 + tags)
    return Allowed(start=steps[0, 1:], move=steps[1:, 1:], end=steps[1:, 0])


def _split(tag: str) -> _Tag | None:
    """Return letter and label of a tag; None when it is no chunk tag."""
    if tag == "O":
        return _OUTSIDE
    letter, _, label = tag.partition("-")
    return _Tag(letter, label) if letter in {"B", "I", "E", "S"} and label else None


def _spelt(tags: Sequence[str], scheme: Scheme) -> Sequence[str]:
    """Return the tags with the letters of the scheme, where other ones may stand for them."""
    return normalise(tags) if scheme == "bioes" else tags


def _read(tags: Sequence[str], scheme: Scheme) -> list[_Tag]:
    """Return letter and label of every tag."""
    read = []
    for number, tag in enumerate(_spelt(tags, scheme), start=1):
        split = _split(tag)
        if split is None:
            raise DataError(f"tag {number} of {len(tags)}: expected O, or B, I, E or S with a label, got {tag!r}")
        read.append(split)
    return read


def _begins(before: _Tag, tag: _Tag) -> bool:
    """Tell whether a chunk begins at `tag`."""
    return tag.letter in "BS" or (tag.letter in "IE" and (before.letter in "OES" or before.label != tag.label))


def _ends(tag: _Tag, after: _Tag) -> bool:
    """Tell whether a chunk ends with `tag`."""
    return tag.letter != "O" and (after.letter == "O" or _begins(tag, after))


def _vote(tags: Sequence[_Tag], votes: Counter[str]) -> None:
    """Count into `votes` how the chunks of one sentence begin and end."""
    for before, tag in pairwise([_OUTSIDE, *tags, _OUTSIDE]):
        if _ends(before, tag):
            votes["closed" if before.letter in "ES" else "open"] += 1
        if _begins(before, tag) and (tag.letter == "I" or before.label != tag.label):
            votes[f"begun by {tag.letter}"] += 1


def _letters(length: int, scheme: Scheme, *, follows: bool) -> str:
    """Return the letters of a chunk of `length` tokens; `follows`: right behind another of its label."""
    if scheme == "bioes":
        return "S" if length == 1 else "B" + "I" * (length - 2) + "E"
    return ("B" if follows else _FREE[scheme]) + "I" * (length - 1)


def _may_follow(before: _Tag, tag: _Tag, scheme: Scheme) -> bool:
    """Tell whether `tag` may follow `before`; `_OUTSIDE` stands for the sentence's two ends."""
    if scheme == "bioes":
        if before.letter in "BI":
            return tag.letter in "IE" and tag.label == before.label
        return tag.letter in "OBS"
    if tag.letter in {"O", _FREE[scheme]}:
        return True
    return before.letter in "BI" and tag.letter in "BI" and tag.label == before.label
