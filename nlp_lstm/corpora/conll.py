"""Tagged sentences in columns, a word a line: the CoNLL formats of the shared tasks, and CoNLL-U."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple

from nlp_lstm.corpora.column_roles import Roles
from nlp_lstm.corpora.problems import Kind, Problem, quoted
from nlp_lstm.corpora.rows import Line
from nlp_lstm.corpora.tagged_rows import TagsWanted, tag_fault, with_text
from nlp_lstm.counting import counted
from nlp_lstm.errors import UsageError
from nlp_lstm.records.examples import TaggedSentence

_DOCUMENT_START = "-DOCSTART-"

CONLLU_COLUMNS = ("_", "word", "_", "tag")
"""What CoNLL-U files are read for unless told otherwise: the words and their universal parts of speech."""

_N_CONLLU_COLUMNS = 10
_UNIVERSAL_PART_OF_SPEECH = 3  # its column
# What ends a row rather than a comment: tags of chunks, and parts of speech as the common tag sets have them.
_TAG_LIKE = re.compile(r"[BIESLUMW]-\S+|[A-Z]{1,5}\$?|-[LR]RB-|[#$.,:()\"'`]{1,2}")
# At most nine digits: Python refuses to read a number of thousands of them.
_ID = re.compile(r"([0-9]{1,9})(?:([-.])([0-9]{1,9}))?")


def read_columns(
    lines: Iterable[Line], source: str, *, columns: Sequence[str] = (), tagged: bool = True
) -> Iterator[TaggedSentence | Problem]:
    """Yield the sentences of a file with a word a line, and a problem for each bad line.

    Columns are parted by tabs in a line that holds one, by blanks in any other; blank lines part sentences.
    A sentence with a bad line is left out. Lines that begin with `-DOCSTART-` are skipped, and so are comments:
    lines that begin with `#` where a sentence would, and do not have the columns of the first word's line. Of those
    that begin with `#` and a blank, all without a tab are comments too if that line has one, and all before that line
    whose last column does not look like a tag: one of a chunk, of up to five capitals, or of signs.

    Args:
        lines: the lines of the file.
        source: the file's name in messages.
        columns: what the columns hold, in order: `word`, `tag`, `auxiliary` (a second tag), `_` for anything else.
            Without names, the first holds the word and the last the tag.
        tagged: whether tags are read, and a word without one is a problem.

    Raises:
        UsageError: the names of the columns are not such.
    """
    return column_sentences(lines, TagsWanted(source, tagged, tuple(columns)))


def read_conllu(
    lines: Iterable[Line], source: str, *, columns: Sequence[str] = (), tagged: bool = True
) -> Iterator[TaggedSentence | Problem]:
    """Yield the sentences of a CoNLL-U file, and a problem for each bad line.

    The words are those of the syntax: ranges (`3-4`) and empty nodes (`5.1`) are skipped. The text is that of the
    comment `# text = ...` where it is these words with blanks around some, else the words joined by blanks, as
    for sentences with ranges. A sentence with a bad line is left out.

    Args:
        lines: the lines of the file.
        source: the file's name in messages.
        columns: what the columns hold, as in `read_columns`; without names, those of `CONLLU_COLUMNS`.
        tagged: whether tags are read, and a word without one is a problem.

    Raises:
        UsageError: the names of the columns are not such, or more than 10.
    """
    return conllu_sentences(lines, TagsWanted(source, tagged, tuple(columns)))


def column_sentences(lines: Iterable[Line], wanted: TagsWanted) -> Iterator[TaggedSentence | Problem]:
    """Yield what `read_columns` does.

    Raises:
        UsageError: the names of the columns are not such.
    """
    return _column_sentences(lines, _Columns(wanted.source, Roles.of(wanted.columns, tagged=wanted.tagged)))


def conllu_sentences(lines: Iterable[Line], wanted: TagsWanted) -> Iterator[TaggedSentence | Problem]:
    """Yield what `read_conllu` does.

    Raises:
        UsageError: the names of the columns are not such, or more than 10.
    """
    columns = wanted.columns or CONLLU_COLUMNS
    if len(columns) > _N_CONLLU_COLUMNS:
        raise UsageError(f"{len(columns)} columns are named; expected 10 at most for CoNLL-U")
    return _conllu_sentences(lines, _Columns(wanted.source, Roles.of(columns, tagged=wanted.tagged)))


class _Columns(NamedTuple):
    """The name of a file for messages, and which of its columns holds what."""

    source: str
    roles: Roles

    def problem(self, line: int, kind: Kind, message: str) -> Problem:
        return Problem(self.source, line, kind, message)


def _column_sentences(lines: Iterable[Line], wanted: _Columns) -> Iterator[TaggedSentence | Problem]:
    shape, lines = _find_shape(iter(lines))
    if shape is not None and shape.n_columns < len(wanted.roles.names):
        yield wanted.problem(shape.line, "columns", _too_few(shape, wanted.roles))
        return
    block, seen = _Block(), False
    for line in lines:
        cells = [] if line.problem else _cells(line.text)
        if line.problem:
            yield block.lost(line.problem)
        elif not cells or cells[0] == _DOCUMENT_START:
            yield from block.sentence(wanted)
            block = _Block()
        elif shape is None or (not block.begun and shape.is_comment(line.text, cells, seen=seen)):
            continue
        else:
            seen = True
            fault = shape.fault(line, cells, wanted) or _cell_fault(line, cells, wanted)
            if fault:
                yield block.lost(fault)
            else:
                block.add(line, cells)
    yield from block.sentence(wanted)


def _conllu_sentences(lines: Iterable[Line], wanted: _Columns) -> Iterator[TaggedSentence | Problem]:
    block, ids = _Block(), _Ids()
    for line in lines:
        text = line.text
        if not text.strip(" \t"):
            yield from block.sentence(wanted)
            block, ids = _Block(), _Ids()
        elif text.startswith("#"):
            if line.problem:
                yield block.lost(line.problem)
            block.text = _text_comment(text, block.text)
        else:
            cells = text.split("\t")
            is_word, id_fault = ids.read(cells[0])
            fault = line.problem or _conllu_fault(line, cells, id_fault, wanted)
            if is_word and not fault:
                fault = _conllu_word_fault(line, cells, wanted)
            if fault:
                yield block.lost(fault)
            elif is_word:
                block.add(line, cells)
    yield from block.sentence(wanted)


@dataclass(slots=True)
class _Block:
    """The rows of one sentence so far.

    Attributes:
        rows: the columns of each word.
        lines: the line of each word.
        broken: whether a line was bad.
        text: the sentence's text, if a comment said it.
    """

    rows: list[tuple[str, ...]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    broken: bool = False
    text: str | None = None

    @property
    def begun(self) -> bool:
        return self.broken or bool(self.rows)

    def add(self, line: Line, cells: Sequence[str]) -> None:
        self.rows.append(tuple(cells))
        self.lines.append(line.number)

    def lost(self, problem: Problem) -> Problem:
        """Take down that a line is bad; return what is wrong with it."""
        self.broken = True
        return problem

    def sentence(self, wanted: _Columns) -> Iterator[TaggedSentence]:
        """Yield the sentence, if there is one and no line of it was bad."""
        if self.broken or not self.rows:
            return
        words = self._column(wanted.roles.word) or ()
        run = range(self.lines[0], self.lines[-1] + 1)  # takes less room than the list
        found = TaggedSentence.of_words(
            words,
            self._column(wanted.roles.tag),
            auxiliary=self._column(wanted.roles.auxiliary),
            columns=self.rows,
            source=wanted.source,
            line=self.lines[0],
            lines=run if len(run) == len(self.lines) else self.lines,
        )
        yield with_text(found, self.text)

    def _column(self, place: int | None) -> list[str] | None:
        return None if place is None else [row[place].strip(" ") for row in self.rows]


class _Shape(NamedTuple):
    """What the first word's line of a file looks like.

    Attributes:
        line: its number.
        n_columns: how many columns it has.
        tabbed: whether tabs part them.
    """

    line: int
    n_columns: int
    tabbed: bool

    def is_comment(self, text: str, cells: Sequence[str], *, seen: bool) -> bool:
        """Tell whether a line is a comment, if it stands where a sentence may begin; `seen`: words came before."""
        if not text.startswith("#"):
            return False
        if len(cells) != self.n_columns:
            return True
        # The words of a comment may be as many as a row of the file has columns; its tabs are not.
        in_blanks = self.tabbed and "\t" not in text
        is_row = seen or (self.n_columns > 1 and _TAG_LIKE.fullmatch(cells[-1].strip(" ")) is not None)
        return text.startswith("# ") and (in_blanks or not is_row)

    def fault(self, line: Line, cells: Sequence[str], wanted: _Columns) -> Problem | None:
        if len(cells) == self.n_columns:
            return None
        message = f"{counted(len(cells), 'columns')}; expected {self.n_columns}, as in line {self.line}"
        return wanted.problem(line.number, "columns", message)


def _find_shape(lines: Iterator[Line]) -> tuple[_Shape | None, Iterable[Line]]:
    """Return the shape of a file, None when it has no words, and all its lines from the start.

    The first line that cannot be a comment tells it; where there is none, the first that need not be one.
    """
    read: list[Line] = []
    maybe: _Shape | None = None
    for line in lines:
        read.append(line)
        cells = [] if line.problem else _cells(line.text)
        if not cells or cells[0] == _DOCUMENT_START or line.text.startswith("# "):
            continue
        shape = _Shape(line.number, len(cells), "\t" in line.text)
        if not line.text.startswith("#"):
            return shape, chain(read, lines)
        maybe = maybe or shape
    return maybe, read


def _cells(text: str) -> list[str]:
    """Return the columns of a line; none if it is blank."""
    if not text.strip(" \t"):
        return []
    return text.split("\t") if "\t" in text else [cell for cell in text.split(" ") if cell]


def _cell_fault(line: Line, cells: Sequence[str], wanted: _Columns) -> Problem | None:
    """Return what is wrong with the word or the tags of a line with all its columns."""
    roles = wanted.roles
    if not cells[roles.word].strip(" "):
        return wanted.problem(line.number, "columns", f"column {roles.word + 1} is empty; expected a word")
    for place, name in ((roles.tag, "tag"), (roles.auxiliary, "auxiliary tag")):
        fault = None if place is None else tag_fault(cells[place].strip(" "), name)
        if fault:
            return wanted.problem(line.number, "label", fault)
    return None


@dataclass(slots=True)
class _Ids:
    """The ids of one sentence: words 1, 2, 3; a range `3-4` before its words, an empty node `5.1` behind word 5.

    Attributes:
        next: the id of the next word; None when any will do, after one that could not be read.
    """

    next: int | None = 1

    def read(self, cell: str) -> tuple[bool, str | None]:
        """Return whether the line with this id is a word, and what is wrong with the id."""
        match = _ID.fullmatch(cell)
        expected = "a number" if self.next is None else str(self.next)
        fault = f"the id is {quoted(cell)}; expected {expected}, or a range or an empty node there"
        if match is None:
            self.next = None
            return True, fault
        first, sign, second = int(match[1]), match[2], int(match[3] or 0)
        if sign == "-":
            good = self.next in (None, first) and second > first
        elif sign == ".":
            good = self.next in (None, first + 1) and second > 0
        else:
            good = self.next in (None, first)
            self.next = first + 1
        return sign is None, None if good else fault


def _conllu_fault(line: Line, cells: Sequence[str], id_fault: str | None, wanted: _Columns) -> Problem | None:
    """Return what is wrong with a line that is no comment, whether it is a word or not."""
    if len(cells) != _N_CONLLU_COLUMNS:
        message = f"{counted(len(cells), 'columns')}; expected {_N_CONLLU_COLUMNS}, parted by tabs (CoNLL-U)"
        return wanted.problem(line.number, "columns", message)
    return wanted.problem(line.number, "syntax", id_fault) if id_fault else None


def _conllu_word_fault(line: Line, cells: Sequence[str], wanted: _Columns) -> Problem | None:
    if wanted.roles.tag == _UNIVERSAL_PART_OF_SPEECH and cells[_UNIVERSAL_PART_OF_SPEECH] == "_":
        return wanted.problem(line.number, "label", "no tag, only '_'; expected a part of speech for every word")
    return _cell_fault(line, cells, wanted)


def _text_comment(comment: str, before: str | None) -> str | None:
    """Return the text that a comment says; `before` when it says something else."""
    name, sign, value = comment[1:].partition("=")
    return value.strip(" ") if sign and name.strip(" ") == "text" else before


def _too_few(shape: _Shape, roles: Roles) -> str:
    return f"{counted(shape.n_columns, 'columns')}; expected at least {len(roles.names)} ({', '.join(roles.names)})"
