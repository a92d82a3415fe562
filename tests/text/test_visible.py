from __future__ import annotations

import json
import sys
import unicodedata

from nlp_lstm.text.visible import quoted, tail, visible


def test_no_control_character_is_left_but_line_ends_and_tabs():
    every = "".join(chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000)
    left = {sign for sign in visible(every) if unicodedata.category(sign) == "Cc"}
    assert left == {"\n", "\t"} and len(visible(every)) == len(every)


def test_nothing_else_is_changed():
    text = "Ünïcode – ok, 漢字 👍 \u200d \u0627\n\tx"
    assert visible(text) == text


def test_an_escape_sequence_becomes_plain_letters():
    assert visible("\x1b]0;title\x07\x9b31m\r") == "␛]0;title␇\ufffd31m␍"


def test_what_is_quoted_stands_on_one_line_and_can_be_read_back():
    text = 'a "b"\n\\ \x1b é 👍\u2028'
    assert json.loads(quoted(text)) == text
    assert not any(unicodedata.category(sign) == "Cc" for sign in quoted(f"{text}\x7f\x9b"))


def test_the_tail_of_a_short_text_is_all_of_it():
    assert tail("abc", width=3) == '"abc"' and tail("abcd", width=3) == '…"bcd"' and tail("") == '""'
