"""Options that several commands share, so that they are named and explained once."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click

from nlp_lstm.errors import ModelError, UsageError

F = TypeVar("F", bound=Callable[..., Any])


def finite(_context: click.Context, _option: click.Parameter, value: float | None) -> float | None:
    """Return a number; `nan`, which no range keeps out, is refused."""
    if value is not None and math.isnan(value):
        raise click.BadParameter("nan is no number")
    return value


def once(*names: str, **told: Any) -> Callable[[F], F]:
    """Return a decorator that adds an option for data, which is refused where it is given again."""

    def only(_context: click.Context, option: click.Parameter, given: tuple[str, ...]) -> str | None:
        if len(given) > 1:
            raise UsageError(
                f"{option.opts[0]}: expected one file, found {len(given)}; "
                "of texts to write like, a folder or a pattern such as 'texts/*.txt' may stand for several"
            )
        return given[0] if given else None

    return click.option(*names, multiple=True, callback=only, **told)


def data_format(command: F) -> F:
    """Add `--data-format`."""
    return click.option(
        "--data-format",
        metavar="NAME",
        help="csv, tsv, jsonl, tab, fasttext, trec, text, conll, conllu or parallel; else told by the ending.",
    )(command)


def text_column(command: F) -> F:
    """Add `--text-column`."""
    return click.option(
        "--text-column",
        metavar="NAME",
        help="Column or key of the texts.  [text; a translator's source column of training]",
    )(command)


def label_column(command: F) -> F:
    """Add `--label-column`."""
    return click.option(
        "--label-column", metavar="NAME", default="label", show_default=True, help="Column or key of the labels."
    )(command)


def columns(command: F) -> F:
    """Add `--columns`."""
    return click.option(
        "--columns",
        metavar="A,B,...",
        callback=lambda _context, _option, value: tuple(value.split(",")) if value else (),
        help="Tagged words: word, tag, auxiliary or _ for each column; else the first is the word, the last the tag. "
        "Tables of numbers: the columns to forecast, else all.",
    )(command)


def time_column(command: F) -> F:
    """Add `--time-column`."""
    return click.option("--time-column", metavar="NAME", help="Tables of numbers: the column of times.  [by its name]")(
        command
    )


def gaps(command: F) -> F:
    """Add `--gaps`."""
    return click.option(
        "--gaps",
        type=click.Choice(["refuse", "last", "line"]),
        help="Tables of numbers, where one is missing: take the last one before, or go straight to the next one.  "
        "[that of training, or refuse]",
    )(command)


def source_lang(command: F) -> F:
    """Add `--source-lang`."""
    return click.option(
        "--source-lang",
        metavar="NAME",
        help="Sentence pairs: the language to translate from. With en and de, FILE stands for FILE.en and FILE.de.",
    )(command)


def target_lang(command: F) -> F:
    """Add `--target-lang`."""
    return click.option("--target-lang", metavar="NAME", help="Sentence pairs: the language to translate into.")(
        command
    )


def source_column(command: F) -> F:
    """Add `--source-column`."""
    return click.option(
        "--source-column",
        metavar="NAME",
        help="Column or key of the sentences to translate.  [that of training, or source]",
    )(command)


def target_column(command: F) -> F:
    """Add `--target-column`."""
    return click.option(
        "--target-column",
        metavar="NAME",
        help="Column or key of their translations.  [that of training, or target]",
    )(command)


def online(command: F) -> F:
    """Add `--online`."""
    return click.option("--online", is_flag=True, help="Let hf:NAME ask the Hub; nothing else uses the network.")(
        command
    )


def batch_size(command: F) -> F:
    """Add `--batch-size`."""
    return click.option(
        "--batch-size",
        type=click.IntRange(min=1),
        default=256,
        show_default=True,
        help="Texts that go through the network together; no answer depends on it. 1 answers each before reading on.",
    )(command)


def device(command: F) -> F:
    """Add `--device`."""
    return click.option("--device", metavar="D", default="cpu", show_default=True, help="cpu, cuda, cuda:1, ...")(
        command
    )


def check_folder(model: Path) -> None:
    """See that there is a folder, or what describes a composed pipeline, before it takes a second to look into it.

    Raises:
        ModelError: there is none.
    """
    if not model.exists():
        raise ModelError(f"no model at {model}: there is no such folder")
    if not model.is_dir() and model.suffix != ".toml":
        raise ModelError(f"no model at {model}: it is a file; expected the folder that nlp-lstm train made")


def check_known(given: Iterable[str], known: Collection[str]) -> None:
    """See that a model's task has the options a person gave.

    Raises:
        UsageError: it lacks one.
    """
    for name in given:
        if name not in known:
            raise UsageError(f"--{name.replace('_', '-')}: a model of this kind has no such option")
