"""Finding what is wrong with sentence pairs: by themselves, beside each other, and beside other splits."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from nlp_lstm.corpora.checking import WARNINGS, Report, Split, report_on
from nlp_lstm.corpora.problems import Problem
from nlp_lstm.records.examples import SentencePair


def check_streams(streams: Iterable[tuple[str, Iterable[SentencePair | Problem]]]) -> Report:
    """Return the report on the first of some splits, with the problems of all.

    Args:
        streams: the name of each split and what was read from it.
    """
    splits: list[_Split] = []
    for source, items in streams:
        splits.append(_read_split(source, items, splits))
    return report_on(splits)


@dataclass(slots=True)
class _Split(Split):
    """What is kept of a source that has been read.

    Attributes:
        pairs: the first line of each pair, by its digest.
        sentences: the first line of each sentence to translate, by its digest.
        n_retranslated: how many pairs give a sentence that stands earlier another translation.
    """

    pairs: dict[bytes, int] = field(default_factory=dict)
    sentences: dict[bytes, int] = field(default_factory=dict)
    n_retranslated: int = 0


def _read_split(source: str, items: Iterable[SentencePair | Problem], earlier: Sequence[_Split]) -> _Split:
    split = _Split(source)
    for item in items:
        if isinstance(item, Problem):
            split.problems.append(item)
            continue
        split.lengths[len(item.source_text.split())] += 1
        split.problems += _repeats(item, split, earlier)
    if not split.lengths and all(found.kind in WARNINGS for found in split.problems):
        message = "no sentence pairs to train on; expected at least one"
        split.problems.append(Problem(source, 0, "no-examples", message))
    if split.n_retranslated:
        message = f"pairs whose source sentence stands earlier with another target: {split.n_retranslated:,}"
        split.problems.append(Problem(source, 0, "two-labels", message))
    return split


def _repeats(pair: SentencePair, split: _Split, earlier: Sequence[_Split]) -> Iterator[Problem]:
    """Yield where else a pair stands, or its source sentence in another split; take it down as read."""
    sentence, both = _digest(pair.source_text), _digest(pair.source_text, pair.target_text)
    line = split.pairs.setdefault(both, pair.line)
    if line != pair.line:
        yield Problem(split.source, pair.line, "duplicate", f"the same pair as line {line}")
    elif split.sentences.setdefault(sentence, pair.line) != pair.line:
        split.n_retranslated += 1
    for other in earlier:
        if both in other.pairs:
            message = f"the same pair as line {other.pairs[both]} of {other.source}"
            yield Problem(split.source, pair.line, "shared", message)
        elif sentence in other.sentences:
            where = f"line {other.sentences[sentence]} of {other.source}"
            message = f"the same source sentence as {where}, with another target"
            yield Problem(split.source, pair.line, "shared", message)


def _digest(*texts: str) -> bytes:
    joined = "\0".join(text.strip() for text in texts)
    return hashlib.blake2b(joined.encode(errors="surrogatepass"), digest_size=16).digest()
