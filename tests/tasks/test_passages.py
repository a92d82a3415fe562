"""Texts cut into passages and joined again: nothing is lost, nothing stands elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from nlp_lstm.records.predictions import Alignment, Translation
from nlp_lstm.tasks.passages import LONG, WINDOW, Passage, cut_passages, join_passages
from nlp_lstm.text.regex_words import RegexWords
from nlp_lstm.text.vocabulary import Vocabulary

VOCABULARY = Vocabulary(["<pad>", "<unk>", "so", "it", "is", "."])
WORDS = RegexWords(lowercase=True)
TEXTS = ["", "So it  is .", "so " * (2 * WINDOW + 1), "  ", "So it is. " * (LONG // 5), "it " * LONG, "IS it"]


@pytest.mark.parametrize("keep_tokens", [False, True])
def test_the_passages_of_a_text_hold_all_its_tokens_in_order(keep_tokens):
    passages = cut_passages(TEXTS, WORDS, VOCABULARY, keep_tokens=keep_tokens)
    assert [passage.text for passage in passages] == sorted(passage.text for passage in passages)
    for number, text in enumerate(TEXTS):
        own = [passage for passage in passages if passage.text == number]
        keys = WORDS(text).keys
        assert [each for passage in own for each in passage.ids.tolist()] == (VOCABULARY.ids(keys) if keys else [])
        assert all(0 < len(passage.ids) <= WINDOW and passage.ids.dtype == np.int32 for passage in own)
        assert all((passage.tokens is not None) == keep_tokens for passage in own)


def test_tokens_stand_where_they_do_in_the_whole_text():
    for passage in cut_passages(TEXTS, WORDS, VOCABULARY, keep_tokens=True):
        tokens, text = passage.tokens, TEXTS[passage.text]
        assert [text[start:end] for start, end in tokens.spans()] == list(tokens.texts)
        assert VOCABULARY.ids(tokens.keys) == passage.ids.tolist()


def test_a_short_text_is_one_passage_a_long_one_has_one_for_each_sentence_and_each_window():
    def counts(texts: list[str]) -> list[int]:
        passages: list[Passage] = cut_passages(texts, WORDS, VOCABULARY, keep_tokens=False)
        return [sum(passage.text == number for passage in passages) for number in range(len(texts))]

    assert counts(["", "so it is. so it is.", "so " * WINDOW, "so " * (WINDOW + 1)]) == [0, 1, 1, 2]
    assert counts(["So it is. " * (LONG // 5)]) == [LONG // 5]


def translation(text: str, score: float) -> Translation:
    alignment = Alignment(("x",), (4,), (text,), (0,), np.ones((1, 1), dtype=np.float32))
    return Translation(text, score, attention=(alignment,))


def test_the_best_of_each_passage_are_joined_and_only_a_single_passage_has_alternatives():
    first, second, third = translation("so", -1.0), translation("it", -2.0), translation("is", -4.0)
    whole = join_passages([[first, third], [second]], n_best=2)
    assert (whole.text, whole.score, whole.alternatives) == ("so it", -1.5, ())
    assert [(each.source_starts, each.target_starts) for each in whole.attention] == [((4,), (0,)), ((4,), (3,))]
    alone = join_passages([[first, second, third]], n_best=2)
    assert (alone.text, alone.alternatives) == ("so", (first, second))
    assert join_passages([], n_best=2) == Translation("", 0.0)
