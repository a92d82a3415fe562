from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest

from nlp_lstm.corpora.opening import decode_lines, open_lines
from nlp_lstm.errors import DataError


def lines_of(source, **options):
    with open_lines(source, **options) as lines:
        return list(lines)


def texts_of(source, **options):
    return [line.text for line in lines_of(source, **options)]


def test_lines_end_at_line_feeds_only_and_one_carriage_return_before_them_goes(write):
    path = write("a.txt", "a\x0bb\x0cc\x1cd\x85e\u2028f\rg\r\r\n\nh")
    assert texts_of(path) == ["a\x0bb\x0cc\x1cd\x85e\u2028f\rg\r", "", "h"]


def test_a_last_line_with_and_without_its_end_is_the_same(write):
    assert texts_of(write("a", "x\ny\n")) == texts_of(write("b", "x\ny")) == ["x", "y"]


def test_packed_files_read_like_plain_ones(write):
    content = "one\nnaïve\n" * 3
    assert texts_of(write("a.txt.gz", content)) == texts_of(write("a.txt", content))
    assert texts_of(write("A.GZ", gzip.compress(content.encode()))) == texts_of("a.txt")


def test_a_byte_order_mark_goes_from_the_start_only(write):
    assert texts_of(write("a.txt", "\ufeffone\n\ufefftwo\n")) == ["one", "\ufefftwo"]


def test_bad_bytes_are_named_by_line_byte_and_offset_in_the_file(write):
    path = write("a.txt", b"\xef\xbb\xbfab\ncd\xe9f\nok\n\xe2\x82")
    found = [line.problem for line in lines_of(path)]
    assert [str(problem) if problem else None for problem in found] == [
        None,
        "line 2 of a.txt: byte 0xe9 is not UTF-8 (byte 3 of the line, offset 8 in the file); expected UTF-8",
        None,
        "line 4 of a.txt: byte 0xe2 is not UTF-8 (byte 1 of the line, offset 14 in the file); expected UTF-8",
    ]
    assert path.read_bytes()[8] == 0xE9
    assert path.read_bytes()[14] == 0xE2


def test_the_offset_on_the_first_line_counts_the_mark(write):
    [line] = lines_of(write("a.txt", b"\xef\xbb\xbfa\xff"))
    assert "byte 2 of the line, offset 4 in the file" in str(line.problem)


def test_utf16_is_refused_by_name(write):
    with pytest.raises(DataError, match=r"a\.txt: is UTF-16; expected UTF-8"):
        lines_of(write("a.txt", "one\n".encode("utf-16")))


def test_a_file_that_is_not_gzip_is_refused(write):
    Path(write("x", "")).with_name("a.csv.gz").write_text("text,label\n")
    with pytest.raises(DataError, match=r"a\.csv\.gz: the gzip data is damaged: Not a gzipped file"):
        lines_of("a.csv.gz")


def test_a_gzip_file_that_was_cut_off_says_after_which_line(write):
    path = write("a.txt.gz", "".join(f"line {number * number}\n" for number in range(5000)))
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(DataError, match=r"a\.txt\.gz: the gzip data is damaged after line \d+: Compressed file"):
        lines_of(path)


def test_gzip_data_with_a_changed_byte_is_refused(write):
    path = write("a.txt.gz", "".join(f"line {number * number}\n" for number in range(5000)))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(DataError, match="the gzip data is damaged"):
        lines_of(path)


def test_a_missing_file_names_the_nearest_in_its_folder(write):
    write("train.csv", "x")
    write("notes.md", "x")
    with pytest.raises(DataError) as caught:
        lines_of("trian.csv")
    assert str(caught.value) == "trian.csv: no such file; did you mean 'train.csv'?"
    with pytest.raises(DataError) as caught:
        lines_of("zzz")
    assert str(caught.value) == "zzz: no such file"
    with pytest.raises(DataError) as caught:
        lines_of("folder/train.csv")
    assert str(caught.value) == "folder/train.csv: no such file; the folder 'folder' does not exist either"


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(DataError, match="is a folder; expected a file"):
        lines_of(tmp_path)


def test_standard_input_is_read_from_the_stream_given():
    assert texts_of("-", stdin=io.BytesIO(b"\xef\xbb\xbfone\n\ntwo")) == ["one", "", "two"]


def test_lines_come_one_at_a_time():
    taken = []

    def stream():
        for number in range(1000):
            taken.append(number)
            yield b"x\n"

    lines = decode_lines(stream(), "a")
    next(lines)
    next(lines)
    assert len(taken) == 2
