"""Sentence pairs as JSON lines: under two keys, or under their languages in an object `translation`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from nlp_lstm.corpora.jsonl import read_object
from nlp_lstm.corpora.pair_rows import PairsWanted
from nlp_lstm.corpora.problems import Problem, no_column
from nlp_lstm.corpora.rows import Line, Wanted, json_kind
from nlp_lstm.records.examples import SentencePair

NESTED = "translation"
"""The key of an object that holds the two sentences under their languages."""


def jsonl_pairs(lines: Iterable[Line], wanted: PairsWanted) -> Iterator[SentencePair | Problem]:
    """Yield a pair for each line of JSON, or the problem of the line.

    A line is one of these, with the wanted columns for keys, or the languages; its other keys are not looked at. Where
    languages are given and there is neither key of the first line, the languages are looked for in their place:

        {"source": "Good morning", "target": "Guten Morgen"}
        {"en": "Good morning", "de": "Guten Morgen"}
        {"translation": {"en": "Good morning", "de": "Guten Morgen"}}
    """
    for line in lines:
        fields = line.problem or read_object(line, Wanted(wanted.source))
        yield fields if isinstance(fields, Problem) else _pair(line.number, fields, wanted)


def _pair(number: int, fields: Mapping[str, object], wanted: PairsWanted) -> SentencePair | Problem:
    """Return the pair of one JSON object."""
    columns = wanted.columns_in(fields)
    if NESTED not in fields or any(column in fields for column in columns):
        return _from_keys(number, fields, columns, wanted)
    inner = fields[NESTED]
    if not isinstance(inner, dict):
        return wanted.problem(number, "text", f"{NESTED!r} is {json_kind(inner)}; expected an object")
    if not all(wanted.languages):
        names = ", ".join(map(repr, inner)) or "none"
        message = (
            f"{NESTED!r} holds the languages {names}; expected --source-lang and --target-lang to name two of them"
        )
        return wanted.problem(number, "missing-column", message)
    return _from_keys(number, inner, wanted.languages, wanted)


def _from_keys(
    number: int, fields: Mapping[str, object], keys: tuple[str, str], wanted: PairsWanted
) -> SentencePair | Problem:
    texts = []
    for side, key in zip(("source", "target"), keys, strict=True):
        if key not in fields:
            return wanted.problem(number, "missing-column", no_column(key, fields))
        text = fields[key]
        if not isinstance(text, str):
            return wanted.problem(number, "text", f"the {side} sentence is {json_kind(text)}; expected a string")
        texts.append(text)
    return wanted.pair(number, *texts)
