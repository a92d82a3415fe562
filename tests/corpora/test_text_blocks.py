"""Plain texts in files: what is read, where it is cut, and which part is held out."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_lstm.corpora import text_blocks
from nlp_lstm.corpora.text_blocks import PlainText, find_text, read_blocks, split_text
from nlp_lstm.errors import DataError, UsageError

TEXT = "Häuser am See,\r\n\r\n  so it goes\x0b\x0c\x1c\x85\u2028… 😀\n\n\n\ttab  and the end"
ODD = st.text(st.sampled_from("ab é😀\n\n\r\t\x0b\x85\u2028"), max_size=60)


def plain(*paths):
    return PlainText(", ".join(map(str, paths)), tuple(map(str, paths)))


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz"])
@pytest.mark.parametrize("size", [1, 7, 1_000_000])
def test_the_blocks_are_every_character_of_the_file(write, name, size):
    blocks = list(read_blocks(plain(write(name, TEXT)), size=size))
    assert "".join(blocks) == TEXT
    assert all(blocks)


@settings(deadline=None)
@given(st.lists(ODD, min_size=1, max_size=4), st.integers(1, 40), st.integers(0, 80), st.integers(0, 80))
def test_files_run_on_and_a_part_is_what_lies_between_two_places(tmp_path_factory, texts, size, begin, more):
    folder = tmp_path_factory.mktemp("texts")
    paths = [folder / f"{number}.txt" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_bytes(text.encode())
    whole = "".join(texts)
    assert "".join(read_blocks(plain(*paths), size=size)) == whole
    for end in (begin + more, None):
        part = replace(plain(*paths), begin=begin, end=end)
        blocks = list(read_blocks(part, size=size))
        assert "".join(blocks) == whole[begin:end] == part.text
        assert len(part) == len(whole[begin:end])
        assert all(len(block) >= size for block in blocks[:-1])


def test_blocks_end_where_lines_do_and_are_little_longer_than_asked(write):
    lines = [f"{'x' * (number % 90)}\n" for number in range(2_000)]
    blocks = list(read_blocks(plain(write("a.txt", "".join(lines))), size=500))
    assert all(block.endswith("\n") for block in blocks)
    assert all(500 <= len(block) < 500 + 90 for block in blocks[:-1])


def test_a_file_without_a_last_line_end_runs_on_into_the_next(write):
    paths = [write("a.txt", "one\ntwo"), write("b.txt", "three\nfour\n")]
    assert list(read_blocks(plain(*paths), size=6)) == ["one\ntwothree\n", "four\n"]


def test_only_a_line_longer_than_a_block_is_cut_and_before_a_blank(write):
    text = "short\n" + "four " * 30 + "\n" + "x" * 45 + "\nend"
    blocks = list(read_blocks(plain(write("a.txt", text)), size=20))
    assert "".join(blocks) == text
    assert max(map(len, blocks)) <= 40
    cuts = [after for before, after in pairwise(blocks) if not before.endswith("\n")]
    assert cuts
    assert all(after.startswith((" four", "x")) for after in cuts)


def test_a_byte_order_mark_is_no_character_of_the_text(write):
    paths = [write("a.txt", "\ufeffone\n"), write("b.txt", "\ufefftwo\n")]
    assert list(read_blocks(plain(*paths))) == ["one\ntwo\n"]


def test_a_damaged_byte_is_named_by_file_and_line(write):
    paths = [write("a.txt", "fine\n"), write("b.txt.gz", b"fine\nna\xefve\n")]
    with pytest.raises(DataError, match=r"line 2 of b\.txt\.gz: byte 0xef is not UTF-8 \(byte 3 of the line"):
        list(read_blocks(plain(*paths)))


def test_a_missing_file_is_named(write):
    write("train.txt", "x")
    with pytest.raises(DataError, match=r"trian\.txt: no such file; did you mean 'train\.txt'"):
        list(read_blocks(plain("trian.txt")))


def test_files_are_read_as_far_as_asked(write, monkeypatch):
    path = write("a.txt", "line\n" * 100)
    taken = []
    opened = text_blocks.open_lines

    def spy(source):
        taken.append(source)
        return opened(source)

    monkeypatch.setattr(text_blocks, "open_lines", spy)
    blocks = read_blocks(plain(path, "missing.txt"), size=50)
    assert len(next(blocks)) == 50
    assert taken == [str(path)]


def test_a_folder_and_a_pattern_stand_for_their_files_in_order(write, tmp_path):
    for name in ("b.txt", "a.txt", "c.txt.gz", "d.md"):
        write(name, f"{name}\n")
    (tmp_path / "e.txt").mkdir()
    assert find_text(str(tmp_path)).text == "a.txt\nb.txt\nc.txt.gz\n"
    assert find_text("[ad].*").text == "a.txt\nd.md\n"
    assert find_text("b.txt") == PlainText("b.txt", ("b.txt",))


def test_a_file_that_is_called_like_a_pattern_is_that_file(write):
    write("[a].txt", "brackets")
    write("a.txt", "none")
    assert find_text("[a].txt").text == "brackets"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("-", r"^-: expected a file, a folder or a pattern: a text is read more than once$"),
        ("hf:wikitext", "expected a file, a folder or a pattern"),
        ("storys.txt", r"^storys\.txt: no such file; did you mean 'stories\.txt'\?$"),
        ("*.md", r"^\*\.md: no file has such a name$"),
        ("empty", r"^empty: holds no file that ends in \.txt or \.txt\.gz$"),
    ],
)
def test_what_is_no_text_is_refused(write, tmp_path, source, message):
    write("stories.txt", "so")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=message):
        find_text(source)


@settings(deadline=None)
@given(texts=st.lists(ODD, min_size=1, max_size=4), fraction=st.sampled_from([0.1, 0.25, 0.5, 0.9]))
def test_the_end_is_held_out_to_the_character(tmp_path_factory, texts, fraction):
    folder = tmp_path_factory.mktemp("texts")
    whole = "".join(texts)
    sources = []
    for number, text in enumerate(texts):
        (folder / f"{number}.txt").write_bytes(text.encode())
        sources.append(plain(folder / f"{number}.txt"))
    if len(whole) < 2:
        with pytest.raises(DataError, match="expected two or more, to hold some out"):
            split_text(sources, fraction)
        return
    before, behind = split_text(sources, fraction)
    place = min(max(1, int(len(whole) * (1 - fraction) + 1e-6)), len(whole) - 1)
    assert "".join(each.text for each in before) == whole[:place]
    assert "".join(each.text for each in behind) == whole[place:]


def test_of_a_part_a_part_is_held_out(write):
    text = replace(plain(write("a.txt", "0123456789")), begin=2, end=8)
    before, behind = split_text([text], 0.5)
    assert (before[0].text, behind[0].text) == ("234", "567")


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, 90])
def test_a_fraction_that_is_none_is_refused(write, fraction):
    with pytest.raises(UsageError, match="fraction to hold out: expected a number between 0 and 1"):
        split_text([plain(write("a.txt", "so it goes"))], fraction)


def test_tiny_shakespeare_is_split_as_published(real_data):
    before, behind = split_text([find_text(str(real_data("tinyshakespeare") / "input.txt"))], 0.1)
    assert (len(before[0]), len(behind[0])) == (1_003_854, 111_540)
    assert behind[0].text.startswith("?\n\nGREMIO:\n")
