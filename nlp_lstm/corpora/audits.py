"""The check of a data file, by the task the data are for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from nlp_lstm.config import DataSettings
from nlp_lstm.corpora.checking import Report, check
from nlp_lstm.corpora.hub import is_hub
from nlp_lstm.corpora.pair_files import check_no_prefix
from nlp_lstm.corpora.pair_rows import COLUMNS
from nlp_lstm.corpora.pairs import check_pairs
from nlp_lstm.corpora.series_reading import check_series
from nlp_lstm.corpora.tagged import check_tagged
from nlp_lstm.corpora.tagged_records import columns_format
from nlp_lstm.corpora.text_checking import check_texts
from nlp_lstm.text.spacy_words import SpacyWords


class Audit(NamedTuple):
    """How the data of a task are checked.

    Attributes:
        unit: what a file holds, in the plural.
        measured: what of it the lengths are of.
        run: returns what is wrong with a source and the other splits beside it.
    """

    unit: str
    measured: str
    run: Callable[[str, Sequence[str], DataSettings], Report]


def _check_texts(source: str, others: Sequence[str], data: DataSettings) -> Report:
    return check(
        source,
        others=others,
        data_format=data.format,
        text_column=data.text_column,
        label_column=data.label_column,
        online=data.online,
    )


def _check_tagged(source: str, others: Sequence[str], data: DataSettings) -> Report:
    return check_tagged(source, others=others, data_format=data.format, columns=data.columns, tokenizer=SpacyWords())


def _check_pairs(source: str, others: Sequence[str], data: DataSettings) -> Report:
    return check_pairs(
        source,
        others=others,
        data_format=data.format,
        languages=(data.source_lang or "", data.target_lang or ""),
        source_column=data.source_column,
        target_column=data.target_column,
    )


def _check_plain(source: str, others: Sequence[str], data: DataSettings) -> Report:
    return check_texts(source, others=others, data_format=data.format, text_column=data.text_column)


def _check_series(source: str, others: Sequence[str], data: DataSettings) -> Report:
    return check_series(source, others=others, data=data)


AUDITS: Mapping[str, Audit] = {
    "classify": Audit("texts", "a text", _check_texts),
    "tag": Audit("sentences", "a sentence", _check_tagged),
    "translate": Audit("pairs", "the source of a pair", _check_pairs),
    "generate": Audit("lines besides blank ones", "such a line", _check_plain),
    "forecast": Audit("rows", "a row", _check_series),
}
"""Every check by the name of its task."""


def guess_task(source: str | Path, data: DataSettings) -> str:
    """Return the task a file is for, as far as its name and the settings tell; a classifier's when they tell nothing.

    Raises:
        DataError: there is no such file, but two parallel ones whose names begin so.

    >>> guess_task("train.conll.gz", DataSettings()), guess_task("train.csv", DataSettings())
    ('tag', 'classify')
    >>> guess_task("train", DataSettings(source_lang="en", target_lang="de"))
    'translate'
    """
    if data.source_lang or data.target_lang or (data.source_column, data.target_column) != COLUMNS:
        return "translate"
    if not is_hub(source):
        check_no_prefix(source, of_any=False)
    return "tag" if data.columns or columns_format(source, data.format) else "classify"
