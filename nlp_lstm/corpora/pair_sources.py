"""The sentences to translate of any source, read as training reads the source side of its pairs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from nlp_lstm.corpora.delimited import read_csv, read_tsv
from nlp_lstm.corpora.jsonl import read_object, row_of
from nlp_lstm.corpora.opening import STANDARD_INPUT
from nlp_lstm.corpora.pair_columns import csv_names, first_line
from nlp_lstm.corpora.pair_files import parallel_files, side_file
from nlp_lstm.corpora.pair_lines import NESTED
from nlp_lstm.corpora.pair_rows import COLUMNS
from nlp_lstm.corpora.pairs import PARALLEL
from nlp_lstm.corpora.problems import Problem, no_column
from nlp_lstm.corpora.reading import FORMATS, Record, read_records
from nlp_lstm.corpora.rows import Line, Reader, Row, Wanted, each_line
from nlp_lstm.counting import counted
from nlp_lstm.errors import DataError, UsageError

TEXT = "text"
"""The column or key of the sentences to translate where there is none by the name that training knew."""


def read_sources(
    source: str | Path,
    *,
    data_format: str | None = None,
    languages: tuple[str, str] = ("", ""),
    source_column: str = COLUMNS[0],
) -> Iterator[Record]:
    """Stream the sentences to translate of a source, in order; translations beside them are not looked at.

    Columns and keys are looked for by these names: the source column, the source language unless a column was named,
    `text`. A tab-separated file that has none of them is one without a header: its first column is read, and there may
    be a second. Of two parallel files the first is read, which may also be there alone.

    Args:
        source: a path, `-` for standard input, or what the names of two parallel files begin with.
        data_format: `parallel` or a name of `FORMATS`; None tells by the name.
        languages: those of the training data.
        source_column: the column or key that the sentences to translate had in the training data.

    Raises:
        DataError: the source cannot be read, or a row is malformed; rows before it have been yielded.
        UsageError: there is no such format, or the languages of parallel files are not known.
    """
    side = _side(source, data_format, languages)
    if side is not None:
        return read_records(side, data_format="text")
    own = [languages[0]] if languages[0] and source_column == COLUMNS[0] else []
    names = [source_column, *own, TEXT]
    readers: Mapping[str, Reader] = {
        **FORMATS,
        "csv": partial(_headed, names=names),
        "tsv": partial(_tabbed, names=names),
        "jsonl": partial(_json_lines, names=names, language=languages[0]),
    }
    return read_records(source, data_format=data_format, text_column=source_column, readers=readers)


def _side(source: str | Path, data_format: str | None, languages: tuple[str, str]) -> Path | None:
    """Return the file of the sentences to translate, if a source stands for two parallel files."""
    if data_format == PARALLEL and not all(languages):
        raise UsageError(
            f"{source}: the model was not told its languages in training, so that it knows no parallel files; give the "
            "file of the sentences to translate"
        )
    if data_format not in (None, PARALLEL) or not all(languages) or str(source) == STANDARD_INPUT:
        return None
    both = parallel_files(source, languages)
    if both is not None:
        return both[0]
    alone = None if Path(source).exists() else side_file(source, languages[0])
    if alone is None and data_format == PARALLEL:
        raise DataError(f"{source}.{languages[0]}: no such file, packed (.gz) or not")
    return alone


def _headed(lines: Iterable[Line], wanted: Wanted, *, names: Sequence[str]) -> Iterator[Row | Problem]:
    """Yield the rows of a comma-separated file."""
    first, lines = first_line(lines)
    column = _known(names, csv_names(first))
    return read_csv(lines, replace(wanted, text_column=column or wanted.text_column))


def _tabbed(lines: Iterable[Line], wanted: Wanted, *, names: Sequence[str]) -> Iterator[Row | Problem]:
    """Yield the rows of a tab-separated file, with a header or without."""
    first, lines = first_line(lines)
    column = _known(names, {cell.strip() for cell in first.split("\t")})
    if column or wanted.text_column != COLUMNS[0]:
        return read_tsv(lines, replace(wanted, text_column=column or wanted.text_column))
    return each_line(lines, partial(_bare, wanted=wanted))


def _bare(line: Line, *, wanted: Wanted) -> Row | Problem:
    """Return the row of a line without a header."""
    cells = line.text.split("\t")
    if len(cells) > len(COLUMNS):
        message = (
            f"{counted(len(cells), 'columns')}; expected at most 2 ({', '.join(COLUMNS)}), or a header that names the "
            "columns and --text-column with one of them"
        )
        return wanted.problem(line.number, "columns", message)
    return wanted.row(line.number, cells[0], None, dict(zip(COLUMNS, cells, strict=False)))


def _json_lines(
    lines: Iterable[Line], wanted: Wanted, *, names: Sequence[str], language: str
) -> Iterator[Row | Problem]:
    """Yield the rows of JSON lines."""
    parse: Callable[[Line], Row | Problem] = partial(_object, wanted=wanted, names=names, language=language)
    return each_line(lines, parse)


def _object(line: Line, *, wanted: Wanted, names: Sequence[str], language: str) -> Row | Problem:
    """Return the row of a JSON object."""
    fields = read_object(line, wanted)
    if isinstance(fields, Problem):
        return fields
    inner = fields.get(NESTED)
    if names[0] not in fields and isinstance(inner, dict) and language in inner:
        found = row_of(line.number, inner, replace(wanted, text_column=language))
        return found if isinstance(found, Problem) else replace(found, fields=fields)
    column = _known(names, fields)
    if column is None:
        return wanted.problem(line.number, "missing-column", no_column(names[0], fields))
    return row_of(line.number, fields, replace(wanted, text_column=column))


def _known(names: Iterable[str], there: Iterable[str]) -> str | None:
    """Return the first of some names that is there."""
    held = set(there)
    return next((name for name in names if name in held), None)
