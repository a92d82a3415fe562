"""Any source of sentence pairs to pairs: the table of formats, the streams over it, and the check."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO, NamedTuple

from nlp_lstm.corpora.checking import Report
from nlp_lstm.corpora.detecting import first_filled, format_by_ending, format_by_look, has_json_ending
from nlp_lstm.corpora.hub import is_hub
from nlp_lstm.corpora.opening import STANDARD_INPUT, check_there, name_of, open_lines
from nlp_lstm.corpora.pair_checking import check_streams
from nlp_lstm.corpora.pair_columns import csv_pairs, tsv_pairs
from nlp_lstm.corpora.pair_doubts import DOUBTS, tell_doubts
from nlp_lstm.corpora.pair_files import check_no_half, check_no_prefix, find_parallel, parallel_files, parallel_pairs
from nlp_lstm.corpora.pair_lengths import name_unequal
from nlp_lstm.corpora.pair_lines import jsonl_pairs
from nlp_lstm.corpora.pair_rows import COLUMNS, LEFT_OUT, LIMITS, Limits, PairReader, PairsWanted
from nlp_lstm.corpora.problems import Kind, Problem, and_more
from nlp_lstm.corpora.rows import Line
from nlp_lstm.counting import counted
from nlp_lstm.errors import DataError, UsageError, nearest
from nlp_lstm.records.examples import SentencePair

PARALLEL = "parallel"
"""The format of two files with a sentence a line; the source is what their names begin with."""

PAIR_FORMATS: Mapping[str, PairReader] = {"tsv": tsv_pairs, "csv": csv_pairs, "jsonl": jsonl_pairs}
"""Every format of pairs in one file by the name `--data-format` takes. A new one is a module and a row here."""


@dataclass(frozen=True, slots=True)
class PairData:
    """The pairs of a source that training uses, and what it does without.

    Attributes:
        pairs: the pairs, in order.
        left_out: how many others there are, by the kind of problem they have.
        doubts: what looks odd about all of them.
    """

    pairs: list[SentencePair]
    left_out: Mapping[Kind, int]
    doubts: tuple[Problem, ...] = ()

    @property
    def note(self) -> str:
        """What to tell of the pairs left out; nothing if there are none.

        >>> PairData([], {"empty-text": 1200, "too-long": 1}).note
        'left out 1,201 pairs: 1,200 with an empty side, 1 too long'
        """
        total = sum(self.left_out.values())
        if not total:
            return ""
        parts = [f"{self.left_out[kind]:,} {words}" for kind, words in LEFT_OUT.items() if self.left_out.get(kind)]
        return f"left out {counted(total, 'pairs')}: {', '.join(parts)}"


def pair_format(source: str | Path, languages: tuple[str, str] = ("", "")) -> str:
    """Return the format that a source's name tells; one that tells nothing is `tsv`.

    With languages it is `parallel` if both files are there, or no file has the very name of the source.

    Raises:
        DataError: the ending is of a kind that no format here reads.

    >>> pair_format("train.csv.gz"), pair_format("train.json"), pair_format("eng-fra.txt"), pair_format("-")
    ('csv', 'jsonl', 'tsv', 'tsv')
    """
    name = str(source)
    is_prefix = parallel_files(source, languages) is not None or not Path(source).is_file()
    if all(languages) and is_prefix and name != STANDARD_INPUT:
        return PARALLEL
    by_ending = format_by_ending(name)
    return "jsonl" if has_json_ending(name) else by_ending or "tsv"


def scan_pairs(
    source: str | Path,
    *,
    data_format: str | None = None,
    languages: tuple[str, str] = ("", ""),
    source_column: str = COLUMNS[0],
    target_column: str = COLUMNS[1],
    limits: Limits | None = LIMITS,
    stdin: BinaryIO | None = None,
) -> Iterator[SentencePair | Problem]:
    """Stream a source: a pair for each good row, a problem for each bad one, in order; last what is odd about them all.

    Args:
        source: a path, `-` for standard input, or what the names of two parallel files begin with.
        data_format: `parallel` or a name of `PAIR_FORMATS`; None tells by `pair_format`.
        languages: those of the sentences and of their translations: the endings of parallel files, and the keys of
            JSON objects `translation`. Other formats take no notice.
        source_column: the column or key of the sentences to translate.
        target_column: the column or key of their translations. Without these two names, tab-separated files need no
            header.
        limits: which pairs come as problems although they can be read, as do those with an empty side; None takes
            every pair. With limits up to 1,000 pairs are read before the first comes, to learn how long they usually
            are.
        stdin: the bytes to take for standard input; None takes the process's own.

    Raises:
        DataError: the source is missing, empty or cannot be read (on).
        UsageError: there is no such format, or languages or columns do not make two.
    """
    columns = (source_column, target_column)
    return _open(source, data_format, columns=columns, languages=languages, limits=limits, stdin=stdin).items


def read_pairs(
    source: str | Path,
    *,
    data_format: str | None = None,
    languages: tuple[str, str] = ("", ""),
    source_column: str = COLUMNS[0],
    target_column: str = COLUMNS[1],
    limits: Limits | None = LIMITS,
    stdin: BinaryIO | None = None,
) -> PairData:
    """Return every pair of a source that training uses; the arguments are those of `scan_pairs`.

    Args:
        source: a path, `-` for standard input, or what the names of two parallel files begin with.
        data_format: `parallel` or a name of `PAIR_FORMATS`; None tells by `pair_format`.
        languages: those of the sentences and of their translations.
        source_column: the column or key of the sentences to translate.
        target_column: the column or key of their translations.
        limits: which pairs are left out, besides those with an empty side; None leaves none out.
        stdin: the bytes to take for standard input.

    Raises:
        DataError: the source cannot be read, has no pair to use, or has problems that training does not put up with:
            the first one, and how many more there are.
        UsageError: there is no such format, or languages or columns do not make two.
    """
    columns = (source_column, target_column)
    opened = _open(source, data_format, columns=columns, languages=languages, limits=limits, stdin=stdin)
    pairs: list[SentencePair] = []
    left_out: Counter[Kind] = Counter()
    doubts: list[Problem] = []
    first: Problem | None = None
    n_more = 0
    for item in opened.items:
        if isinstance(item, SentencePair):
            pairs.append(item)
        elif item.kind in LEFT_OUT:
            left_out[item.kind] += 1
        elif item.kind in DOUBTS:
            doubts.append(item)
        else:
            first, n_more = (first, n_more + 1) if first else (item, 0)
    if first:
        raise DataError(f"{first}{and_more(n_more, _check_command(source, data_format, opened.wanted))}")
    found = PairData(pairs, left_out, tuple(doubts))
    if not pairs:
        reason = f" ({found.note})" if found.note else ""
        raise DataError(f"{opened.wanted.source}: no sentence pairs; expected at least one{reason}")
    return found


def check_pairs(
    source: str | Path,
    *,
    others: Sequence[str | Path] = (),
    data_format: str | None = None,
    languages: tuple[str, str] = ("", ""),
    source_column: str = COLUMNS[0],
    target_column: str = COLUMNS[1],
    limits: Limits | None = LIMITS,
) -> Report:
    """Read a source of sentence pairs and report every problem in it.

    The report counts pairs as examples, and words of the sentences to translate as tokens. Its warnings tell of the
    pairs that training leaves out, of sentences that stand there more than once, of sides that are the same and of a
    first line that looks like a header.

    Args:
        source: what to check: a path, or what the names of two parallel files begin with.
        others: its other splits. Their problems are reported too, with the sentences to translate that they share
            with `source` or with each other.
        data_format: `parallel` or a name of `PAIR_FORMATS`, for all splits; None tells for each.
        languages: those of the sentences and of their translations.
        source_column: the column or key of the sentences to translate.
        target_column: the column or key of their translations.
        limits: which pairs training leaves out, besides those with an empty side; None leaves none out.

    Raises:
        DataError: a file is missing, empty or cannot be read (on).
        UsageError: there is no such format, or languages or columns do not make two.
    """
    columns = (source_column, target_column)
    opened = (
        _open(each, data_format, columns=columns, languages=languages, limits=limits) for each in (source, *others)
    )
    return check_streams((each.wanted.source, each.items) for each in opened)


class _Opened(NamedTuple):
    """A source that is being read, and what is wanted of it."""

    wanted: PairsWanted
    items: Iterator[SentencePair | Problem]


def _open(
    source: str | Path,
    data_format: str | None,
    *,
    columns: tuple[str, str],
    languages: tuple[str, str],
    limits: Limits | None,
    stdin: BinaryIO | None = None,
) -> _Opened:
    """Check what can be checked before the first line is read, then return the stream of pairs."""
    _check_usage(source, data_format, columns, languages)
    if data_format is None and str(source) != STANDARD_INPUT:
        check_no_half(source, languages) if all(languages) else check_no_prefix(source)
    name = data_format or pair_format(source, languages)
    if name == PARALLEL:
        files = find_parallel(source, languages)
        wanted = PairsWanted(str(files[0]), str(files[1]), columns, languages, limits)
        return _Opened(wanted, _judged(parallel_pairs(files, wanted), wanted, name))
    check_there(source)
    wanted = PairsWanted(name_of(source), name_of(source), columns, languages, limits)
    items = _file_pairs(source, wanted, name, looked_at=data_format is None, stdin=stdin)
    return _Opened(wanted, _judged(items, wanted, name))


def _judged(
    items: Iterator[SentencePair | Problem], wanted: PairsWanted, name: str
) -> Iterator[SentencePair | Problem]:
    """Yield what was read in the format `name`, and what its pairs say of each other."""
    return tell_doubts(name_unequal(items, wanted), wanted, headless=PAIR_FORMATS.get(name) is tsv_pairs)


def _check_usage(
    source: str | Path, data_format: str | None, columns: tuple[str, str], languages: tuple[str, str]
) -> None:
    formats = (PARALLEL, *PAIR_FORMATS)
    if data_format is not None and data_format not in formats:
        raise UsageError(f"no format of sentence pairs {data_format!r}{nearest(data_format, formats)}")
    if is_hub(source):
        raise UsageError(f"{source}: sentence pairs are read from files only")
    if any(languages) != all(languages):
        given, missing = ("source", "target") if languages[0] else ("target", "source")
        raise UsageError(f"a {given} language is given, {languages[0] or languages[1]!r}, but no {missing} language")
    if data_format == PARALLEL and not all(languages):
        raise UsageError(f"{source}: parallel files are read with --source-lang and --target-lang")
    for what, (first, second) in (("languages", languages), ("columns", columns)):
        if first and first == second:
            raise UsageError(f"the source and target {what} are both {first!r}; expected two")


def _file_pairs(
    source: str | Path, wanted: PairsWanted, name: str, *, looked_at: bool, stdin: BinaryIO | None
) -> Iterator[SentencePair | Problem]:
    """Yield a file's pairs; `looked_at`: a file called `.json` must show that it is JSON lines."""
    with open_lines(source, stdin=stdin) as opened:
        first = next(opened, None)
        if first is None:
            raise DataError(f"{wanted.source}: is empty; expected at least one line")
        lines: Iterable[Line] = chain([first], opened)
        if looked_at and has_json_ending(str(source)):
            filled, lines = first_filled(iter(lines))
            format_by_look(str(source), filled.text if filled else "")
        yield from PAIR_FORMATS[name](lines, wanted)


def _check_command(source: str | Path, data_format: str | None, wanted: PairsWanted) -> str:
    """Return the command line that lists a source's problems, with the options that differ from the usual."""
    words = ["nlp-lstm", "data", "check", str(source), "--task", "translate"]
    words += ["--data-format", data_format] if data_format else []
    if all(wanted.languages):
        words += ["--source-lang", wanted.languages[0], "--target-lang", wanted.languages[1]]
    for option, column, usual in zip(("--source-column", "--target-column"), wanted.columns, COLUMNS, strict=True):
        words += [option, column] if column != usual else []
    return shlex.join(words)
