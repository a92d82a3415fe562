from __future__ import annotations

import io
import json
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_lstm.corpora.opening import decode_lines
from nlp_lstm.corpora.problems import Problem
from nlp_lstm.corpora.span_lines import read_span_lines
from nlp_lstm.records.examples import TaggedSentence
from nlp_lstm.text.regex_words import RegexWords
from nlp_lstm.text.tag_schemes import Span, spans
from nlp_lstm.text.tokens import Tokens
from tests.growth import growth

TEXT = "Ada Lovelace loved Paris."


def read(*rows: object, tokenizer=RegexWords(), **options) -> list:  # noqa: B008 - a frozen value
    """Return what rows give; strings stand for lines as they are."""
    data = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows).encode()
    return list(read_span_lines(decode_lines(io.BytesIO(data), "a"), "a", tokenizer, **options))


def span(start: object, end: object, label: object = "PER") -> dict[str, object]:
    return {"start": start, "end": end, "label": label}


def faults(text: str, *entities: object) -> list[str]:
    """Return the messages of a row's problems, which are all of one kind, `alignment`."""
    found = read({"text": text, "entities": list(entities)})
    assert {(item.line, item.kind) for item in found} == {(1, "alignment")}
    return [item.message for item in found]


def test_a_text_is_cut_into_words_and_its_spans_become_iob2_tags():
    [found] = read({"text": TEXT, "entities": [span(19, 24, "LOC"), span(0, 12)], "id": 7})
    assert found == TaggedSentence(
        TEXT,
        ("Ada", "Lovelace", "loved", "Paris", "."),
        (0, 4, 13, 19, 24),
        ("B-PER", "I-PER", "O", "B-LOC", "O"),
        source="a",
        line=1,
    )


@pytest.mark.parametrize(
    "row",
    [
        {"entities": [{"start": 0, "end": 3, "entity_group": "PER", "score": 0.9, "word": "Ada"}]},
        {"entities": [{"start": 0, "end": 3, "type": "PER"}]},
        {"entities": [[0, 3, "PER"]]},
        {"spans": [{"start": 0, "end": 3, "label": "PER", "token_start": 0}], "tokens": [{"text": "Ada", "id": 0}]},
        {"label": [[0, 3, " PER "]]},
        {"labels": [[0, 3, "PER"]]},
        {"entities": [{"id": 1, "label": "PER", "start_offset": 0, "end_offset": 3}], "label": "news"},
        {"entities": [span(0, 3)], "tokens": ["Ada in", "Paris"], "ner_tags": [1, 0]},
    ],
)
def test_spans_are_read_in_the_shapes_other_tools_write(row):
    [found] = read({"text": "Ada in Paris", **row})
    assert (found.words, found.tags) == (("Ada", "in", "Paris"), ("B-PER", "O", "O"))


@pytest.mark.parametrize(("words", "tags"), [("words", "tags"), ("tokens", "ner_tags"), ("tokens", "tags")])
def test_words_with_tags_are_taken_as_they_are(words, tags):
    [found] = read({words: ["Ada", "New York", "!"], tags: ["B-PER", " I-LOC ", "UH"]})
    assert (found.words, found.tags) == (("Ada", "New York", "!"), ("B-PER", "I-LOC", "UH"))
    assert (found.text, found.starts) == ("Ada New York !", (0, 4, 13))


def test_words_with_tags_stand_in_their_text_and_go_before_its_spans():
    row = {"text": "Oh, no", "words": ["Oh", ",", "no"], "tags": ["UH", ",", "DT"], "entities": []}
    [found] = read(row)
    assert (found.text, found.starts, found.tags) == ("Oh, no", (0, 2, 4), ("UH", ",", "DT"))
    [found] = read({**row, "text": "another"})
    assert (found.text, found.starts) == ("Oh , no", (0, 3, 5))


def test_without_tags_texts_and_words_are_enough():
    found = read({"text": "Ada!"}, {"words": ["Ada!"]}, {"text": "Ada!", "tokens": ["Ad", "a!"]}, tagged=False)
    assert [item.words for item in found] == [("Ada", "!"), ("Ada!",), ("Ad", "a!")]
    assert [item.text for item in found] == ["Ada!", "Ada!", "Ada!"]
    assert {item.tags for item in found} == {None}
    [found] = read({"text": "Ada", "entities": "none", "words": "none", "tags": 3}, tagged=False)
    assert (found.words, found.tags) == (("Ada",), None)


def test_empty_texts_are_sentences_without_words():
    found = read({"text": "", "entities": []}, {"text": " \n", "spans": []}, {"words": [], "tags": []})
    assert [(item.words, item.tags, item.line) for item in found] == [((), (), 1), ((), (), 2), ((), (), 3)]


def test_offsets_count_code_points():
    text = "😀 é\u0301 中 Ada"
    [found] = read({"text": text, "entities": [[text.index("Ada"), len(text), "PER"]]})
    assert found.words[-1] == "Ada"
    assert found.tags == ("O", "O", "O", "B-PER")


def test_what_the_tokenizer_leaves_out_may_stand_at_the_ends_of_a_span():
    [found] = read({"text": "in  Paris  !", "entities": [[2, 11, "LOC"]]})
    assert found.tags == ("O", "B-LOC", "O")
    [found] = read({"text": "<b>Ada</b>", "entities": [[0, 10, "PER"]]}, tokenizer=RegexWords(strip_markup=True))
    assert (found.words, found.tags) == (("Ada",), ("B-PER",))


def test_spans_side_by_side_are_two():
    [found] = read({"text": "Ada Bob", "entities": [[0, 3, "PER"], [4, 7, "PER"]]})
    assert found.tags == ("B-PER", "B-PER")


@pytest.mark.parametrize(
    ("start", "end", "fault"),
    [
        (
            1,
            3,
            "the PER span 'da' (1 to 3) begins inside the word 'Ada' (0 to 3); expected the bounds of words",
        ),
        (
            4,
            6,
            "the PER span 'Lo' (4 to 6) ends inside the word 'Lovelace' (4 to 12); expected the bounds of words",
        ),
        (
            2,
            5,
            "the PER span 'a L' (2 to 5) begins inside the word 'Ada' (0 to 3) and ends inside the word 'Lovelace' "
            "(4 to 12); expected the bounds of words",
        ),
        (
            14,
            15,
            "the PER span 'o' (14 to 15) begins inside the word 'loved' (13 to 18) and ends inside the word 'loved' "
            "(13 to 18); expected the bounds of words",
        ),
        (
            19,
            26,
            "the PER span 'Paris.' (19 to 26) lies outside the text, which has 25 characters; "
            "the nearest word is '.' (24 to 25)",
        ),
        (
            -3,
            3,
            "the PER span 'Ada' (-3 to 3) lies outside the text, which has 25 characters; "
            "the nearest word is 'Ada' (0 to 3)",
        ),
        (
            99,
            10**30,
            f"the PER span '' (99 to {10**30}) lies outside the text, which has 25 characters; "
            "the nearest word is '.' (24 to 25)",
        ),
        (4, 4, "the PER span '' (4 to 4) is empty; the nearest words are 'Ada' (0 to 3) and 'Lovelace' (4 to 12)"),
        (
            12,
            4,
            "the PER span '' (12 to 4) is empty; the nearest words are 'Lovelace' (4 to 12) and 'loved' (13 to 18)",
        ),
        (14, 14, "the PER span '' (14 to 14) is empty; the nearest word is 'loved' (13 to 18)"),
        (
            3,
            4,
            "the PER span ' ' (3 to 4) holds no word; the nearest words are 'Ada' (0 to 3) and 'Lovelace' (4 to 12)",
        ),
    ],
)
def test_every_misalignment_names_the_span_and_the_nearest_bounds(start, end, fault):
    assert faults(TEXT, span(start, end)) == [fault]


def test_overlapping_spans_name_each_other():
    assert faults(TEXT, span(4, 12, "X"), span(0, 18)) == [
        "the X span 'Lovelace' (4 to 12) overlaps the PER span 'Ada Lovelace loved' (0 to 18); expected spans apart"
    ]
    twice = "the PER span 'Ada' (0 to 3) overlaps the PER span 'Ada' (0 to 3); expected spans apart"
    assert faults(TEXT, span(0, 3), span(0, 3)) == [twice]


def test_each_misaligned_span_of_a_line_is_a_problem_and_the_line_is_left_out():
    found = faults(TEXT, span(0, 2), span(1, 12), span(13, 18), span(19, 23))
    assert [message.split("(")[0] for message in found] == [
        "the PER span 'Ad' ",
        "the PER span 'da Lovelace' ",
        "the PER span 'Pari' ",
    ]


def test_a_span_in_a_text_without_words_has_no_nearest_one():
    assert faults(" ", span(0, 1)) == ["the PER span ' ' (0 to 1) holds no word; there are no words"]


@pytest.mark.parametrize(
    ("row", "kind", "message"),
    [
        ("", "columns", "a blank line; expected a JSON object"),
        ("[1]", "syntax", "a list; expected a JSON object"),
        ({"entities": []}, "missing-column", "no column 'text'; the columns are 'entities'"),
        ({"text": "x"}, "missing-column", "no column 'entities'; the columns are 'text'"),
        (
            {"text": "x", "entitys": []},
            "missing-column",
            "no column 'entities'; the columns are 'text', 'entitys'; did you mean 'entitys'?",
        ),
        ({"words": ["x"]}, "missing-column", "no column 'tags'; the columns are 'words'"),
        ({"text": 3, "entities": []}, "text", "the text is a number; expected a string"),
        ({"text": "x", "label": "news"}, "syntax", "'label' is a string; expected a list"),
        (
            {"text": "x", "spans": [[0, 1, "PER"], [0, 1]]},
            "syntax",
            'span 2 is \'[0, 1]\'; expected the like of {"start": 0, "end": 3, "label": "PER"} or [0, 3, "PER"]',
        ),
        (
            {"text": "x", "spans": [{"start": "0", "end": 1, "label": "é"}]},
            "syntax",
            'span 1 is \'{"start": "0", "end": 1, "label": "é"}\'; expected the like of '
            '{"start": 0, "end": 3, "label": "PER"} or [0, 3, "PER"]',
        ),
        ({"text": "x", "spans": [{"start": 0, "end": 1}]}, "label", "span 1: no label; expected one for every span"),
        ({"text": "x", "spans": [[0, 1, " "]]}, "label", "span 1: no label; expected one for every span"),
        (
            {"text": "x", "spans": [[0, 1, "a\tb"]]},
            "label",
            r"span 1: the label 'a\tb' holds a tab, a line end or another control sign",
        ),
        (
            {"text": "x", "spans": [[0, 1, 0.5]]},
            "label",
            "span 1: the label is a number with a fraction; expected a string, a whole number, true or false",
        ),
        ({"words": ["x"], "tags": [3]}, "label", "tag 1 is a number; expected a string"),
        ({"words": ["x"], "tags": "O"}, "label", "'tags' is a string; expected a list"),
        ({"words": ["x"], "tags": [" "]}, "label", "no tag; expected one for every word"),
        ({"words": "x", "tags": ["O"]}, "text", "'words' is a string; expected a list"),
        ({"words": ["x", None], "tags": ["O"]}, "text", "word 2 is null; expected a string"),
        ({"words": ["x", ""], "tags": ["O", "O"]}, "text", "word 2 is empty; expected a string with something in it"),
        ({"words": ["x", "y"], "tags": ["O"]}, "columns", "words: 2, tags: 1; expected a tag for each word"),
    ],
)
def test_each_malformed_line_is_named_and_costs_itself_only(row, kind, message):
    good = {"text": "x", "entities": []}
    found = read(good, row, good)
    assert found[1] == Problem("a", 2, kind, message)
    assert [item.line for item in (found[0], found[2])] == [1, 3]
    assert len(found) == 3


def test_true_is_no_offset():
    [found] = read({"text": "xy", "spans": [[False, True, "A"]]})
    assert found.kind == "syntax"


def test_bad_bytes_are_passed_on():
    [found] = read_span_lines(decode_lines(io.BytesIO(b'{"text": "\xff"}\n'), "a"), "a", RegexWords())
    assert found.kind == "encoding"


@given(st.lists(st.sampled_from(["Ada", "in", "é", "中", "."]), max_size=8), st.data())
def test_spans_come_back_from_the_tags(words, data):
    cuts = sorted(data.draw(st.sets(st.integers(0, len(words)))))
    wanted = [Span(start, end, data.draw(st.sampled_from("XY"))) for start, end in pairwise(cuts)]
    starts = [sum(len(word) + 1 for word in words[:place]) for place in range(len(words))]
    entities = [[starts[each.start], starts[each.end - 1] + len(words[each.end - 1]), each.label] for each in wanted]
    [found] = read({"text": " ".join(words), "entities": data.draw(st.permutations(entities))})
    assert found.words == tuple(words)
    assert spans(found.tags, "iob2") == wanted


def fixed(text: str) -> Tokens:
    """Cut `abcdef` into ab, d and ef: c is left out."""
    return Tokens.cut(text, [(0, 2), (3, 4), (4, 6)], ["ab", "d", "ef"])


@given(st.integers(-2, 8), st.integers(-2, 8))
def test_a_span_is_good_exactly_if_no_word_is_cut_and_one_is_held(start, end):
    [found] = read({"text": "abcdef", "entities": [[start, end, "X"]]}, tokenizer=fixed)
    bounds = [(0, 2), (3, 4), (4, 6)]
    inside = [start <= first and last <= end for first, last in bounds]
    touched = [start < last and first < end for first, last in bounds]
    if 0 <= start < end <= 6 and inside == touched and any(inside):
        assert [tag != "O" for tag in found.tags] == inside
    else:
        assert found.kind == "alignment"


def test_a_text_of_50_thousand_words_takes_time_in_proportion():
    def seconds(n_words: int) -> float:
        row = {"text": "ab " * n_words, "entities": [[3 * place, 3 * place + 2, "X"] for place in range(n_words)]}
        start = time.process_time()
        [found] = read(row)
        assert found.tags == ("B-X",) * n_words
        return time.process_time() - start

    assert growth(seconds, 7_000) < 30


@pytest.mark.parametrize("row", [{"entities": None}, {"spans": None}, {"entities": [], "spans": None}])
def test_null_for_the_spans_says_that_there_are_none(row):
    (found,) = read({"text": "Ada left", **row})
    assert found.tags == ("O", "O")


def test_null_under_one_name_does_not_hide_the_spans_under_another():
    (found,) = read({"text": "Ada left", "entities": None, "spans": [[0, 3, "PER"]]})
    assert found.tags == ("B-PER", "O")
