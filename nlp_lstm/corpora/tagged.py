"""Any file of tagged sentences to sentences: the table of formats, the streams over it, and the check."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from nlp_lstm.corpora.checking import Report
from nlp_lstm.corpora.conll import column_sentences, conllu_sentences
from nlp_lstm.corpora.detecting import first_filled, format_by_ending, format_by_look, has_json_ending
from nlp_lstm.corpora.hub import is_hub
from nlp_lstm.corpora.opening import check_there, name_of, open_lines
from nlp_lstm.corpora.problems import Problem, and_more
from nlp_lstm.corpora.rows import Line
from nlp_lstm.corpora.span_lines import span_sentences
from nlp_lstm.corpora.tag_checking import check_sentences
from nlp_lstm.corpora.tagged_rows import TaggedReader, TagsWanted
from nlp_lstm.errors import DataError, UsageError, nearest
from nlp_lstm.records.examples import TaggedSentence
from nlp_lstm.text.regex_words import RegexWords
from nlp_lstm.text.tokenizers import Tokenizer

TAGGED_FORMATS: Mapping[str, TaggedReader] = {
    "conll": column_sentences,
    "conllu": conllu_sentences,
    "jsonl": span_sentences,
}
"""Every format of tagged sentences by the name `--data-format` takes. A new one is a module and a row here."""


def tagged_format(source: str | Path) -> str:
    """Return the format that a name tells by its ending (before `.gz`); one that tells nothing is `conll`.

    Raises:
        DataError: the ending is of a kind that no format here reads.

    >>> tagged_format("train.conllu.gz"), tagged_format("train.json"), tagged_format("esp.train.gz")
    ('conllu', 'jsonl', 'conll')
    """
    name = str(source)
    if format_by_ending(name) == "jsonl" or has_json_ending(name):
        return "jsonl"
    return "conllu" if name.lower().removesuffix(".gz").endswith(".conllu") else "conll"


def scan_tagged(
    source: str | Path,
    *,
    data_format: str | None = None,
    columns: Sequence[str] = (),
    tagged: bool = True,
    tokenizer: Tokenizer | None = None,
    stdin: BinaryIO | None = None,
) -> Iterator[TaggedSentence | Problem]:
    """Stream a file: each good sentence, and a problem for each bad line, in order.

    Args:
        source: a path, or `-` for standard input.
        data_format: a name of `TAGGED_FORMATS`; None tells by the file's ending.
        columns: what the columns hold, in order: `word`, `tag`, `auxiliary` (a second tag), `_` for anything else.
            Without names, the usual ones of the format. JSON lines have none and take no notice.
        tagged: whether tags are read, and a word without one is a problem.
        tokenizer: what cuts the texts of JSON lines into words; None takes `RegexWords()`.
        stdin: the bytes to take for standard input; None takes the process's own.

    Raises:
        DataError: the source is missing, cannot be read (on), or is empty although tags are wanted.
        UsageError: there is no such format, or the names of the columns are not such.
    """
    return _sentences(source, data_format, columns=columns, tagged=tagged, tokenizer=tokenizer, stdin=stdin)


def read_tagged(
    source: str | Path,
    *,
    data_format: str | None = None,
    columns: Sequence[str] = (),
    tagged: bool = True,
    tokenizer: Tokenizer | None = None,
    stdin: BinaryIO | None = None,
) -> list[TaggedSentence]:
    """Return every sentence of a file; the arguments are those of `scan_tagged`.

    Args:
        source: a path, or `-` for standard input.
        data_format: a name of `TAGGED_FORMATS`; None tells by the file's ending.
        columns: what the columns hold, in order.
        tagged: whether every word must have a tag, and at least one sentence be there.
        tokenizer: what cuts the texts of JSON lines into words.
        stdin: the bytes to take for standard input.

    Raises:
        DataError: the source cannot be read, or has problems: the first one, and how many more there are.
        UsageError: there is no such format, or the names of the columns are not such.
    """
    found: list[TaggedSentence] = []
    first: Problem | None = None
    n_more = 0
    items = _sentences(source, data_format, columns=columns, tagged=tagged, tokenizer=tokenizer, stdin=stdin)
    for item in items:
        if isinstance(item, Problem):
            first, n_more = (first, n_more + 1) if first else (item, 0)
        elif not first:
            found.append(item)
    if first:
        raise DataError(f"{first}{and_more(n_more, _check_command(source, data_format, columns))}")
    if tagged and not found:
        raise DataError(f"{name_of(source)}: no sentences; expected at least one")
    return found


def check_tagged(
    source: str | Path,
    *,
    others: Sequence[str | Path] = (),
    data_format: str | None = None,
    columns: Sequence[str] = (),
    tokenizer: Tokenizer | None = None,
) -> Report:
    """Read a file of tagged sentences and report every problem in it.

    The report counts sentences as examples, tags as labels and words as tokens. Its warnings tell of tags that may
    not stand where they do, if most are chunk tags, in the scheme that most chunks are written in.

    Args:
        source: what to check: a path.
        others: its other splits. Their problems are reported too, with the sentences they share with `source` or
            with each other, and the tags that `source` never has, whatever scheme each file is in.
        data_format: a name of `TAGGED_FORMATS`, for all files; None tells for each.
        columns: what the columns hold, in order.
        tokenizer: what cuts the texts of JSON lines into words; None takes `RegexWords()`.

    Raises:
        DataError: a file is missing, empty or cannot be read (on).
        UsageError: there is no such format, or the names of the columns are not such.
    """
    return check_sentences(
        (name_of(each), _sentences(each, data_format, columns=columns, tagged=True, tokenizer=tokenizer))
        for each in (source, *others)
    )


def _sentences(
    source: str | Path,
    data_format: str | None,
    *,
    columns: Sequence[str],
    tagged: bool,
    tokenizer: Tokenizer | None,
    stdin: BinaryIO | None = None,
) -> Iterator[TaggedSentence | Problem]:
    """Check what can be checked before the first line is read, then return the stream of sentences."""
    if data_format is not None and data_format not in TAGGED_FORMATS:
        raise UsageError(f"no format of tagged sentences {data_format!r}{nearest(data_format, TAGGED_FORMATS)}")
    if is_hub(source):
        raise UsageError(f"{source}: tagged sentences are read from files only")
    check_there(source)
    name = data_format or tagged_format(source)
    wanted = TagsWanted(name_of(source), tagged, tuple(columns), tokenizer or RegexWords())
    TAGGED_FORMATS[name]((), wanted)  # refuses the names of columns it cannot use
    return _file_sentences(source, wanted, name, looked_at=data_format is None, stdin=stdin)


def _file_sentences(
    source: str | Path, wanted: TagsWanted, name: str, *, looked_at: bool, stdin: BinaryIO | None
) -> Iterator[TaggedSentence | Problem]:
    """Yield a file's sentences; `looked_at`: a file called `.json` must show that it is JSON lines."""
    with open_lines(source, stdin=stdin) as opened:
        first = next(opened, None)
        if first is None:
            if wanted.tagged:
                raise DataError(f"{wanted.source}: is empty; expected at least one line")
            return
        lines: Iterable[Line] = chain([first], opened)
        if looked_at and has_json_ending(str(source)):
            filled, lines = first_filled(iter(lines))
            format_by_look(str(source), filled.text if filled else "")
        yield from TAGGED_FORMATS[name](lines, wanted)


def _check_command(source: str | Path, data_format: str | None, columns: Sequence[str]) -> str:
    """Return the command line that lists a file's problems, with the options that differ from the usual."""
    words = ["nlp-lstm", "data", "check", str(source), "--task", "tag"]
    words += ["--data-format", data_format] if data_format else []
    words += ["--columns", ",".join(columns)] if columns else []
    return shlex.join(words)
