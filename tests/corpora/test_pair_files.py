from __future__ import annotations

from pathlib import Path

import pytest

from nlp_lstm.corpora.pair_files import parallel_files
from nlp_lstm.corpora.pairs import read_pairs
from nlp_lstm.errors import DataError

EN_DE = ("en", "de")


def message_of(source: object, **options) -> str:
    with pytest.raises(DataError) as caught:
        read_pairs(source, **options)
    return str(caught.value)


def test_both_files_are_found_in_the_order_of_the_languages(write):
    write("a.b.en.gz", "x\n")
    write("a.b.de", "y\n")
    assert parallel_files("a.b", EN_DE) == (Path("a.b.en.gz"), Path("a.b.de"))
    assert parallel_files(Path("a.b"), ("de", "en")) == (Path("a.b.de"), Path("a.b.en.gz"))
    assert parallel_files("a.b", ("en", "fr")) is None
    assert parallel_files("a", EN_DE) is None


def test_an_unpacked_file_goes_before_the_packed_one(write):
    for name in ("a.en", "a.en.gz", "a.de"):
        write(name, "x\n")
    assert parallel_files("a", EN_DE) == (Path("a.en"), Path("a.de"))


def test_a_folder_is_no_parallel_file(write):
    write("a.en", "x\n")
    Path("a.de").mkdir()
    assert parallel_files("a", EN_DE) is None


def test_a_missing_file_is_named_with_the_one_that_is_there(write):
    write("train.en.gz", "a\n")
    assert message_of("train", languages=EN_DE) == (
        "train.de: no such file, packed (.gz) or not; expected one beside train.en.gz"
    )
    assert message_of("train", languages=("de", "en")) == (
        "train.de: no such file, packed (.gz) or not; expected one beside train.en.gz"
    )


def test_a_mistyped_prefix_offers_the_nearest(write):
    for name in ("train.en", "train.de", "trial.fr", "val.en"):
        write(name, "a\n")
    missing = "trian.en: no such file, packed (.gz) or not, nor trian.de"
    assert message_of("trian", languages=EN_DE) == f"{missing}; did you mean 'train'?"
    assert message_of("trian", languages=EN_DE, data_format="parallel") == f"{missing}; did you mean 'train'?"
    missing = "zzz.en: no such file, packed (.gz) or not, nor zzz.de"
    assert message_of("zzz", languages=EN_DE) == missing


def test_a_missing_folder_is_told(write, tmp_path):
    assert message_of("no/train", languages=EN_DE) == (
        "no/train.en: no such file, packed (.gz) or not, nor no/train.de; the folder 'no' does not exist either"
    )


@pytest.mark.parametrize("name", ["train.en", "train.de"])
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_one_of_two_files_in_place_of_the_prefix_is_refused_with_the_prefix(write, name, ending):
    write("train.en" + ending, "a\n")
    write("train.de" + ending, "a\n")
    for given in {name, name + ending}:
        assert message_of(given, languages=EN_DE) == (
            f"{given}: is one of two parallel files; expected what both names begin with, 'train'"
        )


def test_a_file_called_by_a_language_that_has_no_partner_is_read_as_it_is(write):
    path = write("pairs.en", "a\tb\n")
    assert len(read_pairs(path, languages=EN_DE).pairs) == 1


def test_a_prefix_without_languages_is_told_of_the_files_that_begin_so(write):
    for language in ("de", "en", "fr"):
        write(f"train.{language}", "a\n")
    assert message_of("train") == (
        "train: no such file, but there are train.de, train.en, train.fr; "
        "--source-lang en --target-lang de, or the other way round, reads two of them as sentence pairs"
    )
    for language in ("it", "pl"):
        write(f"train.{language}", "a\n")
    assert "train.de, train.en, train.fr, train.it, ...;" in message_of("train")
    assert message_of("train.f") == "train.f: no such file; did you mean 'train.fr'?"


def test_a_single_file_that_begins_so_is_offered_as_any_other(write):
    write("train.en", "a\n")
    assert message_of("train") == "train: no such file; did you mean 'train.en'?"


def test_a_prefix_that_ends_in_a_language_is_one_if_its_two_files_are_there(write):
    for name, content in (("a.en", "x\n"), ("a.de", "y\n"), ("a.en.en", "one\n"), ("a.en.de", "eins\n")):
        write(name, content)
    [pair] = read_pairs("a.en", languages=EN_DE).pairs
    assert (pair.source_text, pair.target_text) == ("one", "eins")
