"""Data sets of the Hugging Face Hub, through the `datasets` library: `hf:NAME[:SPLIT]`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from nlp_lstm.corpora.problems import Problem, no_column
from nlp_lstm.corpora.rows import Row, Wanted, json_kind, label_text
from nlp_lstm.errors import DataError

HUB_PREFIX = "hf:"
_DEFAULT_SPLIT = "train"


def is_hub(source: object) -> bool:
    """Return whether a source names a data set of the Hub.

    >>> is_hub("hf:imdb:test"), is_hub("imdb.csv")
    (True, False)
    """
    return str(source).startswith(HUB_PREFIX)


def read_hub(wanted: Wanted, *, online: bool) -> Iterator[Row | Problem]:
    """Yield the rows of the data set that `wanted.source` names, its line numbers counting rows from 1.

    A ClassLabel column gives its names; its value -1 (no label) gives None.

    Args:
        wanted: what to read; `source` is `hf:NAME` or `hf:NAME:SPLIT`, the split `train` unless named, in the
            notation of `datasets` (`train[:10%]`).
        online: whether the network may be used. When not, only what is cached or lies in a folder is found.

    Raises:
        DataError: the data set or the split cannot be loaded.
    """
    dataset = _load(wanted.source, online=online)
    for name in wanted.needed_columns:
        if name not in dataset.column_names:
            yield wanted.problem(0, "missing-column", no_column(name, dataset.column_names))
            return
    names = {column: feature.names for column, feature in dataset.features.items() if hasattr(feature, "int2str")}
    for number, fields in enumerate(dataset, 1):
        yield _row(number, _with_names(fields, names), wanted)


def _load(source: str, *, online: bool) -> Any:
    name, _, split = source.removeprefix(HUB_PREFIX).partition(":")
    datasets = _import_datasets(online=online)
    shows_progress = datasets.is_progress_bar_enabled()
    datasets.disable_progress_bars()
    try:
        return datasets.load_dataset(name, split=split or _DEFAULT_SPLIT)
    except ConnectionError as error:
        raise DataError(f"{source}: {_unreachable(online=online)}") from error
    except Exception as error:  # The loaders raise many kinds, some of them only here and there.
        reason = str(error.__cause__ or error).strip().partition("\n")[0]
        raise DataError(f"{source}: cannot be loaded: {reason or type(error).__name__}") from error
    finally:
        if shows_progress:
            datasets.enable_progress_bars()


def _import_datasets(*, online: bool) -> Any:
    """Import `datasets` with the network switched on or off, also when it was imported before."""
    if not online:
        os.environ["HF_HUB_OFFLINE"] = "1"  # Read at import.
    # Here and not at the top: the import takes more than a second, and reads the variable just set.
    import datasets
    import huggingface_hub.constants

    datasets.config.HF_HUB_OFFLINE = not online
    huggingface_hub.constants.HF_HUB_OFFLINE = not online
    return datasets


def _unreachable(*, online: bool) -> str:
    if online:
        return "the Hub cannot be reached; expected a network or a data set that is cached"
    return "not cached, and the network is off; allow it with --online (online=True in Python)"


def _with_names(fields: Mapping[str, object], names: Mapping[str, list[str]]) -> dict[str, object]:
    """Return a row with the numbers of its ClassLabel columns replaced by their names."""
    return {column: _name(value, names[column]) if column in names else value for column, value in fields.items()}


def _name(value: object, names: list[str]) -> str | None:
    return names[value] if isinstance(value, int) and value >= 0 else None


def _row(number: int, fields: dict[str, object], wanted: Wanted) -> Row | Problem:
    text = fields[wanted.text_column]
    if not isinstance(text, str):
        return wanted.problem(number, "text", f"the text is {json_kind(text)}; expected a string")
    if wanted.label_column is None:
        return wanted.row(number, text, None, fields)
    try:
        label = label_text(fields.get(wanted.label_column))
    except ValueError as error:
        return wanted.problem(number, "label", str(error))
    return wanted.row(number, text, label, fields)
