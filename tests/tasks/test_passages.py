"""Texts cut into passages and joined again: nothing is lost, nothing stands elsewhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nlp_lstm.records.predictions import Alignment, Translation
from nlp_lstm.tasks.passages import WINDOW, Passage, cut_passages, join_passages
from nlp_lstm.text.byte_symbols import ByteSymbols
from nlp_lstm.text.characters import Characters
from nlp_lstm.text.regex_words import RegexWords
from nlp_lstm.text.subwords import train_subwords
from nlp_lstm.text.tokenizers import Tokenizer
from nlp_lstm.text.vocabulary import Vocabulary

ENGLISH = "A man in a blue shirt is standing on a ladder cleaning a window. "
CHINESE = "我们今天早上在公园里散步。"
RUSSIAN = "Человек в синей рубашке моет окно на большой лестнице. "
WORDS = RegexWords(lowercase=True)
PIECES = train_subwords(["A man in a blue shirt is"] * 2, vocab_size=264)
TOKENIZERS = [WORDS, PIECES, ByteSymbols(), Characters()]
TEXTS = {
    "empty": "",
    "white space": " \t  ",
    "short": "So it  is .",
    "English under 1,000 characters": (ENGLISH * 14).strip(),
    "Chinese": CHINESE * 40,
    "Chinese without an end": CHINESE[:-1] * 40,
    "Cyrillic": RUSSIAN * 30,
    "5,000 words in sentences": ENGLISH * 360,
    "5,000 words without an end": ENGLISH.replace(".", "") * 360,
    "without a blank": "abcdefghij" * 300,
    "emoji": "👩‍🚀😀" * 200,
    "blanks of all kinds": "\n  So it is.\n\n\tIs it?  " * 200,
}


def vocabulary_of(tokenizer: Tokenizer, text: str) -> Vocabulary:
    return Vocabulary.build(dict.fromkeys([*tokenizer(text).keys, *tokenizer.pieces], 1))


def cut(text: str, tokenizer: Tokenizer, *, keep_tokens: bool = True) -> list[Passage]:
    return cut_passages([text], tokenizer, vocabulary_of(tokenizer, text), keep_tokens=keep_tokens)


def texts_of(text: str, passages: list[Passage]) -> list[str]:
    spans = [list(passage.tokens.spans()) for passage in passages]
    return [text[each[0][0] : each[-1][1]] for each in spans]


@pytest.mark.parametrize("tokenizer", TOKENIZERS, ids=lambda each: each.kind)
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_passages_hold_every_character_once_in_order_and_no_more_tokens_than_a_window(tokenizer, text):
    passages = cut(text, tokenizer)
    place = 0
    for passage, piece in zip(passages, texts_of(text, passages), strict=True):
        start = passage.tokens.starts[0]
        between = text[place:start]
        assert not between.strip()
        if place:
            assert passage.apart == bool(between or piece[0].isspace() or text[place - 1].isspace())
        place = start + len(piece)
        assert 0 < len(passage.ids) <= WINDOW and passage.ids.dtype == np.int32
    assert not text[place:].strip()
    assert bool(passages) == bool(text.strip())


@pytest.mark.parametrize("tokenizer", TOKENIZERS, ids=lambda each: each.kind)
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_tokens_stand_where_they_do_in_the_whole_text(tokenizer, text):
    vocabulary = vocabulary_of(tokenizer, text)
    bare = cut(text, tokenizer, keep_tokens=False)
    for passage, other in zip(cut(text, tokenizer), bare, strict=True):
        assert [text[start:end] for start, end in passage.tokens.spans()] == list(passage.tokens.texts)
        assert vocabulary.ids(passage.tokens.keys) == passage.ids.tolist() == other.ids.tolist()
        assert (other.tokens, other.apart) == (None, passage.apart)


@pytest.mark.parametrize("name", ["English under 1,000 characters", "Chinese", "Cyrillic"])
def test_a_text_longer_than_a_window_is_cut_at_the_ends_of_its_sentences(name):
    text = TEXTS[name]
    assert len(PIECES(text)) > WINDOW
    sentence = {"E": ENGLISH, "C": RUSSIAN}.get(name[0] if name != "Chinese" else "", CHINESE).strip()
    assert len(PIECES(sentence)) <= WINDOW
    assert set(texts_of(text, cut(text, PIECES))) == {sentence}


def test_a_text_that_fits_is_one_passage_whatever_its_sentences():
    text = "So it is. " * (WINDOW // 4)
    assert [len(passage.ids) for passage in cut(text, WORDS)] == [WINDOW]
    assert len(cut(text + "Is", WORDS)) == WINDOW // 4 + 1


def test_a_sentence_without_end_is_cut_at_blanks():
    text = TEXTS["5,000 words without an end"].strip()
    pieces = texts_of(text, cut(text, PIECES))
    assert "".join(pieces) == text
    assert all(piece.startswith(" ") for piece in pieces[1:])
    assert min(len(PIECES(piece)) for piece in pieces[:-1]) > WINDOW - 20


@pytest.mark.parametrize("name", ["Chinese without an end", "without a blank", "emoji"])
@pytest.mark.parametrize("tokenizer", [PIECES, ByteSymbols(), Characters()], ids=lambda each: each.kind)
def test_without_blanks_a_cut_goes_between_characters_never_through_one(tokenizer, name):
    text = TEXTS[name]
    pieces = texts_of(text, cut(text, tokenizer))
    assert len(pieces) > 1
    assert "".join(pieces) == text
    assert [key for piece in pieces for key in tokenizer(piece).keys] == [
        key for passage in cut(text, tokenizer) for key in passage.tokens.keys
    ]


def test_passages_come_in_the_order_of_their_texts():
    texts = list(TEXTS.values())
    vocabulary = vocabulary_of(PIECES, ENGLISH)
    passages = cut_passages(texts, PIECES, vocabulary, keep_tokens=False)
    numbers = [passage.text for passage in passages]
    assert numbers == sorted(numbers)
    assert set(numbers) == {number for number, text in enumerate(texts) if text.strip()}


def translation(text: str, score: float) -> Translation:
    alignment = Alignment(("x",), (4,), (text,), (0,), np.ones((1, 1), dtype=np.float32))
    return Translation(text, score, attention=(alignment,))


def test_the_best_of_each_passage_are_joined_and_are_the_only_alternative_of_several():
    first, second, third = translation("so", -1.0), translation("it", -2.0), translation("is", -4.0)
    whole = join_passages([[first, third], [second]], apart=[False, True], n_best=2)
    assert (whole.text, whole.score) == ("so it", -1.5)
    assert whole.alternatives == (replace(whole, alternatives=()),)
    assert join_passages([[first], [second]], apart=[False, True], n_best=0).alternatives == ()
    assert [(each.source_starts, each.target_starts) for each in whole.attention] == [((4,), (0,)), ((4,), (3,))]
    alone = join_passages([[first, second, third]], apart=[False], n_best=2)
    assert (alone.text, alone.alternatives) == ("so", (first, second))
    nothing = Translation("", 0.0)
    assert join_passages([], apart=[], n_best=2) == replace(nothing, alternatives=(nothing,))
    assert join_passages([], apart=[], n_best=0) == nothing


@pytest.mark.parametrize(
    ("parts", "apart", "expected"),
    [
        (["He sleeps.", "He sleeps."], False, "He sleeps. He sleeps."),  # as from a Chinese source
        (["Why?", "So!", "Well\u2026", "No"], False, "Why? So! Well\u2026 No"),
        (['"He sleeps."', "(So.)", "\u201eSo!\u201c", "\u00bbSo?\u00ab", "No"], False,
         '"He sleeps." (So.) \u201eSo!\u201c \u00bbSo?\u00ab No'),
        (["He sleeps.", " He"], False, "He sleeps. He"),
        (["他睡了。", "他睡了！", "他睡了？", "他"], True, "他睡了。他睡了！他睡了？他"),
        (["“他睡了。”", "「他睡了！」", "他"], True, "“他睡了。”「他睡了！」他"),
        (["a long", "tail"], False, "a longtail"),  # cut inside a word
        (["a long", "tail"], True, "a long tail"),
        (["他在", "睡"], True, "他在 睡"),
        (["a", ")", "b"], False, "a)b"),
    ],
)  # fmt: skip
def test_a_written_sentence_end_decides_the_joint_whatever_the_source_had(parts, apart, expected):
    found = [translation(part, -1.0) for part in parts]
    whole = join_passages([[each] for each in found], apart=[False] + [apart] * (len(parts) - 1), n_best=0)
    assert whole.text == expected
    for each, part in zip(whole.attention, parts, strict=True):
        assert whole.text[each.target_starts[0] :].startswith(part)


def test_parts_are_joined_with_a_blank_only_where_white_space_stood_between_them():
    parts = [translation(text, -1.0) for text in ("so", "it", " is", "", "here")]
    whole = join_passages([[part] for part in parts], apart=[False, False, True, True, True], n_best=0)
    assert whole.text == "soit is here"
    for each, part in zip(whole.attention, parts, strict=True):
        assert whole.text[each.target_starts[0] :].startswith(part.text)
