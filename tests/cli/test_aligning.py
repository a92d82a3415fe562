"""Tables of attention: of known weights, on terminals of several widths and on a page."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from html.parser import HTMLParser

import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console

from nlp_lstm.cli.aligning import AlignedText, blocks
from nlp_lstm.corpora.reading import Record
from nlp_lstm.records.predictions import Alignment, Translation

DOG = Alignment(
    ("The", " sleeping", " dog", "."),
    (0, 3, 12, 16),
    ("Der", " Hund", " ", "."),
    (0, 3, 8, 9),
    np.array([[0.96, 0.02, 0.02, 0], [0.004, 0.25, 0.746, 0], [0.25, 0.25, 0.25, 0.25], [0, 0, 0, 1]], np.float32),
)
RECORD = Record("The sleeping dog.", {})


def aligned(n_source: int, n_target: int, word: str = "word") -> Alignment:
    """Return an alignment of numbered words in which token t looks at token t."""
    tokens = [tuple(f" {word}{number}" for number in range(n)) for n in (n_source, n_target)]
    starts = [tuple(range(len(those))) for those in tokens]
    return Alignment(tokens[0], starts[0], tokens[1], starts[1], np.eye(n_target, n_source, dtype=np.float32))


def drawn(translation: Translation, width: int, **options: object) -> list[str]:
    """Return the lines that a terminal of a width shows."""
    console = Console(file=io.StringIO(), width=width, **{"color_system": None, **options})
    with console.capture() as captured:
        console.print(AlignedText().show(RECORD, translation), end="")
    return [line.rstrip() for line in captured.get().split("\n")]


def test_weights_stand_in_percent_below_the_source_and_beside_the_target():
    assert drawn(Translation("Der Hund .", -0.1, attention=(DOG,)), 100) == [
        "Der Hund .",
        "",
        "   % The sleeping dog   .",
        " Der  96        2   2   ·",
        "Hund   ·       25  75   ·",
        "   ␣  25       25  25  25",
        "   .   ·        ·   · 100",
        "",
    ]


def test_long_tokens_are_folded_where_there_is_no_room():
    assert drawn(Translation("Der Hund .", -0.1, attention=(DOG,)), 23)[2:5] == [
        "         sleepi",
        "   % The     ng dog   .",
        " Der  96      2   2   ·",
    ]


def test_a_translation_without_attention_is_its_line():
    assert drawn(Translation("so [b]it[/b]\x1b[31m", -0.1), 10) == ["so", "[b]it[/b]␛", "[31m"]


@pytest.mark.parametrize("word", ["w", "photographer", "日本語"])
def test_fifteen_words_stand_side_by_side_in_a_hundred_columns(word):
    lines = drawn(Translation("x", -0.1, attention=(aligned(15, 12, word),)), 100)
    rows = [line.split() for line in lines[-13:-1]]
    assert [[cell for cell in row[-15:] if cell != "·"] for row in rows] == [["100"]] * 12
    assert max(map(cell_len, lines)) <= 100


@pytest.mark.parametrize("width", [20, 60, 100])
@pytest.mark.parametrize("word", ["w", "photographer", "日本語"])
def test_a_longer_sentence_goes_on_below_and_loses_no_token(width, word):
    lines = drawn(Translation("x", -0.1, attention=(aligned(40, 40, word),)), width)
    assert max(map(cell_len, lines)) <= width
    tables = "\n".join(lines).split("\n\n")[1:]
    assert len(tables) > 1
    assert sum(len(re.findall(r"\b100\b", table)) for table in tables) == 40
    assert sum(table.count("·") for table in tables) == 40 * 39


def test_blocks_cover_every_token_once():
    for n_tokens in range(60):
        tokens = ["w" * (number % 14 + 1) for number in range(n_tokens)]
        for room in (1, 5, 33, 80):
            found = list(blocks(tokens, room))
            assert [token for columns, _ in found for token in tokens[columns]] == tokens
            assert all(sum(widths) + len(widths) <= max(room, 7) for _, widths in found)


def test_heavier_weights_have_other_colours():
    row = Alignment(("a",) * 6, (0,) * 6, ("b",), (0,), np.array([[0.01, 0.2, 0.4, 0.6, 0.8, 1]], np.float32))
    found = "\n".join(
        drawn(Translation("b", -0.1, attention=(row,)), 80, color_system="truecolor", force_terminal=True)
    )
    styles = {number: style for style, number in re.findall(r"\x1b\[([\d;]*)m *(\d+)\x1b", found)}
    assert styles.keys() == {"1", "40", "60", "80", "100"} and " 20 " in found
    assert len(set(styles.values())) == 5


def test_an_empty_translation_shows_what_there_was_to_look_at():
    empty = Alignment(("a",), (0,), (), (), np.zeros((0, 1), np.float32))
    assert drawn(Translation("", 0.0, attention=(empty,)), 40) == ["", "", "%   a", ""]


def test_numbers_can_be_read_on_every_shade_of_a_page():
    """A contrast of 4.5 to 1 or more, as WCAG 2 computes it, black on the empty cell being 21 to 1."""

    def luminance(colour: Sequence[float]) -> float:
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    rule = r"td\.w\d+ \{ background: rgb\((\d+) (\d+) (\d+) / (\d+)%\);( color: #fff;)? \}"
    shades = re.findall(rule, AlignedText.style)
    assert len(shades) == 10
    for *colour, percent, white in shades:
        share = int(percent) / 100
        behind = luminance([share * int(part) / 255 + (1 - share) for part in colour])
        letters = 1.0 if white else luminance([0x11 / 255] * 3)
        assert (max(behind, letters) + 0.05) / (min(behind, letters) + 0.05) >= 4.5


class Page(HTMLParser):
    """The cells of each table row of a page, and all its tags."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.feed(content)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, text: str) -> None:
        if self.rows and self.tags[-1] in ("td", "th", "span", "tr"):
            self.rows[-1][-1] += text.strip()
        elif text.strip():
            self.texts.append(text.strip())


def test_a_page_has_the_same_tables():
    page = Page(AlignedText().page(RECORD, Translation("Der Hund .", -0.1, attention=(DOG,))))
    assert page.texts == ["The sleeping dog.", "Der Hund ."]
    assert page.rows == [
        ["", "The", "sleeping", "dog", "."],
        ["Der", "96", "2", "2", ""],
        ["Hund", "", "25", "75", ""],
        ["␣", "25", "25", "25", "25"],
        [".", "", "", "", "100"],
    ]


def test_a_page_unfolds_what_else_was_found_with_its_own_table():
    other = Translation("Hund <i>", -0.5, attention=(aligned(4, 1, "<i>"),))
    best = Translation("Der Hund .", -0.1, attention=(DOG,))
    content = AlignedText().page(Record("<script>alert(1)</script> & \x00", {}), Translation(*_parts(best, other)))
    page = Page(content)
    assert page.texts == ["<script>alert(1)</script> & ␀", "Der Hund .", "Hund <i>"]
    assert page.rows[-2:] == [["", "<i>0", "<i>1", "<i>2", "<i>3"], ["<i>0", "100", "", "", ""]]
    assert page.tags.count("details") == 1
    assert not {"script", "i"} & set(page.tags)


def _parts(best: Translation, other: Translation) -> tuple[object, ...]:
    return best.text, best.score, (best, other), best.attention
