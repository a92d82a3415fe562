"""Tags as a person and as the network writes them, against the rules of the schemes and one written from another."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from nlp_lstm.errors import DataError
from nlp_lstm.records.examples import TaggedSentence
from nlp_lstm.tasks.tag_notation import TagNotation, network_tags, scheme_of
from nlp_lstm.text.tag_schemes import Span, illegal, spans, tags_of

SCHEMES = ("iob1", "iob2", "bioes")
LABELS = ("LOC", "PER")
EVERY = ["O", *(f"{letter}-{label}" for label in LABELS for letter in "BIES")]


def legal_sequences(n_words: int) -> list[tuple[str, ...]]:
    """Return all that BIOES can say of so many words."""
    return [tags for tags in itertools.product(EVERY, repeat=n_words) if not illegal(tags, "bioes")]


def sentences(sequences: list[tuple[str, ...]], scheme: str) -> list[TaggedSentence]:
    """Return sentences with these tags of BIOES, in a scheme."""
    written = (tags_of(spans(tags, "bioes"), len(tags), scheme) for tags in sequences)
    return [TaggedSentence.of_words(["x"] * len(tags), tags) for tags in written]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_whatever_scheme_tags_are_in_the_network_learns_bioes_and_they_are_given_back(scheme):
    sequences = legal_sequences(4)
    examples = sentences(sequences, scheme)
    assert scheme_of(examples) == scheme and network_tags(examples, scheme) == EVERY
    notation = TagNotation(EVERY, scheme)
    gold = notation.gold(examples)
    assert [tuple(tags) for tags in gold] == sequences
    for example, tags in zip(examples, gold, strict=True):
        path = notation.numbered(tags).astype(np.int64)
        assert notation.named(path) == tuple(tags)
        assert notation.written(path) == example.tags


def test_chunks_stand_where_their_tags_say():
    notation = TagNotation(EVERY, "iob2")
    for tags in legal_sequences(4):
        found = notation.chunks(notation.numbered(tags).astype(np.int64))
        assert found == [(span.start, span.end - 1) for span in spans(tags, "bioes")]


def test_the_edges_make_whole_chunks_of_what_a_window_keeps():
    notation = TagNotation(EVERY, "iob2")
    edges = notation.edges()
    for tags in legal_sequences(4):
        cut = notation.numbered(tags)[1:3].copy()
        cut[0], cut[-1] = edges.first[cut[0]], edges.last[cut[-1]]
        kept = [Span(max(0, each.start - 1), min(2, each.end - 1), each.label) for each in spans(tags, "bioes")]
        expected = tags_of([each for each in kept if each.start < each.end], 2, "bioes")
        assert notation.named(cut.astype(np.int64)) == tuple(expected)


def test_what_is_legal_is_what_bioes_allows():
    start, move, end = TagNotation(EVERY, "iob1").legal()
    for path in itertools.product(range(len(EVERY)), repeat=3):
        steps = (start[path[0]], *(move[a, b] for a, b in itertools.pairwise(path)), end[path[-1]])
        assert all(steps) == (not illegal([EVERY[number] for number in path], "bioes"))


def test_tags_that_mark_no_chunks_stay_as_they_are():
    examples = [TaggedSentence.of_words(["so", "is", "it"], ["VERB", "E-X", "ADV"])]
    assert scheme_of(examples) is None and network_tags(examples, None) == ["ADV", "E-X", "VERB"]
    notation = TagNotation(["ADV", "E-X", "VERB"], None)
    path = notation.numbered(["VERB", "E-X"]).astype(np.int64)
    assert notation.gold(examples) == [("VERB", "E-X", "ADV")]
    assert notation.named(path) == notation.written(path) == ("VERB", "E-X")
    assert notation.chunks(path) == [] and notation.edges() is None
    assert all(part.all() for part in notation.legal())


def test_a_tag_that_marks_no_chunk_is_refused_where_the_others_do():
    stray = TaggedSentence.of_words(["in", "Rome"], ["O", "LOC"], source="made.conll", line=9)
    message = r"^the sentence at line 9 of made\.conll: the tag 'LOC' of 'Rome' marks no chunk"
    with pytest.raises(DataError, match=message):
        scheme_of([*sentences(legal_sequences(2), "iob2"), stray])
    with pytest.raises(DataError, match=message):
        TagNotation(EVERY, "iob2").gold([stray])
    with pytest.raises(DataError, match=r"in BIOES; expected O, or B, I, E or S, a hyphen and a label"):
        TagNotation(EVERY, "bioes").gold([*sentences(legal_sequences(2), "bioes"), stray])
