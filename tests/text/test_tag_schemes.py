"""Chunk tags against a table of conlleval's rules, every short sequence, round trips and a real data set."""

from __future__ import annotations

import gzip
import random
from dataclasses import FrozenInstanceError
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_lstm.errors import DataError
from nlp_lstm.text.tag_schemes import Span, allowed, convert, detect_scheme, illegal, normalise, spans, tags_of

SCHEMES = ("iob1", "iob2", "bioes")
LETTERS = {"iob1": "BI", "iob2": "BI", "bioes": "BIES"}
# The same sentence in each: two people side by side, a place right behind them, and a place alone.
EXAMPLE = (Span(0, 2, "PER"), Span(2, 3, "PER"), Span(3, 6, "LOC"), Span(7, 8, "LOC"))
WRITTEN = {
    "iob1": ["I-PER", "I-PER", "B-PER", "I-LOC", "I-LOC", "I-LOC", "O", "I-LOC"],
    "iob2": ["B-PER", "I-PER", "B-PER", "B-LOC", "I-LOC", "I-LOC", "O", "B-LOC"],
    "bioes": ["B-PER", "E-PER", "S-PER", "B-LOC", "I-LOC", "E-LOC", "O", "S-LOC"],
}

# conlleval looks at a tag's letter and the one before it; these pairs begin or end a chunk whatever the labels are.
BEGINNING = {"OB", "IB", "BB", "EB", "SB", "OS", "IS", "BS", "ES", "SS", "OI", "EI", "SI", "OE", "EE", "SE"}
ENDING = {"BB", "BS", "BO", "IB", "IS", "IO", "EB", "ES", "EI", "EE", "EO", "SB", "SS", "SI", "SE", "SO"}

chunk_tags = st.lists(st.sampled_from(["O", *(f"{x}-{y}" for x in "BIES" for y in ("PER", "B-LOC"))]), max_size=9)
iob_tags = st.lists(st.sampled_from(["O", "B-X", "I-X", "B-Y", "I-Y"]), max_size=9)


def machine(tags: list[str]) -> list[tuple[int, int, str]]:
    """Return the chunks as a machine finds them that reads a tag at a time and remembers the one before."""
    chunks, opened = [], None
    letter, label = "O", ""
    for position, tag in enumerate([*tags, "O"]):
        last_letter, last_label = letter, label
        letter, label = (tag[0], tag[2:]) if tag != "O" else ("O", "")
        pair, other = last_letter + letter, label != last_label
        if pair in ENDING or (last_letter != "O" and other):
            chunks.append((opened, position, last_label))
        if pair in BEGINNING or (letter != "O" and other):
            opened = position
    return chunks


def plain(found: list[Span]) -> list[tuple[int, int, str]]:
    """Return spans as tuples."""
    return [(span.start, span.end, span.label) for span in found]


def short_sequences(scheme: str) -> list[list[str]]:
    """Return every sequence of up to four tags over two labels."""
    names = ["O", *(f"{letter}-{label}" for letter in LETTERS[scheme] for label in "XY")]
    return [list(tags) for length in range(5) for tags in product(names, repeat=length)]


def side_by_side(parts: list[tuple[int, int, str]]) -> tuple[list[Span], int]:
    """Return spans, each after a gap and of a length, and a number of tokens that holds them."""
    found, end = [], 0
    for gap, length, label in parts:
        found.append(Span(end + gap, end + gap + length, label))
        end += gap + length
    return found, end


sentences = st.lists(
    st.tuples(st.integers(0, 2), st.integers(1, 4), st.sampled_from(["X", "Y", "B-X"])), max_size=6
).map(side_by_side)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_worked_example_is_read_and_written(scheme):
    assert spans(WRITTEN[scheme], scheme) == list(EXAMPLE)
    assert tags_of(EXAMPLE, 8, scheme) == WRITTEN[scheme]


@given(chunk_tags)
@settings(max_examples=300)
def test_spans_are_those_of_conlleval_legal_or_not(tags):
    assert [plain(spans(tags, scheme)) for scheme in SCHEMES] == [machine(tags)] * 3


@pytest.mark.parametrize("scheme", SCHEMES)
def test_spans_of_every_short_sequence_are_those_of_conlleval(scheme):
    for tags in short_sequences(scheme):
        assert plain(spans(tags, scheme)) == machine(tags)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("I-X I-X", [(0, 2, "X")]),
        ("B-X I-Y", [(0, 1, "X"), (1, 2, "Y")]),
        ("B-X E-Y E-Y", [(0, 1, "X"), (1, 2, "Y"), (2, 3, "Y")]),
        ("B-X I-X O", [(0, 2, "X")]),
        ("S-X I-X E-X I-X", [(0, 1, "X"), (1, 3, "X"), (3, 4, "X")]),
    ],
)
def test_illegal_bioes_is_read_leniently(tags, expected):
    assert plain(spans(tags.split(), "bioes")) == expected


def test_a_label_may_hold_hyphens():
    assert spans(["B-B-PER", "I-B-PER", "B-PER"], "iob2") == [Span(0, 2, "B-PER"), Span(2, 3, "PER")]
    assert tags_of([Span(0, 2, "B-PER")], 2, "bioes") == ["B-B-PER", "E-B-PER"]


@given(sentences)
@settings(max_examples=200)
def test_tags_say_the_spans_they_were_made_of_and_are_legal(sentence):
    found, n_tokens = sentence
    for scheme in SCHEMES:
        tags = tags_of(reversed(found), n_tokens + 2, scheme)
        assert len(tags) == n_tokens + 2
        assert {tag[0] for tag in tags} <= {*LETTERS[scheme], "O"}
        assert spans(tags, scheme) == found
        assert illegal(tags, scheme) == []


@given(sentences)
@settings(max_examples=100)
def test_converting_there_and_back_changes_nothing(sentence):
    for source, target in product(SCHEMES, repeat=2):
        tags = tags_of(*sentence, source)
        there = convert(tags, source, target)
        assert there == tags_of(*sentence, target)
        assert convert(there, target, source) == tags


@pytest.mark.parametrize(
    "found",
    [
        [Span(0, 2, "X"), Span(1, 3, "X")],
        [Span(1, 1, "X")],
        [Span(2, 1, "X")],
        [Span(2, 4, "X")],
        [Span(-1, 1, "X")],
        [Span(0, 1, "")],
    ],
)
def test_spans_that_tags_cannot_say_are_refused(found):
    with pytest.raises(ValueError, match=r"side by side within 3 tokens, got Span\("):
        tags_of(found, 3, "iob2")


def test_a_scheme_that_is_none_is_not_taken_for_another():
    for use in (lambda: tags_of([Span(0, 1, "X")], 1, "bilou"), lambda: illegal(["I-X"], "bilou")):
        with pytest.raises(KeyError):
            use()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_is_illegal_agrees_with_what_is_allowed(scheme):
    names = ["O", *(f"{letter}-{label}" for letter in LETTERS[scheme] for label in "XY")]
    index = {name: position for position, name in enumerate(names)}
    rules = allowed(names, scheme)
    assert [array.shape for array in rules] == [(len(names),), (len(names), len(names)), (len(names),)]
    assert {array.dtype for array in rules} == {np.dtype(bool)}
    for tags in short_sequences(scheme)[1:]:
        wrong = [0] if not rules.start[index[tags[0]]] else []
        steps = enumerate(pairwise(tags), start=1)
        wrong += [position for position, (a, b) in steps if not rules.move[index[a], index[b]]]
        wrong += [len(tags)] if not rules.end[index[tags[-1]]] else []
        assert illegal(tags, scheme) == wrong


@pytest.mark.parametrize("scheme", SCHEMES)
def test_legal_are_exactly_the_sequences_that_some_spans_are_written_as(scheme):
    counts = {True: 0, False: 0}
    for tags in short_sequences(scheme):
        legal = illegal(tags, scheme) == []
        counts[legal] += 1
        assert legal == (convert(tags, scheme, scheme) == tags)
    assert min(counts.values()) > 50


@pytest.mark.parametrize(
    ("scheme", "tags", "positions"),
    [
        ("iob1", "", []),
        ("bioes", "", []),
        ("iob1", "B-X I-X B-X B-Y O B-Y", [0, 3, 5]),
        ("iob2", "I-X I-X B-X I-Y O I-Y", [0, 3, 5]),
        ("bioes", "I-X E-X S-X E-X B-X O", [0, 3, 5]),
        ("bioes", "B-X I-X", [2]),
        ("bioes", "B-X E-Y", [1]),
        ("iob2", "B-X E-X I-X S-Y O", [1, 2, 3]),  # letters of another scheme
    ],
)
def test_worked_examples_of_illegal_positions(scheme, tags, positions):
    assert illegal(tags.split(), scheme) == positions


def test_without_a_scheme_everything_is_allowed():
    rules = allowed(["NN", "B-X", "DT"], None)
    assert [array.shape for array in rules] == [(3,), (3, 3), (3,)]
    assert all(array.all() for array in rules)


def test_the_axes_are_in_the_order_of_the_names():
    names = ["E-X", "O", "I-X", "S-X", "B-X"]
    rules = allowed(names, "bioes")
    assert [name for name, ok in zip(names, rules.start, strict=True) if ok] == ["O", "S-X", "B-X"]
    assert [name for name, ok in zip(names, rules.end, strict=True) if ok] == ["E-X", "O", "S-X"]
    assert [name for name, ok in zip(names, rules.move[4], strict=True) if ok] == ["E-X", "I-X"]  # behind B-X


def test_bilou_and_bmewo_are_other_spellings_of_bioes():
    bioes = ["B-PER", "E-PER", "S-PER", "B-LOC", "I-LOC", "E-LOC", "O", "S-LOC"]
    bilou = ["B-PER", "L-PER", "U-PER", "B-LOC", "I-LOC", "L-LOC", "O", "U-LOC"]
    bmewo = ["B-PER", "E-PER", "W-PER", "B-LOC", "M-LOC", "E-LOC", "O", "W-LOC"]
    for tags in (bioes, bilou, bmewo):
        assert normalise(tags) == bioes
        assert detect_scheme([tags]) == "bioes"
        assert spans(tags, "bioes") == list(EXAMPLE)
        assert illegal(tags, "bioes") == []
    assert np.array_equal(allowed(["O", "B-X", "L-X"], "bioes").move, allowed(["O", "B-X", "E-X"], "bioes").move)


def test_only_a_letter_before_a_hyphen_is_respelt():
    tags = ["O", "L", "", "-", "UH", "LS-X", "X-L-U", "U-L-U"]
    assert normalise(tags) == ["O", "L", "", "-", "UH", "LS-X", "X-L-U", "S-L-U"]


@pytest.mark.parametrize("tag", ["", "o", "NN", "B", "B-", "-X", "O-X", "BI-X", "b-X", "X-PER", "L-PER"])
def test_what_is_no_chunk_tag_is_refused_with_its_place(tag):
    with pytest.raises(DataError, match=rf"tag 2 of 3: expected O, or .* got '{tag}'$"):
        spans(["O", tag, "O"], "iob2")
    with pytest.raises(DataError):
        allowed(["O", tag], "iob1")


@pytest.mark.parametrize(
    ("sentences", "scheme"),
    [
        (["B-X I-X O B-Y"], "iob2"),
        (["B-X O B-X", "O B-X"], "iob2"),  # single tokens only
        (["O O", "O"], "iob2"),
        (["B-X B-X I-X"], "iob2"),
        (["I-X I-X O I-X"], "iob1"),
        (["I-X B-X I-X I-Y"], "iob1"),
        (["S-X O S-Y"], "bioes"),
        (["B-X E-X"], "bioes"),
        ([], None),
        ([""], None),
        (["DT NN"], None),
        (["B-X I-X", "O NN"], None),
        (["B-X X-Y"], None),
        (["B I O"], None),  # without labels
        (["NOUN|Number=Sing"], None),
    ],
)
def test_schemes_are_told_apart(sentences, scheme):
    assert detect_scheme(line.split() for line in sentences) == scheme


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("foreign", ["I-X I-X", "B-X I-X", "B-X E-X", "S-Y", "E-X", "O B-Y", "O I-Y"])
def test_a_few_illegal_tags_do_not_turn_the_decision(scheme, foreign):
    assert detect_scheme([foreign.split(), WRITTEN[scheme], WRITTEN[scheme]]) == scheme


@given(st.lists(iob_tags, min_size=1, max_size=4))
@settings(max_examples=100)
def test_the_vote_between_the_iob_schemes_is_for_the_one_with_fewer_wrong_beginnings(sequences):
    wrong = {
        scheme: sum(tags[at][0] == letter for tags in sequences for at in illegal(tags, scheme))
        for scheme, letter in (("iob1", "B"), ("iob2", "I"))
    }
    expected = "iob1" if wrong["iob1"] < wrong["iob2"] else "iob2"
    assert detect_scheme(sequences) == (expected if any(sequences) else None)


def test_a_span_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        Span(0, 1, "X").end = 2  # type: ignore[misc]


def test_conll2000_has_its_published_chunks_and_is_iob2(real_data):
    text = gzip.decompress((real_data("conll2000") / "train.txt.gz").read_bytes()).decode("utf-8")
    blocks = text.strip("\n").split("\n\n")
    sentences = [[line.split(" ")[2] for line in block.split("\n")] for block in blocks]
    assert (len(sentences), sum(map(len, sentences))) == (8_936, 211_727)
    assert detect_scheme(sentences) == "iob2"
    assert sum(len(spans(tags, "iob2")) for tags in sentences) == 106_978
    for tags in random.Random(1).sample(sentences, 300):
        assert illegal(tags, "iob2") == []
        for target in ("iob1", "bioes"):
            assert convert(convert(tags, "iob2", target), target, "iob2") == tags
    for target in ("iob1", "bioes"):
        assert detect_scheme(convert(tags, "iob2", target) for tags in sentences[:200]) == target


@pytest.mark.parametrize(
    ("name", "n_entities"),
    [("esp.testa", 4_352), ("esp.testb", 3_559), ("ned.testa", 2_616), ("ned.testb", 3_941)],
)
def test_conll2002_has_its_published_entities_and_is_iob2(real_data, name, n_entities):
    text = (real_data("conll2002") / name).read_text(encoding="utf-8")
    blocks = text.strip("\n").split("\n\n")
    sentences = [[line.split(" ")[2] for line in block.split("\n") if line] for block in blocks]
    assert detect_scheme(sentences) == "iob2"
    assert sum(len(spans(tags, "iob2")) for tags in sentences) == n_entities
