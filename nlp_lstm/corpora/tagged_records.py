"""What a tagger is to be asked about: the words of a file in columns or of JSON lines, or the texts of any file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from nlp_lstm.corpora.detecting import first_filled, format_by_ending, format_by_look, has_json_ending
from nlp_lstm.corpora.hub import is_hub
from nlp_lstm.corpora.jsonl import read_object, row_of
from nlp_lstm.corpora.opening import STANDARD_INPUT, check_there, name_of, open_lines
from nlp_lstm.corpora.problems import Problem
from nlp_lstm.corpora.reading import Record, read_records
from nlp_lstm.corpora.rows import Line, Row, Wanted
from nlp_lstm.corpora.span_lines import words_in
from nlp_lstm.corpora.tagged import scan_tagged
from nlp_lstm.corpora.tagged_rows import TagsWanted
from nlp_lstm.errors import DataError

COLUMNS = ("conll", "conllu")
"""The formats that give words."""
_ENDINGS = {".conll": "conll", ".iob": "conll", ".iob2": "conll", ".bio": "conll", ".conllu": "conllu"}


def columns_format(source: str | Path, data_format: str | None) -> str | None:
    """Return the format of a source that gives words, or None for any other one.

    >>> columns_format("test.conllu.gz", None), columns_format("test.txt", "conll"), columns_format("test.txt", None)
    ('conllu', 'conll', None)
    """
    name = data_format or _ENDINGS.get(Path(str(source).removesuffix(".gz")).suffix.lower())
    return name if name in COLUMNS else None


def read_words_or_texts(
    source: str | Path,
    *,
    data_format: str | None = None,
    columns: Sequence[str] = (),
    text_column: str = "text",
    online: bool = False,
) -> Iterator[Record]:
    """Stream the inputs of a source, in order, as they arrive; tags are not looked at.

    A line of JSON has a text, or words as `nlp_lstm.corpora.span_lines` reads them; each may stand beside the other.

    Args:
        source: a path, `-` for standard input, or `hf:NAME[:SPLIT]`.
        data_format: `conll`, `conllu`, or a name of `corpora.reading.FORMATS`; None tells by the file's ending.
        columns: what the columns of words hold, in order.
        text_column: the column or key of the texts.
        online: whether `hf:` may use the network.

    Raises:
        DataError: the source cannot be read, or a row is malformed; rows before it have been yielded.
        UsageError: there is no such format, or no such column.
    """
    name = columns_format(source, data_format)
    if name is None and _is_json(source, data_format):
        check_there(source)
        return _json_records(source, text_column)
    if name is None:
        return read_records(source, data_format=data_format, text_column=text_column, online=online)
    items = scan_tagged(source, data_format=name, columns=columns, tagged=False)

    def records() -> Iterator[Record]:
        for item in items:
            if isinstance(item, Problem):
                raise DataError(str(item))
            yield Record(item.text, {}, item.words, item.columns)

    return records()


def _is_json(source: str | Path, data_format: str | None) -> bool:
    """Tell whether a source is JSON lines as far as its format or its name says."""
    if is_hub(source) or data_format is not None:
        return data_format == "jsonl" and not is_hub(source)
    if str(source) == STANDARD_INPUT:
        return False
    return format_by_ending(str(source)) == "jsonl" or has_json_ending(str(source))


def _json_records(source: str | Path, text_column: str) -> Iterator[Record]:
    wanted = Wanted(name_of(source), text_column, label_column=None)
    with open_lines(source) as opened:
        lines: Iterable[Line] = opened
        if has_json_ending(str(source)):
            filled, lines = first_filled(opened)
            format_by_look(str(source), filled.text if filled else "")
        for line in lines:
            yield _json_record(line, wanted)


def _json_record(line: Line, wanted: Wanted) -> Record:
    """Return the words or the text of a line, with all that stands beside it."""
    fields = line.problem or read_object(line, wanted)
    if isinstance(fields, Problem):
        raise DataError(str(fields))
    found = words_in(line, fields, TagsWanted(wanted.source, tagged=False), text_key=wanted.text_column)
    row = row_of(line.number, fields, wanted) if found is None else found
    if isinstance(row, Problem):
        raise DataError(str(row))
    if isinstance(row, Row):
        return Record(row.text, row.fields)
    return Record(row.text, {"text": row.text, **fields}, row.words)
