"""JSON lines of texts with labelled spans, or of words with tags, as tagged sentences."""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from nlp_lstm.corpora.jsonl import read_object
from nlp_lstm.corpora.problems import Kind, Problem, no_column, quoted
from nlp_lstm.corpora.rows import Line, Wanted, json_kind, label_text
from nlp_lstm.corpora.tagged_rows import TagsWanted, tag_fault, with_text
from nlp_lstm.records.examples import TaggedSentence
from nlp_lstm.text.tag_schemes import Span, tags_of
from nlp_lstm.text.tokenizers import Tokenizer

_TEXT = "text"
_SPANS = ("entities", "spans", "labels", "label")
_WORDS = ("words", "tokens")
_TAGS = ("tags", "ner_tags")
_STARTS = ("start", "start_offset")
_ENDS = ("end", "end_offset")
_LABELS = ("label", "entity_group", "type")
_SPAN_SHAPE = '{"start": 0, "end": 3, "label": "PER"} or [0, 3, "PER"]'


def read_span_lines(
    lines: Iterable[Line], source: str, tokenizer: Tokenizer, *, tagged: bool = True
) -> Iterator[TaggedSentence | Problem]:
    """Yield a sentence for each line of JSON, or the problems of the line.

    A line is one of these; its other keys are not looked at:

        {"text": "Ada in Paris", "entities": [{"start": 0, "end": 3, "label": "PER"}, [7, 12, "LOC"]]}
        {"words": ["Ada", "in", "Paris"], "tags": ["B-PER", "O", "B-LOC"]}

    Spans may also stand under `spans`, `labels` or `label`, their labels under `entity_group` or `type`, their
    offsets under `start_offset` and `end_offset`; `null` in place of the spans says that there are none. Words may
    stand under `tokens`, tags under `ner_tags`. Offsets count characters (code points). A text is cut into words by
    the tokenizer and tagged in IOB2. A span must begin and end where words do, but may have around it what the
    tokenizer leaves out, such as blanks.

    Args:
        lines: the lines of the file.
        source: the file's name in messages.
        tokenizer: what cuts texts into words.
        tagged: whether tags are read, and a line without spans or tags is a problem.
    """
    return span_sentences(lines, TagsWanted(source, tagged, tokenizer=tokenizer))


def span_sentences(lines: Iterable[Line], wanted: TagsWanted) -> Iterator[TaggedSentence | Problem]:
    """Yield what `read_span_lines` does."""
    for line in lines:
        fields = line.problem or read_object(line, Wanted(wanted.source))
        if isinstance(fields, Problem):
            yield fields
            continue
        try:
            sentence = _sentence(fields, wanted)
        except _RefusedError as refused:
            yield from (wanted.problem(line.number, refused.kind, message) for message in refused.messages)
        else:
            places = (line.number,) * len(sentence.words)
            yield replace(sentence, source=wanted.source, line=line.number, lines=places)


def words_in(
    line: Line, fields: Mapping[str, object], wanted: TagsWanted, *, text_key: str
) -> TaggedSentence | Problem | None:
    """Return the words that a line of JSON gives to be tagged; None where it has a text to cut instead.

    A line with both is read as training reads it: its words count if they have tags.

    Args:
        line: the line of the file.
        fields: the object that stands in it.
        wanted: what the caller wants; its tags are not read.
        text_key: the key of the texts.
    """
    words, tags = (_first_of(keys, fields) for keys in (_WORDS, _TAGS))
    in_words = _is_strings(fields.get(words)) and _is_strings(fields.get(tags))
    if words not in fields or (text_key in fields and not in_words):
        return None
    try:
        return replace(_from_words(fields, words, None), source=wanted.source, line=line.number)
    except _RefusedError as refused:
        return wanted.problem(line.number, refused.kind, refused.messages[0])


class _RefusedError(Exception):
    """Why a line cannot be used: the kind of problem, and a message for each there is."""

    def __init__(self, kind: Kind, *messages: str) -> None:
        super().__init__(kind, *messages)
        self.kind: Kind = kind
        self.messages = messages


class _Marked(NamedTuple):
    """A labelled span of a text, in characters."""

    start: int
    end: int
    label: str


class _Words(NamedTuple):
    """The words of a text and where they begin and end in it."""

    texts: Sequence[str]
    starts: Sequence[int]
    ends: Sequence[int]


def _sentence(fields: Mapping[str, object], wanted: TagsWanted) -> TaggedSentence:
    """Return the sentence of one JSON object: from words with tags if it has them, else from a text with spans."""
    words, tags, spans = (_first_of(keys, fields) for keys in (_WORDS, _TAGS, _SPANS))
    in_words = _is_strings(fields.get(words)) and (not wanted.tagged or _is_strings(fields.get(tags)))
    in_text = _TEXT in fields and (not wanted.tagged or spans in fields)
    if in_words or (words in fields and not in_text):
        return _from_words(fields, words, tags if wanted.tagged else None)
    return _from_text(fields, spans if wanted.tagged else None, wanted.tokenizer)


def _first_of(keys: Sequence[str], fields: Mapping[str, object]) -> str:
    """Return the first of `keys` that is there, if may be with something in it, or the usual one."""
    there = [key for key in keys if key in fields] or keys
    return next((key for key in there if fields.get(key) is not None), there[0])


def _is_strings(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _from_words(fields: Mapping[str, object], words_key: str, tags_key: str | None) -> TaggedSentence:
    words = _strings(fields, words_key, "word", "text")
    if "" in words:
        raise _RefusedError("text", f"word {words.index('') + 1} is empty; expected a string with something in it")
    tags = None
    if tags_key is not None:
        tags = [tag.strip() for tag in _strings(fields, tags_key, "tag", "label")]
        fault = next(filter(None, map(tag_fault, tags)), None)
        if fault:
            raise _RefusedError("label", fault)
        if len(tags) != len(words):
            raise _RefusedError("columns", f"words: {len(words)}, tags: {len(tags)}; expected a tag for each word")
    text = fields.get(_TEXT)
    return with_text(TaggedSentence.of_words(words, tags), text if isinstance(text, str) else None)


def _strings(fields: Mapping[str, object], key: str, name: str, kind: Kind) -> list[str]:
    """Return the list of strings under `key`; a fault in it is of `kind`."""
    values = _list(fields, key, kind)
    for place, value in enumerate(values, 1):
        if not isinstance(value, str):
            raise _RefusedError(kind, f"{name} {place} is {json_kind(value)}; expected a string")
    return values


def _list(fields: Mapping[str, object], key: str, kind: Kind) -> list[Any]:
    if key not in fields:
        raise _RefusedError("missing-column", no_column(key, fields))
    values = fields[key]
    if not isinstance(values, list):
        raise _RefusedError(kind, f"{key!r} is {json_kind(values)}; expected a list")
    return values


def _from_text(fields: Mapping[str, object], spans_key: str | None, tokenizer: Tokenizer) -> TaggedSentence:
    if _TEXT not in fields:
        raise _RefusedError("missing-column", no_column(_TEXT, fields))
    text = fields[_TEXT]
    if not isinstance(text, str):
        raise _RefusedError("text", f"the text is {json_kind(text)}; expected a string")
    tokens = tokenizer(text)
    tags = None
    if spans_key is not None:
        none = spans_key in fields and fields[spans_key] is None  # as some programs write it
        values = [] if none else _list(fields, spans_key, "syntax")
        marked = [_marked(value, place) for place, value in enumerate(values, 1)]
        words = _Words(tokens.texts, tokens.starts, [end for _, end in tokens.spans()])
        tags = tuple(tags_of(_aligned(marked, text, words), len(tokens), "iob2"))
    return TaggedSentence(text, tokens.texts, tokens.starts, tags)


def _marked(value: object, place: int) -> _Marked:
    """Return a span as it stands in the file, an object or a list; `place` counts it, from 1, for messages."""
    parts: list[Any]
    if isinstance(value, dict):
        parts = [value.get(_first_of(keys, value)) for keys in (_STARTS, _ENDS, _LABELS)]
    else:
        parts = value if isinstance(value, list) else []
    if len(parts) != 3 or not all(isinstance(offset, int) and not isinstance(offset, bool) for offset in parts[:2]):
        found = quoted(json.dumps(value, ensure_ascii=False))
        raise _RefusedError("syntax", f"span {place} is {found}; expected the like of {_SPAN_SHAPE}")
    try:
        label = label_text(parts[2])
    except ValueError as error:
        raise _RefusedError("label", f"span {place}: {error}") from error
    fault = tag_fault(label or "", "label")
    if fault:
        raise _RefusedError("label", f"span {place}: {fault.replace('word', 'span')}")
    return _Marked(parts[0], parts[1], label or "")


def _aligned(marked: Iterable[_Marked], text: str, words: _Words) -> list[Span]:
    """Return the spans in words; every one that does not fit them is a message of the exception."""
    found, faults = [], []
    before: _Marked | None = None
    for span in sorted(marked):
        first, last = bisect_right(words.ends, span.start), bisect_left(words.starts, span.end)
        fault = _fault(span, first, last, text, words)
        if not fault and before and span.start < before.end:
            fault = f"overlaps {_name(before, text)}; expected spans apart"
        if fault:
            faults.append(f"{_name(span, text)} {fault}")
        else:
            found.append(Span(first, last, span.label))
        if span.start < span.end and (before is None or span.end > before.end):
            before = span
    if faults:
        raise _RefusedError("alignment", *faults)
    return found


def _fault(span: _Marked, first: int, last: int, text: str, words: _Words) -> str | None:
    """Return what is wrong with a span that touches the words `first` to `last`, the latter exclusive."""
    if span.start >= span.end:
        return f"is empty; {_nearest(span.start, words)}"
    if span.start < 0 or span.end > len(text):
        outside = span.start if span.start < 0 else span.end
        return f"lies outside the text, which has {len(text)} characters; {_nearest(outside, words)}"
    if first >= last:
        return f"holds no word; {_nearest(span.start, words)}"
    cut = []
    if words.starts[first] < span.start:
        cut.append(f"begins inside the word {_word(first, words)}")
    if words.ends[last - 1] > span.end:
        cut.append(f"ends inside the word {_word(last - 1, words)}")
    return f"{' and '.join(cut)}; expected the bounds of words" if cut else None


def _name(span: _Marked, text: str) -> str:
    marked = text[max(span.start, 0) : max(span.end, 0)]
    return f"the {span.label} span {quoted(marked)} ({span.start} to {span.end})"


def _nearest(offset: int, words: _Words) -> str:
    """Return, for a message, the words on both sides of an offset, or the one it stands in."""
    after = bisect_right(words.ends, offset)
    inside = after < len(words.texts) and words.starts[after] < offset
    around = [after] if inside else [place for place in (after - 1, after) if 0 <= place < len(words.texts)]
    named = " and ".join(_word(place, words) for place in around)
    return f"the nearest {'words are' if len(around) > 1 else 'word is'} {named}" if named else "there are no words"


def _word(place: int, words: _Words) -> str:
    return f"{quoted(words.texts[place])} ({words.starts[place]} to {words.ends[place]})"
