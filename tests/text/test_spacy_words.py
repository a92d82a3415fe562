"""Words by the rules of spaCy."""

from __future__ import annotations

import builtins
import gzip
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nlp_lstm.errors import UsageError
from nlp_lstm.text import spacy_words
from nlp_lstm.text.spacy_words import SpacyWords, check_language, languages
from tests.growth import growth

SAMPLES = Path(__file__).parents[2] / "data"


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


@pytest.mark.parametrize(
    ("language", "texts"),
    [
        ("en", ["I'm in N.Y.C. :) (see http://a.b/c?d=e), don't.", "10km/h... 'twas  a.m.\n\nU.S.-based :-( x"]),
        ("de", ["z.B. 3,5%-ige Lösung, d.h. »gut« – so'n Ding.", "www.a.de/b und/oder 5. Mai"]),
        ("es", ["¿EE. UU. o no? Sr. López", "el EE. UU.\nvs. 3 p.m."]),  # `EE. UU.` is one token
        ("xx", ["don't :) a/b"]),
    ],
)
def test_cutting_run_by_run_gives_what_spacy_gives(language, texts):
    import spacy

    whole = spacy.blank(language).tokenizer
    for text in texts:
        words = [word for word in whole(text) if not word.is_space]
        tokens = SpacyWords(language)(text)
        assert list(tokens.texts) == [word.text for word in words]
        assert list(tokens.starts) == [word.idx for word in words]


@pytest.mark.parametrize(
    ("language", "name"), [("en", "ud_english_ewt/en_ewt-ud-dev.conllu.gz"), ("de", "multi30k/train.de.gz")]
)
def test_real_text_is_cut_as_spacy_cuts_it(real_data, language, name):
    import spacy

    folder, file = name.split("/")
    with gzip.open(real_data(folder) / file, "rt", encoding="utf-8") as lines:
        texts = [line for line, _ in zip(lines, range(3_000), strict=False)]
    whole = spacy.blank(language).tokenizer
    expected = [[word.text for word in whole(text) if not word.is_space] for text in texts]
    assert list(SpacyWords(language).keys(texts)) == expected


@pytest.mark.parametrize("language", ["en", "es"])  # cut run by run, and as a whole
@pytest.mark.parametrize("text", ["{}", "so {} it (goes)", "(a.b{}can't)", "{}y ¿no?"])
@pytest.mark.parametrize("signs", ["(" * 600, "<&" * 200, "=" * 257, "_" * 512])
def test_long_rows_of_signs_are_cut_as_spacy_cuts_them(language, text, signs):
    import spacy

    text = text.format(signs)
    words = [word for word in spacy.blank(language).tokenizer(text) if not word.is_space]
    tokens = SpacyWords(language)(text)
    assert list(tokens.texts) == [word.text for word in words]
    assert list(tokens.starts) == [word.idx for word in words]
    assert next(SpacyWords(language).keys([text])) == list(tokens.texts)


@pytest.mark.parametrize("signs", ["..." * 300, "-" * 700, ":-)" * 300, "<3" * 500])
def test_every_character_of_a_row_of_signs_stands_in_a_token(signs):
    tokens = SpacyWords()(f"so{signs} it")
    assert "".join(tokens.texts) == f"so{signs}it"
    assert all(
        f"so{signs} it"[start:].startswith(word) for start, word in zip(tokens.starts, tokens.texts, strict=True)
    )


def test_rows_of_signs_as_people_write_them_are_left_whole():
    for signs in ("." * 256, "-" * 256, "~" * 100):
        assert signs in SpacyWords("xx")(f"one {signs} two").texts


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("row", ["({}", "<&{}", "{})"])
def test_the_cost_of_signs_grows_with_their_number(language, row):
    """Growth by 8 for linear, 64 for quadratic time; new rules each time, since spaCy remembers rows."""
    before, after = row.split("{}")

    def seconds(amount: int) -> float:
        text = f"{before * amount}it{after * amount}"
        spacy_words._build.cache_clear()
        SpacyWords(language)("ready")
        begun = time.process_time()
        SpacyWords(language)(text)
        return time.process_time() - begun

    assert growth(seconds, 300) < 20


def test_the_sample_data_are_cut_as_without_portions(monkeypatch):
    texts = [path.read_text(encoding="utf-8") for path in sorted(SAMPLES.rglob("*")) if path.is_file()]
    assert sum(map(len, texts)) > 100_000
    cut = [tokens.starts for tokens in map(SpacyWords(), texts)]
    monkeypatch.setattr(spacy_words, "_portions", lambda text: [text])
    spacy_words._build.cache_clear()
    assert [tokens.starts for tokens in map(SpacyWords(), texts)] == cut
    spacy_words._build.cache_clear()


def test_a_rule_across_white_space_is_kept():
    assert SpacyWords("es")("los EE. UU. no").texts == ("los", "EE. UU.", "no")


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


@pytest.mark.parametrize("text", ["word{}", "a,b{}" * 2])
def test_the_memory_of_a_long_stream_is_bounded(monkeypatch, text):
    monkeypatch.setattr(spacy_words, "MAX_REMEMBERED", 2_000)
    sizes = []
    for number, keys in enumerate(SpacyWords("xx").keys(text.format(n, n) for n in range(6_000))):
        assert "".join(keys) == text.format(number, number)
        sizes.append(spacy_words._build("xx").remembered)
    assert max(sizes) <= 2_010


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
