"""`nlp-lstm generate`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Any

import click

from nlp_lstm.cli import choices, options
from nlp_lstm.errors import DataError, UsageError
from nlp_lstm.text.utf8 import check_utf8
from nlp_lstm.text.visible import visible


def _readable(_context: click.Context, _option: click.Parameter, prompt: str) -> str:
    check_utf8(prompt, "--prompt")
    return prompt


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--prompt", default="", metavar="P", callback=_readable, help="What the text begins with; - reads standard input."
)
@choices.flags(choices.WRITING)
@click.option(
    "--num-return-sequences",
    "n_texts",
    type=click.IntRange(min=1),
    default=1,
    metavar="N",
    help="How many texts, with the seeds S, S + 1, ...",
)
@click.option("--format", "output_format", type=click.Choice(["text", "jsonl"]), default="text", show_default=True)
@options.device
def generate(
    model: Path,
    prompt: str,
    n_texts: int,
    output_format: str,
    device: str,
    **flags: Any,
) -> None:
    """Let MODEL write, and print the text while it does.

    \b
        nlp-lstm generate runs/stories --prompt "The lamp" --temperature 0.7 --seed 3

    The same line writes the same text. Tokens are what the model was trained on: characters, pieces or words. A text
    ends sooner where no token is left to write. A terminal gets no control characters of the model.
    """
    options.check_folder(model)
    from nlp_lstm.config import LONG_PROMPT, WritingOptions  # heavy, like all below: only when it is used
    from nlp_lstm.stages.loading import load
    from nlp_lstm.tasks.writing_options import check_search

    chosen = choices.given(flags)
    choices.check(chosen, WritingOptions, title="a text cannot be written so")
    check_search(chosen)
    seed = chosen.pop("seed", 1)
    how = WritingOptions(**chosen)
    if how.beam > 1 and n_texts > 1:
        raise UsageError("--num-return-sequences: a search with --beam finds one text, whatever the seed")
    writer = load(model, device=device).writer()
    begin = _standard_input() if prompt == "-" else prompt
    if note := writer.note_on(begin):
        click.echo(f"note: {note}", err=True)
    if len(begin) > LONG_PROMPT:
        click.echo(f"reading a prompt of {len(begin):,} characters", err=True)
    for each in range(seed, seed + n_texts):
        pieces = writer.continue_text(begin, how, seed=each)
        if output_format == "jsonl":
            line = {"seed": each, "prompt": begin, "continuation": "".join(pieces)}
            click.echo(json.dumps(line, ensure_ascii=False))
        else:
            if n_texts > 1:
                click.echo(f"--- seed {each}", err=True)
            _print_on(begin, pieces)


def _print_on(prompt: str, pieces: Iterable[str]) -> None:
    """Print a text while it is written."""
    shown = visible if sys.stdout.isatty() else str
    for piece in chain([prompt], pieces, "\n"):
        click.echo(shown(piece), nl=False, color=True)  # without colours a pipe would lose what looks like one


def _standard_input() -> str:
    """Return what stands on standard input, without a byte order mark before and the line end behind it.

    Raises:
        DataError: it is not UTF-8.
    """
    try:
        return sys.stdin.buffer.read().decode().removeprefix("\ufeff").removesuffix("\n")
    except UnicodeDecodeError as error:
        raise DataError(f"standard input: byte {error.start + 1} is not UTF-8; expected UTF-8") from error
