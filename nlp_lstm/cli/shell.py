"""`nlp-lstm shell`."""

from __future__ import annotations

from pathlib import Path

import click

from nlp_lstm.cli import options


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@options.device
def shell(model: Path, device: str) -> int:
    """Write together with MODEL: what you type it reads on, then it writes.

    A model of another task answers line by line. /help lists the commands. Piped lines are run as a script:

    \b
        printf 'Once upon\\n/more\\n/save story.txt\\n' | nlp-lstm shell runs/stories
    """
    options.check_folder(model)
    from nlp_lstm.shell.session import Session  # heavy, like all below: only when it is used
    from nlp_lstm.shell.terminal import run
    from nlp_lstm.stages.loading import load

    return run(Session(model, open_model=lambda folder: load(folder, device=device)))
