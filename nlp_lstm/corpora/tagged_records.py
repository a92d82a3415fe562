"""What a tagger is to be asked about: the words of a file in columns, or the texts of any other file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from nlp_lstm.corpora.problems import Problem
from nlp_lstm.corpora.reading import Record, read_records
from nlp_lstm.corpora.tagged import scan_tagged
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
    if name is None:
        return read_records(source, data_format=data_format, text_column=text_column, online=online)
    items = scan_tagged(source, data_format=name, columns=columns, tagged=False)

    def records() -> Iterator[Record]:
        for item in items:
            if isinstance(item, Problem):
                raise DataError(str(item))
            yield Record(item.text, {}, item.words, item.columns)

    return records()
