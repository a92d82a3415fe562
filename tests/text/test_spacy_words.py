"""Words by the rules of spaCy."""

from __future__ import annotations

import builtins
import subprocess
import sys

import pytest

from nlp_lstm.errors import UsageError
from nlp_lstm.text import spacy_words
from nlp_lstm.text.spacy_words import SpacyWords, check_language, languages


@pytest.mark.parametrize(
    ("language", "text", "tokens"),
    [
        ("en", "I can't see the U.K., Dr. No...", "I ca n't see the U.K. , Dr. No ..."),
        ("de", "Der 5. Stock z.B. ist groß.", "Der 5. Stock z.B. ist groß ."),
        ("es", "¿Qué tal?", "¿ Qué tal ?"),
        ("xx", "can't stop", "can't stop"),
    ],
)
def test_a_text_is_cut_by_the_rules_of_its_language(language, text, tokens):
    assert list(SpacyWords(language)(text).texts) == tokens.split()


@pytest.mark.slow  # the French rules take seconds to load
def test_french_is_cut_by_french_rules():
    assert SpacyWords("fr")("l'homme qu'il aime").texts == ("l'", "homme", "qu'", "il", "aime")


def test_white_space_is_dropped_and_offsets_count_it():
    tokens = SpacyWords()("  so \n\n\tit  goes ")
    assert tokens.texts == ("so", "it", "goes")
    assert tokens.starts == (2, 8, 12)


def test_lower_case_leaves_the_cutting_alone():
    tokens = SpacyWords(lowercase=True)("CAN'T stop İT")
    assert tokens.texts == SpacyWords()("CAN'T stop İT").texts
    assert list(tokens.keys) == [token.lower() for token in tokens.texts]


def test_a_text_beyond_the_limit_of_spacys_pipeline_is_cut():
    text = "so it goes " * 100_000  # 1.1 million characters; `nlp(text)` refuses more than a million
    assert sum(map(len, SpacyWords().keys([text]))) == 300_000


def test_texts_are_read_as_they_are_asked_for():
    read = []

    def texts():
        for number in range(10_000):
            read.append(number)
            yield f"text {number}"

    keys = SpacyWords().keys(texts())
    assert next(keys) == ["text", "0"]
    assert len(read) < 5_000


def test_every_text_of_many_batches_comes_back_in_order():
    keys = list(SpacyWords("xx").keys(f"n{number}" for number in range(2_345)))
    assert keys == [[f"n{number}"] for number in range(2_345)]


def test_the_memory_of_a_long_stream_is_bounded(monkeypatch):
    monkeypatch.setattr(spacy_words, "MAX_REMEMBERED_STRINGS", 2_000)
    monkeypatch.setattr(spacy_words, "_BATCH_SIZE", 100)
    sizes = []
    cut = SpacyWords("xx")
    for number, keys in enumerate(cut.keys(f"word{number}" for number in range(6_000))):
        assert keys == [f"word{number}"]
        sizes.append(len(spacy_words._build("xx").vocab.strings))
    assert max(sizes) <= 3_000


def test_an_unknown_language_names_the_nearest():
    with pytest.raises(UsageError, match=r"language 'xxx' is not one of spaCy's; did you mean 'xx'\?"):
        check_language("xxx")
    with pytest.raises(UsageError, match=r"'\.\./en'"):
        SpacyWords("../en")("text")


def test_a_language_that_needs_a_missing_package_says_which(monkeypatch):
    real_import = builtins.__import__

    def without_sudachi(name, *rest):
        if name.startswith("sudachipy"):
            raise ImportError(name)
        return real_import(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_sudachi)
    with pytest.raises(UsageError, match=r"language 'ja' needs a package: .*SudachiPy"):
        SpacyWords("ja")("text")


def test_languages_are_those_of_spacy_found_without_importing_it():
    assert {"de", "en", "es", "fr", "xx"} <= set(languages())
    code = "import sys; from nlp_lstm.text.spacy_words import languages; languages(); print('spacy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
