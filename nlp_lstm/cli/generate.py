"""`nlp-lstm generate`."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nlp_lstm.cli import options
from nlp_lstm.errors import DataError, UsageError, listed
from nlp_lstm.text.visible import visible

if TYPE_CHECKING:
    from nlp_lstm.config import WritingOptions


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--prompt", default="", metavar="P", help="What the text begins with; - reads standard input.")
@click.option("--max-new-tokens", type=int, default=200, show_default=True, metavar="N", help="How much to write.")
@click.option("--temperature", type=float, default=0.8, show_default=True, metavar="T", help="0: always the likeliest.")
@click.option("--top-k", type=int, default=0, metavar="K", help="Draw from the K likeliest tokens only.")
@click.option("--top-p", type=float, default=1.0, metavar="P", help="Draw from the likeliest that make up P together.")
@click.option(
    "--min-p", type=float, default=0.0, metavar="P", help="Draw from those P times as likely as the likeliest."
)
@click.option("--repetition-penalty", type=float, default=1.0, metavar="X", help="Above 1: less of what was written.")
@click.option(
    "--frequency-penalty", type=float, default=0.0, metavar="X", help="Nats off for each time it was written."
)
@click.option("--presence-penalty", type=float, default=0.0, metavar="X", help="Nats off for what was written at all.")
@click.option("--penalty-window", type=int, default=0, metavar="N", help="Penalties: the last N tokens only.")
@click.option("--no-repeat-ngram", type=int, default=0, metavar="N", help="Never write N tokens in a row twice.")
@click.option(
    "--beam", type=int, default=1, metavar="K", help="Above 1: draw nothing, search the likeliest text, K side by side."
)
@click.option("--logit-bias", "biases", multiple=True, metavar="T=X", help="Add X nats to the tokens of T. Repeatable.")
@click.option("--stop", multiple=True, metavar="T", help="Stop before this text; can be given again.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Decides every draw.")
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
    max_new_tokens: int,
    temperature: float,
    top_k: int,
    top_p: float,
    min_p: float,
    repetition_penalty: float,
    frequency_penalty: float,
    presence_penalty: float,
    penalty_window: int,
    no_repeat_ngram: int,
    beam: int,
    biases: tuple[str, ...],
    stop: tuple[str, ...],
    seed: int,
    n_texts: int,
    output_format: str,
    device: str,
) -> None:
    """Let MODEL write, and print the text while it does.

    \b
        nlp-lstm generate runs/stories --prompt "The lamp" --temperature 0.7 --seed 3

    The same line writes the same text. Tokens are what the model was trained on: characters, pieces or words. A text
    ends sooner where no token is left to write. A terminal gets no control characters of the model.
    """
    from nlp_lstm.stages.predictor import load  # heavy: only when it is used

    chosen = _options(
        max_new_tokens=max_new_tokens,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        min_p=min_p,
        repetition_penalty=repetition_penalty,
        frequency_penalty=frequency_penalty,
        presence_penalty=presence_penalty,
        penalty_window=penalty_window,
        no_repeat_ngram=no_repeat_ngram,
        beam=beam,
        logit_bias=dict(map(_bias, biases)),
        stop=stop,
    )
    if beam > 1 and n_texts > 1:
        raise UsageError("--num-return-sequences: a search with --beam finds one text, whatever the seed")
    writer = load(model, device=device).writer()
    begin = _standard_input() if prompt == "-" else prompt
    for each in range(seed, seed + n_texts):
        pieces = writer.continue_text(begin, chosen, seed=each)
        if output_format == "jsonl":
            found = {"seed": each, "prompt": begin, "continuation": "".join(pieces)}
            click.echo(json.dumps(found, ensure_ascii=False))
        else:
            if n_texts > 1:
                click.echo(f"--- seed {each}", err=True)
            _print_on(begin, pieces)


def _print_on(prompt: str, pieces: Iterable[str]) -> None:
    """Print a text while it is written."""
    shown = visible if sys.stdout.isatty() else str
    for piece in chain([prompt], pieces, "\n"):
        click.echo(shown(piece), nl=False, color=True)  # without colours a pipe would lose what looks like one


def _options(**choices: Any) -> WritingOptions:
    """Return checked options.

    Raises:
        UsageError: some are out of their range; all are named by their flags.
    """
    from nlp_lstm.config import WritingOptions, problems_of  # heavy: only when it is used

    problems = problems_of(WritingOptions, choices)
    if problems:
        flags = (re.sub(r"^\w+", lambda name: f"--{name[0].replace('_', '-')}", each) for each in problems)
        raise UsageError(listed("a text cannot be written so", list(flags)))
    return WritingOptions(**choices)


def _bias(given: str) -> tuple[str, float]:
    text, _, bias = given.rpartition("=")
    try:
        nats = float(bias)
    except ValueError:
        nats = math.nan
    if not text or not math.isfinite(nats):
        raise UsageError(f"--logit-bias: expected TEXT=NUMBER, found {given!r}")
    return text, nats


def _standard_input() -> str:
    """Return what stands on standard input, without the line end behind it.

    Raises:
        DataError: it is not UTF-8.
    """
    try:
        return sys.stdin.buffer.read().decode().removesuffix("\n")
    except UnicodeDecodeError as error:
        raise DataError(f"standard input: byte {error.start + 1} is not UTF-8; expected UTF-8") from error
