"""What looks odd about the sentence pairs of a file as a whole: sides that are the same, a header read as a pair."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from nlp_lstm.corpora.language_names import is_language
from nlp_lstm.corpora.pair_rows import PairsWanted
from nlp_lstm.corpora.problems import Kind, Problem, quoted
from nlp_lstm.counting import counted
from nlp_lstm.records.examples import SentencePair
from nlp_lstm.text.sentences import blank_after

DOUBTS: frozenset[Kind] = frozenset({"same-sides", "header"})
"""The kinds of problem that are told of a file as a whole, whose pairs are used all the same."""


def tell_doubts(
    items: Iterator[SentencePair | Problem], wanted: PairsWanted, *, headless: bool
) -> Iterator[SentencePair | Problem]:
    """Yield the same items in order, and behind them a problem for each thing that is odd about all of them.

    Args:
        items: what was read of a file.
        wanted: what was wanted of it; without limits every pair is to be taken, and nothing is odd.
        headless: whether a file of this format need not have a header, so that one may have been read as a pair.
    """
    if wanted.limits is None:
        yield from items
        return
    header: SentencePair | None = None
    n_pairs = n_same = n_wordy = 0
    for item in items:
        yield item
        if not isinstance(item, SentencePair):
            continue
        n_pairs += 1
        n_same += item.source_text.strip() == item.target_text.strip()
        if headless and item.line == 1 and all(map(_is_name, _sides(item))):
            header = item
        elif header is not None:
            n_wordy += all(len(side.split()) > 1 for side in _sides(item))
    if header is not None and _is_header(header, wordy=2 * n_wordy > n_pairs - 1):
        yield _header_problem(header, wanted)
    if 2 * n_same > n_pairs:
        message = f"{n_same:,} of {counted(n_pairs, 'pairs')} have the same text on both sides; expected translations"
        yield wanted.problem(0, "same-sides", message)


def _is_header(pair: SentencePair, *, wordy: bool) -> bool:
    """Return whether a pair of single words is a header; `wordy`: most other pairs have several words on both sides."""
    source, target = _sides(pair)
    return source != target and (wordy or (is_language(source) and is_language(target)))


def _header_problem(pair: SentencePair, wanted: PairsWanted) -> Problem:
    source, target = _sides(pair)
    flags = shlex.join(["--source-column", source, "--target-column", target])
    message = f"{quoted(source)} and {quoted(target)} look like a header, read as a pair; {flags} reads them as one"
    return wanted.problem(pair.line, "header", message)


def _sides(pair: SentencePair) -> tuple[str, str]:
    return pair.source_text.strip(), pair.target_text.strip()


def _is_name(text: str) -> bool:
    return len(text.split()) == 1 and blank_after(text) is None
