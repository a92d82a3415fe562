"""Finding what is wrong with tagged sentences: in themselves, beside each other, and beside other splits."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from sys import intern

from nlp_lstm.corpora.checking import Report, Split, report_on
from nlp_lstm.corpora.problems import Kind, Problem, quoted
from nlp_lstm.errors import nearest
from nlp_lstm.records.examples import TaggedSentence
from nlp_lstm.text.tag_schemes import Scheme, convert, decide_scheme, illegal, normalise, stray_fault, strays_from


def check_sentences(streams: Iterable[tuple[str, Iterable[TaggedSentence | Problem]]]) -> Report:
    """Return the report on the first of some splits, with the problems of all.

    Args:
        streams: the name of each split and what was read from it.
    """
    splits: list[_Split] = []
    for source, items in streams:
        split = _read_split(source, items, splits)
        split.scheme, strays = decide_scheme(split.tags)
        split.problems += _tag_problems(split, strays)
        if splits and splits[0].labels:
            split.problems += _unknown_tags(split, splits[0])
        splits.append(split)
    return report_on(splits, noun="tag")


@dataclass(slots=True)
class _Split(Split):
    """What is kept of a file that has been read.

    Attributes:
        tags: the tags of each sentence.
        lines: the line of each of its words.
        first: the first sentence with the same words, by their digest: its number here and its line.
        scheme: what the tags are written in; None when they are no chunk tags.
    """

    tags: list[tuple[str, ...]] = field(default_factory=list)
    lines: list[Sequence[int]] = field(default_factory=list)
    first: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    scheme: Scheme | None = None


def _read_split(source: str, items: Iterable[TaggedSentence | Problem], earlier: Sequence[_Split]) -> _Split:
    split = _Split(source)
    for item in items:
        if isinstance(item, Problem):
            split.problems.append(item)
            continue
        tags = tuple(map(intern, item.tags or ()))
        split.lengths[len(item.words)] += 1
        split.labels.update(tags)
        for tag, line in zip(tags, item.lines, strict=True):
            split.label_lines.setdefault(tag, line)
        split.tags.append(tags)
        split.lines.append(item.lines)
        split.problems += _repeats(item, split, earlier)
    if not split.lengths and not split.problems:
        split.problems.append(Problem(source, 0, "no-examples", "no sentences; expected at least one"))
    return split


def _repeats(sentence: TaggedSentence, split: _Split, earlier: Sequence[_Split]) -> Iterator[Problem]:
    """Yield where else the words of the sentence read last stand; take it down as read."""
    if not sentence.words:
        yield Problem(split.source, sentence.line, "empty-text", "the sentence has no words")
        return
    words = "\0".join(sentence.words).encode(errors="surrogatepass")
    digest = hashlib.blake2b(words, digest_size=16).digest()
    this = len(split.tags) - 1
    first, line = split.first.setdefault(digest, (this, sentence.line))
    if first != this:
        kind: Kind = "duplicate" if split.tags[first] == split.tags[this] else "two-labels"
        message = f"the same words as line {line}{_difference(sentence, split.tags[first])}"
        yield Problem(split.source, sentence.line, kind, message)
    for other in earlier:
        if digest in other.first:
            first, line = other.first[digest]
            message = f"the same words as line {line} of {other.source}{_difference(sentence, other.tags[first])}"
            yield Problem(split.source, sentence.line, "shared", message)


def _difference(sentence: TaggedSentence, there: Sequence[str]) -> str:
    """Return, for a message, the first tag that is another one there, or nothing."""
    for word, here, other in zip(sentence.words, sentence.tags or (), there, strict=True):
        if here != other:
            return f", but the tag of {quoted(word)} is {quoted(here)} here and {quoted(other)} there"
    return ""


def _tag_problems(split: _Split, strays: frozenset[str]) -> Iterator[Problem]:
    """Yield the tags that may not stand where they do, if the tags are written in a scheme."""
    if split.scheme is None:
        return
    fault = stray_fault(split.scheme)
    for tags, lines in zip(split.tags, split.lines, strict=True):
        found = [place for place, tag in enumerate(tags) if tag in strays] if strays else []
        for place in found:
            yield Problem(split.source, lines[place], "stray-tag", f"the tag {quoted(tags[place])} {fault}")
        for place in [] if found else illegal(tags, split.scheme):
            line = lines[min(place, len(lines) - 1)]
            yield Problem(split.source, line, "tag", _illegal_message(tags, place, split.scheme))


def _illegal_message(tags: Sequence[str], place: int, scheme: Scheme) -> str:
    if place == len(tags):
        return f"a sentence may not end with the tag {quoted(tags[-1])} in {scheme.upper()}"
    where = f"follow {quoted(tags[place - 1])}" if place else "begin a sentence"
    return f"the tag {quoted(tags[place])} may not {where} in {scheme.upper()}"


def _unknown_tags(split: _Split, known: _Split) -> Iterator[Problem]:
    """Yield the words with a tag that never stands in the split `known`, whatever schemes the two are in."""

    @cache
    def message(tag: str) -> str:
        return f"unknown tag {quoted(tag)}{nearest(tag, known.labels)}"

    one_scheme = split.scheme == known.scheme
    allowed = {tag for tags in known.tags for tag in _comparable(tags, known.scheme, one_scheme=one_scheme)}
    for tags, lines in zip(split.tags, split.lines, strict=True):
        compared = _comparable(tags, split.scheme, one_scheme=one_scheme)
        for tag, name, line in zip(tags, compared, lines, strict=True):
            if name not in allowed:
                yield Problem(split.source, line, "unseen-tag", message(tag))


def _comparable(tags: Sequence[str], scheme: Scheme | None, *, one_scheme: bool) -> Sequence[str]:
    """Return the tags of a sentence as they compare with those of another split, in the same scheme or not."""
    if scheme is None or strays_from(tags, scheme):
        return tags
    if one_scheme:
        return normalise(tags) if scheme == "bioes" else tags
    return convert(tags, scheme, "iob2")
