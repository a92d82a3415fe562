"""fastText's labelled lines: `__label__positive a fine film`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import partial

from nlp_lstm.corpora.problems import Problem
from nlp_lstm.corpora.rows import Line, Row, Wanted, each_line

LABEL_PREFIX = "__label__"
# A label is any word that starts so; fastText's words end at these blanks and no others.
_LABEL = re.compile(r"(?<![^ \t\v\f\r\0])__label__[^ \t\v\f\r\0]*")


def read_fasttext(lines: Iterable[Line], wanted: Wanted) -> Iterator[Row | Problem]:
    """Yield the rows of fastText lines that have one label each, at the start.

    Where labels are not asked for, a line without one is all text.
    """
    return each_line(lines, partial(_parse, wanted=wanted))


def _parse(line: Line, *, wanted: Wanted) -> Row | Problem:
    content = line.text
    if not content:
        return wanted.problem(line.number, "columns", f"a blank line; expected `{LABEL_PREFIX}LABEL text`")
    labels = _LABEL.findall(content)
    if len(labels) > 1:
        message = f"{len(labels)} labels ({', '.join(labels)}); expected one: a text has one label here"
        return wanted.problem(line.number, "several-labels", message)
    if not content.startswith(LABEL_PREFIX):
        if wanted.labelled or labels:
            message = f"the line does not start with `{LABEL_PREFIX}`; expected `{LABEL_PREFIX}LABEL text`"
            return wanted.problem(line.number, "syntax", message)
        return Row(line.number, content, None, {"text": content})
    text = content[len(labels[0]) :]
    text = text[1:]  # the one blank or TAB after the label
    label = labels[0].removeprefix(LABEL_PREFIX)
    return wanted.row(line.number, text, label or None, {"text": text, "label": label})
