"""Two parallel files, PREFIX.en and PREFIX.de: finding them, and reading them line by line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from itertools import zip_longest
from pathlib import Path

from nlp_lstm.corpora.opening import open_lines
from nlp_lstm.corpora.pair_rows import PairsWanted
from nlp_lstm.corpora.problems import Problem
from nlp_lstm.errors import DataError
from nlp_lstm.records.examples import SentencePair

# Such as en and pt_BR; longer endings are mostly of formats.
_LANGUAGE = re.compile(r"[a-z]{2}(?:[-_][A-Za-z]{2,4})?")


def side_file(prefix: str | Path, language: str) -> Path | None:
    """Return the file `PREFIX.LANGUAGE`, which may be packed (`PREFIX.LANGUAGE.gz`), or None if it is missing."""
    plain = Path(f"{prefix}.{language}")
    packed = Path(f"{plain}.gz")
    return plain if plain.is_file() else packed if packed.is_file() else None


def parallel_files(prefix: str | Path, languages: tuple[str, str]) -> tuple[Path, Path] | None:
    """Return the files `PREFIX.LANGUAGE` of two languages, or None if one is missing.

    Each may be packed (`PREFIX.LANGUAGE.gz`); of a file that is there both ways the unpacked one is returned.
    """
    source, target = (side_file(prefix, language) for language in languages)
    return (source, target) if source and target else None


def find_parallel(prefix: str | Path, languages: tuple[str, str]) -> tuple[Path, Path]:
    """Return the files `PREFIX.LANGUAGE` of two languages.

    Raises:
        DataError: one is missing; the message names the other, or the nearest prefix in the folder.
    """
    found = parallel_files(prefix, languages)
    if found:
        return found
    names = [f"{prefix}.{language}" for language in languages]
    there = [side_file(prefix, language) for language in languages]
    if any(there):
        missing = names[0] if there[1] else names[1]
        raise DataError(f"{missing}: no such file, packed (.gz) or not; expected one beside {there[0] or there[1]}")
    raise DataError(
        f"{names[0]}: no such file, packed (.gz) or not, nor {names[1]}{_nearest_prefix(Path(prefix), languages)}"
    )


def check_no_half(source: str | Path, languages: tuple[str, str]) -> None:
    """Check that a source is not one of two parallel files, given in place of what their names begin with.

    Raises:
        DataError: it is; the message has the prefix.
    """
    if parallel_files(source, languages):
        return
    for language in languages:
        prefix = _prefix(str(source), language)
        if prefix and parallel_files(prefix, languages):
            raise DataError(f"{source}: is one of two parallel files; expected what both names begin with, {prefix!r}")


def check_no_prefix(source: str | Path, *, of_any: bool = True) -> None:
    """Check that a source whose languages are not known is not what the names of several files begin with.

    Args:
        source: what is thought to be a file.
        of_any: whether any files count; else only those that end in codes of languages.

    Raises:
        DataError: it is, and there is no file of that name; the message has the files.
    """
    path = Path(source)
    if path.exists() or not path.parent.is_dir():
        return
    names = sorted(each.name for each in path.parent.iterdir() if each.is_file())
    found = [name for name in names if name.startswith(f"{path.name}.")]
    languages = _languages(found, f"{path.name}.")
    if len(found if of_any else languages) > 1:
        begun = ", ".join(found[:4]) + (", ..." if len(found) > 4 else "")
        flags = "--source-lang {} --target-lang {}, or the other way round,".format(*languages, *"LL")
        raise DataError(f"{source}: no such file, but there are {begun}; {flags} reads two of them as sentence pairs")


def parallel_pairs(files: tuple[Path, Path], wanted: PairsWanted) -> Iterator[SentencePair | Problem]:
    """Yield the pairs of two files, the same line of each, and at the end a problem if one has more lines.

    Raises:
        DataError: a file cannot be read (on), or is empty.
    """
    n_source = n_target = 0
    with open_lines(files[0]) as source_lines, open_lines(files[1]) as target_lines:
        for source, target in zip_longest(source_lines, target_lines):
            n_source, n_target = n_source + (source is not None), n_target + (target is not None)
            problems = [line.problem for line in (source, target) if line is not None and line.problem]
            yield from problems
            if source is not None and target is not None and not problems:
                yield wanted.pair(source.number, source.text, target.text)
    for name, n_lines in ((wanted.source, n_source), (wanted.target, n_target)):
        if not n_lines:
            raise DataError(f"{name}: is empty; expected at least one line")
    if n_source != n_target:
        message = f"{n_source:,} lines, but {wanted.target} has {n_target:,}; expected the same number in both"
        yield wanted.problem(0, "unpaired", message)


def _prefix(name: str, language: str) -> str:
    """Return what stands before a file name's language; nothing if it does not end with that."""
    plain = name.removesuffix(".gz")
    return plain.removesuffix(f".{language}") if plain.endswith(f".{language}") else ""


def _languages(names: Sequence[str], prefix: str) -> list[str]:
    """Return the codes of languages that names end in, English first, from which people often translate."""
    endings = {name.removeprefix(prefix).removesuffix(".gz") for name in names}
    return sorted(filter(_LANGUAGE.fullmatch, endings), key=lambda ending: (ending != "en", ending))


def _nearest_prefix(path: Path, languages: tuple[str, str]) -> str:
    if not path.parent.is_dir():
        return f"; the folder {str(path.parent)!r} does not exist either"
    names = [each.name for each in path.parent.iterdir() if each.is_file()]
    prefixes = sorted({_prefix(name, language) for name in names for language in languages} - {""})
    close = get_close_matches(path.name, prefixes, n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""
