"""The view of a translator: what each piece of a translation attends to, as tables of weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import accumulate
from typing import Any, ClassVar

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from nlp_lstm.corpora.reading import Record
from nlp_lstm.records.predictions import Alignment, Translation
from nlp_lstm.text.visible import visible

BLANK = "\N{OPEN BOX}"
"""Stands for a token of white space."""
NARROW, WIDE = 3, 12
"""Columns of the terminal that a source token takes, at least and at most; a longer one is folded."""
LABEL = 20
"""Columns that a target token takes at most."""
SHADES = ("dim", "", "white on #6a7683", "white on #4a7ba6", "white on #2178c4", "bold white on #0062d6")
"""From no weight to all of it; of one lightness, so that the numbers can be read on dark terminals and light ones."""
N_LEVELS = 10
"""Shades on a page."""

SHADED_CELLS = "".join(
    f"td.w{level} {{ background: rgb(23 78 166 / {level / N_LEVELS:.0%});{' color: #fff;' if level > 7 else ''} }}\n"
    for level in range(1, N_LEVELS + 1)
)


class AlignedText:
    """Shows each translation with a table for each window of its text: source across, target down.

    A number is the share of the attention in percent; below half a percent there is none.
    """

    options: ClassVar[Mapping[str, Any]] = {"attention": True}
    style: ClassVar[str] = (
        """body { counter-reset: sentence; max-width: none; }
section { counter-increment: sentence; border-top: 1px solid #ccc; padding: 0.7em 0; }
section::before { content: counter(sentence); float: right; color: #666; }
p { margin: 0 2em 0.2em 0; white-space: pre-wrap; overflow-wrap: anywhere; }
p.target, summary { font-weight: bold; }
div { overflow-x: auto; margin: 0.5em 0; }
table { border-collapse: collapse; font-size: 0.85em; line-height: 1.3; }
th { font-weight: normal; white-space: nowrap; }
thead th { vertical-align: bottom; padding: 0.3em 0; }
thead span { writing-mode: vertical-rl; transform: rotate(180deg); }
tbody th { text-align: right; padding: 0 0.5em 0 0; position: sticky; left: 0; background: #fff; }
td { min-width: 2em; text-align: center; border: 1px solid #eee; print-color-adjust: exact; }
"""
        + SHADED_CELLS
    )

    def show(self, record: Record, translation: Translation) -> RenderableType:
        """Return the translation and its tables for a terminal."""
        line = Text(visible(translation.to_text()))
        return Group(line, *(AlignmentGrid(each) for each in translation.attention)) if translation.attention else line

    def page(self, record: Record, translation: Translation) -> str:
        """Return text, translation and tables; what was asked for besides the best one can be unfolded."""
        source, target = (escape(visible(text)) for text in (record.text, translation.text))
        others = (
            f"<details><summary dir=auto>{escape(visible(each.text))}</summary>{_tables(each)}</details>\n"
            for each in translation.alternatives[1:]
        )
        body = (
            f"<p dir=auto>{source}</p>\n<p class=target dir=auto>{target}</p>\n{_tables(translation)}{''.join(others)}"
        )
        return f"<section>\n{body}</section>"

    def line_of(self, translation: Translation) -> Translation:
        """Return it without attention."""
        return translation.without_attention()


class AlignmentGrid:
    """The weights of an alignment for a terminal, its source in several parts where it is too long for one."""

    def __init__(self, alignment: Alignment) -> None:
        self.source = [shown(token) for token in alignment.source_tokens]
        self.target = [shown(token) for token in alignment.target_tokens]
        self.weights = alignment.weights

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        label = min(LABEL, max(map(cell_len, self.target), default=1))
        for columns, widths in blocks(self.source, options.max_width - label):
            yield ""
            yield self._table(columns, widths, label)

    def _table(self, columns: slice, widths: Sequence[int], label: int) -> Table:
        """Return a table of some of the source tokens."""
        table = Table(box=None, padding=(0, 0, 0, 1), pad_edge=False, header_style="")
        table.add_column("%", width=label, overflow="fold", justify="right")
        for token, width in zip(self.source[columns], widths, strict=True):
            table.add_column(Text(token), width=width, overflow="fold", justify="right")
        for token, row in zip(self.target, self.weights[:, columns].tolist(), strict=True):
            table.add_row(Text(token), *map(_cell, row))
        return table


def blocks(tokens: Sequence[str], room: int) -> Iterator[tuple[slice, list[int]]]:
    """Yield which tokens go beside each other in so much room, and how wide each is, a blank before it apart.

    All of them, the longer ones folded, if they fit; else as many as fit at half of the widest, and the rest below.

    >>> list(blocks(["a", "sleeping", "dog"], 18))
    [(slice(0, 3, None), [3, 8, 3])]
    >>> list(blocks(["a", "sleeping", "dog"], 16))
    [(slice(0, 3, None), [3, 7, 3])]
    >>> list(blocks(["a", "sleeping", "dog"], 12))
    [(slice(0, 2, None), [3, 6]), (slice(2, 3, None), [3])]
    """
    lengths = [max(NARROW, cell_len(token)) for token in tokens]
    for widest in range(WIDE, NARROW, -1):
        widths = [min(length, widest) for length in lengths]
        if sum(widths) + len(widths) <= room:
            yield slice(0, len(tokens)), widths
            return
    widths = [min(length, WIDE // 2) for length in lengths]
    start = 0
    while start < len(widths):
        ends = accumulate(width + 1 for width in widths[start:])
        stop = start + max(1, sum(end <= room for end in ends))
        yield slice(start, stop), widths[start:stop]
        start = stop


def shown(token: str) -> str:
    """Return a token as it is shown: on one line, without blanks around it, unless there is nothing else.

    >>> shown(" dog"), shown(" \\n")
    ('dog', '␣')
    """
    return visible(" ".join(token.split())) or BLANK


def _cell(weight: float) -> Text:
    percent = round(100 * weight)
    return Text(str(percent) if percent else "·", style=SHADES[min(int(weight * len(SHADES)), len(SHADES) - 1)])


def _tables(translation: Translation) -> str:
    return "".join(f"<div>{alignment_table(each)}</div>\n" for each in translation.attention)


def alignment_table(alignment: Alignment) -> str:
    """Return the weights of an alignment as a table of a page; `AlignedText.style` has its rules."""
    heads = "".join(f"<th scope=col><span dir=auto>{escape(shown(token))}</span>" for token in alignment.source_tokens)
    rows = (
        f"<tr><th scope=row dir=auto>{escape(shown(token))}{''.join(map(_html_cell, row))}\n"
        for token, row in zip(alignment.target_tokens, alignment.weights.tolist(), strict=True)
    )
    return f"<table><thead><tr><td>{heads}</thead>\n<tbody>\n{''.join(rows)}</tbody></table>"


def _html_cell(weight: float) -> str:
    percent, level = round(100 * weight), round(N_LEVELS * weight)
    return f"<td{f' class=w{level}' if level else ''}>{percent or ''}"
